import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.test_selection.map_builder import build_map
from cicd_agent.analysis.test_selection.outline import outline, plain_name
from cicd_agent.analysis.test_selection.test_map import KnownTest, TestMap, dump, load
from cicd_agent.domain.trials.test_run import Outcome, RunResult, TestOutcome, TestTrace
from cicd_agent.errors import ConfigError

COMMIT = "a" * 40
CONFTEST = """\
import pytest


@pytest.fixture(scope="session")
def server():
    return serve()


@pytest.fixture
def each():
    return 1
"""


def run(used: dict[str, tuple[list[str], list[str]]]) -> RunResult:
    return RunResult(
        "traced",
        completed=True,
        tests=tuple(TestOutcome(test, Outcome.PASSED, 0.25) for test in used if test),
        traces=tuple(TestTrace(test, tuple(names), tuple(files)) for test, (names, files) in used.items()),
    )


NAMES = st.sampled_from(["a.py::f", "a.py::C.g", "b.py::", "data/x.json", "tests/ü.py::test"])
TESTS = st.builds(
    KnownTest,
    st.sampled_from(Outcome),
    st.integers(0, 1000).map(lambda n: n / 4),
    st.frozensets(NAMES),
    st.frozensets(NAMES),
    st.sampled_from(["", "it starts a process"]),
)


@given(tests=st.dictionaries(st.text(max_size=20), TESTS, max_size=5), files=st.frozensets(NAMES))
def test_a_map_is_read_as_it_was_written_and_written_as_it_was_read(
    tests: dict[str, KnownTest], files: frozenset[str]
) -> None:
    sources = build_map(run({}), {"a.py": "import x\nclass C(D):\n    def g(self): pass\n"}, COMMIT, "3.12.4").sources
    test_map = TestMap(COMMIT, "3.12.4", tests, sources, files)
    text = dump(test_map)
    assert load(text) == test_map
    assert dump(load(text)) == text


VALID = json.loads(
    dump(build_map(run({"t.py::t": (["a.py::f"], ["x"])}), {"a.py": "def f(): pass\n"}, COMMIT, "3.12.4"))
)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(field=st.sampled_from(sorted(VALID)), value=ODD)
def test_a_map_with_anything_in_a_field_is_read_or_refused_in_a_line(field: str, value: object) -> None:
    said = ""
    try:
        load(json.dumps({**VALID, field: value}))
    except ConfigError as error:
        said = str(error)
    assert "\n" not in said
    assert not said or said.startswith("the test map cannot be used (")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"tests": [{**VALID["tests"][0], "functions": [7]}]}, "leads to no name"),
        ({"tests": [{**VALID["tests"][0], "functions": [-1]}]}, "greater than or equal to 0"),
        ({"tests": VALID["tests"] * 2}, "twice"),
        ({"commit": "main"}, "commit: "),
        ({"commit": COMMIT + "\n"}, "commit: "),
        ({"version": 2}, "version: "),
        ({"mine": 1}, "mine: "),
        ({"tests": [{**VALID["tests"][0], "seconds": -1}]}, "seconds: "),
    ],
)
def test_a_map_that_is_wrong_is_refused_with_the_reason(more: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        load(json.dumps({**VALID, **more}))


def test_what_a_wider_fixture_used_belongs_to_all_tests_in_its_reach() -> None:
    first, second, other = "tests/a/test_a.py::test_1", "tests/a/test_b.py::test_2", "tests/c/test_c.py::test_3"
    result = run(
        {
            first: (["tests/a/conftest.py::server", "src/app.py::serve"], ["data.json"]),
            second: (["src/app.py::other", "tests/a/conftest.py::each"], []),
            other: (["src/app.py::third"], []),
        }
    )
    texts = {"tests/a/conftest.py": CONFTEST, "src/app.py": "def serve(): pass\n"}
    tests = build_map(result, texts, COMMIT, "3.12.4").tests
    assert {"src/app.py::serve", "src/app.py::other"} <= tests[second].functions
    assert tests[second].files == {"data.json"}
    assert tests[other].functions == {"src/app.py::third"}
    assert "src/app.py::other" not in tests[first].functions


def test_a_module_that_a_test_imports_belongs_to_all_that_use_it() -> None:
    first, second = "test_a.py::test_1", "test_b.py::test_2"
    result = run({"": ([], []), first: (["lazy.py::", "app.py::setup"], []), second: (["lazy.py::f"], [])})
    tests = build_map(result, {"lazy.py": "def f(): pass\n"}, COMMIT, "3.12.4").tests
    assert "app.py::setup" in tests[second].functions


def test_a_file_that_all_tests_of_a_module_opened_may_be_read_at_import() -> None:
    result = run({"test_a.py::test_1": ([], ["x", "y"]), "test_a.py::test_2": ([], ["x"])})
    assert build_map(result, {}, COMMIT, "3.12.4").files == {"x"}


@pytest.mark.parametrize(("outside", "early"), [(None, {"deep", "apart"}), (["a.py::", "a.py::deep"], {"deep"})])
def test_without_a_look_at_the_imports_every_function_counts_as_run_by_them(
    outside: list[str] | None, early: set[str]
) -> None:
    text = "def deep(): pass\ndef apart(): pass\ndeep()\n"
    result = run({} if outside is None else {"": (outside, [])})
    functions = build_map(result, {"a.py": text}, COMMIT, "3.12.4").sources["a.py"].functions
    assert {name for name, function in functions.items() if function.early} == early


def test_a_test_without_a_trace_is_one_of_which_nothing_is_known() -> None:
    result = RunResult("traced", completed=True, tests=(TestOutcome("t.py::t", Outcome.PASSED),))
    assert build_map(result, {}, COMMIT, "3.12.4").tests["t.py::t"].unseen == "it was not traced"


@pytest.mark.parametrize(
    ("qualified", "plain"),
    [("f", "f"), ("C.m.<locals>.g", "C.m.g"), ("C.m.<locals>.<lambda>", "C.m"), ("<lambda>", ""), ("", "")],
)
def test_a_lambda_is_a_part_of_what_is_around_it(qualified: str, plain: str) -> None:
    assert plain_name(qualified) == plain


@pytest.mark.parametrize("text", ["def f(:", "\0", "(" * 5_000, "x = " + "-" * 100_000 + "1", "\ud800"])
def test_what_cannot_be_read_has_no_outline(text: str) -> None:
    assert outline(text) is None


@given(text=st.text(alphabet="abdefi:()=@ \n\t#'\"\\", max_size=200))
def test_any_text_has_an_outline_or_none(text: str) -> None:
    outline(text)


def test_what_a_program_does_when_it_is_started_runs_in_no_import() -> None:
    bare = outline("def f(): pass\n")
    started = outline("def f(): pass\nif __name__ == '__main__':\n    f()\n")
    assert bare is not None
    assert started is not None
    assert bare.units == started.units


def test_a_function_in_another_one_changes_by_itself() -> None:
    before = outline("def f():\n    def g():\n        return 1\n    return g\n")
    after = outline("def f():\n    def g():\n        return 2\n    return g\n")
    assert before is not None
    assert after is not None
    assert before.functions["f"].body == after.functions["f"].body
    assert before.functions["f.g"].body != after.functions["f.g"].body
