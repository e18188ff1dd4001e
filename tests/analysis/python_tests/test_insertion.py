"""A module of tests only gains: what stood there stands there still, means the same, and runs as it did."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.insertion import added_lines, alteration

OLD = '''"""Tests of app."""

import os.path
from app import total

LIMIT = 3


@pytest.fixture
def client():
    return make()


def test_total(client):
    assert total(client, LIMIT) == len("abc")


class TestMore:
    def test_it(self):
        assert os.path.sep

    @decorated
    class Inner:
        size = sized(3)
'''
NEW = """

def test_new():
    assert total(1, 2) == 3
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, '"""Tests of app."""\n\nfrom app import total\n\nA = 1\nB: int = 2\n\n\ndef test_a():\n    pass\n'),
        ("", "def test_a():\n    pass\n"),
        (OLD, OLD),
        (OLD, OLD + NEW),
        (OLD, OLD.replace("from app", "import os.path as place\nimport os\nfrom app") + NEW),
        (OLD, OLD.replace("import total", "import count, total") + NEW),
        (
            OLD.replace("import total", "import (\n    total,\n)"),
            OLD.replace("import total", "import (\n    total,\n    x,\n)"),
        ),
        (OLD, f"{OLD}\n\ndef test_it():\n    assert 1\n"),
        (OLD, f"{OLD}\n\nasync def test_new(client):\n    assert client\n"),
        (OLD.rstrip("\n"), OLD + NEW),
        (OLD.replace("\n", "\r\n"), (OLD + NEW).replace("\n", "\r\n")),
        (OLD.replace("\n", "\r\n").rstrip(), (OLD + NEW).replace("\n", "\r\n")),
        ("\ufeff" + OLD, "\ufeff" + OLD + NEW),
        (OLD, OLD + NEW.rstrip("\n")),
        (OLD, f'{OLD}\n\n"""What follows is new."""\n\n\ndef test_b():\n    pass  # why\n'),
    ],
)
def test_tests_imports_and_helpers_may_be_added(before: str | None, after: str) -> None:
    assert alteration(before, after) == ""


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (OLD.replace("LIMIT = 3\n", "") + NEW, "takes away lines"),
        (OLD.replace("LIMIT = 3", "LIMIT = 4"), "takes away lines"),
        (OLD.replace('assert total(client, LIMIT) == len("abc")', "pass"), "takes away lines"),
        (OLD.replace("\n", "\r\n"), "takes away lines"),
        (NEW, "takes away lines"),
        ("", "takes away lines"),
        (OLD.replace("def test_total", "@pytest.mark.skip\ndef test_total"), "changes definitions"),
        (OLD.replace("    assert total", "    return\n    assert total"), "changes definitions"),
        (OLD.replace("def test_total", '"""\ndef test_total') + '"""\n', "changes definitions"),
        (OLD.replace("class TestMore:", "class TestMore:\n    __test__ = False"), "changes definitions"),
        (OLD.replace("from app import total", "if 0:\n  pass\nfrom app import total"), "more than imports"),
        (f"{OLD}\ndel test_total\n", "more than imports"),
        (f"{OLD}\nfor test_total in ():\n    pass\n", "another meaning"),
        (f"{OLD}\nTestMore.test_it = None\n", "more than imports"),
        (f"{OLD}\nclass TestNew:\n    pass\n", "more than imports"),
        (f"{OLD}\nprint(1)\n", "more than imports"),
        (f"{OLD}\nA, B = 1, 2\n", "more than imports"),
        (f"{OLD}\nfrom os import *\n", "every name"),
        (f"{OLD}\n\ndef test_total():\n    pass\n", "`test_total` another meaning"),
        (f"{OLD}\n\ndef test_x():\n    pass\n\n\ndef test_x():\n    pass\n", "`test_x` another meaning"),
        (f"{OLD}\n\ndef total(a, b):\n    return 3\n", "`total` another meaning"),
        (f"{OLD}\n\ndef len(a):\n    return 3\n", "`len` another meaning"),
        (f"{OLD}\n\ndef make():\n    return 3\n", "`make` another meaning"),
        (f"{OLD}\n\ndef sized():\n    return 3\n", "`sized` another meaning"),
        (f"{OLD}\n\ndef decorated():\n    return 3\n", "`decorated` another meaning"),
        (OLD.replace("import total", "import total, x as make"), "`make` another meaning"),
        (OLD.replace("import total", "import count"), "takes away lines"),
        (OLD.replace("import total", "import total, *"), "not Python"),
        (OLD.replace("import total", "import count, total  # noqa"), "takes away lines"),
        (OLD.replace("import total", "import count, total; x()"), "takes away lines"),
        (OLD.replace("from app import total", "from apple import count, total"), "takes away lines"),
        (f"{OLD}\nimport fixtures as pytest\n", "`pytest` another meaning"),
        (f"{OLD}\nimport sys as os\n", "`os` another meaning"),
        (f"{OLD}\nimport app.os as total\n", "`total` another meaning"),
        (f"{OLD}\nLIMIT = 4\n", "`LIMIT` another meaning"),
        (f"{OLD}\npytestmark = None\n", "how other tests run"),
        (f"{OLD}\n\ndef pytest_generate_tests(metafunc):\n    pass\n", "how other tests run"),
        (f"{OLD}\n\ndef setup_module():\n    pass\n", "how other tests run"),
        (f"{OLD}\n\ndef __getattr__(name):\n    pass\n", "how other tests run"),
        (f"{OLD}\nx = '\u202e'\n", "hidden characters"),
        (f"{OLD}\nx = 1\r\ry = 2\n", "hidden characters"),
        (f"# coding: latin-1\n{OLD}", "not Python in UTF-8"),
        (f"{OLD}\nx = (\n", "not Python"),
        (f"{OLD}\nx = {'-' * 3_000}1\n", "it is "),
    ],
)
def test_nothing_that_stands_there_is_changed_lost_or_shadowed(after: str, words: str) -> None:
    assert words in alteration(OLD, after)


def test_a_fixture_in_the_place_of_one_from_elsewhere_is_no_addition() -> None:
    before = "def test_a(database):\n    assert database\n"
    fixture = "\n\n@pytest.fixture\ndef database():\n    return 1\n"
    assert "in the place of `database`" in alteration(before, before + fixture)
    assert alteration(before, f"{before}\n\n@pytest.fixture\ndef other():\n    return 1\n") == ""


def test_a_file_that_is_not_python_now_is_left_alone() -> None:
    assert alteration("x = (\n", "x = (\n)\n") == "the file as it is now is not Python in UTF-8"


LINES = st.lists(st.sampled_from(["a", "b", "", "\r", "a\r"]), max_size=8)


@given(LINES, LINES)
def test_what_is_added_and_what_was_there_are_all_there_is(old: list[str], new: list[str]) -> None:
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
    added = added_lines(before, after)
    rest = iter(new)
    is_subsequence = all(line in rest for line in old)
    assert (added is not None) == is_subsequence
    if added is not None:
        assert sorted(added + old) == sorted(new)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_two_texts_have_an_answer_and_yes_means_that_all_definitions_are_left(before: str, after: str) -> None:
    if alteration(before, before + after) == "":
        kept = [ast.dump(node) for node in ast.parse(before.removeprefix("\ufeff")).body]
        assert not {*kept} - {ast.dump(node) for node in ast.parse((before + after).removeprefix("\ufeff")).body}


def test_a_name_that_joined_an_import_is_among_the_lines_that_are_looked_at() -> None:
    assert added_lines(OLD, OLD.replace("import total", "import total, x")) == ["from app import x"]
