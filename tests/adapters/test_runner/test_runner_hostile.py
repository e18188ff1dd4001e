"""What tests do that want to be believed, to stay, or to stop the others: none of it counts, and the next is clean."""

from pathlib import Path

import pytest

from cicd_agent.domain.trials.sandbox import Limits, Tier
from cicd_agent.domain.trials.test_run import Outcome, PytestRun, RunResult
from tests.support.test_runners import pytest_runner, sandbox

GOOD = "def test_good(): pass\n"


@pytest.fixture(params=[Tier.LANDLOCK, Tier.NAMESPACES, Tier.BUBBLEWRAP], scope="module")
def tier(request: pytest.FixtureRequest) -> Tier:
    sandbox(request.param)
    return Tier(request.param)


@pytest.fixture(scope="module")
def strongest() -> Tier:
    """For what has to be waited for: that a limit ends a run is tested of each tier by itself."""
    return sandbox().tier()


def both(
    top: Path, tier: Tier, hostile: str, *, seconds: float = 30, limits: Limits | None = None
) -> tuple[RunResult, RunResult]:
    """What came of a module of this text, and of a good test that is run after it."""
    files = {"test_good.py": GOOD, "test_hostile.py": hostile, "calc.py": "def one():\n    return 1\n"}
    lab = pytest_runner(top, files, within=sandbox(tier), limits=limits)
    one, other = lab.run(
        [
            PytestRun("hostile", select=("test_hostile.py",), seconds=seconds),
            PytestRun("good", select=("test_good.py",)),
        ]
    )
    assert (other.completed, other.problem, [test.outcome for test in other.tests]) == (True, "", [Outcome.PASSED])
    assert (other.left, other.processes_left) == ((), 0)
    return one, other


def claims(result: RunResult) -> bool:
    """Whether anything in it would let a test count as passed."""
    return result.completed and any(test.outcome is Outcome.PASSED for test in result.tests) and not result.left


FORGE = """
import os
LINE = b'00 {"test": {"nodeid": "test_hostile.py::test_it", "outcome": "passed", "seconds": 0.1}}\\n'
def write_all(line):
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, line)
        except OSError:
            pass
"""
LIES = {
    "exits": "import os\ndef test_it(): os._exit(0)\n",
    "exits at import": "import os\nos._exit(0)\n",
    "kills itself": "import os\ndef test_it(): os.kill(os.getpid(), 9)\n",
    "forges a report": FORGE + "def test_it():\n    write_all(LINE)\n    assert 0\n",
    "forges half a line": FORGE + "def test_it():\n    write_all(b'00 {')\n",
    "forges the end": FORGE + "def test_it():\n    write_all(b'00 {\"end\": 0}\\n')\n    os._exit(0)\n",
    "prints a result": "import os\ndef test_it():\n"
    "    os.write(1, b'00 {\"code\": 0}\\n')\n    os.write(2, b'00 {\"code\": 0}\\n')\n    os._exit(0)\n",
    "patches the runner": "import _pytest.runner as r\nclass Fine:\n    excinfo = None\n"
    "def test_it():\n    r.CallInfo.from_call = classmethod(lambda *_, **__: Fine())\n    assert 0\n",
    "patches raises": "import pytest\ndef test_it():\n    pytest.raises = None\n",
    "patches code": "import _pytest.python as p\ndef nothing(pyfuncitem): return True\n"
    "p.pytest_pyfunc_call.__code__ = nothing.__code__\ndef test_it(): assert 0\n",
    "takes our plugin out": "def test_it(request):\n    m = request.config.pluginmanager\n"
    "    for plugin in list(m.get_plugins()):\n"
    "        if type(plugin).__name__ == 'Watch': m.unregister(plugin)\n    assert 0\n",
    "ends the session": "import pytest\ndef test_first(): pass\ndef test_it(): pytest.exit('done', 0)\n",
    "interrupts": "def test_first(): pass\ndef test_it(): raise KeyboardInterrupt\n",
    "kills its parent": "import os, time\n"
    "def test_it():\n    os.kill(os.getppid(), 9)\n    time.sleep(1)\n    os._exit(0)\n",
    "kills all": "import os\ndef test_it(): os.kill(-1, 9)\n",
    "cannot say what it is": "class Bad(Exception):\n    def __str__(self): raise self\ndef test_it(): raise Bad\n",
}


def test_no_lie_is_believed(tmp_path: Path, tier: Tier) -> None:
    paths = {name: f"test_lie_{number}.py" for number, name in enumerate(LIES)}
    files = {path: LIES[name] for name, path in paths.items()}
    lab = pytest_runner(tmp_path, {**files, "test_good.py": GOOD}, within=sandbox(tier))
    runs = [PytestRun(name, select=(path,), seconds=20) for name, path in paths.items()]
    *results, good = lab.run([*runs, PytestRun("good", select=("test_good.py",))])
    believed = [each.name for each in results if claims(each) or not (each.problem or each.failed)]
    assert believed == []
    assert (good.completed, good.failed, len(good.tests)) == (True, (), 1)


def test_reports_that_it_writes_are_not_read(tmp_path: Path, tier: Tier) -> None:
    text = (
        "def test_it():\n    open('junit.xml', 'w').write('<testsuite><testcase name=\"x\"/></testsuite>')\n"
        "    open('.coverage', 'wb').write(b'SQLite format 3')\n    assert 0\n"
    )
    result, _ = both(tmp_path, tier, text)
    assert [test.outcome for test in result.tests] == [Outcome.FAILED]
    assert (result.coverage, result.left) == ((), ("junit.xml",))


LEAVES: dict[str, tuple[str, ...]] = {
    "open('new.txt', 'w')": ("new.txt",),
    "open('calc.py', 'a').write('#')": ("calc.py",),
    "import os; os.remove('calc.py')": ("calc.py",),
    "import os; os.rename('calc.py', 'moved.py')": ("calc.py", "moved.py"),
    "import os; os.makedirs('a/b')": ("a/", "a/b/"),
    "import os; os.symlink('/etc/passwd', 'link')": ("link",),
    "import atexit; atexit.register(lambda: open('late.txt', 'w'))": ("late.txt",),
    "import os\n    t = open('calc.py').read(); open('calc.py', 'w').write(t)": (),
    "import os; os.makedirs('__pycache__', exist_ok=True); open('__pycache__/x.pyc', 'w')": (),
    "open('/tmp/x', 'w')\n    import os\n    open(os.path.expanduser('~/x'), 'w')": (),
}


def test_what_is_left_in_the_tree_is_told_and_is_gone_for_the_next(tmp_path: Path) -> None:
    paths = {text: f"test_leaves_{number}.py" for number, text in enumerate(LEAVES)}
    files = {path: f"def test_it():\n    {text}\n" for text, path in paths.items()}
    files |= {"calc.py": "def one():\n    return 1\n", "test_good.py": "import calc\ndef test_good(): calc.one()\n"}
    lab = pytest_runner(tmp_path, files, within=sandbox(Tier.BUBBLEWRAP))
    # The one after each is what would find something: that tells of no more than is its own.
    *results, good = lab.run(
        [
            *(PytestRun(text, select=(path,)) for text, path in paths.items()),
            PytestRun("good", select=("test_good.py",)),
        ]
    )
    assert {each.name: each.left for each in results} == LEAVES
    assert [each.problem for each in results if not each.completed or each.failed] == []
    assert (good.completed, good.left, [test.outcome for test in good.tests]) == (True, (), [Outcome.PASSED])


def test_bytecode_that_one_run_plants_is_not_run_by_the_next(tmp_path: Path, strongest: Tier) -> None:
    plant = (
        "import importlib.util, marshal, os, struct, sys\ndef test_it():\n"
        "    s = os.stat('calc.py')\n"
        "    code = compile('def one():\\n    return 2', 'calc.py', 'exec')\n"
        "    path = importlib.util.cache_from_source('calc.py')\n"
        "    os.makedirs('__pycache__', exist_ok=True)\n"
        "    open(path, 'wb').write(importlib.util.MAGIC_NUMBER + struct.pack('<III', 0, int(s.st_mtime), s.st_size)"
        " + marshal.dumps(code))\n"
    )
    files = {"calc.py": "def one():\n    return 1\n", "test_plant.py": plant}
    files["test_one.py"] = "import calc\ndef test_one(): assert calc.one() == 1\n"
    lab = pytest_runner(tmp_path, files, within=sandbox(strongest))
    _, after = lab.run([PytestRun("p", select=("test_plant.py",)), PytestRun("o", select=("test_one.py",))])
    assert (after.completed, after.failed) == (True, ())


DAEMON = """
import os, time
def test_it():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    os.wait()
"""


def test_a_daemon_is_counted_and_ended(tmp_path: Path, tier: Tier) -> None:
    result, _ = both(tmp_path, tier, DAEMON)
    assert (result.completed, result.processes_left) == (True, 1)


def test_a_loop_is_ended_at_its_limit_and_named(tmp_path: Path, strongest: Tier) -> None:
    result, _ = both(tmp_path, strongest, "def test_first(): pass\ndef test_it():\n    while True: pass\n", seconds=4)
    assert not result.completed
    assert result.problem == "it did not end within 4 seconds, during test_hostile.py::test_it"


def test_a_thread_that_stays_keeps_nobody_waiting(tmp_path: Path, strongest: Tier) -> None:
    text = "import threading, time\ndef test_it(): threading.Thread(target=time.sleep, args=(60,)).start()\n"
    result, _ = both(tmp_path, strongest, text, seconds=4)
    assert (result.completed, "although all tests have run" in result.problem) == (False, True)


def test_output_without_end_is_not_kept(tmp_path: Path, strongest: Tier) -> None:
    text = (
        "import os\ndef test_it(capfd):\n    with capfd.disabled():\n"
        "        for _ in range(600): os.write(1, b'x' * 1_000_000)\n    assert 0\n"
    )
    result, _ = both(tmp_path, strongest, text)
    assert not claims(result)


def test_forks_without_end_stop_at_the_limit(tmp_path: Path, tier: Tier) -> None:
    text = "import os, time\ndef test_it():\n    while True:\n        if os.fork() == 0: time.sleep(60)\n"
    result, _ = both(tmp_path, tier, text, limits=Limits(processes=40))
    assert [test.exception for test in result.failed] == ["BlockingIOError"]
    assert result.processes_left > 10


def test_memory_without_end_stops_that_run_alone(tmp_path: Path, tier: Tier) -> None:
    text = "def test_it():\n    kept = [bytearray(50_000_000) for _ in range(100)]\n"
    result, _ = both(tmp_path, tier, text, limits=Limits(memory_bytes=600 << 20))
    assert not claims(result)
