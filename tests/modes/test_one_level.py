import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.analysis.rules.suppression import graded
from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.finding import Category, Finding, Location, Severity
from cicd_agent.domain.verdict import ChatReply, Risk, RiskLevel
from cicd_agent.modes.deploy_gate.mode import MODE as GATE
from cicd_agent.modes.deploy_gate.verdict import verify as verify_gate
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.review.mode import MODE as REVIEW
from cicd_agent.modes.review.verdict import verify as verify_review
from cicd_agent.modes.route.mode import MODE as ROUTE
from cicd_agent.modes.route.verdict import verify as verify_route
from cicd_agent.settings.schema import Settings
from tests.modes.route.routing import CODE, evidence
from tests.support.repos import TempRepo

UNSURE = Finding(
    "sql-injection", "A query is put together", "Why.", Severity.CRITICAL, Category.SECURITY,
    Location(CODE[0], 1), confidence=0.7,
)  # fmt: skip


@pytest.mark.parametrize(
    ("known", "level"),
    [
        ({}, RiskLevel.HIGH),
        ({"rules": {"sql-injection": "critical"}}, RiskLevel.CRITICAL),
        ({"min_confidence": 0.8}, RiskLevel.LOW),
    ],
    ids=["no worse than it is sure", "the settings have the last word", "too unsure"],
)
def test_no_two_modes_give_one_change_different_levels(known: dict[str, object], level: RiskLevel) -> None:
    seen, settings = evidence(CODE), Settings.model_validate(known)
    found = RuleDraft(findings=(UNSURE,))
    assert verify_review(found, (), seen, settings).risk.level is level
    assert verify_route(found, (), seen, settings).risk.level is level
    assert verify_gate(found, (), seen, settings).risk.level is level


def test_what_a_rule_is_sure_of_keeps_its_severity() -> None:
    sure = replace(UNSURE, confidence=0.9)
    assert [each.severity for each in graded([UNSURE, sure])] == [Severity.HIGH, Severity.CRITICAL]


ROOT = Path(__file__).resolve().parents[2]
ENV = {"PATH": os.environ["PATH"]}
MERGED = 4


def merges(repository: Path) -> list[tuple[str, str]]:
    """What the last merges of a repository brought, or its last commits where there are none: base and head."""
    for kind in ("--merges", "--first-parent"):
        log = subprocess.run(
            ["git", "log", kind, f"--max-count={MERGED + 1}", "--format=%H %P"],
            cwd=repository, env=ENV, capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        pairs = [(parents[0], sha) for sha, *parents in map(str.split, log.splitlines()) if parents]
        if pairs:
            return pairs[:MERGED]
    return []


def risks(repository: Path, base: str, head: str, **known: object) -> list[Risk]:
    """What each mode makes of the same change, each by its own event, from the commits to the level."""
    ports = Ports(GitRepository(repository, ENV), now=lambda: 2_000_000_000.0)
    refs = {"default_branch": "main", "base": Ref("main", base), "repo": "o/r", "sha": head}
    pull = Event(EventKind.PULL_REQUEST, "pull_request", head=Ref("topic", head), **refs)  # type: ignore[arg-type]
    push = Event(EventKind.PUSH, "push", head=Ref("main", head), **refs)  # type: ignore[arg-type]
    settings = Settings.model_validate({"environment": "production", **known})
    found = []
    for mode, event in ((REVIEW, pull), (ROUTE, pull), (ROUTE, push), (GATE, push)):
        seen = mode.gather(event, ports, settings)
        judged = mode.verify(mode.rules(seen, settings), (), seen, settings)
        assert not isinstance(judged, ChatReply)
        found.append(judged.risk)
    return found


def test_every_mode_finds_the_same_risk_in_this_repository() -> None:
    pairs = merges(ROOT)
    if not pairs:
        pytest.skip("these files are no clone")
    for base, head in pairs:
        first, *others = risks(ROOT, base, head)
        assert others == [first] * 3, head


LONG = "".join(f"value_{number} = {number}\n" for number in range(400))
CHANGES: dict[str, dict[str, str]] = {
    "code": {"src/app.py": "a = 2\n"},
    "much code": {f"src/part_{number}/app.py": LONG for number in range(5)},
    "documentation": {"README.md": "Other words.\n"},
    "a migration": {"db/migrations/0002_more.py": "a = 1\n"},
    "a dangerous call": {"src/app.py": "import os\n\n\ndef go(name):\n    os.system(f'echo {name}')\n"},
    "what was repaired often": {"src/often.py": "a = 99\n"},
    "what nobody can read": {"src/app.py": "\0"},
}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> tuple[TempRepo, str]:
    """A repository with a past that says where levels begin, and a file that was repaired again and again."""
    repo = TempRepo(tmp_path_factory.mktemp("busy") / "repository")
    for number in range(120):
        size = 1 + number**2 % 90
        repo.commit({f"src/file_{number % 7}.py": LONG[: 20 * size]}, f"Add {number}")
    for number in range(4):
        repo.commit({"src/often.py": f"a = {number}\n"}, f"Fix the number {number}")
    return repo, repo.commit({"src/app.py": "a = 1\n", "README.md": "Words.\n"}, "Begin")


@pytest.mark.parametrize("files", CHANGES.values(), ids=CHANGES)
def test_every_mode_finds_the_same_risk_in(busy: tuple[TempRepo, str], files: dict[str, str]) -> None:
    repo, base = busy
    repo.git("checkout", "--quiet", "--detach", base)
    first, *others = risks(repo.path, base, repo.commit(files, "Change"))
    assert first.percentile is not None
    assert others == [first] * 3
