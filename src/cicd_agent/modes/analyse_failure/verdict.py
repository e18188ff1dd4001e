"""Keeps of a model's answer what is proved and may be decided by it: it may blame the change, never excuse it."""

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
from cicd_agent.modes.analyse_failure.claims import Proof, Prover, Weight
from cicd_agent.modes.analyse_failure.evidence import TRIALS, Candidate
from cicd_agent.modes.analyse_failure.questions import answered, key, objection, proposed
from cicd_agent.modes.analyse_failure.result import CascadeStep, Diagnosis, Dropped, FailureDraft, Ground, Remedy
from cicd_agent.settings.schema import Settings

MAX_SURE, MAX_UNSURE = 0.75, 0.55
"""Of a cause that only a model names: with a tool's own message as its proof, and without one."""
MIN_SURE = 0.5
"""A cause of which the model itself is less sure is none."""
CONTRADICTED = 0.6
"""The most that is left of the rules' confidence where what a model cites speaks against them."""
MAX_AFFECTED = 20

_MAX_LINE = 300
_ONLY_RULES = "only rules may excuse a change"
_ONLY_WRAPPER = "what it cites says only that something failed"
_READ_CLOSER = {
    Kind.UNKNOWN: frozenset(Kind) - {Kind.UNKNOWN, Kind.FLAKY_TEST, Kind.INFRASTRUCTURE},
    Kind.TEST_FAILURE: frozenset({Kind.BUILD_ERROR, Kind.DEPENDENCY, Kind.CONFIGURATION}),
    Kind.BUILD_ERROR: frozenset({Kind.DEPENDENCY, Kind.CONFIGURATION}),
    Kind.LINT_ERROR: frozenset({Kind.DEPENDENCY, Kind.CONFIGURATION}),
    Kind.DEPENDENCY: frozenset({Kind.CONFIGURATION}),
    Kind.CONFIGURATION: frozenset({Kind.DEPENDENCY}),
}
"""What a kind of failure may turn out to be. Flakiness and infrastructure are not read off a log."""
_PATTERNS = load_patterns(__package__, "verdict")
_WRONG = frozenset({Step.REFUSED, Step.NOT_GREEN})
"""Ends of a trial after which what the patch was meant to do is no advice either."""


def verify(rules: Diagnosis, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Diagnosis:
    """The final diagnosis: the rules' own, as far as no proven claim of a model says more."""
    answer = answered(answers)
    if answer is None or answer.draft is None:
        return rules
    draft, prover = answer.draft, Prover.of(rules, evidence, settings)
    proof = prover.prove(draft.claims, answer.lookups)
    merger = _Merger(rules, draft, prover, proof, evidence.get(TRIALS) or ())
    if draft.unsettled.strip():
        merger.escalate(f"the model asks for a person: {draft.unsettled}")
    if not draft.insufficient_evidence:
        merger.merge()
    return merger.diagnosis


class _Merger:
    """Takes over into `diagnosis`, which begins as that of the rules, what of a draft may be."""

    def __init__(
        self, rules: Diagnosis, draft: FailureDraft, prover: Prover, proof: Proof, trials: Sequence[TrialReport]
    ) -> None:
        self.diagnosis, self.draft, self.prover, self.proof = rules, draft, prover, proof
        self.patch = proposed(draft)
        self.trial = next((each for each in reversed(trials) if each.key == key(self.patch)), None)

    def update(self, **changes: Any) -> None:
        self.diagnosis = replace(self.diagnosis, **changes)

    def escalate(self, reason: str) -> None:
        self.update(escalate=(*self.diagnosis.escalate, _line(reason)))

    def drop(self, text: str, reason: str) -> None:
        if text.strip():
            self.update(dropped=(*self.diagnosis.dropped, Dropped(_line(text), reason)))

    def merge(self) -> None:
        draft, proof = self.draft, self.proof
        self.update(claims=proof.claims, dropped=(*self.diagnosis.dropped, *proof.dropped))
        unproved = len(draft.claims) - len(proof.claims)
        if unproved > len(proof.claims):
            self.escalate(f"{unproved} of the model's {len(draft.claims)} claims could not be proved")
        if proof.weight is Weight.NOTHING:
            # An answer that cites no line of a log does not explain why the run failed, however true the rest is.
            for text in (*(each.text for each in proof.claims), draft.root_cause):
                self.drop(text, "nothing that it rests on stands in a log")
            self.update(claims=())
            self.merge_patch(is_proved=False)
            return
        self.merge_cause()
        agrees = draft.cause in {self.diagnosis.cause, Cause.UNKNOWN}
        self.merge_root_cause(agrees=agrees)
        self.merge_kind(agrees=agrees)
        self.merge_commit()
        self.merge_files()
        if agrees:
            self.merge_lead()
        if agrees:
            self.merge_next_step()
        self.merge_patch(is_proved=agrees)

    def merge_cause(self) -> None:
        """The rules' cause, if they have one; else the change, if the model proves that, and nothing else."""
        claimed, diagnosis, proof = self.draft.cause, self.diagnosis, self.proof
        if claimed in {Cause.UNKNOWN, diagnosis.cause}:
            return
        if claimed is not Cause.CHANGE:
            self.drop(f"cause: {claimed}", _ONLY_RULES)
        view = f"the model sees it otherwise: {claimed}, {_line(self.draft.root_cause)}"
        if diagnosis.cause is not Cause.UNKNOWN:
            if proof.weight > Weight.WRAPPER:
                self.update(confidence=min(diagnosis.confidence, CONTRADICTED))
                self.escalate(view)
        elif claimed is Cause.CHANGE and (reason := self.objection_to_cause()):
            self.drop(f"cause: {claimed}", reason)
            if diagnosis.rung is CascadeStep.OUT_OF_REACH:
                self.escalate(view)
        elif claimed is Cause.CHANGE:
            leads = sorted(proof.named) or sorted(proof.edited)
            ground = Ground("a model says so; what it cites of the log and the change was checked")
            if diagnosis.kind is Kind.INFRASTRUCTURE:
                self.update(kind=Kind.UNKNOWN)
            self.update(
                cause=claimed,
                confidence=min(self.draft.confidence, MAX_SURE if proof.weight is Weight.TOOL else MAX_UNSURE),
                grounds=(*diagnosis.grounds, ground),
                affected=tuple(dict.fromkeys((*diagnosis.affected, *leads)))[:MAX_AFFECTED],
                remedy=Remedy.INVESTIGATE,
                next_step=f"Look at {leads[0]} first: what the model cites leads there.",
                rerun=False,
                rerun_kind="",
            )

    def objection_to_cause(self) -> str:
        draft, proof = self.draft, self.proof
        if self.diagnosis.innocent or self.diagnosis.rung is not CascadeStep.NONE:
            return "what failed reaches nothing that was changed"
        if draft.confidence < MIN_SURE:
            return "the model itself is not sure"
        if proof.weight <= Weight.WRAPPER:
            return _ONLY_WRAPPER
        # Where no known tool speaks, any line could be quoted beside any change: the line itself has to lead there.
        if not (proof.named or (proof.edited and proof.weight is Weight.TOOL)):
            return "nothing that it cites leads to what was changed"
        return ""

    def merge_root_cause(self, *, agrees: bool) -> None:
        sentence = _line(self.draft.root_cause)
        excuses = self.diagnosis.cause in {Cause.CHANGE, Cause.UNKNOWN} and _PATTERNS["excuse"].search(sentence)
        if not agrees or excuses:
            self.drop(sentence, _ONLY_RULES if excuses else "its cause does not stand")
        elif self.proof.weight <= Weight.WRAPPER:
            self.drop(sentence, _ONLY_WRAPPER)
        elif sentence:
            self.update(root_cause=sentence)

    def merge_kind(self, *, agrees: bool) -> None:
        kind, known = self.draft.failure_type, self.diagnosis.kind
        if kind in {Kind.UNKNOWN, known}:
            return
        if kind in {Kind.FLAKY_TEST, Kind.INFRASTRUCTURE}:
            self.drop(f"failure_type: {kind}", _ONLY_RULES)
        elif not agrees or self.proof.weight is not Weight.TOOL or kind not in _READ_CLOSER.get(known, frozenset()):
            self.drop(f"failure_type: {kind}", f"rules have found {known}, and it is not proved")
        else:
            self.update(kind=kind)

    def merge_commit(self) -> None:
        claimed = _line(self.draft.responsible_commit or "")
        commit = self.prover.commit(claimed)
        if not claimed or (commit and commit.commit.sha == self.diagnosis.responsible):
            return
        if reason := self.objection_to_commit(commit):
            self.drop(f"responsible_commit: {claimed}", reason)
        elif commit:
            self.update(responsible=commit.commit.sha)

    def objection_to_commit(self, commit: Candidate | None) -> str:
        diagnosis, proof = self.diagnosis, self.proof
        if commit is None:
            return "it is no commit since the last green run"
        if diagnosis.responsible:
            return f"rules have found {diagnosis.responsible[:12]}"
        if diagnosis.cause is not Cause.CHANGE:
            return "it is not shown that a change did it"
        exact = {each.sha for each in diagnosis.suspects if any(overlap.exact for overlap in each.meetings)}
        nearest = exact or {each.sha for each in diagnosis.suspects if each.meetings}
        # A file that only uses or surrounds what failed is the rules' guess: a changed line that is cited is more.
        is_cited = not exact and proof.weight is Weight.TOOL and bool(proof.edited & commit.paths)
        if nearest and commit.commit.sha not in nearest and not is_cited:
            return "other commits meet the failure more closely"
        leads = proof.named | proof.edited | {overlap.path for overlap in diagnosis.meetings}
        if proof.weight <= Weight.WRAPPER or not leads & commit.paths:
            return "nothing that is cited leads to what it changed"
        return ""

    def merge_lead(self) -> None:
        """Where proof leads to other changed lines than the rules' guess did, these are looked at first."""
        diagnosis, proof = self.diagnosis, self.proof
        guess = diagnosis.meetings[:1]
        is_known = not guess or guess[0].exact or guess[0].path in proof.edited
        if diagnosis.cause is not Cause.CHANGE or proof.weight is not Weight.TOOL or not proof.edited or is_known:
            return
        leads = sorted(proof.edited)
        by = [each.commit.sha for each in self.prover.candidates if leads[0] in each.paths and each.commit.sha]
        who = f", which {by[0][:12]} changed" if len(by) == 1 else ""
        self.update(
            affected=tuple(dict.fromkeys((*leads, *diagnosis.affected)))[:MAX_AFFECTED],
            next_step=f"Look at {leads[0]} first{who}: what the model cites leads there.",
        )

    def merge_files(self) -> None:
        claimed = dict.fromkeys(self.draft.affected_files)
        for path in claimed:
            if path not in self.prover.paths:
                self.drop(f"affected: {_line(path)}", "there is no such file in the repository")
        there = (path for path in claimed if path in self.prover.paths)
        self.update(affected=tuple(dict.fromkeys((*self.diagnosis.affected, *there)))[:MAX_AFFECTED])

    def merge_next_step(self) -> None:
        """The next step as the model sees it. Whether to run something again is for rules to say, and theirs stays."""
        step = _line(self.draft.fix.description)
        if self.diagnosis.rerun or not step:
            return
        if self.draft.fix.kind is Remedy.RETRY or _PATTERNS["again"].search(step):
            blamed = " after what a change did" if self.diagnosis.cause is Cause.CHANGE else ""
            self.drop(step, f"only rules may say that running it again is worth it{blamed}")
        elif self.trial is not None and self.trial.step in _WRONG:
            self.drop(step, f"its patch was tried: {self.trial.step.replace('_', ' ')}")
        else:
            self.update(remedy=self.draft.fix.kind, next_step=step)

    def merge_patch(self, *, is_proved: bool) -> None:
        """The patch, or why there is none: without a proved diagnosis it has to make the command pass that failed."""
        trial = self.trial
        if not self.patch:
            return
        if trial is None:
            self.drop("the patch", objection(self.patch) or "it was not tried")
        elif trial.is_offered and not is_proved and trial.step is not Step.VERIFIED:
            self.drop("the patch", "the diagnosis that it rests on is not proved")
        else:
            if not trial.is_offered:
                self.drop("the patch", trial.step.replace("_", " ") + (f": {trial.detail}" if trial.detail else ""))
            self.update(trial=trial)


def _line(text: str) -> str:
    return clip(" ".join(text.split()), _MAX_LINE)
