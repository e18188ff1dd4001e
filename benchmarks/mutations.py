"""How many of a fixed list of hand-made mutations the tests catch: `python benchmarks/mutations.py`.

Each mutation of mutations.toml is made in a copy of the tree and judged by the tests that concern its file: those that
name its module, those of its feature, and those that name a module which imports it, nearest first. The first failure
catches it.
At the end each test that has failed runs again without any mutation: one that fails then has caught nothing.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from shutil import copy2

ROOT = Path(__file__).resolve().parents[1]
MIN_CAUGHT = 0.95
SIDE_BY_SIDE = 2
MAX_INDIRECT = 20
"""Files of tests that name the module only by others; one takes some seconds."""
MAX_SECONDS = 900
_IMPORT = re.compile(r"^\s*(?:from (cicd_agent[\w.]*) import (\(?[^#\n]*)|import (cicd_agent[\w.]*))", re.MULTILINE)
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::.*?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutation:
    """`file` below the package is a hint: the text may have moved. `before`: how it was at the starting commit."""

    file: str
    text: str
    replacement: str
    reason: str
    before: str | None = None
    caught_before: bool | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutation."""

    mutation: Mutation
    state: str
    """`caught`, `survived`, `not found`, `undecided`."""
    test: str = ""
    seconds: float = 0.0


class Tree:
    """A tree under test: which module imports which, and which tests name which."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.source = top / "src/cicd_agent"
        self.texts = {path: path.read_text("utf-8") for path in self.source.rglob("*.py")}
        names = {path: _dotted(path, self.source.parent) for path in self.texts}
        self._modules = {name: path for path, name in names.items()}
        self._users: dict[Path, set[Path]] = {}
        for path, text in self.texts.items():
            for used in self._imported(text):
                self._users.setdefault(used, set()).add(path)
        self._tests: dict[Path, set[Path]] = {}
        for test in sorted((top / "tests").rglob("test_*.py")):
            if "corpus" not in test.parts:
                for used in self._imported(test.read_text("utf-8")):
                    self._tests.setdefault(used, set()).add(test)

    def _imported(self, text: str) -> Iterator[Path]:
        for package, names, module in _IMPORT.findall(text):
            candidates = [package or module, *(f"{package}.{name}" for name in re.findall(r"\w+", names))]
            yield from (self._modules[name] for name in candidates if name in self._modules)
        for name in re.findall(r'"(cicd_agent(?:\.\w+)+)', text):  # patched by its name
            parts = name.split(".")
            prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
            yield from (self._modules[each] for each in prefixes if each in self._modules)

    def find(self, mutation: Mutation) -> tuple[Path, str] | None:
        """The file with the text, and the text; None where no file has it, or several and the hint is none of them."""
        for text in filter(None, (mutation.text, mutation.before)):
            paths = [path for path, content in self.texts.items() if text in content]
            if (hint := self.source / mutation.file) in paths:
                return hint, text
            if len(paths) == 1:
                return paths[0], text
        return None

    def tests_of(self, path: Path) -> tuple[list[Path], ...]:
        """Tests that name the module, those of its feature, and those that name it by others, nearest first."""
        direct = sorted(self._tests.get(path, ()), key=lambda test: test.stem != f"test_{path.stem}")
        feature = path.relative_to(self.source).parts[1:2]
        beside = [
            test
            for test in (self.top / "tests").rglob("test_*.py")
            if test not in direct and not {*feature}.isdisjoint(test.parts)
        ]
        beside.sort(key=lambda test: ("end_to_end" in test.parts, test))
        indirect: list[Path] = []
        done, level = {path}, {path}
        while level := {user for each in level for user in self._users.get(each, ())} - done:
            done |= level
            near = {test for each in level for test in self._tests.get(each, ())}
            indirect += sorted(near - {*direct, *beside, *indirect})
        return direct, beside, indirect[:MAX_INDIRECT]


def _dotted(path: Path, source: Path) -> str:
    return ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")


def copied(top: Path, to: Path) -> Path:
    """A copy of what git knows of a tree."""
    for name in subprocess.check_output(["git", "ls-files", "-z"], cwd=top, text=True).split("\0"):
        if name and (top / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            copy2(top / name, to / name, follow_symlinks=False)
    if (wheels := top / ".wheelhouse").exists():
        (to / wheels.name).symlink_to(wheels.resolve())
    return to


def failing(copy: Path, tests: Sequence[str]) -> list[str] | None:
    """The first test that fails, or nothing; None when they do not end, or cannot be run."""
    environment = {**os.environ, "PYTHONPATH": f"{copy / 'src'}:{copy}", "PYTHONDONTWRITEBYTECODE": ""}
    fast = ("-m", "not slow") if (copy / "tests/durations.json").exists() else ()
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *fast, *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=MAX_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode in {0, 5}:  # 5: all of them are slow
        return []
    # What cannot be imported any more has no test to name.
    return _FAILED.findall(done.stdout) or ([f"exit code {done.returncode}"] if done.returncode in {1, 2} else None)


def judge(mutation: Mutation, tree: Tree, copy: Path) -> Result:
    began = time.monotonic()
    found = tree.find(mutation)
    if found is None:
        return Result(mutation, "not found")
    path, text = found
    target = copy / path.relative_to(tree.top)
    mutated = tree.texts[path].replace(text, mutation.replacement, 1)
    state, test = "survived", ""
    try:
        _write(target, mutated)
        for tests in tree.tests_of(path):
            failed = failing(copy, [str(each.relative_to(tree.top)) for each in tests]) if tests else []
            if failed is None:
                state = "undecided"
            elif failed:
                state, test = "caught", failed[0]
                break
    finally:
        _write(target, tree.texts[path])
    return Result(mutation, state, test, time.monotonic() - began)


def _write(path: Path, text: str) -> None:
    """Write a module so that nothing compiled before is taken for it, whatever its size and time."""
    path.write_text(text, "utf-8")
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()


def confirmed(results: Sequence[Result], copy: Path) -> Iterator[Result]:
    """The results, less what was caught by a test that fails without any mutation."""
    healthy: dict[str, bool] = {}
    for result in results:
        if "::" in result.test and result.test not in healthy:
            healthy[result.test] = failing(copy, [result.test]) == []
        yield result if healthy.get(result.test, True) else Result(result.mutation, "undecided", result.test)


def table(results: Sequence[Result]) -> Iterator[str]:
    width = max(len(result.mutation.file) for result in results)
    for result in sorted(results, key=lambda each: each.mutation.file):
        before = {None: "?", True: "caught", False: "survived"}[result.mutation.caught_before]
        yield f"{result.mutation.file:{width}}  {before:8}  {result.state:9}  {result.mutation.reason}"
    caught = sum(result.state == "caught" for result in results)
    old = sum(result.mutation.caught_before is True for result in results)
    known = sum(result.mutation.caught_before is not None for result in results)
    yield f"before: {old} of {known} caught; now: {caught} of {len(results)} caught ({caught / len(results):.1%})"


def listed(path: Path) -> list[Mutation]:
    raw: Mapping[str, list[dict[str, str]]] = tomllib.loads(path.read_text("utf-8"))
    return [Mutation(**each) for each in raw["mutation"]]  # type: ignore[arg-type]  # TOML keeps the types


def main() -> int:
    """Exit code 1 when too few are caught, or one is not found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path, default=ROOT, help="another tree, such as a worktree of an older commit")
    parser.add_argument("--only", default="", help="mutations whose file or reason contains this")
    options = parser.parse_args()
    mutations = [
        each
        for each in listed(Path(__file__).with_suffix(".toml"))
        if options.only in each.file or options.only in each.reason
    ]
    tree = Tree(options.tree.resolve())
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(SIDE_BY_SIDE):
            copies.put(copied(tree.top, Path(folder, str(number))))

        def task(mutation: Mutation) -> Result:
            copy = copies.get()
            try:
                result = judge(mutation, tree, copy)
            finally:
                copies.put(copy)
            print(f"{result.state:9} {result.seconds:5.0f} s  {mutation.reason}  {result.test}", flush=True)
            return result

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            results = list(pool.map(task, mutations))
        results = list(confirmed(results, copies.get()))
    print("\n".join(table(results)))
    share = sum(result.state == "caught" for result in results) / len(results)
    return int(share < MIN_CAUGHT or any(result.state == "not found" for result in results))


if __name__ == "__main__":
    sys.exit(main())
