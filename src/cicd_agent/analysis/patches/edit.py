"""What a patch does to one file, as those who judge it look at it: whole texts, the pieces that differ, code alone."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from cicd_agent.analysis.patches.apply import Texts, apply, split
from cicd_agent.analysis.patches.parser import FilePatch, Flaw, Patch
from cicd_agent.analysis.patches.writer import LineMatcher
from cicd_agent.domain.repository.paths import PathKind, kinds

CLIP = 2_000
"""No pattern sees more of a line than this."""
_AROUND = 5
"""Lines around a piece: an `except` and what it does need not both be changed."""

_TABLES = tomllib.loads(files(__package__).joinpath("patterns.toml").read_text("utf-8"))


def _compiled(table: dict[str, Any]) -> re.Pattern[str]:
    flags = f"(?{table['flags']})" if "flags" in table else ""
    return re.compile(flags + "|".join(table["any"]))


NAMES = {kind: frozenset(names) for kind, names in _TABLES["names"].items()}
PATTERNS = {name: _compiled(table) for name, table in _TABLES["patterns"].items()}
_COMMENT_OF: dict[str, re.Pattern[str]] = {
    suffix: re.compile(table["pattern"].replace("STRINGS", PATTERNS["strings"].pattern), re.DOTALL | re.MULTILINE)
    for table in _TABLES["comments"]
    for suffix in table["suffixes"]
}
_BLANKED = re.compile(r"[^\n]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part that differs, with the lines around it, before and after; as it stands, and as code alone."""

    old: str
    new: str
    old_code: str
    new_code: str
    deleted: tuple[str, ...]
    added: tuple[str, ...]
    gone: tuple[int, ...]
    """The indices of the deleted lines in the text before."""

    @property
    def gone_lines(self) -> set[str]:
        """The deleted lines that were not merely moved or indented."""
        gone, come = ({line.strip().rstrip(",") for line in lines} for lines in (self.deleted, self.added))
        return gone - come


@dataclass(frozen=True, slots=True)
class Edit:
    """One file; None is a text that is not there. Where a patch does not apply, the texts are those of its hunks."""

    path: str
    before: str | None
    after: str | None
    pieces: tuple[Piece, ...]
    kinds: frozenset[PathKind]

    @property
    def name(self) -> str:
        return self.path.lower().rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """What the name ends in, without a dot; the whole name when there is none in it."""
        return _suffix(self.path)

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.suffix, self.name, self.name.partition(".")[0]})

    @property
    def is_test(self) -> bool:
        if PathKind.TEST in self.kinds:
            return True
        texts = f"{self.before or ''}\n{self.after or ''}"
        return PathKind.SOURCE in self.kinds and bool(PATTERNS["test-code"].search(texts))

    @property
    def is_prose(self) -> bool:
        """Text for people, in which a word about a tool is no order to it."""
        return self.suffix in NAMES["prose"]

    @property
    def changed(self) -> Iterator[str]:
        for piece in self.pieces:
            yield from piece.deleted
            yield from piece.added


def edits(patch: Patch, before: Texts) -> tuple[Edit, ...]:
    return tuple(_edit(file, before) for file in patch.files)


def _edit(file: FilePatch, before: Texts) -> Edit:
    applied = apply(Patch((file,)), before)
    if not isinstance(applied, Flaw):
        old, new = before.get(file.path), applied[file.path]
    else:
        old = "".join(f"{line.text}\n" for hunk in file.hunks for line in hunk.old)
        new = "".join(f"{line.text}\n" for hunk in file.hunks for line in hunk.new)
    return Edit(file.path, old, new, tuple(_pieces(old or "", new or "", _suffix(file.path))), kinds(file.path))


def _pieces(before: str, after: str, suffix: str) -> Iterator[Piece]:
    old, new = split(before), split(after)
    # What is a comment is seen in the whole text: a piece may begin inside of one.
    old_code, new_code = ([f"{line}\n" for line in code_only(text, suffix).split("\n")] for text in (before, after))
    for group in LineMatcher(old, new).get_grouped_opcodes(_AROUND):
        (_, i, _, k, _), (_, _, j, _, m) = group[0], group[-1]
        changes = [code for code in group if code[0] != "equal"]
        gone = tuple(at for _, first, end, _, _ in changes for at in range(first, end))
        yield Piece(
            _clipped(old[i:j]),
            _clipped(new[k:m]),
            _clipped(old_code[i:j]),
            _clipped(new_code[k:m]),
            deleted=tuple(old[at] for at in gone),
            added=tuple(line for _, _, _, first, end in changes for line in new[first:end]),
            gone=gone,
        )


def _suffix(path: str) -> str:
    return path.lower().rpartition("/")[2].rpartition(".")[2]


def _clipped(lines: Iterable[str]) -> str:
    return "".join(line if len(line) <= CLIP else f"{line[:CLIP]}\n" for line in lines)


def code_only(text: str, suffix: str) -> str:
    """The text with its comments blanked, and in Python the strings of several lines; lines keep their numbers."""
    pattern = _COMMENT_OF.get(suffix)
    if pattern is None:
        return text
    return pattern.sub(lambda match: match["string"] or _BLANKED.sub(" ", match[0]), text)


@dataclass(frozen=True, slots=True)
class Sign:
    """What shows that a patch does something it may not: `clause` begins with a verb.

    It is looked for in code alone, or in comments as well, and only in files whose name or suffix is among `names`, if
    there are any. One of `callers` is no sign in tests, nor in a file that looked at its callers before (it may write
    logs), unless a name of tests comes with it.
    """

    clause: str
    pattern: re.Pattern[str]
    in_comments: bool
    names: frozenset[str]
    callers: bool = False

    def grows_in(self, edit: Edit) -> bool:
        if (self.names and self.names.isdisjoint(edit.names)) or (self.callers and edit.is_test):
            return False
        pattern = self.pattern
        if self.callers and pattern.search(code_only(edit.before or "", edit.suffix)):
            pattern = PATTERNS["test-names"]
        both = ((each.old, each.new) if self.in_comments else (each.old_code, each.new_code) for each in edit.pieces)
        return any(grown(pattern, old, new) for old, new in both)


def _signs(name: str) -> Iterator[Sign]:
    for table in _TABLES[name]:
        names = NAMES[table["kind"]] if "kind" in table else frozenset[str]()
        in_comments, callers = table.get("in-comments", False), table.get("callers", False)
        yield Sign(table["clause"], _compiled(table), in_comments, names, callers)


SILENCING = tuple(_signs("silencing"))
WEAKENING = tuple(_signs("weakening"))


def grown(pattern: re.Pattern[str], old: str, new: str) -> bool:
    """Whether something that a pattern finds occurs more often than before, or in other words."""
    before, after = (Counter(" ".join(match[0].split()) for match in pattern.finditer(text)) for text in (old, new))
    return bool(after - before)
