"""What an earlier run has left of its review, and how much of it holds for the change as it is now."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cicd_agent.agent.messages import Answer
from cicd_agent.agent.prompt import PREAMBLE, left_out_of
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.verdict import ClaimStatus, Recalled, Rejected
from cicd_agent.modes.review.claims import MAX_CLAIMS, Proof, Prover, claims_of
from cicd_agent.modes.review.comments import is_request
from cicd_agent.modes.review.exhibits.guidelines import GUIDELINES
from cicd_agent.modes.review.questions.description_check import DescriptionDraft
from cicd_agent.modes.review.questions.draft import Claim, ClaimedSide, QuotedCode, ReviewDraft
from cicd_agent.modes.review.questions.judge import is_needed, judge_outcomes
from cicd_agent.modes.shared.change_reader import changed, showable
from cicd_agent.modes.shared.diff_exhibits import gutter
from cicd_agent.settings.schema import Settings


class _Line(BaseModel):
    """One line of the state. Any of them may be missing: what is not complete without it is not taken over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Run(_Line):
    """The first line: the commit that was reviewed, and a digest of what a review depends on beside the files."""

    kind: Literal["run"] = "run"
    head: str
    depends: str


class Drafted(_Line):
    """One answer to the question that looks for problems, less its claims; `whole` when it was shown all it needs.

    The lower its `number`, the newer it is.
    """

    kind: Literal["draft"] = "draft"
    number: int
    draft: ReviewDraft
    whole: bool


class Claimed(_Line):
    """One claim as the judge left it, `dropped` why it did not stand. `path` is its file's, "" when it has none."""

    kind: Literal["claim"] = "claim"
    draft: int
    at: int
    path: str
    claim: Claim
    dropped: str


class ReviewedFile(_Line):
    """One file that was shown whole: a digest of its diff, in which drafts it has a part, and how many claims."""

    kind: Literal["file"] = "file"
    path: str
    digest: str
    drafts: tuple[int, ...]
    claims: int


class Described(_Line):
    """What the comparison with the description has found, and a digest of what was compared."""

    kind: Literal["description"] = "description"
    digest: str
    draft: DescriptionDraft


Line = Run | Drafted | Claimed | ReviewedFile | Described
_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])


@dataclass(frozen=True, slots=True)
class ReusedState:
    """What holds still: `reviewed` files, and the `drafts` and `claims` (in the order of their answers) about them.

    `of` counts the files of the change that a model may be shown, `since` is the commit of the earlier review.
    """

    reviewed: tuple[ReviewedFile, ...] = ()
    drafts: tuple[Drafted, ...] = ()
    claims: tuple[Claimed, ...] = ()
    described: Described | None = None
    since: str = ""
    of: int = 0

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(each.path for each in self.reviewed)

    @property
    def answers(self) -> tuple[ReviewDraft, ...]:
        return tuple(
            each.draft.model_copy(
                update={"findings": tuple(claimed.claim for claimed in self.claims if claimed.draft == each.number)}
            )
            for each in self.drafts
        )

    @property
    def whole(self) -> bool:
        return all(each.whole for each in self.drafts)

    @property
    def shown(self) -> Recalled | None:
        return Recalled(len(self.reviewed), self.of, self.since) if self.reviewed else None

    def joined(self, answers: Sequence[Answer[Any]]) -> Sequence[Answer[Any]]:
        if self.described is None:
            return answers
        return [*answers, Answer("description", self.described.draft, optional=True)]

    def proved(self, prover: Prover) -> Proof:
        """The claims looked up once more: a quote that is gone is rejected, whatever was thought of it before."""
        joined = Proof()
        for each in self.claims:
            proof = prover.prove([each.claim])
            if each.dropped:
                dropped = tuple(Rejected(claim, each.dropped, ClaimStatus.REFUTED) for claim in proof.findings)
                proof = Proof(rejected=proof.rejected, dropped=dropped)
            joined = joined.joined(proof)
        return joined


def load_state(evidence: Evidence, settings: Settings) -> ReusedState:
    change = evidence.change
    if not evidence.memory or change is None or is_request(evidence.event):
        return ReusedState()
    lines = tuple(_read(evidence.memory))
    run = next((line for line in lines if isinstance(line, Run)), None)
    if run is None or run.depends != dependency_digest(evidence, settings):
        return ReusedState()
    drafts = {line.number: line for line in lines if isinstance(line, Drafted)}
    claims = [line for line in lines if isinstance(line, Claimed) and line.draft in drafts]
    candidates = {file.path: file for file in readable(change, settings)}
    reviewed = tuple(
        line
        for line in lines
        if isinstance(line, ReviewedFile)
        and line.path in candidates
        and line.digest == diff_digest(candidates[line.path])
        and drafts.keys() >= set(line.drafts)
        and line.claims == sum(1 for claim in claims if claim.path == line.path)
    )
    paths, used = {line.path for line in reviewed}, {number for line in reviewed for number in line.drafts}
    remaining = [claim for claim in claims if claim.draft in used and (not claim.path or claim.path in paths)]
    digest = description_digest(evidence.event, change)
    described = next((line for line in lines if isinstance(line, Described) and line.digest == digest), None)
    return ReusedState(
        reviewed=reviewed,
        drafts=tuple(drafts[number] for number in sorted(used)),
        claims=tuple(sorted(remaining, key=lambda claim: (claim.draft, claim.at))),
        described=described,
        since=run.head,
        of=len(candidates),
    )


def readable(change: Change, settings: Settings) -> Iterator[FileDiff]:
    return (file for file in showable(change, settings) if file.hunks)


def diff_digest(file: FileDiff) -> str:
    """48 hex digits of what a reader of the diff sees, less the numbers of the lines: a shift is no difference.

    They are as many because the author of a change could otherwise make two diffs of the same digest.
    """
    lines = [[[line.kind, line.text, line.no_newline] for line in hunk.lines] for hunk in file.hunks]
    return _digest([file.path, file.old_path, file.kind, file.old_mode, file.new_mode, lines])


def description_digest(event: Event, change: Change) -> str:
    description = (event.pull.title, event.pull.body) if event.pull else ("", "")
    return _digest([*description, *(diff_digest(file) for file in change.files)])


def dependency_digest(evidence: Evidence, settings: Settings) -> str:
    """A digest of what decides over an answer beside the change: who is asked, how, and by which rules."""
    review = Path(str(files(__package__)))
    prompts = [path.read_text("utf-8") for path in sorted(review.rglob("*.md"))]
    guidelines = [[each.source, each.text] for each in evidence.exhibits if each.source in GUIDELINES]
    models = [settings.base_url, settings.model, settings.fast_model]
    rules = [settings.instructions, settings.judge, settings.deny_paths, settings.paths_ignore]
    return _digest([PREAMBLE, prompts, guidelines, models, rules])


def _read(memory: str) -> Iterator[Line]:
    for line in memory.split("\n"):
        with suppress(ValidationError):
            yield _LINE.validate_json(line, strict=True)


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:48]


JUDGE = "judge"
"""How the names of the questions begin that judge claims."""


def save_state(answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> tuple[str, ...]:
    """What a later run may take over, the most valuable lines first; none when nothing of it helps."""
    if not answers and not evidence.memory:
        return ()
    change, recalled = changed(evidence), load_state(evidence, settings)
    main = [answer for answer in answers if not answer.optional]
    newest = min((each.number for each in recalled.drafts), default=0) - len(main)
    given = {number: _ShownAnswer(answer) for number, answer in enumerate(main, newest)}
    fresh = list(_claims(given, answers, change, settings))
    claims = [*fresh, *recalled.claims]
    unjudged = _unjudged(fresh, answers, change, settings)
    parts = {each.path: each.drafts for each in recalled.reviewed}
    drafts = {
        number: Drafted(number=number, draft=draft.model_copy(update={"findings": ()}), whole=each.is_whole)
        for number, each in given.items()
        if each.is_good and isinstance(draft := each.answer.draft, ReviewDraft)
    }
    drafts |= {each.number: each for each in recalled.drafts}
    files: list[tuple[int, ReviewedFile]] = []
    for file in readable(change, settings):
        own = [claim.draft for claim in claims if claim.path == file.path]
        part = parts.get(file.path) or _shown(file, given)
        numbers = tuple(sorted({*part, *own}))
        if part and file.path not in unjudged and drafts.keys() >= set(numbers):
            size = sum(len(line.text) for line in file.lines)
            reviewed = ReviewedFile(path=file.path, digest=diff_digest(file), drafts=numbers, claims=len(own))
            files.append((-size, reviewed))
    if not files:
        return ()
    used = sorted({number for _, each in files for number in each.drafts})
    lines: list[Line] = [Run(head=change.head, depends=dependency_digest(evidence, settings))]
    lines += (drafts[number] for number in used)
    comparisons = (each.draft for each in answers if isinstance(each.draft, DescriptionDraft) and _is_good(each))
    if draft := next(comparisons, None):
        lines.append(Described(digest=description_digest(evidence.event, change), draft=draft))
    elif recalled.described is not None:
        lines.append(recalled.described)
    remaining = sorted((each for each in claims if each.draft in used), key=lambda each: (each.draft, each.at))
    # What saves most comes first, since the end may not fit.
    for _, each in sorted(files, key=lambda pair: (pair[0], pair[1].path)):
        lines += [each, *(claim for claim in remaining if claim.path == each.path)]
    lines += (claim for claim in remaining if not claim.path)
    return tuple(json.dumps(line.model_dump(mode="json"), separators=(",", ":")) for line in lines)


class _ShownAnswer:
    """An answer to the question that looks for problems, and what it was given to answer it from."""

    def __init__(self, answer: Answer[Any]) -> None:
        self.answer = answer
        self._gutters: dict[str, set[str]] = {}
        for exhibit in answer.evidence:
            self._gutters.setdefault(exhibit.source, set()).update(exhibit.gutter)

    @cached_property
    def is_good(self) -> bool:
        own = {visible_line(source) for source in self._gutters}
        return _is_good(self.answer) and all(left_out_of(each, own) for each in self.answer.left_out)

    @property
    def is_whole(self) -> bool:
        return not _lacks(self.answer, {exhibit.source for exhibit in self.answer.evidence if not exhibit.whole})

    def gutters(self, path: str) -> set[str]:
        return set() if _lacks(self.answer, {path}) else self._gutters.get(path, set())


def _is_good(answer: Answer[Any]) -> bool:
    return answer.draft is not None and not answer.failure and not answer.instead_of


def _lacks(answer: Answer[Any], sources: Iterable[str]) -> bool:
    visible = {visible_line(source) for source in sources}
    return any(left_out_of(each, visible) for each in answer.left_out)


def _shown(file: FileDiff, given: Mapping[int, _ShownAnswer]) -> tuple[int, ...]:
    """The answers that were shown this file, together all of it; none when a line of it was not shown."""
    parts = {number: gutters for number, each in given.items() if each.is_good and (gutters := each.gutters(file.path))}
    return tuple(parts) if set().union(*parts.values()) >= set(map(gutter, file.lines)) else ()


def _claims(
    given: Mapping[int, _ShownAnswer], answers: Sequence[Answer[Any]], change: Change, settings: Settings
) -> Iterator[Claimed]:
    claims = [(number, at, claim) for number, each in given.items() for at, claim in enumerate(claims_of(each.answer))]
    prover = Prover(change, (each for answer in answers if not answer.optional for each in answer.lookups))
    outcomes = iter(judge_outcomes(prover.prove(claim for _, _, claim in claims), answers, prover))
    shown = {file.path for file in showable(change, settings)}
    for number, at, claim in claims[:MAX_CLAIMS]:
        proof = prover.prove([claim])
        outcome = next(outcomes) if proof.findings else proof.rejected[0]
        judged, dropped = (outcome.claim, outcome.reason) if isinstance(outcome, Rejected) else (outcome, "")
        file = prover.file(judged.location.path)
        path = file.path if file and file.path in shown else ""
        yield Claimed(
            draft=number,
            at=at,
            path=path,
            claim=_as_judged(claim, judged) if proof.findings else claim,
            dropped=dropped,
        )


def _as_judged(claim: Claim, outcome: Finding) -> Claim:
    """The claim as it stands after the judge, at the place that was proved."""
    where = outcome.location
    return claim.model_copy(
        update={
            "path": where.path,
            "side": ClaimedSide.of(where.side),
            "line": where.line,
            "quote": outcome.quote,
            "severity": outcome.severity,
            "confidence": outcome.confidence,
            "title": outcome.title,
            "explanation": outcome.message,
            "advice": outcome.advice or None,
            "suggestion": outcome.suggestion or None,
            "elsewhere": tuple(QuotedCode(path=each.location.path, quote=each.quote) for each in outcome.elsewhere),
        }
    )


def _unjudged(
    fresh: Sequence[Claimed], answers: Sequence[Answer[Any]], change: Change, settings: Settings
) -> frozenset[str]:
    """The files with claims that the judge should have looked at and has not."""
    judges = [answer for answer in answers if answer.question.startswith(JUDGE)]
    if not is_needed(Prover(change).prove(each.claim for each in fresh), change, settings):
        return frozenset()
    if not judges or not all(map(_is_good, judges)):
        return frozenset(each.path for each in fresh if not each.dropped)
    return frozenset(each.path for each in fresh if any(_lacks(answer, {each.path}) for answer in judges))
