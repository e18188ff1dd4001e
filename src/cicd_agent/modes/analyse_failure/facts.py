"""What a diagnosis proves for later runs."""

import hashlib
from collections.abc import Iterator

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause, Fact, FactKind
from cicd_agent.domain.trials.patch_trial import Step
from cicd_agent.modes.analyse_failure.evidence import failed_run
from cicd_agent.modes.analyse_failure.result import Diagnosis


def facts(diagnosis: Diagnosis, evidence: Evidence) -> Iterator[Fact]:
    if not diagnosis.failures:
        return
    event, first = evidence.event, diagnosis.failures[0]
    run = failed_run(evidence).run
    # Of a pull request the run's commit may be a merge that nobody else ever sees.
    sha = event.sha or (run.sha if run else "")
    ref = (run.branch if run else "") or event.head.name
    subject = diagnosis.fingerprint
    values = {
        "failure_type": str(diagnosis.kind),
        "cause": str(diagnosis.cause),
        "root_cause": diagnosis.root_cause,
        "is_flaky": {Cause.FLAKY: "true", Cause.UNKNOWN: ""}.get(diagnosis.cause, "false"),
        "responsible_commit": diagnosis.responsible,
        "workflow": run.workflow if run else "",
        "run": str(run.id) if run else "",
        "run_created": str(run.created) if run and run.created else "",
        "job": first.job,
    }
    yield Fact("", FactKind.FAILURE, subject, 0, sha=sha, ref=ref, values=values)
    trial = diagnosis.trial
    if trial is not None and trial.step is Step.VERIFIED and trial.patch:
        digest = hashlib.sha256(trial.patch.encode("utf-8", "surrogatepass")).hexdigest()
        fix = {"verified": "true", "patch": digest, "paths": ", ".join(trial.paths)}
        yield Fact("", FactKind.FIX, subject, 0, sha=sha, ref=ref, values=fix)
