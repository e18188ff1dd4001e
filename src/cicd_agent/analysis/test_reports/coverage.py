"""Which lines ran, as coverage tools tell it: Cobertura, JaCoCo, Clover, LCOV, coverage.py's JSON, Go's profile."""

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cicd_agent.analysis.test_reports.cases import line_number
from cicd_agent.analysis.test_reports.xml_stream import LARGEST, Halt, Sink, read_xml, root_of
from cicd_agent.domain.text.encoding import decoded
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count

MAX_LINES = 1_000_000
MAX_FILES = 50_000
USUAL_PATHS = (
    *("coverage.xml", "coverage.json", "coverage.lcov", "coverage.out", "cover.out", "lcov.info", "clover.xml"),
    *("coverage/lcov.info", "coverage/cobertura-coverage.xml", "coverage/clover.xml", "coverage/coverage.xml"),
    *("reports/coverage.xml", "target/site/jacoco/jacoco.xml", "build/reports/jacoco/test/jacocoTestReport.xml"),
)
"""Where tools write their report when nobody says otherwise."""
_MAX_VISITS = 10 * MAX_LINES
"""How often a line may be named, by all blocks that hold it."""

_LONGEST_PATH = 1_000
_MAX_SOURCES = 20
_LONGEST_BLOCK = 10_000
_GO_BLOCK = re.compile(r"(.{1,1000}):(\d{1,9})\.\d{1,9},(\d{1,9})\.\d{1,9} \d{1,9} (\d{1,20})\r?")
_OTHER_RECORDS = frozenset(
    ("TN", "VER", "FN", "FNDA", "FNF", "FNH", "FNL", "FNA", "BRDA", "BRF", "BRH", "MCDC", "MCF", "MCH", "LF", "LH")
)
# gcov may be wrong by threads and write a negative count.
_COUNT = re.compile(r"-?\d{1,20}")
_TOO_MUCH = f"lines beyond the first {MAX_LINES:,}, or files beyond the first {MAX_FILES:,}, were left out"


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """The lines of one file that ran and those that could have; `path` is as the report has it."""

    path: str
    covered: frozenset[int]
    missed: frozenset[int]


def is_coverage(data: bytes) -> bool:
    start = _start(data)
    if start.startswith(b"<"):
        root = root_of(data)
        # JaCoCo's root is called as that of half the world is.
        return root == "coverage" or (root == "report" and b"<sourcefile " in data and b"<counter " in data)
    return start.startswith((b"mode: ", b"SF:", b"TN:")) or (start.startswith(b"{") and b'"executed_lines"' in data)


def read_coverage(data: bytes) -> tuple[tuple[FileCoverage, ...], tuple[str, ...]]:
    """The files of a report in its order, and a sentence for each thing that could not be read."""
    if not is_coverage(data):
        return (), ("it is no coverage report that we know",)
    lines = _Lines()
    try:
        match _start(data)[:1]:
            case b"<":
                notes = read_xml(data, _Xml(lines))
            case b"{":
                notes = _read_json(data, lines)
            case b"m":
                notes = _read_text(data, lines, _go_line)
            case _:
                notes = _read_text(data, lines, _Lcov().line)
    except Halt as halt:
        notes = (str(halt),)
    return lines.files(), notes


def _start(data: bytes) -> bytes:
    return data[:4_096].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")


class _Lines:
    def __init__(self) -> None:
        self._remaining = MAX_LINES
        self._visits = _MAX_VISITS
        self._files: dict[str, tuple[set[int], set[int]]] = {}

    def add(self, path: str, numbers: Iterable[int], *, ran: bool) -> None:
        """Lines of a file that ran, or did not. Raises Halt when there are too many."""
        if path not in self._files and len(self._files) >= MAX_FILES:
            raise Halt(_TOO_MUCH)
        covered, missed = self._files.setdefault(path, (set(), set()))
        lines = covered if ran else missed
        for number in numbers:
            self._visits -= 1
            if self._visits < 0:
                raise Halt(_TOO_MUCH)
            if number > 0 and number not in lines:
                if self._remaining == 0:
                    raise Halt(_TOO_MUCH)
                self._remaining -= 1
                lines.add(number)

    def files(self) -> tuple[FileCoverage, ...]:
        return tuple(
            FileCoverage(visible_line(path), frozenset(covered), frozenset(missed - covered))
            for path, (covered, missed) in self._files.items()
            if covered or missed
        )


class _Xml(Sink):
    """Cobertura, JaCoCo and Clover: their elements differ enough to be read side by side."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self._sources: list[str] = []
        self._source: str | None = None
        self._package = ""
        self._path = ""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        match name:
            case "source":
                self._source = ""
            case "package":
                self._package = attributes.get("name", "")[:_LONGEST_PATH]
            case "class" if "filename" in attributes:
                self._path = self._below_source(attributes["filename"][:_LONGEST_PATH])
            case "sourcefile":
                self._path = posixpath.join(self._package, attributes.get("name", "")[:_LONGEST_PATH])
            case "file":
                self._path = (attributes.get("path") or attributes.get("name", ""))[:_LONGEST_PATH]
            case "line" if self._path:
                self._line(attributes)
            case _:
                pass

    def text(self, piece: str) -> None:
        if self._source is not None and len(self._source) < _LONGEST_PATH:
            self._source += piece[:_LONGEST_PATH]

    def end(self, name: str) -> None:
        if name == "source" and self._source is not None:
            self._sources += [self._source.strip()] if len(self._sources) < _MAX_SOURCES else []
            self._source = None
        elif name in ("class", "sourcefile", "file"):
            self._path = ""

    def _below_source(self, filename: str) -> str:
        """Where Cobertura's file lies; with several sources nobody can tell below which one."""
        sources = [source for source in self._sources if source not in ("", ".")]
        return posixpath.join(sources[0], filename) if len(sources) == 1 else filename

    def _line(self, attributes: Mapping[str, str]) -> None:
        # By Cobertura, JaCoCo and Clover, which counts a condition's two ways instead of the line.
        for number, *counts in (("number", "hits"), ("nr", "ci"), ("num", "count", "truecount", "falsecount")):
            if number in attributes:
                ran = any(_ran(attributes.get(count, "")) for count in counts)
                self._lines.add(self._path, (line_number(attributes[number]),), ran=ran)
                return


def _ran(hits: str) -> bool:
    return bool(hits.strip("0")) and hits.isdecimal()


def _read_json(data: bytes, lines: _Lines) -> tuple[str, ...]:
    if len(data) > LARGEST:
        return (f"it is JSON larger than {LARGEST // 1_000_000} MB",)
    try:
        top: Any = json.loads(decoded(data))
    except (ValueError, RecursionError):
        return ("it is broken JSON",)
    files = top.get("files") if isinstance(top, dict) else None
    if not isinstance(files, dict):
        return ("it has no files",)
    broken = 0
    for path, file in files.items():
        for key, ran in (("executed_lines", True), ("missing_lines", False)):
            numbers = file.get(key) if isinstance(file, dict) else None
            if isinstance(numbers, list):
                whole_numbers = (each for each in numbers if type(each) is int and each < 2**31)
                lines.add(path[:_LONGEST_PATH], whole_numbers, ran=ran)
            else:
                broken += 1
    return (f"{count(broken, 'list')} of lines could not be read",) if broken else ()


def _read_text(data: bytes, lines: _Lines, read: Callable[[str, _Lines], bool]) -> tuple[str, ...]:
    broken = 0
    for line in decoded(data[:LARGEST]).split("\n"):
        broken += not read(line, lines)
    notes = [f"it is larger than {LARGEST // 1_000_000} MB: the rest was not read"] if len(data) > LARGEST else []
    return (*notes, f"{count(broken, 'line')} could not be read") if broken else tuple(notes)


class _Lcov:
    def __init__(self) -> None:
        self._path = ""

    def line(self, line: str, lines: _Lines) -> bool:
        """Whether the line is understood, or of a record that says nothing of lines."""
        key, _, value = line.strip().partition(":")
        match key:
            case "SF":
                self._path = value[:_LONGEST_PATH]
            case "end_of_record":
                self._path = ""
            case "DA":
                number, hits = [*value.split(",", 2), ""][:2]
                if not (self._path and line_number(number) and _COUNT.fullmatch(hits)):
                    return False
                lines.add(self._path, (line_number(number),), ran=_ran(hits))
            case _:
                return not key or key in _OTHER_RECORDS
        return True


def _go_line(line: str, lines: _Lines) -> bool:
    """A block of Go's profile; a line with several blocks ran when one of them did."""
    if not line.strip() or line.startswith("mode: "):
        return True
    block = _GO_BLOCK.fullmatch(line)
    if block is None:
        return False
    first, last = int(block[2]), int(block[3])
    lines.add(block[1], range(first, min(last + 1, first + _LONGEST_BLOCK)), ran=_ran(block[4]))
    return True
