"""Which findings do not stand: silenced by the config, ignored paths or a comment on their line, or of a new rule."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from cicd_agent import __version__
from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.rule import Rule
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.change import Change
from cicd_agent.domain.diff import LineKind, Side
from cicd_agent.domain.finding import Finding, Origin, Severity
from cicd_agent.domain.paths import matcher
from cicd_agent.domain.verdict import Suppressed, SuppressedBy
from cicd_agent.domain.version import minor
from cicd_agent.settings.deprecated import DEPRECATED, Deprecated, Table, old_names
from cicd_agent.settings.schema import Settings

_COMMENT = re.compile(
    r"(?:#|//|/\*|<!--|--|;|%|\{#|\"\"\"|\*)\s{0,20}cicd-agent:\s{0,20}ignore\[([\w*,./ -]{1,400})\](.{0,500})"
)
_CLOSERS = ("*/", "-->", "#}", '"""')
_LINE = 20_000


FIRST: Final = "0.1"
"""The rules of the first release are established: nobody had an earlier one to be surprised after."""


def on_probation(book: Iterable[Rule], version: str) -> Mapping[str, str]:
    """The rules that the running minor version brought, by id, each with the minor version from which it counts."""
    major, running = minor(version)
    return {
        rule.id: f"{major}.{running + 1}"
        for rule in book
        if rule.since != FIRST and minor(rule.since) >= (major, running)
    }


NEW: Final = on_probation(RULES, __version__)
"""The new rules of this version."""


def notice_only(settings: Settings, new: Mapping[str, str] = NEW) -> Mapping[str, str]:
    """The rules that only give notice in the ring of these settings."""
    return {} if settings.ring == "canary" else new


@dataclass(frozen=True, slots=True)
class Suppression:
    """The ids that a comment silences and the reason it gives, "" for none."""

    ids: frozenset[str]
    reason: str

    def covers(self, rule: str, renames: Table = DEPRECATED) -> bool:
        """Whether findings with this id are silenced."""
        return rule in self.ids or self.outdated(rule, renames) is not None

    def outdated(self, rule: str, renames: Table = DEPRECATED) -> Deprecated | None:
        """The old name by which alone it silences them, None when it does by the name of today or not at all."""
        olds = (each for each in old_names("rule", renames).values() if each.new == rule and each.old in self.ids)
        return None if rule in self.ids else next(olds, None)


@dataclass(frozen=True, slots=True)
class Silenced:
    """A suppression that applies to a finding; `in_change` says that the change itself adds the comment."""

    suppression: Suppression
    in_change: bool


def suppression(line: str) -> Suppression | None:
    """The suppression that a line of any language carries in a comment."""
    found = _COMMENT.search(line[:_LINE])
    if found is None:
        return None
    ids = frozenset(part.strip() for part in found[1].split(",") if part.strip())
    reason = found[2].strip()
    for closer in _CLOSERS:
        reason = reason.partition(closer)[0].strip()
    return Suppression(ids, reason) if ids else None


def silenced(finding: Finding, change: Change, renames: Table = DEPRECATED) -> Silenced | None:
    """The suppression on a line of the finding, as the head has it; a deleted line carries none."""
    place = finding.location
    if place.side is not Side.RIGHT or not place.line:
        return None
    numbers = range(place.first, place.line + 1)
    diff = (line for file in change.files if file.path == place.path for line in file.lines)
    shown = {line.new: line for line in diff if line.new in numbers}
    # Without a checkout there is the diff alone; a finding outside of it needs the whole text.
    whole = change.texts.get(place.path, "").split("\n") if len(shown) < len(numbers) else []
    for number in numbers:
        in_diff = shown.get(number)
        line = in_diff.text if in_diff else whole[number - 1] if number <= len(whole) else ""
        found = suppression(line)
        if found is not None and found.covers(finding.id, renames):
            return Silenced(found, in_change=in_diff is not None and in_diff.kind is LineKind.ADDED)
    return None


def silence(
    findings: Iterable[Finding],
    change: Change,
    settings: Settings,
    new: Mapping[str, str] = NEW,
    renames: Table = DEPRECATED,
) -> tuple[list[Finding], list[Suppressed]]:
    """The findings that stand, graded as the settings say, and those that somebody silenced, or whose rule is `new`."""
    ignored, fresh = matcher(settings.paths_ignore), notice_only(settings, new)
    standing: list[Finding] = []
    suppressed: list[Suppressed] = []
    for finding in findings:
        setting = settings.rules.get(finding.id)
        if setting == "off":
            suppressed.append(Suppressed(finding, SuppressedBy.CONFIG, f"rules: {{{finding.id}: off}}"))
        elif finding.origin is Origin.RULE and finding.id in fresh:
            # Before all that the change itself could silence: that would weigh.
            suppressed.append(Suppressed(finding, SuppressedBy.RING, f"new rule, counts from {fresh[finding.id]}"))
        elif ignored.match_file(finding.location.path):
            suppressed.append(Suppressed(finding, SuppressedBy.PATH, "paths-ignore"))
        elif (comment := silenced(finding, change, renames)) is not None:
            said = comment.suppression
            outdated = said.outdated(finding.id, renames)
            reason = "; ".join(filter(None, (said.reason, str(outdated or ""))))
            suppressed.append(Suppressed(finding, SuppressedBy.COMMENT, reason, in_change=comment.in_change))
        elif setting is not None:
            standing.append(replace(finding, severity=Severity(setting)))
        else:
            standing.append(finding)
    return standing, suppressed


def weighed(
    rules: RuleDraft, change: Change, settings: Settings, new: Mapping[str, str] = NEW
) -> tuple[list[Finding], list[Finding]]:
    """The findings that stand, and all that weigh: the author of the change may have silenced some."""
    standing, suppressed = silence(graded(rules.findings), change, settings, new)
    return standing, [*standing, *(each.finding for each in suppressed if each.weighs)]


_CEILINGS = ((0.85, Severity.CRITICAL), (0.7, Severity.HIGH), (0.5, Severity.MEDIUM))


def ceiling(confidence: float) -> Severity:
    """The worst severity that may be claimed at this confidence."""
    return next((severity for least, severity in _CEILINGS if confidence >= least), Severity.LOW)


def capped(severity: Severity, confidence: float) -> Severity:
    """`severity`, but no worse than the confidence carries."""
    return min(severity, ceiling(confidence), key=lambda each: each.rank)


def graded(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What rules found, no worse than they are sure of: so every mode grades it, before the settings do."""
    return tuple(replace(each, severity=capped(each.severity, each.confidence)) for each in findings)
