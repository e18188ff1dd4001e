"""What a model is asked about a change: first for problems, then whether they and the description hold."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from cicd_agent.agent.messages import Answer, Question
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.repository.change import Change
from cicd_agent.modes.review.claims import Prover, claims_of, complain
from cicd_agent.modes.review.incremental_state import ReusedState, load_state
from cicd_agent.modes.review.questions import description_check, judge
from cicd_agent.modes.review.questions.draft import ReviewDraft
from cicd_agent.modes.shared.change_reader import changed, is_by_a_dependency_bot, unshown_files
from cicd_agent.modes.shared.diff_exhibits import pieces
from cicd_agent.settings.schema import Settings

MAX_UNSHOWN = 15
"""Files that are listed of those that are not shown."""


def questions(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Sequence[Question[Any]]:
    return tuple(_second(evidence, answers, settings)) if answers else _first(evidence, settings)


def _first(evidence: Evidence, settings: Settings) -> Sequence[Question[Any]]:
    """The main question, unless a bot wrote the change, nothing of it may be shown, or all of it is remembered."""
    event = evidence.event
    change = changed(evidence)
    recalled = load_state(evidence, settings)
    exhibits = tuple(each for each in pieces(change, settings) if each.source not in recalled.paths)
    if is_by_a_dependency_bot(event) or not exhibits:
        return tuple(_comparing(evidence, recalled, []))
    exhibits = (*evidence.exhibits, *_unshown(change, settings), *exhibits)
    if settings.instructions:
        house_rules = Exhibit("house-rules", "what this repository asks of reviews", settings.instructions, priority=9)
        exhibits = (house_rules, *exhibits)
    prover = Prover(change)
    return (Question("review", prompt(), exhibits, ReviewDraft, check=lambda draft: complain(draft, prover)),)


def _unshown(change: Change, settings: Settings) -> Iterator[Exhibit]:
    lines = list(unshown_files(change, settings))
    if len(lines) > MAX_UNSHOWN:
        lines[MAX_UNSHOWN:] = [f"and {len(lines) - MAX_UNSHOWN:,} more"]
    if lines:
        yield Exhibit("not-shown", "files of the change that are not shown line by line", "\n".join(lines))


def _second(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Iterator[Question[Any]]:
    """Whether the proven claims can be defended, and whether the description fits: each only if there is something."""
    drafts = [answer.draft for answer in answers if isinstance(answer.draft, ReviewDraft)]
    if not drafts or any(answer.optional for answer in answers):
        return
    change = changed(evidence)
    lookups = [each for answer in answers for each in answer.lookups]
    proof = Prover(change, lookups).prove(claim for answer in answers for claim in claims_of(answer))
    if judge.is_needed(proof, change, settings) and (second := judge.question(proof, change, settings, lookups)):
        yield second
    yield from _comparing(evidence, load_state(evidence, settings), drafts)


def _comparing(evidence: Evidence, recalled: ReusedState, drafts: Sequence[ReviewDraft]) -> Iterator[Question[Any]]:
    summaries = [draft.summary for draft in (*drafts, *recalled.answers)]
    if summaries and recalled.described is None:
        comparison = description_check.question(evidence.event, changed(evidence), summaries)
        if comparison is not None:
            yield comparison


def prompt() -> str:
    return files(__package__).joinpath("prompt.md").read_text("utf-8")
