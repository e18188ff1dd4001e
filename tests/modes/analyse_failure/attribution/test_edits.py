"""What a diff edits of what can fail, and what it takes away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.modes.analyse_failure.attribution.edits import changed_lines, defined, gone, is_aside, is_silent
from tests.support.samples.changes import file_diff

BODY = "def one():\n    return 1\n\n\ndef two():\n    return 2\n"


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", "x = 1\n", "# why\n\nx = 1\n"),
        ("a.go", "x := 1\n", "// why\nx := 1\n"),
        ("a.js", "/**\n * One.\n */\nf();\n", "/**\n * Two.\n */\nf();\n"),
        ("a.sql", "select 1\n", "-- why\nselect 1\n"),
    ],
)
def test_comments_and_blank_lines_are_silent(path: str, before: str, after: str) -> None:
    assert is_silent(file_diff(path, before, after))


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", "x = 1\n", "# why\nx = 2\n"),
        ("a.go", "p := q\n", "*p = q\n"),
        ("a.c", "int x;\n", "#define x y\nint x;\n"),
        ("a.txt", "x\n", "# x\n"),
        ("a.py", None, "# a new file\n"),
        ("a.py", "# a file\n", None),
    ],
)
def test_what_may_run_is_not_silent(path: str, before: str | None, after: str | None) -> None:
    assert not is_silent(file_diff(path, before, after))


def test_a_deleted_line_counts_at_the_line_after_it() -> None:
    file = file_diff("a.py", "a = 1\nb = 2\nc = 3\n", "a = 1\nc = 3\n")
    assert [(number, line.text) for number, line in changed_lines(file)] == [(2, "b = 2")]


@pytest.mark.parametrize(
    ("path", "before", "after", "names"),
    [
        ("a.py", BODY, BODY.partition("\n\n\n")[0] + "\n", {"two"}),
        ("a.py", BODY, BODY.replace("def two():", "def two(more):"), set()),
        ("docs/decode.md", "Decode.\n", None, set()),
        ("src/index.js", "f();\n", None, set()),
        ("src/old.js", "export const limit = 3;\n", None, {"old", "limit"}),
        ("a.go", "func (s *Shop) Total() int {\n\treturn 1\n}\n", "func other() {\n}\n", {"Total"}),
        ("a.py", "def f():\n    value = 1\n    return value\n", "def f():\n    return 1\n", set()),
    ],
)
def test_names_are_gone_when_nothing_defines_them_any_more(
    path: str, before: str, after: str | None, names: set[str]
) -> None:
    assert gone([file_diff(path, before, after)]) == names


def test_a_definition_that_moved_to_another_file_is_not_gone() -> None:
    assert gone([file_diff("a.py", BODY, "x = 1\n"), file_diff("b.py", "", BODY)]) == set()


@pytest.mark.parametrize(
    ("before", "after", "aside"),
    [
        (BODY, f"{BODY}\n\ndef three():\n    return 3\n", True),
        (f"import a\n{BODY}", BODY, True),
        (BODY, BODY.replace("    return 1", "    return 3"), False),
        (BODY, BODY.replace("def one():", "def one(more):"), False),
        (BODY, f"LIMIT = 3\n{BODY}\n\ndef three():\n    return 3\n", True),
        (BODY, f"{BODY}three = one() + two()\nprint(three)\n", False),
    ],
)
def test_whole_definitions_come_and_go_beside_what_was_there(before: str, after: str, *, aside: bool) -> None:
    assert is_aside(file_diff("a.py", before, after)) is aside


TEXTS = st.none() | st.text(st.sampled_from("def f():\n #x=1{}"), max_size=60)


@given(TEXTS, TEXTS, st.sampled_from(["a.py", "a.go", "b/c.js", "d"]))
def test_any_diff_is_read(before: str | None, after: str | None, path: str) -> None:
    file = file_diff(path, before, after)
    assert not (is_silent(file) and [*changed_lines(file)])
    assert all(number >= 0 for number, _ in changed_lines(file))
    assert all(map(str.isidentifier, (*defined(file), *(gone([file]) - {""}))))
    assert not is_aside(file) or file.hunks
