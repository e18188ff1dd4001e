"""Finds what a patch takes from the tests: that they run, how much they assert, and how exactly."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from cicd_agent.analysis.patches.edit import Edit, Piece, code_only
from cicd_agent.analysis.patches.patterns import PATTERNS, WEAKENING, grown
from cicd_agent.analysis.python_tests.static.tautologies import vain_assertions
from cicd_agent.domain.repository.paths import PathKind

_MAX_LINES = 60
"""Lines that one assertion may take."""

_ASSERTS = PATTERNS["assertions"]
_EXACT = PATTERNS["exact-assertions"]
_LOOSE = PATTERNS["loose-assertions"]
_NEGATED = PATTERNS["negated-assertions"]
_BEGINS = PATTERNS["expectation-starts"]
_ROW = PATTERNS["table-rows"]
_TABLES = re.compile(r"parametri[sz]e|\.each\b|@(?:Csv|Value|Method|Enum)Source|\bfor\s.*\bin\s*[\[(]")
_VAGUE = re.compile(
    r"\bor\b|\|\||approx|almost|close_?to|isclose|\.any\(|anything\(|\bANY\b|objectContaining|arrayContaining"
)
_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_CONDITION = re.compile(r"^[ \t]*(?:\}\s*else\s+)?(?:if|elif|unless|when|while|switch|match)\b", re.MULTILINE)


def find_weakened_tests(edit: Edit) -> Iterator[str]:
    """What an edit takes from tests, a clause for each way."""
    if not edit.is_test:
        return
    if edit.after is None:
        yield f"deletes a test file ({edit.path})"
        return
    before, after = (code_only(text or "", edit.suffix) for text in (edit.before, edit.after))
    for what in (*_added(edit), *_lost(*_differing(before, after)), *_loosened(edit, before)):
        yield f"{what} ({edit.path})"


def _added(edit: Edit) -> Iterator[str]:
    for sign in WEAKENING:
        if any(grown(sign.pattern, piece.old_code, piece.new_code) for piece in edit.pieces):
            yield sign.clause
    if edit.suffix == "py" and vain_assertions(edit.after or "") > vain_assertions(edit.before or ""):
        yield "asserts what is always true"


def _differing(before: str, after: str) -> tuple[str, str]:
    old, new = Counter(before.split("\n")), Counter(after.split("\n"))
    return "\n".join((old - new).elements()), "\n".join((new - old).elements())


def _lost(before: str, after: str) -> Iterator[str]:
    """What there is less of in the whole file: tests may be moved and put in other words."""
    if _count(PATTERNS["test-definitions"], after) < _count(PATTERNS["test-definitions"], before):
        yield "takes tests away"
    losses = ("takes assertions away", "asserts less than before", "asserts less exactly than before")
    for was, now, what in zip(_assertion_counts(before), _assertion_counts(after), losses, strict=True):
        if now < was:
            yield what
            return


def _loosened(edit: Edit, before: str) -> Iterator[str]:
    for piece in edit.pieces:
        if _rows(piece.added) < _rows(piece.deleted) or _cases(piece.added) < _cases(piece.deleted):
            yield "takes cases out of a table of tests"
        if grown(_CONDITION, piece.old_code, piece.new_code) and _sinks(piece):
            yield "puts assertions under a condition"
        if _expects(before, piece.gone) and grown(PATTERNS["tolerances"], piece.old_code, piece.new_code):
            yield "changes a tolerance"


def _sinks(piece: Piece) -> bool:
    depths = {line.strip(): len(line) - len(line.lstrip()) for line in piece.deleted if line.strip()}
    return any(len(line) - len(line.lstrip()) > depths.get(line.strip(), len(line)) for line in piece.added)


def changes_expectation(edit: Edit) -> bool:
    """Whether an edit changes or removes a line that says what a test expects, or data that a test compares with."""
    if edit.before is None or not any(piece.deleted for piece in edit.pieces):
        return False
    if not edit.is_test:
        # An example in the documentation of code is a test, too.
        return any(">>> " in piece.old and piece.deleted for piece in edit.pieces) and not changes_product(edit)
    if PathKind.SOURCE not in edit.kinds:
        return True
    before = code_only(edit.before, edit.suffix)
    return any(_expects(before, piece.gone) for piece in edit.pieces)


def changes_product(edit: Edit) -> bool:
    """Whether an edit changes code outside of tests, beyond comments and blanks."""
    if edit.is_test or edit.is_prose or not edit.kinds.isdisjoint({PathKind.DOCS, PathKind.EXAMPLE}):
        return False
    before, after = (_squeezed(code_only(text or "", edit.suffix)) for text in (edit.before, edit.after))
    return before != after


def _squeezed(code: str) -> list[str]:
    return [line for line in (" ".join(line.split()) for line in code.split("\n")) if line]


def _count(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def _rows(lines: Sequence[str]) -> int:
    return sum(bool(_ROW.match(line[:500])) for line in lines)


def _cases(lines: Sequence[str]) -> int:
    return sum(line.count(",") for line in lines if _TABLES.search(line[:500]))


def _lines(code: str) -> Iterator[str]:
    for line in code.split("\n"):
        yield line[:300]


def _assertion_counts(code: str) -> tuple[int, int, int]:
    """How many lines of a test assert something, how many of them more than truth, and how many something exact."""
    code = _STRING.sub(lambda string: string[0][0] * 2, code)
    every = firm = exact = 0
    for line in _lines(code):
        if _EXACT.search(line) and not _NEGATED.search(line) and not _VAGUE.search(line):
            every, firm, exact = every + 1, firm + 1, exact + 1
        elif _ASSERTS.search(line):
            every += 1
            firm += bool(_LOOSE.search(line)) and not _NEGATED.search(line)
    return every, firm, exact


def _expects(code: str, numbers: Collection[int]) -> bool:
    """Whether one of the lines with these indices says what is expected: in an assertion, or a table of cases."""
    if not numbers:
        return False
    # What began further above has taken all the lines that it may.
    first = max(min(numbers) - _MAX_LINES, 0)
    depth = left = 0
    for number, line in enumerate(_lines("\n".join(code.split("\n")[first : max(numbers) + 1])), first):
        if depth <= 0 or not left:
            starts = _ASSERTS.search(line) or _EXACT.search(line) or _BEGINS.search(line) or _ROW.match(line)
            depth, left = 0, _MAX_LINES if starts else 0
        if left:
            if number in numbers:
                return True
            depth += sum(line.count(each) for each in "([{") - sum(line.count(each) for each in ")]}")
            left -= 1
    return False
