"""What other tools found in a change: read from their SARIF, kept where lines were added, never said twice."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter

from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.finding import Finding, Location, Origin
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import DiffLine
from cicd_agent.domain.text.redaction import mask
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import Rejected
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.review.sarif.reader import ToolResult, read_sarif
from cicd_agent.settings.schema import Settings

MAX_FILES = 20
MAX_FINDINGS = 2_000
"""Findings on added lines that are kept: a person reads fewer."""

_LARGEST = 20_000_000
_CLIP = 2_000
_QUOTE = 300


def read_results(change: Change, world: Ports, settings: Settings) -> tuple[tuple[Finding, ...], tuple[Gap, ...]]:
    """The findings of `sarif-files` on added lines of the change, and what was left out of them."""
    if not settings.sarif_files:
        return (), ()
    if world.workspace is None:
        return (), (Gap("", "sarif-files were not read: there is no workspace"),)
    added = {file.path: [(line.new or 0, line) for line in file.added] for file in change.files}
    accepted: list[Finding] = []
    seen: set[tuple[str, str, object]] = set()
    notes: list[str] = []
    elsewhere: Counter[str] = Counter()
    for file in world.workspace.files(settings.sarif_files, most=MAX_FILES, limit=_LARGEST):
        results, problems = ((), (file.problem,)) if file.problem else read_sarif(file.content, world.workspace.roots)
        notes += [f"sarif-files: {visible_line(file.path)[:_QUOTE]}: {problem}" for problem in problems]
        for result in results:
            keys = _keys(result)
            if seen.isdisjoint(keys):
                finding = _on(added.get(result.finding.location.path, ()), result)
                if isinstance(finding, Finding) and len(accepted) < MAX_FINDINGS:
                    accepted.append(finding)
                else:
                    elsewhere[finding if isinstance(finding, str) else f"beyond the first {MAX_FINDINGS:,}"] += 1
            seen |= keys
    notes += [f"{count(number, 'finding')} of other tools {where} left out" for where, number in elsewhere.items()]
    return tuple(accepted), tuple(Gap("", note) for note in notes)


def _on(added: Sequence[tuple[int, DiffLine]], result: ToolResult) -> Finding | str:
    """The finding on the first added line of the result, or where it is instead. `added` is in order."""
    at = bisect_left(added, result.first, key=itemgetter(0))
    if not result.first or at == len(added) or added[at][0] > result.last:
        return "outside the change"
    number, line = added[at]
    if not _reads_so(result, line):
        return "on lines that read differently in the commit under review"
    return replace(
        result.finding,
        title=mask(result.finding.title),
        message=mask(result.finding.message),
        location=Location(result.finding.location.path, number),
        quote=mask(line.text[:_CLIP]).strip()[:_QUOTE],
    )


def proven_results(findings: Iterable[Finding], change: Change) -> Iterator[Finding]:
    """Those of evidence that are what they say: evidence may have come from a file that somebody wrote."""
    added_lines = {(file.path, line.new) for file in change.files for line in file.added}
    for finding in findings:
        where = finding.location
        whole = finding.origin is Origin.TOOL and "/" in finding.id and not finding.suggestion
        if whole and where == Location(where.path, where.line) and (where.path, where.line) in added_lines:
            yield finding


def merge_same(findings: Sequence[Finding], settings: Settings) -> tuple[list[Finding], list[Rejected]]:
    """The findings of rules and tools without those that say what another, which weighs as much, says of the same line.

    Neither the rules nor a tool say a thing twice: what one of them says of a line with two rules is two things.
    """
    accepted_findings = [finding for finding in findings if finding.origin is not Origin.TOOL]
    merged: list[Rejected] = []
    for finding in sorted(
        (each for each in findings if each.origin is Origin.TOOL), key=lambda each: -each.severity.rank
    ):
        twin = next((each for each in accepted_findings if _says(each, finding, settings.min_confidence)), None)
        if twin is None:
            accepted_findings.append(finding)
        else:
            where = finding.location
            merged.append(Rejected(finding, f"says what `{twin.id}` says at {where.path}:{where.line}"))
    return accepted_findings, merged


def _says(accepted_findings: Finding, finding: Finding, min_confidence: float) -> bool:
    here, there = accepted_findings.location, finding.location
    return (
        _speaker(accepted_findings) != _speaker(finding)
        and accepted_findings.category == finding.category
        and accepted_findings.severity.rank >= finding.severity.rank
        and accepted_findings.confidence >= min(finding.confidence, min_confidence)
        and (here.path, here.side, here.line) == (there.path, there.side, there.line)
    )


def _speaker(finding: Finding) -> str:
    return finding.id.partition("/")[0] if finding.origin is Origin.TOOL else ""


def _keys(result: ToolResult) -> set[tuple[str, str, object]]:
    ident, path = result.finding.id, result.finding.location.path
    return {(ident, path, result.first), (ident, path, result.prints or result.first)}


def _reads_so(result: ToolResult, line: DiffLine) -> bool:
    """Whether the tool saw this line; the checkout of a pull request is a merge, whose lines may be others."""
    seen = ["".join(each.split()) for each in result.snippet.splitlines() if each.strip()]
    text = "".join(line.text.split())
    return not seen or any(part in text or (text and text in part) for part in seen)
