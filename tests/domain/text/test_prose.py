import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.text.markdown import prose
from cicd_agent.domain.text.sanitizer import problems

PIECES = [
    "`",
    "``",
    "@all",
    "#1",
    "<b>",
    "![x](http://e.example)",
    "|",
    "- ",
    "\n",
    " ",
    "$x$",
    "www.",
    "a",
    "\\",
    "1. ",
]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Set `openai-api-key`, or `model: off`.", "Set `openai-api-key`, or `model: off`."),
        ("`a` and *b*", "`a` and \\*b\\*"),
        ("one ` alone", "one \\` alone"),
        ("an empty `` pair", "an empty \\`\\` pair"),
        ("by `@all`", "by `@all`"),
        ("@all`x`", "`` @all`x` ``"),
        ("", ""),
    ],
)
def test_what_stands_between_backticks_is_code_and_the_rest_does_nothing(text: str, shown: str) -> None:
    assert prose(text) == shown


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=20).map("".join)))
def test_foreign_text_in_a_message_stays_inert_and_on_one_line(text: str) -> None:
    shown = prose(text)
    assert "\n" not in shown
    assert problems(shown, ()) == ()
