"""Which findings do not stand: silenced by the config, ignored paths or a comment on their line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.finding import Finding, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import LineKind, Side
from cicd_agent.domain.repository.paths import matcher
from cicd_agent.domain.verdict import Suppressed, SuppressedBy
from cicd_agent.settings.schema import Settings

_COMMENT = re.compile(
    r"(?:#|//|/\*|<!--|--|;|%|\{#|\"\"\"|\*)\s{0,20}cicd-agent:\s{0,20}ignore\[([\w*,./ -]{1,400})\](.{0,500})"
)
_CLOSER = re.compile(r"\*/|-->|#\}|\"{3}")
_LINE = 20_000


@dataclass(frozen=True, slots=True)
class Suppression:
    """The ids that a comment silences and the reason it gives, "" for none."""

    ids: frozenset[str]
    reason: str


def suppression(line: str) -> Suppression | None:
    match = _COMMENT.search(line[:_LINE]) if "cicd-agent" in line else None
    if match is None:
        return None
    ids = frozenset(part.strip() for part in match[1].split(",") if part.strip())
    return Suppression(ids, _CLOSER.split(match[2], maxsplit=1)[0].strip()) if ids else None


class _Suppressions:
    """The comments of a change, each file read once, however many findings there are."""

    def __init__(self, change: Change) -> None:
        self._texts = change.texts
        self._diffs = {file.path: file for file in change.files}
        self._files: dict[str, dict[int, tuple[Suppression, bool]]] = {}

    def silenced(self, finding: Finding) -> Suppressed | None:
        """The finding with the suppression on one of its lines, as the head has it; a deleted line carries none."""
        location = finding.location
        if location.side is not Side.RIGHT or not location.line:
            return None
        comments = self._of(location.path)
        for number in range(location.first, location.line + 1) if comments else ():
            match, in_change = comments.get(number, (None, False))
            if match is not None and finding.id in match.ids:
                return Suppressed(finding, SuppressedBy.COMMENT, match.reason, in_change=in_change)
        return None

    def _of(self, path: str) -> dict[int, tuple[Suppression, bool]]:
        """By line: what a comment silences, and whether the change brings it."""
        if path not in self._files:
            # Without a checkout there is the diff alone; a finding outside of it needs the whole text.
            lines = {number: (text, False) for number, text in enumerate(self._texts.get(path, "").split("\n"), 1)}
            for line in self._diffs[path].lines if path in self._diffs else ():
                if line.new is not None:
                    lines[line.new] = (line.text, line.kind is LineKind.ADDED)
            found = ((number, suppression(text), in_change) for number, (text, in_change) in lines.items())
            self._files[path] = {number: (match, in_change) for number, match, in_change in found if match is not None}
        return self._files[path]


def silenced(finding: Finding, change: Change) -> Suppressed | None:
    return _Suppressions(change).silenced(finding)


def silence(findings: Iterable[Finding], change: Change, settings: Settings) -> tuple[list[Finding], list[Suppressed]]:
    ignored = matcher(settings.paths_ignore)
    accepted: list[Finding] = []
    suppressed: list[Suppressed] = []
    comments = _Suppressions(change)
    for finding in findings:
        setting = settings.rules.get(finding.id)
        if setting == "off":
            suppressed.append(Suppressed(finding, SuppressedBy.CONFIG, f"rules: {{{finding.id}: off}}"))
        elif ignored.match_file(finding.location.path):
            suppressed.append(Suppressed(finding, SuppressedBy.PATH, "paths-ignore"))
        elif (comment := comments.silenced(finding)) is not None:
            suppressed.append(comment)
        else:
            accepted.append(replace(finding, severity=Severity(setting)) if setting else finding)
    return accepted, suppressed


def weighed(rules: RuleDraft, change: Change, settings: Settings) -> tuple[list[Finding], list[Finding]]:
    accepted, suppressed = silence(graded(rules.findings), change, settings)
    return accepted, [*accepted, *(each.finding for each in suppressed if each.weighs)]


_CEILINGS = ((0.85, Severity.CRITICAL), (0.7, Severity.HIGH), (0.5, Severity.MEDIUM))


def capped(severity: Severity, confidence: float) -> Severity:
    """`severity`, but no worse than the confidence carries."""
    ceiling = next((each for minimum, each in _CEILINGS if confidence >= minimum), Severity.LOW)
    return min(severity, ceiling, key=lambda each: each.rank)


def graded(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(replace(each, severity=capped(each.severity, each.confidence)) for each in findings)
