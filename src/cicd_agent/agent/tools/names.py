"""Look-ups of names: by the syntax tree in Python, by the word alone in everything else, and it says which."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from cicd_agent.agent.tools import python_names
from cicd_agent.agent.tools.tool import NoSuchThing, TryAgain, fitting, note, result
from cicd_agent.agent.tools.visible_files import Shelf, lines_of
from cicd_agent.domain.repository.library import Entry, Match, Matches
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.verdict import Draft

MAX_HITS = 2_000
"""Lines with the word that are looked at."""
MAX_PARSED = 2_000_000
"""Bytes of Python that are parsed for one look-up: two or three seconds."""
MAX_PARSED_FILE = 500_000
_PYTHON = (".py", ".pyi")
_NAME = re.compile(r"[^\W\d][\w$]*(?:\.[^\W\d][\w$]*)*")
_DEFINING = re.compile(
    r"#define\b|\b(?:class|const|def|defmodule|defp|defun|enum|export|fn|func|function|impl|interface|let|macro|mod|"
    r"module|namespace|object|package|proc|protocol|record|static|struct|sub|trait|type|typealias|typedef|union|val|var)\b"
)
"""Words that introduce a definition in one language or another."""


class Name(Draft):
    """Arguments of both look-ups."""

    name: Annotated[str, Field(description="`fetch_user`, or `Client.fetch_user` for a method.")]


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows of Python files, lines of the others, and what was not done."""

    python: tuple[str, ...]
    others: tuple[Match, ...]
    notes: tuple[str, ...]


def find_definition(shelf: Shelf, arguments: Name) -> str:
    """Where a name is defined."""
    hits = _find(shelf, arguments.name, lambda tree: python_names.definitions(tree, arguments.name))
    others = [match for match in hits.others if _looks_defining(match.text, arguments.name)]
    if not hits.python and not others:
        raise _nothing("definition", arguments.name, hits, "find_references or search may show where it comes from")
    return _page(hits, others, "lines that look like a definition")


def find_references(shelf: Shelf, arguments: Name) -> str:
    """Where a name is used."""
    hits = _find(shelf, arguments.name, lambda tree: python_names.uses(tree, arguments.name))
    if not hits.python and not hits.others:
        raise _nothing("use", arguments.name, hits)
    return _page(hits, hits.others, "lines with the word, be they code, comments or text")


def _find(shelf: Shelf, name: str, locate: Callable[..., list[python_names.Place]]) -> _Found:
    if not _NAME.fullmatch(name) or len(name) > 200:  # noqa: PLR2004  no language has longer ones
        raise TryAgain("that is not a name. Give one like `fetch_user` or `Client.fetch_user`; use search for text")
    entries = shelf.select(None)
    # Python comes first: what is exact must not give way to what is not, when there are more lines than are looked at.
    searched = sorted(shelf.searchable(entries), key=lambda entry: not entry.path.endswith(_PYTHON))
    hits = shelf.library.search(name.rpartition(".")[2], searched, MAX_HITS, word=True)
    parsed, left = _parsable(shelf, hits)
    rows: list[str] = []
    unparsed = {entry.path for entry in left}
    for entry, blob in zip(parsed, shelf.library.contents(parsed), strict=True):
        tree = python_names.parse(blob.decode("utf-8", "replace"))
        if tree is None:
            unparsed.add(entry.path)
        else:
            rows += _rows(entry.path, lines_of(blob), locate(tree))
    by_tree = {entry.path for entry in parsed} - unparsed
    others = tuple(match for match in hits.found if match.path not in by_tree)
    notes = (
        f"{len(unparsed)} Python files were not parsed" if unparsed else "",
        f"only the first {MAX_HITS:,} lines with the word were looked at" if hits.more else "",
        hits.note,
        shelf.unsearched(entries),
    )
    return _Found(tuple(rows), others, notes)


def _parsable(shelf: Shelf, hits: Matches) -> tuple[list[Entry], list[Entry]]:
    """The Python files with the word: those that are parsed, and those for which there is no room."""
    paths = dict.fromkeys(match.path for match in hits.found if match.path.endswith(_PYTHON))
    parsed, left, budget = [], [], MAX_PARSED
    for entry in (shelf.library.entries[path] for path in paths):
        if entry.size > min(MAX_PARSED_FILE, budget):
            left.append(entry)
        else:
            parsed.append(entry)
            budget -= entry.size
    return parsed, left


def _rows(path: str, lines: Sequence[str], occurrences: Sequence[python_names.Place]) -> Iterator[str]:
    for occurrence in occurrences:
        text = lines[occurrence.line - 1].strip() if 0 < occurrence.line <= len(lines) else ""
        scope = f" in {occurrence.inside}" if occurrence.inside else ""
        yield f"{visible_line(path)}:{occurrence.line}: {occurrence.what}{scope}: {text}"


def _nothing(what: str, name: str, hits: _Found, hint: str = "") -> NoSuchThing:
    return NoSuchThing(f"no {what} of `{name}` in the commit under review {note(hint, *hits.notes)}".rstrip())


def _looks_defining(line: str, name: str) -> bool:
    before = line.partition(name.rpartition(".")[2])[0]
    return _DEFINING.search(before) is not None


def _page(hits: _Found, others: Sequence[Match], what: str) -> str:
    rows = list(hits.python)
    rows += [f"{visible_line(match.path)}:{match.line}: {match.text.strip()}" for match in others]
    fitted = fitting(rows)
    parts = []
    if shown := fitted[: len(hits.python)]:
        parts += ["Python, by the syntax tree:", *shown]
    if shown := fitted[len(hits.python) :]:
        parts += [f"By a search for the word, not by a parser ({what}):", *shown]
    rest = len(rows) - len(fitted)
    return result(*parts, note(f"{rest:,} more: search with a glob narrows it down" if rest else "", *hits.notes))
