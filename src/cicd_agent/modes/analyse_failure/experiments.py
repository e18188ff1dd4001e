"""The patch that a model proposes, as a request to try it: nobody is offered one that was not."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.patches.parser import Flaw, read_patch
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.trials.patch_trial import Trial
from cicd_agent.modes.analyse_failure.draft import FailureDraft
from cicd_agent.modes.analyse_failure.evidence import TRIALS
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

MAX_PATCH = 30_000
"""Characters of a patch: of a longer one nobody would read that it is right."""


def experiment(
    answers: Sequence[Answer[Any]],
    evidence: Evidence,
    world: Ports,
    settings: Settings,
    progress: Callable[[str], None],
    *,
    last: bool,  # noqa: ARG001  it is called once
) -> Evidence:
    """The evidence with what came of trying the patch; where nothing can be tried, as it is."""
    trials = experiments(answers, evidence, settings)
    change = evidence.change
    if (
        not trials
        or world.patch_tester is None
        or change is None
        or (patch_tester := world.patch_tester(change)) is None
    ):
        return evidence
    for trial in trials:
        progress("trying a fix")
        evidence = evidence.put(TRIALS, (*(evidence.get(TRIALS) or ()), patch_tester.attempt(trial)))
    return evidence


def experiments(
    answers: Sequence[Answer[Any]],
    evidence: Evidence,
    settings: Settings,  # noqa: ARG001  a step of the mode
) -> Sequence[Trial]:
    """The patch of the answer, unless there is none, it is no patch at all, or it was tried already."""
    draft = drafted(answers)
    patch = proposed(draft) if draft else ""
    if not patch or objection(patch) or any(report.key == key(patch) for report in (evidence.get(TRIALS) or ())):
        return ()
    return (Trial(key(patch), patch),)


def drafted(answers: Sequence[Answer[Any]]) -> FailureDraft | None:
    """What a model has said of the failure: the first answer, for the question is put once."""
    answer = answered(answers)
    return answer.draft if answer else None


def answered(answers: Sequence[Answer[Any]]) -> Answer[FailureDraft] | None:
    return next((answer for answer in answers if isinstance(answer.draft, FailureDraft)), None)


def proposed(draft: FailureDraft) -> str:
    """The patch of a draft, "" when it has none."""
    patch = draft.fix.patch or ""
    return patch if patch.strip() and not draft.insufficient_evidence else ""


def key(patch: str) -> str:
    return hashlib.sha256(patch.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def objection(patch: str) -> str:
    """Why a text cannot be tried as a patch, "" when it can. What it may not do is judged where it is tried."""
    text = patch.replace("\r\n", "\n")
    if len(text) > MAX_PATCH:
        return f"it has {len(text):,} characters, more than {MAX_PATCH:,}"
    parsed = read_patch(text)
    if isinstance(parsed, Flaw):
        return f"it {parsed.reason}"
    changes = any(
        file.kind is not ChangeKind.MODIFIED or any(hunk.changed for hunk in file.hunks) for file in parsed.files
    )
    return "" if changes else "it changes no line"
