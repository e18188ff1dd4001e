import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.test_modules import home, new_home, possible_homes
from cicd_agent.domain.trials.test_run import FileCoverage


def covered(path: str, *tests: str) -> FileCoverage:
    return FileCoverage(path, (1,), (1,), tests=tests)


def test_the_module_most_of_whose_tests_execute_the_file_is_its_home() -> None:
    tests = ["tests/test_a.py::test_1", "tests/test_b.py::test_1", "tests/test_b.py::TestX::test_2[a::b]"]
    assert home("pkg/x.py", [covered("pkg/x.py", *tests)], ["tests/test_a.py", "tests/test_b.py"]) == "tests/test_b.py"


def test_among_those_that_execute_it_the_one_called_after_it_comes_first() -> None:
    tests = ["tests/test_all.py::test_1", "tests/test_all.py::test_2", "tests/test_x.py::test_1"]
    assert (
        home("pkg/x.py", [covered("pkg/x.py", *tests)], ["tests/test_all.py", "tests/test_x.py"]) == "tests/test_x.py"
    )


def test_the_module_that_names_what_is_tested_comes_before_one_that_is_called_after_the_file() -> None:
    coverage = [covered("src/click/termui.py", *(f"tests/{name}.py::test" for name in ("test_termui", "test_utils")))]
    texts = {
        "tests/test_termui.py": "def test_progressbar():\n    click.progressbar()\n    click.unstyled\n",
        "tests/test_utils.py": "def test_styling():\n    click.style('x')\n    click.style('b')\n",
    }
    assert home("src/click/termui.py", coverage, texts, texts, ("style",)) == "tests/test_utils.py"
    assert home("src/click/termui.py", coverage, texts, texts, ("progressbar",)) == "tests/test_termui.py"
    assert home("src/click/termui.py", coverage, texts, texts, ("nobody",)) == "tests/test_termui.py"
    assert home("src/click/termui.py", coverage, texts, {}, ("style",)) == "tests/test_termui.py"
    assert home("src/click/termui.py", [], texts, texts, ("style",)) == "tests/test_termui.py", "nothing was traced"
    assert possible_homes("src/click/termui.py", coverage, [*texts, "tests/test_a.py"]) == {*texts}


def test_conftest_and_modules_that_are_not_in_the_tree_are_no_home() -> None:
    tests = ["tests/conftest.py::x", "gone/test_y.py::test"]
    found = home("pkg/x.py", [covered("pkg/x.py", *tests)], ["tests/conftest.py", "tests/test_other.py"])
    assert found == "tests/test_x.py"


@pytest.mark.parametrize(
    ("path", "modules", "expected"),
    [
        ("src/pkg/client.py", ["tests/test_client.py", "tests/test_other.py"], "tests/test_client.py"),
        ("src/pkg/client.py", ["tests/pkg/test_client.py", "tests/test_client.py"], "tests/pkg/test_client.py"),
        ("pkg/client.py", ["pkg/client_test.py"], "pkg/client_test.py"),
        ("pkg/_client.py", ["test/test_client.py"], "test/test_client.py"),
        ("src/pkg/sub/client.py", ["tests/test_sub_client.py"], "tests/test_sub_client.py"),
        ("src/pkg/sub/__init__.py", ["tests/test_sub.py"], "tests/test_sub.py"),
        ("src/pkg/b/client.py", ["tests/a/test_client.py"], "tests/test_b_client.py"),
        ("src/pkg/client.py", [], "tests/test_client.py"),
        ("client.py", [], "tests/test_client.py"),
        ("libs/one/src/one/client.py", [], "libs/one/tests/test_client.py"),
        ("libs/b/src/b/it.py", ["libs/a/tests/test_x.py", "libs/b/tests/test_y.py"], "libs/b/tests/test_it.py"),
        ("pkg/client.py", ["pkg/server_test.py"], "pkg/client_test.py"),
        ("src/pkg/sub/client.py", ["tests/sub/test_x.py", "tests/test_y.py"], "tests/sub/test_client.py"),
        ("src/pkg/sub/client.py", ["tests/unit/test_x.py"], "tests/unit/test_client.py"),
        ("client.py", ["test_server.py"], "test_client.py"),
    ],
)
def test_without_coverage_names_and_folders_decide(path: str, modules: list[str], expected: str) -> None:
    assert home(path, [], modules) == expected


def test_a_new_home_is_called_like_no_module_of_the_tree() -> None:
    assert new_home("client.py", ["tests/test_client.py"]) == "tests/test_client_2.py"


PATHS = st.lists(st.sampled_from(["src", "pkg", "tests", "a", "..", "x"]), max_size=4).flatmap(
    lambda parts: st.sampled_from(["client.py", "__init__.py", "_a.py", "test_x.py", "x_test.py", "conftest.py"]).map(
        lambda name: "/".join([*parts, name])
    )
)


@given(PATHS.filter(lambda path: ".." not in path), st.lists(PATHS), st.lists(PATHS))
def test_a_home_is_one_test_module_of_the_tree_or_a_new_one_inside_of_it(
    path: str, modules: list[str], executing: list[str]
) -> None:
    found = home(path, [covered(path, *(f"{module}::t" for module in executing))], modules)
    assert found == home(path, [covered(path, *(f"{module}::t" for module in executing))], modules[::-1])
    parts = found.split("/")
    assert parts[-1] != "conftest.py"
    assert ".." not in parts
    assert not found.startswith("/")
    assert found in modules or parts[-1].startswith("test_") or parts[-1].endswith("_test.py")
