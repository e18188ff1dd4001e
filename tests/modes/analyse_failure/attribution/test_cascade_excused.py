"""The rungs that excuse a change, and for each what only looks like it."""

from dataclasses import replace

import pytest

from cicd_agent.analysis.logs.extract import Extract, ExtractLine, Kind, Trouble
from cicd_agent.analysis.test_reports.cases import Case, Outcome
from cicd_agent.domain.events.workflow_run import StepRun
from cicd_agent.domain.facts import Cause
from cicd_agent.modes.analyse_failure.evidence import LogSource
from cicd_agent.modes.analyse_failure.result import CascadeStep
from tests.modes.analyse_failure.attribution.cascade_rows import (
    EDITED,
    INFRA,
    LOST_RUNNER,
    MEETS,
    NOTHING,
    OLD,
    PASSED,
    TROUBLED,
    UNRELATED,
    Row,
    check,
    stand,
)
from tests.modes.analyse_failure.builders import (
    BASE,
    EXIT,
    HEAD,
    RUN,
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
SHUTDOWN = "The runner has received a shutdown signal. This can happen when the runner service is stopped."
FLAKY_CASE = Case("test_retry_limit", "tests.test_client", Outcome.PASSED, flaked=True, source="junit.xml")
RESET = "npm error network read ECONNRESET registry.npmjs.org:443"
BROKEN = trouble(Trouble.NETWORK, RESET)
PRINTED = [
    (Trouble.DISK, "OSError: [Errno 28] No space left on device"),
    (Trouble.NETWORK, "ConnectionResetError: Connection reset by peer"),
    (Trouble.NETWORK, "getaddrinfo ENOTFOUND registry.npmjs.org"),
    (Trouble.SERVICE, "503 Service Unavailable: https://pypi.org/simple/"),
    (Trouble.RATE_LIMIT, "429 Too Many Requests"),
    (Trouble.REGISTRY, "npm error 503 registry.npmjs.org"),
    (Trouble.MEMORY, "FATAL ERROR: JavaScript heap out of memory"),
    (Trouble.RUNNER, "The hosted runner lost communication with the server"),
]
ON_DEFAULT = trace(is_default=True)

ROWS = [
    # What GitHub itself says.
    Row("a lost runner", failed_run(lost(LOST)), UNRELATED, *LOST_RUNNER, 0.85, 0.85, INFRA),
    Row("a shutdown", failed_run(lost(SHUTDOWN)), UNRELATED, *LOST_RUNNER, 0.95, 0.95, INFRA),
    Row("a job without a conclusion", failed_run(lost(conclusion="")), EDITED, *LOST_RUNNER, 0.9, 0.9, INFRA),
    Row(
        "a run that could not start, of a change that touches no workflow",
        failed_run(run=replace(RUN, conclusion="startup_failure"), jobs=()), UNRELATED, *LOST_RUNNER, 0.8, 0.8, INFRA,
    ),
    Row(
        "a run that could not start, of a change that edits its workflow",
        failed_run(run=replace(RUN, conclusion="startup_failure"), jobs=()), change(".github/workflows/ci.yml"),
        *MEETS, 0.75, 0.75,
    ),
    Row(
        "the same words printed as an annotation by a step that failed",
        failed_run(lost(SHUTDOWN, steps=[StepRun("Run pytest", 2, "failure")])), UNRELATED, *NOTHING, 0, 0.3,
    ),
    Row(
        "the same words printed into the log by a test",
        failed_run(job(problem(), trouble(Trouble.RUNNER, SHUTDOWN, tool="runner", line=42, first=42, last=42))),
        EDITED, *MEETS, 0.7,
    ),
    Row(
        "the same words in the log of a step that came to its end",
        failed_run(job(trouble(Trouble.RUNNER, SHUTDOWN, tool="actions"))), UNRELATED, *NOTHING,
    ),
    Row("a note that names a file", failed_run(lost(SHUTDOWN, path="src/x.py")), UNRELATED, *NOTHING),
    Row(
        "cancelled by a person", failed_run(lost("The run was canceled by @user.", conclusion="cancelled")),
        UNRELATED, *NOTHING,
    ),
    Row(
        "a time limit of its own",
        failed_run(lost("The job has exceeded the maximum execution time of 10m0s", conclusion="timed_out")),
        UNRELATED, *NOTHING,
    ),
    # The same commit, elsewhere.
    Row(
        "another attempt passed",
        failed_run(traces=(trace(run=7, attempt=2, sha=HEAD, conclusion="success", url="https://x/2"),)), EDITED,
        *PASSED, 0.95, 0.95, "flaky", ["https://x/2"],
    ),
    Row(
        "another attempt passed where a registry had been down",
        failed_run(job(BROKEN), traces=(trace(run=7, attempt=2, sha=HEAD, conclusion="success"),)), EDITED,
        Cause.INFRASTRUCTURE, CascadeStep.PASSED_ELSEWHERE, 0.95, 0.95, INFRA,
    ),
    Row(
        "another run of a pull request's head, with perhaps another base",
        failed_run(traces=(trace(sha=HEAD, conclusion="success", when=999_000),)), EDITED, *PASSED, 0.8, 0.8, "flaky",
    ),
    Row(
        "a push that passed on the same commit an hour ago",
        failed_run(
            run=replace(RUN, event="push"),
            traces=(trace(sha=HEAD, conclusion="success", when=999_000, event="push"),),
        ),
        EDITED, *PASSED, 0.95, 0.95, "flaky",
    ),
    Row(
        "the same commit passed last week",
        failed_run(run=replace(RUN, event="schedule"), traces=(trace(sha=HEAD, conclusion="success", when=400_000),)),
        None, Cause.UNKNOWN, CascadeStep.PASSED_ELSEWHERE, 0.5, 0.5,
    ),
    Row(
        "another job passed on the same commit",
        failed_run(traces=(trace(run=7, attempt=2, job="lint", sha=HEAD, conclusion="success"),)), EDITED, *MEETS,
    ),
    Row(
        "the test passed when its runner ran it again", failed_run(cases=(FLAKY_CASE,)), EDITED, *PASSED, 0.95, 0.95,
        "flaky",
    ),
    Row(
        "another test passed when its runner ran it again",
        failed_run(cases=(replace(FLAKY_CASE, name="test_other"),)), EDITED, *MEETS,
    ),
    Row(
        "the log says flaky", failed_run(job(problem(text="E  flaky test, known to be intermittent: please retry"))),
        EDITED, *MEETS,
    ),
    # The same failure, elsewhere.
    Row(
        "the default branch fails in the same way", failed_run(traces=(ON_DEFAULT,)), EDITED, *OLD, 0.9,
        0.9, "", ["https://github.com/o/r/actions/runs/5"],
    ),
    Row(
        "the commit it begins from fails in the same way", failed_run(traces=(trace(is_default=True, sha=BASE),)),
        EDITED, *OLD, 0.95,
    ),
    Row(
        "the default branch failed so and was fixed",
        failed_run(traces=(trace(is_default=True, fixed_by="f" * 40),)), UNRELATED, *OLD, 0.7, 0.7,
    ),
    Row(
        "the default branch was fixed, and the change is where it points to",
        failed_run(traces=(trace(is_default=True, fixed_by="f" * 40),)), EDITED, *MEETS,
    ),
    Row(
        "on the default branch it fails and passes on one commit",
        failed_run(traces=(ON_DEFAULT, replace(ON_DEFAULT, run=6, conclusion="success", strict=(), when=900_100))),
        EDITED, Cause.FLAKY, CascadeStep.SEEN_BEFORE, 0.85, 0.85, "flaky",
    ),
    Row(
        "on the default branch it comes and goes",
        failed_run(traces=(
            trace(is_default=True, sha="1" * 40, when=1),
            trace(is_default=True, sha="2" * 40, when=2, conclusion="success", strict=()),
            trace(is_default=True, sha="3" * 40, when=3),
        )),
        EDITED, Cause.FLAKY, CascadeStep.SEEN_BEFORE, 0.85, 0.85, "flaky",
    ),
    Row(
        "a known flaky test fails in a new way",
        failed_run(traces=(replace(ON_DEFAULT, strict=("9" * 16,)), replace(ON_DEFAULT, run=6, conclusion="success"))),
        EDITED, *MEETS,
    ),
    Row(
        "a default branch that holds the change already", failed_run(traces=(trace(is_default=True, sha=HEAD),)),
        EDITED, *MEETS,
    ),
    Row("a default branch after it", failed_run(traces=(trace(is_default=True, when=2_000_000),)), EDITED, *MEETS),
    Row("two other pull requests", failed_run(traces=(trace(pull=1), trace(pull=2))), EDITED, *OLD, 0.8, 0.8),
    Row("one other pull request, twice", failed_run(traces=(trace(pull=1), trace(pull=1, run=6))), EDITED, *MEETS),
    Row(
        "earlier runs of the same pull request",
        failed_run(traces=(trace(pull=12), trace(pull=12, run=6, sha="d" * 40))), EDITED, *MEETS,
    ),
    Row("another job with the same words", failed_run(traces=(trace(is_default=True, job="deploy"),)), EDITED, *MEETS),
    Row(
        "only a wrapper's words were seen before",
        failed_run(job(replace(EXIT, strict="7" * 16)), traces=(trace(is_default=True, strict=("7" * 16,)),)),
        UNRELATED, *NOTHING, 0, 0.3,
    ),
    # Trouble outside.
    Row("a registry resets the connection", failed_run(install(BROKEN)), UNRELATED, *TROUBLED, 0.8, 0.8, INFRA),
    Row("the same, and no change is known", failed_run(install(BROKEN)), None, *TROUBLED, 0.55, 0.55, INFRA),
    Row(
        "the same, of a change of the lock file", failed_run(install(BROKEN)), change("package-lock.json"), *NOTHING, 0,
        0.6,
    ),
    Row(
        "the same, of a change of the workflow", failed_run(install(BROKEN)), change(".github/workflows/ci.yml"),
        *NOTHING,
    ),
    Row(
        "a host that the change names itself",
        failed_run(install(trouble(Trouble.NETWORK, "curl: (6) Could not resolve host: nosuch.example.com"))),
        change_text("src/unrelated.py", "a\n", "a\nURL = 'https://nosuch.example.com'\n"), *NOTHING,
    ),
    Row(
        "a port that the change sets itself",
        failed_run(install(trouble(Trouble.NETWORK, "connect ECONNREFUSED 10.0.0.7:5433", tool="node"))),
        change_text("src/unrelated.py", "a\n", "a\nPORT = 5433\n"), *NOTHING,
    ),
    Row(
        "a server of the job's own",
        failed_run(install(trouble(Trouble.NETWORK, "connect ECONNREFUSED 127.0.0.1:5432"))), UNRELATED, *NOTHING,
    ),
    Row(
        "network words in the output of a test of the client that is changed",
        failed_run(job(problem(trouble=Trouble.NETWORK, text="E  ConnectionError: api.example.com timed out"))),
        EDITED, *MEETS, 0.7,
    ),
    Row(
        "trouble that was overcome, far before the end",
        failed_run(job(BROKEN, extract=Extract((), (), (BROKEN, replace(EXIT, line=900, first=900, last=900)), 1_000))),
        UNRELATED, *NOTHING,
    ),
    Row("trouble in another step", failed_run(install(replace(BROKEN, step="Upload coverage"))), UNRELATED, *NOTHING),
    Row("trouble that a green log has as well", failed_run(install(replace(BROKEN, novel=False))), UNRELATED, *NOTHING),
    Row(
        "too little memory, and code was changed",
        failed_run(install(trouble(Trouble.MEMORY, "FATAL ERROR: JavaScript heap out of memory"))), UNRELATED,
        *TROUBLED, 0.6, 0.6, INFRA,
    ),
    # What a test, or any code of the change's, can print as well.
    *(
        Row(f"{text} in a step that runs the change's code", failed_run(job(trouble(kind, text))), UNRELATED, *NOTHING)
        for kind, text in PRINTED
    ),
    Row("the same, and no change is known", failed_run(job(BROKEN)), None, *NOTHING),
    Row(
        "the same, in annotations, which any step can make", failed_run(install(BROKEN, source=LogSource.ANNOTATIONS)),
        UNRELATED, *NOTHING,
    ),
    Row(
        "the same, in a log that somebody has given without a run or a change",
        failed_run(job(BROKEN, source=LogSource.FILE), run=None), None, *TROUBLED, 0.55, 0.55, INFRA,
    ),
    Row(
        "the same, on another branch as well", failed_run(job(BROKEN), traces=(trace(pull=3, branch="other"),)),
        UNRELATED, *TROUBLED, 0.8, 0.8, INFRA,
    ),
    Row(
        "the same, on an earlier commit of this branch",
        failed_run(job(BROKEN), traces=(trace(pull=12, branch="topic"),)), UNRELATED, *NOTHING,
    ),
    Row("a test's own time limit", failed_run(job(problem(trouble=Trouble.TIMEOUT))), EDITED, *MEETS),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_first_rung_that_holds_names_the_cause(row: Row) -> None:
    check(row)


@pytest.mark.parametrize(("kind", "text"), PRINTED)
def test_what_is_not_taken_as_an_excuse_is_said(kind: Trouble, text: str) -> None:
    grounds = [ground.text for ground in stand(failed_run(job(trouble(kind, text))), UNRELATED).grounds]
    assert any(text in each and "reports a" in each for each in grounds) == (kind is not Trouble.RUNNER)
    assert any("does not prove an infrastructure failure" in each for each in grounds) == (kind is not Trouble.RUNNER)


def test_a_full_disk_of_the_runners_own_is_one() -> None:
    text = "System.IO.IOException: No space left on device : '/home/runner/runners/2.3/_diag/Worker_1.log'"
    standing = stand(failed_run(lost(text)), UNRELATED)
    assert (standing.cause, standing.step) == LOST_RUNNER
    printed = stand(failed_run(replace(job(), notes=lost(text).notes)), UNRELATED)
    assert printed.cause is not Cause.INFRASTRUCTURE


def test_a_checker_of_links_that_lists_a_dead_host_is_not_in_trouble_itself() -> None:
    dead = replace(trouble(Trouble.NETWORK, "x https://gone.example.org (getaddrinfo ENOTFOUND)"), kind=Kind.UNKNOWN)
    moved = [f"x https://example.com/{number} [301] moved" for number in range(3)]
    for lines, cause in ((moved, Cause.UNKNOWN), (moved[:1], Cause.INFRASTRUCTURE)):
        failed = job(dead, source=LogSource.FILE)
        kept = (*failed.extract.kept, *(ExtractLine(5 + at, text, 0.5) for at, text in enumerate(lines)))
        failed = replace(failed, extract=replace(failed.extract, kept=kept))
        assert stand(failed_run(failed, run=None), None).cause is cause


def test_what_fails_on_a_full_disk_has_the_disk_for_its_cause() -> None:
    full = replace(trouble(Trouble.DISK, "No space left on device"), kind=Kind.INFRASTRUCTURE, tool="disk")
    panic = problem(line=45, first=45, last=45, frames=(), text="thread panicked at 'assertion failed'", tool="cargo")
    for first, cause in ((panic, Cause.INFRASTRUCTURE), (replace(panic, trouble=Trouble.TIMEOUT), Cause.UNKNOWN)):
        failed = job(first, replace(full, score=0.3), source=LogSource.FILE)
        assert stand(failed_run(failed, run=None), None).cause is cause


def test_a_tool_that_lists_all_that_it_could_not_fetch_is_in_trouble_at_its_first_line() -> None:
    first = trouble(
        Trouble.NETWORK, "E: Failed to fetch a: connection timed out", tool="apt", line=10, first=10, last=10
    )
    others = [replace(first, line=at, first=at, last=at, text=f"E: Failed to fetch {at}") for at in range(20, 120, 10)]
    for problems, cause in (((first, *others), Cause.INFRASTRUCTURE), ((first,), Cause.UNKNOWN)):
        failed = job(*problems, source=LogSource.FILE)
        kept = tuple(replace(line, number=125) if line.number == EXIT.line else line for line in failed.extract.kept)
        ended = (*problems, replace(EXIT, line=125, first=125, last=125))
        failed = replace(failed, extract=replace(failed.extract, kept=kept, problems=ended, total=130))
        assert stand(failed_run(failed, run=None), None).cause is cause
