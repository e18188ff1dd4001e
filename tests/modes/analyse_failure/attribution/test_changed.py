"""What the change is, as the ladder asks about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.modes.analyse_failure.attribution.overlap import Changed, scope
from tests.modes.analyse_failure.builders import candidate, change
from tests.support.samples.changes import change_of

PYTHON = """\
import os


class A:
    def one(self):
        if self:
            return 1

    def two(self):
        return 2
"""
JAVA = "class A {\n  int one() {\n    return 1;\n  }\n\n  int two() {\n    return 2;\n  }\n}\n"


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        (PYTHON, 7, (5, 7)),
        (PYTHON, 10, (9, 10)),
        (PYTHON, 1, None),
        (JAVA, 3, (2, 4)),
        (JAVA, 7, (6, 9)),
        (PYTHON, 99, None),
    ],
)
def test_a_function_is_found_by_its_indentation(text: str, line: int, found: tuple[int, int] | None) -> None:
    assert scope(text, line) == found


@given(st.text(alphabet=" a{}():\ndef", max_size=200), st.integers(-3, 60))
def test_any_text_has_a_scope_around_the_line_or_none(text: str, line: int) -> None:
    found = scope(text, line)
    assert found is None or found[0] <= line


def test_the_names_of_what_was_changed_are_those_around_its_lines() -> None:
    changed = Changed(change_of(("a.py", PYTHON, PYTHON.replace("return 2", "return 3"))))
    assert "two" in changed.names["a.py"]


@pytest.mark.parametrize(
    "path",
    [
        "conftest.py",
        "tests/fixtures/a.py",
        "Makefile",
        "tsconfig.build.json",
        "data/rates.json",
        "pytest.ini",
        "Dockerfile",
    ],
)
def test_some_files_have_an_effect_on_any_test(path: str) -> None:
    assert Changed(change(path)).reaches_all


def test_a_source_file_has_none() -> None:
    assert not Changed(change("src/client.py", "README.md")).reaches_all


def test_without_a_change_the_commits_say_what_was_changed() -> None:
    changed = Changed(None, (candidate("1", {"a.py": ((3, 4),), "b.py": None}),))
    assert changed.holds_line("a.py", 4)
    assert not changed.holds_line("a.py", 5)
    assert not changed.holds_line("b.py", 1)
    assert set(changed.files) == {"a.py", "b.py"}
    assert not Changed(None).is_known
