"""What users call to reach a function."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.callers import callers

UTILS = '''
def from_timestamp(value):
    return value


def _color(value):
    return f"{value}"


def style(text, fg=None):
    """Styles a text."""
    return _color(fg) + text


def _unused():
    return 0
'''
FIELDS = '''
from . import utils


class DateTime:
    """A formatted time: "iso" or "timestamp"."""

    FUNCTIONS = {"timestamp": utils.from_timestamp}

    def __init__(self, format=None):
        self.format = format

    def deserialize(self, value):
        return self._deserialize(value)

    def _deserialize(self, value):
        return self.FUNCTIONS[self.format](value)


TABLE = {1: utils._color}


def shown(n):
    return TABLE[n]


def from_timestamp():
    return "of the same name"
'''
TEXTS = {
    "pkg/utils.py": UTILS,
    "pkg/fields.py": FIELDS,
    "pkg/broken.py": "def (",
    "pkg/_private.py": "import pkg.utils",
}


@pytest.mark.parametrize(
    ("path", "function", "expected"),
    [
        ("pkg/utils.py", "from_timestamp", ["DateTime"]),
        ("pkg/utils.py", "_color", ["style", "shown"]),
        ("pkg/utils.py", "style", []),
        ("pkg/utils.py", "_unused", []),
        ("pkg/fields.py", "DateTime._deserialize", ["DateTime", "DateTime.deserialize"]),
        ("pkg/fields.py", "gone", []),
    ],
)
def test_the_public_callers_of_a_function_are_found_through_private_steps(
    path: str, function: str, expected: list[str]
) -> None:
    assert [each.name for each in callers(path, function, TEXTS)] == expected


def test_a_class_is_shown_with_what_it_takes_and_says() -> None:
    [found] = callers("pkg/utils.py", "from_timestamp", TEXTS)
    assert found.path == "pkg/fields.py"
    assert found.head == "class DateTime:\n    def __init__(self, format=None):"
    assert found.docstring == 'A formatted time: "iso" or "timestamp".'


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_text_has_an_answer(text: str, function: str) -> None:
    callers("a.py", function, {"a.py": text, "b.py": FIELDS})
