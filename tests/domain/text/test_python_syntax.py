import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.text.python_syntax import (
    MAX_CHARACTERS,
    MAX_F_STRING,
    MAX_REPLACEMENTS,
    MAX_TOKENS,
    OverBudget,
    parse_python,
)

FIELDS = int((MAX_F_STRING / 3) ** 0.5) + 10
"""Replacement fields of three characters that make one f-string too much."""


@pytest.mark.parametrize(
    "text",
    [
        "x = f'" + "{a}" * FIELDS + "'",
        "x = rF'''" + "{a}" * FIELDS + "'''",
        'x = if"' + "{a}" * FIELDS,
        "# it's\nx = f'" + "{a}" * FIELDS + "'",
        "x = '#' + f'" + "{a}" * FIELDS + "'",
        "x = '\\'' + f'" + "{a}" * FIELDS + "'",
        "x = f'{{{a}" + "{a}" * FIELDS + "'",
        "x = f'{a}'\n" * (MAX_REPLACEMENTS + 1),
        "x = f'{a}{b!r:{c}}'\n" * (MAX_REPLACEMENTS // 3 + 1),
        "x = 1\n" * (MAX_CHARACTERS // 6 + 1),
        "x\n" * (MAX_TOKENS // 2 + 1),
        "x;" * (MAX_TOKENS // 2 + 1),
        "x = " + "-" * 400_000 + "1",
        "x = " + "1+" * 200_000 + "1",
        "x = a" + ".b" * 200_000,
        "if a: pass\n" + "elif a: pass\n" * 30_000,
    ],
    ids=lambda text: text[:20],
)
def test_a_text_that_takes_too_long_is_over_the_budget(text: str) -> None:
    with pytest.raises(OverBudget):
        parse_python(text)


@pytest.mark.parametrize(
    "text",
    [
        "x = '" + "{a}" * FIELDS + "'",
        "# f'" + "{a}" * FIELDS + "'",
        "x = f'" + "{{a}}" * FIELDS + "'",
        "x = [" + "{a}," * FIELDS + "]",
        "x = f'{a}'\n" * (MAX_REPLACEMENTS // 2),
        "x = f'''\n" + "<p>{a}</p>\n" * 1_000 + "'''\n",
        "\ufeffx = 1\n",
    ],
    ids=lambda text: text[:20],
)
def test_what_is_written_by_hand_is_parsed(text: str) -> None:
    assert ast.dump(parse_python(text)) == ast.dump(ast.parse(text.removeprefix("\ufeff")))


@pytest.mark.parametrize("text", ["x = = 1", "x = " + "[" * 300_000, "a\0b", "print 1", "x = '\ud800'"])
def test_what_is_no_python_is_a_syntax_error_or_a_value_error(text: str) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        parse_python(text)


@given(st.text(alphabet="f'\"{}\\#\n rx", max_size=60))
def test_any_text_is_parsed_as_python_does_or_refused(text: str) -> None:
    try:
        expected = ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        with pytest.raises((SyntaxError, ValueError)):
            parse_python(text)
    else:
        assert ast.dump(parse_python(text)) == expected
