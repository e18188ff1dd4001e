"""The shortest way between two lists of lines, and that it stays short to find."""

from difflib import SequenceMatcher

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.patches.writer import MAX_EDITS, LineMatcher

LINES = st.lists(st.sampled_from("abcd"), max_size=20)


@given(LINES, LINES)
def test_what_is_said_leads_from_one_to_the_other_in_the_fewest_steps(old: list[str], new: list[str]) -> None:
    codes = LineMatcher(old, new).get_opcodes()
    made: list[str] = []
    at = (0, 0)
    for what, i, j, k, m in codes:
        assert (i, k) == at
        assert (what == "equal") is (old[i:j] == new[k:m])
        made += new[k:m] if what != "equal" else old[i:j]
        at = (j, m)
    assert (made, at) == (new, (len(old), len(new)))
    steps = sum(j - i + m - k for what, i, j, k, m in codes if what != "equal")
    theirs = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    assert steps <= sum(j - i + m - k for what, i, j, k, m in theirs if what != "equal")


def test_lines_that_are_all_the_same_are_told_apart_by_their_place() -> None:
    same = ["}"] * 50_000
    assert LineMatcher(["a", *same, "b"], ["A", *same, "B"]).get_opcodes() == [
        ("replace", 0, 1, 0, 1),
        ("equal", 1, 50_001, 1, 50_001),
        ("replace", 50_001, 50_002, 50_001, 50_002),
    ]


def test_what_has_too_little_in_common_is_replaced_as_a_whole() -> None:
    old, new = [str(n) for n in range(MAX_EDITS)], [str(-n) for n in range(1, MAX_EDITS)]
    assert LineMatcher(old, new).get_opcodes() == [("replace", 0, len(old), 0, len(new))]
