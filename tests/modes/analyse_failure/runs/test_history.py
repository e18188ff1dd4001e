"""What was before a failed run: who wrote which lines, what passed, and how few requests that takes."""

from dataclasses import replace

from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.domain.events.workflow_run import JobRun, RunState
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.repository.library import Blamed, Unreadable
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.analyse_failure.runs.history import MAX_READ, History, blame_commits, list_commits
from tests.support.fakes.library import FakeLibrary
from tests.support.fakes.runs import FakeRuns
from tests.support.samples.changes import change_of

MATCHER = Matcher(load_tools())
ONE, TWO = Commit("1" * 40, "One"), Commit("2" * 40, "Two")
CHANGE = replace(change_of(("a.py", "x\n", "x\nnew\nmore\n"), ("b.py", None, "all\nnew\n")), commits=(TWO, ONE))
RUN = RunState(9, workflow="ci", workflow_id=1, event="push", branch="main", sha="9" * 40, created=900)
JOB = JobRun(901, "test", "completed", "failure")


def state(number: int, conclusion: str, *, branch: str = "main", created: int = 0, **more: str) -> RunState:
    sha = f"{number}" * 40
    when = created or number * 100
    return RunState(
        number, 1, "ci", 1, more.get("event", "push"), "completed", conclusion, branch, sha[:40], "o/r", "", when
    )


def history(*states: RunState, logs: dict[int, bytes] | None = None) -> tuple[History, FakeRuns]:
    jobs: dict[tuple[int, int], tuple[JobRun, ...]] = {}
    for one in (*states, RUN):
        jobs[one.id, 1] = (JobRun(one.id * 100 + 1, "test", "completed", one.conclusion),)
    runs = FakeRuns(states=[RUN, *states], job_lists=jobs, logs=logs or {})
    return History(runs, RUN, "main", MATCHER), runs


class Authors(FakeLibrary):
    """Line 2 of a.py is of the first commit, all other lines of the second."""

    def blame(self, path: str, first: int, last: int) -> tuple[Blamed, ...]:
        if path == "b.py":
            raise Unreadable("too large")
        return tuple(Blamed(line, "new", ONE.sha if line == 2 else TWO.sha, "A", 0, "") for line in range(first, last + 1))


def test_lines_belong_to_the_commit_that_git_blames() -> None:
    found = {each.commit.sha: dict(each.lines) for each in blame_commits(CHANGE, Authors({}), lambda _: ())}
    assert found == {ONE.sha: {"a.py": ((2, 2),)}, TWO.sha: {"a.py": ((3, 3),)}}


def test_without_a_clone_the_lines_of_a_file_are_known_where_one_commit_touched_it() -> None:
    whole = {file.path: file for file in CHANGE.files}
    runs = FakeRuns(
        commits={
            ONE.sha: replace(CHANGE, files=(whole["a.py"],)),
            TWO.sha: replace(CHANGE, files=(whole["a.py"], whole["b.py"])),
        }
    )
    found = {each.commit.sha: dict(each.lines) for each in list_commits(CHANGE, runs)}
    assert found == {ONE.sha: {"a.py": None}, TWO.sha: {"a.py": None, "b.py": ((1, 2),)}}


def test_the_green_run_is_the_last_that_passed_before() -> None:
    told, _ = history(state(7, "success"), state(5, "success"), state(8, "failure"))
    green = told.green()
    assert green is not None
    assert green.id == 7
    later, _ = history(replace(state(8, "success"), created=950))
    assert later.green() is None


def test_the_branch_has_turned_red_only_where_the_run_before_had_passed() -> None:
    assert history(state(8, "success"))[0].turned_red()
    assert not history(state(8, "failure"), state(7, "success"))[0].turned_red()
    assert not history()[0].turned_red()


def test_of_other_failures_few_logs_are_read() -> None:
    log = b"E   assert 1 == 2\n##[error]Process completed with exit code 1.\n"
    states = [state(number, "failure", branch=f"b{number}") for number in range(1, 9)]
    told, runs = history(*states, logs={one.id * 100 + 1: log for one in states})
    traces = told.traces((JOB,))
    assert len(traces) == MAX_READ == runs.calls.count("log")


def test_when_the_default_branch_passed_is_told_without_a_request_more() -> None:
    told, runs = history(state(8, "success"), state(7, "success"))
    passed = [trace for trace in told.traces((JOB,)) if trace.is_default and trace.conclusion == "success"]
    assert [trace.run for trace in passed] == [8, 7]
    assert runs.calls.count("jobs") == 0


def test_what_cannot_be_listed_is_a_gap_and_told_once() -> None:
    told, runs = history(state(8, "success"))
    runs.refusals["of_workflow"] = ForgeRefused("GitHub refused", why="403")
    assert told.green() is None
    assert not told.turned_red()
    assert told.traces((JOB,)) == ()
    assert [gap.what for gap in told.gaps] == ["earlier runs of the workflow"]
