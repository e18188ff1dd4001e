"""Coverage that nobody named: found where runs and steps leave it, and missed where it was and is no more."""

from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.events.workflow_run import RunState, StoredArtifact
from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, DiffLine, FileDiff, Hunk, LineKind
from cicd_agent.errors import ForgeRefused
from tests.modes.deploy_gate.gate_world import BASE, NOW, RUN, SHA, GateWorld, change
from tests.modes.deploy_gate.signals.test_coverage import report, several


def state(number: int, sha: str, event: str = "push", **more: Any) -> RunState:
    return RunState(number, event=event, branch="main", sha=sha, conclusion="success", created=NOW - 60, **more)


def world(*, head: bytes | None = None, base: bytes | None = None, **names: str) -> GateWorld:
    """The runs of both commits, with these reports in an artifact each."""
    one = GateWorld()
    brings(one, CODE)
    runs = one.forge.ran
    runs.states = [state(RUN, SHA), state(60, BASE)]
    for run, content in ((RUN, head), (60, base)):
        if content is not None:
            store(one, run, names.get("artifact", "reports"), {names.get("file", "coverage.json"): content})
    return one


def store(one: GateWorld, run: int, name: str, files: dict[str, bytes], **more: Any) -> None:
    runs = one.forge.ran
    ident = 100 + len(runs.files)
    runs.stored[run] = (*runs.stored.get(run, ()), StoredArtifact(ident, name, 1_000, **more))
    runs.files[ident] = files


def diff(path: str, *, deleted: str = "", added: str = "") -> FileDiff:
    lines = [DiffLine(LineKind.DELETED, 1, None, deleted)] if deleted else []
    lines += [DiffLine(LineKind.ADDED, None, 1, added)] if added else []
    return FileDiff(path, path, ChangeKind.MODIFIED, (Hunk(1, 1, 1, 1, "", tuple(lines)),))


def brings(one: GateWorld, made: Change) -> None:
    one.repository.changes = {**one.repository.changes, ("", SHA): made}


CODE = replace(change(BASE, SHA), files=(diff("app.py", deleted="a = 1", added="a = 2"),))


def read(one: GateWorld, **settings: Any) -> Reading:
    return one.gate(**settings).reading("coverage")


def test_the_reports_of_both_commits_runs_are_compared() -> None:
    reading = read(world(head=report(90, 10), base=report(80, 20)))
    assert (reading.state, reading.value, reading.words) == (State.KNOWN, 10, "80.0 % → 90.0 % of lines")
    assert reading.source == "artifacts of run 77, artifacts of run 60"


def test_what_runs_now_is_found_beside_reports_that_are_named() -> None:
    one = world(base=report(80, 20))
    one.files["mine.json"] = report(70, 30)
    assert read(one, coverage_reports=("mine.json",)).value == -10


def test_a_report_that_a_step_of_this_job_has_left_comes_first() -> None:
    one = world(head=report(10, 90), base=report(80, 20))
    one.files["coverage.json"] = report(85, 15)
    assert (read(one).value, read(one).source) == (5, "workspace, artifacts of run 60")


def test_a_file_of_the_repository_is_no_report_wherever_it_is_found() -> None:
    for one in (world(base=report(80, 20)), world(head=report(100, 0), base=report(80, 20))):
        one.files["coverage.json"] = report(100, 0)
        brings(one, replace(CODE, paths=("coverage.json",)))
        one.repository.blobs = {(SHA, "coverage.json"): report(100, 0)}
        assert read(one).state is State.MISSING


def test_a_repository_that_never_had_coverage_has_no_such_signal() -> None:
    reading = read(world())
    assert (reading.state, reading.words) == (State.ABSENT, "this repository has none")


def test_what_has_nothing_to_be_compared_with_has_no_weight_either() -> None:
    reading = read(world(head=report(90, 10)))
    assert (reading.state, reading.words) == (
        State.ABSENT,
        "90.0 % of lines, and nothing of what runs now to compare with",
    )


@pytest.mark.parametrize("event", ["push", "schedule"])
def test_coverage_that_was_there_and_is_no_more_is_missing(event: str) -> None:
    one = world(base=report(80, 20))
    one.forge.ran.states[1] = state(60, BASE, event)
    reading = read(one)
    assert reading.state is State.MISSING
    assert "there is none of this commit, and artifacts of run 60 had coverage" in reading.problem


def test_an_artifact_of_coverage_that_has_expired_shows_that_there_was_some() -> None:
    one = world()
    store(one, 60, "coverage-3.12", {}, expired=True)
    assert "the artifact coverage-3.12 of run 60 had coverage" in read(one).problem
    store(one, RUN, "coverage-3.12", {"coverage.json": report(90, 10)})
    assert read(one).state is State.ABSENT


def test_where_what_runs_now_has_no_run_the_newest_ones_of_the_branch_tell() -> None:
    one = world()
    one.forge.ran.states[1] = state(50, "e" * 40)
    store(one, 50, "reports", {"coverage.json": report(80, 20)})
    assert read(one).state is State.MISSING
    # And are nothing to be compared with.
    store(one, RUN, "reports", {"coverage.json": report(90, 10)})
    assert read(one).state is State.ABSENT


def test_a_run_of_a_pull_request_says_nothing_of_the_commit() -> None:
    one = world(head=report(100, 0), base=report(80, 20))
    one.forge.ran.states[0] = state(RUN, SHA, "pull_request")
    assert read(one).state is State.MISSING


@pytest.mark.parametrize(
    ("file", "taken"),
    [
        (diff(".github/workflows/ci.yml", deleted="      - run: pytest --cov"), True),
        (diff(".github/workflows/ci.yml", deleted="          coverage-reports: c.xml"), True),
        (diff("Makefile", deleted="\tpytest --cov=app"), True),
        (diff("package.json", deleted='"test": "nyc mocha"'), True),
        (diff("Makefile", deleted="\tpytest --cov=app", added="\tpytest --cov=app -n 2"), False),
        (diff("insurance.py", deleted="coverage = policy.coverage"), False),
        (diff("docs/testing.md", deleted="pytest --cov"), False),
    ],
)
def test_a_change_cannot_take_the_signal_away(file: FileDiff, taken: bool) -> None:  # noqa: FBT001
    one = world()
    brings(one, replace(CODE, files=(*CODE.files, file)))
    reading = read(one)
    assert reading.state is (State.MISSING if taken else State.ABSENT)
    assert (f"takes it out of `{file.path}`" in reading.problem) == taken


def test_where_only_documentation_is_changed_nothing_has_to_be_measured() -> None:
    one = world(base=report(80, 20))
    brings(one, replace(CODE, files=(diff("README.md", deleted="a", added="b"),)))
    assert (read(one).state, read(one).value) == (State.KNOWN, 0)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (several(1, 100, 0), "cannot be compared"),
        (report(90, 10)[:-9] + b"executed_lines", "broken JSON"),
        (b'{"files": {}, "executed_lines": 1}', "there is no line in it"),
        (b'{"meta": {"timestamp": "2020-01-01T00:00:00Z"}, ' + report(90, 10)[1:], "before the commit"),
    ],
)
def test_a_report_that_is_found_and_not_believed_gives_no_points_and_is_no_fault(head: bytes, said: str) -> None:
    one = world(head=head, base=several(20, 50, 50))
    between = one.repository.lines[BASE, SHA]
    one.repository.lines = {(BASE, SHA): tuple(replace(each, when=NOW - 600) for each in between)}
    reading = read(one)
    assert reading.state is State.MISSING
    assert said in reading.problem


def test_artifacts_that_cannot_be_read_are_said_and_no_excuse() -> None:
    one = world(head=report(90, 10), base=report(80, 20))
    one.forge.ran.refusals["artifacts"] = ForgeRefused("GitHub refused to list the artifacts", why="403: no")
    reading = read(one)
    assert (reading.state, reading.value) == (State.MISSING, None)
    assert "the artifacts of the runs were not read" in reading.problem
    one.files["coverage.json"] = report(85, 15)
    assert read(one).state is State.MISSING


def test_only_artifacts_that_may_hold_it_are_downloaded_and_the_newest_of_each_name() -> None:
    one = world(base=several(6, 80, 20))
    store(one, RUN, "dist", {"coverage.json": report(100, 0)})
    for number in range(9):
        store(one, RUN, f"coverage-{number}", {"coverage.json": report(10, 90, f"m{number}.py")})
    store(one, RUN, "coverage-0", {"coverage.json": report(90, 10)})
    reading = read(one)
    assert one.forge.ran.calls.count("artifact") == 7
    assert reading.value == pytest.approx((90 + 5 * 10) / 6 - 80, abs=1e-6)


def test_what_another_step_says_or_a_policy_excludes_is_not_looked_for() -> None:
    one = world(head=report(90, 10), base=report(80, 20))
    one.files["s.json"] = b'{"coverage_delta": -2}'
    assert read(one, signals_file="s.json").value == -2
    assert read(one, not_applicable=("coverage",)).state is State.MISSING
    assert one.forge.ran.calls == []


def test_a_change_that_takes_its_test_reports_away_has_no_tests_though_all_checks_passed() -> None:
    one = world()
    assert one.gate().reading("tests").value == 100
    brings(one, replace(CODE, files=(diff(".github/workflows/cd.yml", deleted="          test-reports: r.xml"),)))
    reading = one.gate().reading("tests")
    assert reading.state is State.MISSING
    assert "this change takes it out of `.github/workflows/cd.yml`" in reading.problem


def test_of_many_workflows_of_what_runs_now_that_of_the_gate_is_looked_at_first() -> None:
    one = world(head=report(90, 10))
    others = [state(80 + number, BASE, workflow_id=80 + number) for number in range(9)]
    one.forge.ran.states = [state(RUN, SHA, workflow_id=3), *others, state(60, BASE, workflow_id=3)]
    store(one, 60, "reports", {"coverage.json": report(80, 20)})
    assert read(one).value == 10
