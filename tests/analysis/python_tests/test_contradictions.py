"""A test that goes against what is documented is told apart from one that agrees with it or says nothing of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.contradictions import contradiction, says
from cicd_agent.domain.trials.candidate import Candidate, Origin, keyed

SOURCE = '''\
def parse(text):
    """Split into words.

    Raises:
        TypeError: for bytes.

    >>> parse("")
    []
    >>> parse("a b")
    ['a', 'b']
    >>> parse(None)
    Traceback (most recent call last):
    ValueError: no text
    """
    if text is None:
        raise ValueError("no text")
    return text.split() or None


def total(items: list[int]) -> int | None:
    """The sum of the numbers."""
    if not items:
        return None  # BUG: nobody gives a sum here
    return sum(items)


class Bag:
    """Holds things, one above the other."""

    def size(self):
        """``Bag().size()`` is ``0``."""
        return 1
'''


def candidate(body: str, function: str = "parse", name: str = "test_it", before: str = "") -> Candidate:
    code = f"{before}def {name}({'text, expected' if before else ''}):\n" + "".join(
        f"    {line}\n" for line in body.split("\n")
    )
    return keyed(Candidate("", "src/words.py", function, name, (f"from words import {function}",), code, Origin.MODEL))


def against(body: str, function: str = "parse", name: str = "test_it", before: str = "") -> str:
    return contradiction(candidate(body, function, name, before), SOURCE)


@pytest.mark.parametrize(
    "body",
    [
        'assert parse("") is None',
        'assert parse("") == None',
        'assert None == parse("")',
        'assert words.parse("") is None',
        'result = parse("")\nassert result is None',
        'text = ""\nresult = parse(text)\nassert result is None',
        'assert parse("")',
        'assert not parse("a b")',
        'assert parse("") != []',
        'assert len(parse("a b")) == 1',
        'assert parse("a b")[1] == "a"',
        'assert isinstance(parse("a b"), tuple)',
        'assert parse("a b") == ["a"] and parse("c")',
        'with pytest.raises(IndexError):\n    parse("")',
        "with pytest.raises(TypeError):\n    parse(None)",
        'pytest.raises(IndexError, parse, "")',
        "assert parse(None) is None",
        'for text, wanted in [("a", ["a"]), ("", None)]:\n    assert parse(text) == wanted',
    ],
)
def test_an_assertion_that_an_example_makes_false_contradicts_it(body: str) -> None:
    assert "is documented (line" in against(body)


@pytest.mark.parametrize(
    "body",
    [
        'assert parse("") == []',
        'result = parse("")\nassert not result\nassert len(result) == 0',
        'assert parse("a b") == ["a", "b"]',
        "with pytest.raises(ValueError):\n    parse(None)",
        "with pytest.raises((KeyError, ValueError)):\n    parse(None)",
        "with pytest.raises(Exception):\n    parse(None)",
        "with pytest.raises(words.NoText):\n    parse(None)",
        'assert parse("c") is None',
        'with pytest.raises(TypeError):\n    parse(b"")',
        'text = ["a"]\ntext.append("b")\nassert parse(text) is None',
        'text = ""\ntext = "c"\nassert parse(text) is None',
        'assert sorted(parse("a b"), key=len) == []',
        "assert parse() > 1",
    ],
)
def test_an_assertion_that_agrees_or_cannot_be_told_contradicts_nothing(body: str) -> None:
    assert against(body) == ""


def test_each_row_of_parameters_is_held_against_the_examples() -> None:
    good, bad = '("a b", ["a", "b"])', 'pytest.param("", None, id="empty")'
    head = '@pytest.mark.parametrize(("text", "expected"), [{}])\n'
    assert against("assert parse(text) == expected", before=head.format(good)) == ""
    assert "`parse('')` is documented (line 7)" in against(
        "assert parse(text) == expected", before=head.format(f"{good}, {bad}")
    )


def test_a_method_is_the_same_when_its_receiver_is() -> None:
    assert against("bag = Bag()\nassert bag.size() == 1", "Bag.size") != ""
    assert against("bag = Bag()\nassert bag.size() == 0", "Bag.size") == ""
    assert against("bag = Bag()\nbag.add(1)\nassert bag.size() == 1", "Bag.size") == ""


def test_what_a_comment_in_the_code_calls_a_bug_is_not_pinned() -> None:
    assert "line 23 calls a mistake what it expects" in against("assert total([]) is None", "total")
    assert against("assert total([1]) == 1", "total") == ""


def test_a_comment_that_says_how_it_should_be_is_an_example() -> None:
    source = "def half(n):\n    # FIXME: `half(3)` should be `1.5`\n    return n // 2\n"
    bad, good = (candidate(f"assert half(3) == {value}", "half") for value in ("1", "1.5"))
    assert "`half(3)` is documented (line 2)" in contradiction(bad, source)
    assert contradiction(good, source) == ""


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("test_known_bug", "assert parse('c')"),
        ("test_it", '"""Documents the current bug."""\nassert parse("c")'),
        ("test_it", '# FIXME\nassert parse("c")'),
        ("test_it", '# this is wrong\nassert parse("c")'),
        ("test_it", '# returns the wrong result\nassert parse("c")'),
        ("test_it", '"""It should be a list but is None."""\nassert parse("c") is None'),
    ],
)
def test_a_test_that_calls_wrong_what_it_expects_is_found_by_its_own_words(name: str, body: str) -> None:
    assert "says itself" in against(body, name=name)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("test_wrong_type_raises", 'assert parse("c")'),
        ("test_incorrect_input", '"""An incorrect text should be refused."""\nassert parse("c")'),
        ("test_debug_text", '"""The result should be a list."""\nassert parse("c")'),
        ("test_it", '"""Regression test for the bug of #12."""\nassert parse("c")'),
    ],
)
def test_words_about_wrong_input_are_no_confession(name: str, body: str) -> None:
    assert against(body, name=name) == ""


def test_a_quote_stands_in_the_words_about_the_function() -> None:
    assert says(SOURCE, "parse", "Split  into\n words.", "")
    assert says(SOURCE, "parse", "TypeError: for bytes", "")
    assert says(SOURCE, "total", "items: list[int]) -> int | None", "")
    assert says(SOURCE, "Bag.size", "one above the other", "")
    assert says(SOURCE, "parse", "an empty text gives no words", "Fix: an empty text\ngives no words")
    assert says(SOURCE, "parse", ">>> parse('') []", "") is False
    assert says(SOURCE, "parse", '>>> parse("") []', "")
    assert says(SOURCE, "parse", "parse('') == []", "")


def test_a_quote_that_stands_nowhere_or_says_nothing_proves_nothing() -> None:
    assert not says(SOURCE, "parse", "", "")
    assert not says(SOURCE, "parse", "Split", "")
    assert not says(SOURCE, "parse", "-------------", "-------------")
    assert not says(SOURCE, "parse", "The sum of the numbers.", "")
    assert not says(SOURCE, "nothing", "Split into words.", "")


@given(st.text(), st.text(), st.text())
def test_no_text_raises(source: str, code: str, quote: str) -> None:
    hostile = Candidate("", "a.py", "parse", "test_it", (), code, Origin.MODEL)
    contradiction(hostile, SOURCE)
    contradiction(candidate("assert parse('')"), source)
    assert says(source, quote, quote, "") is False


def test_nesting_without_end_raises_nothing() -> None:
    deep = "assert " + "not " * 3000 + "parse('')"
    assert against(deep) == ""
    assert against("assert parse(" + "[" * 900 + "]" * 900 + ") is None") == ""
