"""Proves a model's claims: each is tied to the code it quotes, or rejected with the reason."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.rules.suppression import capped
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Passage, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff, Side
from cicd_agent.domain.repository.paths import PathKind
from cicd_agent.domain.text.quote import Miss, Quotes, QuoteSpan, lines_with, shown
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Rejected, Strength
from cicd_agent.modes.review.questions.draft import Claim, ClaimedStrength, QuotedCode, ReviewDraft
from cicd_agent.modes.shared.change_reader import unshown

MAX_CLAIMS = 100
"""Of one run. A longer list is a runaway answer: what comes after is rejected unread."""

_MAX_TITLE = 200
"""Characters: one line of a table."""

MAX_ELSEWHERE = 5
"""Further places of one claim."""

_HOW_TO_QUOTE = (
    "Answer again with all findings, those that nothing is said of here as they were. Copy each quote from the diff, "
    "character for character, without the gutter, long enough to stand at one place only. Where a finding rests on "
    "code that the change does not touch, quote the changed line that makes it a problem, and that code in `elsewhere`."
)
_NOT_IN_THE_CHANGE = "its path is not in the change"
# What stands before a line that was looked up: its number, or a search's path and number.
_LOOKED_UP = re.compile(r"(?:(?P<path>[^:|]{1,300}):)?[ ]*(?P<line>\d{1,7})(?::| [^|]{0,80}\||\|)")


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of a list of claims: every claim is in exactly one of the three tuples."""

    findings: tuple[Finding, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    whole: frozenset[tuple[Location, str]] = frozenset()
    """Places and suggestions of the claims that quote their lines whole, not a part of them."""
    dropped: tuple[Rejected, ...] = ()
    """Proved claims that the judge could not defend."""

    def joined(self, other: "Proof") -> "Proof":
        return Proof(
            (*self.findings, *other.findings),
            (*self.rejected, *other.rejected),
            self.whole | other.whole,
            (*self.dropped, *other.dropped),
        )


class Prover:
    """Holds the diff's text, so that many claims are looked up in it at the cost of reading it once.

    `lookups` are what a model has looked up: code outside of the diff may be quoted from there.
    """

    def __init__(self, change: Change, lookups: Iterable[Exhibit] = ()) -> None:
        self.change = change
        self._lookups = tuple(lookups)
        self._files: Mapping[str, FileDiff] = {file.old_path: file for file in change.files} | {
            file.path: file for file in change.files
        }
        self._quotes = cache(Quotes)

    def prove(self, claims: Iterable[Claim]) -> Proof:
        findings: list[Finding] = []
        rejected: list[Rejected] = []
        whole: set[tuple[Location, str]] = set()
        for index, claim in enumerate(claims):
            too_many = f"more than {MAX_CLAIMS} claims in one review" if index >= MAX_CLAIMS else ""
            proof = too_many or self._proof(claim)
            if isinstance(proof, str):
                where = Location(path=claim.path, line=max(claim.line, 0), side=claim.side.side)
                rejected.append(Rejected(_finding(claim, Passage(where, claim.quote), ()), proof))
            else:
                findings.append(_finding(claim, *proof))
                text = proof[0].quote
                if _folded(claim.quote) in {_folded(text), _folded(shown(text))}:
                    whole.add((proof[0].location, findings[-1].suggestion))
        return Proof(tuple(findings), tuple(rejected), frozenset(whole))

    def file(self, path: str) -> FileDiff | None:
        """The file of the change that a claim means: by either of its paths, else by the only one of its base name."""
        named = self._named(path)
        return named[0] if len(named) == 1 else None

    def locate(self, path: str, quote: str, *, side: Side = Side.RIGHT, line: int = 0) -> Passage | str:
        """Where in the diff a quote stands, on `side` if it does there; or why that is not known."""
        files = self._named(path)
        reason = "" if files else _NOT_IN_THE_CHANGE
        for each in (side, Side.LEFT if side is Side.RIGHT else Side.RIGHT):
            located = [(file, self._quotes(file, each).locate(quote, line)) for file in files]
            spans = [(file, span) for file, span in located if isinstance(span, QuoteSpan)]
            if len(spans) == 1:
                file, span = spans[0]
                start = span.first if span.first < span.last else 0
                return Passage(Location(path=file.path, line=span.last, start=start, side=each), span.text)
            miss = next((span for _, span in located if isinstance(span, Miss)), None)
            if not reason:
                reason = _reason(miss) if miss and not spans else _NOT_IN_THE_CHANGE
            if miss and miss.longer:
                break
        return reason

    def _proof(self, claim: Claim) -> tuple[Passage, tuple[Passage, ...]] | str:
        if not claim.title.strip():
            return "it does not say what is wrong"
        others = claim.elsewhere[:MAX_ELSEWHERE]
        main = self.locate(claim.path, claim.quote, side=claim.side.side, line=claim.line)
        if isinstance(main, str):
            # The cause was quoted first, and the changed line beside it.
            passages = ((each, self.locate(each.path, each.quote)) for each in others)
            other, passage = next(((each, made) for each, made in passages if isinstance(made, Passage)), (None, None))
            if other is None or passage is None:
                return main
            cause = QuotedCode(path=claim.path, quote=claim.quote)
            main, others = passage, (cause, *(each for each in others if each is not other))
        places = (self._anywhere(each) for each in others)
        return main, tuple(each for each in places if each and not each.location.meets(main.location))

    def _anywhere(self, code: QuotedCode) -> Passage | None:
        """Where a quote stands: in the diff, in what is known of the change's files, or in what was looked up."""
        located = self.locate(code.path, code.quote)
        if isinstance(located, Passage):
            return located
        file = self.file(code.path)
        lines = self.change.texts.get(file.path, "").split("\n") if file else []
        if file and (span := lines_with(lines, code.quote)):
            return Passage(Location(file.path, span[1], span[0] if span[0] < span[1] else 0), shown(code.quote))
        return next(filter(None, (_looked_up(each, code) for each in self._lookups)), None)

    def _named(self, path: str) -> Sequence[FileDiff]:
        if path in self._files:
            return (self._files[path],)
        name = PurePosixPath(path).name
        return [file for file in self.change.files if name and PurePosixPath(file.path).name == name]


def claims_of(answer: Answer[Any]) -> tuple[Claim, ...]:
    """What a model claimed: in its last draft, and what it left out of that after it was corrected."""
    if not isinstance(answer.draft, ReviewDraft):
        return ()
    claims = list(answer.draft.findings)
    for draft in reversed(answer.superseded):
        said = {_folded(each.title).casefold() for each in claims} | {_folded(each.quote) for each in claims}
        claims += (each for each in draft.findings if not said & {_folded(each.title).casefold(), _folded(each.quote)})
    return tuple(claims)


def _reason(miss: Miss) -> str:
    return miss.reason + ("; a longer quote would settle it" if miss.longer else "")


def _looked_up(exhibit: Exhibit, code: QuotedCode) -> Passage | None:
    """Where a quote stands in a look-up that names its file."""
    rows = exhibit.text.split("\n")
    span = lines_with(rows, code.quote)
    if span is None or not code.path.strip():
        return None
    marks = [_LOOKED_UP.match(row) for row in rows[span[0] - 1 : span[1]]]
    path = marks[0]["path"] if marks[0] and marks[0]["path"] else ""
    if PurePosixPath(code.path).name not in f"{path or rows[0]} {exhibit.source}":
        return None
    numbers = [int(mark["line"]) if mark else 0 for mark in marks]
    start = numbers[0] if numbers[0] < numbers[-1] else 0
    return Passage(Location(path or code.path, numbers[-1], start), shown(code.quote))


def complain(draft: ReviewDraft, prover: Prover) -> str | None:
    rejected = prover.prove(draft.findings).rejected
    if not rejected:
        return None
    lines = (f"- {each.claim.location.path}: “{one_line(each.claim.title)}”: {each.reason}." for each in rejected[:20])
    heading = f"{len(rejected)} of your {len(draft.findings)} findings cannot be kept:"
    return "\n".join((heading, *lines, _HOW_TO_QUOTE))


def _finding(claim: Claim, passage: Passage, elsewhere: tuple[Passage, ...]) -> Finding:
    return Finding(
        id="model",
        title=one_line(claim.title),
        message=claim.explanation,
        severity=capped(claim.severity, claim.confidence),
        category=claim.category,
        location=passage.location,
        quote=shown(passage.quote),
        elsewhere=elsewhere,
        confidence=claim.confidence,
        origin=Origin.MODEL,
        advice=claim.advice or "",
        suggestion=claim.suggestion or "",
    )


def _folded(text: str) -> str:
    return " ".join(text.split())


def one_line(title: str) -> str:
    return clip(_folded(title), _MAX_TITLE)


MAX_POSITIVES = 2
_MAX_SENTENCE = 160
_WORTH_SAYING = 20
"""Added lines of code below which tests are no news."""
_ENOUGH = 0.3
"""Lines of tests for each line of code from which code comes with tests."""


def positives(
    drafts: Sequence[ReviewDraft], change: Change, findings: Sequence[Finding]
) -> tuple[tuple[Strength, ...], tuple[Rejected, ...]]:
    """What stands, and what was said without proof and why; `findings` are what stands against the change."""
    accepted: list[Strength] = []
    rejected: list[Rejected] = []
    files = {file.path: file for file in change.files}
    for claim in (claim for draft in drafts for claim in draft.strengths):
        where = "there are enough of its kind" if len(accepted) >= MAX_POSITIVES else _location(claim, files, findings)
        if isinstance(where, str):
            rejected.append(Rejected(_as_finding(claim), f"praise without proof: {where}"))
        else:
            accepted.append(Strength(_sentence(claim), where))
    return (*accepted, *_tested(change, findings)), tuple(rejected)


def _location(claim: ClaimedStrength, files: dict[str, FileDiff], findings: Sequence[Finding]) -> Location | str:
    file = files.get(claim.path)
    if file is None:
        return "its path is not in the change"
    if not _sentence(claim):
        return "it does not say what"
    location = Quotes(file, Side.RIGHT).locate(claim.quote, 0)
    if isinstance(location, Miss):
        return "its quote occurs at several places" if location.longer else location.reason
    added = {line.new for line in file.added}
    if not any(number in added for number in range(location.first, location.last + 1)):
        return "the change does not add it"
    where = Location(file.path, location.last, start=location.first if location.first < location.last else 0)
    return "a finding stands at its lines" if any(each.location.meets(where) for each in findings) else where


def _tested(change: Change, findings: Sequence[Finding]) -> Iterator[Strength]:
    """That new code comes with tests, where it does and nothing is said against these."""
    code = tests = 0
    for file in (file for file in change.files if not unshown(file)):
        path_kinds = change.kinds_of(file)
        added = sum(1 for line in file.added if line.text.strip())
        if PathKind.TEST in path_kinds:
            tests += added - file.deleted_count
        elif PathKind.SOURCE in path_kinds:
            code += added
    weak = any(finding.category is Category.TESTING for finding in findings)
    if code >= _WORTH_SAYING and tests >= code * _ENOUGH and not weak:
        yield Strength(f"{count(code, 'line')} of code come with {count(tests, 'line')} of tests")


def _sentence(claim: ClaimedStrength) -> str:
    return clip(" ".join(claim.what.split()).rstrip("."), _MAX_SENTENCE)


def _as_finding(claim: ClaimedStrength) -> Finding:
    return Finding(
        id="strength",
        title=_sentence(claim) or "(nothing)",
        message="",
        severity=Severity.LOW,
        category=Category.RELIABILITY,
        location=Location(claim.path),
        quote=shown(claim.quote),
        origin=Origin.MODEL,
    )
