"""What an earlier run has left of its review, and how much of it holds for the change as it is now."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from cicd_agent.domain.verdict import Recalled, Rejected
from cicd_agent.modes.review.chat.chat import is_request
from cicd_agent.modes.review.claims import MAX_CLAIMS, Proof, Prover
from cicd_agent.modes.review.exhibits import GUIDELINES
from cicd_agent.modes.review.questions.description_check import DescriptionDraft
from cicd_agent.modes.review.questions.draft import Claim, ReviewDraft
from cicd_agent.modes.review.questions.judge import Judgement, judge_outcomes
from cicd_agent.modes.shared.change_reader import changed, showable
from cicd_agent.modes.shared.diff_exhibits import gutter
from cicd_agent.settings.schema import Settings


class _Line(BaseModel):
    """One line of a memory. Any of them may be missing: what is not complete without it is not remembered."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Run(_Line):
    """The first line: the commit that was reviewed, and a digest of what a review depends on beside the files."""

    kind: Literal["run"] = "run"
    head: str
    depends: str


class Drafted(_Line):
    """One answer to the question that looks for problems, less its claims; `whole` when it was shown all it needs."""

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
    """What holds still: `seen` files, the `drafts` and `claims` (in the order of their answers) that belong to them.

    `of` counts the files of the change that a model may be shown, `since` is the commit of the earlier review.
    """

    seen: tuple[ReviewedFile, ...] = ()
    drafts: tuple[Drafted, ...] = ()
    claims: tuple[Claimed, ...] = ()
    described: Described | None = None
    since: str = ""
    of: int = 0

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(each.path for each in self.seen)

    @property
    def answers(self) -> tuple[ReviewDraft, ...]:
        """The answers as they would be given now: each with the claims that are left of it."""
        return tuple(
            each.draft.model_copy(
                update={"findings": tuple(claimed.claim for claimed in self.claims if claimed.draft == each.number)}
            )
            for each in self.drafts
        )

    @property
    def whole(self) -> bool:
        """Whether none of the answers lacked something that it should have been shown."""
        return all(each.whole for each in self.drafts)

    @property
    def shown(self) -> Recalled | None:
        return Recalled(len(self.seen), self.of, self.since) if self.seen else None

    def joined(self, answers: Sequence[Answer[Any]]) -> Sequence[Answer[Any]]:
        """The answers, with that about the description if it is remembered."""
        if self.described is None:
            return answers
        return [*answers, Answer("description", self.described.draft, optional=True)]

    def proved(self, prover: Prover) -> tuple[Proof, Judgement]:
        """The claims looked up once more: a quote that is gone is rejected, whatever was thought of it before."""
        findings: list[Finding] = []
        rejected: list[Rejected] = []
        dropped: list[Rejected] = []
        whole = frozenset[Any]()
        for each in self.claims:
            proof = prover.prove([each.claim])
            rejected += proof.rejected
            if each.dropped:
                dropped += (Rejected(finding, each.dropped) for finding in proof.findings)
            else:
                findings += proof.findings
                whole |= proof.whole
        return Proof(tuple(findings), tuple(rejected), whole), Judgement(tuple(findings), tuple(dropped))


def load_state(evidence: Evidence, settings: Settings) -> ReusedState:
    """What of the evidence's memory, which was opened before, holds for its change."""
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
    seen = tuple(
        line
        for line in lines
        if isinstance(line, ReviewedFile)
        and line.path in candidates
        and line.digest == diff_digest(candidates[line.path])
        and drafts.keys() >= set(line.drafts)
        and line.claims == sum(1 for claim in claims if claim.path == line.path)
    )
    paths, used = {line.path for line in seen}, {number for line in seen for number in line.drafts}
    remaining = [claim for claim in claims if claim.draft in used and (not claim.path or claim.path in paths)]
    described = next((line for line in lines if isinstance(line, Described)), None)
    is_same = described is not None and described.digest == description_digest(evidence.event, change)
    return ReusedState(
        seen=seen,
        drafts=tuple(drafts[number] for number in sorted(used)),
        claims=tuple(sorted(remaining, key=lambda claim: (claim.draft, claim.at))),
        described=described if is_same else None,
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
    models = [settings.base_url, settings.model, settings.models.get("review", ""), settings.fast_model]
    rules = [settings.instructions, settings.judge, settings.deny_paths, settings.paths_ignore]
    return _digest([PREAMBLE, prompts, guidelines, models, rules])


def dump(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(json.dumps(line.model_dump(mode="json"), separators=(",", ":")) for line in lines)


def _read(memory: str) -> Iterator[Line]:
    for line in memory.split("\n"):
        try:
            yield _LINE.validate_json(line, strict=True)
        except ValidationError:
            continue


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:48]


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
