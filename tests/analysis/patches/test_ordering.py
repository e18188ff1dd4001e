"""To sort what has no order is no other expectation; whatever else differs is one."""

import pytest

from cicd_agent.analysis.patches.syntax import only_sorts

BEFORE = "def test_it():\n    assert names() == ['a', 'b']\n"


@pytest.mark.parametrize(
    ("after", "sorts"),
    [
        ("def test_it():\n    assert sorted(names()) == ['a', 'b']\n", True),
        ("# why\ndef test_it():\n    assert sorted(sorted(names())) == sorted(['a', 'b'])\n", True),
        (BEFORE, False),
        ("def test_it():\n    assert sorted(names()) == ['a']\n", False),
        ("def test_it():\n    assert sorted(names(), key=lambda _: 0) == ['a', 'b']\n", False),
        ("def test_it():\n    assert sorted(*names()) == ['a', 'b']\n", False),
        ("def test_it():\n    assert set(names()) == ['a', 'b']\n", False),
        ("def test_it():\n    assert sorted(", False),
        ("\0", False),
        ("", False),
    ],
)
def test_only_calls_of_sorted_may_be_new(after: str, *, sorts: bool) -> None:
    assert only_sorts(BEFORE, after) is sorts


def test_a_call_of_sorted_that_is_gone_is_no_sorting() -> None:
    assert not only_sorts("assert sorted(a) == b\n", "assert a == b\n")
