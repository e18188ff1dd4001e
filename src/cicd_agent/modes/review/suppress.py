"""Comments that silence a finding on their line: `cicd-agent: ignore[id] reason`."""

import re
from dataclasses import dataclass

from cicd_agent.core.change import Change
from cicd_agent.core.diff import Side
from cicd_agent.core.finding import Finding

_COMMENT = re.compile(
    r"(?:#|//|/\*|<!--|--|;|%|\{#|\"\"\"|\*)\s{0,20}cicd-agent:\s{0,20}ignore\[([\w*, -]{1,400})\](.{0,500})"
)
_CLOSERS = ("*/", "-->", "#}", '"""')
_LINE = 20_000


@dataclass(frozen=True, slots=True)
class Suppression:
    """The ids that a comment silences and the reason it gives, "" for none."""

    ids: frozenset[str]
    reason: str

    def covers(self, rule: str) -> bool:
        """Whether findings with this id are silenced."""
        return rule in self.ids


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


def silenced(finding: Finding, change: Change) -> Silenced | None:
    """The suppression on a line of the finding, in the head's text; a deleted line carries none."""
    place = finding.location
    text = change.texts.get(place.path)
    if text is None or place.side is not Side.RIGHT or not place.line:
        return None
    lines = text.split("\n")
    for number in range(place.first, min(place.line, len(lines)) + 1):
        found = suppression(lines[number - 1])
        if found is not None and found.covers(finding.id):
            files = [file for file in change.files if file.path == place.path]
            return Silenced(found, any(line.new == number for file in files for line in file.added))
    return None
