"""The mode that analyses failures: what failed, which lines prove it, whose fault it is, what to do next."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.text.words import count
from cicd_agent.domain.trials.patch_trial import Step
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, failed_run
from cicd_agent.modes.analyse_failure.gather import declines, gather
from cicd_agent.modes.analyse_failure.page import page
from cicd_agent.modes.analyse_failure.questions import experiment, questions
from cicd_agent.modes.analyse_failure.report import OUTPUTS, report
from cicd_agent.modes.analyse_failure.result import Diagnosis
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.modes.analyse_failure.runs.previous_failures import save_traces
from cicd_agent.modes.analyse_failure.verdict import verify
from cicd_agent.modes.protocol import Mode
from cicd_agent.modes.shared.change_reader import change_tools
from cicd_agent.settings.schema import Settings


class AnalyseFailure(Mode[Diagnosis]):
    """Each step has a module of its own name."""

    name = "analyse-failure"
    saves_rule_state = True
    outputs = OUTPUTS
    gather = staticmethod(gather)
    page = staticmethod(page)
    rules = staticmethod(rules)
    questions = staticmethod(questions)
    tools = staticmethod(change_tools)
    experiment = staticmethod(experiment)
    verify = staticmethod(verify)
    report = staticmethod(report)

    def declines(self, event: Event, settings: Settings | None = None) -> str | None:  # noqa: ARG002
        return declines(event)

    def state_key(self, evidence: Evidence, event: Event) -> str:
        if evidence.get(FAILED_RUN) is None:
            return super().state_key(evidence, event)
        return f"{event.repo}!failures" if event.repo and event.repo == evidence.event.repo else ""

    def save_state(self, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Sequence[str]:  # noqa: ARG002
        return save_traces(evidence)

    def facts(self, result: Diagnosis, evidence: Evidence, outputs: Mapping[str, str]) -> Iterable[Fact]:  # noqa: ARG002
        if not result.failures:
            return
        event, run, trial = evidence.event, failed_run(evidence).run, result.trial
        # Of a pull request the run's commit may be a merge that nobody else ever sees.
        sha = event.sha or (run.sha if run else "")
        ref = (run.branch if run else "") or event.head.name
        values = {
            "failure_type": str(result.kind),
            "cause": str(result.cause),
            "root_cause": result.root_cause,
            "is_flaky": result.is_flaky,
            "responsible_commit": result.responsible,
            "workflow": run.workflow if run else "",
            "run": str(run.id) if run else "",
            "run_created": str(run.created) if run and run.created else "",
            "job": result.failures[0].job,
        }
        yield Fact("", FactKind.FAILURE, result.fingerprint, 0, sha=sha, ref=ref, values=values)
        if trial is not None and trial.step is Step.VERIFIED and trial.patch:
            digest = hashlib.sha256(trial.patch.encode("utf-8", "surrogatepass")).hexdigest()
            values = {"verified": "true", "patch": digest, "paths": ", ".join(trial.paths)}
            yield Fact("", FactKind.FIX, result.fingerprint, 0, sha=sha, ref=ref, values=values)

    def size(self, evidence: Evidence) -> str:
        failed = evidence.get(FAILED_RUN)
        if failed is None:
            return super().size(evidence)
        lines = sum(job.extract.total for job in failed.jobs)
        return f"{count(len(failed.jobs), 'job')}, {count(lines, 'log line')}"

    def gathered(self, evidence: Evidence) -> str:
        failed = evidence.get(FAILED_RUN)
        return f"gathered the logs of {count(len(failed.jobs), 'job')}" if failed else super().gathered(evidence)


MODE = AnalyseFailure()
