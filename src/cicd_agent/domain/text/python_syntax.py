"""The only way in which Python of a change is parsed: under a budget, since its author chooses what is parsed."""

import ast
import re
import warnings
from typing import Final

MAX_CHARACTERS: Final = 500_000
"""Characters above which a file is not parsed."""
MAX_TOKENS: Final = 160_000
"""Words, signs and lines of a file; the largest that people write have 120,000."""
MAX_REPLACEMENTS: Final = 20_000
"""Replacement fields (`{…}`) of all f-strings: each is parsed by itself."""
MAX_F_STRING: Final = 200_000_000
"""Characters of an f-string times its replacement fields: CPython 3.11 reads it from its start for each of them."""

_TOKEN: Final = re.compile(r"\w+|[^\w ]")
_STRING: Final = re.compile(
    r"""\#[^\n]*+
    | (?P<long>"{3}|'{3}) (?: [^\\"']++ | \\(?:.|\Z) | (?!(?P=long)). )* (?:(?P=long)|\Z)
    | (?P<short>["']) (?: [^\\"'\n]++ | \\(?:.|\Z) | (?!(?P=short))["'] )* (?:(?P=short)|(?=\n)|\Z)""",
    re.DOTALL | re.VERBOSE,
)
"""A comment or a string, terminated or not: every alternative takes what it has read, so that the scan is linear.

No group is possessive, which Python before 3.11.5 gets wrong: https://github.com/python/cpython/issues/106052.
"""


class OverBudget(ValueError):
    """Parsing a text would take longer, or nest deeper, than any file that is meant to be read."""


def parse_python(text: str) -> ast.Module:
    """The tree of a text, with or without a byte order mark. Raises OverBudget, or SyntaxError for what is no Python.

    ValueError and SyntaxError are all that is raised: whatever exhausts the parser's stack is over the budget, too.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_CHARACTERS or not _tokens_fit(text) or not _f_strings_fit(text):
        raise OverBudget("over the parse budget")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (RecursionError, MemoryError):
        raise OverBudget("over the parse budget") from None


def _tokens_fit(text: str) -> bool:
    return len(text) <= MAX_TOKENS or sum(1 for _ in _TOKEN.finditer(text)) <= MAX_TOKENS


def _f_strings_fit(text: str) -> bool:
    if text.count("{") * len(text) <= MAX_F_STRING and text.count("{") <= MAX_REPLACEMENTS:
        return True
    replacements = work = 0
    for match in _STRING.finditer(text):
        start, end = match.span()
        if "f" in text[max(start - 2, 0) : start].lower():
            fields = text.count("{", start, end) - 2 * text.count("{{", start, end)
            replacements += fields
            work += fields * (end - start)
    return replacements <= MAX_REPLACEMENTS and work <= MAX_F_STRING
