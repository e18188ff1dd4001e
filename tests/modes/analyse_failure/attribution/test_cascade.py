"""Where the log and the change meet, and how the failures of a run together decide."""

from dataclasses import replace

import pytest

from cicd_agent.analysis.logs.extract import Frame, Kind, Trouble
from cicd_agent.domain.events.workflow_run import RunNote, StepRun
from cicd_agent.domain.facts import Cause
from cicd_agent.modes.analyse_failure.evidence import LogSource, Role
from tests.modes.analyse_failure.attribution.cascade_rows import (
    APART,
    EDITED,
    MEETS,
    NOTHING,
    UNRELATED,
    Row,
    check,
    stand,
)
from tests.modes.analyse_failure.builders import (
    CLIENT,
    HEAD,
    IMPORTS,
    candidate,
    change,
    change_text,
    failed_run,
    install,
    job,
    lost,
    problem,
    trace,
    trouble,
)

LOST = "The hosted runner: GitHub Actions 5 lost communication with the server."
MISSING = "ModuleNotFoundError: No module named 'attrs'"
BROKEN = trouble(Trouble.NETWORK, "npm error network read ECONNRESET registry.npmjs.org:443")

ROWS = [
    # Where the log and the change meet.
    Row(
        "the very line was changed",
        failed_run(job(problem(frames=(Frame("src/client.py", 3), Frame("tests/test_client.py", 57))))), EDITED,
        *MEETS, 0.95, 0.95,
    ),
    Row(
        "the file of the innermost frame",
        failed_run(job(problem(frames=(Frame("src/client.py", 1), Frame("tests/test_client.py", 57))))), EDITED,
        *MEETS, 0.9, 0.9,
    ),
    Row(
        "the file of a frame farther out",
        failed_run(job(problem(frames=(Frame("src/codec.py", 9), Frame("src/client.py", 1))))), EDITED, *MEETS, 0.8,
        0.88,
    ),
    Row("a file that the test imports", failed_run(), EDITED, *MEETS, 0.7, 0.78),
    Row(
        "a file that is imported by one that the test imports", failed_run(), change("src/codec.py"), *MEETS, 0.6,
        0.68,
    ),
    Row("the test itself", failed_run(), change("tests/test_client.py"), *MEETS, 0.9),
    Row(
        "a package that is missing since the change",
        failed_run(job(problem(kind=Kind.DEPENDENCY, text=MISSING, test="", frames=()))),
        change_text("requirements.txt", "attrs\nhttpx\n", "httpx\n"), *MEETS, 0.85, 0.85,
    ),
    Row(
        "a step whose command the change edits",
        failed_run(job(problem(kind=Kind.UNKNOWN, text="Traceback", test="", frames=(), code="KeyError"))),
        change_text(".github/workflows/ci.yml", "- run: pytest -q\n", "- run: pytest\n"), *MEETS, 0.75, 0.75,
    ),
    Row(
        "only wrappers in the log", failed_run(job(places=())), change("src/client.py", "requirements.txt"), *NOTHING,
        0, 0.3,
    ),
    Row(
        "no change, but commits since the last green run",
        failed_run(candidates=(candidate("d", {"src/client.py": ((3, 3),)}),)), None, *MEETS, 0.7,
    ),
    # Nothing of it.
    Row("a test that reaches nothing that was changed", failed_run(), UNRELATED, *APART, 0.4, 0.5, "flaky"),
    Row("the same, of documentation", failed_run(), change("README.md"), *APART, 0.4, 0.5, "flaky"),
    Row("the same, with a fixture", failed_run(), change("src/unrelated.py", "tests/conftest.py"), *NOTHING, 0, 0.3),
    Row(
        "the same, with a table that any test may read", failed_run(), change("src/unrelated.py", "src/rates.json"),
        *NOTHING, 0, 0.3,
    ),
    Row("the same, with a dependency", failed_run(), change("src/unrelated.py", "requirements.txt"), *NOTHING, 0, 0.3),
    Row("the same, in another language", failed_run(), change("web/app.ts"), *NOTHING, 0, 0.3),
    Row("a test whose imports are not known", failed_run(imports={}), UNRELATED, *NOTHING, 0, 0.3),
    Row(
        "a test of which they are known in part",
        failed_run(imports={"tests/test_client.py": IMPORTS["tests/test_client.py"]}), UNRELATED, *NOTHING, 0, 0.3,
    ),
    Row("no change is known", failed_run(), None, *NOTHING, 0, 0.3),
    Row("nothing could be read", failed_run(jobs=()), None, *NOTHING, 0, 0),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_strength_of_a_meeting_is_how_sure_it_is(row: Row) -> None:
    check(row)


def test_a_run_is_excused_only_when_each_of_its_failures_is() -> None:
    broken = problem(line=20, first=19, last=21, test="test_codec", frames=(Frame("src/codec.py", 9),), strict="8" * 16)
    passed = trace(run=7, attempt=2, sha=HEAD, conclusion="success")
    both = failed_run(job(problem()), job(broken, name="codec"), traces=(passed,))
    standing = stand(both, change("src/codec.py"))
    assert standing.cause is Cause.CHANGE
    assert standing.group is not None
    assert standing.group.failure.test == "test_codec"


def test_a_job_that_may_fail_does_not_decide() -> None:
    broken = problem(line=20, first=19, last=21, test="test_codec", frames=(Frame("src/codec.py", 9),), strict="8" * 16)
    standing = stand(
        failed_run(install(BROKEN), job(broken, name="nightly", role=Role.TOLERATED)), change("src/codec.py")
    )
    assert standing.cause is Cause.INFRASTRUCTURE


def test_a_failure_that_a_green_log_has_as_well_is_weak_proof() -> None:
    known = problem(novel=False, frames=(Frame("src/client.py", 3),))
    standing = stand(failed_run(job(known)), EDITED)
    assert standing.confidence < 0.6


def test_without_the_lines_that_say_what_is_wrong_no_cause_is_sure() -> None:
    """What is left is the count of failures, and the runner's last word."""
    counted = problem(text="=== 1 failed, 12 passed in 0.3s ===", test="", frames=(), score=0.4)
    for of in (
        EDITED,
        change("requirements.txt"),
        change(".github/workflows/ci.yml"),
        UNRELATED,
        None,
    ):
        failed = failed_run(job(counted, places=()), traces=(trace(is_default=True), trace(pull=1), trace(pull=2)))
        assert stand(failed, of).confidence < 0.6


def test_a_lost_runner_needs_no_log() -> None:
    alone = lost(LOST)
    assert alone.source is LogSource.ANNOTATIONS
    assert stand(failed_run(alone), None).confidence >= 0.6


def test_a_note_of_a_tool_points_to_its_file() -> None:
    noted = replace(
        lost(steps=[StepRun("Run ruff", 2, "failure")]),
        notes=(RunNote("failure", "F821 undefined name", path="src/client.py", line=3),),
    )
    standing = stand(failed_run(noted), change_text("src/client.py", CLIENT.replace("5", "3"), CLIENT))
    assert (standing.cause, standing.confidence) == (Cause.CHANGE, 0.95)
