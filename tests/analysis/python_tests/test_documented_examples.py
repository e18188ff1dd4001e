"""What a docstring says by example is read as expressions and values, whatever its style."""

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.contradictions import examples


def function(docstring: str, head: str = "def parse(text):") -> str:
    lines = [f'    """{docstring}', '    """', "    return text"]
    return "\n".join([head, *lines]) + "\n"


def told(docstring: str, head: str = "def parse(text):") -> list[tuple[str, str, str]]:
    return [(each.call, each.value, each.raises) for each in examples(function(docstring, head), "parse")]


def test_a_doctest_is_a_call_and_its_value() -> None:
    assert told('Parse.\n\n    >>> parse("")\n    []\n') == [("parse('')", "[]", "")]


def test_the_line_is_that_of_the_file_and_the_words_are_quoted() -> None:
    (example,) = examples("import re\n\n\n" + function("Parse.\n\n    >>> parse('')\n    []\n"), "parse")
    assert (example.line, example.words) == (7, ">>> parse('') []")


def test_a_doctest_of_a_traceback_is_an_exception() -> None:
    text = ">>> parse(None)\n    Traceback (most recent call last):\n        ...\n    errors.ParseError: no text\n"
    assert told(text) == [("parse(None)", "", "ParseError")]


def test_what_a_doctest_prints_is_the_text_of_what_it_prints() -> None:
    assert told(">>> print(parse('a b'))\n    a-b\n") == [("str(parse('a b'))", "'a-b'", "")]


def test_a_value_without_a_literal_is_compared_by_its_repr() -> None:
    assert told(">>> parse('1.5')\n    Decimal('1.5')\n") == [("repr(parse('1.5'))", "\"Decimal('1.5')\"", "")]


def test_values_that_no_literal_can_be_are_left_alone() -> None:
    assert told(">>> parse('x')\n    <Node at 0x7f>\n    >>> parse('y')\n    [1, ..., 9]\n") == []


def test_a_doctest_that_is_to_be_skipped_says_nothing() -> None:
    assert told(">>> parse('x')  # doctest: +SKIP\n    5\n") == []


def test_lines_before_a_call_come_with_it_when_it_needs_them() -> None:
    lines = ["import json", "seen = ['a']", "other = 2", "seen.append('b')", "parse(seen)"]
    text = "".join(f">>> {line}\n    " for line in lines) + "2\n"
    (example,) = examples(function(text), "parse")
    assert example.before == ("seen = ['a']", "seen.append('b')")


def test_a_function_called_through_its_module_is_called_by_its_name() -> None:
    assert told(">>> pkg.mod.parse('')\n    []\n") == [("parse('')", "[]", "")]


def test_a_method_keeps_its_receiver() -> None:
    source = 'class Bag:\n    def size(self):\n        """Count.\n\n        >>> Bag().size()\n        0\n        """\n'
    (example,) = examples(source, "Bag.size")
    assert (example.call, example.value) == ("Bag().size()", "0")


def test_prose_in_backticks_is_an_example() -> None:
    assert told('An empty text: ``parse("")`` returns ``[]``.') == [("parse('')", "[]", "")]
    assert told('`parse("") == []`.') == [("parse('')", "[]", "")]
    assert told('For instance `parse("a")` is documented to return `["a"]`.') == [("parse('a')", "['a']", "")]
    assert told("Say that ``parse(None)`` raises a `ValueError`.")[0] == ("parse(None)", "", "ValueError")


def test_prose_goes_on_in_the_next_line() -> None:
    assert told("So ``parse('')`` returns\n    ``[]``.") == [("parse('')", "[]", "")]


def test_an_arrow_needs_no_backticks() -> None:
    assert told("Examples:\n        parse('') -> []\n        e.g.: parse('a') => ['a']\n") == [
        ("parse('')", "[]", ""),
        ("parse('a')", "['a']", ""),
    ]


def test_a_value_for_an_argument_is_an_example_where_one_argument_is_taken() -> None:
    assert told("Return ``[]`` for ``''``.") == [("parse('')", "[]", "")]
    assert told("Return ``[]`` for ``''``.", "def parse(text, end):") == []


def test_prose_about_another_function_is_none_of_this_one() -> None:
    assert told("Like ``split('')`` returns ``[]``, ``parse(text)`` returns ``[1]``.") == []


def test_what_it_raises_is_read_in_each_style() -> None:
    expected = [("", "", "ParseError"), ("", "", "ValueError")]
    google = (
        "Parse.\n\n    Raises:\n        ParseError: for no text.\n            And more.\n        ValueError: else.\n"
    )
    numpy = "Parse.\n\n    Raises\n    ------\n    ParseError\n        For no text.\n    ValueError\n        Else.\n"
    sphinx = "Parse.\n\n    :raises ParseError: for no text\n    :raises ValueError: else\n"
    assert (told(google), told(numpy), told(sphinx)) == (expected, expected, expected)


def test_a_sentence_says_what_it_raises() -> None:
    assert told("Raises ValueError for an empty text.") == [("", "", "ValueError")]


def test_a_section_ends_where_the_next_begins() -> None:
    assert told("Parse.\n\n    Raises:\n        ValueError: x.\n    Returns:\n        Node: the tree.\n") == [
        ("", "", "ValueError")
    ]


def test_what_is_called_a_bug_is_no_example() -> None:
    assert told("Known bug: ``parse('')`` returns ``None``.") == []


def test_a_broken_doctest_leaves_the_rest_unread_but_raises_nothing() -> None:
    assert told(">>>parse('')\n    []\n") == []


def test_what_is_not_there_has_no_examples() -> None:
    assert examples("def f(): ...", "g") == ()
    assert examples("def f(:", "f") == ()
    assert examples("def f():\n    '''" + "[" * 5000 + "'''", "f") == ()


@given(st.text(), st.sampled_from(["", ">>> parse(", "``parse(", "Raises:\n  "]))
def test_no_docstring_raises(text: str, start: str) -> None:
    examples(f"def parse(text):\n    {start + text!r}\n", "parse")


@given(st.text(), st.text())
def test_no_source_raises(source: str, name: str) -> None:
    assert examples(source, name) == ()
