import ast
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests import placement
from cicd_agent.analysis.python_tests.insertion import alteration
from cicd_agent.analysis.python_tests.placement import NotPlaceable
from cicd_agent.domain.trials.candidate import Candidate, Origin


def place(text: str | None, candidates: Sequence[Candidate]) -> str:
    return placement.insert_tests(text, candidates).text


MODULE = '''\
"""Tests of the client."""

import json

import pytest
from pkg.client import parse


def made(text):
    return parse(text)


def test_parse():
    assert made("a") == ["a"]
'''


def candidate(
    code: str = "def test_new():\n    assert parse('') == []\n",
    *imports: str,
    name: str = "test_new",
    path: str = "src/pkg/client.py",
) -> Candidate:
    return Candidate("k" * 16, path, "parse", name, imports, code, Origin.MODEL)


def test_a_new_module_says_what_it_tests_and_groups_its_imports() -> None:
    one = candidate(
        "def test_new():\n    with pytest.raises(ValueError):\n        parse(json.dumps(1))\n",
        "import pytest",
        "from pkg.client import parse",
        "import json",
    )
    assert place(None, [one]) == (
        '"""Tests of src/pkg/client.py."""\n\nimport json\n\nimport pytest\n\nfrom pkg.client import parse\n\n\n'
        "def test_new():\n    with pytest.raises(ValueError):\n        parse(json.dumps(1))\n"
    )


def test_what_stands_in_a_module_stays_byte_for_byte_and_imports_join_the_block() -> None:
    one = candidate(
        "def test_new():\n    assert shout(parse('')) == []\n",
        "from pkg.client import parse, shout",
        "import json",
    )
    head, tail = MODULE.split("from pkg.client import parse\n")
    assert place(MODULE, [one]) == (
        f"{head}from pkg.client import parse, shout\n{tail}\n\ndef test_new():\n    assert shout(parse('')) == []\n"
    )


def test_an_import_that_the_test_does_not_use_is_left_out() -> None:
    assert "import os" not in place(MODULE, [candidate("def test_new():\n    assert parse('')\n", "import os")])


def test_a_fixture_that_is_imported_for_a_parameter_stays() -> None:
    text = place(MODULE, [candidate("def test_new(server):\n    assert server\n", "from tests.servers import server")])
    assert "from tests.servers import server\n" in text


def test_a_taken_name_of_a_test_gets_a_number_and_so_does_a_helper() -> None:
    one = candidate(
        "def made(text):\n    return text\n\n\ndef test_parse():\n    assert made(parse('')) == []\n", name="test_parse"
    )
    result = placement.insert_tests(
        MODULE, [one, candidate("def test_parse():\n    assert parse('b')\n", name="test_parse")]
    )
    assert result.names == ("test_parse_2", "test_parse_3")
    assert "def made_2(text):" in result.text
    assert "assert made_2(parse('')) == []" in result.text


def test_a_helper_that_is_there_in_the_same_words_is_used() -> None:
    one = candidate("def made(text):\n    return parse(text)\n\n\ndef test_new():\n    assert made('') == []\n")
    assert place(MODULE, [one]).count("def made") == 1


def test_the_same_test_twice_has_no_place() -> None:
    one = candidate('def test_parse():\n    assert made("a") == ["a"]\n', name="test_parse")
    with pytest.raises(NotPlaceable, match="already"):
        place(MODULE, [one])


def test_an_import_whose_name_means_something_else_gets_another_name() -> None:
    one = candidate("def test_new():\n    assert made(2) == 4\n", "from pkg.numbers import made")
    text = place(MODULE, [one])
    assert "from pkg.numbers import made as made_2\n" in text
    assert "    assert made_2(2) == 4\n" in text
    used_as_builtin = "def test_a(tmp_path):\n    assert open(tmp_path)\n"
    opened = candidate("def test_new():\n    assert open(2) == 4\n", "from pkg.doors import open")
    assert "from pkg.doors import open as open_2\n" in place(used_as_builtin, [opened])


def test_an_import_that_is_there_under_another_name_is_used_under_that() -> None:
    text = "import numbers as n\n\nnumbers = 3\n\n\ndef test_a():\n    assert n\n"
    one = candidate("def test_new():\n    assert numbers.Number\n", "import numbers")
    assert place(text, [one]) == text + "\n\ndef test_new():\n    assert n.Number\n"


def test_two_submodules_of_one_package_do_not_contradict_each_other() -> None:
    text = "import pkg.client\n\n\ndef test_a():\n    assert pkg.client\n"
    one = candidate("def test_new():\n    assert pkg.other.x(pkg.client)\n", "import pkg.other", "import pkg.client")
    assert place(text, [one]).startswith("import pkg.client\nimport pkg.other\n")


@pytest.mark.parametrize(
    ("code", "imports", "reason"),
    [
        ("def test_new():\n    made = 3\n    assert made\n", ("from pkg import made",), "two things"),
        ("def test_new():\n    assert made.x.y\n", ("import made.x",), "something else"),
        ("def test_new(:\n", (), "cannot be read"),
        ("def test_other():\n    assert parse\n", (), "does not define"),
        ("print(1)\n\n\ndef test_new():\n    assert parse\n", (), "neither"),
        ("def test_new():\n    assert x\n", ("from pkg import *",), "everything"),
        ("def test_new():\n    assert x\n", ("x = 1",), "more than import"),
        ("def test_new():\n    assert x\0\n", (), "cannot be read"),
    ],
)
def test_what_cannot_be_placed_is_refused_with_the_reason(code: str, imports: tuple[str, ...], reason: str) -> None:
    with pytest.raises(NotPlaceable, match=reason):
        place(MODULE, [candidate(code, *imports)])


def test_a_module_that_is_no_python_is_refused() -> None:
    for text in ("def f(:\n", "x = '\0'\n", "(" * 3000):
        with pytest.raises(NotPlaceable, match="cannot be read"):
            place(text, [candidate()])


def test_line_ends_a_byte_order_mark_and_a_missing_last_line_end_are_kept() -> None:
    text = "\ufeff" + MODULE.replace("\n", "\r\n").removesuffix("\r\n")
    result = place(text, [candidate(candidate().code, "from pkg.client import shout")])
    assert result.startswith("\ufeff")
    assert result.count("\n") == result.count("\r\n")
    assert result.startswith(text)
    assert result.endswith("\r\n")


def test_an_encoding_that_cannot_hold_the_test_is_said() -> None:
    text = "# -*- coding: latin-1 -*-\nimport pytest\n"
    assert place(text, [candidate()]).startswith(text)
    with pytest.raises(NotPlaceable, match="latin-1"):
        place(text, [candidate("def test_new():\n    assert parse('☃') == []\n")])


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ('"""Doc."""\n\nX = 1\n', '"""Doc."""\n\nimport os\n\nX = 1\n'),
        ('"""Doc."""; import json\nX = 1\n', '"""Doc."""; import json\nimport os\nX = 1\n'),
        ("#!/usr/bin/python\n# of x\nX = 1\n", "#!/usr/bin/python\n\nimport os\n\n# of x\nX = 1\n"),
        ("from __future__ import annotations\nX = 1\n", "from __future__ import annotations\n\nimport os\nX = 1\n"),
        ("import a; X = [\n1]\nY = 1\n", "import a; X = [\n1]\nimport os\nY = 1\n"),
        ("import a\nfoo()\nimport b\n@deco\ndef f(): pass\n", "import a\nfoo()\nimport b\nimport os\n@deco\n"),
        ("try:\n    import a\nexcept ImportError:\n    a = 1\nX = 1\n", "import os\n\ntry:\n"),
        ("# only a comment\n", "# only a comment\n"),
    ],
)
def test_imports_stand_where_imports_stand(text: str, start: str) -> None:
    result = place(text, [candidate("def test_new():\n    assert os.sep\n", "import os")])
    assert result.startswith(start), result
    assert "import os\n" in result


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        ("from pkg.client import parse\n", "from pkg.client import Client", "from pkg.client import Client, parse\n"),
        ("from pkg.client import zoo, parse\n", "from pkg.client import a", "from pkg.client import zoo, parse, a\n"),
        (
            "from pkg.client import (\n    a,\n    z,\n)\n",
            "from pkg.client import m as n",
            "from pkg.client import (\n    a,\n    m as n,\n    z,\n)\n",
        ),
        (
            "from pkg.client import a\nfrom pkg.client import z\n",
            "from pkg.client import m",
            "from pkg.client import a\nfrom pkg.client import z\nfrom pkg.client import m\n",
        ),
        (
            "from pkg.client import a  # noqa\n",
            "from pkg.client import m",
            "from pkg.client import a  # noqa\nfrom pkg.client import m\n",
        ),
        (
            f"from pkg.client import {'a' * 60}\n",
            "from pkg.client import mmmmmmmm",
            f"from pkg.client import (\n    {'a' * 60},\n    mmmmmmmm,\n)\n",
        ),
        ("import json\n\nfrom pkg import x\n", "import pytest", "import json\n\nimport pytest\n\nfrom pkg import x\n"),
        ("from pkg import x\n", "import pytest", "import pytest\n\nfrom pkg import x\n"),
        (
            "import attr\n\nfrom pkg.b import x\n",
            "from pkg.a import y",
            "import attr\n\nfrom pkg.a import y\nfrom pkg.b import x\n",
        ),
    ],
)
def test_an_import_joins_the_statement_or_the_group_where_a_person_would_write_it(
    before: str, line: str, after: str
) -> None:
    module = f"{before}\n\nX = 1\n"
    name = line.rsplit(maxsplit=1)[-1]
    result = place(module, [candidate(f"def test_new():\n    assert {name}(1)\n", line)])
    assert result.startswith(f"{after}\n\nX = 1\n"), result
    assert alteration(module, result) == "", "whoever delivers it takes it for an addition"


@pytest.mark.parametrize(
    ("before", "line", "call"),
    [
        ("import pkg.client\n", "from pkg.client import parse", "pkg.client.parse(1)"),
        ("import pkg.client as c\n", "from pkg.client import parse", "c.parse(1)"),
        ("from pkg import client\n", "from pkg.client import parse", "client.parse(1)"),
        ("import pkg\n", "from pkg import Client", "pkg.Client(1)"),
        ("import pkg\nfrom pkg import x\n", "from pkg import Client", "Client(1)"),
        ("import json\n", "from pkg import Client", "Client(1)"),
    ],
)
def test_a_module_that_imports_modules_has_new_tests_call_through_them(before: str, line: str, call: str) -> None:
    name = line.rsplit(maxsplit=1)[-1]
    result = place(f"{before}\n\nX = 1\n", [candidate(f"def test_new():\n    assert {name}(1) == 2\n", line)])
    assert f"    assert {call} == 2\n" in result
    assert (f"import {name}" in result or f", {name}" in result) == (call == f"{name}(1)")


def test_a_hostile_path_stays_out_of_the_docstring() -> None:
    one = candidate(path='x"""\nimport os\n.py')
    assert place(None, [one]).startswith('"""Tests of code that has changed."""\n')


NAMES = st.sampled_from(["parse", "made", "json", "test_parse", "test_new", "other", "pytest"])
SNIPPETS = st.builds(
    lambda helper, used, test: (
        f"def {helper}_x(v):\n    return {used}(v)\n\n\ndef {test}():\n    assert {helper}_x(1)\n"
    ),
    NAMES,
    NAMES,
    st.sampled_from(["test_new", "test_parse"]),
)


@given(
    st.lists(st.tuples(SNIPPETS, NAMES), min_size=1, max_size=4),
    st.sampled_from([None, "", MODULE, MODULE.replace("\n", "\r\n"), "X = 1", MODULE.rstrip(), "import json\n\n\n\n"]),
)
def test_whatever_is_placed_nothing_that_stood_there_changes(drafts: list[tuple[str, str]], text: str | None) -> None:
    candidates = [
        candidate(code, f"from pkg.new import {used}", name="test_new" if "def test_new" in code else "test_parse")
        for code, used in drafts
    ]
    try:
        result = placement.insert_tests(text, candidates)
    except NotPlaceable:
        return
    assert placement.insert_tests(text, candidates) == result
    new = [ast.dump(node) for node in ast.parse(result.text).body]
    old = [ast.dump(node) for node in ast.parse(text or "").body]
    assert [dump for dump in new if dump in old] == old
    assert len(set(result.names)) == len(candidates)
    lines = iter(result.text.splitlines())
    assert all(line in lines for line in (text or "").splitlines()), "lines are only inserted"


@given(st.text(), st.text(), st.lists(st.text(), max_size=3), st.text())
def test_no_text_breaks_it(text: str, code: str, imports: list[str], name: str) -> None:
    one = Candidate("k", "a.py", "f", name, tuple(imports), code, Origin.MODEL)
    try:
        place(text, [one])
    except NotPlaceable:
        return
