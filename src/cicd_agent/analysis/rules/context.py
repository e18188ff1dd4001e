"""One file of a change as the rules see it; what is read or parsed is read once, and only when a rule needs it."""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from importlib.resources import files

from cicd_agent.analysis.rules.python.source import Called, Function, PythonText, Unparsed, expression_text
from cicd_agent.analysis.rules.structure.blocks import Repeat, repeats
from cicd_agent.analysis.rules.structure.ddl import schema_of
from cicd_agent.analysis.rules.structure.imports import Circle, circles
from cicd_agent.analysis.rules.yaml_source import Node, parse_yaml
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Anchors, FileDiff
from cicd_agent.domain.repository.paths import OWN_CONFIG, PathKind, is_test

TABLES = tomllib.loads(files(__package__).joinpath("tables.toml").read_text("utf-8"))
CLIP = 2_000
"""No pattern sees more of a line than this at once."""
_OVERLAP = 400
"""Characters that two windows of a long line share: whatever is shorter stands in one of them whole."""
_BREAK = re.compile(r"[\s;,(){}\[\]<>\"'`|]")

IDENTIFIER = re.compile(r"[A-Za-z_]\w{2,}")
_DEFINED = re.compile(r"^\s*(?:async\s+)?(?:def|class|function|func|fn)\s+([A-Za-z_]\w*)")
_DEFINITIONS = re.compile(r"\b(?:def|class|function|func|fn)\s+([A-Za-z_]\w*)")
TEST_FUNCTION = re.compile(r"\s*(?:async\s+)?def\s+test")
_NOT_PRODUCT = frozenset({PathKind.TEST, PathKind.DOCS, PathKind.VENDORED, PathKind.GENERATED})
_PYTHON, _YAML = (".py", ".pyw"), (".yml", ".yaml")
_LINE_SEPARATORS = re.compile("[\u2028\u2029]")
"""What ends a line in JavaScript, besides what ends one everywhere."""
_SCRIPTS = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")
_ATTRIBUTES = {
    "linguist-generated": PathKind.GENERATED,
    "linguist-vendored": PathKind.VENDORED,
    "-diff": PathKind.GENERATED,
}


class Mentions:
    """What the texts of a change name: each is searched for words once, and only when somebody asks."""

    def __init__(self, change: Change) -> None:
        self._texts = change.texts

    @cached_property
    def _identifiers(self) -> frozenset[str]:
        return frozenset(word for text in self._texts.values() for word in IDENTIFIER.findall(text))

    def __contains__(self, path: str) -> bool:
        """Whether a text names this file, of which there is no text: as a file or, without its suffix, as a module."""
        name = path.rpartition("/")[2]
        return name.partition(".")[0] in self._identifiers or any(name in text for text in self._texts.values())


class ChangeContext:
    """The change as a whole, for rules that need more than their own file.

    Its `files` are there for as long as the rules run: nothing here may ask one of them for a parsed text.
    """

    def __init__(self, change: Change, config_file: str = OWN_CONFIG, rule_ids: Iterable[str] = ()) -> None:
        self.change = change
        self.config_file = config_file
        self.rule_ids = frozenset(rule_ids)
        self.files: Sequence[FileContext] = [FileContext(self, file) for file in change.files]

    @cached_property
    def mentions(self) -> Mentions:
        return Mentions(self.change)

    @cached_property
    def present(self) -> frozenset[str]:
        """All paths at the head, as far as they are known: without a checkout, those of the change."""
        changed = {file.path for file in self.files if file.head is not None}
        return frozenset(changed.union(self.change.paths))

    @cached_property
    def indexes(self) -> frozenset[tuple[str, str]]:
        """The tables and columns for which SQL of the change makes an index, in any of its files."""
        texts = (text for path, text in self.change.texts.items() if path.lower().endswith(".sql"))
        return frozenset().union(*(schema_of(text).indexes for text in texts))

    @cached_property
    def circles(self) -> Mapping[str, Sequence[Circle]]:
        return circles(self.change)

    @cached_property
    def repeats(self) -> Mapping[str, Sequence[Repeat]]:
        return repeats(self.change)

    @cached_property
    def has_tests(self) -> bool:
        changed = {file.path for file in self.files if PathKind.TEST in file.kinds}
        return bool(changed) or any(map(is_test, self.change.paths))

    @cached_property
    def tests(self) -> tuple["FileContext", ...]:
        return tuple(file for file in self.files if PathKind.TEST in file.kinds and file.head is not None)

    @cached_property
    def tested(self) -> frozenset[str]:
        return frozenset(name for file in self.tests for name in IDENTIFIER.findall(file.head or ""))

    @cached_property
    def added(self) -> frozenset[str]:
        return frozenset(" ".join(text.split()) for file in self.files for _, text in file.added)

    @cached_property
    def old_lines(self) -> frozenset[str]:
        """The lines that the change takes away somewhere, and all of the files that it changes, without indentation."""
        deleted = (text.strip() for file in self.files for _, text in file.deleted)
        kept = (line.strip() for text in self.change.old_texts.values() for line in text.split("\n"))
        return frozenset((*deleted, *kept))

    @cached_property
    def taken_out(self) -> frozenset[str]:
        return frozenset(
            name for file in self._product for _, text in file.deleted for name in _DEFINED.findall(text) if name
        )

    @cached_property
    def vanished(self) -> frozenset[str]:
        """Words that the product's changed files use, or functions they define, before the change and not after."""
        gone = {name for file in self._product for _, text in file.deleted for name in IDENTIFIER.findall(text)}
        gone |= {file.path.rpartition("/")[2].partition(".")[0] for file in self._product if file.head is None}
        heads = [file.head or "" for file in self._product]
        # The name of a function that is gone may still be the name of something else.
        defined = {name for head in heads for name in _DEFINITIONS.findall(head)}
        return frozenset(gone.difference(*map(IDENTIFIER.findall, heads)) | (self.taken_out - defined))

    def retires(self, test: str) -> bool:
        return "deprecat" in test.lower() or not self.vanished.isdisjoint(IDENTIFIER.findall(test))

    def lost_module(self, imported: Iterable[str]) -> bool:
        gone = tuple("/" + file.path for file in self._product if file.head is None)
        names = {part for name in imported for part in (name, name.rpartition(".")[0]) if "." in part}
        return any(path.endswith(f"/{name.replace('.', '/')}.py") for name in names for path in gone)

    @cached_property
    def shrinks(self) -> bool:
        return sum(file.diff.added_count - file.diff.deleted_count for file in self._product) < 0

    @cached_property
    def gains_tests(self) -> bool:
        tests = [file for file in self.files if PathKind.TEST in file.kinds]
        added = sum(1 for file in tests for _, text in file.added if TEST_FUNCTION.match(text))
        return added >= sum(1 for file in tests for _, text in file.deleted if TEST_FUNCTION.match(text))

    @property
    def _product(self) -> list["FileContext"]:
        return [file for file in self.files if file.kinds.isdisjoint(_NOT_PRODUCT) and PathKind.SOURCE in file.kinds]


class FileContext:
    """One file. `head` and `base` are its texts after and before, None when there is none or it was not read."""

    def __init__(self, change: ChangeContext, diff: FileDiff) -> None:
        self.change = change
        self.diff = diff
        self.path = diff.path
        self.head = change.change.texts.get(diff.path)
        self.base = change.change.old_texts.get(diff.old_path)

    def copy(self) -> "FileContext":
        """The same with its lines: what rules have parsed of the copy is gone before they come to the next file."""
        _ = self.kinds, self.added, self.deleted  # which are there for both from now on
        return copy(self)

    @cached_property
    def kinds(self) -> frozenset[PathKind]:
        stated = {kind for name, kind in _ATTRIBUTES.items() if name in self.diff.attributes}
        own = {PathKind.OWN_CONFIG} if self.path == self.change.config_file else set()
        bundle = {PathKind.GENERATED} if self.diff.is_bundle else set()
        return self.change.change.kinds_of(self.diff) | stated | own | bundle

    @property
    def is_fixture(self) -> bool:
        return not self.kinds.isdisjoint({PathKind.TEST, PathKind.EXAMPLE})

    @cached_property
    def added(self) -> tuple[tuple[int, str], ...]:
        """The added lines with their numbers; one that is long, or that a language ends earlier, in several pieces."""
        return tuple([(line.new or 0, piece) for line in self.diff.added for piece in pieces(line.text)])

    @cached_property
    def deleted(self) -> tuple[tuple[int, str], ...]:
        """The deleted lines, as the added ones."""
        return tuple([(line.old or 0, piece) for line in self.diff.deleted for piece in pieces(line.text)])

    @cached_property
    def added_numbers(self) -> frozenset[int]:
        return frozenset(number for number, _ in self.added)

    @cached_property
    def deleted_numbers(self) -> frozenset[int]:
        return frozenset(number for number, _ in self.deleted)

    @cached_property
    def anchors(self) -> Anchors:
        return Anchors(self.diff)

    @cached_property
    def python(self) -> PythonText | None:
        """The head as Python; None for another language, without an added line, and where it is `unparsed`."""
        return self.python_head if self.added else None

    @property
    def python_head(self) -> PythonText | None:
        """The head as Python, if only lines were deleted, too."""
        return self._parsed if isinstance(self._parsed, PythonText) else None

    @property
    def unparsed(self) -> str:
        """Why the rules had no tree of a Python file or workflow that the change leaves, "" where they had one."""
        if PathKind.WORKFLOW in self.kinds and self.head is not None and self.yaml is None:
            return "does not parse as YAML within the parse budget"
        return self._parsed if isinstance(self._parsed, Unparsed) else ""

    @property
    def unparsed_lines(self) -> Iterator[tuple[int, str]]:
        """The added lines that are no comment, where there is no tree: it did not parse, or its text is too long."""
        if self.unparsed or (self.head is None and self.path.lower().endswith(_PYTHON)):
            yield from ((number, text) for number, text in self.added if not text.lstrip().startswith("#"))

    @cached_property
    def _parsed(self) -> PythonText | Unparsed | None:
        if self.head is None or not self.path.lower().endswith(_PYTHON):
            return None
        return PythonText.parse(self.head, self.added_numbers)

    @property
    def nodes(self) -> Iterator[tuple[PythonText, ast.AST, Function | ast.Lambda | None]]:
        if self.python is not None:
            yield from ((self.python, node, inside) for node, inside in self.python.nodes)

    @cached_property
    def calls(self) -> tuple[tuple[PythonText, Called, int], ...]:
        """The Python calls that the change added or gave a new name or keyword, each with its added line."""
        text = self.python
        if text is None:
            return ()
        return tuple((text, call, line) for call in text.calls if (line := self.first_added(*call.lines)) is not None)

    @cached_property
    def old_python(self) -> PythonText | None:
        if self.base is None or not self.path.lower().endswith(_PYTHON):
            return None
        parsed = PythonText.parse(self.base, self.deleted_numbers)
        return parsed if isinstance(parsed, PythonText) else None

    @cached_property
    def old_calls(self) -> frozenset[str]:
        """The Python calls on deleted lines, in plain words: what is among them was there before."""
        calls = self.old_python.calls if self.deleted and self.old_python else []
        return frozenset(
            expression_text(called.node)
            for called in calls
            if any(line in self.deleted_numbers for line in range(called.node.lineno, called.last_line + 1))
        )

    @cached_property
    def yaml(self) -> Node | None:
        return parse_yaml(self.head) if self.path.lower().endswith(_YAML) else None

    @cached_property
    def old_yaml(self) -> Node | None:
        return parse_yaml(self.base) if self.path.lower().endswith(_YAML) else None

    @cached_property
    def script(self) -> tuple[tuple[int, str], ...]:
        """The added lines of JavaScript and its kin, without those that are comments."""
        lines = self.diff.added if self.path.lower().endswith(_SCRIPTS) else ()
        return tuple(
            (line.new or 0, window)
            for line in lines
            for text in ((line.text,) if line.text.isascii() else _LINE_SEPARATORS.split(line.text))
            for code in map(_uncommented, _ended(text))
            if code
            for window in _windows(code)
        )

    @property
    def docker(self) -> tuple[tuple[int, str], ...]:
        return self.added if PathKind.DOCKERFILE in self.kinds else ()

    def first_added(self, *numbers: int | None) -> int | None:
        return next((number for number in numbers if number in self.added_numbers), None)


def pieces(line: str) -> Iterable[str]:
    """What patterns search of one of git's lines: the lines that it is to a language, in windows of CLIP characters."""
    if len(line) <= CLIP and "\r" not in line[:-1] and "\0" not in line:
        return (line,)
    return [window for text in _ended(line) for window in _windows(text)]


def _ended(line: str) -> Sequence[str]:
    """The lines that Python, JavaScript, PHP and YAML see in one of git's: a lone carriage return ends one there.

    They are without NULs: shells take a word for the same with or without one.
    """
    line = line.replace("\0", "")
    return line.removesuffix("\r").split("\r") if "\r" in line[:-1] else (line,)


def _windows(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > CLIP:
        yield text[start : start + CLIP]
        start += CLIP - _OVERLAP
        # In the middle of a word, what stands before it would be missed.
        found = _BREAK.search(text, start, start + _OVERLAP // 4)
        start = found.end() if found else start
    yield text[start:]


def _uncommented(line: str) -> str:
    """What is code of a line; of one that may stand in a long comment, what comes after its end."""
    text = line.lstrip()
    if text.startswith(("*", "/*")):
        return text.partition("*/")[2]
    return "" if text.startswith("//") else line
