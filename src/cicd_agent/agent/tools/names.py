"""The look-up of a name: by the syntax tree in Python, by the word alone in everything else, and it says which."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from cicd_agent.agent.tools.tool import NoSuchThing, TryAgain, fitting, note, result
from cicd_agent.agent.tools.visible_files import VisibleFiles, lines_of
from cicd_agent.domain.repository.library import Entry, Match
from cicd_agent.domain.text.python_syntax import parse_python
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
    """Arguments of the look-up."""

    name: Annotated[str, Field(description="`fetch_user`, or `Client.fetch_user` for a method.")]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One line; `what` is the kind of definition or use, `inside` the function or class around it ("" for none)."""

    line: int
    what: str
    inside: str


@dataclass(frozen=True, slots=True)
class _Matches:
    """Rows of Python files, lines of the others, and what was not done."""

    definitions: tuple[str, ...]
    uses: tuple[str, ...]
    others: tuple[Match, ...]
    notes: tuple[str, ...]


def find_name(files: VisibleFiles, arguments: Name) -> str:
    """Definitions, then uses; what the syntax tree shows before lines that have the word."""
    name = arguments.name
    matches = _find(files, name)
    last = name.rpartition(".")[2]
    defining = {each for each in matches.others if _DEFINING.search(each.text.partition(last)[0])}
    sections = (
        ("Defined, by Python's syntax:", matches.definitions),
        ("Defined, it seems by the word before it:", _lines(each for each in matches.others if each in defining)),
        ("Used, by Python's syntax:", matches.uses),
        ("Lines with the word, code or not:", _lines(each for each in matches.others if each not in defining)),
    )
    if not any(rows for _, rows in sections):
        raise NoSuchThing(
            f"nothing defines or uses `{name}` in the commit under review {note(*matches.notes)}".rstrip()
        )
    fitted = fitting([row for _, rows in sections for row in rows])
    rest = sum(len(rows) for _, rows in sections) - len(fitted)
    parts: list[str] = []
    for heading, rows in sections:
        if shown := fitted[: len(rows)]:
            parts += [heading, *shown]
        fitted = fitted[len(rows) :]
    return result(*parts, note(f"{rest:,} more: search with a glob narrows it down" if rest else "", *matches.notes))


def _lines(matches: Iterable[Match]) -> tuple[str, ...]:
    return tuple(f"{visible_line(each.path)}:{each.line}: {each.text.strip()}" for each in matches)


def _find(files: VisibleFiles, name: str) -> _Matches:
    if not _NAME.fullmatch(name) or len(name) > 200:  # noqa: PLR2004  no language has longer ones
        raise TryAgain("that is not a name. Give one like `fetch_user` or `Client.fetch_user`; use search for text")
    entries = files.select(None)
    # Python comes first: what is exact must not give way to what is not, when there are more lines than are looked at.
    searched = sorted(files.searchable(entries), key=lambda entry: not entry.path.endswith(_PYTHON))
    hits = files.library.search(name.rpartition(".")[2], searched, MAX_HITS, word=True)
    small: list[Entry] = []
    budget, unparsed, by_tree = MAX_PARSED, 0, set()
    for path in dict.fromkeys(match.path for match in hits.found if match.path.endswith(_PYTHON)):
        entry = files.library.entries[path]
        if entry.size <= min(MAX_PARSED_FILE, budget):
            small.append(entry)
            budget -= entry.size
        else:
            unparsed += 1
    defined: list[str] = []
    used: list[str] = []
    for entry, blob in zip(small, files.library.contents(small), strict=True):
        tree = parse(blob.decode("utf-8", "replace"))
        if tree is None:
            unparsed += 1
        else:
            by_tree.add(entry.path)
            defined += _rows(entry.path, lines_of(blob), definitions(tree, name))
            used += _rows(entry.path, lines_of(blob), uses(tree, name))
    notes = (
        f"{unparsed} Python files were not parsed" if unparsed else "",
        f"only the first {MAX_HITS:,} lines with the word were looked at" if hits.more else "",
        hits.note,
        files.unsearched(entries),
    )
    return _Matches(
        tuple(defined), tuple(used), tuple(match for match in hits.found if match.path not in by_tree), notes
    )


def _rows(path: str, lines: Sequence[str], occurrences: Sequence[Occurrence]) -> Iterator[str]:
    for occurrence in occurrences:
        text = lines[occurrence.line - 1].strip() if 0 < occurrence.line <= len(lines) else ""
        scope = f" in {occurrence.inside}" if occurrence.inside else ""
        yield f"{visible_line(path)}:{occurrence.line}: {occurrence.what}{scope}: {text}"


def parse(text: str) -> ast.Module | None:
    """The tree, None when the text has none (another version of Python, a template, an attack)."""
    try:
        return parse_python(text)
    except (SyntaxError, ValueError):
        return None


def definitions(tree: ast.Module, name: str) -> list[Occurrence]:
    """Where `name`, or the last part of `Class.name`, is defined: functions and classes before assignments."""
    occurrences = []
    for node, inside in _walk(tree):
        match node:
            case ast.ClassDef(name=defined):
                occurrence = Occurrence(_line(node), "class", inside)
            case ast.FunctionDef(name=defined) | ast.AsyncFunctionDef(name=defined):
                occurrence = Occurrence(_line(node), "function", inside)
            case ast.Name(id=defined, ctx=ast.Store()) | ast.Attribute(attr=defined, ctx=ast.Store()):
                occurrence = Occurrence(_line(node), "assignment", inside)
            case _:
                continue
        # `self.limit = 1` in Client.send defines Client.limit.
        scope = inside.rpartition(".")[0] if isinstance(node, ast.Attribute) else inside
        if f".{scope}.{defined}".endswith(f".{name}"):
            occurrences.append(occurrence)
    return sorted(occurrences, key=lambda each: (each.what == "assignment", each.line))


def uses(tree: ast.Module, name: str) -> list[Occurrence]:
    """Where `name`, or the last part of `Class.name`, is read, called, imported, or given as an argument's name."""
    last = name.rpartition(".")[2]
    by_line: dict[int, Occurrence] = {}
    for node, inside in _walk(tree):
        if what := _use(node, last):
            # The walk comes to a call before it comes to the name that is called: one line is told once.
            by_line.setdefault(_line(node), Occurrence(_line(node), what, inside))
    return sorted(by_line.values(), key=lambda occurrence: occurrence.line)


def _use(node: ast.AST, name: str) -> str:
    """How a node uses the name, "" when it does not."""
    match node:
        case ast.Call(func=ast.Name(id=used) | ast.Attribute(attr=used)) if used == name:
            return "call"
        case ast.Name(id=used, ctx=ast.Load() | ast.Del()) if used == name:
            return "use"
        case ast.Attribute(attr=used, ctx=ast.Load() | ast.Del()) if used == name:
            return "use"
        case ast.keyword(arg=used) if used == name:
            return "argument"
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return "import" if any(name in {*alias.name.split("."), alias.asname} for alias in names) else ""
        case _:
            return ""


def _walk(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Every node with the dotted name of what it stands in; without recursion, since the depth is the author's."""
    todo: list[tuple[ast.AST, str]] = [(tree, "")]
    while todo:
        node, inside = todo.pop()
        yield node, inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = f"{inside}.{node.name}".lstrip(".")
        todo.extend((child, inside) for child in ast.iter_child_nodes(node))


def _line(node: ast.AST) -> int:
    """The line on which the name stands: of `a.b.c` over several lines, the last one."""
    match node:
        case ast.Attribute(end_lineno=int(line)) | ast.Call(func=ast.expr(end_lineno=int(line))):
            return line
        case ast.stmt(lineno=line) | ast.expr(lineno=line) | ast.keyword(lineno=line):
            return line
        case _:
            return 0
