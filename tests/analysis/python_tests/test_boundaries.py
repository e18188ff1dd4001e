"""What words and names say of the numbers at which results change is held against what a test expects there."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.boundaries import documented_ranges, expected, misplaced
from cicd_agent.analysis.python_tests.contradictions import contradiction
from cicd_agent.analysis.python_tests.syntax import FunctionNode
from cicd_agent.domain.trials.candidate import Candidate, Expectation, Origin, keyed

GRADE = '''
def grade(points):
    """WORDS"""
    if points >= 90:
        return "A"
    if points < 0:
        raise ValueError(points)
    return "B" if points > 80 else "low mark" if points else 0
'''


def function(source: str) -> tuple[FunctionNode, ast.Module]:
    tree = ast.parse(source)
    node = tree.body[-1]
    assert isinstance(node, FunctionNode)
    return node, tree


def outcomes(words: str, number: float) -> set[str]:
    return {*expected(documented_ranges(*function(GRADE.replace("WORDS", words))), number)}


@pytest.mark.parametrize(
    ("words", "number", "outcome"),
    [
        ("90 and above is an A, 80 and above is a B.", 80, "'B'"),
        ("90 and above is an A, 80 and above is a B.", 95, "'A'"),
        ("90 and above is an A, 80 and above is a B.", 79, None),
        ("A for 90 or more; B for 80 or more.", 80, "'B'"),
        ("A for at least 90, B for 80+.", 90, "'A'"),
        ("Gives `B` from 80 points on.", 80, "'B'"),
        ("Above 80 it is a B, and above 90 an A.", 80, None),
        ("Above 80 it is a B, and above 90 an A.", 81, "'B'"),
        ("B between 80 and 89.", 89, "'B'"),
        ("80-89: B", 80, "'B'"),
        ("80-89: B", 90, None),
        ("At most 80 gives a 'low mark'.", 80, "'low mark'"),
        ("Under 50 it gives 0.", 49, "0"),
        ("Under 50 it gives 0.", 50, None),
        ("If points < 0, a ValueError is raised.", -1, "ValueError"),
        ("- 80 and above:\n      B\n    - below 10: 'low mark'", 80, "'B'"),
        ("A score of 80 and above is a B.", 80, "'B'"),
        ("From 1,000 points on it is an A.", 1000, "'A'"),
    ],
)
def test_words_say_what_comes_of_a_number(words: str, number: float, outcome: str | None) -> None:
    assert outcomes(words, number) == ({outcome} if outcome else set())


@pytest.mark.parametrize(
    "words",
    [
        "80 and above is not a B.",
        "80 and above is a B unless it was copied.",
        "80 and above is a B or an A.",
        "80 and above is a C.",
        "A list of 80 and above.",
        ">>> grade(80)  # 80 and above is a B",
        "80 and above is a B. FIXME: it is not",
        "Since version 80.1+ B is given.",
        "points -> 80 B",
    ],
)
def test_words_that_take_it_back_or_mean_something_else_say_nothing(words: str) -> None:
    assert outcomes(words, 80) == set()


def test_comments_say_it_as_well() -> None:
    source = "def grade(points):\n    # 80 and above is a B\n    return 'B' if points > 80 else 'C'\n"
    found = contradiction(proposed("assert grade(80) == 'C'", "grade"), source)
    assert found == "`grade(80)` is 'C' here, where the words say 'B': “80 and above is a B”"
    assert contradiction(proposed("assert grade(79) == 'C'", "grade"), source) == ""


def test_of_a_function_of_several_arguments_nothing_is_said() -> None:
    two = GRADE.replace("(points)", "(points, bonus=0)", 1).replace("WORDS", "80 and above is a B.")
    assert documented_ranges(*function(two)) == ()


@pytest.mark.parametrize(
    ("name", "condition", "is_misplaced"),
    [
        ("FREE_FROM", "amount <= FREE_FROM", True),
        ("FREE_FROM", "amount < FREE_FROM", False),
        ("MIN_AMOUNT", "amount > MIN_AMOUNT", True),
        ("MAX_AMOUNT", "amount >= MAX_AMOUNT", True),
        ("MAX_AMOUNT", "MAX_AMOUNT <= amount", True),
        ("MAX_AMOUNT", "amount > MAX_AMOUNT", False),
        ("MAX_AMOUNT", "len(amount) >= MAX_AMOUNT", True),
        ("FREE_BELOW", "amount <= FREE_BELOW", True),
        ("FREE_BELOW", "amount < FREE_BELOW", False),
        ("LIMIT", "amount >= LIMIT", False),
        ("MAX_AMOUNT", "other >= MAX_AMOUNT", False),
    ],
)
def test_a_name_says_on_which_side_the_constant_is(name: str, condition: str, is_misplaced: bool) -> None:  # noqa: FBT001
    source = f"{name} = 5\ndef cost(amount):\n    if {condition}:\n        return 1\n    return 0\n"
    assert bool([*misplaced(*function(source))]) is is_misplaced


@pytest.mark.parametrize("name", ["attempt", "retries", "used_slots", "index"])
def test_the_most_of_what_counts_from_nought_is_one_too_many(name: str) -> None:
    source = f"MAX_SLOTS = 5\ndef may({name}):\n    return {name} < MAX_SLOTS\n"
    assert [*misplaced(*function(source))] == []


def test_a_list_that_grows_is_full_at_its_most() -> None:
    grows = "MAX = 5\ndef put(items, one):\n    if len(items) >= MAX:\n        raise OSError\n    items.append(one)\n"
    assert [*misplaced(*function(grows))] == []


SOURCE = '''
MAX_LETTERS = 3

def shown(text: str) -> str | None:
    """The text, where it has no more letters than fit."""
    if len(text) >= MAX_LETTERS:
        raise ValueError(text)
    return text or None

def rebate(orders):
    """Ten percent from the third order on."""
    return 10 if orders > 3 else 0
'''


def proposed(body: str, name: str, expectation: Expectation = Expectation.CODE) -> Candidate:
    text = f"def test_it():\n    {body}\n"
    return keyed(Candidate("", "a.py", name, "test_it", ("import pytest",), text, Origin.MODEL, expectation))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("with pytest.raises(ValueError):\n        shown('abc')", "`MAX_LETTERS` says by its name"),
        ("with pytest.raises(ValueError):\n        shown('abcd')", ""),
        ("assert shown('ab') == 'ab'", ""),
        ("assert shown('') is None", ""),
        ("assert shown('') == 0", "the annotation says str or None"),
        ("assert shown('ab') == ['ab']", "the annotation says str or None"),
    ],
)
def test_names_and_types_are_held_against_what_is_expected(body: str, words: str) -> None:
    found = contradiction(proposed(body, "shown"), SOURCE)
    assert words in found
    assert bool(words) is bool(found)


@pytest.mark.parametrize(
    ("bug", "body", "is_contrary"),
    [
        ("assert rebate(3) == 10", "assert rebate(3) == 0", True),
        ("assert rebate(3) == 10", "assert rebate(2) == 0", False),
        ("assert rebate(3) == 10", "assert rebate(3) < 50", False),
        ("assert rebate(3) == 10", "with pytest.raises(ValueError):\n        rebate(3)", True),
        ("with pytest.raises(ValueError):\n        rebate(3)", "assert rebate(3) == 0", True),
    ],
)
def test_nothing_is_expected_that_a_possible_bug_of_the_run_denies(bug: str, body: str, is_contrary: bool) -> None:  # noqa: FBT001
    reported = [proposed(bug, "rebate", Expectation.DOCSTRING)]
    assert bool(contradiction(proposed(body, "rebate"), SOURCE, reported)) is is_contrary
    assert contradiction(proposed(body, "rebate"), SOURCE) == ""


WORDS = st.lists(
    st.sampled_from(["80", "and above", "between", "-", "A", "is", ",", ".", "not", "ValueError", "9" * 400])
)


@given(st.one_of(WORDS.map(" ".join), st.text(max_size=200)))
def test_no_words_are_too_strange(words: str) -> None:
    text = words.replace("\\", "").replace('"', "").replace("\0", "")
    assert isinstance(outcomes(text, 80), set)
