"""Proves a model's claims: each is tied to the code it quotes, or rejected with the reason."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cicd_agent.analysis.rules.suppression import capped
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff, Side
from cicd_agent.domain.repository.paths import PathKind
from cicd_agent.domain.text.quote import Miss, Quotes, shown
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Rejected, Strength
from cicd_agent.modes.review.questions.draft import Claim, ClaimedStrength, ReviewDraft
from cicd_agent.modes.shared.change_reader import unshown

MAX_CLAIMS = 100
"""Of one run. A longer list is a runaway answer: what comes after is rejected unread."""

_MAX_TITLE = 200
"""Characters: one line of a table."""

_HOW_TO_QUOTE = (
    "Answer again with all findings. Copy each quote character for character from one exhibit, without the gutter, "
    "long enough to stand at one place only; leave out what you cannot quote."
)


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


@dataclass(slots=True)
class Prover:
    """Holds the diff's text, so that many claims are looked up in it at the cost of reading it once."""

    change: Change
    files: Mapping[str, FileDiff] = field(init=False)
    """By the paths that a claim may name."""
    _quotes: dict[tuple[str, Side], Quotes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        files = self.change.files
        self.files = {file.old_path: file for file in files} | {file.path: file for file in files}

    def prove(self, claims: Iterable[Claim]) -> Proof:
        findings: list[Finding] = []
        rejected: list[Rejected] = []
        whole: set[tuple[Location, str]] = set()
        for index, claim in enumerate(claims):
            too_many = f"more than {MAX_CLAIMS} claims in one review" if index >= MAX_CLAIMS else ""
            proof = too_many or self._proof(claim)
            if isinstance(proof, str):
                where = Location(path=claim.path, line=max(claim.line, 0), side=claim.side.side)
                rejected.append(Rejected(_finding(claim, where, claim.quote), proof))
            else:
                findings.append(_finding(claim, *proof))
                if _folded(claim.quote) in {_folded(proof[1]), _folded(shown(proof[1]))}:
                    whole.add((proof[0], findings[-1].suggestion))
        return Proof(tuple(findings), tuple(rejected), frozenset(whole))

    def _proof(self, claim: Claim) -> tuple[Location, str] | str:
        file = self.files.get(claim.path)
        if file is None:
            return "its path is not in the change"
        if not claim.title.strip():
            return "it does not say what is wrong"
        side = claim.side.side
        if (file.path, side) not in self._quotes:
            self._quotes[file.path, side] = Quotes(file, side)
        location = self._quotes[file.path, side].locate(claim.quote, claim.line)
        if isinstance(location, Miss):
            return location.reason + ("; a longer quote would settle it" if location.longer else "")
        start = location.first if location.first < location.last else 0
        return Location(path=file.path, line=location.last, start=start, side=side), location.text


def complain(draft: ReviewDraft, prover: Prover) -> str | None:
    rejected = prover.prove(draft.findings).rejected
    if not rejected:
        return None
    lines = (f"- {each.claim.location.path}: “{_one_line(each.claim.title)}”: {each.reason}." for each in rejected[:20])
    heading = f"{len(rejected)} of your {len(draft.findings)} findings cannot be kept:"
    return "\n".join((heading, *lines, _HOW_TO_QUOTE))


def _finding(claim: Claim, location: Location, quote: str) -> Finding:
    return Finding(
        id="model",
        title=_one_line(claim.title),
        message=claim.explanation,
        severity=capped(claim.severity, claim.confidence),
        category=claim.category,
        location=location,
        quote=shown(quote),
        confidence=claim.confidence,
        origin=Origin.MODEL,
        advice=claim.advice or "",
        suggestion=claim.suggestion or "",
    )


def _folded(text: str) -> str:
    return " ".join(text.split())


def _one_line(title: str) -> str:
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
            rejected.append(Rejected(_as_finding(claim), f"said to be done well, but {where}"))
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
        return "its quote stands at several places" if location.longer else location.reason
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
