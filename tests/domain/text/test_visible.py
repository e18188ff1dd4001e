import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.text.visible import visible, visible_line

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    "code",
    [
        0x00, 0x07, 0x08, 0x0B, 0x0C, 0x1B, 0x7F, 0x85, 0x9F, 0xAD, 0x061C, 0x200B, 0x200D, 0x200E, 0x2028,
        0x2029, 0x202E, 0x2060, 0x2064, 0x2066, 0x2069, 0xFE00, 0xFE0F, 0xFEFF,
        0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xE01EF, 0xD800, 0xDFFF,
    ],
)  # fmt: skip
def test_a_hidden_character_is_written_out(code: int) -> None:
    assert visible(f"a{chr(code)}b") == f"a<U+{code:04X}>b"


@pytest.mark.parametrize("text", ["", "plain", "tab\there", "two\nlines", "dos\r\nlines\r\n", "žluťoučký кот 猫 🐈 ́"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_a_lone_carriage_return_is_written_out_but_a_dos_line_end_is_not() -> None:
    assert visible("a\rb\r\nc\r") == "a<U+000D>b\r\nc<U+000D>"


def test_a_single_line_holds_no_line_end_and_no_tab() -> None:
    assert visible_line("a\nb\r\nc\td") == "a<U+000A>b<U+000D><U+000A>c<U+0009>d"


@given(ANY_TEXT)
def test_what_is_visible_stays_the_same_when_made_visible_again(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert visible_line(visible_line(text)) == visible_line(text)


@given(ANY_TEXT)
def test_lines_keep_their_number(text: str) -> None:
    assert visible(text).count("\n") == text.count("\n")
    assert len(visible_line(text).splitlines()) <= 1


def test_of_all_control_and_format_characters_only_those_with_a_glyph_are_left() -> None:
    invisible = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    left = {c for c in map(chr, range(0x110000)) if unicodedata.category(c) in invisible and visible(c) == c}
    assert {f"{ord(c):04X}" for c in left - set("\t\n")} <= {
        "0600", "0601", "0602", "0603", "0604", "0605", "06DD", "070F", "0890", "0891", "08E2",
        "110BD", "110CD",
        *(f"{c:04X}" for c in range(0x13430, 0x13440)),
    }  # fmt: skip
