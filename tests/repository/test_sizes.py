import ast
from pathlib import Path

from scripts.sizes import comment_lines, cpu_minutes, docstring_lines, sizes, table

TEXT = '''"""A module
of two lines."""

LIMIT = 3
"""What it limits."""


def double(number):  # not a line of its own
    # Why it is so.
    return number + number
'''


def test_docstrings_and_comments_are_counted_by_their_lines() -> None:
    assert docstring_lines(ast.parse(TEXT)) == 3
    assert comment_lines(TEXT) == 1


def test_a_tree_is_measured(tmp_path: Path) -> None:
    package = tmp_path / "src/cicd_agent/domain"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "double.py").write_text(TEXT)
    found = sizes(tmp_path, None, is_collected=False)
    assert found["lines of Python in src"] == "10"
    assert found["longest function"] == "double.double 3"
    assert found["modules in cicd_agent/domain"] == "1"


def test_cpu_minutes_are_those_that_the_tests_recorded(tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    case = '<testcase time="600"><properties><property name="cpu" value="90.0"/></properties></testcase>'
    junit.write_text(f"<testsuites><testsuite>{case}{case}</testsuite></testsuites>")
    assert cpu_minutes(junit) == "3.0"
    junit.write_text('<testsuites><testsuite><testcase time="90"/></testsuite></testsuites>')
    assert cpu_minutes(junit) == "1.5 (wall)"


def test_what_only_one_column_has_is_shown_as_missing() -> None:
    assert [*table({"old": {"lines": "1,000"}, "here": {"lines": "9", "files": "2"}})] == [
        "         old  here",
        "lines  1,000     9",
        "files      -     2",
    ]
