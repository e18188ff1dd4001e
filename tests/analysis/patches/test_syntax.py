"""What each parser takes for a file of its kind."""

import pytest

from cicd_agent.analysis.patches.syntax import PARSERS

BOMB = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    ("suffix", "good", "bad"),
    [
        (".py", "x = '\\d'\n", "x = (\n"),
        (".py", "\ufeffx = 1\n", "# coding: utf-7\nx = 1\n"),
        (".pyi", "x: int\n", "x: int ="),
        (".json", '{"a": 1}', '{"a": NaN}'),
        (".json", "[]", '{"a": 1,}'),
        (".toml", "a = 1\n", "a = \n"),
        (".xml", "<a>é</a>", "<a><b></a>"),
        (".csproj", '<?xml version="1.0"?><Project/>', BOMB),
        (".json", "[" * 50 + "]" * 50, "[" * 1_000_000),
        (".py", "x\n", "(" * 200_000),
        (".xml", "<a/>", "\0"),
        (".xml", "<a/>", "\ud800"),
        (".py", "x\n", "\ud800"),
    ],
)
def test_a_text_parses_or_does_not(suffix: str, good: str, bad: str) -> None:
    assert PARSERS[suffix](good)
    assert not PARSERS[suffix](bad)
