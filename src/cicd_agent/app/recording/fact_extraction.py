"""What a run leaves for those that come after it: of its decision, the facts that are known for sure."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from cicd_agent.app.decision import Decision
from cicd_agent.domain.change import ChangeSource
from cicd_agent.domain.fact_trust import BOOK
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.domain.patch_trial import Step
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.verdict import Risk, Verdict
from cicd_agent.modes.analyse_failure.result import Cause, Diagnosis
from cicd_agent.modes.deploy_gate.result import Gated
from cicd_agent.modes.gen_tests.evidence import SuiteState
from cicd_agent.modes.gen_tests.result import Generated
from cicd_agent.modes.route.result import Routed

LONGEST: Final = 500
"""Characters of a value."""
_SHARES = re.compile(r"(\d{1,3}(?:\.\d+)?) % → (\d{1,3}(?:\.\d+)?) % of lines")
_NO_TESTS = frozenset({SuiteState.EMPTY, SuiteState.BROKEN, SuiteState.UNAVAILABLE})

Values = Mapping[str, str]
Left = tuple[FactKind, str, str, str, Values]
"""A fact without its run: kind, subject, commit, branch, values."""


def facts_of(
    decision: Decision, outputs: Mapping[str, str], repository: str, event_id: str, at: int
) -> tuple[Fact, ...]:
    """The facts of a run that came to a result: none of one that declined, or that is about uncommitted work.

    `outputs` are its step outputs. Values are as they were found: whoever stores them redacts them.
    """
    evidence = decision.evidence
    if decision.declined or evidence is None or not repository:
        return ()
    if evidence.change is not None and evidence.change.source is ChangeSource.WORKTREE:
        return ()
    return tuple(
        Fact(repository, kind, subject, at, decision.mode, sha, ref, event_id, _texts(values))
        for kind, subject, sha, ref, values in _left(decision, outputs)
        if subject and any(values.values())
    )


def _left(decision: Decision, outputs: Mapping[str, str]) -> Iterator[Left]:
    event = decision.event
    sha, ref = event.sha, event.head.name
    match decision.judged:
        case None:
            return
        case Verdict() as verdict:
            yield FactKind.REVIEW, sha, sha, ref, _of_review(verdict)
        case Generated() as generated:
            yield FactKind.TESTS, sha, sha, ref, _of_suite(generated)
            yield FactKind.COVERAGE, sha, sha, ref, _of_coverage(outputs)
        case Diagnosis() as diagnosis:
            yield from _of_failure(decision, diagnosis)
        case Routed() as routed:
            yield FactKind.ROUTE, sha, sha, ref, _of_route(routed)
        case Gated() as gated:
            yield from _of_gate(decision, gated)


def _of_review(verdict: Verdict) -> Values:
    return {
        "decision": verdict.decision,
        **_risk(verdict.risk),
        "blocking": str(len(verdict.blocking)),
        "findings": str(len(verdict.findings)),
        "confidence": _number(verdict.confidence),
    }


def _of_suite(generated: Generated) -> Values:
    """How the project's own tests went before any was added."""
    suite = generated.suite
    if suite.state in _NO_TESTS or not suite.tests:
        return {}
    failed = len(suite.failed)
    if (suite.state is SuiteState.RED) != bool(failed) or failed > suite.tests:
        return {"state": suite.state.value}
    return {"state": suite.state.value, "passed": str(suite.tests - failed), "failed": str(failed)}


def _of_coverage(outputs: Mapping[str, str]) -> Values:
    """Of the files that the change touches, and of its lines; what comes after counts tests that may not be merged."""
    names = ("before", "after")
    files = {name: outputs.get(f"coverage_{name}", "") for name in names}
    return files | {f"changed_{name}": outputs.get(f"changed_coverage_{name}", "") for name in names}


def _of_failure(decision: Decision, diagnosis: Diagnosis) -> Iterator[Left]:
    if not diagnosis.failures:
        return
    event, first = decision.event, diagnosis.failures[0]
    failed = decision.evidence.failed if decision.evidence is not None else None
    run = failed.run if failed is not None else None
    # Of a pull request the run's commit may be a merge that nobody else ever sees.
    sha = event.sha or (run.sha if run else "")
    ref = (run.branch if run else "") or event.head.name
    subject = diagnosis.fingerprint
    known = {
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
    yield FactKind.FAILURE, subject, sha, ref, known
    trial = diagnosis.trial
    if trial is not None and trial.step is Step.VERIFIED and trial.patch:
        digest = hashlib.sha256(trial.patch.encode("utf-8", "surrogatepass")).hexdigest()
        fix = {"verified": "true", "patch": digest, "paths": ", ".join(trial.paths)}
        yield FactKind.FIX, subject, sha, ref, fix


def _of_route(routed: Routed) -> Values:
    cells = routed.cells
    return {
        "tests": cells.tests,
        "build": cells.build,
        "strategy": cells.strategy,
        "canary_percentage": str(cells.canary_percentage),
        "monitor_minutes": str(cells.monitor_minutes),
        **_risk(routed.risk),
        "percentile": _number(routed.risk.percentile),
    }


def _of_gate(decision: Decision, gated: Gated) -> Iterator[Left]:
    gate = decision.evidence.gate if decision.evidence is not None else None
    if gate is None or not gated.sha or gate.unserved:
        return
    yield (
        FactKind.DEPLOYMENT,
        gated.environment,
        gated.sha,
        gate.ref,
        {
            "decision": str(gated.decision),
            "score": f"{gated.score:g}",
            "review_match": str(gated.review_match),
            "strategy": gated.strategy,
            "hash": gated.hash,
            "enforced": "true" if gated.enforced else "false",
            "base": gate.base,
            **_risk(gated.risk),
            **{each.name: _number(each.value) for each in gated.factors if each.name in {"review", "failures"}},
        },
    )
    # What came from the account book itself is no finding of this run.
    read = [each for each in gate.readings if each.state is State.KNOWN and not each.source.startswith(BOOK)]
    for reading in read:
        if reading.name == "tests":
            told = {"percent": _number(reading.value), "measured": _moment(reading), "words": reading.words}
            yield FactKind.TESTS, gated.sha, gated.sha, gate.ref, told
        elif reading.name == "coverage":
            shares = _SHARES.fullmatch(reading.words)
            before, after = shares.groups() if shares else ("", "")
            told = {
                "delta": _number(reading.value),
                "base": gate.base,
                "before": before,
                "after": after,
                "measured": _moment(reading),
            }
            yield FactKind.COVERAGE, gated.sha, gated.sha, gate.ref, told


def _risk(risk: Risk) -> Values:
    return {"risk_level": risk.level.value, "risk_score": str(risk.score)}


def _moment(reading: Reading) -> str:
    """When it was measured, as far as that is known."""
    return str(reading.measured) if reading.measured else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


def _texts(values: Values) -> Values:
    """Short texts; what is not known is not there."""
    return {name: clip(value, LONGEST) for name, value in values.items() if value}
