"""What a test runner says of tests that were run on a copy: how they ended, what they executed, what differed."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.analysis.python_tests.mutants import mutants
from cicd_agent.domain.ports.test_runner import Probe, PytestUnavailable
from cicd_agent.domain.trials.sandbox import Choice, SandboxUnavailable, Tier
from cicd_agent.domain.trials.test_run import Fate, FileCoverage, Outcome, Perturbation, PytestRun, RunResult
from tests.support.test_runners import CALC, TESTS, TOOLCHAIN, pytest_runner, sandbox

ALL_ENDS = """\
import pytest
import unittest
from calc import grade

@pytest.fixture
def broken():
    raise OSError("no such thing")

@pytest.fixture
def ends_badly():
    yield
    raise OSError("cannot be closed")

def test_passes():
    pass

def test_fails():
    assert grade(90) == "B"

def test_raises():
    None.nothing

def test_erring(broken):
    pass

def test_closing(ends_badly):
    pass

def test_skipped():
    pytest.skip("not today")

@pytest.mark.xfail
def test_expected():
    assert False

@pytest.mark.xfail(strict=True)
def test_better():
    pass

class TestOld(unittest.TestCase):
    def test_old(self):
        self.assertEqual(1, 2)
"""


def run(top: Path, files: dict[str, str], wanted: PytestRun, *, within: LocalSandbox | None = None) -> RunResult:
    [result] = pytest_runner(top, files, within=within).run([wanted])
    return result


@pytest.mark.parametrize("tier", [Tier.LANDLOCK, Tier.NAMESPACES, Tier.BUBBLEWRAP])
def test_each_test_is_told_of_as_it_ended(tmp_path: Path, tier: Tier) -> None:
    result = run(tmp_path, {"calc.py": CALC, "tests/test_all.py": ALL_ENDS}, PytestRun("all"), within=sandbox(tier))
    assert (result.completed, result.problem, result.left, result.processes_left) == (True, "", (), 0)
    assert {test.nodeid.rpartition("::")[2]: test.outcome.value for test in result.tests} == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_raises": "failed",
        "test_erring": "error",
        "test_closing": "error",
        "test_skipped": "skipped",
        "test_expected": "xfailed",
        "test_better": "xpassed",
        "test_old": "failed",
    }
    failed = next(test for test in result.tests if test.nodeid == "tests/test_all.py::test_fails")
    assert (failed.message, failed.exception) == ("assert 'A' == 'B'", "AssertionError")
    assert failed.where == "tests/test_all.py:18"
    assert result.collected == tuple(test.nodeid for test in result.tests)


def test_a_module_that_cannot_be_imported_is_an_error_of_its_file(tmp_path: Path) -> None:
    result = run(tmp_path, {"tests/test_none.py": "import nowhere\n"}, PytestRun("all"))
    assert result.completed
    [test] = result.tests
    assert (test.nodeid, test.outcome, test.exception) == (
        "tests/test_none.py",
        Outcome.ERROR,
        "ModuleNotFoundError",
    )
    assert test.message == "No module named 'nowhere'"


def test_a_project_without_tests_comes_to_its_end(tmp_path: Path) -> None:
    result = run(tmp_path, {"calc.py": CALC}, PytestRun("all"))
    assert (result.completed, result.collected, result.tests) == (True, (), ())


def test_what_was_asked_for_and_is_not_there_is_said(tmp_path: Path) -> None:
    result = run(tmp_path, {"tests/test_calc.py": "def test(): pass\n"}, PytestRun("one", select=("tests/test_no.py",)))
    assert not result.completed
    assert "test_no.py" in result.problem


def test_lines_and_branches_of_measured_files(tmp_path: Path) -> None:
    files = {"calc.py": CALC, "other.py": "x = 1\n", "tests/test_calc.py": TESTS, "broken.py": "def\n"}
    wanted = PytestRun(
        "measured",
        select=("tests/test_calc.py::test_best",),
        measured=("calc.py", "other.py", "broken.py", "gone.py"),
    )
    assert run(tmp_path, files, wanted).coverage == (
        FileCoverage("calc.py", (1, 2, 3, 4, 7, 8), (1, 2, 3, 7), ((2, 3), (2, 4)), ((2, 3),)),
        FileCoverage("other.py", (1,), ()),
    )


def test_functions_and_files_are_told_by_test(tmp_path: Path) -> None:
    tests = TESTS + '\ndef test_data():\n    assert open("data/some.txt").read() == "x"\n'
    files = {"calc.py": CALC, "data/some.txt": "x", "tests/test_calc.py": tests}
    result = run(tmp_path, files, PytestRun("traced", traced=True, measured=("calc.py",)))
    traces = {trace.nodeid.rpartition("::")[2]: trace for trace in result.traces}
    assert {name for name in traces["test_best"].functions if name.startswith("calc.py")} == {
        "calc.py::",
        "calc.py::grade",
    }
    assert "calc.py::grade" not in traces["test_data"].functions
    assert (traces["test_best"].files, traces["test_data"].files) == ((), ("data/some.txt",))
    assert [name.rpartition("::")[2] for name in result.coverage[0].tests] == ["test_best", "test_other"]


def test_perturbations_reach_the_tests(tmp_path: Path) -> None:
    files = {
        "tests/test_told.py": "import datetime, os, random, time\ndef test_told():\n"
        "    told = os.environ['PYTHONHASHSEED'], time.tzname[0], os.listdir(), random.random()\n"
        "    raise ValueError([*told, datetime.date.today().year, os.cpu_count(), os.environ.get('USER')])\n"
    }
    here = PytestRun("here", perturbation=Perturbation(random_seed=1))
    there = PytestRun(
        "there",
        perturbation=Perturbation(
            hash_seed=7,
            time_zone="Asia/Kathmandu",
            elsewhere=True,
            random_seed=1,
            forward_seconds=10**9,
            other_machine=True,
        ),
    )
    one, other = (
        ast.literal_eval(result.tests[0].message) for result in pytest_runner(tmp_path, files).run([here, there])
    )
    assert (one[:3], other[:3]) == (["0", "UTC", ["tests"]], ["7", "+0545", []])
    assert one[3] == other[3]
    assert other[4] - one[4] in {31, 32}
    assert one[5] != other[5]
    assert (one[6], other[6]) == (None, "morgan")


REACHES = """
import socket
import urllib.request
from contextlib import suppress

def test_by_name():
    with suppress(OSError):
        urllib.request.urlopen("http://example.org/")

def test_by_number():
    with suppress(OSError):
        socket.create_connection(("192.0.2.1", 80), 0.1)

def test_patched(monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda url: url)
    assert urllib.request.urlopen("http://example.org/") == "http://example.org/"

def test_at_home():
    one, other = socket.socketpair()
    one.close(), other.close()
    with suppress(OSError):
        socket.getaddrinfo("localhost", 80)
    socket.getaddrinfo("192.0.2.1", 80)
    socket.getfqdn()
"""


def test_who_tries_to_leave_the_machine_is_told(tmp_path: Path) -> None:
    result = run(tmp_path, {"tests/test_reaches.py": REACHES}, PytestRun("all"))
    assert {test.nodeid.rpartition("::")[2]: (test.outcome.value, bool(test.reached)) for test in result.tests} == {
        "test_by_name": ("passed", True),
        "test_by_number": ("passed", True),
        "test_patched": ("passed", False),
        "test_at_home": ("passed", False),
    }
    assert result.tests[0].reached == "example.org"


def test_order_is_shuffled_by_its_seed_or_kept_as_asked(tmp_path: Path) -> None:
    files = {"tests/test_many.py": "\n".join(f"def test_{number}(): pass" for number in range(20))}
    asked = tuple(f"tests/test_many.py::test_{number}" for number in (7, 3, 5))
    runs = [
        PytestRun("plain"),
        *(PytestRun("shuffled", perturbation=Perturbation(order=seed)) for seed in (1, 1, 2)),
        PytestRun("asked", select=asked, in_order=True),
    ]
    plain, one, again, two, chosen = (
        tuple(test.nodeid for test in result.tests) for result in pytest_runner(tmp_path, files).run(runs)
    )
    assert one == again
    assert len({plain, one, two}) == 3
    assert chosen == asked


def test_a_test_that_is_named_beside_its_file_comes_in_its_place_and_once(tmp_path: Path) -> None:
    files = {f"tests/test_{name}.py": "def test_1(): pass\ndef test_2(): pass\n" for name in "ab"}
    new = "tests/test_a.py::test_1"
    runs = [PytestRun("first", (new, "tests"), in_order=True), PytestRun("last", ("tests", new), in_order=True)]
    first, last = pytest_runner(tmp_path, files).run(runs)
    others = ["tests/test_a.py::test_2", "tests/test_b.py::test_1", "tests/test_b.py::test_2"]
    assert [test.nodeid for test in first.tests] == [new, *others]
    assert [test.nodeid for test in last.tests] == [*others, new]


def test_files_are_put_over_and_the_base_is_put_back(tmp_path: Path) -> None:
    lab = pytest_runner(
        tmp_path,
        {"calc.py": CALC, "new.py": "", "tests/test_calc.py": TESTS},
        base={"calc.py": CALC.replace("90", "95"), "new.py": None},
    )
    more = {"tests/test_more.py": "def test_new():\n    import new\n"}
    [now], [before] = (lab.run([PytestRun("x")], more, at_base=at_base) for at_base in (False, True))
    assert [test.nodeid for test in now.failed] == []
    assert {test.nodeid: test.exception for test in before.failed} == {
        "tests/test_calc.py::test_best": "AssertionError",
        "tests/test_more.py::test_new": "ModuleNotFoundError",
    }
    assert not (tmp_path / "tests/test_more.py").exists()


def test_the_configuration_of_the_project_holds_less_what_needs_another_runner(tmp_path: Path) -> None:
    files = {
        "pytest.ini": "[pytest]\naddopts = -n 2 --dist worksteal -x -ra --strict-markers -m 'not slow'\n"
        "testpaths = checks\n"
        "python_files = check_*.py\nmarkers = slow\n",
        "checks/check_it.py": "import pytest\ndef test_one(): assert 0\ndef test_two(): assert 0\n"
        "@pytest.mark.slow\ndef test_slow(): pass\n",
        "other/check_not.py": "def test_not(): pass\n",
    }
    for elsewhere in (False, True):
        result = run(tmp_path, files, PytestRun("x", perturbation=Perturbation(elsewhere=elsewhere)))
        assert [test.nodeid for test in result.failed] == [
            "checks/check_it.py::test_one",
            "checks/check_it.py::test_two",
        ]
        assert result.collected == tuple(test.nodeid for test in result.tests)


def test_arguments_of_the_test_command_hold(tmp_path: Path) -> None:
    toolchain = replace(TOOLCHAIN, arguments=("tests", "-k", "best", "--maxfail=1"))
    lab = pytest_runner(
        tmp_path,
        {"calc.py": CALC, "tests/test_calc.py": TESTS, "test_top.py": "def test_best(): pass"},
        toolchain=toolchain,
    )
    whole, one = lab.run([PytestRun("whole"), PytestRun("one", select=("test_top.py",))])
    assert whole.collected == ("tests/test_calc.py::test_best",)
    assert one.collected == ("test_top.py::test_best",)


def test_messages_are_redacted(tmp_path: Path) -> None:
    lab = pytest_runner(
        tmp_path,
        {"test_it.py": "def test(): raise ValueError('my secret thing\\n' * 5)"},
        redact=lambda text: text.replace("secret", "‹secret›"),
    )
    [result] = lab.run([PytestRun("x")])
    assert result.tests[0].message == "my ‹secret› thing"


def test_a_suite_of_three_thousand_tests(tmp_path: Path) -> None:
    files = {f"tests/test_{part}.py": "\n".join(f"def test_{n}(): pass" for n in range(300)) for part in range(10)}
    result = run(tmp_path, files, PytestRun("many"))
    assert result.completed
    assert (len(result.tests), len(result.collected), result.failed) == (3000, 3000, ())


def test_values_and_exceptions_that_two_processes_agree_on(tmp_path: Path) -> None:
    lab = pytest_runner(tmp_path, {"calc.py": CALC})
    imports = ("import calc", "import os", "import time")
    expressions = ("calc.grade(95)", "calc.grade('x')", "hash('x')", "int(time.time())")
    known, raised, hashed, timed = lab.probe([Probe(each, imports, each) for each in expressions])
    assert (known.value, raised.exception) == ("'A'", "TypeError")
    assert (hashed.value, timed.value) == ("", "")
    assert hashed.problem
    assert timed.problem


def test_the_ghostwriter_writes_for_a_function(tmp_path: Path) -> None:
    text = CALC.replace("def grade(points):", "def grade(points: int) -> str:")
    [found, none] = pytest_runner(tmp_path, {"calc.py": text}).ghostwrite([("calc.py", "grade"), ("calc.py", "no")])
    assert "calc.grade(" in found.source
    assert (none.source, bool(none.problem)) == ("", True)


def test_nothing_is_started_without_time(tmp_path: Path) -> None:
    lab = pytest_runner(tmp_path, {"test_it.py": "def test(): pass"}, seconds=4)
    [result] = lab.run([PytestRun("x")])
    assert (result.completed, result.problem) == (False, "no time was left")
    assert lab.probe([Probe("k", (), "1")])[0].problem == "no time was left"


def test_without_a_sandbox_it_is_unavailable(tmp_path: Path) -> None:
    class NoSandbox(LocalSandbox):
        def choice(self, *, loopback: bool = False) -> Choice:
            raise SandboxUnavailable("there is none", why=str(loopback), remedy="Install one")

    lab = pytest_runner(tmp_path, {}, within=NoSandbox())
    assert lab.with_loopback() is None
    with pytest.raises(PytestUnavailable, match="Install one"):
        lab.run([PytestRun("x")])


def test_mutants_are_tried_against_the_tests_that_pass_and_execute_them(tmp_path: Path) -> None:
    tests = TESTS + "\ndef test_red():\n    assert grade(0) == 'C'\n"
    tried = mutants("calc.py", CALC, range(1, 9))
    result = run(tmp_path, {"calc.py": CALC, "tests/test_calc.py": tests}, PytestRun("m", mutants=tried))
    by = {outcome.id: outcome for outcome in result.mutants}
    fates = {mutant.words: (by[mutant.id].fate, by[mutant.id].by.rpartition("::")[2]) for mutant in tried}
    assert fates["`>=` → `>`"] == (Fate.KILLED, "test_best")
    assert fates["`90` → `89`"] == (Fate.SURVIVED, "")
    assert fates["`1` → `0`"] == (Fate.NOT_RUN, "")
    assert (tmp_path / "calc.py").read_text() == CALC


def test_mutants_for_which_no_time_is_left_are_not_run(tmp_path: Path) -> None:
    [tried, *_] = mutants("calc.py", CALC, [2])
    result = run(
        tmp_path, {"calc.py": CALC, "tests/test_calc.py": TESTS}, PytestRun("m", mutants=(tried,), seconds=2.6)
    )
    assert not result.completed or [(each.fate, each.detail) for each in result.mutants] == [
        (Fate.NOT_RUN, "no time was left")
    ]


def test_runs_on_several_copies_are_told_in_the_order_in_which_they_were_asked_for(tmp_path: Path) -> None:
    text = "import os, pathlib\n\ndef test_it():\n    assert os.environ['PYTHONHASHSEED'] != '3'\n"
    text += "\ndef test_leaves():\n    pathlib.Path('left.txt').write_text('x')\n"
    wide = pytest_runner(tmp_path, {"test_it.py": text}, width=3)
    seeds = range(1, 8)
    runs = [PytestRun(f"seed {seed}", perturbation=Perturbation(hash_seed=seed)) for seed in seeds]
    results = wide.run(runs)
    assert [result.name for result in results] == [run.name for run in runs]
    assert [bool(result.failed) for result in results] == [seed == 3 for seed in seeds]
    assert all(result.left == ("left.txt",) for result in results)
    assert wide.run([]) == ()


def test_what_the_change_has_otherwise_than_the_tree_is_what_runs(tmp_path: Path) -> None:
    tests = "from calc import N\n\ndef test_it():\n    assert N == 2\n"
    tree = {"calc.py": "N = 1\n", "tests/test_calc.py": tests}
    lab = pytest_runner(tmp_path, tree, head={"calc.py": "N = 2\n"}, base={"calc.py": "N = 3\n"})
    assert lab.run([PytestRun("head")])[0].failed == ()
    assert [test.message for test in lab.run([PytestRun("base")], at_base=True)[0].failed] == ["assert 3 == 2"]
    assert [seen.value for seen in lab.probe([Probe("n", ("from calc import N",), "N")])] == ["2"]
