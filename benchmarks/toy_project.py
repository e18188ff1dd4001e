"""Three functions that the tests of their project hardly see, and what a model says when it is asked for tests."""

from collections.abc import Mapping

from cicd_agent.domain.trials.candidate import Expectation
from cicd_agent.modes.gen_tests.questions import ProposedTest, TestsDraft

MODULE = "src/parcels.py"
FUNCTIONS = ("postage", "label", "cheapest")

PROJECT: Mapping[str, str] = {
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    MODULE: '"""Parcels."""\n\nHEAVY = 5_000\n\n\ndef is_heavy(grams):\n    return grams > HEAVY\n',
    "tests/test_parcels.py": "from parcels import is_heavy\n\n\ndef test_heavy():\n    assert is_heavy(9_000)\n",
}
"""As it was before the change."""

CHANGED = {
    MODULE: '''"""Parcels."""

HEAVY = 5_000
LETTER = 390


def is_heavy(grams):
    return grams > HEAVY


def postage(grams, express=False):
    """In cents."""
    if grams <= 0:
        raise ValueError("it weighs nothing")
    cents = LETTER
    if is_heavy(grams):
        cents += 300
    if express:
        cents *= 2
    return cents


def label(name, city, width=20):
    """Two lines for a printer."""
    if len(name) > width:
        name = name[: width - 1] + "."
    if not city:
        return name
    return f"{name}\\n{city.upper()}"


def cheapest(offers):
    """The name of the cheapest offer, of equal ones the first; None when there is none."""
    found, least = None, None
    for name, cents in offers:
        if least is None or cents < least:
            found, least = name, cents
    return found
'''
}
"""What the change makes of it."""

TESTS: Mapping[str, Mapping[str, str]] = {
    "postage": {
        "test_postage_of_nothing_is_refused": """\
def test_postage_of_nothing_is_refused():
    with pytest.raises(ValueError, match="weighs nothing"):
        postage(0)
""",
        "test_postage_grows_with_weight_and_haste": """\
def test_postage_grows_with_weight_and_haste():
    assert postage(1) == 390
    assert postage(5_001) == 690
    assert postage(5_001, express=True) == 1_380
""",
    },
    "label": {
        "test_label_shortens_long_names": """\
def test_label_shortens_long_names():
    assert label("Ann", "Oslo", width=3) == "Ann\\nOSLO"
    assert label("Anna", "Oslo", width=3) == "An.\\nOSLO"
""",
        "test_label_without_a_city_is_one_line": """\
def test_label_without_a_city_is_one_line():
    assert label("Ann", "") == "Ann"
""",
    },
    "cheapest": {
        "test_cheapest_is_the_first_of_equal_offers": """\
def test_cheapest_is_the_first_of_equal_offers():
    assert cheapest([("a", 3), ("b", 2), ("c", 2)]) == "b"
""",
        "test_cheapest_of_no_offers_is_none": """\
def test_cheapest_of_no_offers_is_none():
    assert cheapest([]) is None
""",
    },
}
"""The tests that the model proposes, by function and name."""


def imports(function: str) -> list[str]:
    """What the tests of a function import."""
    uses_pytest = any("pytest." in code for code in TESTS[function].values())
    return [*(["import pytest"] if uses_pytest else []), f"from parcels import {function}"]


def draft(function: str) -> TestsDraft:
    """The answer in the shape that is asked for."""
    proposed = tuple(
        ProposedTest(
            name=name,
            imports=tuple(imports(function)),
            code=code,
            expected_from=Expectation.CODE,
            quote=None,
            why="-",
        )
        for name, code in TESTS[function].items()
    )
    return TestsDraft(tests=proposed, unreachable=())


def module(function: str) -> str:
    """The same tests as one module in a fence, for those who ask for that."""
    return "```python\n" + "\n\n".join(["\n".join(imports(function)) + "\n", *TESTS[function].values()]) + "```\n"
