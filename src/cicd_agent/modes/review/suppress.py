"""Comments that silence a finding on their line: `cicd-agent: ignore[id] reason`."""

import re
from dataclasses import dataclass

from cicd_agent.core.change import Change
from cicd_agent.core.diff import LineKind, Side
from cicd_agent.core.finding import Finding

_COMMENT = re.compile(
    r"(?:#|//|/\*|<!--|--|;|%|\{#|\"\"\"|\*)\s{0,20}cicd-agent:\s{0,20}ignore\[([\w*,./ -]{1,400})\](.{0,500})"
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
        if found is not None and found.covers(finding.id):
            return Silenced(found, in_change=in_diff is not None and in_diff.kind is LineKind.ADDED)
    return None
