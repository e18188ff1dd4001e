"""Reads what became of the lines of findings: from git, and from GitHub where the clone has not the commits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cicd_agent.domain.change import Change
from cicd_agent.domain.diff import ChangeKind, Side
from cicd_agent.domain.ports.feedback import Discussed
from cicd_agent.domain.text.encoding import decoded
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.insights.accuracy.decisions import SHA, is_plain
from cicd_agent.insights.accuracy.findings import Became, Told
from cicd_agent.insights.accuracy.line_comparison import (
    Comparison,
    LineFate,
    is_distinctive,
    joined,
    occurrences,
    squeezed,
)
from cicd_agent.insights.accuracy.outcome_sources import Outside

MOST_ASKED: Final = 200
"""Files that are asked of GitHub in one run, of the 1,000 requests that an hour has."""
MOST_FETCHED: Final = 100
"""Times that commits are fetched."""
_MOST_LINES: Final = 50_000
"""A longer file is not compared."""
_MOST_HELD: Final = 20_000_000
"""Characters of files that are held at once."""
_MOST_CHANGED: Final = 300
"""Changed files among which a moved block is looked for."""


@dataclass
class Comparing:
    """What later commits made of the lines of findings. `missed` counts why lines could not be compared."""

    outside: Outside
    missed: Counter[str] = field(default_factory=Counter)
    _asked: int = 0
    _fetched: int = 0
    _held: int = 0
    _texts: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _pairs: dict[tuple[str, str, str, str], Comparison] = field(default_factory=dict)
    _changes: dict[tuple[str, str], Change | None] = field(default_factory=dict)
    _added: dict[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    _here: dict[str, bool] = field(default_factory=dict)

    def became(self, told: Told, pull: Discussed) -> Became:
        """What the last commit of its pull request holds of it."""
        if not SHA.fullmatch(told.sha) or not is_plain(told.path):
            return self._unknown("the finding names no commit or no file")
        later = self._later(told.sha, pull)
        if not later:
            return self._unknown("the pull request has no commit that could be read")
        return self._compare(told, later)

    def _compare(self, told: Told, later: str) -> Became:
        before = self._text(told.sha, told.path)
        if before is None and told.side is Side.RIGHT:
            return self._unknown("the file at the reviewed commit could not be read")
        after = self._text(later, told.path)
        if after is not None:
            return self._with_file(told, before or "", after, later, told.path)
        change = self._change(told.sha, later)
        files = change.files if change else ()
        renamed = {file.old_path: file.path for file in files if file.kind is ChangeKind.RENAMED}
        moved = self._text(later, renamed[told.path]) if told.path in renamed else None
        if moved is not None:
            return self._with_file(told, before or "", moved, later, renamed[told.path])
        if change is None or before is None:
            return self._unknown("the file at the last commit could not be read")
        return self._without_file(told, before, change)

    def _without_file(self, told: Told, before: str, change: Change) -> Became:
        is_gone = any(file.kind is ChangeKind.DELETED and file.path == told.path for file in change.files)
        if not is_gone:
            return self._unknown("the file at the last commit could not be read")
        block = Comparison(before, "").block(told.first, told.last)
        if self._moved(block, change, told.path):
            return Became(LineFate.BESIDE, detail="moved to another file")
        return Became(LineFate.CHANGED, gone=True, detail="the file was deleted")

    def _with_file(self, told: Told, before: str, after: str, later: str, name: str) -> Became:
        detail = f"renamed to {name}" if name != told.path else ""
        if max(before.count("\n"), after.count("\n")) > _MOST_LINES:
            return self._unknown(f"a file has more than {_MOST_LINES:,} lines")
        key = (told.sha, told.path, later, name)
        if key not in self._pairs:
            self._pairs[key] = Comparison(before, after)
        both = self._pairs[key]
        if told.side is Side.LEFT:
            restored = bool(told.quote) and both.brings(told.quote)
            return Became(LineFate.CHANGED if restored else LineFate.UNKNOWN, restored=restored, detail=detail)
        fate = both.fate(told.first, told.last) if told.first else LineFate.UNKNOWN
        suggestion = bool(told.suggestion) and both.brings(told.suggestion)
        if fate is LineFate.CHANGED and not suggestion:
            change = self._change(told.sha, later)
            if change and self._moved(both.block(told.first, told.last), change, name):
                return Became(LineFate.BESIDE, detail="moved to another file")
        return Became(fate, suggestion, detail=detail)

    def _unknown(self, why: str) -> Became:
        self.missed[why] += 1
        return Became(detail=why)

    def _later(self, sha: str, pull: Discussed) -> str:
        """The last commit that can be read beside the reviewed one, "" when none can."""
        candidates = [each for each in (pull.head, pull.merged_as) if SHA.fullmatch(each)]
        for candidate in candidates:
            if self._is_here(sha, candidate):
                return candidate
        return candidates[0] if candidates and self.outside.text_at else ""

    def _is_here(self, *shas: str) -> bool:
        """Whether the clone has these commits, fetched now if need be."""
        repository = self.outside.repository
        if repository is None:
            return False
        missing = [sha for sha in shas if sha not in self._here and repository.resolve(sha) is None]
        if missing and self.outside.fetch is not None and self._fetched < MOST_FETCHED:
            self._fetched += 1
            self.outside.fetch(shas)
            missing = [sha for sha in shas if repository.resolve(sha) is None]
        self._here |= {sha: sha not in missing for sha in shas if sha not in self._here}
        return all(self._here[sha] for sha in shas)

    def _text(self, sha: str, path: str) -> str | None:
        """A text file at a commit; None when it is not there, no text, or cannot be had."""
        if (sha, path) not in self._texts:
            if self._held > _MOST_HELD:
                self._forget()
            text = self._texts[sha, path] = self._read(sha, path)
            self._held += len(text or "")
        return self._texts[sha, path]

    def _forget(self) -> None:
        """Let go of what was read: it can be read again."""
        for kept in (self._texts, self._pairs, self._changes, self._added):
            kept.clear()
        self._held = 0

    def _read(self, sha: str, path: str) -> str | None:
        repository = self.outside.repository
        try:
            if repository is not None and self._here.get(sha):
                data = repository.blob(sha, path)
                return None if data is None or b"\0" in data else decoded(data)
            if self.outside.text_at is None:
                return None
            if self._asked >= MOST_ASKED:
                self.missed[f"{count(MOST_ASKED, 'file')} were asked of GitHub, and no more"] += 1
                return None
            self._asked += 1
            return self.outside.text_at(path, sha)
        except (ConfigError, ForgeRefused) as error:
            self.missed[str(error)] += 1
            return None

    def _change(self, base: str, head: str) -> Change | None:
        """What lies between two commits of this clone, None where that cannot be told."""
        repository = self.outside.repository
        if repository is None or not (self._here.get(base) and self._here.get(head)):
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
            texts = ((file.path, "\n".join(line.text for line in file.added)) for file in change.files[:_MOST_CHANGED])
            self._added[key] = tuple((name, joined(squeezed(text))) for name, text in texts)
        others = (text for name, text in self._added[key] if name != path)
        return is_distinctive(block) and any(occurrences(block, text) for text in others)
