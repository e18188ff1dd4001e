import re

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.chart import MOST_PICTURES, MOST_SLICES, Pie, Slice, mermaid
from cicd_agent.domain.text.sanitizer import inert

HOSTILE = ["```", '"', "\n", "%%{init: {}}%%", "click a href", "<img src=x>", "#quot;", ";", "`", ":", "---", "\u202e"]
labels = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(HOSTILE), max_size=9).map("".join))
pies = st.builds(Pie, labels, st.lists(st.builds(Slice, labels, st.integers()), max_size=12).map(tuple))
LINE = re.compile(r'    (?:title [^"`%#;:<>{}\n]+|"[^"`%#;:<>{}\n]+" : [1-9][0-9]{0,10})')


def test_a_pie_names_its_parts_with_their_numbers() -> None:
    assert mermaid([Pie("Findings", (Slice("src/", 4), Slice("tests/", 1)))]) == (
        '```mermaid\npie showData\n    title Findings\n    "src/" : 4\n    "tests/" : 1\n```\n'
    )


def test_what_has_one_part_or_none_is_no_picture() -> None:
    assert mermaid([Pie("x", ()), Pie("x", (Slice("a", 3),)), Pie("x", (Slice("a", 3), Slice("b", 0)))]) == ""


def test_many_parts_become_a_few_and_the_rest() -> None:
    drawn = mermaid([Pie("x", tuple(Slice(f"part {number}", 1) for number in range(20)))])
    assert drawn.count(" : ") == MOST_SLICES
    assert '"all others" : 13' in drawn


def test_parts_that_look_the_same_are_one() -> None:
    assert '"a·b" : 5' in mermaid([Pie("x", (Slice('a"b', 2), Slice("a`b", 3), Slice("c", 1)))])


@given(st.lists(pies, max_size=5))
def test_no_label_ends_its_line_its_string_or_its_fence(given_pies: list[Pie]) -> None:
    drawn = mermaid(given_pies)
    blocks = [block for block in drawn.split("```\n") if block.strip()]
    assert len(blocks) <= MOST_PICTURES
    for block in blocks:
        opening, kind, *lines = block.strip("\n").split("\n")
        assert (opening, kind) == ("```mermaid", "pie showData")
        assert all(LINE.fullmatch(line) for line in lines), lines
        assert 3 <= len(lines) <= MOST_SLICES + 1


def test_a_drawing_in_foreign_text_is_shown_as_source() -> None:
    drawing = mermaid([Pie("x", (Slice("a", 1), Slice("b", 1)))])
    assert inert(drawing, ()).startswith("````\n")
