"""What of a review a later run may take over: whatever was shown whole and came to a good end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.agent.prompt import left_out_of
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.verdict import Rejected
from cicd_agent.modes.review.claims import MAX_CLAIMS, Prover
from cicd_agent.modes.review.incremental.state import (
    Claimed,
    Described,
    Drafted,
    Line,
    ReusedState,
    ReviewedFile,
    Run,
    dependency_digest,
    description_digest,
    diff_digest,
    dump,
    load_state,
    readable,
)
from cicd_agent.modes.review.questions.description_check import DescriptionDraft
from cicd_agent.modes.review.questions.draft import Claim, ReviewDraft
from cicd_agent.modes.review.questions.judge import judge_outcomes
from cicd_agent.modes.shared.change_reader import changed, showable
from cicd_agent.modes.shared.diff_exhibits import gutter
from cicd_agent.settings.schema import Settings

JUDGE = "judge"
"""How the names of the questions begin that judge claims."""


def save_state(answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> tuple[str, ...]:
    """The lines of the next memory, the most valuable first; none when there is no file that need not be asked again.

    What was taken over and what was answered now are one: the run after this makes no difference between them.
    """
    if not answers and not evidence.memory:
        return ()
    change, recalled = changed(evidence), load_state(evidence, settings)
    given = [_ShownAnswer(answer) for answer in answers if not answer.optional]
    fresh = list(_claims(given, answers, change, settings))
    known = _renumbered(recalled, len(given))
    claims = [*fresh, *known.claims]
    unjudged = _unjudged(fresh, answers, settings)
    parts = {each.path: each.drafts for each in known.seen}
    drafts = {
        number: Drafted(number=number, draft=draft.model_copy(update={"findings": ()}), whole=each.is_whole)
        for number, each in enumerate(given)
        if each.is_good and isinstance(draft := each.answer.draft, ReviewDraft)
    }
    drafts |= {each.number: each for each in known.drafts}
    files: list[tuple[int, ReviewedFile]] = []
    for file in readable(change, settings):
        own = [claim.draft for claim in claims if claim.path == file.path]
        part = parts.get(file.path) or _shown(file, given)
        numbers = tuple(sorted({*part, *own}))
        if part and file.path not in unjudged and drafts.keys() >= set(numbers):
            size = sum(len(line.text) for line in file.lines)
            files.append(
                (size, ReviewedFile(path=file.path, digest=diff_digest(file), drafts=numbers, claims=len(own)))
            )
    if not files:
        return ()
    run = Run(head=change.head, depends=dependency_digest(evidence, settings))
    return dump(_lines(run, _described(answers, recalled, evidence), drafts, claims, files))


class _ShownAnswer:
    """An answer to the question that looks for problems, and what it was given to answer it from."""

    def __init__(self, answer: Answer[Any]) -> None:
        self.answer = answer

    @cached_property
    def is_good(self) -> bool:
        own = {visible_line(source) for source in self._gutters}
        return _is_good(self.answer) and all(left_out_of(each, own) for each in self.answer.left_out)

    @cached_property
    def is_whole(self) -> bool:
        common = {visible_line(exhibit.source) for exhibit in self.answer.evidence if not exhibit.whole}
        return not any(left_out_of(each, common) for each in self.answer.left_out)

    def gutters(self, path: str) -> set[str]:
        """What stands before the lines of a file that were shown; none when a part of it was left out."""
        if any(left_out_of(each, {visible_line(path)}) for each in self.answer.left_out):
            return set()
        return self._gutters.get(path, set())

    @cached_property
    def _gutters(self) -> Mapping[str, set[str]]:
        gutters: dict[str, set[str]] = {}
        for exhibit in self.answer.evidence:
            gutters.setdefault(exhibit.source, set()).update(exhibit.gutter)
        return gutters


def _is_good(answer: Answer[Any]) -> bool:
    return answer.draft is not None and not answer.failure and not answer.instead_of


def _shown(file: FileDiff, given: Sequence[_ShownAnswer]) -> tuple[int, ...]:
    """The answers that were shown this file, together all of it; none when a line of it was not shown."""
    expected = {gutter(line) for line in file.lines}
    parts = {number: each.gutters(file.path) for number, each in enumerate(given) if each.is_good}
    numbers = tuple(number for number, gutters in parts.items() if gutters)
    return numbers if expected <= {each for gutters in parts.values() for each in gutters} else ()


def _claims(
    given: Sequence[_ShownAnswer], answers: Sequence[Answer[Any]], change: Change, settings: Settings
) -> Iterator[Claimed]:
    """What was claimed in this run, as the judge left it."""
    drafts = [(number, each.answer.draft) for number, each in enumerate(given) if each.answer.draft is not None]
    placed = [(number, at, claim) for number, draft in drafts for at, claim in enumerate(draft.findings)]
    prover = Prover(change)
    outcomes = iter(judge_outcomes(prover.prove(claim for _, _, claim in placed), answers))
    # The file that the path of a claim means, as the prover sees it.
    owners = {file.old_path: file.path for file in change.files} | {file.path: file.path for file in change.files}
    shown = {file.path for file in showable(change, settings)}
    for number, at, claim in placed[:MAX_CLAIMS]:
        proof = prover.prove([claim])
        outcome = next(outcomes) if proof.findings else proof.rejected[0]
        owner = owners.get(claim.path, "")
        yield _claimed(number, at, owner if owner in shown else "", claim, outcome)


def _claimed(number: int, at: int, path: str, claim: Claim, outcome: Finding | Rejected) -> Claimed:
    if isinstance(outcome, Rejected):
        return Claimed(draft=number, at=at, path=path, claim=claim, dropped=outcome.reason)
    weaker = claim.model_copy(update={"severity": outcome.severity, "confidence": outcome.confidence})
    return Claimed(draft=number, at=at, path=path, claim=weaker, dropped="")


def _unjudged(fresh: Sequence[Claimed], answers: Sequence[Answer[Any]], settings: Settings) -> frozenset[str]:
    """The files with claims that the judge should have looked at and has not."""
    judges = [answer for answer in answers if answer.question.startswith(JUDGE)]
    paths = frozenset(each.path for each in fresh)
    if settings.judge == "off":
        return frozenset()
    if not judges or not all(_is_good(answer) for answer in judges):
        return frozenset(each.path for each in fresh if not each.dropped)
    left_out = [each for answer in judges for each in answer.left_out]
    return frozenset(path for path in paths if any(left_out_of(each, {visible_line(path)}) for each in left_out))


def _renumbered(recalled: ReusedState, first: int) -> ReusedState:
    """The same behind the drafts of this run."""
    numbers = {each.number: first + index for index, each in enumerate(recalled.drafts)}
    return replace(
        recalled,
        seen=tuple(
            each.model_copy(update={"drafts": tuple(numbers[number] for number in each.drafts)})
            for each in recalled.seen
        ),
        drafts=tuple(each.model_copy(update={"number": numbers[each.number]}) for each in recalled.drafts),
        claims=tuple(each.model_copy(update={"draft": numbers[each.draft]}) for each in recalled.claims),
    )


def _described(answers: Sequence[Answer[Any]], recalled: ReusedState, evidence: Evidence) -> Described | None:
    for answer in answers:
        if isinstance(answer.draft, DescriptionDraft) and _is_good(answer):
            return Described(digest=description_digest(evidence.event, changed(evidence)), draft=answer.draft)
    return recalled.described


def _lines(
    run: Run,
    described: Described | None,
    drafts: Mapping[int, Drafted],
    claims: Sequence[Claimed],
    files: Sequence[tuple[int, ReviewedFile]],
) -> Iterator[Line]:
    """What saves most comes first, since the end may find no room."""
    used = sorted({number for _, each in files for number in each.drafts})
    numbers = {number: index for index, number in enumerate(used)}
    yield run
    for number in used:
        yield drafts[number].model_copy(update={"number": numbers[number]})
    if described is not None:
        yield described

    def given(path: str) -> Iterator[Line]:
        for claim in sorted(claims, key=lambda each: (each.draft, each.at)):
            if claim.path == path and claim.draft in numbers:
                yield claim.model_copy(update={"draft": numbers[claim.draft]})

    for _, each in sorted(files, key=lambda pair: (-pair[0], pair[1].path)):
        yield each.model_copy(update={"drafts": tuple(numbers[number] for number in each.drafts)})
        yield from given(each.path)
    yield from given("")
