"""Keeps of a model's answer what is proved and may be decided by it: it may blame the change, never excuse it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.text.patterns import load_patterns
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.trials.patch_trial import Step, TrialReport
from cicd_agent.modes.analyse_failure.claims import Proof, Prover, Scope, Weight
from cicd_agent.modes.analyse_failure.evidence import TRIALS, Candidate
from cicd_agent.modes.analyse_failure.questions import answered, key, objection, proposed
from cicd_agent.modes.analyse_failure.result import CascadeStep, Diagnosis, Dropped, FailureDraft, Ground, Remedy
from cicd_agent.settings.schema import Settings

_PATTERNS = load_patterns(__package__, "verdict")

MAX_SURE = 0.75
"""Of a cause that only a model names, with a tool's own message as its proof."""
MAX_UNSURE = 0.55
"""The same, where no tool that is known says what failed."""
MIN_SURE = 0.5
"""A cause of which the model itself is less sure is none."""
CONTRADICTED = 0.6
"""The most that is left of the rules' confidence where what a model cites speaks against them."""
MAX_AFFECTED = 20

_MAX_LINE = 300
_ONLY_RULES = "only rules may excuse a change"
_READ_CLOSER = {
    Kind.UNKNOWN: frozenset(Kind) - {Kind.UNKNOWN, Kind.FLAKY_TEST, Kind.INFRASTRUCTURE},
    Kind.TEST_FAILURE: frozenset({Kind.BUILD_ERROR, Kind.DEPENDENCY, Kind.CONFIGURATION}),
    Kind.BUILD_ERROR: frozenset({Kind.DEPENDENCY, Kind.CONFIGURATION}),
    Kind.LINT_ERROR: frozenset({Kind.DEPENDENCY, Kind.CONFIGURATION}),
    Kind.DEPENDENCY: frozenset({Kind.CONFIGURATION}),
    Kind.CONFIGURATION: frozenset({Kind.DEPENDENCY}),
}
"""What a kind of failure may turn out to be. Flakiness and infrastructure are not read off a log."""


def verify(rules: Diagnosis, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Diagnosis:
    """The final diagnosis: the rules' own, as far as no proven claim of a model says more."""
    answer = answered(answers)
    if answer is None or answer.draft is None:
        return rules
    draft, trials, diagnosis = answer.draft, evidence.get(TRIALS) or (), rules
    if draft.unsettled.strip():
        diagnosis = _with_escalation(diagnosis, f"the model asks for a person: {draft.unsettled}")
    if draft.insufficient_evidence:
        return diagnosis
    proof, scope = Prover.of(rules, evidence, settings).prove(draft.claims, answer.lookups), Scope.of(evidence)
    diagnosis = replace(diagnosis, claims=proof.claims, dropped=(*diagnosis.dropped, *proof.dropped))
    unproved = len(draft.claims) - len(proof.claims)
    if unproved > len(proof.claims):
        text = f"{unproved} of the model's {len(draft.claims)} claims could not be proved"
        diagnosis = _with_escalation(diagnosis, text)
    if proof.weight is Weight.NOTHING:
        # An answer that cites no line of a log does not explain why the run failed, however true the rest is.
        for text in (*(each.text for each in proof.claims), draft.root_cause):
            diagnosis = _without(diagnosis, text, "nothing that it rests on stands in a log")
        return with_patch(replace(diagnosis, claims=()), draft, trials, proved=False)
    diagnosis = _with_cause(diagnosis, draft, proof)
    agrees = draft.cause in {diagnosis.cause, Cause.UNKNOWN}
    diagnosis = _with_explanation(diagnosis, draft, proof, agrees=agrees)
    diagnosis = _with_commit(diagnosis, draft, proof, scope)
    diagnosis = _with_files(diagnosis, draft, scope)
    if agrees:
        diagnosis = with_advice(diagnosis, draft, trials)
    return with_patch(diagnosis, draft, trials, proved=agrees)


def _with_cause(diagnosis: Diagnosis, draft: FailureDraft, proof: Proof) -> Diagnosis:
    """The rules' cause, if they have one; else the change, if the model proves that, and nothing else."""
    claimed = draft.cause
    if claimed in {Cause.UNKNOWN, diagnosis.cause}:
        return diagnosis
    if claimed is not Cause.CHANGE:
        diagnosis = _without(diagnosis, f"cause: {claimed}", _ONLY_RULES)
    view = f"the model sees it otherwise: {claimed}, {_line(draft.root_cause)}"
    if diagnosis.cause is not Cause.UNKNOWN:
        if proof.weight <= Weight.WRAPPER:
            return diagnosis
        return _with_escalation(replace(diagnosis, confidence=min(diagnosis.confidence, CONTRADICTED)), view)
    if claimed is not Cause.CHANGE:
        return diagnosis
    if reason := _objection_to_cause(diagnosis, draft, proof):
        diagnosis = _without(diagnosis, f"cause: {claimed}", reason)
        return _with_escalation(diagnosis, view) if diagnosis.rung is CascadeStep.OUT_OF_REACH else diagnosis
    leads = sorted(proof.named) or sorted(proof.edited)
    return replace(
        diagnosis,
        cause=claimed,
        confidence=min(draft.confidence, MAX_SURE if proof.weight is Weight.TOOL else MAX_UNSURE),
        grounds=(*diagnosis.grounds, Ground("a model says so; what it cites of the log and the change was checked")),
        affected=tuple(dict.fromkeys((*diagnosis.affected, *leads)))[:MAX_AFFECTED],
        remedy=Remedy.INVESTIGATE,
        next_step=f"Look at {leads[0]} first: what the model cites leads there.",
        rerun=False,
        rerun_kind="",
    )


def _objection_to_cause(diagnosis: Diagnosis, draft: FailureDraft, proof: Proof) -> str:
    """Why it is not shown that the change did it, "" when it is."""
    if diagnosis.innocent or diagnosis.rung is not CascadeStep.NONE:
        return "what failed reaches nothing that was changed"
    if draft.confidence < MIN_SURE:
        return "the model itself is not sure"
    if proof.weight <= Weight.WRAPPER:
        return "what it cites says only that something failed"
    # Where no known tool speaks, any line could be quoted beside any change: the line itself has to lead there.
    if not (proof.named or (proof.edited and proof.weight is Weight.TOOL)):
        return "nothing that it cites leads to what was changed"
    return ""


def _with_explanation(diagnosis: Diagnosis, draft: FailureDraft, proof: Proof, *, agrees: bool) -> Diagnosis:
    """The model's sentence in place of the rules', and the kind of failure that it has read closer."""
    sentence, kind = _line(draft.root_cause), draft.failure_type
    excuses = diagnosis.cause in {Cause.CHANGE, Cause.UNKNOWN} and _PATTERNS["excuse"].search(sentence)
    if not agrees or excuses:
        diagnosis = _without(diagnosis, sentence, _ONLY_RULES if excuses else "its cause does not stand")
    elif proof.weight <= Weight.WRAPPER:
        diagnosis = _without(diagnosis, sentence, "what it cites says only that something failed")
    elif sentence:
        diagnosis = replace(diagnosis, root_cause=sentence)
    if kind in {Kind.UNKNOWN, diagnosis.kind}:
        return diagnosis
    if kind in {Kind.FLAKY_TEST, Kind.INFRASTRUCTURE}:
        return _without(diagnosis, f"failure_type: {kind}", _ONLY_RULES)
    if not agrees or proof.weight is not Weight.TOOL or kind not in _READ_CLOSER.get(diagnosis.kind, frozenset()):
        return _without(diagnosis, f"failure_type: {kind}", f"rules have found {diagnosis.kind}, and it is not proved")
    return replace(diagnosis, kind=kind)


def _with_commit(diagnosis: Diagnosis, draft: FailureDraft, proof: Proof, scope: Scope) -> Diagnosis:
    """The commit that the model chose where rules leave a choice."""
    claimed = _line(draft.responsible_commit or "")
    commit = scope.commit(claimed)
    if not claimed or (commit and commit.commit.sha == diagnosis.responsible):
        return diagnosis
    if reason := _objection_to_commit(diagnosis, commit, proof):
        return _without(diagnosis, f"responsible_commit: {claimed}", reason)
    return replace(diagnosis, responsible=commit.commit.sha) if commit else diagnosis


def _objection_to_commit(diagnosis: Diagnosis, commit: Candidate | None, proof: Proof) -> str:
    """Why a commit is not shown to be responsible, "" when it is."""
    if commit is None:
        return "it is no commit since the last green run"
    if diagnosis.responsible:
        return f"rules have found {diagnosis.responsible[:12]}"
    if diagnosis.cause is not Cause.CHANGE:
        return "it is not shown that a change did it"
    exact = {each.sha for each in diagnosis.suspects if any(overlap.exact for overlap in each.meetings)}
    nearest = exact or {each.sha for each in diagnosis.suspects if each.meetings}
    if nearest and commit.commit.sha not in nearest:
        return "other commits meet the failure more closely"
    leads = proof.named | proof.edited | {overlap.path for overlap in diagnosis.meetings}
    if proof.weight <= Weight.WRAPPER or not leads & commit.lines.keys():
        return "nothing that is cited leads to what it changed"
    return ""


def _with_files(diagnosis: Diagnosis, draft: FailureDraft, scope: Scope) -> Diagnosis:
    claimed = dict.fromkeys(draft.affected_files)
    for path in claimed:
        if not scope.holds(path):
            diagnosis = _without(diagnosis, f"affected: {_line(path)}", "there is no such file in the repository")
    there = (path for path in claimed if scope.holds(path))
    return replace(diagnosis, affected=tuple(dict.fromkeys((*diagnosis.affected, *there)))[:MAX_AFFECTED])


def _with_escalation(diagnosis: Diagnosis, reason: str) -> Diagnosis:
    return replace(diagnosis, escalate=(*diagnosis.escalate, _line(reason)))


def _without(diagnosis: Diagnosis, text: str, reason: str) -> Diagnosis:
    return replace(diagnosis, dropped=(*diagnosis.dropped, Dropped(_line(text), reason))) if text.strip() else diagnosis


def _line(text: str) -> str:
    return clip(" ".join(text.split()), _MAX_LINE)


_WRONG = frozenset({Step.REFUSED, Step.NOT_GREEN})
"""Ends of a trial after which what the patch was meant to do is no advice either."""
_AGAIN = re.compile(r"\bre-?run\b|\bre-?trigger|\b(?:run|start|try) (?:\w+ ){0,3}again\b", re.IGNORECASE)


def with_advice(diagnosis: Diagnosis, draft: FailureDraft, trials: Sequence[TrialReport]) -> Diagnosis:
    """The next step as the model sees it. Whether to run something again is for rules to say, and theirs stays."""
    step = _line(draft.fix.description)
    trial = _trial_of(draft, trials)
    if diagnosis.rerun or not step:
        return diagnosis
    if draft.fix.kind is Remedy.RETRY or _AGAIN.search(step):
        blamed = " after what a change did" if diagnosis.cause is Cause.CHANGE else ""
        return _without(diagnosis, step, f"only rules may say that running it again is worth it{blamed}")
    if trial is not None and trial.step in _WRONG:
        return _without(diagnosis, step, f"its patch was tried: {trial.step.replace('_', ' ')}")
    return replace(diagnosis, remedy=draft.fix.kind, next_step=step)


def with_patch(diagnosis: Diagnosis, draft: FailureDraft, trials: Sequence[TrialReport], *, proved: bool) -> Diagnosis:
    """The patch with what came of it, or why there is none.

    A patch whose diagnosis is not `proved` is offered only if the command that failed passes with it: that is proof.
    """
    patch = proposed(draft)
    if not patch:
        return diagnosis
    trial = _trial_of(draft, trials)
    if trial is None:
        return _without(diagnosis, "the patch", objection(patch) or "it was not tried")
    if not trial.is_offered:
        claimed = f": {trial.detail}" if trial.detail else ""
        diagnosis = _without(diagnosis, "the patch", f"{trial.step.replace('_', ' ')}{claimed}")
    elif not proved and trial.step is not Step.VERIFIED:
        return _without(diagnosis, "the patch", "the diagnosis that it rests on is not proved")
    return replace(diagnosis, trial=trial)


def _trial_of(draft: FailureDraft, trials: Sequence[TrialReport]) -> TrialReport | None:
    name = key(proposed(draft))
    return next((each for each in reversed(trials) if each.key == name), None)
