"""A failed command, its log, and a model that has read it and proposes a patch, up to what came of the trial."""

import time

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.adapters.test_runner.patch_trial import LocalPatchTester
from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.analysis.logs.extract import Extract
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.patches.syntax import PARSERS
from cicd_agent.analysis.patches.writer import written
from cicd_agent.app.test_runner import patch_surroundings
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.events.workflow_run import JobRun
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.trials.patch_trial import TrialReport
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, TRIALS, FailedJob, FailedRun, LogSource
from cicd_agent.modes.analyse_failure.questions import experiment, questions
from cicd_agent.modes.analyse_failure.result import Citation, ClaimDraft, FailureDraft, Fix, Remedy
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.modes.analyse_failure.verdict import verify
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings
from tests.support.fakes.library import FakeLibrary
from tests.support.fakes.scripted_model import ScriptedModel
from tests.support.jobs.failure import log
from tests.support.samples.changes import change_of
from tests.support.samples.real_failures import Job, RealFailure, Texts

SECONDS = 300.0


class Attempts:
    """Tries patches for one failure in one sandbox, by the steps of the mode in their order."""

    def __init__(self, failure: RealFailure, job: Job, sandbox: LocalSandbox) -> None:
        self.failure = failure
        self._extract = reduce([log(job.printed, failure.command)])
        around = patch_surroundings(sandbox, time.monotonic, SECONDS, job.top, job.tools)
        self._tester = LocalPatchTester(
            job.top,
            FakeLibrary(failure.files),
            failure.command,
            around,
            parsers=PARSERS,
            denied=lambda _: False,
            redact=str,
        )

    def attempt(self, texts: Texts) -> TrialReport:
        """What came of the patch that makes files these texts."""
        failure, settings = self.failure, Settings()
        patch = written({path: failure.files.get(path) for path in texts}, texts)
        failed = FailedJob(JobRun(2, "test", "completed", "failure"), extract=self._extract, source=LogSource.JOB)
        change = change_of((failure.product, failure.fixed[failure.product], failure.files[failure.product]))
        event = Event(EventKind.PULL_REQUEST, repo="o/r", pull=PullRequest(7, title="Change it"))
        evidence = Evidence(event, change=change).put(FAILED_RUN, FailedRun(jobs=(failed,)))
        [question] = questions(evidence, (), settings)
        budget = Budget(requests=2, input_tokens=200_000, seconds=60, clock=time.monotonic)
        with ScriptedModel(_draft(self._extract, patch).model_dump_json()) as model:
            answers = (ask(question, model, budget, key=b"secret", redact=str),)
        world = Ports(patch_tester=lambda _: self._tester)
        seen = experiment(answers, evidence, world, settings, lambda _: None, last=True)
        told = verify(rules(seen, settings), answers, seen, settings)
        [report] = seen[TRIALS]
        assert told.trial == report
        return report


def _draft(extract: Extract, patch: str) -> FailureDraft:
    """What a model says that cites the line which says what failed."""
    number = extract.problems[0].line
    text = next(line.text for line in extract.kept if line.number == number)
    return FailureDraft(
        insufficient_evidence=False,
        claims=(
            ClaimDraft(statement="The test fails.", citations=(Citation(exhibit="LOG1", line=number, quote=text),)),
        ),
        failure_type=extract.problems[0].kind,
        cause=Cause.UNKNOWN,
        root_cause="The code does something else than its test expects.",
        responsible_commit=None,
        affected_files=(),
        fix=Fix(kind=Remedy.CODE_CHANGE, description="Mend it.", patch=patch),
        confidence=0.9,
        escalate=None,
    )
