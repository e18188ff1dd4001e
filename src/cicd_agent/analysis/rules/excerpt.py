"""Of a file that is too long to be held, the lines on which a rule finds something: it is read piece by piece."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.context import pieces
from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import Churn, DiffLine, FileDiff, Hunk, LineKind, Side

LINES = 2_000
CHARACTERS = 200_000
"""What rules are given at once; CPU time is linear in what there is in all."""
LINES_WITH_TEXT = 200_000
"""The same where a text is parsed each time."""
PER_RULE = 100
"""Findings of one rule, above which it looks no further: the flood of one hides nothing that another finds."""
_AROUND = 2
_RULES = {rule.id: rule for rule in RULES}


def excerpt(
    file: FileDiff,
    lines: Iterable[DiffLine],
    text: str | None = None,
    old_text: str | None = None,
    before: Iterable[str] = (),
) -> tuple[FileDiff, tuple[str, ...]]:
    """The file with those of its `lines` on which a rule finds something, and a note for rules that found too much.

    With the texts after and before, where they are known, rules find what they find in a tree. Without, of a long line
    there is the part that a rule means. `before` are the lines of the old side: what is new in the file stands there
    nowhere, and of what does, the excerpt has one place.
    """
    found = _Excerpt(file, text, old_text)
    if text is None and old_text is None:
        for chunk in _chunks(_split(found.counted(lines)), LINES):
            found.take(chunk)
    else:
        for chunk in _chunks(found.counted(lines), LINES_WITH_TEXT):
            found.take(chunk)
    cut = sorted(rule for rule, count in found.met.items() if count >= PER_RULE)
    notes = (f"of {file.path}, the first {PER_RULE} findings each of: {', '.join(cut)}",) if cut else ()
    churn = Churn(found.lines[LineKind.ADDED], found.lines[LineKind.DELETED])
    found.hunks += found.moved(before)
    return replace(file, hunks=tuple(found.hunks), omitted="", excerpt_of=churn), notes


def compared(file: FileDiff, before: str, after: str) -> tuple[FileDiff, tuple[str, ...]]:
    """The excerpt of a file of which there are texts but no patch: what the other side has nowhere is changed."""
    sides = [text.removesuffix("\n").split("\n") if text else [] for text in (before, after)]
    old, new = (frozenset(lines) for lines in sides)
    added = (DiffLine(LineKind.ADDED, None, number, line) for number, line in enumerate(sides[1], 1) if line not in old)
    part, notes = excerpt(file, added, after, before or None)
    return replace(part, excerpt_of=Churn(part.added_count, sum(line not in new for line in sides[0]))), notes


@dataclass(slots=True)
class _Excerpt:
    file: FileDiff
    text: str | None
    old_text: str | None
    lines: Counter[LineKind] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    hunks: list[Hunk] = field(default_factory=list)
    added: dict[int, DiffLine] = field(default_factory=dict)
    """The added lines on which a rule finds something, by the hash of their text without indentation."""

    def counted(self, lines: Iterable[DiffLine]) -> Iterator[DiffLine]:
        for line in lines:
            self.lines[line.kind] += 1
            yield line

    def moved(self, before: Iterable[str]) -> Iterator[Hunk]:
        """Where added lines of the excerpt stood before: in code that nobody here has written they are not new."""
        there = {line.old for hunk in self.hunks for line in hunk.lines if line.old is not None}
        for number, text in enumerate(before, 1) if self.added else ():
            line = self.added.get(hash(text.strip()))
            if line is not None and number not in there:
                del self.added[hash(text.strip())]
                yield _hunk([DiffLine(LineKind.DELETED, number, None, line.text)])

    def take(self, chunk: Sequence[DiffLine]) -> None:
        """Keep those of these lines on which a rule finds something that may still find more."""
        # Trees have the numbers of their text; without one, a part of a line has its place among the others.
        has_text = self.text is not None or self.old_text is not None
        numbered = chunk if has_text else [_at(line, number) for number, line in enumerate(chunk, 1)]
        places = {_position(line): index for index, line in enumerate(numbered)}
        file = replace(self.file, hunks=tuple(_groups(numbered)), omitted="", excerpt_of=None)
        texts = {} if self.text is None else {file.path: self.text}
        old_texts = {} if self.old_text is None else {file.old_path: self.old_text}
        change = Change("", "", ChangeSource.GIT, (file,), (), texts, old_texts)
        hits: set[int] = set()
        for finding in findings(change, rules=tuple(rule for rule in RULES if self.met[rule.id] < PER_RULE)):
            at = places.get((finding.location.side, finding.location.line))
            if at is None or (isinstance(chunk[at], _Part) and not _RULES[finding.id].is_for_minified):
                continue
            self.met[finding.id] += 1
            if self.met[finding.id] <= PER_RULE:
                hits.add(at)
                if chunk[at].old is None:
                    self.added.setdefault(hash(chunk[at].text.strip()), chunk[at])
        self.hunks += _hunks(_around(chunk, hits))


@dataclass(frozen=True, slots=True)
class _Part(DiffLine):
    """What stands far from the beginning of a line."""


def _split(lines: Iterable[DiffLine]) -> Iterator[DiffLine]:
    for line in lines:
        first, *rest = pieces(line.text)
        yield line if first == line.text else replace(line, text=first)
        yield from (_Part(line.kind, line.old, line.new, piece) for piece in rest)


def _chunks(lines: Iterable[DiffLine], most: int) -> Iterator[Sequence[DiffLine]]:
    chunk: list[DiffLine] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line.text)
        if len(chunk) >= most or (size >= CHARACTERS and most == LINES):
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _at(line: DiffLine, number: int) -> DiffLine:
    return DiffLine(line.kind, line.old and number, line.new and number, line.text)


def _position(line: DiffLine) -> tuple[Side, int]:
    return (Side.LEFT, line.old or 0) if line.new is None else (Side.RIGHT, line.new)


def _groups(lines: Iterable[DiffLine]) -> Iterator[Hunk]:
    """The changed lines, as they are apart from each other."""
    group: list[DiffLine] = []
    for line in lines:
        if line.kind is not LineKind.CONTEXT:
            group.append(line)
        elif group:
            yield _hunk(group)
            group = []
    if group:
        yield _hunk(group)


def _around(chunk: Sequence[DiffLine], hits: set[int]) -> Iterator[DiffLine]:
    """The lines that were hit, and what stands near them now; no other deleted line, which might look like a loss."""
    near = {at for hit in hits for at in range(max(0, hit - _AROUND), min(len(chunk), hit + _AROUND + 1))}
    whole = {_position(chunk[hit]) for hit in hits}
    for at in sorted(near):
        # Another part of a line that was hit would stand in its place.
        line = chunk[at]
        if at in hits or (line.new is not None and _position(line) not in whole):
            yield DiffLine(line.kind, line.old, line.new, line.text) if isinstance(line, _Part) else line


def _hunks(lines: Iterable[DiffLine]) -> Iterator[Hunk]:
    """Hunks of the lines that follow one another."""
    run: list[DiffLine] = []
    old = new = None
    for line in lines:
        if run and (
            (None not in (line.old, old) and line.old != old) or (None not in (line.new, new) and line.new != new)
        ):
            yield _hunk(run)
            run, old, new = [], None, None
        run.append(line)
        old = old if line.old is None else line.old + 1
        new = new if line.new is None else line.new + 1
    if run:
        yield _hunk(run)


def _hunk(lines: Sequence[DiffLine]) -> Hunk:
    old = [line.old for line in lines if line.old is not None]
    new = [line.new for line in lines if line.new is not None]
    return Hunk(old[0] if old else 0, len(old), new[0] if new else 0, len(new), "", tuple(lines))
