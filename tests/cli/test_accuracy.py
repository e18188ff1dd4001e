"""`cicd-agent accuracy` from the book, GitHub and git to a table, a document, a file of cases and an exit code."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_jsonable_python

from cicd_agent.analysis.risk.outcome_labels import DAY
from cicd_agent.app.console import Streams
from cicd_agent.app.run_record import RunRecord
from cicd_agent.app.serialization import dump as dump_report
from cicd_agent.cli.parser import parse
from cicd_agent.domain.audit_entry import Entry
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.ports.feedback import Discussed, Discussions, OurThread, PullEnd
from cicd_agent.domain.ports.storage import Store
from cicd_agent.domain.repository.change import Change, ChangeSource, Commit
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.repository.history import Past, PastCommit
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.errors import ConfigError, ForgeRefused, StoreRefused
from cicd_agent.insights.accuracy.deployment_outcome import OutcomeSources
from cicd_agent.insights.accuracy.labels import MIN_LABELS
from cicd_agent.modes.deploy_gate.result import GateDecision
from cicd_agent.settings.environment import Environment
from tests.insights.accuracy.test_gate import STOP, decided
from tests.support.fakes.gates import FakeGates
from tests.support.fakes.repository import FakeRepository
from tests.support.fakes.runs import FakeRuns
from tests.support.fakes.store import FakeStore
from tests.support.sessions import session_of

NOW = 1_790_000_000
THEN = NOW - 20 * DAY
OLD, NEW = "a" * 40, "b" * 40
LINES = [f"value_{number} = compute({number})" for number in range(30)]
TEXT = "\n".join(LINES).encode()
FIXED = TEXT.replace(b"compute(5)", b"safely(5)")


@dataclass
class FakeDiscussions(Discussions):
    pulls: Sequence[Discussed] = ()
    refusal: ForgeRefused | None = None

    def discussed(self, since: int, most: int) -> tuple[Sequence[Discussed], Sequence[str]]:
        if self.refusal:
            raise self.refusal
        return [pull for pull in self.pulls if pull.updated >= since][:most], ("a limit",)


def finding(line: int, rule: str = "py-shell", origin: Origin = Origin.RULE) -> Finding:
    text = LINES[line - 1] if 0 < line <= len(LINES) else ""
    return Finding(rule, "t", "m", Severity.HIGH, Category.SECURITY, Location("a.py", line), text, origin=origin)


def thread(each: Finding, **more: Any) -> OurThread:
    where = each.location
    return OurThread(each.fingerprint, where.path, where.line, where.line, Side.RIGHT, OLD, THEN, **more)


@dataclass
class Site:
    """A repository with a book, a clone and GitHub; `ask` runs the command on them."""

    top: Path
    store: FakeStore | None = field(default_factory=FakeStore)
    discussions: FakeDiscussions | None = field(default_factory=FakeDiscussions)
    gates: FakeGates | None = field(default_factory=FakeGates)
    runs: FakeRuns | None = None
    blobs: dict[tuple[str, str], bytes] = field(default_factory=lambda: {(OLD, "a.py"): TEXT, (NEW, "a.py"): FIXED})
    pasts: Mapping[str, Past] = field(default_factory=dict)
    refused: str = ""

    def enter(self, mode: str, output: object, *, repository: str = "o/r", **more: Any) -> None:
        assert self.store is not None
        told = {"kind": "run", "mode": mode, "sha": OLD, "pull": 5, "at": THEN, "output": output, **more}
        self.store.append(Entry.of(repository, told))

    def reviewed(self, *findings: Finding, **more: Any) -> None:
        self.enter("review", {"verdict": {"findings": to_jsonable_python(findings)}}, **more)

    def merged(self, *threads: OurThread) -> None:
        assert self.discussions is not None
        self.discussions.pulls = [Discussed(5, PullEnd.MERGED, NEW, NOW - 1, threads=threads)]

    def ask(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        invocation = parse(["accuracy", *arguments])
        session = session_of(invocation, Environment(), Streams(out, err), lambda: NOW)
        repository = FakeRepository(
            refs={"HEAD": NEW, OLD: OLD, NEW: NEW},
            lines={(OLD, NEW): (Commit(NEW, "New"),)},
            changes={("", NEW): Change(OLD, NEW, ChangeSource.GIT, ())},
            blobs=self.blobs,
            pasts=self.pasts,
        )
        found = OutcomeSources(
            repository, None, self.gates, ("a notice",), discussions=self.discussions, runs=self.runs
        )

        def book(*_: object) -> Store | None:
            if self.refused:
                raise StoreRefused(self.refused)
            return self.store

        assert invocation.run(session, sources_of=lambda *_: found, open_log=book) == code
        return out.getvalue(), err.getvalue()

    def told(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask("--format", "json", *arguments, code=code)[0])
        return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    return Site(tmp_path)


def test_findings_of_the_book_are_counted_by_what_became_of_them(site: Site) -> None:
    accepted, rejected, ignored = finding(6), finding(15, "model", Origin.MODEL), finding(25)
    site.gates = FakeGates(permissions={"maintainer": "write"})
    site.reviewed(accepted, rejected, ignored)
    site.reviewed(accepted)
    site.merged(thread(rejected, thumbs_down=("maintainer", "outsider")))
    told = site.told()
    review = told["modes"]["review"]
    assert (review["right"], review["wrong"], review["unknown"], review["n"]) == (1, 1, 1, 3)
    assert (review["share"], review["unknown_share"], review["threshold"], review["below"]) == (0.5, 1 / 3, 0.5, False)
    assert (round(review["low"], 3), round(review["high"], 3)) == (0.095, 0.905)
    assert review["grounds"] == {"lines_changed": 1, "merged_unchanged": 1, "thumbed_down": 1}
    assert [(name, each["n"]) for name, each in told["rules"].items()] == [("py-shell", 2), ("model", 1)]
    assert told["limits"] == ["a notice", "a limit"]
    assert site.store is not None
    assert site.store.closed


def test_without_a_book_our_own_threads_are_what_was_told(site: Site) -> None:
    site.store = None
    site.merged(thread(finding(6), rule="py-shell", severity="high"), replace(thread(finding(25)), at=NOW - 90 * DAY))
    told = site.told()
    assert told["modes"]["review"]["right"] == 1
    assert told["modes"]["review"]["n"] == 1, "what was said before the time that was asked for does not count"
    assert "the audit log holds no run of that time: only what stands on GitHub was looked at" in told["limits"]


def test_a_finding_in_both_counts_once(site: Site) -> None:
    site.reviewed(finding(6))
    site.merged(thread(finding(6)))
    assert site.told()["modes"]["review"]["n"] == 1


def test_a_mode_below_its_threshold_is_one_line_and_exit_code_1(site: Site) -> None:
    site.blobs[NEW, ".github/cicd-agent.yml"] = b"accuracy:\n  review: 0.9\n"
    site.gates = FakeGates(permissions={"maintainer": "admin"})
    wrong = [finding(line) for line in range(12, 12 + MIN_LABELS)]
    site.reviewed(finding(6), *wrong)
    site.merged(*(thread(each, resolved_by="maintainer") for each in wrong))
    out, err = site.ask(code=1)
    assert "BELOW" in out
    assert "cicd-agent: review is below its threshold of 90%: right in 1 of 11 (9%, 95 % interval 2%–38%)" in err
    assert site.told(code=1)["below"] == ["review"]
    site.blobs[NEW, ".github/cicd-agent.yml"] = b"accuracy:\n  review: 0\n"
    assert site.told()["modes"]["review"]["threshold"] is None


def test_the_labelled_cases_are_written_for_who_wants_to_see_each(site: Site) -> None:
    site.reviewed(finding(6), finding(25))
    site.merged(thread(finding(25), url="https://github.test/1", thumbs_up=2))
    site.ask("--out", "below/cases.json")
    cases = json.loads((site.top / "below/cases.json").read_text())["cases"]
    assert [(each["line"], each["truth"], each["ground"], each["praised"]) for each in cases] == [
        (6, "right", "lines_changed", 0),
        (25, "unknown", "merged_unchanged", 2),
    ]
    assert cases[1]["url"] == "https://github.test/1"
    with pytest.raises(ConfigError, match="cannot be written"):
        site.ask("--out", "below")


def put(site: Site, sha: str, decision: GateDecision, day: int, **more: Any) -> None:
    each = decided(sha, decision, THEN + day * DAY, *((STOP,) if decision is GateDecision.HOLD else ()))
    gated = to_jsonable_python(each.gated)
    site.enter("deploy-gate", {"gated": gated}, sha=sha, at=each.gated.at, **more)


def test_a_gate_is_judged_by_its_deployments_and_their_reverts(site: Site) -> None:
    put(site, OLD, GateDecision.PROCEED, 0)
    put(site, NEW, GateDecision.PROCEED, 1)
    undo = PastCommit("c" * 40, THEN + 2 * DAY, "a", "Undo", ("a.py",), reverts=NEW)
    commits = [undo, PastCommit(NEW, THEN, "a", "New", ("a.py",)), PastCommit(OLD, THEN, "a", "Old", ("a.py",))]
    site.pasts = {NEW: Past(tuple(commits))}
    listed = [
        PastDeployment(number, sha, "main", THEN + number * DAY, "success") for number, sha in ((1, NEW), (0, OLD))
    ]
    site.gates = FakeGates(deployed={"production": listed})
    gate = site.told()["modes"]["deploy-gate"]
    assert (gate["right"], gate["wrong"]) == (1, 1)
    assert gate["grounds"] == {"fine_for_7_days": 1, "went_wrong": 1}


def test_without_a_book_reports_of_the_gate_are_read(site: Site) -> None:
    site.store = None
    each = decided(OLD, GateDecision.PROCEED, THEN)
    for index, gated in enumerate(
        (each.gated, replace(each.gated, at=0), replace(each.gated, sha=NEW, at=NOW - 99 * DAY))
    ):
        place = site.top / ".cicd-agent" / str(index) / "report.json"
        place.parent.mkdir(parents=True)
        place.write_text(dump_report(RunRecord("deploy-gate", 0, result=gated)))
    told = site.told()
    assert told["modes"]["deploy-gate"]["n"] == 1
    assert "1 report of the gate did not say when it decided, and did not count" in told["limits"]


def test_an_excused_failure_is_judged_by_its_rerun(site: Site) -> None:
    diagnosis = {"cause": "flaky", "failures": [{"strict": "print"}]}
    site.enter("analyse-failure", {"diagnosis": diagnosis, "event": {"run": {"id": 9, "attempt": 1}}})
    assert "runs were not read: whether a rerun passed is not known" in site.told()["limits"]
    site.runs = FakeRuns([RunState(9, 2, conclusion="success")])
    assert site.told()["modes"]["analyse-failure"]["right"] == 1


def test_nothing_to_judge_is_said(site: Site) -> None:
    out, _ = site.ask()
    assert "there is nothing to judge" in out
    assert site.told()["modes"] == {}


def test_entries_that_were_forged_or_are_of_others_do_not_count(site: Site) -> None:
    assert site.store is not None
    site.reviewed(finding(6), repository="o/other")
    site.reviewed(finding(6), sha="x")
    site.reviewed(replace(finding(6), location=Location("../a.py", 6)), finding(900))
    site.enter("review", {"verdict": {"findings": {"a": 1}}})
    site.enter("deploy-gate", {"gated": "yes"})
    rows = site.store.chains["o/r"]
    site.reviewed(finding(7))
    rows[-1] = replace(rows[-1], text=rows[-1].text.replace("py-shell", "py-sh-ll"))
    site.merged()
    told = site.told("--repository", "o/r")
    assert {mode: each["n"] for mode, each in told["modes"].items()} == {"review": 1}
    assert told["modes"]["review"]["grounds"] == {"not_compared": 1}
    assert len(told["limits"]) == 5


def test_of_several_repositories_one_has_to_be_named(site: Site) -> None:
    site.reviewed(finding(6))
    site.reviewed(finding(6), repository="local")
    assert site.told()["limits"][0] == "a notice", "the only one on GitHub is meant"
    site.reviewed(finding(6), repository="o/other")
    with pytest.raises(ConfigError, match=r"several repositories \(o/other, o/r\)\. Give --repository"):
        site.ask()


def test_what_github_refuses_is_a_limit_and_what_the_book_refuses_an_error(site: Site) -> None:
    site.reviewed(finding(6))
    site.discussions = FakeDiscussions(refusal=ForgeRefused("no", remedy="Give `pull-requests: read`"))
    told = site.told()
    assert told["modes"]["review"]["grounds"] == {"not_compared": 1}
    assert "pull requests were not read: no. Give `pull-requests: read`." in told["limits"]
    site.discussions = None
    assert any(limit.startswith("pull requests were not read") for limit in site.told()["limits"])
    site.refused = "it is locked"
    with pytest.raises(StoreRefused):
        site.ask()


def test_without_knowing_what_people_may_do_their_word_does_not_count(site: Site) -> None:
    site.reviewed(finding(25))
    site.merged(thread(finding(25), thumbs_down=("x",)))
    site.gates = FakeGates(refusals={"permission": ForgeRefused("no")})
    told = site.told()
    assert told["modes"]["review"]["unknown"] == 1
    assert "what people may do is not known, so their word did not count: no." in told["limits"]


@pytest.mark.parametrize("since", ["tomorrow", "-1d", "", "9" * 30, "2026-13-01"])
def test_a_time_that_is_none_is_one_line_with_a_remedy(site: Site, since: str) -> None:
    if since:
        with pytest.raises(ConfigError, match=r"--since is no time .* Write it as `30d`"):
            site.ask(f"--since={since}")
    else:
        site.ask("--since=")


def test_foreign_names_cannot_write_to_the_terminal(site: Site) -> None:
    evil = "\x1b[2J\n::error::pwned\u202e"
    site.reviewed(finding(6, evil), replace(finding(25, evil), severity=Severity.LOW))
    site.merged()
    out, _ = site.ask()
    assert "\x1b" not in out
    assert "\n::error" not in out
    assert all(visible_line(line) == line for line in out.splitlines())


def test_the_table_says_what_the_labels_rest_on(site: Site) -> None:
    site.reviewed(finding(6), finding(25))
    site.merged()
    out, _ = site.ask()
    lines = out.splitlines()
    assert " ".join(lines[0].split()) == "cases right wrong unknown share of right 95 % interval threshold"
    assert " ".join(lines[1].split()) == "review 2 1 0 1 (50%) 100% 21%–100% 50%"
    assert "lines changed" in out
    assert "so few labels say little of review" in out
    assert "findings by rule" in out
