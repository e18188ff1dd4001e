import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.json_difference import differences

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"a": {"b": 3}}, {"a": {"b": 7}}, ["a.b: 3 → 7"]),
        ({"a": [1, 2]}, {"a": [1, 2, 3]}, ["a[2]: nothing → 3"]),
        ({"a": 1}, {"b": 1}, ["a: 1 → nothing", "b: nothing → 1"]),
        ({"a": True}, {"a": 1}, ["a: true → 1"]),
        ({"a": None}, {}, ["a: null → nothing"]),
        ({"a": "x"}, {"a": ["x"]}, ['a: "x" → ["x"]']),
        ({"a": "one\ntwo\nthree"}, {"a": "one\n2\n3"}, ['a line 2: "two" → "2"']),
        ({"a": "one"}, {"a": "one\ntwo"}, ['a line 2: nothing → "two"']),
        ({"a": "b" * 500 + "x"}, {"a": "b" * 500 + "y"}, [f'a: "{"b" * 20}x" → "{"b" * 20}y"']),
        ({"a": (1, 2)}, {"a": [1, 2]}, []),
    ],
)
def test_each_difference_is_named_with_its_place(before: Any, after: Any, said: list[str]) -> None:
    assert list(differences(before, after)) == said


@given(JSON, JSON)
def test_there_is_a_difference_exactly_when_the_json_differs(before: Any, after: Any) -> None:
    same = json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert (not list(differences(before, after))) is same


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_difference_is_one_short_line(before: str, after: str) -> None:
    for line in differences({"a": before}, {"a": after}):
        assert "\n" not in line
        assert len(line) < 1_200
