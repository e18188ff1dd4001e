"""Reads what became of the lines of findings: from git, and from GitHub where the clone has not the commits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cicd_agent.domain.ports.feedback import Discussed
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, Side
from cicd_agent.domain.text.encoding import decoded
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.insights.accuracy.decisions import SHA, is_plain
from cicd_agent.insights.accuracy.findings import LaterState, ReportedFinding
from cicd_agent.insights.accuracy.line_comparison import (
    Comparison,
    LineFate,
    is_distinctive,
    joined,
    occurrences,
    squeezed,
)
from cicd_agent.insights.accuracy.outcome_sources import OutcomeSources

MAX_REQUESTED: Final = 200
"""Files that are asked of GitHub in one run, of the 1,000 requests that an hour has."""
MAX_FETCHES: Final = 100
"""Times that commits are fetched."""
_MAX_LINES: Final = 50_000
"""A longer file is not compared."""
_MAX_CACHED: Final = 20_000_000
"""Characters of files that are held at once."""
_MAX_CHANGED_FILES: Final = 300
"""Changed files among which a moved block is looked for."""


@dataclass
class LineTracker:
    """What later commits made of the lines of findings. `missed` counts why lines could not be compared."""

    sources: OutcomeSources
    missed: Counter[str] = field(default_factory=Counter)
    _requested: int = 0
    _fetched: int = 0
    _cached: int = 0
    _texts: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _pairs: dict[tuple[str, str, str, str], Comparison] = field(default_factory=dict)
    _changes: dict[tuple[str, str], Change | None] = field(default_factory=dict)
    _added: dict[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    _present: dict[str, bool] = field(default_factory=dict)

    def state_of(self, finding: ReportedFinding, pull: Discussed) -> LaterState:
        """What the last commit of its pull request holds of it."""
        if not SHA.fullmatch(finding.sha) or not is_plain(finding.path):
            return self._unknown("the finding names no commit or no file")
        later = self._later(finding.sha, pull)
        if not later:
            return self._unknown("the pull request has no commit that could be read")
        return self._compare(finding, later)

    def _compare(self, finding: ReportedFinding, later: str) -> LaterState:
        before = self._text(finding.sha, finding.path)
        if before is None and finding.side is Side.RIGHT:
            return self._unknown("the file at the reviewed commit could not be read")
        after = self._text(later, finding.path)
        if after is not None:
            return self._with_file(finding, before or "", after, later, finding.path)
        change = self._change(finding.sha, later)
        files = change.files if change else ()
        renamed = {file.old_path: file.path for file in files if file.kind is ChangeKind.RENAMED}
        moved = self._text(later, renamed[finding.path]) if finding.path in renamed else None
        if moved is not None:
            return self._with_file(finding, before or "", moved, later, renamed[finding.path])
        if change is None or before is None:
            return self._unknown("the file at the last commit could not be read")
        return self._without_file(finding, before, change)

    def _without_file(self, finding: ReportedFinding, before: str, change: Change) -> LaterState:
        is_gone = any(file.kind is ChangeKind.DELETED and file.path == finding.path for file in change.files)
        if not is_gone:
            return self._unknown("the file at the last commit could not be read")
        block = Comparison(before, "").block(finding.first, finding.last)
        if self._moved(block, change, finding.path):
            return LaterState(LineFate.BESIDE, detail="moved to another file")
        return LaterState(LineFate.CHANGED, gone=True, detail="the file was deleted")

    def _with_file(self, finding: ReportedFinding, before: str, after: str, later: str, name: str) -> LaterState:
        detail = f"renamed to {name}" if name != finding.path else ""
        if max(before.count("\n"), after.count("\n")) > _MAX_LINES:
            return self._unknown(f"a file has more than {_MAX_LINES:,} lines")
        key = (finding.sha, finding.path, later, name)
        if key not in self._pairs:
            self._pairs[key] = Comparison(before, after)
        both = self._pairs[key]
        if finding.side is Side.LEFT:
            restored = bool(finding.quote) and both.brings(finding.quote)
            return LaterState(LineFate.CHANGED if restored else LineFate.UNKNOWN, restored=restored, detail=detail)
        fate = both.fate(finding.first, finding.last) if finding.first else LineFate.UNKNOWN
        suggestion = bool(finding.suggestion) and both.brings(finding.suggestion)
        if fate is LineFate.CHANGED and not suggestion:
            change = self._change(finding.sha, later)
            if change and self._moved(both.block(finding.first, finding.last), change, name):
                return LaterState(LineFate.BESIDE, detail="moved to another file")
        return LaterState(fate, suggestion, detail=detail)

    def _unknown(self, reason: str) -> LaterState:
        self.missed[reason] += 1
        return LaterState(detail=reason)

    def _later(self, sha: str, pull: Discussed) -> str:
        """The last commit that can be read beside the reviewed one, "" when none can."""
        candidates = [each for each in (pull.head, pull.merged_as) if SHA.fullmatch(each)]
        for candidate in candidates:
            if self._is_here(sha, candidate):
                return candidate
        return candidates[0] if candidates and self.sources.text_at else ""

    def _is_here(self, *shas: str) -> bool:
        """Whether the clone has these commits, fetched now if need be."""
        repository = self.sources.repository
        if repository is None:
            return False
        missing = [sha for sha in shas if sha not in self._present and repository.resolve(sha) is None]
        if missing and self.sources.fetch is not None and self._fetched < MAX_FETCHES:
            self._fetched += 1
            self.sources.fetch(shas)
            missing = [sha for sha in shas if repository.resolve(sha) is None]
        self._present |= {sha: sha not in missing for sha in shas if sha not in self._present}
        return all(self._present[sha] for sha in shas)

    def _text(self, sha: str, path: str) -> str | None:
        """A text file at a commit; None when it is not there, no text, or cannot be had."""
        if (sha, path) not in self._texts:
            if self._cached > _MAX_CACHED:
                self._evict()
            text = self._texts[sha, path] = self._read(sha, path)
            self._cached += len(text or "")
        return self._texts[sha, path]

    def _evict(self) -> None:
        for cache in (self._texts, self._pairs, self._changes, self._added):
            cache.clear()
        self._cached = 0

    def _read(self, sha: str, path: str) -> str | None:
        repository = self.sources.repository
        try:
            if repository is not None and self._present.get(sha):
                data = repository.blob(sha, path)
                return None if data is None or b"\0" in data else decoded(data)
            if self.sources.text_at is None:
                return None
            if self._requested >= MAX_REQUESTED:
                self.missed[f"{count(MAX_REQUESTED, 'file')} were asked of GitHub, and no more"] += 1
                return None
            self._requested += 1
            return self.sources.text_at(path, sha)
        except (ConfigError, ForgeRefused) as error:
            self.missed[str(error)] += 1
            return None

    def _change(self, base: str, head: str) -> Change | None:
        """What lies between two commits of this clone, None where that cannot be told."""
        repository = self.sources.repository
        if repository is None or not (self._present.get(base) and self._present.get(head)):
            return None
        if (base, head) not in self._changes:
            try:
                self._changes[base, head] = repository.change(base, head)
            except ConfigError as error:
                self.missed[str(error)] += 1
                self._changes[base, head] = None
        return self._changes[base, head]

    def _moved(self, block: Sequence[str], change: Change, path: str) -> bool:
        """Whether the lines stand among those that came to another file."""
        key = (change.base, change.head)
        if key not in self._added:
            texts = (
                (file.path, "\n".join(line.text for line in file.added)) for file in change.files[:_MAX_CHANGED_FILES]
            )
            self._added[key] = tuple((name, joined(squeezed(text))) for name, text in texts)
        others = (text for name, text in self._added[key] if name != path)
        return is_distinctive(block) and any(occurrences(block, text) for text in others)
