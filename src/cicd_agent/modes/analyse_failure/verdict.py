"""Keeps of a model's answer what is proved and may be decided by it: it may blame the change, never excuse it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.patch_trial import Step, TrialReport
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.analyse_failure.claims import Proof, Prover, Scope, Weight
from cicd_agent.modes.analyse_failure.draft import FailureDraft
from cicd_agent.modes.analyse_failure.evidence import TRIALS, Candidate
from cicd_agent.modes.analyse_failure.experiments import answered, key, objection, proposed
from cicd_agent.modes.analyse_failure.result import Diagnosis, Dropped, Ground, Remedy, Rung
from cicd_agent.settings.schema import Settings

MOST_SURE = 0.75
"""Of a cause that only a model names, with a tool's own message as its proof."""
LESS_SURE = 0.55
"""The same, where no tool that is known says what failed."""
LEAST_SURE = 0.5
"""A cause of which the model itself is less sure is none."""
CONTRADICTED = 0.6
"""The most that is left of the rules' confidence where what a model cites speaks against them."""
MOST_AFFECTED = 20

_LONGEST = 300
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
_EXCUSE = re.compile(
    r"\bflak[yi]|\bintermittent|\btransient|\bpre-?existing|\binfrastructure (?:problem|failure|issue|error|outage)"
    r"|\bunrelated to (?:the|this) change|\bnot (?:caused|introduced) by",
    re.IGNORECASE,
)


def verify(rules: Diagnosis, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Diagnosis:
    """The diagnosis that stands: the rules' own, as far as no proven claim of a model says more."""
    answer = answered(answers)
    if answer is None or answer.draft is None:
        return rules
    draft = answer.draft
    told = _escalated(rules, f"the model asks for a person: {draft.unsettled}" if draft.unsettled.strip() else "")
    if draft.insufficient_evidence:
        return told
    proof, scope = Prover.of(rules, evidence, settings).prove(draft.claims, answer.lookups), Scope.of(evidence)
    told = replace(told, claims=proof.claims, dropped=(*told.dropped, *proof.dropped))
    unproved = len(draft.claims) - len(proof.claims)
    if unproved > len(proof.claims):
        told = _escalated(told, f"{unproved} of the model's {len(draft.claims)} claims could not be proved")
    if proof.weight is Weight.NOTHING:
        # Whoever cites no line of a log has not said why the run failed, however true the rest is.
        for text in (*(each.text for each in proof.claims), draft.root_cause):
            told = _without(told, text, "nothing that it rests on stands in a log")
        return offered(replace(told, claims=()), draft, (evidence.get(TRIALS) or ()), proved=False)
    told = _caused(told, draft, proof)
    agrees = draft.cause in {told.cause, Cause.UNKNOWN}
    told = _explained(told, draft, proof, agrees=agrees)
    told = _blamed(told, draft, proof, scope)
    told = _affecting(told, draft, scope)
    if agrees:
        told = advised(told, draft, (evidence.get(TRIALS) or ()))
    return offered(told, draft, (evidence.get(TRIALS) or ()), proved=agrees)


def _caused(told: Diagnosis, draft: FailureDraft, proof: Proof) -> Diagnosis:
    """The rules' cause, if they have one; else the change, if the model proves that, and nothing else."""
    said = draft.cause
    if said in {Cause.UNKNOWN, told.cause}:
        return told
    if said is not Cause.CHANGE:
        told = _without(told, f"cause: {said}", _ONLY_RULES)
    view = f"the model sees it otherwise: {said}, {_line(draft.root_cause)}"
    if told.cause is not Cause.UNKNOWN:
        if proof.weight <= Weight.WRAPPER:
            return told
        return _escalated(replace(told, confidence=min(told.confidence, CONTRADICTED)), view)
    if said is not Cause.CHANGE:
        return told
    if reason := _unproved(told, draft, proof):
        told = _without(told, f"cause: {said}", reason)
        return _escalated(told, view) if told.rung is Rung.OUT_OF_REACH else told
    leads = sorted(proof.named) or sorted(proof.edited)
    return replace(
        told,
        cause=said,
        confidence=min(draft.confidence, MOST_SURE if proof.weight is Weight.TOOL else LESS_SURE),
        grounds=(*told.grounds, Ground("a model says so; what it cites of the log and the change was checked")),
        affected=tuple(dict.fromkeys((*told.affected, *leads)))[:MOST_AFFECTED],
        remedy=Remedy.INVESTIGATE,
        next_step=f"Look at {leads[0]} first: what the model cites leads there.",
        rerun=False,
        rerun_kind="",
    )


def _unproved(told: Diagnosis, draft: FailureDraft, proof: Proof) -> str:
    """Why it is not shown that the change did it, "" when it is."""
    if told.innocent or told.rung is not Rung.NONE:
        return "what failed reaches nothing that was changed"
    if draft.confidence < LEAST_SURE:
        return "the model itself is not sure"
    if proof.weight <= Weight.WRAPPER:
        return "what it cites says only that something failed"
    # Where no known tool speaks, any line could be quoted beside any change: the line itself has to lead there.
    if not (proof.named or (proof.edited and proof.weight is Weight.TOOL)):
        return "nothing that it cites leads to what was changed"
    return ""


def _explained(told: Diagnosis, draft: FailureDraft, proof: Proof, *, agrees: bool) -> Diagnosis:
    """The model's sentence in place of the rules', and the kind of failure that it has read closer."""
    sentence, kind = _line(draft.root_cause), draft.failure_type
    excuses = told.cause in {Cause.CHANGE, Cause.UNKNOWN} and _EXCUSE.search(sentence)
    if not agrees or excuses:
        told = _without(told, sentence, _ONLY_RULES if excuses else "its cause does not stand")
    elif proof.weight <= Weight.WRAPPER:
        told = _without(told, sentence, "what it cites says only that something failed")
    elif sentence:
        told = replace(told, root_cause=sentence)
    if kind in {Kind.UNKNOWN, told.kind}:
        return told
    if kind in {Kind.FLAKY_TEST, Kind.INFRASTRUCTURE}:
        return _without(told, f"failure_type: {kind}", _ONLY_RULES)
    if not agrees or proof.weight is not Weight.TOOL or kind not in _READ_CLOSER.get(told.kind, frozenset()):
        return _without(told, f"failure_type: {kind}", f"rules have found {told.kind}, and it is not proved")
    return replace(told, kind=kind)


def _blamed(told: Diagnosis, draft: FailureDraft, proof: Proof, scope: Scope) -> Diagnosis:
    """The commit that the model chose where rules leave a choice."""
    said = _line(draft.responsible_commit or "")
    commit = scope.commit(said)
    if not said or (commit and commit.commit.sha == told.responsible):
        return told
    if reason := _innocent(told, commit, proof):
        return _without(told, f"responsible_commit: {said}", reason)
    return replace(told, responsible=commit.commit.sha) if commit else told


def _innocent(told: Diagnosis, commit: Candidate | None, proof: Proof) -> str:
    """Why a commit is not shown to be responsible, "" when it is."""
    if commit is None:
        return "it is no commit since the last green run"
    if told.responsible:
        return f"rules have found {told.responsible[:12]}"
    if told.cause is not Cause.CHANGE:
        return "it is not shown that a change did it"
    exact = {each.sha for each in told.suspects if any(meeting.exact for meeting in each.meetings)}
    nearest = exact or {each.sha for each in told.suspects if each.meetings}
    if nearest and commit.commit.sha not in nearest:
        return "other commits meet the failure more closely"
    leads = proof.named | proof.edited | {meeting.path for meeting in told.meetings}
    if proof.weight <= Weight.WRAPPER or not leads & commit.lines.keys():
        return "nothing that is cited leads to what it changed"
    return ""


def _affecting(told: Diagnosis, draft: FailureDraft, scope: Scope) -> Diagnosis:
    said = dict.fromkeys(draft.affected_files)
    for path in said:
        if not scope.holds(path):
            told = _without(told, f"affected: {_line(path)}", "there is no such file in the repository")
    there = (path for path in said if scope.holds(path))
    return replace(told, affected=tuple(dict.fromkeys((*told.affected, *there)))[:MOST_AFFECTED])


def _escalated(told: Diagnosis, why: str) -> Diagnosis:
    return replace(told, escalate=(*told.escalate, _line(why))) if why else told


def _without(told: Diagnosis, text: str, reason: str) -> Diagnosis:
    return replace(told, dropped=(*told.dropped, Dropped(_line(text), reason))) if text.strip() else told


def _line(text: str) -> str:
    return clip(" ".join(text.split()), _LONGEST)


_WRONG = frozenset({Step.REFUSED, Step.NOT_GREEN, Step.REDDER})
"""Ends of a trial after which what the patch was meant to do is no advice either."""
_AGAIN = re.compile(r"\bre-?run\b|\bre-?trigger|\b(?:run|start|try) (?:\w+ ){0,3}again\b", re.IGNORECASE)


def advised(told: Diagnosis, draft: FailureDraft, trials: Sequence[TrialReport]) -> Diagnosis:
    """The next step as the model sees it. Whether to run something again is for rules to say, and theirs stays."""
    step = _line(draft.fix.description)
    trial = _tried(draft, trials)
    if told.rerun or not step:
        return told
    if draft.fix.kind is Remedy.RETRY or _AGAIN.search(step):
        blamed = " after what a change did" if told.cause is Cause.CHANGE else ""
        return _without(told, step, f"only rules may say that running it again is worth it{blamed}")
    if trial is not None and trial.step in _WRONG:
        return _without(told, step, f"its patch was tried: {trial.step.replace('_', ' ')}")
    return replace(told, remedy=draft.fix.kind, next_step=step)


def offered(told: Diagnosis, draft: FailureDraft, trials: Sequence[TrialReport], *, proved: bool) -> Diagnosis:
    """The patch with what came of it, or why there is none.

    A patch whose diagnosis is not `proved` is offered only if the command that failed passes with it: that is proof.
    """
    patch = proposed(draft)
    if not patch:
        return told
    trial = _tried(draft, trials)
    if trial is None:
        return _without(told, "the patch", objection(patch) or "it was not tried")
    if not trial.is_offered:
        said = f": {trial.detail}" if trial.detail else ""
        told = _without(told, "the patch", f"{trial.step.replace('_', ' ')}{said}")
    elif not proved and trial.step is not Step.VERIFIED:
        return _without(told, "the patch", "the diagnosis that it rests on is not proved")
    return replace(told, trial=trial)


def _tried(draft: FailureDraft, trials: Sequence[TrialReport]) -> TrialReport | None:
    """What came of the patch; of several trials under its key the last, for each may have come further."""
    name = key(proposed(draft))
    return next((each for each in reversed(trials) if each.key == name), None)
