"""What is done well: the little that a model names and the diff proves, and what code can count for itself."""

from collections.abc import Iterator, Sequence

from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff, Side
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.quote import Miss, Quotes, shown
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Rejected, Strength
from cicd_agent.modes.review.questions.draft import ClaimedStrength, ReviewDraft
from cicd_agent.modes.shared.change_reader import unread

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
    """The added lines that the claim quotes, or why it does not stand."""
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
    for file in (file for file in change.files if not unread(file)):
        path_kinds = kinds(file.path)
        if PathKind.TEST in path_kinds:
            tests += sum(1 for line in file.added if line.text.strip()) - sum(1 for _ in file.deleted)
        elif PathKind.SOURCE in path_kinds:
            code += sum(1 for line in file.added if line.text.strip())
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
