"""What the processes find that tests start, and which tests a runner leaves out."""

from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.domain.trials.sandbox import Tier
from cicd_agent.domain.trials.test_run import Outcome, PytestRun
from tests.support.test_runners import CALC, TOOLCHAIN, pytest_runner, sandbox

STARTS = """\
import os, pathlib, subprocess, sys

TOP = str(pathlib.Path(__file__).resolve().parents[1])

def told(program):
    return subprocess.check_output([sys.executable, "-c", program], text=True, cwd=os.environ["HOME"]).strip()

def test_module():
    assert told("import app; print(app.__file__)") == TOP + "/src/app.py"

def test_namespace():
    assert told("import names.inner; print(names.inner.__file__)") == TOP + "/src/names/inner.py"

def test_given():
    assert told("import sys; print(sys.path[1:3])") == str([TOP + "/src", "/given"])

def test_no_module_of_the_project_is_found_before_those_of_the_library():
    assert "/src" not in sys.modules["json"].__file__
"""
FILES = {
    "src/app.py": "",
    "src/names/inner.py": "",
    "src/json.py": "loads = dumps = None",
    "tests/test_starts.py": STARTS,
}
MANY = """\
import pytest

@pytest.mark.parametrize("name", ["a::b", "a"])
def test_it(name):
    pass

def test_it_as_well():
    pass
"""


@pytest.mark.parametrize("tier", [Tier.LANDLOCK, Tier.BUBBLEWRAP])
def test_processes_that_tests_start_import_the_copy(tmp_path: Path, tier: Tier) -> None:
    toolchain = replace(TOOLCHAIN, roots=("src",), environment={"PYTHONPATH": "/given"}, path_entry=False)
    [result] = pytest_runner(tmp_path, FILES, within=sandbox(tier), toolchain=toolchain).run([PytestRun("suite")])
    assert (result.completed, len(result.tests)) == (True, 4), result.problem
    assert [(test.nodeid, test.message) for test in result.failed] == []


def test_tests_are_left_out_by_their_whole_names_and_modules_by_their_paths(tmp_path: Path) -> None:
    files = {"calc.py": CALC, "test_many.py": MANY, "test_gone.py": "import nowhere"}
    runner = pytest_runner(tmp_path, files)
    rest = runner.without(["test_many.py::test_it[a]", "test_gone.py"])
    [everything, named] = rest.run([PytestRun("all"), PytestRun("named", ("test_many.py::test_it",))])
    assert [test.nodeid for test in everything.tests] == [
        "test_many.py::test_it[a::b]",
        "test_many.py::test_it_as_well",
    ]
    assert named.collected == ("test_many.py::test_it[a::b]",)
    [whole] = runner.run([PytestRun("all", arguments=("--continue-on-collection-errors",))])
    assert [test.outcome for test in whole.tests].count(Outcome.PASSED) == 3
