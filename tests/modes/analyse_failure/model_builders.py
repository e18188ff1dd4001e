"""A failed run with one log, the change that broke it, and what a model may say of the two."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.logs.extract import Elision, Extract, ExtractLine, Kind, Problem
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.events.workflow_run import JobRun
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.trials.patch_trial import Step, TrialReport
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.modes.analyse_failure.evidence import (
    FAILED_RUN,
    TRIALS,
    Candidate,
    FailedJob,
    FailedRun,
    LogLocation,
    LogSource,
)
from cicd_agent.modes.analyse_failure.questions import key
from cicd_agent.modes.analyse_failure.result import (
    CascadeStep,
    Citation,
    ClaimDraft,
    Diagnosis,
    Failure,
    FailureDraft,
    Fix,
    Ground,
    Overlap,
    Remedy,
)
from cicd_agent.modes.analyse_failure.verdict import verify
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

BLAMED, OTHER = "a1" * 20, "b2" * 20
MESSAGE = "E       assert 5 == 3"
WRAPPER = "##[error]Process completed with exit code 1."
LINES = {
    100: "tests/test_retry.py:12: in test_retry_limit",
    101: "    assert retries() == 3",
    102: MESSAGE,
    103: "src/retry.py:2: AssertionError",
    140: "custom check: src/retry.py has the wrong limit",
    141: "custom check: something has the wrong limit",
    150: WRAPPER,
}
BEFORE = "def retries():\n    return 3\n"
AFTER = "def retries():\n    return 5\n"
CHANGE = change_of(
    ("src/retry.py", BEFORE, AFTER),
    ("docs/notes.md", "old words\n", "new words here\n"),
    ("poetry.lock", "httpx = 1\n", "httpx = 2\n"),
    (".env", None, "hidden_word = 1\n"),
    paths=["src/other.py", "tests/test_retry.py"],
)
PATCH = """\
--- a/src/retry.py
+++ b/src/retry.py
@@ -1,2 +1,2 @@
 def retries():
-    return 5
+    return 3
"""


def problem(first: int, last: int, line: int, *, wraps: bool = False, novel: bool = True) -> Problem:
    return Problem(
        tool="runner" if wraps else "pytest",
        kind=Kind.UNKNOWN if wraps else Kind.TEST_FAILURE,
        line=line,
        first=first,
        last=last,
        text=LINES[line],
        score=0.1 if wraps else 0.9,
        wraps=wraps,
        novel=novel,
    )


PROBLEMS = (problem(100, 103, 102), problem(150, 150, 150, wraps=True))


def extract(lines: Mapping[int, str] = LINES, problems: tuple[Problem, ...] = PROBLEMS, total: int = 200) -> Extract:
    """Lines as they were kept; whatever lies between them is left out."""
    numbers = [0, *sorted(lines), total + 1]
    gaps = [(before + 1, after - 1) for before, after in pairwise(numbers)]
    return Extract(
        kept=tuple(ExtractLine(number, lines[number], 0.5, step="Run pytest") for number in sorted(lines)),
        elisions=tuple(Elision(first, last) for first, last in gaps if first <= last),
        problems=problems,
        total=total,
    )


def job(name: str = "unit (3.12)", read: Extract | None = None, **fields: Any) -> FailedJob:
    url = "https://github.com/o/r/actions/runs/1/job/2"
    return FailedJob(
        JobRun(2, name, "completed", "failure", url=url),
        **{
            "step": "Run pytest",
            "extract": extract() if read is None else read,
            "source": LogSource.JOB,
            "places": (LogLocation("src/retry.py", 2, 103),),
            **fields,
        },
    )


COMMITS = (
    Candidate(Commit(BLAMED, "Allow five retries"), {"src/retry.py": ((2, 2),)}),
    Candidate(Commit(OTHER, "Write notes"), {"docs/notes.md": None}),
)


def failed_run(*jobs: FailedJob, **fields: Any) -> FailedRun:
    return FailedRun(jobs=jobs or (job(),), **{"candidates": COMMITS, **fields})


def evidence(failed: FailedRun | None = None, **fields: Any) -> Evidence:
    event = Event(EventKind.PULL_REQUEST, repo="o/r", pull=PullRequest(7, title="Say flaky", body="Say rerun"))
    trials = fields.pop("trials", ())
    found = Evidence(event, **{"change": CHANGE, **fields}).put(FAILED_RUN, failed or failed_run())
    return found.put(TRIALS, trials)


def diagnosis(cause: Cause = Cause.UNKNOWN, **fields: Any) -> Diagnosis:
    """What rules have found; without a cause, nothing of any use."""
    rungs = {
        Cause.UNKNOWN: (CascadeStep.NONE, 0.2),
        Cause.CHANGE: (CascadeStep.MEETS_CHANGE, 0.9),
        Cause.FLAKY: (CascadeStep.SEEN_BEFORE, 0.9),
        Cause.INFRASTRUCTURE: (CascadeStep.SIGNATURE, 0.8),
        Cause.PRE_EXISTING: (CascadeStep.SEEN_BEFORE, 0.9),
    }
    rung, confidence = rungs[cause]
    found = Diagnosis(
        conclusion=Conclusion.SUCCESS,
        kind=Kind.TEST_FAILURE,
        cause=cause,
        rung=rung,
        confidence=confidence,
        root_cause="assert 5 == 3",
        failures=(Failure(Kind.TEST_FAILURE, MESSAGE, job="unit (3.12)", step="Run pytest"),),
        grounds=(Ground("the log names a changed file"),),
        meetings=(Overlap("src/retry.py", 2, 103),) if cause is Cause.CHANGE else (),
        remedy=Remedy.INVESTIGATE,
        next_step="Look at the log.",
    )
    return replace(found, **fields)


def cite(line: int, quote: str, exhibit: str = "LOG1") -> Citation:
    return Citation(exhibit=exhibit, line=line, quote=quote)


MESSAGE_CITED = cite(102, MESSAGE)
CHANGE_CITED = cite(2, "return 5", "src/retry.py")
WRAPPER_CITED = cite(150, WRAPPER)


def claim(*citations: Citation, statement: str = "The limit was raised to 5.") -> ClaimDraft:
    return ClaimDraft(statement=statement, citations=citations)


def draft(*citations: Citation, **fields: Any) -> FailureDraft:
    """That the change did it; without citations of its own, proved by the message and the changed line."""
    return FailureDraft(
        **{
            "insufficient_evidence": False,
            "claims": (claim(*(citations or (MESSAGE_CITED, CHANGE_CITED))),),
            "failure_type": Kind.TEST_FAILURE,
            "cause": Cause.CHANGE,
            "root_cause": "`retries` returns 5 where the test expects 3.",
            "responsible_commit": None,
            "affected_files": (),
            "fix": Fix(kind=Remedy.CODE_CHANGE, description="Return 3 again.", patch=None),
            "confidence": 0.9,
            "escalate": None,
            **fields,
        }
    )


def fix(kind: Remedy = Remedy.CODE_CHANGE, description: str = "Return 3 again.", patch: str | None = None) -> Fix:
    return Fix(kind=kind, description=description, patch=patch)


def tried(step: Step, patch: str = PATCH) -> TrialReport:
    return TrialReport(key(patch), step, detail="as tried", patch=patch, paths=("src/retry.py",))


def answer(said: FailureDraft | None, **fields: Any) -> Answer[FailureDraft]:
    return Answer("failure", said, **fields)


NAMED = cite(140, LINES[140])
UNNAMED = cite(141, LINES[141])
MADE_UP = cite(102, "E  assert 6 == 3")
AGAIN: dict[str, Any] = {
    "rerun": True,
    "rerun_kind": "infrastructure",
    "remedy": Remedy.RETRY,
    "next_step": "Run it again.",
}


def judged(said: FailureDraft | None, rules: Diagnosis | None = None, seen: Evidence | None = None) -> Diagnosis:
    return verify(rules or diagnosis(), (answer(said),), seen or evidence(), Settings())


def reasons(told: Diagnosis) -> dict[str, str]:
    return {each.text: each.reason for each in told.dropped}
