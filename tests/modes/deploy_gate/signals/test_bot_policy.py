"""What `bot-policy` releases without a person, and each way in which somebody could pass for a bot or a lock file."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.analysis.rules.run import findings
from cicd_agent.analysis.rules.sources import reads_sources
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.gate_evidence import CheckState, Match, OriginPull, PullCommit, PullContent, ReviewState, State
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.modes.deploy_gate.result import GateDecision, GateResult
from cicd_agent.modes.deploy_gate.signals.bot_policy import with_contents
from cicd_agent.modes.deploy_gate.signals.reviews import match_commits
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.evidences import (
    COMMIT,
    HEAD,
    OLDER,
    PULL,
    check,
    decide,
    evidence,
    reading,
    readings,
    stops,
)
from tests.support.repos import TempRepo
from tests.support.samples.changes import change_of

BOT = "dependabot[bot]"
OWN = PullCommit(HEAD, (OLDER,), (BOT,), signed=True)
LAST = "e" * 40
UPDATE = PullCommit(LAST, (HEAD, "f" * 40), ("ada",), signed=True)
BOTS = OriginPull(12, BOT, "main", HEAD, "", authors=(BOT,), by_app=True, commits=(OWN,), content=PullContent())
LOCKS = replace(BOTS, author="ada", authors=("ada",), by_app=False, commits=(), content=PullContent(locks_only=True))
ON = Settings(bot_policy="rules-and-green")
GREEN = (check("unit"), check("lint"))


def decided(pull: OriginPull, checks: tuple[CheckState, ...] = GREEN, **gate: Any) -> GateResult:
    return decide(evidence(pulls=(pull,), checks=checks, **gate), settings=ON)


def words(result: GateResult) -> str:
    return next(each.words for each in result.factors if each.name == "review")


@pytest.mark.parametrize(
    ("pull", "reason"),
    [
        (BOTS, "dependabot's pull request #12"),
        (
            replace(
                BOTS,
                author="renovate[bot]",
                commits=(replace(OWN, authors=("Renovate[bot]",)),),
                authors=("renovate[bot]",),
            ),
            "renovate's pull request #12",
        ),
        (replace(BOTS, head=LAST, commits=(replace(OWN, same_patch=True), UPDATE)), "dependabot's pull request #12"),
        (LOCKS, "only lock files in #12"),
        (replace(BOTS, commits=(), content=PullContent(locks_only=True)), "only lock files in #12"),
    ],
    ids=["dependabot", "renovate", "update branch", "a person's lock file", "a bot's lock file"],
)
def test_it_releases_what_no_person_has_approved_and_says_why(pull: OriginPull, reason: str) -> None:
    result = decided(pull)
    assert result.decision is GateDecision.PROCEED
    assert words(result) == f"{reason}, rules and checks are green: bot-policy"
    # It is off unless a team has switched it on, and says nothing then.
    without = decide(evidence(pulls=(pull,)))
    assert (stops(without), words(without)) == ({"score"}, "nobody but the author has approved #12")


def commits(*changed: PullCommit) -> OriginPull:
    return replace(BOTS, head=changed[-1].sha if changed else HEAD, commits=changed)


NOT_ITS_OWN = "not all of its commits are dependabot's own, signed by GitHub"
UNCOMPARED = "it could not be compared with what goes out"


@pytest.mark.parametrize(
    ("pull", "refusal"),
    [
        (replace(BOTS, by_app=False), ""),
        (replace(BOTS, author="snyk[bot]", commits=(replace(OWN, authors=("snyk[bot]",)),)), ""),
        (replace(BOTS, author="", by_app=False), ""),
        (commits(OWN, PullCommit(LAST, (HEAD,), ("ada",), signed=True)), NOT_ITS_OWN),
        (commits(replace(OWN, signed=False)), NOT_ITS_OWN),
        (commits(replace(OWN, authors=(BOT, "ada"))), NOT_ITS_OWN),
        (commits(replace(OWN, authors=(BOT, ""))), NOT_ITS_OWN),
        (commits(replace(OWN, authors=("",))), NOT_ITS_OWN),
        (commits(OWN, UPDATE), NOT_ITS_OWN),
        (commits(replace(OWN, parents=(OLDER, "f" * 40))), NOT_ITS_OWN),
        (commits(replace(OWN, same_patch=True), PullCommit(LAST, (HEAD,), ("ada",), signed=True)), NOT_ITS_OWN),
        (replace(BOTS, cut=True), NOT_ITS_OWN),
        (commits(), NOT_ITS_OWN),
        (replace(BOTS, head=LAST), NOT_ITS_OWN),
        (replace(BOTS, content=None), UNCOMPARED),
        (replace(BOTS, content=PullContent(problem="high: A hole")), "high: A hole"),
        (replace(LOCKS, content=PullContent(locks_only=True, problem="medium: A place")), "medium: A place"),
        (replace(LOCKS, content=PullContent()), ""),
    ],
    ids=[
        "a user of that name", "another app", "a deleted account", "a person's commit", "no signature", "two authors",
        "one nobody knows", "an unknown author", "a merge that brought something", "a merge alone",
        "a commit after the same patch", "a list that was cut", "no commits", "another head", "not read",
        "a finding", "a finding in a lock file", "a person's other files",
    ],
)  # fmt: skip
def test_who_passes_for_a_bot_is_held_as_anybody(pull: OriginPull, refusal: str) -> None:
    result = decided(pull)
    assert stops(result) == {"score"}
    asked = "not all who wrote #12 are known, so that no approval of it counts" if pull.cut else ""
    asked = asked or "nobody but the author has approved #12"
    assert words(result) == (f"{asked}, bot-policy does not release #12 ({refusal})" if refusal else asked)


@pytest.mark.parametrize(
    ("checks", "more", "refusal"),
    [
        ((check("unit"), check("lint", "failure")), {}, "1 of 2 checks passed"),
        ((check("unit"), check("lint", "cancelled")), {}, "1 of 2 checks passed"),
        ((*GREEN, replace(check("e2e", ""), status="in_progress")), {}, "the check `e2e` goes on"),
        ((check("unit", "skipped"), check("lint", "neutral")), {"required": ()}, "no test ran: `unit` was skipped"),
        ((check("build", "skipped"), check("lint", "neutral")), {"required": ()}, "every check was skipped"),
        ((), {"required": ()}, "no check of this commit has ended"),
        (GREEN, {"readings": readings(reading("checks", state=State.ERROR))}, "it is said so"),
    ],
    ids=["red", "cancelled", "going on", "no test", "all skipped", "none", "unread"],
)
@pytest.mark.parametrize("pull", [BOTS, LOCKS], ids=["bot", "lock file"])
def test_every_check_has_to_be_green(
    pull: OriginPull, checks: tuple[CheckState, ...], more: dict[str, Any], refusal: str
) -> None:
    result = decided(pull, checks, **more)
    assert "score" in stops(result)
    assert f"bot-policy does not release #12 ({refusal}" in words(result)


def test_what_may_fail_by_its_workflow_is_not_red() -> None:
    tolerated = check("next-python", "failure", may_fail=True, workflow="ci.yml")
    assert decided(BOTS, (*GREEN, tolerated)).decision is GateDecision.PROCEED
    changed = change_of(("ci.yml", "a: 1\n", "a: 2\n"))
    assert "score" in stops(decided(BOTS, (*GREEN, tolerated), change=changed))


def test_it_does_not_stand_against_what_a_person_says_or_what_was_not_compared() -> None:
    against = replace(BOTS, reviews=(ReviewState("rob", "CHANGES_REQUESTED", HEAD),))
    assert stops(decided(against)) == {"score"}
    unlike = decided(BOTS, commits=(replace(COMMIT, match=Match.NONE),))
    assert stops(unlike) == {"unreviewed", "score"}
    assert UNCOMPARED in words(unlike)
    # A person's change that goes out with it needs its own approval.
    both = evidence(
        pulls=(BOTS, replace(PULL, number=13, reviews=())), commits=(COMMIT, replace(COMMIT, sha=OLDER, pull=13))
    )
    assert stops(decide(both, settings=ON)) == {"score"}


LOCK = "\n".join(f'"node_modules/p{at}": {{"resolved": "https://registry.npmjs.org/p{at}"}},' for at in range(9)) + "\n"
BEFORE = {"package-lock.json": LOCK, "package.json": '{"version": "1"}\n', "notes.txt": LOCK, "go.sum": "a v1 h1:x=\n"}
NEWER = LOCK.replace("p3", "p33")
EVIL = LOCK.replace("https://registry.npmjs.org/p3", "https://github.com/mallory/p3")


def read_content(place: Path, files: Mapping[str, str | bytes | None], *commands: tuple[str, ...]) -> OriginPull:
    """What is found in a squashed pull request of these files."""
    repo = TempRepo(place / "repo")
    repo.commit(BEFORE)
    base = repo.head
    repo.branch("topic")
    for command in commands:
        if command[0] == "chmod":
            (repo.path / command[1]).chmod(0o755)
        else:
            repo.git(*command)
    head = repo.commit({path: text for path, text in files.items() if text is not None})
    repo.switch("main")
    repo.git("merge", "--quiet", "--squash", "topic")
    repo.commit(message="Bump (#12)")
    pull = replace(BOTS, head=head, content=None, commits=())
    git = GitRepository(repo.path, {"PATH": os.environ["PATH"]})
    line = git.between(base, repo.head, 5)
    deployed, gaps = match_commits(line, {each.sha: pull for each in line}, git, "")
    assert gaps == ()
    judged, gaps = with_contents(deployed, {12: pull}, git, ON)
    assert gaps == ()
    return judged[12]


@pytest.mark.parametrize(
    ("files", "commands", "expected"),
    [
        ({"package-lock.json": NEWER}, (), PullContent(locks_only=True)),
        ({"package-lock.json": NEWER, "package.json": '{"version": "2"}\n'}, (), PullContent()),
        ({"go.sum": "a v2 h1:x=\n"}, (), PullContent()),
        ({"yarn.lock": LOCK}, (), PullContent()),
        ({}, (("rm", "--quiet", "package-lock.json"),), PullContent()),
        ({"package-lock.json": NEWER}, (("chmod", "package-lock.json"),), PullContent()),
        ({}, (("mv", "notes.txt", "yarn.lock"),), PullContent()),
        ({"vendor/yarn.lock": LOCK}, (), PullContent()),
        (
            {"package-lock.json": EVIL},
            (),
            PullContent(
                locks_only=True, problem="medium: Lock file resolves packages from a new source (package-lock.json)"
            ),
        ),
        ({"package-lock.json": NEWER, "a.bin": b"\0\1"}, (), PullContent(problem="`a.bin` was not read (binary)")),
    ],
    ids=[
        "lock file", "manifest beside it", "a format that no rule reads", "added", "deleted", "made to run",
        "renamed into one", "vendored", "from a new place", "unread",
    ],
)  # fmt: skip
def test_what_a_pull_request_changes_is_read_by_itself(
    files: dict[str, Any], commands: tuple[tuple[str, ...], ...], expected: PullContent, tmp_path: Path
) -> None:
    assert read_content(tmp_path, files, *commands).content == expected


HOSTILE = {
    "package-lock.json": '"resolved": "{}/p.tgz",',
    "npm-shrinkwrap.json": '"resolved": "{}/p.tgz",',
    "yarn.lock": '  resolved "{}/p.tgz#abc"',
    "pnpm-lock.yaml": "    resolution: {{tarball: {}/p.tgz}}",
    "bun.lock": '    "p": ["p@{}/p.tgz", {{}}],',
    "poetry.lock": 'url = "{}/p"',
    "uv.lock": 'source = {{ registry = "{}/simple" }}',
    "tool.py.lock": 'source = {{ registry = "{}/simple" }}',
    "pdm.lock": 'url = "{}/p.whl"',
    "pipfile.lock": '"url": "{}/simple"',
    "pylock.toml": 'url = "{}/p.whl"',
    "pylock.dev.toml": 'url = "{}/p.whl"',
    "cargo.lock": 'source = "registry+{}/index"',
    "gemfile.lock": "  remote: {}/",
    "pubspec.lock": '      url: "{}"',
    "conda-lock.yml": "  url: {}/p.conda",
    "composer.lock": '"url": "{}/zipball",',
    "go.sum": "{}/p v1.0.0 h1:x=",
    ".terraform.lock.hcl": 'provider "{}/p" {{',
    "package.resolved": '"location" : "{}/p.git",',
    "deno.lock": '"{}/p.ts": "abc",',
}

NOT_READ = {"composer.lock", "go.sum", ".terraform.lock.hcl", "package.resolved", "deno.lock"}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_format_counts_only_if_a_rule_sees_a_new_place_in_it(name: str) -> None:
    """Another host, and of a forge where everybody may have an account another account."""
    assert PathKind.LOCK_FILE in kinds(name)
    seen = []
    for source in ("https://evil.example", "https://github.com/mallory"):
        line = HOSTILE[name].format(source)
        found = findings(change_of((f"web/{name}", "a\nb\n", f"a\n{line}\nb\n")))
        seen.append(any(each.severity.rank >= Severity.MEDIUM.rank for each in found))
    assert all(seen) or not reads_sources(f"web/{name}")
    assert reads_sources(f"web/{name}") is (name not in NOT_READ)
