"""Sets the text of a test that rules have written, and names it by what it tries."""

import ast
import io
import keyword
import re
import tokenize
from collections.abc import Iterable, Sequence

from cicd_agent.analysis.python_tests.syntax import UNREADABLE

WIDEST = 88
"""Columns of a line that most linters let stand."""

_WORDS = {
    "''": "empty_text",
    "b''": "empty_bytes",
    "[]": "empty_list",
    "()": "empty_tuple",
    "{}": "empty_dict",
    "set()": "empty_set",
    "None": "none",
    "True": "true",
    "False": "false",
    "0": "zero",
    "0.0": "zero",
}
_LONGEST = 60


def worded(literals: Iterable[str]) -> str:
    """Arguments as a part of a test's name, "" when they have no words of their own."""
    return "_and_".join(word for word in map(_word, literals) if word)[:_LONGEST].strip("_")


def _word(literal: str) -> str:
    if literal in _WORDS:
        return _WORDS[literal]
    number = re.fullmatch(r"(-?)(\d{1,9})(?:\.(\d{1,4}))?", literal)
    if number is not None:
        return ("minus_" if number[1] else "") + number[2] + (f"_{number[3]}" if number[3] else "")
    kind = {"[": "list", "{": "dict", "(": "tuple"}.get(literal[:1], "")
    words = re.sub(r"[^a-z0-9]+", "_", literal.lower()).strip("_")[:24].strip("_")
    return "_".join(filter(None, (kind, words)))


def named(requested: str, taken: set[str]) -> str:
    """The name, or the first of `_2`, `_3` … that is not taken; it is taken from now on."""
    name = re.sub(r"\W", "_", requested)
    name = f"{name}_" if keyword.iskeyword(name) else name
    number, result = 2, name
    while result in taken:
        result, number = f"{name}_{number}", number + 1
    taken.add(result)
    return result


def compared(call: str, value: str) -> str:
    return f"assert {call} {'is' if value in {'None', 'True', 'False'} else '=='} {value}"


def function(name: str, says: str, body: Sequence[str], parameters: str = "", *, typed: bool = False) -> str:
    """A test function; `says` is its docstring, in one line."""
    text = says.replace("\\", "").replace('"""', "'''").rstrip('"')
    returns = " -> None" if typed else ""
    head = f"def {name}({parameters}){returns}:"
    if len(head) > WIDEST:
        head = f"def {name}(\n    {parameters}\n){returns}:"
    return "\n".join([head, f'    """{text}"""', *(f"    {line}" for part in body for line in part.split("\n"))]) + "\n"


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A `parametrize` decorator, a row on each line."""
    one = len(names) == 1
    lines = [f"    {row[0]}," if one else f"    ({', '.join(row)})," for row in rows]
    return "\n".join(
        [
            "@pytest.mark.parametrize(",
            f"    {names[0]!r}," if one else f"    {tuple(names)!r},",
            "    [",
            *(f"    {line}" for line in lines),
            "    ],",
            ")",
        ]
    )


def dressed(code: str) -> str:
    """The code with the quotes that formatters use: double ones, where the text has neither them nor an escape."""
    lines = code.split("\n")
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    except (tokenize.TokenError, *UNREADABLE):
        return code
    for token in tokens:
        (row, start), (last, end) = token.start, token.end
        plain = re.fullmatch(r"([bB]?)'([^'\"\\]*)'", token.string)
        if token.type == tokenize.STRING and row == last and plain is not None:
            line = lines[row - 1]
            lines[row - 1] = f'{line[:start]}{plain[1]}"{plain[2]}"{line[end:]}'
    return "\n".join(lines)


def fits(code: str) -> bool:
    """Whether no line is wider than linters like, and all of it parses."""
    try:
        ast.parse(code)
    except UNREADABLE:
        return False
    return all(len(line) <= WIDEST for line in code.split("\n"))


def is_typed(texts: Iterable[str]) -> bool:
    heads = [
        head for text in texts for head in re.findall(r"^ *(?:async )?def test_[^\n]*:[ \t]*$", text, re.MULTILINE)
    ]
    return bool(heads) and sum("-> None" in head for head in heads) * 2 > len(heads)
