"""`cicd-agent accuracy PATH`: what a gate decided by its reports, what stood in the way, and how often it was wrong."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.risk.outcome_labels import DAY, Source
from cicd_agent.app.console import Streams
from cicd_agent.app.run_record import ChangeSummary, RunRecord
from cicd_agent.app.serialization import dump
from cicd_agent.cli.parser import parse
from cicd_agent.domain.gate_evidence import PastDeployment, State
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.repository.history import Past, PastCommit
from cicd_agent.domain.verdict import Conclusion, Risk, RiskLevel
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.insights.accuracy.deployment_outcome import OutcomeSources
from cicd_agent.insights.accuracy.gate import (
    DeploymentOutcome,
    Fate,
    GateRecord,
    gate_record,
)
from cicd_agent.insights.accuracy.labels import Share
from cicd_agent.modes.deploy_gate.result import Band, Factor, GateDecision, GateResult, Hold, LiftedBy
from cicd_agent.settings.environment import Environment
from tests.support.fakes.gates import FakeGates
from tests.support.fakes.repository import FakeRepository
from tests.support.sessions import session_of

START = 1_700_000_000
NOW = START + 100 * DAY
STOP = Hold("score", "the score is below the threshold", LiftedBy.APPROVAL)


def sha(number: int) -> str:
    return f"{number:08x}" * 5


def gated(
    number: int, decision: GateDecision = GateDecision.PROCEED, *, enforced: bool = False, stops: Sequence[Hold] = ()
) -> GateResult:
    factor = Factor("coverage", State.MISSING, Band.MISSING, 20, 0)
    return GateResult(
        Conclusion.NEUTRAL,
        decision,
        "production",
        sha(number),
        score=80,
        score_without=80,
        threshold=75,
        reachable=100,
        risk=Risk(RiskLevel.LOW, 3),
        hash="0" * 16,
        factors=(factor,) if decision is not GateDecision.PROCEED else (),
        stops=tuple(stops) or ((STOP,) if decision is not GateDecision.PROCEED else ()),
        enforced=enforced,
    )


def commit(number: int, day: float, *, subject: str = "Add it", reverts: int = 0) -> PastCommit:
    taken = sha(reverts) if reverts else ""
    return PastCommit(sha(number), START + int(day * DAY), "a", subject, (f"{number}.py",), reverts=taken)


def deployment(number: int, day: float, state: str = "success") -> PastDeployment:
    return PastDeployment(number, sha(number), "main", START + int(day * DAY), state)


class Line(FakeRepository):
    """Commits 1, 2, 3, … each a day after the one before; `more` are the newest. All of them lead to HEAD."""

    def __init__(self, length: int, *more: PastCommit) -> None:
        commits = (*more[::-1], *(commit(number, number) for number in range(length, 0, -1)))
        self.commits = commits
        known = {each.sha: each.sha for each in commits}
        super().__init__(refs={"HEAD": commits[0].sha, **known})

    def past(self, sha: str, most: int, counted: int) -> Past:  # noqa: ARG002  lines are not asked for
        start = next(index for index, each in enumerate(self.commits) if each.sha == sha)
        return Past(self.commits[start:][:most])

    def between(self, base: str, head: str, most: int) -> tuple[Commit, ...]:
        before = {each.sha for each in self.past(base, 10_000, 0).commits}
        return tuple(
            Commit(each.sha, each.subject) for each in self.past(head, 10_000, 0).commits if each.sha not in before
        )[:most]


def put(folder: Path, *decided: GateResult, base: int = 0) -> None:
    for index, each in enumerate(decided):
        seen = ChangeSummary(sha(base), each.sha, "git", 1, 1, 0) if base else None
        path = folder / str(index) / "report.json"
        path.parent.mkdir(parents=True)
        path.write_text(dump(RunRecord("deploy-gate", 0, seen=seen, result=each)))


def _no_store(*_: object) -> None:
    raise AssertionError("reports alone count")


def ask(*arguments: str, outside: OutcomeSources) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    invocation = parse(["accuracy", *arguments])
    session = session_of(invocation, Environment(), Streams(out, err), lambda: NOW)

    def open_sources(_options: object, _environment: Environment, _closing: object) -> OutcomeSources:
        return outside

    assert invocation.run(session, sources_of=open_sources, open_log=_no_store) == 0
    return out.getvalue(), err.getvalue()


def counted(folder: Path, outside: OutcomeSources) -> dict[str, Any]:
    found = json.loads(ask(str(folder), "--format", "json", outside=outside)[0])
    gate: dict[str, Any] = found["gate"]
    return {**gate, "limits": found["limits"]}


def test_a_hold_in_shadow_was_false_when_it_went_out_and_nothing_happened(tmp_path: Path) -> None:
    put(tmp_path, *(gated(number, GateDecision.HOLD) for number in (2, 3, 4)))
    gates = FakeGates(deployed={"production": [deployment(3, 31), deployment(2, 30), deployment(1, 29)]})
    found = counted(tmp_path, OutcomeSources(Line(5, commit(9, 35, reverts=3)), None, gates))
    assert (found["false_holds"]["times"], found["false_holds"]["n"]) == (1, 2), "4 was not deployed, 3 was taken back"
    assert found["decisions"] == {"proceed": 0, "hold": 3, "rollback": 0}
    assert (found["stops"], found["signals"]) == ([["score", 3]], [["coverage", 3]])


@pytest.mark.parametrize(
    ("deployed", "more", "source"),
    [
        ([deployment(3, 40), deployment(2, 30, "failure"), deployment(1, 29)], (), Source.DEPLOYMENT),
        ([PastDeployment(9, sha(1), "main", START + 33 * DAY), deployment(2, 30), deployment(1, 29)], (), "rollback"),
        ([deployment(2, 30), deployment(1, 29)], (commit(9, 33, reverts=2),), Source.REVERT),
        ([deployment(3, 30), deployment(1, 29)], (commit(9, 33, reverts=2),), Source.REVERT),
    ],
    ids=["failed", "rolled back", "reverted", "what came along was reverted"],
)
def test_a_deployment_that_went_wrong_within_a_week_was_missed(
    tmp_path: Path, deployed: list[PastDeployment], more: tuple[PastCommit, ...], source: Source
) -> None:
    put(tmp_path, gated(3 if deployed[0].sha == sha(3) and more else 2))
    found = counted(tmp_path, OutcomeSources(Line(5, *more), None, FakeGates(deployed={"production": deployed})))
    assert (found["misses"]["times"], found["misses"]["n"], found["missed_by"]) == (1, 1, [[source, 1]])


def test_a_deployment_that_the_gate_itself_held_is_neither_deployed_nor_failed(tmp_path: Path) -> None:
    put(tmp_path, gated(3, GateDecision.HOLD), gated(2))
    held = replace(deployment(3, 31, "failure"), held=True)
    gates = FakeGates(deployed={"production": [held, deployment(2, 30), deployment(1, 29)]})
    found = counted(tmp_path, OutcomeSources(Line(5), None, gates))
    assert (found["false_holds"]["n"], found["misses"]["times"], found["misses"]["n"]) == (0, 0, 1)


def test_without_deployments_a_week_is_counted_from_when_the_gate_looked(tmp_path: Path) -> None:
    fix = commit(9, 12, reverts=2)
    put(tmp_path / "old", gated(2))
    put(tmp_path / "new", replace(gated(2), at=START + 8 * DAY))
    assert counted(tmp_path / "old", OutcomeSources(Line(5, fix)))["misses"]["times"] == 0
    assert counted(tmp_path / "new", OutcomeSources(Line(5, fix)))["misses"]["times"] == 1


def test_a_hotfix_soon_after_makes_a_miss_and_a_late_one_does_not(tmp_path: Path) -> None:
    put(tmp_path, gated(2))
    fix = PastCommit(sha(9), START + 5 * DAY, "a", "Fix a crash", ("2.py",))
    assert counted(tmp_path, OutcomeSources(Line(3, fix)))["missed_by"] == [["hotfix", 1]]
    late = replace(fix, when=START + 12 * DAY)
    assert counted(tmp_path, OutcomeSources(Line(3, late)))["misses"]["times"] == 0


def test_without_a_token_the_commits_that_a_change_brought_are_judged_by_git_alone(tmp_path: Path) -> None:
    put(tmp_path, gated(4), base=2)
    told = counted(
        tmp_path, OutcomeSources(Line(5, commit(9, 6, reverts=3)), None, None, ("deployments were not read",))
    )
    assert (told["misses"]["times"], told["missed_by"]) == (1, [["revert", 1]])
    assert told["limits"] == ["deployments were not read"]


def test_without_outcomes_it_says_that_it_does_not_know(tmp_path: Path) -> None:
    put(tmp_path, gated(1), gated(2, GateDecision.HOLD))
    out, _ = ask(str(tmp_path), outside=OutcomeSources())
    assert "false holds  not known" in out
    assert "misses  not known" in out
    assert "not known what became of 2 of 2 decisions" in out
    assert "there is no checkout" in out


def test_what_is_not_a_week_old_is_not_called_fine(tmp_path: Path) -> None:
    put(tmp_path, gated(2))
    gates = FakeGates(deployed={"production": [deployment(2, 94), deployment(1, 29)]})
    assert counted(tmp_path, OutcomeSources(Line(5), None, gates))["undecided"] == 1
    gates.deployed["production"][0] = deployment(2, 92)
    assert counted(tmp_path, OutcomeSources(Line(5), None, gates))["misses"]["n"] == 1


def test_a_decision_that_two_reports_tell_counts_once_and_a_lifted_hold_is_no_proceeding(tmp_path: Path) -> None:
    lifted = gated(3, stops=[replace(STOP, lifted="octocat: it is urgent")])
    put(tmp_path, gated(2, enforced=True), gated(2, enforced=True), lifted)
    told = counted(tmp_path, OutcomeSources(Line(5)))
    assert (told["n"], told["repeated"], told["lifted"], told["misses"]["n"]) == (2, 1, 1, 1)


def test_reports_that_are_none_of_the_gate_are_counted_and_named(tmp_path: Path) -> None:
    put(tmp_path, gated(2))
    for index, text in enumerate((b"", b"{}", b"\xff\x00", b"[" * 50_000, b'{"kind": "report", "version": 1}')):
        (tmp_path / f"x{index}").mkdir()
        (tmp_path / f"x{index}/report.json").write_bytes(text)
    (tmp_path / "review.json").write_text(dump(RunRecord("review", 0)))
    out, err = ask(
        str(tmp_path), str(tmp_path / "review.json"), str(tmp_path / "none"), outside=OutcomeSources(Line(5))
    )
    assert "1 decision: proceed 1" in out
    assert "6 files could not be read:" in out
    assert "1 report held no decision of the gate: review (1)" in " ".join(out.split())
    assert "Traceback" not in out + err


def test_a_foreign_report_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    named = replace(STOP, id="\x1b[2J\n::error::pwned\u202e")
    evil = replace(gated(2, GateDecision.HOLD, stops=[named]), environment="\x1b]0;x\x07", sha="--help")
    put(tmp_path, evil)
    out, _ = ask(str(tmp_path), outside=OutcomeSources(Line(5), None, FakeGates()))
    assert "\x1b" not in out
    assert "\n::error" not in out


def test_no_report_is_one_line_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no report of a deployment gate .* Give report\.json"):
        ask(str(tmp_path), outside=OutcomeSources())


def test_a_refusal_of_github_is_a_limit_and_no_end(tmp_path: Path) -> None:
    put(tmp_path, gated(2))
    gates = FakeGates(refusals={"deployments": ForgeRefused("no", remedy="Give `deployments: read`")})
    told = counted(tmp_path, OutcomeSources(Line(5), None, gates))
    assert told["limits"] == ["deployments were not read: no. Give `deployments: read`."]
    assert told["misses"]["n"] == 1


@given(st.integers(0, 400), st.integers(0, 400))
def test_an_interval_holds_the_share_and_lies_between_none_and_all(times: int, more: int) -> None:
    share = Share.of(times, times + more)
    if share.low is None or share.high is None:
        assert not share.n
    else:
        assert 0 <= share.low <= times / share.n <= share.high <= 1


def test_an_interval_is_wilsons() -> None:
    """As in Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998)."""
    known = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (times, n), (low, high) in known.items():
        share = Share.of(times, n)
        assert [share.low, share.high] == pytest.approx([low, high], abs=5e-5)


def test_an_enforced_hold_tells_nothing_of_false_holds() -> None:
    held = gated(1, GateDecision.HOLD, enforced=True)
    told = gate_record([held], {(held.sha, "production"): DeploymentOutcome(deployed=True, fate=Fate.FINE)})
    assert told == GateRecord(
        1, {"proceed": 0, "hold": 1, "rollback": 0}, stops=(("score", 1),), signals=(("coverage", 1),)
    )
