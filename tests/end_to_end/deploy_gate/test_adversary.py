"""What somebody who writes the change, a comment or a report can do to a gate: hold it, and nothing else."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.events.deploy_comment import deploy_command
from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.gate_evidence import Deployed, Match, State
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.modes.deploy_gate.result import GateDecision, GateResult
from cicd_agent.modes.deploy_gate.signals.report_files import COMMITTED
from tests.modes.deploy_gate import evidences
from tests.modes.deploy_gate.evidences import decide
from tests.modes.deploy_gate.gate_world import BASE, SHA, GateWorld, change
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import Job
from tests.support.samples.changes import change_of
from tests.support.servers.github.app import FakeGitHub

GREEN = b'{"coverage_delta": 40, "tests_passed": 9, "tests_total": 9, "error_budget_remaining": 1}'
REPORT = b'<testsuite name="s"><testcase classname="a" name="b"/></testsuite>'


def holding(*paths: str, notes: tuple[str, ...] = ()) -> GateWorld:
    """A deployment whose commit has these files."""
    one = GateWorld()
    held: Change = replace(change(BASE, SHA), paths=("app.py", *paths), notes=notes)
    one.repository.changes = {**one.repository.changes, ("", SHA): held}
    return one


@pytest.mark.parametrize(
    ("tracked", "name"),
    [
        ("signals.json", "signals.json"),
        ("out/signals.json", "out/signals.json"),
        ("out", "out/signals.json"),  # a link to a folder
        ("signals.json", "work/app/signals.json"),  # the checkout lies below the workspace
    ],
)
def test_signals_that_the_change_brings_itself_are_a_fault(tracked: str, name: str) -> None:
    one = holding(tracked)
    one.files[name] = GREEN
    gate = one.gate(signals_file=name)
    for each in ("coverage", "tests", "budget"):
        assert gate.reading(each).state is State.ERROR
        assert COMMITTED in gate.reading(each).problem
    assert gate.error_budget is None


def test_where_the_list_of_files_is_cut_git_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    one = holding(notes=("path list cut at 50,000",))
    one.files["signals.json"] = GREEN
    assert one.gate(signals_file="signals.json").reading("coverage").state is State.KNOWN
    monkeypatch.setitem(one.repository.blobs, (SHA, "signals.json"), GREEN)
    assert one.gate(signals_file="signals.json").reading("coverage").state is State.ERROR


def test_reports_that_the_change_brings_itself_are_a_fault() -> None:
    one = holding("reports/unit.xml", "cov.info", "base.info")
    lcov = b"SF:app.py\nDA:1,1\nend_of_record\n"
    one.files |= {"reports/unit.xml": REPORT, "made.xml": REPORT, "cov.info": lcov, "base.info": lcov}
    gate = one.gate(
        test_reports=("made.xml", "reports/unit.xml"),
        coverage_reports=("cov.info",),
        base_coverage_reports=("base.info",),
    )
    assert (gate.reading("tests").state, gate.reading("coverage").state) == (State.NONSENSE, State.NONSENSE)
    gate = one.gate(test_reports=("made.xml",))
    assert (gate.reading("tests").state, gate.reading("tests").value) == (State.KNOWN, 100)


def test_who_wrote_a_commit_without_a_pull_request_lifts_nothing_of_it(tmp_path: Path) -> None:
    """Pushed past every review, deployed by somebody else, and overridden by its author."""
    with FakeGitHub() as hub:
        jobs = GateJobs(tmp_path, hub)
        direct = jobs.job.repo.commit({"app.py": b"import os\n"}, "Hurry")
        jobs.repo.shas.add(direct)
        jobs.repo.gate.wrote[direct] = ("mallory",)
        jobs.job.variables["GITHUB_SHA"] = direct
        hash_ = jobs.run("workflow_dispatch").outputs["approval_hash"]
        for login in ("mallory", "boss"):
            hub.gate.permit(login, "write")
            hub.gate.say(7, login, f"/override-deploy {hash_} it cannot wait any more", at=jobs.now)
        left = jobs.run("workflow_dispatch")
    said = {each["author"]: each["refused"] for each in left.report["gated"]["heard"]}
    assert said == {"mallory": "mallory is an author of the change", "boss": ""}
    assert left.report["gated"]["hash"] == hash_
    assert "overridden by boss" in {each["id"]: each["lifted"] for each in left.report["gated"]["stops"]}["unreviewed"]


def test_an_override_is_of_the_unreviewed_commits_that_it_was_told_of() -> None:
    """What runs now has changed, so that one more commit would come with it."""
    one = (Deployed(evidences.SHA, "One"),)
    more = (*one, Deployed(evidences.OLDER, "Two"))
    told = [decide(evidences.evidence(commits=commits, pulls=())) for commits in (one, more)]
    assert all("unreviewed" in evidences.stops(each) for each in told)
    assert told[0].hash != told[1].hash


CONFIG = ".github/cicd-agent.yml"
LAX = "threshold: 0\nnot-applicable: [review, tests, coverage, failures]\nrules: {'*': 'off'}\n"


def deployed_by_its_own_policy(**fields: Any) -> GateResult:
    """By hand, so that the policy is the default branch's, which is the deployed commit."""
    event = Event(EventKind.WORKFLOW_DISPATCH, repo="o/r", default_branch="main", sha=evidences.SHA)
    change = change_of((CONFIG, None, LAX), ("src/client.py", "limit = 3\n", "limit = 5\n"))
    return decide(
        replace(evidences.evidence(change=change, **fields), event=event),
        threshold=0,
        not_applicable=("review", "coverage", "failures"),
        enforce="shadow",
    )


def test_a_policy_that_the_deployment_brings_lets_through_only_what_was_approved() -> None:
    assert deployed_by_its_own_policy().decision is GateDecision.PROCEED
    for loose in (
        {"pulls": (replace(evidences.PULL, reviews=()),)},
        {"commits": (replace(evidences.COMMIT, match=Match.NONE),)},
        {"commits": (evidences.COMMIT, Deployed(evidences.OLDER, "Let me through"))},
        {"commits": ()},
    ):
        found = deployed_by_its_own_policy(**loose)
        assert (found.decision, found.conclusion) == (GateDecision.HOLD, Conclusion.FAILURE)
        assert (found.enforced, found.effective) == (True, GateDecision.HOLD)
        assert "own-policy" in evidences.stops(found)
        # What the workflow itself says is no word of the deployment's.
        told = deployed_by_its_own_policy(**loose, told=frozenset({"enforce"}))
        assert (told.decision, told.enforced, told.conclusion) == (GateDecision.HOLD, False, Conclusion.NEUTRAL)


def test_a_policy_of_the_commit_before_decides_on_the_one_that_changes_it() -> None:
    change = change_of((CONFIG, None, LAX))
    seen = evidences.evidence(change=change, pulls=(replace(evidences.PULL, reviews=()),))
    event = replace(evidences.EVENT, base=Ref("main", change.base))
    assert "own-policy" not in evidences.stops(decide(replace(seen, event=event)))
    # What runs now is older than that: the commit before may have changed it as well.
    event = replace(evidences.EVENT, base=Ref("main", evidences.OLDER))
    assert "own-policy" in evidences.stops(decide(replace(seen, event=event)))


def test_a_tag_called_like_the_default_branch_is_not_where_the_policy_comes_from(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.repo.commit({CONFIG: LAX.encode()}, "Let me through")
    job.repo.git("tag", "main")
    found = GitRepository(job.repo.path, {"PATH": os.environ["PATH"]})
    assert found.resolve("main") == job.base
    job.repo.git("update-ref", "refs/remotes/origin/main", job.base)
    job.repo.git("update-ref", "-d", "refs/heads/main")
    assert GitRepository(job.repo.path, {"PATH": os.environ["PATH"]}).resolve("main") == job.base


@pytest.mark.parametrize(
    "body",
    [
        "> {}",
        "> they said\n{}",
        "```\n{}\n```",
        "~~~ sh\n{}",
        "<!--\n{}\n-->",
        "<!-- {}\n{}",
        "<pre>\n{}\n</pre>",
        "<blockquote>\n\n{}\n\n</blockquote>",
        "<details><summary>x</summary>\n\n{}\n</details>",
        "<PRE>{}\n{}",
        "    {}",
        "`{}`",
        "- {}",
        "please {}",
        "\u200b{}",
        "/Approve-deploy 0123456789abcdef",
        "\uff0fapprove-deploy 0123456789abcdef",
    ],
)
def test_a_word_that_is_only_shown_says_nothing(body: str) -> None:
    assert deploy_command(body.replace("{}", "/approve-deploy 0123456789abcdef")) is None


@pytest.mark.parametrize("body", ["> they said\n\n{}", "a\n{}", "<pre>x</pre>\n{}", "```\nx\n```\n{}", "{}\n> thanks"])
def test_a_word_beside_what_is_quoted_is_said(body: str) -> None:
    assert deploy_command(body.replace("{}", "/approve-deploy 0123456789abcdef")) == ("approve", "0123456789abcdef", "")
