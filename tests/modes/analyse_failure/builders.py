"""Failed runs as the tests write them: a Python project whose test of the client fails, and what is known beside."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cicd_agent.analysis.logs.extract import Extract, ExtractLine, Frame, Kind, Problem, Trouble
from cicd_agent.domain.events.workflow_run import JobRun, RunNote, RunState, StepRun
from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.modes.analyse_failure.evidence import Candidate, FailedJob, FailedRun, LogLocation, LogSource, Trace
from tests.support.samples.changes import change_of

HEAD, BASE = "h" * 40, "b" * 40
STRICT, LOOSE = "5" * 16, "1" * 16
RUN = RunState(
    7, 1, "CI", 3, "pull_request", "completed", "failure", "topic", HEAD, "o/r", "https://github.com/o/r/actions/runs/7",
    created=1_000_000, pulls=(12,),
)  # fmt: skip
CLIENT = "class Client:\n    def retry(self):\n        limit = 5\n        return limit\n"
PATHS = ("src/client.py", "src/codec.py", "src/unrelated.py", "tests/test_client.py", "README.md", "requirements.txt")
IMPORTS = {"tests/test_client.py": ("src/client.py",), "src/client.py": ("src/codec.py",), "src/codec.py": ()}


def problem(**fields: Any) -> Problem:
    """A failing test, on line 40 of the log, unless said otherwise."""
    known: dict[str, Any] = {
        "tool": "pytest",
        "kind": Kind.TEST_FAILURE,
        "line": 40,
        "first": 38,
        "last": 44,
        "text": "E       assert 5 == 3",
        "score": 0.95,
        "step": "Run pytest",
        "test": "test_retry_limit",
        "frames": (Frame("tests/test_client.py", 57),),
        "strict": STRICT,
        "loose": LOOSE,
    }
    return Problem(**{**known, **fields})


def trouble(kind: Trouble, text: str, **fields: Any) -> Problem:
    """Trouble that an installer met, and no test."""
    known: dict[str, Any] = {
        "tool": "npm",
        "kind": Kind.DEPENDENCY,
        "test": "",
        "frames": (),
        "text": text,
        "trouble": kind,
    }
    return problem(**{**known, **fields})


EXIT = Problem("runner", Kind.UNKNOWN, 50, 50, 50, "Process completed with exit code 1.", 0.1, "Run pytest", wraps=True)


def extract(*problems: Problem, total: int = 60) -> Extract:
    """An extract that keeps the lines of these problems, and the runner's last word."""
    lines: dict[int, str] = {EXIT.line: EXIT.text}
    for each in problems:
        for number in range(each.first, each.last + 1):
            lines.setdefault(number, f"line {number}")
        lines[each.line] = each.text
    kept = tuple(ExtractLine(number, lines[number], 0.5, step="Run pytest") for number in sorted(lines))
    return Extract(kept, (), (*problems, EXIT), total, 100, 2_000)


def job(
    *problems: Problem, name: str = "unit", places: Sequence[LogLocation] | None = None, **fields: Any
) -> FailedJob:
    """A job whose step "Run pytest" failed. Its places are those of the problems' frames, as they are written."""
    run = JobRun(
        70, name, "completed", "failure", 0, 60,
        (StepRun("Set up job", 1, "success"), StepRun("Run pytest", 2, "failure"), StepRun("Post", 3, "skipped")),
        "GitHub Actions 5", f"https://github.com/o/r/actions/runs/7/job/{len(name)}",
    )  # fmt: skip
    found = tuple(
        LogLocation(frame.path, frame.line, each.line, depth, frame.path.startswith("tests/"))
        for each in problems
        for depth, frame in enumerate(each.frames)
    )
    known = FailedJob(
        run,
        step="Run pytest",
        extract=extract(*problems),
        source=LogSource.JOB,
        places=found if places is None else tuple(places),
    )
    return replace(known, **fields)


def install(*problems: Problem, **fields: Any) -> FailedJob:
    """A job whose step "Run npm ci" failed, which runs nothing of the repository's."""
    step = "Run npm ci"
    known = job(
        *(replace(each, step=step if each.step == "Run pytest" else each.step) for each in problems),
        **{"step": step, "setup": (step,), **fields},
    )
    renamed = (replace(each, name=step if each.name == "Run pytest" else each.name) for each in known.job.steps)
    return replace(known, job=replace(known.job, steps=tuple(renamed)))


def lost(*notes: str, steps: Sequence[StepRun] = (), conclusion: str = "failure", path: str = ".github") -> FailedJob:
    """A job without a log, with what GitHub noted on it."""
    running = tuple(steps) or (StepRun("Set up job", 1, "success"), StepRun("Run pytest", 2, ""))
    known = job()
    return replace(
        known,
        job=replace(known.job, conclusion=conclusion, steps=running),
        extract=Extract(),
        source=LogSource.ANNOTATIONS,
        notes=tuple(RunNote("failure", message, path=path, line=1) for message in notes),
    )


def failed_run(*jobs: FailedJob, **fields: Any) -> FailedRun:
    """The run of a pull request, with the imports of its project."""
    known: dict[str, Any] = {"run": RUN, "jobs": jobs or (job(problem()),), "imports": IMPORTS}
    return FailedRun(**{**known, **fields})


def trace(**fields: Any) -> Trace:
    """The same job on another branch, failing in the same way."""
    known: dict[str, Any] = {
        "run": 5,
        "attempt": 1,
        "job": "unit",
        "conclusion": "failure",
        "sha": "c" * 40,
        "strict": (STRICT,),
        "when": 900_000,
        "url": "https://github.com/o/r/actions/runs/5",
    }
    return Trace(**{**known, **fields})


def change(*paths: str, paths_there: Sequence[str] = PATHS, **texts: tuple[str, str]) -> Change:
    """A change that edits these files; the client's third line where that is one of them."""
    files = [(path, *(texts.get(path) or _edit(path))) for path in paths]
    return change_of(*files, paths=paths_there)


def change_text(path: str, before: str | None, after: str | None) -> Change:
    """A change of one file's text."""
    return change_of((path, before, after), paths=PATHS)


def _edit(path: str) -> tuple[str, str]:
    if path == "src/client.py":
        return CLIENT.replace("limit = 5", "limit = 3"), CLIENT
    return "one\ntwo\n", "one\nthree\n"


def candidate(sha: str, lines: Mapping[str, tuple[tuple[int, int], ...] | None], subject: str = "Do it") -> Candidate:
    """A commit since the last green run."""
    return Candidate(Commit(sha * 40, subject), lines)
