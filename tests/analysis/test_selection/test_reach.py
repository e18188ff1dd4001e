"""What a changed statement reaches: small projects are run before and after, and what ends otherwise is chosen."""

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, ModuleType

import pytest

from cicd_agent.analysis.test_selection.map_builder import build_map
from cicd_agent.analysis.test_selection.selection import Selection, affected
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.trials.test_run import Outcome, RunResult, TestOutcome, TestTrace

COMMIT = "a" * 40


@contextmanager
def modules(top: Path, files: Mapping[str, str]) -> Iterator[None]:
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    before = set(sys.modules)
    sys.path.insert(0, str(top))
    sys.dont_write_bytecode, written = True, sys.dont_write_bytecode
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = written
        sys.path.remove(str(top))
        for name in set(sys.modules) - before:
            del sys.modules[name]


class Tracer:
    """What of the project is called."""

    def __init__(self, top: Path) -> None:
        self.seen: set[CodeType] = set()
        self._top = f"{top}/"

    def __call__(self, frame: FrameType, *_: object) -> None:
        if frame.f_code.co_filename.startswith(self._top):
            self.seen.add(frame.f_code)

    def names(self) -> tuple[str, ...]:
        return tuple(f"{code.co_filename.removeprefix(self._top)}::{_name(code)}" for code in self.seen)


def _name(code: CodeType) -> str:
    return code.co_qualname.replace("<module>", "") if code.co_flags & 1 else ""


def run(top: Path, files: Mapping[str, str]) -> RunResult:
    """The tests of files that are called so, as a traced run of pytest tells them."""
    tracer, before = Tracer(top), sys.gettrace()
    tests: list[TestOutcome] = []
    traces: list[TestTrace] = []
    with modules(top, files):
        loaded: dict[str, ModuleType | None] = {}
        sys.settrace(tracer)
        try:
            for path in (path for path in files if path.startswith("test_")):
                try:
                    loaded[path] = importlib.import_module(path.removesuffix(".py"))
                except Exception:  # noqa: BLE001  as pytest does
                    loaded[path] = None
            traces.append(TestTrace("", tracer.names()))
            for path, module in loaded.items():
                for name in [
                    line.split("(")[0][4:] for line in files[path].splitlines() if line.startswith("def test")
                ]:
                    tracer.seen.clear()
                    outcome = Outcome.PASSED if module else Outcome.ERROR
                    try:
                        if module:
                            getattr(module, name)()
                    except Exception:  # noqa: BLE001  as pytest does
                        outcome = Outcome.FAILED
                    tests.append(TestOutcome(f"{path}::{name}", outcome, 1.0))
                    traces.append(TestTrace(f"{path}::{name}", tracer.names()))
        finally:
            sys.settrace(before)
    return RunResult("suite", completed=True, tests=tuple(tests), traces=tuple(traces))


@dataclass(frozen=True)
class Case:
    """In a project of `m.py`, more files, and tests by their bodies, `old` becomes `new`: in m.py unless it is said."""

    m: str
    old: str
    new: str
    tests: Mapping[str, str]
    chosen: str
    """Names of tests, "everything" for that."""
    more: Mapping[str, str] | None = None
    path: str = "m.py"

    @property
    def files(self) -> dict[str, str]:
        tests = "".join(f"def test_{name}():\n    {body}\n\n\n" for name, body in self.tests.items())
        # One that has nothing to do with it, and one that only imports it.
        idle = "import m\n\n\ndef test_idle():\n    assert 1\n"
        imports = "" if "#" in next(iter(self.tests.values())) else "import m\n\n\n"
        return {
            "m.py": f"{self.m}\n\n\ndef h():\n    return 0\n",
            **(self.more or {}),
            "test_m.py": imports + tests,
            "test_idle.py": idle,
        }


CONSTANT = "LIMIT = 3\nOTHER = 4\n\n\ndef f():\n    return LIMIT\n\n\ndef g():\n    return OTHER\n"
USES = {"f": "assert m.f() == 3", "g": "assert m.g() == 4", "limit": "assert m.LIMIT == 3"}
CLASS = "class A:\n    size = 1\n\n    def get(self):\n        return self.size\n\n\nclass B(A):\n    pass"
REGISTRY = """\
REGISTRY = {}


def register(cls):
    REGISTRY[cls.__name__] = cls
    return cls


@register
class A:
    pass


def names():
    return sorted(REGISTRY)
"""
H = {"h": "assert m.h() == 0"}
CASES = {
    "a constant": Case(CONSTANT, "LIMIT = 3", "LIMIT = 5", USES, "f limit"),
    "a version that nobody reads": Case("__version__ = '1'\n" + CONSTANT, "'1'", "'2'", USES, ""),
    "a name imported from another module": Case(
        CONSTANT, "LIMIT = 3", "LIMIT = 5", {"n": "import n; assert n.LIMIT == 3", **USES}, "n f limit",
        {"n.py": "from m import LIMIT\n"},
    ),
    "under another name": Case(
        CONSTANT, "LIMIT = 3", "LIMIT = 5", {"n": "import n; assert n.MOST == 3", "g": USES["g"]}, "n",
        {"n.py": "from m import LIMIT as MOST\n", "test_n.py": "import n\n"},
    ),
    "all names of a module": Case(
        CONSTANT, "LIMIT = 3", "LIMIT = 5", {"n": "import n; assert n.value() == 3", "g": USES["g"]}, "n",
        {"n.py": "from m import *\n\n\ndef value():\n    return LIMIT\n"},
    ),
    "a default argument": Case(
        "SIZE = 1\n\n\ndef f(size=SIZE):\n    return size", "SIZE = 1", "SIZE = 2",
        {"f": "assert m.f() == 1", **H}, "f",
    ),
    "a signature": Case(
        "def f(size=1):\n    return size", "size=1", "size=2",
        {"f": "assert m.f() == 1", **H}, "f",
    ),
    "a signature of what is never executed": Case(
        "def f(size=1):\n    return size", "size=1", "size=1, other=2",
        {"f": "import inspect; assert len(inspect.signature(m.f).parameters) == 1", **H}, "f",
    ),
    "an attribute of a class, by an instance of a subclass": Case(
        CLASS, "size = 1", "size = 2", {"b": "assert m.B().get() == 1", **H}, "b"
    ),
    "a new attribute in a subclass": Case(
        CLASS, "    pass\n", "    size = 2\n", {"b": "assert m.B().get() == 1", **H}, "b"
    ),
    "a new method in a subclass": Case(
        CLASS, "    pass\n", "    def get(self):\n        return 3\n", {"b": "assert m.B().get() == 1", **H}, "b"
    ),
    "a base": Case(CLASS, "class B(A)", "class B(object)", {"b": "assert m.B().get() == 1", **H}, "b"),
    "a decorator": Case(
        "def twice(f):\n    return lambda: 2 * f()\n\n\ndef f():\n    return 1",
        "def f():", "@twice\ndef f():", {"f": "assert m.f() == 1", **H}, "f",
    ),
    "the body of a decorator": Case(
        "def twice(f):\n    result = 2 * f()\n    return lambda: result\n\n\n@twice\ndef f():\n    return 1\n",
        "2 * f", "3 * f", {"f": "assert m.f() == 2", **H}, "f",
    ),
    "a field of a dataclass": Case(
        "from dataclasses import dataclass\n\n\n@dataclass\nclass A:\n    one: int = 1",
        "one: int = 1", "one: int = 1\n    two: int = 2", {"a": "assert repr(m.A()) == 'A(one=1)'", **H}, "a",
    ),
    "what is registered": Case(
        REGISTRY, "def names", "@register\nclass B:\n    pass\n\n\ndef names",
        {"names": "assert m.names() == ['A']", **H}, "names",
    ),
    "what is registered in another module": Case(
        REGISTRY, "x = 1", "@register\nclass B:\n    pass",
        {"names": "assert m.names() == ['A']", **H}, "names",
        {"n.py": "from m import register\n\nx = 1\n", "test_n.py": "import n\n"}, "n.py",
    ),
    "a registry that is an object": Case(
        "class Registry:\n    def __init__(self):\n        self.all = []\n\n    def add(self, f):\n"
        "        self.all.append(f)\n        return f\n\n\nregistry = Registry()",
        "def h", "@registry.add\ndef new():\n    pass\n\n\ndef h",
        {"all": "assert not m.registry.all", **H}, "all",
    ),
    "a statement that calls a method": Case(
        "ALL = [1]\n\n\ndef f():\n    return len(ALL)", "def f", "ALL.append(2)\n\n\ndef f",
        {"f": "assert m.f() == 1", **H}, "f",
    ),
    "a statement that calls a function": Case(
        CONSTANT, "OTHER = 4", "OTHER = 4\nprint()", USES, "everything",
    ),
    "a conditional import": Case(
        "try:\n    from json import dumps\nexcept ImportError:\n    dumps = None\n\n\n"
        "def f():\n    return dumps is None\n",
        "from json import dumps", "from json import nothing as dumps", {"f": "assert not m.f()", **H}, "f",
    ),
    "a condition": Case(
        "FAST = True\nif FAST:\n    def f():\n        return 1\nelse:\n    def f():\n        return 2",
        "FAST = True", "FAST = False", {"f": "assert m.f() == 1", **H}, "f",
    ),
    "what is monkeypatched": Case(
        CONSTANT, "LIMIT = 3", "LIMIT = 5",
        {"patched": "old = m.__dict__['LIMIT']; m.f(); assert old == 3", "g": USES["g"]}, "patched",
    ),
    "a metaclass": Case(
        "class Meta(type):\n    def __new__(cls, name, bases, space):\n        space['mark'] = 1\n"
        "        return super().__new__(cls, name, bases, space)\n\n\nclass A(metaclass=Meta):\n    pass\n\n\n"
        "class B(A):\n    pass",
        "= 1", "= 2", {"b": "assert m.B.mark == 1", **H}, "b",
    ),
    "what is called for each subclass": Case(
        "class A:\n    known = []\n\n    def __init_subclass__(cls):\n        A.known.append(cls.__name__)\n\n\n"
        "class B(A):\n    pass",
        "def h", "class C(A):\n    pass\n\n\ndef h", {"known": "assert m.A.known == ['B']", **H}, "known",
    ),
    "a subclass where they are asked for": Case(
        CLASS, "def h", "class C(A):\n    pass\n\n\ndef h",
        {"all": "assert len(m.A.__subclasses__()) == 1", **H}, "all",
    ),
    "by a name made at run time": Case(
        CLASS, "size = 1", "size = 2", {"b": "assert getattr(m.B(), 'si' + 'ze') == 1", **H}, "b"
    ),
    "by a name in a string": Case(CONSTANT, "LIMIT = 3", "LIMIT = 5", {"s": "assert getattr(m, 'LIMIT') == 3"}, "s"),
    "by a name of a module made at run time": Case(
        CONSTANT, "LIMIT = 3", "LIMIT = 5",
        {"s": "assert getattr(m, 'LIM' + 'IT') == 3", "g": "import m as n; assert n.g() == 4"}, "s",
    ),
    "all that is exported": Case(
        "__all__ = ['f']\n" + CONSTANT, "['f']", "['f', 'g']",
        {"all": "assert m.__all__ == ['f']", "g": USES["g"]}, "all",
    ),
    "the variables of a module": Case(
        CONSTANT, "OTHER = 4", "OTHER = 4\nNEW = 5",
        {"vars": "assert 'NEW' not in vars(m)", "g": USES["g"]}, "vars",
    ),
    "a docstring": Case(
        'def f():\n    """Old."""\n\n\ndef h():\n    return 0\n', "Old", "New",
        {"doc": "assert m.f.__doc__ == 'Old.'", "f": "m.f()", **H}, "doc",
    ),
    "the docstring of a module": Case(
        '"""Old."""\n\n\ndef h():\n    return 0\n', "Old", "New", {"doc": "assert m.__doc__ == 'Old.'", **H}, "doc"
    ),
    "an annotation": Case(
        "def f(x: int):\n    return x", "int", "str",
        {"hints": "assert m.f.__annotations__ == {'x': int}", "f": "m.f(1)", **H}, "hints",
    ),
    "a place among statements": Case(
        "A = 1\nB = A\nA = 2\n\n\ndef f():\n    return B", "B = A\nA = 2\n", "A = 2\nB = A\n",
        {"f": "assert m.f() == 1", **H}, "f",
    ),
    "what cannot be imported any more": Case(
        CONSTANT, "OTHER = 4", "OTHER = 4\nPATTERN = int('x')", USES, "f"
    ),
    "what another module imports": Case(
        CONSTANT, "LIMIT = 3\n", "", USES, "everything", {"n.py": "from m import LIMIT\n", "test_n.py": "import n\n"}
    ),
    "a table of all that a module has": Case(
        CONSTANT, "OTHER = 4", "OTHER = 4\nNEW = 5",
        {"n": "assert 'NEW' not in m.n.ALL", "g": USES["g"]}, "n",
        {"n.py": "import m\n\nALL = dir(m)\nm.n = __import__('n')\n", "test_n.py": "import n\n"},
    ),
    "a parameter of a test": Case(
        CONSTANT, "LIMIT = 3", "LIMIT = 5", {"data": "assert [3] == DATA # its own", "h": "pass"}, "data",
        {"test_m.py": "", "conf.py": ""},
    ),
}  # fmt: skip


def chosen_of(case: Case, top: Path) -> tuple[Selection, set[str]]:
    """What is chosen, and what then ends otherwise."""
    files = case.files
    if "DATA" in "".join(case.tests.values()):
        files["test_m.py"] = "import m\n\nDATA = [m.LIMIT]\n\n\n" + files["test_m.py"]
    assert case.old in files[case.path]
    after = {**files, case.path: files[case.path].replace(case.old, case.new)}
    before = run(top / "before", files)
    assert [test for test in before.tests if test.outcome is not Outcome.PASSED] == []
    test_map = build_map(before, files, COMMIT, "3.12.1")
    diff = FileDiff(case.path, case.path, ChangeKind.MODIFIED)
    since = Change(COMMIT, "", ChangeSource.WORKTREE, (diff,), texts=after, paths=tuple(files))
    ends = {test.nodeid for test in run(top / "after", after).tests if test.outcome is not Outcome.PASSED}
    return affected(test_map, since, since, "3.12.1"), ends


@pytest.mark.parametrize("name", CASES)
def test_a_change_reaches_the_tests_that_can_notice_it(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    found, ends = chosen_of(case, tmp_path)
    if case.chosen == "everything":
        assert found.run_all
        return
    assert (found.run_all, found.files) == ((), ())
    assert {nodeid.rpartition("test_")[2] for nodeid in found.tests} == {*case.chosen.split()}
    if len(ends) < len([line for text in case.files.values() for line in text.splitlines() if "def test" in line]):
        assert {nodeid for nodeid in ends if not found.selects(nodeid)} == set()
