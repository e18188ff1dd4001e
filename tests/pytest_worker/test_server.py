"""Runs that are forked of one process: they begin alike, know nothing of each other, and cannot spoil it."""

import ast
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.domain.trials.sandbox import Tier
from cicd_agent.domain.trials.test_run import Perturbation, PytestRun, RunResult
from cicd_agent.pytest_worker.pool import Pool
from cicd_agent.pytest_worker.supervisor import begun
from tests.support.test_runners import TOOLCHAIN, pytest_runner, sandbox

SPEC = {"kind": "pytest", "measured": [], "traced": False, "mutants": [], "forward_seconds": 0}
TELLS = "def test_it():\n    raise LookupError(repr({}))\n"


@pytest.fixture(params=[Tier.LANDLOCK, Tier.BUBBLEWRAP], scope="module")
def tier(request: pytest.FixtureRequest) -> Tier:
    sandbox(request.param)
    return Tier(request.param)


def told(result: RunResult) -> object:
    """The value that its only test raised."""
    assert result.completed, result.problem
    [test] = result.tests
    assert test.exception == "LookupError", test
    return ast.literal_eval(test.message)


def test_runs_of_a_configuration_come_from_one_process_and_share_nothing(tmp_path: Path) -> None:
    text = (
        "import os, random, pluggy\n"
        "def test_it():\n    seen = getattr(pluggy, 'seen', 0)\n    pluggy.seen = 1\n"
        "    raise LookupError(repr((os.getppid(), os.getpid(), seen, random.random())))\n"
    )
    lab = pytest_runner(tmp_path, {"test_it.py": text})
    seeds = (1, 1, 2, 1)
    results = lab.run([PytestRun(str(at), perturbation=Perturbation(hash_seed=seed)) for at, seed in enumerate(seeds)])
    parents, own, seen, numbers = zip(*map(told, results), strict=True)
    assert parents[0] == parents[1] == parents[3] != parents[2]
    assert len(set(own)) == len(set(numbers)) == len(seeds)
    assert set(seen) == {0}


def test_a_run_has_the_environment_that_it_was_given(tmp_path: Path) -> None:
    text = TELLS.format("(time.tzname[0], os.getcwd() == TOP, os.listdir(os.environ['HOME']), hash('x'), early)")
    text = "import os, sys, time\nearly = 'early' in sys.modules\nTOP = os.path.dirname(__file__)\n" + text
    files = {"test_it.py": text, "lib/sitecustomize.py": "import early\n", "lib/early.py": ""}
    runs = [
        PytestRun("one", perturbation=Perturbation(time_zone="Asia/Tokyo", hash_seed=3)),
        PytestRun("two", perturbation=Perturbation(time_zone="UTC", elsewhere=True, hash_seed=3)),
    ]
    first, second = map(told, pytest_runner(tmp_path, files).run(runs))
    assert first[:3] == ("JST", True, [])  # type: ignore[index]
    assert second[:3] == ("UTC", False, [])  # type: ignore[index]
    assert first[3:] == second[3:]  # type: ignore[index]


def test_what_python_path_names_is_found_and_run_as_an_interpreter_would(tmp_path: Path) -> None:
    files = {
        "test_it.py": "import sys\n" + TELLS.format("'early' in sys.modules"),
        "lib/sitecustomize.py": "import early\n",
    }
    files["lib/early.py"] = ""
    tool = replace(TOOLCHAIN, environment={"PYTHONPATH": "lib"})
    [result] = pytest_runner(tmp_path, files, toolchain=tool).run([PytestRun("one")])
    assert told(result) is True


def test_a_module_of_the_tree_comes_before_one_that_a_server_has_imported(tmp_path: Path) -> None:
    files = {"src/ctypes/__init__.py": "", "test_it.py": "import ctypes\n" + TELLS.format("ctypes.__file__[-22:]")}
    [result] = pytest_runner(tmp_path, files, toolchain=replace(TOOLCHAIN, roots=("src",))).run([PytestRun("one")])
    assert told(result) == "src/ctypes/__init__.py"


@pytest.mark.parametrize("number", ["SIGKILL", "SIGSTOP"])
def test_a_run_that_ends_or_stops_its_server_harms_nobody_else(tmp_path: Path, tier: Tier, number: str) -> None:
    hostile = f"import os, signal\ndef test_it():\n    os.kill(os.getppid(), signal.{number})\n"
    lab = pytest_runner(
        tmp_path, {"test_hostile.py": hostile, "test_good.py": "def test_good(): pass\n"}, within=sandbox(tier)
    )
    runs = [PytestRun("hostile", ("test_hostile.py",), seconds=20), PytestRun("good", ("test_good.py",), seconds=20)]
    _, good = lab.run(runs)
    assert (good.completed, good.problem, [test.outcome for test in good.tests]) == (True, "", ["passed"])


READABLE = """
import os

def readable(pid):
    result = []
    for name in ("environ", "maps", "mem"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                result.append(name)
        except OSError:
            pass
    return result

"""


def test_a_server_cannot_be_read_and_a_run_can_as_any_process(tmp_path: Path) -> None:
    text = READABLE + TELLS.format("(readable(os.getppid()), readable(os.getpid()))")
    lab = pytest_runner(tmp_path, {"test_it.py": text}, within=sandbox(Tier.BUBBLEWRAP))
    assert told(lab.run([PytestRun("one")])[0]) == ([], ["environ", "maps", "mem"])


def test_where_no_process_can_be_begun_now_there_is_no_server_and_a_run_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[object] = []

    def refused(*arguments: object, **_: object) -> object:
        attempts.append(arguments)
        if len(attempts) < 4:
            raise BlockingIOError
        return "a process"

    monkeypatch.setattr("subprocess.Popen", refused)
    pool = Pool({"overlay": ""}, [], ".", (), usable=True)
    assert pool.server(SPEC, {}) is None
    assert str(begun(lambda: subprocess.Popen(["true"]))) == "a process"
    assert len(attempts) == 4


def test_where_a_server_cannot_import_pytest_a_run_is_begun_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    # As in pluggy's own repository, where an interpreter finds no pluggy until the source folders are on its path.
    monkeypatch.setattr("sys.executable", "/bin/false")
    pool = Pool({"overlay": ""}, [], ".", (), usable=True)
    assert pool.server(SPEC, {}) is None
    assert pool.swept() == (0, False)
