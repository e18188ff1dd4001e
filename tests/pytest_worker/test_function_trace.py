"""What is called and opened, in a process of its own: a trace holds what there is one of in a process."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cicd_agent.pytest_worker

WORKER = Path(cicd_agent.pytest_worker.__file__).parent
OTHERS = [
    found
    for name in ("python3.9", "python3.10", "python3.12", "python3.13", "python3.14")
    if (found := shutil.which(name))
]
SOURCE = """\
import threading

def early():
    return 1

class C:
    size = early()

    def method(self):
        return [each for each in (lambda: (1, 2))()]

def factory():
    class Inner:
        def deep(self):
            return 1
    return Inner()

def steps():
    yield 1
    yield 2

def busy(number):
    return number

def in_thread():
    thread = threading.Thread(target=busy, args=(1,))
    thread.start()
    thread.join()

def reads(path):
    with open(path) as file:
        return file.read()
"""
NEWLINE = "\n"
PROGRAM = """\
import json, os, sys, types
worker, top = sys.argv[1:]
package = sys.modules["worker"] = types.ModuleType("worker")
package.__path__ = [worker]
from worker.function_trace import FunctionTrace
sys.path[:0] = [top]
sys.dont_write_bytecode = True
trace = FunctionTrace(top, ["left_out"])
trace.start()
import app, left_out.other
trace.switch("test:method")
app.C().method()
trace.switch("test:again")
app.C().method()
left_out.other.f()
trace.switch("test:factory")
app.factory().deep()
steps = app.steps()
trace.switch("test:begun")
next(steps)
trace.switch("test:goes on")
next(steps)
trace.switch("test:thread")
app.in_thread()
trace.switch("test:opened")
app.reads(os.path.join(top, "data.txt"))
open("/dev/null").close()
trace.switch("test:profiled")
sys.setprofile(lambda *_: None)
app.busy(1)
sys.setprofile(None)
trace.stop()
app.busy(2)
open(os.path.join(top, "app.py")).close()
print(json.dumps([{key: sorted(names) for key, names in trace.functions.items()},
                  {key: sorted(names) for key, names in trace.opened.items()}, sorted(trace.lost),
                  {key: sorted(names) for key, names in trace.by_statement.items() if names}]))
"""


@pytest.mark.parametrize("python", [sys.executable, *OTHERS])
def test_each_context_has_what_was_called_and_opened_in_it(python: str, tmp_path: Path) -> None:
    for name, text in {"app.py": SOURCE, "data.txt": "x", "left_out/other.py": "def f(): pass\n"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    line = [python, "-c", PROGRAM, str(WORKER), str(tmp_path)]
    ran = subprocess.run(line, check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""})
    if "command not found" in ran.stderr:
        pytest.skip(f"{python} does not start")
    assert ran.returncode == 0, ran.stderr
    functions, opened, lost, by_statement = json.loads(ran.stdout)
    assert set(by_statement) <= {
        f"app.py:{SOURCE[: SOURCE.index(part)].count(NEWLINE) + 1}" for part in ("class C", "size")
    }
    early = functions.pop("")
    assert functions.pop("test:profiled", None) == ["app.py::busy"] or lost == ["test:profiled"]
    assert opened == {"test:opened": ["data.txt"]}
    wanted = {
        "": ["", "early"],
        "test:method": ["C.method"],
        "test:again": ["C.method"],
        "test:factory": ["factory", "factory.<locals>.Inner.deep"],
        "test:begun": ["steps"],
        "test:goes on": ["steps"],
        "test:thread": ["busy", "in_thread"],
        "test:opened": ["reads"],
    }
    found = {
        context: sorted({name.partition("::")[2] for name in names if not name.endswith(">")})
        for context, names in {"": early, **functions}.items()
    }
    if "early" not in found[""]:
        # Before Python 3.11 a function is told by its line.
        lines = {name: str(SOURCE[: SOURCE.index(f"def {name}(")].count("\n") + 1) for name in ("early", "steps")}
        assert {"", lines["early"]} <= {*found[""]}
        assert found["test:begun"] == [lines["steps"]]
    else:
        assert [*by_statement.values()] == [["app.py::early"]]
        assert found == wanted


def test_a_file_is_named_as_it_lies_whatever_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "here.py").write_text("def f():\n    return 1\n")
    program = (
        "import sys\nsys.path[:0] = ['.', " + repr(str(WORKER.parent.parent)) + "]\n"
        "from cicd_agent.pytest_worker.function_trace import FunctionTrace\n"
        "trace = FunctionTrace(" + repr(str(tmp_path)) + ", [])\ntrace.start()\ntrace.switch('test:a')\n"
        "sys.path_importer_cache.clear()\nexec(compile('def g(): pass\\ng()', '<made>', 'exec'), {})\n"
        "exec(compile(open('here.py').read() + 'f()', " + repr(f"{tmp_path}/./here.py") + ", 'exec'), {})\n"
        "trace.stop()\nprint(sorted(trace.functions.get('test:a', ())))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "['here.py::', 'here.py::f']"
