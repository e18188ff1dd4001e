"""What is said of a proposed test by its text alone."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.static.check import MAX_CHARACTERS, Objection, objection
from cicd_agent.analysis.python_tests.static.scope import Surroundings
from cicd_agent.domain.trials.candidate import Candidate, Hurdle, Origin
from tests.support.corpora import Sample, candidate, samples

SOURCE = """
import os
import time

import requests

LIMIT = 3


def clamp(value, low, high):
    return max(low, min(value, high))


class Cart:
    def __init__(self):
        self.items = []

    def add(self, price):
        self.items.append(price)

    @property
    def total(self):
        return sum(self.items)
"""
PATHS = ("calc.py", "tests/test_calc.py", "tests/helpers.py")


def judged(
    text: str,
    modules: Mapping[str, str] | None = None,
    fixtures: tuple[str, ...] = (),
) -> Objection | None:
    return objection(candidate(text, "calc.py", "clamp"), Surroundings(SOURCE, modules or {}, PATHS, "calc", fixtures))


def refused(body: str) -> str:
    """The reason for which a test with this body is refused at the static check."""
    found = judged(f"from calc import Cart, clamp\n\ndef test_it(capsys, tmp_path, monkeypatch):\n    {body}\n")
    assert found is not None
    assert found.hurdle is Hurdle.STATIC
    return found.reason


KINDS = {
    *("no assertion", "assert True", "swallow all", "mocked function under test", "skip", "10 % flaky", "network"),
    *("snapshot of a documented bug", "source tampering", "writing conftest", "stealing the key", "background process"),
    *("forged JUnit and coverage", "os._exit(0)", "patched pytest", "deleting tests"),
}
"""What generators of tests are known to have kept."""


def test_the_corpora_hold_what_is_claimed_of_them() -> None:
    hostile, good = list(samples("hostile")), list(samples("good"))
    assert len(hostile) >= 40
    assert len(good) >= 25
    assert {sample.kind for sample in hostile} >= KINDS
    assert len({sample.candidate.key for sample in hostile + good}) == len(hostile) + len(good)
    for sample in hostile + good:
        assert sample.candidate.path in sample.project.base, "what is tested was changed"
        assert sample.project.head[sample.candidate.path] != sample.project.base[sample.candidate.path]


def name_of(sample: Sample) -> str:
    return sample.name


@pytest.mark.parametrize("sample", list(samples("good")), ids=name_of)
def test_good_tests_are_in_order(sample: Sample) -> None:
    assert objection(sample.candidate, sample.surroundings) is None


@pytest.mark.parametrize(
    "sample",
    [one for one in samples("hostile") if one.falls in {Hurdle.PARSES, Hurdle.STATIC} and not one.judge],
    ids=name_of,
)
def test_hostile_tests_are_refused_by_their_text(sample: Sample) -> None:
    found = objection(sample.candidate, sample.surroundings)
    assert found is not None
    assert found.hurdle is sample.falls


@pytest.mark.parametrize(
    "sample",
    [one for one in samples("hostile") if one.falls not in {Hurdle.PARSES, Hurdle.STATIC}],
    ids=name_of,
)
def test_what_hides_from_the_text_is_left_to_the_trial(sample: Sample) -> None:
    # Were one of them refused here, the trial would no longer be tried by it.
    assert objection(sample.candidate, sample.surroundings) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("assert clamp(5, 0, 3) == 3; time.sleep(1)", "`time.sleep(1)` waits"),
        ("assert clamp is not None", "never calls the code under test"),
        ("assert callable(clamp); clamp(1, 2, 3)", "says nothing of what the code does"),
        ("assert isinstance(clamp(1, 2, 3), object)", "everything is an `object`"),
        ("assert clamp(1, 2, 3) in (clamp(1, 2, 3), 5)", "with itself"),
        ("assert len([clamp(1, 2, 3)]) >= 0", "never negative"),
        ("assert f'{clamp(1, 2, 3)}'", "never empty"),
        ("assert (clamp(x, 2, 3) for x in [1])", "always true"),
        ("a = clamp(1, 2, 3); assert a == 1 or a != 1", "always holds"),
        ("a = clamp(1, 2, 3); a = 3; assert a == 3", "with itself"),
        ("for row in clamp(1, 2, 3): assert clamp(row, 1, 2) == 1", "may not be reached"),
        ("print(clamp(1, 2, 3))\n    if tmp_path: assert clamp(1, 2, 3) == 2", "may not be reached"),
        ("if tmp_path: return clamp(1, 2, 3)\n    assert clamp(1, 2, 3) == 2", "a test does not return"),
        ("for _ in [1]:\n        return clamp(1, 2, 3)\n    assert clamp(1, 2, 3) == 2", "a test does not return"),
        ("assert clamp(1, 2, 3) == 2\n    yield", "makes the test a generator"),
        ("assert open(clamp.__code__.co_filename)", "not below `tmp_path`"),
        ("assert getattr(clamp, 'na' + 'me') == clamp(1, 2, 3)", "computed"),
        ("assert '{0.__class__}'.format(clamp(1, 2, 3))", "inside of Python"),
        ("assert clamp(1, 2, 3) == eval('2')", "`eval`"),
        ("global seen; assert clamp(1, 2, 3) == 2", "`global`"),
        ("Cart.total = 3; assert Cart().total == 3", "may not be assigned"),
        ("cart = Cart(); cart.total = 3; assert cart.total == 3", "may not be replaced"),
        ("len = lambda _: 2; assert len(clamp(1, 2, 3)) == 2", "built-in name"),
        ("import calc; assert calc.os.getenv('HOME') == clamp(1, 2, 3)", "through the project's code"),
        ("from calc import os; assert os.name == clamp(1, 2, 3)", "not the project's own"),
        ("import importlib; assert importlib.reload(clamp)", "`importlib` is not allowed"),
        ("from tests import helpers as test_helpers; assert clamp(1, 2, 3) == 2", "taken for a test"),
        ("monkeypatch.setattr('os.sep', '!'); assert clamp(1, 2, 3) == 2", "existing tests do not do"),
        ("monkeypatch.setattr('calc.clamp', print); assert clamp(1, 2, 3) == 2", "its own stand-in"),
        ("from unittest.mock import Mock; Mock(wraps=clamp)(1, 2, 3); assert clamp(1, 2, 3) == 2", "call that itself"),
        ("import subprocess; assert subprocess.run(['true']) == clamp(1, 2, 3)", "starts a process"),
        ("import subprocess; assert getattr(subprocess, 'run')(['true']) == clamp(1, 2, 3)", "starts a process"),
        ("import subprocess; assert clamp(subprocess, 2, 3).run(['true']) == 2", "may not be handed on"),
        ("import urllib.request; assert urllib.request.urlopen('x') == clamp(1, 2, 3)", "the network"),
        ("import requests; assert requests.get('x') == clamp(1, 2, 3)", "the network"),
        ("import platform; assert platform.node() == clamp(1, 2, 3)", "the machine"),
        ("monkeypatch.setenv('PYTHONPATH', 'x'); assert clamp(1, 2, 3) == 2", "the run itself"),
        ("monkeypatch.chdir('..'); assert clamp(1, 2, 3) == 2", "leaves `tmp_path`"),
        ("assert list(map(getattr, [clamp(1, 2, 3)], 'a')) == []", "handed on"),
        ("capsys.request.config.stash; assert clamp(1, 2, 3) == 2", "reaches pytest itself"),
        ("import pytest; assert pytest.mark._config == clamp(1, 2, 3)", "private to a package"),
        ("import typing; assert typing.get_type_hints(clamp) == clamp(1, 2, 3)", "`typing.get_type_hints` is not"),
        ("import inspect; assert inspect.signature(clamp, eval_str=True) == clamp(1, 2, 3)", "runs text as code"),
        ("x: '[].append(1)' = 2; assert clamp(1, 2, 3) == x", "annotation"),
        ("import string; assert string.Formatter().get_field('0', clamp(1, 2, 3))", "`string.Formatter`"),
        ("from pathlib import Path; assert [p.read_text() for p in [Path('calc.py')]] == clamp(1, 2, 3)", "below"),
        ("assert clamp('/etc/passwd', '', 'x') == 'x'", "absolute"),
        ("import random; assert clamp(random.Random().random(), 2, 3) == 2", "fixed seed"),
        ("import uuid; assert clamp(uuid.uuid4(), 2, 3) == 2", "another value each time"),
        ("import datetime; assert clamp(datetime.date.today(), 2, 3)", "the day"),
        ("assert clamp(id(Cart()), 0, 3) == 3", "`id` is another number"),
    ],
)
def test_each_refusal_says_what_is_wrong(body: str, words: str) -> None:
    assert words in refused(body)


def test_the_reason_names_the_line() -> None:
    assert (
        refused("assert clamp(1, 2, 3) == 2\n    exec('1')") == "Line 3 of the code: `exec` is not allowed in a test."
    )


@pytest.mark.parametrize(
    "body",
    [
        "cart = Cart(); cart.add(2); assert cart.total == 2",
        "print(clamp(5, 0, 3)); assert capsys.readouterr().out == '3\\n'",
        "seen = []; list(map(lambda x: seen.append(clamp(x, 0, 3)), [5])); assert seen == [3]",
        "assert all(clamp(x, 0, 3) <= 3 for x in range(9))",
        "assert hash(clamp(5, 0, 3)) == hash(clamp(3, 0, 3))",
        "import calc; assert calc.clamp(5, 0, calc.LIMIT) == 3",
        "file = tmp_path / 'a'; file.write_text(str(clamp(5, 0, 3))); assert file.read_text() == '3'",
        "assert clamp('/items/1', '', '/') == '/'",
        "import random; assert clamp(random.Random(1).randint(5, 9), 0, 3) == 3",
        "def low(): return clamp(-5, 0, 3)\n    assert low() == 0",
        "low, high = 0, 3; assert (clamp(5, low, high), clamp(-5, low, high)) == (3, 0)",
    ],
)
def test_what_a_test_of_a_function_needs_is_allowed(body: str) -> None:
    text = f"from calc import Cart, clamp\n\ndef test_it(capsys, tmp_path):\n    {body}\n"
    assert judged(text) is None


EDGES = "import subprocess\nimport time\nimport urllib.request\nfrom unittest import mock\nimport calc, requests"


@pytest.mark.parametrize(
    "body",
    [
        "monkeypatch.setattr('calc.requests.get', lambda url: url)",
        "monkeypatch.setattr(requests, 'get', mock.Mock(side_effect=requests.Timeout))",
        "monkeypatch.setattr(calc.time, 'sleep', lambda seconds: None)",
        "monkeypatch.setattr(time, 'monotonic', lambda: 1.0)",
        "monkeypatch.setattr(subprocess, 'run', lambda *_, **__: subprocess.CompletedProcess([], 0))",
        "monkeypatch.setattr(urllib.request, 'urlopen', mock.MagicMock())",
        "monkeypatch.setattr('builtins.input', lambda _: 'yes')",
        "monkeypatch.setattr(calc, 'LIMIT', 1)",
        "cart = mock.create_autospec(calc.Cart); cart.add(1)",
    ],
)
def test_what_code_does_beyond_itself_may_be_patched_whatever_the_existing_tests_do(body: str) -> None:
    assert judged(f"{EDGES}\n\ndef test_it(monkeypatch):\n    {body}\n    assert calc.clamp(5, 0, 3) == 3\n") is None


def test_mocks_are_handed_to_a_test_by_decorators() -> None:
    text = (
        "from unittest.mock import patch\n\nimport calc\n\n"
        "@patch.object(calc.os, 'getpid')\n@patch('calc.time.time', new=lambda: 1.0)\n@patch('calc.time.sleep')\n"
        "def test_it({}):\n    assert calc.clamp(5, 0, 3) == 3\n"
    )
    assert judged(text.format("sleep, getpid, tmp_path")) is None
    found = judged(text.format("sleep, getpid, now"))
    assert found is not None
    assert "no fixture or parameter `now`" in found.reason


def test_what_the_existing_tests_do_is_allowed() -> None:
    text = (
        "import subprocess\nfrom calc import clamp\n\n"
        "def test_it(monkeypatch, mocker):\n"
        "    monkeypatch.setattr('calc.requests.get', lambda url: url)\n"
        "    subprocess.run(['true'])\n"
        "    assert clamp(5, 0, 3) == 3\n"
    )
    existing = (
        "import subprocess\n\ndef test_other(monkeypatch, mocker):\n"
        "    monkeypatch.setattr('os.sep', '/')\n    subprocess.run(['true'])\n"
    )
    assert judged(text) is not None
    assert judged(text, {"tests/test_calc.py": existing}) is None


def test_names_that_the_existing_tests_import_need_no_second_import() -> None:
    text = "def test_it():\n    assert clamp(5, 0, 3) == 3\n"
    assert judged(text, {"tests/test_calc.py": "from calc import clamp\n"}) is None


def test_a_fixture_of_the_project_is_code_of_the_project() -> None:
    text = "def test_it(cart):\n    assert cart.total == 0\n"
    assert judged(text, fixtures=("cart",)) is None
    found = judged(text)
    assert found is not None
    assert "no fixture or parameter `cart`" in found.reason


@pytest.mark.parametrize(
    "text",
    [
        "def test_it():\n    assert \u202eclamp(5, 0, 3) == 3\n",
        "def test_it():\n    assert clamp(5, 0, 3) == 3  # noqa: S101\n",
        "def test_it():\n    assert clamp(5, 0, 3) == 3  # pragma: no cover\n",
        "# -*- coding: utf-7 -*-\ndef test_it():\n    assert clamp(5, 0, 3) == 3\n",
        "def test_it():\n    assert clamp(5, 0, 3) == 3\n" + "#" * MAX_CHARACTERS,
        "def test_it():\n    assert clamp(5, 0, 3) == 3\n" + "\n#" * 90,
        "def check():\n    pass\n",
        "",
        "\0",
        "def test_it(): assert " + "[" * 500,
        "def test_it(): assert " + "-" * 5_000 + "1",
    ],
)
def test_what_cannot_be_read_does_not_parse(text: str) -> None:
    found = judged(text)
    assert found is not None
    assert found.hurdle is Hurdle.PARSES


def test_an_import_may_not_carry_other_statements() -> None:
    proposed = Candidate(
        "k", "calc.py", "clamp", "test_it", ("import calc; print()",), "def test_it(): ...", Origin.MODEL
    )
    found = objection(proposed, Surroundings(SOURCE))
    assert found is not None
    assert found.hurdle is Hurdle.PARSES


PIECES = (
    *(
        "def test_it():\n",
        "    assert ",
        "clamp(1, 2, 3)",
        " == ",
        "\n",
        "    with ",
        "lambda: ",
        "(",
        ")",
        "[",
        ":",
        "*",
    ),
    *("import calc\n", "    for x in ", "    if ", "x", "=", " or ", "not ", "    x: int = ", "f'{x}'", ".a"),
)
CODE = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))


@settings(deadline=None)
@given(code=CODE, name=st.one_of(st.just("test_it"), st.text(max_size=9)), imports=st.lists(st.text(max_size=30)))
def test_no_text_is_too_strange(code: str, name: str, imports: list[str]) -> None:
    proposed = Candidate("k", "calc.py", "clamp", name, tuple(imports), code, Origin.MODEL)
    found = objection(proposed, Surroundings(code, {"tests/test_calc.py": code}, PATHS, name))
    assert found is None or (found.reason.endswith(".") and "\n" not in found.reason)
