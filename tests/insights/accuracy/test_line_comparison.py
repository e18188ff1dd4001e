"""Lines are followed to where they went, and only what was done to them counts as done to them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.insights.accuracy.line_tracker import Comparison, LineFate, joined, occurrences, squeezed

LINES = [f"value_{number} = compute({number})" for number in range(12)]
TEXT = "\n".join(LINES) + "\n"


def edited(**changes: str | None) -> str:
    """TEXT with some lines, by `_` and their number from 1, replaced (by several, with a newline), None taken out."""
    told = {int(name.removeprefix("_")): text for name, text in changes.items()}
    found = [told.get(number, line) for number, line in enumerate(LINES, 1)]
    return "\n".join(line for line in found if line is not None) + "\n"


@pytest.mark.parametrize(
    ("after", "fate"),
    [
        (TEXT, LineFate.SAME),
        (TEXT.rstrip("\n"), LineFate.SAME),
        (TEXT.replace("\n", "\r\n"), LineFate.SAME),
        (TEXT.replace(" = ", "  =\t"), LineFate.SAME),
        (TEXT.replace("\n", "\n\n"), LineFate.SAME),
        ("import os\n" * 5 + TEXT, LineFate.SAME),
        (edited(_1="another = 1"), LineFate.SAME),
        (edited(_6="value_5 = safely(5)"), LineFate.CHANGED),
        (edited(_6=None), LineFate.CHANGED),
        (edited(_6="value_5 = compute(5)\nif value_5: pass"), LineFate.BESIDE),
        (edited(_4="value_3 = safely(3)"), LineFate.BESIDE),
        (edited(_6=None) + LINES[5] + "\n", LineFate.BESIDE),
        ("\n".join(f"other_{number} = {number}" for number in range(12)), LineFate.REWRITTEN),
        ("", LineFate.REWRITTEN),
    ],
    ids=[
        "as it was",
        "without its last newline",
        "other line ends",
        "other blanks",
        "blank lines",
        "moved down by what came before",
        "changed far away",
        "changed",
        "deleted",
        "something came after it",
        "changed two lines away",
        "moved to the end",
        "a new file",
        "an empty file",
    ],
)
def test_what_became_of_a_line(after: str, fate: LineFate) -> None:
    assert Comparison(TEXT, after).fate(6, 6) is fate


def test_a_change_that_was_taken_back_is_none() -> None:
    changed = edited(_6="value_5 = safely(5)")
    assert Comparison(TEXT, changed).fate(6, 6) is LineFate.CHANGED
    assert Comparison(TEXT, edited()).fate(6, 6) is LineFate.SAME


def test_what_is_put_between_the_lines_of_a_range_changes_it() -> None:
    after = edited(_5="value_4 = compute(4)\nassert value_4")
    assert Comparison(TEXT, after).fate(5, 6) is LineFate.CHANGED
    assert Comparison(TEXT, after).fate(5, 5) is LineFate.BESIDE


def test_what_comes_before_the_first_line_or_after_the_last_stands_beside_it() -> None:
    assert Comparison(TEXT, f"import os\n{TEXT}").fate(1, 2) is LineFate.BESIDE
    assert Comparison(TEXT, f"import os\n{TEXT}").fate(11, 12) is LineFate.SAME
    assert Comparison(TEXT, f"{TEXT}main()\n").fate(11, 12) is LineFate.BESIDE
    assert Comparison(TEXT, f"{TEXT}main()\n").fate(1, 2) is LineFate.SAME


def test_one_of_two_equal_lines_that_goes_is_not_taken_for_the_other() -> None:
    text = TEXT + LINES[5] + "\n"
    assert Comparison(text, TEXT).fate(6, 6) is LineFate.SAME
    assert Comparison(text, TEXT).fate(13, 13) is LineFate.CHANGED


def test_a_short_line_is_not_known_again_elsewhere() -> None:
    text = "\n".join([*LINES[:5], "x()", *LINES[5:]])
    after = "\n".join([*LINES, "x()"])
    assert Comparison(text, after).fate(6, 6) is LineFate.CHANGED


@pytest.mark.parametrize("place", [(0, 0), (-3, 2), (5, 4), (12, 40), (99, 99), (10**9, 10**9), (13, 13)])
def test_lines_that_are_none_are_not_known(place: tuple[int, int]) -> None:
    assert Comparison(TEXT, TEXT).fate(*place) is LineFate.UNKNOWN


def test_a_suggestion_counts_when_it_came_and_not_when_it_stood_there() -> None:
    after = edited(_6="value_5 = safely(5)")
    assert Comparison(TEXT, after).brings("  value_5 =  safely(5)\n")
    assert not Comparison(after, after).brings("value_5 = safely(5)")
    assert not Comparison(TEXT, after).brings("value_5 = surely(5)")
    assert not Comparison(TEXT, after + "}\n").brings("}"), "what says so little is there by chance"
    assert not Comparison(TEXT, after).brings("")


TEXTS = st.lists(st.sampled_from(["a", "b = 1", " b=1", "", "return compute()", "}"]), max_size=14).map("\n".join)


@settings(max_examples=60)
@given(TEXTS, TEXTS, st.integers(-2, 16), st.integers(-2, 16))
def test_every_pair_of_texts_has_a_fate_and_a_text_is_the_same_as_itself(
    before: str, after: str, first: int, last: int
) -> None:
    assert Comparison(before, after).fate(first, last) in LineFate
    assert Comparison(before, before).fate(first, last) in {LineFate.SAME, LineFate.UNKNOWN}
    assert Comparison(before, after).fate(1, 1) is not LineFate.SAME or occurrences(
        squeezed(before)[:1], joined(squeezed(after))
    )


def test_blocks_are_found_as_wholes() -> None:
    assert occurrences(["a", "b"], joined(["a", "b", "b", "a", "b"])) == 2
    assert occurrences(["a"], joined(["a", "a", "ab", "ba"])) == 2
    assert occurrences([], joined(["a"])) == 0


def test_a_file_of_equal_lines_is_compared_in_one_pass() -> None:
    """Looked for at each of its lines, a block as long as this would take minutes."""
    text = "value = 1\n" * 30_000
    assert Comparison(text, text[:-500]).fate(1, 30_000) is LineFate.CHANGED
