from collections.abc import Mapping
from dataclasses import replace

import pytest

from cicd_agent.analysis.test_selection.map_builder import build_map
from cicd_agent.analysis.test_selection.selection import Selection, affected
from cicd_agent.analysis.test_selection.test_map import TestMap
from cicd_agent.domain.repository.change import Change, ChangeSource, Commit
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.trials.test_run import Outcome, RunResult, TestOutcome, TestTrace

COMMIT = "a" * 40
APP = """\
LIMIT = 3


def a(x=1):
    return x


def b():
    def inner():
        return a()

    return inner


class Plain:
    def m(self):
        return 1


class Child(Plain):
    def n(self):
        return 2


def at_import():
    return 4


def start():
    return __import__("os").system("true")


TABLE = at_import()
"""
TEST = "from app import a\n\n\ndef test_a():\n    assert a()\n\n\ndef test_p(x):\n    assert x\n"
OTHER = "import app\n\n\nclass TestB:\n    def test_b(self):\n        assert app.b()\n"
FILES = {
    "src/app.py": APP,
    "tests/test_app.py": TEST,
    "tests/test_other.py": OTHER,
    "src/unused.py": "def u():\n    pass\n",
}
A, P, P_ODD = (f"tests/test_app.py::{name}" for name in ("test_a", "test_p[1]", "test_p[a b]"))
B, S = "tests/test_other.py::TestB::test_b", "tests/test_other.py::test_start"
USED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    A: (("a", "Plain.m"), ("data/one.json",)),
    P: (("Child.n",), ()),
    P_ODD: (("Child.n",), ()),
    B: (("b.<locals>.inner",), ("data/two.json", "docs/guide.md")),
    S: (("a",), ()),
}


def mapped(files: Mapping[str, str] = FILES, **outcomes: Outcome) -> TestMap:
    tests = tuple(TestOutcome(test, outcomes.get(test.rpartition("::")[2], Outcome.PASSED), 1.0) for test in USED)
    traces = tuple(
        TestTrace(test, tuple(f"src/app.py::{name}" for name in functions), opened)
        for test, (functions, opened) in USED.items()
    )
    outside = TestTrace("", (*(f"{path}::" for path in files), "src/app.py::at_import"))
    result = RunResult("traced", completed=True, tests=tests, traces=(outside, *traces))
    return build_map(result, files, COMMIT, "3.12.4")


def changed(files: Mapping[str, str], *more: FileDiff) -> Change:
    """A change that leaves `files` as they are given, which were there unless they are not among FILES."""
    diffs = tuple(
        FileDiff(path, path, ChangeKind.MODIFIED if path in FILES or "data/" in path else ChangeKind.ADDED)
        for path in files
    )
    paths = (*FILES, "data/one.json", "data/two.json", "docs/guide.md", *files)
    return Change(COMMIT, "", ChangeSource.WORKTREE, (*diffs, *more), texts=files, paths=paths)


def choose(files: Mapping[str, str], *more: FileDiff, test_map: TestMap | None = None) -> Selection:
    change = changed(files, *more)
    return affected(test_map or mapped(), change, change, "3.12.9")


def edited(old: str, new: str, path: str = "src/app.py") -> Selection:
    assert old in FILES[path]
    return choose({path: FILES[path].replace(old, new)})


@pytest.mark.parametrize(
    ("old", "new", "tests"),
    [
        ("return x\n", "return x + 1\n", [A, S]),
        ("return a()\n", "return a() + 1\n", [B]),
        ("    return inner", "    return lambda: inner()", [B]),
        ("return 2", "return 3", ["tests/test_app.py::test_p"]),
        ("return x\n", "return x  # the same\n", []),
        ("return x\n", '"""Words."""\n    return x\n', []),
        ("return 1\n", "return 1\n\n    def new(self):\n        return 5\n", []),
        ("return 2\n", "return 2\n\n    def m(self):\n        return 3\n", [A]),
        ("LIMIT = 3", "LIMIT = 4", []),
        ("class Child(Plain)", "class Child(object)", ["tests/test_app.py::test_p"]),
        ("return 4", "return 5", []),
        ("class Plain:", "def free():\n    return a()\n\n\nclass Plain:", []),
        ("def b():\n    def inner():\n        return a()\n\n    return inner\n", "", [B]),
    ],
)
def test_tests_that_executed_what_changed_are_chosen(old: str, new: str, tests: list[str]) -> None:
    found = edited(old, new)
    assert found.run_all == ()
    assert list(found.tests) == sorted(tests)
    assert found.skipped == sum(not found.selects(test) for test in USED)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("def a(x=1):\n    return x\n", "", "src/app.py: a was removed, which is imported"),
        ("def at_import", "def other", "src/app.py: at_import was removed, which is used at import"),
        ("class Plain:", "def __getattr__(name):\n    return 1\n\n\nclass Plain:", "src/app.py: __getattr__ changed"),
        ("class Plain:", "register(b)\n\n\nclass Plain:", "src/app.py: what runs at import for more than a name"),
        (
            "class Plain:",
            "def pytest_sessionstart(): pass\n\n\nclass Plain:",
            "src/app.py: pytest_sessionstart changed",
        ),
        ("class Plain:", "import unused\n\n\nclass Plain:", "src/app.py: nothing else imports src/unused.py"),
        ("LIMIT = 3", "LIMIT = (", "src/app.py: its text cannot be read as Python"),
    ],
)
def test_what_no_trace_tells_makes_every_test_run(old: str, new: str, reason: str) -> None:
    found = edited(old, new)
    assert found.scope == "full"
    assert found.run_all[0].startswith(reason)
    assert (found.tests, found.files, found.skipped) == ((), (), 0)


@pytest.mark.parametrize(
    ("more", "tests"),
    [
        ({}, [A, B, S]),
        ({"tests/test_app.py": TEST.replace("assert x", "assert getattr(x, 'a')")}, [A, B, S, P.partition("[")[0]]),
        (
            {"tests/test_app.py": TEST.replace("assert x", "assert inspect.signature(x)")},
            [A, B, S],
        ),
        ({"src/table.py": "from app import a\n\nTABLE = {'a': a}\n"}, [A, B, S]),
        ({"src/table.py": "from app import a as other\n"}, [A, B, S]),
        ({"src/table.py": "from app import a\n\n__all__ = ['a']\n"}, [A, B, S]),
        ({"src/app.py": APP.replace("def a(", "@cache\ndef a(")}, [A, B, S]),
    ],
)
def test_a_signature_reaches_those_that_name_the_function(more: dict[str, str], tests: list[str]) -> None:
    files = {**FILES, **more}
    found = choose({"src/app.py": files["src/app.py"].replace("x=1", "x=2")}, test_map=mapped(files))
    assert (found.run_all, sorted(found.tests)) == ((), sorted(tests))


@pytest.mark.parametrize(
    ("old", "new", "tests", "files"),
    [
        ("assert a()", "assert a() == 1", [A], []),
        ("def test_p", "def test_new():\n    assert 1\n\n\ndef test_p", ["tests/test_app.py::test_new"], []),
        ("from app import a", "from app import a, b", [], ["tests/test_app.py"]),
        ("def test_p(x)", "@pytest.mark.slow\ndef test_p(x)", ["tests/test_app.py::test_p"], []),
        ("def test_p(x)", "@pytest.fixture\ndef x():\n    return 1\n\n\ndef test_p(x)", [], ["tests/test_app.py"]),
        ("def test_a():\n    assert a()\n", "", [], []),
    ],
)
def test_changed_and_new_tests_are_chosen(old: str, new: str, tests: list[str], files: list[str]) -> None:
    found = edited(old, new, "tests/test_app.py")
    assert (list(found.tests), list(found.files), found.run_all) == (tests, files, ())


def test_what_another_module_imports_of_a_test_module_reaches_all() -> None:
    files = {**FILES, "tests/test_other.py": OTHER + "from tests.test_app import test_a as again\n"}
    new = {"tests/test_app.py": "prepare()\n" + TEST}
    reason = "tests/test_app.py: what runs at import for more than a name changed"
    assert choose(new, test_map=mapped(files)).run_all == (reason,)


@pytest.mark.parametrize(
    ("path", "tests"), [("data/one.json", [A]), ("data/two.json", [B]), ("docs/guide.md", [B]), ("docs/other.md", [])]
)
def test_tests_that_opened_a_changed_file_are_chosen(path: str, tests: list[str]) -> None:
    found = choose({}, FileDiff(path, path, ChangeKind.MODIFIED))
    assert (list(found.tests), found.run_all) == (tests, ())
    assert bool(found.notes) == (not tests)


def file(path: str, kind: ChangeKind = ChangeKind.MODIFIED, old: str = "", modes: str = "") -> FileDiff:
    before, _, after = modes.partition(" ")
    return FileDiff(path, old or path, kind, old_mode=before, new_mode=after)


@pytest.mark.parametrize(
    ("diff", "reason"),
    [
        (file("tests/conftest.py"), "conftest.py"),
        (file("pyproject.toml"), "configuration"),
        (file("tox.ini"), "configuration"),
        (file("sub/pytest.ini", ChangeKind.ADDED), "configuration"),
        (file("old.ini", ChangeKind.RENAMED, "pytest.ini"), "configuration"),
        (file("requirements-dev.txt"), "what is installed"),
        (file("uv.lock"), "what is installed"),
        (file("data/three.json", ChangeKind.ADDED), "a data file that no test opened"),
        (file(".github/workflows/ci.yml"), "a data file that no test opened"),
        (file("src/fast.c"), "a data file that no test opened"),
        (file("tests/data/readme.md"), "a data file that no test opened"),
        (file("src/unused.py", ChangeKind.DELETED), "deleted"),
        (file("src/next.py", ChangeKind.RENAMED, "src/unused.py"), "renamed, it was src/unused.py"),
        (file("vendor/lib", modes="160000 160000"), "a submodule"),
        (file("data/one.json", modes="120000 120000"), "a symbolic link"),
        (file("src/app.py", modes="100644 100755"), "its mode changed"),
        (file("src/__init__.py", ChangeKind.ADDED), "it makes its folder a package"),
        (file("lib/app.py", ChangeKind.ADDED), "new, and something of its name is imported already"),
        (file("src/app.py"), "its text cannot be read as Python"),
    ],
)
def test_files_of_some_kinds_make_every_test_run(diff: FileDiff, reason: str) -> None:
    assert f"{diff.path}: {reason}" in choose({}, diff).run_all


def test_a_new_module_that_nobody_imports_reaches_no_test() -> None:
    assert choose({"src/fresh.py": "X = 1\n"}).scope == "none"


def test_a_new_module_beside_modules_that_are_loaded_by_name_reaches_all() -> None:
    files = {path: text for path, text in FILES.items() if not path.startswith("tests/")}
    (reason,) = choose({"src/fresh.py": "X = 1\n"}, test_map=mapped(files)).run_all
    assert reason == "src/fresh.py: new, and modules beside it are loaded by name (src/app.py)"


def test_a_new_test_module_runs_whole_and_a_deleted_one_not_at_all() -> None:
    found = choose({"tests/test_new.py": "def test_n(): pass\n"}, file("tests/test_app.py", ChangeKind.DELETED))
    assert (found.scope, found.tests, found.files) == ("affected", (), ("tests/test_new.py",))
    assert not found.selects(A)
    assert found.skipped == len([B, S]), "what is gone was not left out"


def test_a_deleted_test_module_that_another_imports_makes_every_test_run() -> None:
    files = {**FILES, "tests/test_other.py": f"import test_app\n{OTHER}"}
    found = choose({}, file("tests/test_app.py", ChangeKind.DELETED), test_map=mapped(files))
    assert found.run_all == ("tests/test_app.py: gone, and something of its name is imported",)


def test_a_module_that_the_map_does_not_know_makes_every_test_run() -> None:
    known = mapped()
    without = replace(known, sources={path: each for path, each in known.sources.items() if path != "src/app.py"})
    assert choose({"src/app.py": APP + "\n"}, test_map=without).run_all == ("src/app.py: not known to the test map",)


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.PASSED])
def test_a_test_that_did_not_pass_always_runs(outcome: Outcome) -> None:
    found = choose({"src/fresh.py": ""}, test_map=mapped(test_b=outcome))
    assert found.tests == (B,)
    assert "when the map was made" in found.because[B]


def test_a_test_that_starts_processes_always_runs() -> None:
    files = {**FILES, "src/app.py": APP.replace("return 2", "return run('x')") + "from subprocess import run\n"}
    found = choose({"src/fresh.py": ""}, test_map=mapped(files))
    assert found.tests == ("tests/test_app.py::test_p",)
    assert (
        found.because["tests/test_app.py::test_p"] == "src/app.py::Child.n can start a process, where nothing is traced"
    )


def test_a_test_that_opened_what_git_does_not_have_always_runs() -> None:
    change = replace(changed({"src/fresh.py": ""}), paths=(*FILES, "data/one.json", "docs/guide.md"))
    found = affected(mapped(), change, change, "3.12.9")
    assert found.because == {B: "it opened data/two.json, which git does not have"}


def test_a_path_that_a_shell_would_take_apart_makes_every_test_run() -> None:
    found = choose({"tests/test_my new.py": "def test_n(): pass\n"})
    assert found.run_all == ("'tests/test_my new.py' cannot be given to pytest as it is",)


def commits(*shas: str) -> tuple[Commit, ...]:
    return tuple(Commit(sha, "") for sha in shas)


@pytest.mark.parametrize(
    ("change", "python", "reason"),
    [
        (replace(changed({}), base="b" * 40), "3.12.4", "which this commit does not come from"),
        (replace(changed({}), notes=("2 merge bases",)), "3.12.4", "not all of the change is known: 2 merge bases"),
        (replace(changed({}), commits=commits("c" * 40) * 150), "3.12.4", "stale: 149 commits older than the base"),
        (changed({}), "3.13.4", "made with Python 3.12.4, this is Python 3.13.4"),
        (changed({}), "", "which Python runs the tests here is not known"),
        (changed({f"src/{n}.py": "" for n in range(1_001)}), "3.12.4", "the change is too large: 1,001 files"),
    ],
)
def test_a_map_that_does_not_fit_makes_every_test_run(change: Change, python: str, reason: str) -> None:
    over = replace(changed({}), commits=commits("c" * 40))
    (found,) = affected(mapped(), over, change, python).run_all
    assert reason in found


def test_a_map_made_under_the_change_itself_is_not_used() -> None:
    over = replace(changed({}), base="b" * 40, commits=commits(COMMIT))
    (reason,) = affected(mapped(), over, changed({}), "3.12.4").run_all
    assert "which the base does not have" in reason


def test_nothing_changed_means_nothing_to_run() -> None:
    assert choose({}) == Selection(skipped=len(USED))
