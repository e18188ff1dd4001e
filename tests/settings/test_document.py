"""Whatever somebody calls a config file, reading it costs little and raises nothing but InvalidDocument."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.settings.document import NODE_LIMIT, SIZE_LIMIT, Block, Entry, InvalidDocument, parse_document
from cicd_agent.settings.loader import lint

BOMB = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"


@pytest.mark.parametrize(
    ("text", "why", "line"),
    [
        ("- a\n", "not a mapping of settings", 1),
        ("just words", "not a mapping of settings", 1),
        ("a: 1\n---\nb: 2\n", "more than one document", 2),
        ("a:\n\tb: 1\n", "a tab where only blanks may stand", 2),
        ("a: [1,\n", "not YAML", 2),
        ("a: 1\n b: 2\n", "mapping values are not allowed", 2),
        ("a: 'x\n", "unexpected end of stream", 2),
        ("a: \x00\n", "a character that is not allowed", 1),
        ("a: 1\nb: \ud800\n", "a character that is not allowed", 2),
        ('a: "\\UFFFFFFFF"\n', "an escape that names no character", 0),
        ("%YAML 9.0\n---\na: 1\n", "incompatible YAML document", 1),
        (BOMB, "aliases", 2),
        ("a: &a {b: *a}\n", "aliases", 1),
        ("a: " + "[" * 50_000, "nested too deeply", 0),
        ("- " * 50_000, "nested too deeply", 0),
        ("x: 1\n" * NODE_LIMIT, "more than 5,000 keys and values", NODE_LIMIT // 2),
        ("x" * (SIZE_LIMIT + 1), "longer than 262,144 characters", 0),
        (b"a: 1\nb: \xff\n", "not UTF-8", 2),
        (b"\x00\x01\x02", "a character that is not allowed", 1),
    ],
)
def test_a_file_that_means_nothing_says_why_and_where(text: str | bytes, why: str, line: int) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_document(text)
    assert why in caught.value.reason
    assert caught.value.line == line
    (problem,) = lint(text)
    assert str(problem).isprintable()


def test_keys_have_the_line_they_stand_on() -> None:
    document = parse_document("# one\na: off\n\nb:\n  - x\n'c': {d: ~}\n? [e]\n: f\n")
    assert document == Block(
        (
            Entry("a", 2, "off"),
            Entry("b", 4, ("x",)),
            Entry("c", 6, Block((Entry("d", 6, None),))),
            Entry("", 7, "f"),
        )
    )


def test_tags_construct_nothing() -> None:
    (problem,) = lint('model: !!python/object/apply:os.system ["touch x"]\n')
    assert "something with the tag" in problem.message


TEXTS = st.text(max_size=200) | st.lists(
    st.sampled_from(
        ["a", ":", " ", "\n", "- ", "[", "]", "{", "}", "'", '"', "&x", "*x", "!", "|", ">", "?", "%", "#"]
    ),
    max_size=40,
).map("".join)


@given(TEXTS | st.binary(max_size=100))
def test_arbitrary_text_is_a_document_or_unreadable(text: str | bytes) -> None:
    with suppress(InvalidDocument):
        assert isinstance(parse_document(text), Block)
    for problem in lint(text, known_rules={"sql"}):
        assert str(problem).isprintable()
