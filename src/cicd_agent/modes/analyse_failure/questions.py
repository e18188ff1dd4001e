"""What a model is asked about a failed run: why it failed, where rules alone cannot say it for certain."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from cicd_agent.agent.messages import Answer, Question
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.analyse_failure.claims import Prover, Scope
from cicd_agent.modes.analyse_failure.draft import FailureDraft
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN
from cicd_agent.modes.analyse_failure.exhibits import exhibits
from cicd_agent.modes.analyse_failure.experiments import objection, proposed
from cicd_agent.modes.analyse_failure.result import CascadeStep, Diagnosis
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.settings.schema import Provider, Settings

PROVEN = frozenset({CascadeStep.RUNNER, CascadeStep.PASSED_ELSEWHERE})
"""Where a model has nothing to add, and could only take away: GitHub itself says it, or the job passed unchanged."""

_MAX_COMPLAINTS = 20
_HOW_TO_CITE = (
    "Answer again, whole. Copy each quote character for character from the one line that has this number, without the "
    "gutter; leave out what you cannot cite. `insufficient_evidence` is an answer, too."
)


def questions(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Sequence[Question[Any]]:
    """One question, once. A bot's change is asked about like any other: its log does not say why by itself."""
    if answers or evidence.get(FAILED_RUN) is None or settings.provider is Provider.NONE:
        return ()
    result = question(rules(evidence, settings), evidence, settings)
    return (result,) if result else ()


def question(diagnosis: Diagnosis, evidence: Evidence, settings: Settings) -> Question[FailureDraft] | None:
    """What is asked after rules have found this; None when they have proved it, or no line is there to cite."""
    shown = exhibits(diagnosis, evidence, settings)
    if diagnosis.rung in PROVEN or not shown:
        return None
    prover, scope = Prover.of(diagnosis, evidence, settings), Scope.of(evidence)
    return Question(
        name="failure",
        instructions=prompt(),
        evidence=shown,
        draft=FailureDraft,
        check=lambda draft: complain(draft, prover, scope),
    )


def complain(draft: FailureDraft, prover: Prover, scope: Scope) -> str | None:
    """The correction for what cannot be found, or None. What the model looked up is compared afterwards."""
    if draft.insufficient_evidence:
        return None
    wrong = [*_wrong(draft, prover, scope)]
    if not wrong:
        return None
    more = [f"- and {len(wrong) - _MAX_COMPLAINTS:,} more"] if len(wrong) > _MAX_COMPLAINTS else []
    return "\n".join(["This cannot be kept:", *wrong[:_MAX_COMPLAINTS], *more, _HOW_TO_CITE])


def _wrong(draft: FailureDraft, prover: Prover, scope: Scope) -> Iterator[str]:
    if not draft.claims:
        yield "- `claims` is empty: nothing proves the root cause."
    for each in prover.prove(draft.claims, None).dropped:
        yield f"- “{clip(each.text, 100)}”: {each.reason}."
    if draft.responsible_commit and scope.commit(draft.responsible_commit) is None:
        yield f"- `responsible_commit` {_named(draft.responsible_commit)} is none of COMMITS; null if you do not know."
    for path in draft.affected_files:
        if scope.is_whole and not scope.holds(path):
            yield f"- `affected_files`: there is no {_named(path)} in the repository."
    if (patch := proposed(draft)) and (reason := objection(patch)):
        yield f"- `patch`: {reason}."


def _named(text: str) -> str:
    return f"“{clip(' '.join(text.split()), 100)}”"


def prompt() -> str:
    return files(__package__).joinpath("prompt.md").read_text("utf-8")
