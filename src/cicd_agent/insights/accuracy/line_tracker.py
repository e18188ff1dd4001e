"""What became of the lines of findings: read from git, and from GitHub where the clone has not the commits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from cicd_agent.analysis.patches.writer import LineMatcher
from cicd_agent.domain.ports.feedback import Discussed
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, Side
from cicd_agent.domain.text.encoding import decoded
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.insights.accuracy.decisions import SHA, ReportedFinding, is_plain
from cicd_agent.insights.accuracy.deployment_outcome import OutcomeSources

MAX_REQUESTED: Final = 200
"""Files that are asked of GitHub in one run, of the 1,000 requests that an hour has."""
MAX_FETCHES: Final = 100
"""Times that commits are fetched."""
_MAX_LINES: Final = 50_000
"""A longer file is not compared."""
_MAX_CACHED: Final = 8
"""Files, comparisons and changes that are held at once: findings come by pull request, commit and file."""
_MAX_CHANGED_FILES: Final = 300
"""Changed files among which a moved block is looked for."""
_DISTINCTIVE = 8
"""Letters and digits that a block of lines needs, to be known again at another place."""
_AROUND = 3
"""Lines to both sides of a range in which a change may be the answer to a finding."""


class LineFate(StrEnum):
    """What a later version of a file says of some lines. Blanks and blank lines make no difference."""

    SAME = "same"
    BESIDE = "beside"
    """They stand, but elsewhere, or something right next to them changed."""
    CHANGED = "changed"
    REWRITTEN = "rewritten"
    """They changed with most of the file."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LaterState:
    """What the last commit of its pull request holds: `restored` are deleted lines that are back."""

    fate: LineFate = LineFate.UNKNOWN
    suggestion: bool = False
    restored: bool = False
    gone: bool = False
    """Whether the file is not there any more, under any name."""
    detail: str = ""


class Comparison:
    """Two versions of a file, compared once for all findings in it."""

    def __init__(self, before: str, after: str) -> None:
        old = before.split("\n")
        self._count = len(old)
        self._numbers = [number for number, line in enumerate(old, 1) if line.strip()]
        self._old = squeezed(before)
        self._new = squeezed(after)
        self._before, self._after = joined(self._old), joined(self._new)
        self._matches = {
            at: j + at - i
            for what, i, to, j, _ in LineMatcher(self._old, self._new).get_opcodes()
            if what == "equal"
            for at in range(i, to)
        }

    def fate(self, first: int, last: int) -> LineFate:
        """Of the lines `first` to `last`, counted from 1, of the version before."""
        target = [at for at, number in enumerate(self._numbers) if first <= number <= last]
        if not target or not 1 <= first <= last <= self._count:
            return LineFate.UNKNOWN
        low, high = target[0], target[-1]
        if self._contiguous(low, high):
            near = max(0, low - _AROUND), min(len(self._old) - 1, high + _AROUND)
            same = self._contiguous(*near)
            # What was put before the first line, or after the last, stands next to nothing that is in the range.
            same = same and (near[0] > 0 or self._matches[0] == 0)
            same = same and (near[1] < len(self._old) - 1 or self._matches[near[1]] == len(self._new) - 1)
            return LineFate.SAME if same else LineFate.BESIDE
        block = self._old[low : high + 1]
        if is_distinctive(block) and occurrences(block, self._after) >= occurrences(block, self._before):
            return LineFate.BESIDE
        others = len(self._old) - len(target)
        matches = sum(1 for at in self._matches if not low <= at <= high)
        return LineFate.REWRITTEN if 2 * matches < others else LineFate.CHANGED

    def brings(self, text: str) -> bool:
        block = squeezed(text)
        return is_distinctive(block) and occurrences(block, self._after) > occurrences(block, self._before)

    def block(self, first: int, last: int) -> list[str]:
        """The lines of the version before, as `squeezed` has them."""
        return [line for number, line in zip(self._numbers, self._old, strict=True) if first <= number <= last]

    def _contiguous(self, low: int, high: int) -> bool:
        """Whether these lines, by their index, are all retained with nothing put between them."""
        begin = self._matches.get(low)
        return begin is not None and all(self._matches.get(at) == begin + at - low for at in range(low, high + 1))


def squeezed(text: str) -> list[str]:
    """The lines that are not blank, without any blanks: how lines are compared."""
    return [line for line in ("".join(line.split()) for line in text.split("\n")) if line]


def is_distinctive(block: Sequence[str]) -> bool:
    return sum(character.isalnum() for line in block for character in line) >= _DISTINCTIVE


def joined(lines: Sequence[str]) -> str:
    return "".join(f"\n{line}\n" for line in lines)


def occurrences(block: Sequence[str], text: str) -> int:
    """How often the block stands as a whole in lines that are `joined`, without overlaps; linear in both."""
    return text.count(joined(block)) if block else 0


class LineTracker:
    """What later commits made of the lines of findings. `missed` counts the reasons why lines were not compared."""

    def __init__(self, sources: OutcomeSources) -> None:
        self.missed: Counter[str] = Counter()
        self._sources = sources
        self._requested = self._fetched = 0
        self._present: dict[str, bool] = {}
        self._text = lru_cache(_MAX_CACHED)(self._read_text)
        self._change = lru_cache(_MAX_CACHED)(self._read_change)
        self._comparison = lru_cache(_MAX_CACHED)(Comparison)
        self._added = lru_cache(_MAX_CACHED)(self._added_lines)

    def state_of(self, finding: ReportedFinding, pull: Discussed) -> LaterState:
        """What the last commit of its pull request holds of it."""
        if not SHA.fullmatch(finding.sha) or not is_plain(finding.path):
            return self._unknown("the finding names no commit or no file")
        later = self._later(finding.sha, pull)
        if not later:
            return self._unknown("the pull request has no commit that could be read")
        return self._follow(finding, later)

    def _follow(self, finding: ReportedFinding, later: str) -> LaterState:
        before = self._text(finding.sha, finding.path)
        if before is None and finding.side is Side.RIGHT:
            return self._unknown("the file at the reviewed commit could not be read")
        after, name = self._text(later, finding.path), finding.path
        change = None if after is not None else self._change(finding.sha, later)
        files = change.files if change else ()
        renamed = {file.old_path: file.path for file in files if file.kind is ChangeKind.RENAMED}
        if after is None and name in renamed:
            name = renamed[name]
            after = self._text(later, name)
        if after is not None:
            return self._compare(finding, before or "", after, later, name)
        is_gone = any(file.kind is ChangeKind.DELETED and file.path == finding.path for file in files)
        if before is None or not is_gone:
            return self._unknown("the file at the last commit could not be read")
        if self._moved(Comparison(before, ""), finding, later, finding.path):
            return LaterState(LineFate.BESIDE, detail="moved to another file")
        return LaterState(LineFate.CHANGED, gone=True, detail="the file was deleted")

    def _compare(self, finding: ReportedFinding, before: str, after: str, later: str, name: str) -> LaterState:
        detail = f"renamed to {name}" if name != finding.path else ""
        if max(before.count("\n"), after.count("\n")) > _MAX_LINES:
            return self._unknown(f"a file has more than {_MAX_LINES:,} lines")
        both = self._comparison(before, after)
        if finding.side is Side.LEFT:
            restored = bool(finding.quote) and both.brings(finding.quote)
            return LaterState(LineFate.CHANGED if restored else LineFate.UNKNOWN, restored=restored, detail=detail)
        fate = both.fate(finding.first, finding.last) if finding.first else LineFate.UNKNOWN
        suggestion = bool(finding.suggestion) and both.brings(finding.suggestion)
        if fate is LineFate.CHANGED and not suggestion and self._moved(both, finding, later, name):
            return LaterState(LineFate.BESIDE, detail="moved to another file")
        return LaterState(fate, suggestion, detail=detail)

    def _moved(self, both: Comparison, finding: ReportedFinding, later: str, name: str) -> bool:
        """Whether the lines stand among those that came to another file than the one of that name."""
        block = both.block(finding.first, finding.last)
        others = (text for path, text in self._added(finding.sha, later) if path != name)
        return is_distinctive(block) and any(occurrences(block, text) for text in others)

    def _added_lines(self, base: str, head: str) -> tuple[tuple[str, str], ...]:
        change = self._change(base, head)
        files = change.files[:_MAX_CHANGED_FILES] if change else ()
        return tuple((file.path, joined(squeezed("\n".join(line.text for line in file.added)))) for file in files)

    def _unknown(self, reason: str) -> LaterState:
        self.missed[reason] += 1
        return LaterState(detail=reason)

    def _later(self, sha: str, pull: Discussed) -> str:
        candidates = [each for each in (pull.head, pull.merged_as) if SHA.fullmatch(each)]
        for candidate in candidates:
            if self._is_here(sha, candidate):
                return candidate
        return candidates[0] if candidates and self._sources.text_at else ""

    def _is_here(self, *shas: str) -> bool:
        """Whether the clone has these commits, fetched now if need be."""
        repository, fetch = self._sources.repository, self._sources.fetch
        if repository is None:
            return False
        missing = [sha for sha in shas if sha not in self._present and repository.resolve(sha) is None]
        if missing and fetch is not None and self._fetched < MAX_FETCHES:
            self._fetched += 1
            fetch(shas)
            missing = [sha for sha in shas if repository.resolve(sha) is None]
        self._present |= {sha: sha not in missing for sha in shas if sha not in self._present}
        return all(self._present[sha] for sha in shas)

    def _read_text(self, sha: str, path: str) -> str | None:
        """A text file at a commit; None when it is not there, no text, or cannot be had."""
        repository, text_at = self._sources.repository, self._sources.text_at
        try:
            if repository is not None and self._present.get(sha):
                data = repository.blob(sha, path)
                return None if data is None or b"\0" in data else decoded(data)
            if text_at is None:
                return None
            if self._requested >= MAX_REQUESTED:
                self.missed[f"{count(MAX_REQUESTED, 'file')} were asked of GitHub, and no more"] += 1
                return None
            self._requested += 1
            return text_at(path, sha)
        except (ConfigError, ForgeRefused) as error:
            self.missed[str(error)] += 1
            return None

    def _read_change(self, base: str, head: str) -> Change | None:
        """What lies between two commits of this clone, None where it has not both."""
        repository = self._sources.repository
        if repository is None or not (self._present.get(base) and self._present.get(head)):
            return None
        try:
            return repository.change(base, head)
        except ConfigError as error:
            self.missed[str(error)] += 1
            return None
