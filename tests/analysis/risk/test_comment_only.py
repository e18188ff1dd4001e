import difflib
from dataclasses import replace

import pytest

from cicd_agent.analysis.risk.comment_only import is_comment_only
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, Churn, DiffLine, FileDiff, Hunk, LineKind


def judged(path: str, before: str, after: str, *, texts: bool = True, new_mode: str = "100644") -> bool:
    rows = difflib.ndiff(before.split("\n"), after.split("\n"))
    lines = tuple(DiffLine(LineKind(row[0]), 1, 1, row[2:]) for row in rows if row[0] in "+-")
    file = FileDiff(path, path, ChangeKind.MODIFIED, (Hunk(1, 1, 1, 1, "", lines),), "100644", new_mode)
    known = ({path: after}, {path: before}) if texts else ({}, {})
    return is_comment_only(file, Change("b", "h", ChangeSource.GIT, (file,), (), *known))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1\n", "# why\n\nx = 1  # here\n"),
        ('def f():\n    """Old."""\n    return 1\n', 'def f():\n    """New,\n\n    longer.\n    """\n    return 1\n'),
        ("def f():\n    return 1\n", 'def f():\n    "Doc."\n    return 1\n'),
        ("def f(a,\n      b): pass\n", "def f(\n    a,  # first\n    b): pass\n"),
        ("# coding: utf-8\nx = 1\n", "# -*- coding: utf-8 -*-\nx = 1\n"),
    ],
)
def test_python_comments_and_docstrings_are_comments(before: str, after: str) -> None:
    assert judged("a.py", before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1\n", "x = 2\n"),
        ("x = '# a'\n", "x = '# b'\n"),
        ("if a:\n    b()\nc()\n", "if a:\n    b()\n    c()\n"),
        ("f()\n", 'f"{g()}"\nf()\n'),
        ("x = 1\n", "# why\rimport os\nx = 1\n"),
        ("x = 1\n", "# coding: utf-7\n# +AAo-import os\nx = 1\n"),
        ("# coding: utf_7\n# +AAo-a\nx = 1\n", "# coding: utf_7\n# +AAo-b\nx = 1\n"),
        ("x = (\n", "x = (\n# unclosed\n"),
        ("def f():\n    return 1\n", "def f():\n    # nothing left\n"),
    ],
)
def test_python_that_may_behave_otherwise_is_code(before: str, after: str) -> None:
    assert not judged("a.py", before, after)


def test_an_excerpt_proves_nothing_of_the_lines_that_it_leaves_out() -> None:
    line = DiffLine(LineKind.ADDED, None, 1, "// why")
    file = FileDiff("a.ts", "a.ts", ChangeKind.MODIFIED, (Hunk(0, 0, 1, 1, "", (line,)),), "100644", "100644")
    assert is_comment_only(file, Change("b", "h", ChangeSource.GIT, (file,)))
    excerpt = replace(file, excerpt_of=Churn(9, 0))
    assert not is_comment_only(excerpt, Change("b", "h", ChangeSource.GIT, (excerpt,)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("#!/usr/bin/python3\nx = 1\n", "#!/usr/bin/python3 -i\nx = 1\n"),
        ("#!/usr/bin/python3\nx = 1\n", "x = 1\n"),
        ("x = 1\n", "#!/tmp/python\nx = 1\n"),
        ("#!/usr/bin/python3\nx = 1\n", "#!/usr/bin/python3\r\nx = 1\r\n"),
        ("# coding: utf-8\nx = 1\n", "# coding: ascii\nx = 1\n"),
        ("x = 1\n", "x = 1  # type: ignore\n"),
        ("# type: ignore\nx = 1\n", "x = 1\n"),
        ("x = 1  # pragma: no cover\n", "x = 1\n"),
        ("# cython: boundscheck=True\nx = 1\n", "# cython: boundscheck=False\nx = 1\n"),
        (
            '# /// script\n# dependencies = ["a"]\n# ///\nx = 1\n',
            '# /// script\n# dependencies = ["b"]\n# ///\nx = 1\n',
        ),
        ('"""\nx\n"""\n', '"""\n# /// script\n# dependencies = ["b"]\n# ///\n"""\n'),
    ],
)
def test_a_comment_that_a_machine_obeys_is_code(before: str, after: str) -> None:
    assert not judged("a.py", before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("#!/bin/python\n# a\nx = 1\n", "#!/bin/python\n# b\nx = 1\n"),
        (
            '# /// script\n# dependencies = ["a"]\n# ///\n\n# a\n',
            '# /// script\n# dependencies = ["a"]\n# ///\n\n# b\n',
        ),
        ("x = 1  # noqa: E501\n", "x = 1\n"),
        ("x = 1  # the type: a number\n", "x = 1\n"),
        ("# Coding: a guide\nx = 1\n", "x = 1\n"),
    ],
)
def test_a_comment_beside_such_a_line_is_a_comment(before: str, after: str) -> None:
    assert judged("a.py", before, after)


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ("a_test.go", "func ExampleA() {\n\t// Output:\n}\n"),
        ("a.go", '// #include <a.h>\nimport "C"\n'),
    ],
)
def test_a_comment_of_go_that_is_compiled_or_compared_is_code(path: str, before: str) -> None:
    assert not judged(path, before, before.replace("//", "// x\n//", 1))


def test_a_comment_of_go_is_known_by_its_whole_file() -> None:
    assert judged("a.go", "// a\nfunc f() {}\n", "// b\nfunc f() {}\n")
    assert not judged("a.go", "// a\nfunc f() {}\n", "// b\nfunc f() {}\n", texts=False)


def test_python_without_its_texts_proves_nothing() -> None:
    assert not judged("a.py", "x = 1\n", "# why\nx = 1\n", texts=False)


@pytest.mark.parametrize(
    ("path", "added"),
    [
        ("a.go", "\t// why it is so"),
        ("a.ts", "//"),
        ("a.c", ""),
        ("ci.yml", "  # why"),
        ("a.sql", "-- why"),
        ("a.RS", "// crlf\r"),
    ],
)
def test_a_comment_of_another_language_is_told_by_its_marker(path: str, added: str) -> None:
    assert judged(path, "code\n", f"code\n{added}\n")


@pytest.mark.parametrize(
    ("path", "added"),
    [
        ("a.go", "//go:embed secrets.txt"),
        ("a.go", "//go:build linux"),
        ("a.go", "// +build linux"),
        ("a.rb", "# -*- coding: utf-7 -*-"),
        ("Package.swift", "// swift-tools-version: 6.0"),
        ("a.sql", "-- changeset a:1"),
        ("a.c", "#include <evil.h>"),
        ("a.c", "* p = 0;"),
        ("a.c", "// swallows the next line \\"),
        ("a.sh", "#!/bin/sh"),
        ("a.js", "// ends here\u2028evil()"),
        ("a.js", "// ends here\revil()"),
        ("a.js", "// hidden \u202e order"),
        ("a.unknown", "# who knows"),
        ("Makefile", "# who knows"),
    ],
)
def test_a_line_that_only_looks_like_a_comment_is_code(path: str, added: str) -> None:
    assert not judged(path, "code\n", f"code\n{added}\n")


def test_a_new_executable_bit_is_no_comment() -> None:
    assert not judged("a.sh", "x\n", "# why\nx\n", new_mode="100755")
