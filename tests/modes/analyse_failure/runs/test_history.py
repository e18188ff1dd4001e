"""What was before a failed run: who wrote which lines, what passed, and how few requests that takes."""

from collections.abc import Mapping
from dataclasses import replace

from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.domain.events.workflow_run import JobRun, RunState
from cicd_agent.domain.repository.change import ChangeSource, Commit
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.library import Blamed, Unreadable
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.analyse_failure.evidence import Candidate
from cicd_agent.modes.analyse_failure.runs.history import MAX_READ, History, blame_commits, list_commits
from tests.support.fakes.library import FakeLibrary
from tests.support.fakes.runs import FakeRuns
from tests.support.samples.changes import change_of, file_diff

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
        return tuple(
            Blamed(line, "new", ONE.sha if line == 2 else TWO.sha, "A", 0, "") for line in range(first, last + 1)
        )


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


RENAMED = replace(file_diff("old.py", None, None), path="a.py", kind=ChangeKind.RENAMED)
OLDER, LATER = Commit("3" * 40, "Older"), Commit("4" * 40, "Later")


def told(
    *files: tuple[str, str | None, str | None], commits: tuple[Commit, ...], by_sha: Mapping[str, tuple[FileDiff, ...]]
) -> dict[str, Candidate]:
    """The candidates by their subjects, of a change of these files that comes from these commits' own files."""
    change = replace(change_of(*files), commits=commits)
    found = blame_commits(change, Nobody({}), lambda sha: by_sha.get(sha, ()))
    return {each.commit.subject: each for each in found}


class Nobody(FakeLibrary):
    """Git blames no line of these files on a commit."""

    def blame(self, path: str, first: int, last: int) -> tuple[Blamed, ...]:
        raise Unreadable(f"{path}:{first}-{last}")


def test_a_commit_that_only_deletes_is_found_at_the_line_after_that() -> None:
    before, after = "def serve():\n    check()\n    return 1\n", "def serve():\n    return 1\n"
    deletion = {OLDER.sha: (file_diff("a.py", before, after),)}
    found = told(("a.py", before, after), commits=(LATER, OLDER), by_sha=deletion)
    assert (found["Older"].lines, found["Older"].names) == ({"a.py": ((2, 2),)}, {"a.py": ("serve",)})
    assert found["Older"].files == ("a.py +0 -1",)
    assert found["Later"].lines == {}


def test_a_deleted_file_is_one_that_its_commit_changed() -> None:
    gone = ("src/codec.py", "def decode():\n    return 1\n", None)
    found = told(gone, commits=(OLDER,), by_sha={OLDER.sha: (file_diff(*gone),)})
    assert found["Older"].paths == {"src/codec.py"}
    assert found["Older"].gone == ("codec", "decode")
    assert found["Older"].files == ("src/codec.py deleted",)


def test_a_comment_is_a_file_of_its_commit_and_no_reason() -> None:
    said = ("a.go", "// One.\nx := 1\n", "// Two.\nx := 1\n")
    found = told(said, commits=(OLDER,), by_sha={OLDER.sha: (file_diff(*said),)})
    assert (found["Older"].lines, found["Older"].paths) == ({"a.go": ()}, frozenset())


def test_an_edit_is_known_by_the_name_that_a_later_commit_gave_its_file() -> None:
    own = {OLDER.sha: (file_diff("old.py", "x = 1\n", "x = 2\n"),), LATER.sha: (RENAMED,)}
    found = told(("a.py", "x = 1\n", "x = 2\n"), commits=(LATER, OLDER), by_sha=own)
    assert found["Older"].paths == {"a.py"}
    assert found["Later"].lines == {"a.py": (), "old.py": None}
    assert found["Later"].gone == ("old",)


def test_work_that_is_not_committed_is_a_candidate_of_its_own() -> None:
    edit = ("a.py", "x = 1\n", "x = 2\n")
    change = replace(change_of(edit), commits=(OLDER,), source=ChangeSource.WORKTREE)
    parts = {"": (file_diff(*edit),)}
    found = blame_commits(change, Authors({}), lambda sha: parts.get(sha, ()))
    assert [(each.commit.sha, dict(each.lines)) for each in found] == [("", {"a.py": ((1, 1),)}), (OLDER.sha, {})]
    clean = replace(change_of(), commits=(OLDER,), source=ChangeSource.WORKTREE)
    assert [each.commit.sha for each in blame_commits(clean, Nobody({}), lambda _: ())] == [OLDER.sha]


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
