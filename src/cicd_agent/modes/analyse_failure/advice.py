"""What a model advises, as far as it agrees with what is proved, and its patch, as far as it was tried."""

import re
from collections.abc import Sequence
from dataclasses import replace

from cicd_agent.domain.facts import Cause
from cicd_agent.domain.patch_trial import Step, TrialReport
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.analyse_failure.draft import FailureDraft
from cicd_agent.modes.analyse_failure.experiments import key, objection, proposed
from cicd_agent.modes.analyse_failure.result import Diagnosis, Dropped, Remedy

_LONGEST = 300
_WRONG = frozenset({Step.REFUSED, Step.NOT_GREEN, Step.REDDER})
"""Ends of a trial after which what the patch was meant to do is no advice either."""
_AGAIN = re.compile(r"\bre-?run\b|\bre-?trigger|\b(?:run|start|try) (?:\w+ ){0,3}again\b", re.IGNORECASE)


def advised(told: Diagnosis, draft: FailureDraft, trials: Sequence[TrialReport]) -> Diagnosis:
    """The next step as the model sees it. Whether to run something again is for rules to say, and theirs stays."""
    step = clip(" ".join(draft.fix.description.split()), _LONGEST)
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


def _without(told: Diagnosis, text: str, reason: str) -> Diagnosis:
    return replace(told, dropped=(*told.dropped, Dropped(text, reason)))
