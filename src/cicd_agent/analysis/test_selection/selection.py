"""Which tests a change can reach, by what each of them executed and opened when it was last seen; in doubt all."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from posixpath import basename, dirname
from typing import Final

from cicd_agent.analysis.test_selection.outline import Outline, module_stem, outline
from cicd_agent.analysis.test_selection.reach import Reach, alone, is_special
from cicd_agent.analysis.test_selection.syntax import ATTRIBUTE, READING_HEADS, READING_NAMES, VALUE
from cicd_agent.analysis.test_selection.test_map import TestMap, Unit, UnitKind
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import count
from cicd_agent.domain.trials.test_run import Outcome

MAX_FILES: Final = 1_000
MAX_AGE: Final = 100
"""Commits between that of the map and the base."""

_CONFIGURATION: Final = (
    *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "setup.cfg", "tox.ini"),
    *("noxfile.py", ".coveragerc", "sitecustomize.py", "usercustomize.py", "*.pth", ".python-version", ".env"),
)
_SPECIAL: Final = frozenset("()<>|&;$`'\"\\*?!#~{} \t\n\r")
"""Characters of which a shell makes something else."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to run: `tests` by node id and `files` whole; everything when there is a reason in `run_all`.

    A node id without parameters stands for all of them. `because` has a reason for each, `skipped` counts the tests of
    the map that need not run, `notes` are changed files that were not counted, a sentence each.
    """

    tests: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    run_all: tuple[str, ...] = ()
    because: Mapping[str, str] = field(default_factory=dict)
    skipped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        if self.run_all:
            return "full"
        return "affected" if self.tests or self.files else "none"

    def selects(self, nodeid: str) -> bool:
        names = {nodeid, nodeid.partition("[")[0], _path(nodeid)}
        return bool(self.run_all) or not names.isdisjoint((*self.tests, *self.files))


def affected(
    test_map: TestMap | None, change: Change, since: Change, python: str, *, oldest: int = MAX_AGE
) -> Selection:
    """The tests that can end otherwise than they did when the map was made.

    `change` is what is not in the base, `since` what is not in the map's commit; both end in the same. `python` is the
    version of the interpreter that runs the tests, "" when that is not known.
    """
    if test_map is None:
        return Selection(run_all=("there is no test map yet",))
    if reasons := tuple(dict.fromkeys(_unusable(test_map, change, since, python, oldest))):
        return Selection(run_all=reasons)
    return _Selector(test_map, since).select()


def _unusable(test_map: TestMap, change: Change, since: Change, python: str, oldest: int) -> Iterator[str]:
    made_at = test_map.commit[:12]
    if not test_map.tests:
        yield "the test map has no tests"
    if since.base != test_map.commit:
        yield f"the test map was made at {made_at}, which this commit does not come from"
    elif since.base in {commit.sha for commit in change.commits}:
        # What made it ran under the change's own code, and the base is what it has to be compared with.
        yield f"the test map was made at {made_at}, which the base does not have"
    age = len(since.commits) - len(change.commits)
    if age > oldest:
        yield f"the test map is stale: {count(age, 'commit')} older than the base, over {oldest}"
    if python.split(".")[:2] != test_map.python.split(".")[:2]:
        current = f"this is Python {python}" if python else "which Python runs the tests here is not known"
        yield f"the test map was made with Python {test_map.python}, {current}"
    if len(since.files) > MAX_FILES:
        yield f"the change is too large: {count(len(since.files), 'file')}"
    for note in (*since.notes, *change.notes):
        yield f"not all of the change is known: {note}"


class _Selector:
    """What a change since the map's commit reaches; the first reason for each test and file counts."""

    def __init__(self, test_map: TestMap, since: Change) -> None:
        self._map = test_map
        self._since = since
        self._modules = frozenset(map(_path, test_map.tests))
        self._tests: dict[str, str] = {}
        self._files: dict[str, str] = {}
        self._run_all: list[str] = []
        self._notes: list[str] = []
        self._gone: set[str] = set()
        self._heads: dict[str, Outline] = {}
        self._units: list[tuple[str, Unit]] = []
        """What has become another statement, or come or gone, of what runs at import."""
        self._bodies: list[tuple[str, str]] = []
        self._private = frozenset(path for path in self._modules if not self._is_imported(path))
        self._loaded = {path: source for path, source in test_map.sources.items() if source.loaded}

    def select(self) -> Selection:
        for file in self._since.files:
            self._run_all += self._of_file(file)
            if file.path.endswith(".py") or file.old_path.endswith(".py"):
                self._python(file)
            else:
                self._data(file)
        if not self._run_all:
            self._at_import()
        notes = tuple(self._notes)
        if self._run_all:
            return Selection(run_all=tuple(dict.fromkeys(self._run_all)), notes=notes)
        if self._since.files:
            self._unconditional()
        chosen = self._arguments()
        tests, files = tuple(sorted(chosen)), tuple(sorted(self._files))
        because = {each: chosen.get(each) or self._files[each] for each in (*tests, *files)}
        if odd := [each for each in because if not each.isprintable() or _SPECIAL & {*each}]:
            return Selection(run_all=(f"{odd[0]!r} cannot be given to pytest as it is",), notes=notes)
        selection = Selection(tests, files, because=because, notes=notes)
        rest = [each for each in self._map.tests if each not in self._gone and not selection.selects(each)]
        return replace(selection, skipped=len(rest))

    def _arguments(self) -> dict[str, str]:
        """Node ids as a shell takes them: one whose parameters have blanks and the like stands for all parameters."""
        named = {}
        for nodeid, reason in self._tests.items():
            name, bracket, _ = nodeid.partition("[")
            if nodeid not in self._gone and _path(nodeid) not in self._files:
                named[name if bracket and _SPECIAL & {*nodeid} else nodeid] = reason
        # A name without parameters stands for all of them.
        return {
            test: reason for test, reason in named.items() if "[" not in test or test.partition("[")[0] not in named
        }

    def _of_file(self, file: FileDiff) -> Iterator[str]:
        """Why one changed file alone makes everything run, as far as its name and kind tell."""
        path, names = file.path, {basename(file.path), basename(file.old_path)}
        if file.is_submodule:
            yield f"{path}: a submodule"
        elif "120000" in (file.old_mode, file.new_mode):
            yield f"{path}: a symbolic link"
        elif file.old_mode and file.new_mode and file.old_mode != file.new_mode:
            yield f"{path}: its mode changed"
        if "conftest.py" in names:
            yield f"{path}: conftest.py"
        elif basename(path) == "__init__.py" and file.kind in {ChangeKind.ADDED, ChangeKind.COPIED}:
            yield f"{path}: it makes its folder a package"
        if any(fnmatchcase(each, pattern) for each in names for pattern in _CONFIGURATION):
            yield f"{path}: configuration"
        elif kinds(path) & {PathKind.LOCK_FILE, PathKind.DEPENDENCY_MANIFEST}:
            yield f"{path}: what is installed"
        if file.kind is ChangeKind.RENAMED and file.old_path not in self._modules:
            yield f"{path}: renamed, it was {file.old_path}"
        elif file.kind is ChangeKind.DELETED and file.old_path not in self._modules:
            yield f"{path}: deleted"

    def _data(self, file: FileDiff) -> None:
        paths = {file.path, file.old_path}
        known = paths & self._modules
        for path in known - ({file.old_path} if file.kind is ChangeKind.DELETED else set()):
            self._files.setdefault(path, f"{path} changed")
        users = [nodeid for nodeid, test in self._map.tests.items() if not test.files.isdisjoint(paths)]
        for nodeid in users:
            self._tests.setdefault(nodeid, f"it opened {file.path}")
        if not self._map.files.isdisjoint(paths):
            self._run_all.append(f"{file.path}: it is read at import")
        elif not users and not known:
            if all(map(_is_prose, paths)):
                self._notes.append(f"{file.path} is documentation that no test opened")
            else:
                self._run_all.append(f"{file.path}: a data file that no test opened")

    def _python(self, file: FileDiff) -> None:
        path, old = file.path, file.old_path
        self._readers(file)
        if file.kind in {ChangeKind.DELETED, ChangeKind.RENAMED}:
            self._gone |= {nodeid for nodeid in self._map.tests if _path(nodeid) == old}
            if old in self._modules and self._is_imported(old):
                self._run_all.append(f"{old}: gone, and something of its name is imported")
        if file.kind is ChangeKind.MODIFIED:
            self._changed(path, self._since.texts.get(path))
        elif file.kind in {ChangeKind.ADDED, ChangeKind.COPIED, ChangeKind.RENAMED}:
            if basename(path).startswith("test_") or path.endswith("_test.py"):
                self._files.setdefault(path, f"{path} is new")
            self._run_all += self._of_new_module(path)
            if head := outline(self._since.texts.get(path) or ""):
                self._heads[path] = head

    def _readers(self, file: FileDiff) -> None:
        """Tests that read it, as data or by importing it; where one comes or goes, those that read what is beside."""
        paths = {file.path, file.old_path}
        folders = set() if file.kind is ChangeKind.MODIFIED else set(map(dirname, paths))
        for nodeid, test in self._map.tests.items():
            for opened in sorted(test.files):
                if opened in paths:
                    self._tests.setdefault(nodeid, f"it opened {opened}")
                elif opened.endswith(".py") and dirname(opened) in folders:
                    self._tests.setdefault(nodeid, f"it opened {opened}, beside {file.path}")

    def _of_new_module(self, path: str) -> Iterator[str]:
        """Why a module that was not there can reach tests that know nothing of it."""
        if self._is_imported(path):
            yield f"{path}: new, and something of its name is imported already"
            return
        executed = {_path(name) for test in self._map.tests.values() for name in test.functions} - self._modules
        for each in sorted(executed):
            is_beside = dirname(each) == dirname(path) and basename(each) != "__init__.py"
            if is_beside and not self._is_imported(each):
                yield f"{path}: new, and modules beside it are loaded by name ({each})"
                return

    def _changed(self, path: str, text: str | None) -> None:
        head = outline(text) if text is not None else None
        if head is None or path not in self._map.sources:
            reason = "not known to the test map" if head is not None else "its text cannot be read as Python"
            self._run_all.append(f"{path}: {reason}")
            return
        self._heads[path] = head
        known = self._map.sources[path]
        ran = {alone(unit): unit for unit in known.units}
        before, after = Counter(map(alone, known.units)), Counter(head.units)
        changed = [*(ran[unit] for unit in before - after), *(after - before)]
        if known.loaded:
            self._units += [(path, unit) for unit in changed]
        self._functions(path, head)

    def _functions(self, path: str, head: Outline) -> None:
        known = self._map.sources[path]
        for name, function in known.functions.items():
            now = head.functions.get(name)
            if now is None or now.body != function.body:
                self._executing(f"{path}::{name}", "was removed" if now is None else "changed")
                self._bodies.append((path, name))
        if path in self._modules and path not in self._private:
            # A doctest of this module, of which no function is its own.
            for nodeid in self._map.tests:
                if _path(nodeid) == path and _function(nodeid) not in {f"{path}::{name}" for name in known.functions}:
                    self._tests.setdefault(nodeid, f"{path} changed, in which it stands")
        for name in head.functions.keys() - known.functions.keys():
            if _last(name).startswith("test") and path in self._modules:
                self._tests.setdefault(f"{path}::{name.replace('.', '::')}", "it is new")
        # One that is inherited never was in the file.
        removed = {f"{path}::{name}" for name in known.functions.keys() - head.functions.keys()}
        self._gone |= {nodeid for nodeid in self._map.tests if _function(nodeid) in removed}

    def _at_import(self) -> None:
        """Choose the tests that what changed at import can reach."""
        for path in dict.fromkeys(path for path, _ in self._units):
            units = [unit for other, unit in self._units if other == path]
            reasons = [reason for unit in units for reason in self._of_unit(path, unit)]
            reasons += self._of_removed(path)
            if path not in self._private:
                self._run_all += reasons
            elif reasons or any(unit.kind in {UnitKind.IMPORT, UnitKind.VALUE} for unit in units):
                # Nobody else sees what is in it: what would reach all tests reaches its own.
                self._files.setdefault(path, f"{path}: what runs at import changed")
        lookers = list(self._lookers())
        reach = self._reached(lookers)
        for path, begun in reach.effects.items():
            if path in self._private:
                self._files.setdefault(path, f"{path} uses {begun} at import")
            else:
                self._run_all.append(f"{path}: {begun} changed, which is used there for what it does at import")
        self._reading(reach)
        for words, names in lookers:
            self._looking(words, names)
        self._witnesses()

    def _reached(self, lookers: list[tuple[frozenset[str], Reach]]) -> Reach:
        reach = Reach(self._loaded, self._heads, self._private)
        for path, unit in self._units:
            if unit.kind is not UnitKind.EFFECT:
                reach.change(path, unit, is_head=self._is_head(path, unit))
        for path, name in self._bodies:
            reach.change_function(path, name)
        for words, names in lookers:
            for path, source in self._loaded.items():
                for unit in source.units:
                    if not unit.names.isdisjoint(words) and names.uses(path, _handed(unit.names)):
                        reach.change(path, unit)
        reach.spread()
        return reach

    def _is_head(self, path: str, unit: Unit) -> bool:
        """Whether it is what remains of a function that is there before and after, and not decorated."""
        if unit.kind not in {UnitKind.CONSTANT, UnitKind.NOTE}:
            return False
        names = {f"{unit.owner}.{name.removeprefix(VALUE)}" for name in unit.binds}
        return all(
            names <= {".".join(["", *name.split(".")][-2:]) for name in source.functions}
            for source in (self._map.sources[path], self._heads[path])
        )

    def _of_unit(self, path: str, unit: Unit) -> Iterator[str]:
        """Why one statement that came, went or changed makes everything run."""
        is_found = any(name.startswith("pytest_") for name in unit.binds)
        if unit.kind is UnitKind.EFFECT:
            yield f"{path}: what runs at import for more than a name changed"
        elif not unit.owner and unit.binds & {"__getattr__", "__dir__", "__path__"}:
            yield f"{path}: {min(unit.binds)} changed, which answers for every name"
        elif is_found or (
            unit.kind is UnitKind.DEFINITION and unit.names & {"fixture", "hookimpl", ".fixture", ".hookimpl"}
        ):
            yield f"{path}: {min(unit.binds)} changed, which pytest may find by its name"
        elif unit.kind is UnitKind.IMPORT and unit.module:
            yield from self._of_import(path, unit)

    def _of_import(self, path: str, unit: Unit) -> Iterator[str]:
        """An import came or went. That loads a module or not, unless another file does so anyway."""
        stems = {*unit.module.split(".")[-2:]}
        for other in {*self._map.sources, *self._heads} - self._private - {path}:
            if module_stem(other) not in stems:
                continue
            if other in self._map.sources:
                loading = (
                    each.module.split(".")
                    for loader, units in self._current_units()
                    if loader not in {path, other}
                    for each in units
                    if each.kind is UnitKind.IMPORT
                )
                is_loaded = any(module_stem(other) in each for each in loading)
            else:
                is_loaded = all(each.kind is not UnitKind.EFFECT for each in self._heads[other].units)
            if not is_loaded:
                yield f"{path}: nothing else imports {other}, perhaps for what that does"

    def _current_units(self) -> Iterator[tuple[str, tuple[Unit, ...]]]:
        for path, source in self._loaded.items():
            yield path, self._heads[path].units if path in self._heads else source.units

    def _of_removed(self, path: str) -> Iterator[str]:
        """A name is gone that something at import still uses: then nothing there can be imported."""
        if path not in self._loaded:
            return
        units = self._heads[path].units
        bound = {name for unit in units for name in unit.binds}
        gone = {name for unit in self._map.sources[path].units if not unit.owner for name in unit.binds} - bound
        for name in sorted(gone):
            if any(name in unit.names for unit in units):
                yield f"{path}: {name} was removed, which is used at import"
            for _, others in self._current_units():
                for unit in others:
                    module, _, last = unit.module.rpartition(".")
                    # Without a module it is `import name`, or stands in this package: `from . import name`.
                    is_package = not module and not unit.names and basename(path) == "__init__.py"
                    if last == name and (is_package or (module and _last(module) == module_stem(path))):
                        yield f"{path}: {name} was removed, which is imported"

    def _reading(self, reach: Reach) -> None:
        """The tests that execute what uses a name that was reached."""
        using: dict[str, str] = {}
        for path, source in self._loaded.items():
            for name, function in source.functions.items():
                if used := reach.uses(path, function.names | _own_names(name)):
                    using[f"{path}::{name}"] = used
            for unit in source.units:
                if path in self._private and "pytestmark" in unit.binds and reach.uses(path, unit.names):
                    self._files.setdefault(path, f"{path}: its marks go back to what changed")
        for nodeid, test in self._map.tests.items():
            own = _function(nodeid)
            through = own if own in using else min(test.functions & using.keys(), default="")
            if through:
                # Where it is the test itself, its parameters may be others now.
                chosen = nodeid.partition("[")[0] if through == own else nodeid
                name = using[through]
                self._tests.setdefault(
                    chosen, f"{through} uses {_last(name).lstrip(VALUE)}, which goes back to {reach.names[name]}"
                )

    def _lookers(self) -> Iterator[tuple[frozenset[str], Reach]]:
        """Words by which code looks at names that it does not say, and names of what changed: classes, modules."""
        for words in (READING_HEADS, READING_NAMES):
            reach = Reach(self._loaded, {}, self._private, runs=False)
            for path, unit in self._units:
                is_head = unit.kind is UnitKind.NOTE or self._is_head(path, unit)
                if is_head != (words is READING_HEADS):
                    continue
                # A module is not what it has, and none of it comes from there but by its name.
                names = {unit.owner, ATTRIBUTE + unit.owner} if unit.owner else {VALUE + module_stem(path)}
                if is_head:
                    bare = {name.removeprefix(VALUE) for name in unit.binds}
                    names |= bare | {ATTRIBUTE + name for name in bare}
                for name in names:
                    key = f"{path}::{name}" if path in self._private else name
                    reach.begin(key, f"the names in {unit.owner or path}")
            reach.spread()
            if reach.names:
                yield words, reach

    def _looking(self, words: frozenset[str], reach: Reach) -> None:
        """The tests that look at the names of a class or module in which one changed, without saying which."""
        looking, using = set[str](), dict[str, str]()
        for path, source in self._loaded.items():
            for name, function in source.functions.items():
                names = function.names | _own_names(name)
                if not function.names.isdisjoint(words):
                    looking.add(f"{path}::{name}")
                    names = _handed(names)
                if used := reach.uses(path, names):
                    using[f"{path}::{name}"] = reach.names[used]
        for nodeid, test in self._map.tests.items():
            looks, named = test.functions & looking, test.functions & using.keys()
            if looks and named:
                self._tests.setdefault(nodeid, f"{min(looks)} may look at {using[min(named)]}")

    def _witnesses(self) -> None:
        """One test for each module that may be impossible to import now, since then every test is red."""
        may_fail = {path for path, unit in self._units if unit.kind not in {UnitKind.CONSTANT, UnitKind.NOTE}}
        for path in sorted(may_fail):
            for other, source in self._loaded.items():
                if any(module_stem(path) in name.split(".") for name in source.guarded):
                    self._run_all.append(f"{path}: what runs at import changed, and {other} hides whether that fails")
            if path in self._private and not any(_path(chosen) == path for chosen in self._tests):
                self._files.setdefault(path, f"{path}: what runs at import changed")
            if not self._is_imported(path):
                continue
            users = {
                nodeid: test
                for nodeid, test in self._map.tests.items()
                if test.outcome is Outcome.PASSED and any(_path(each) == path for each in test.functions)
            } or self._map.tests
            importing = {
                other
                for other, source in self._loaded.items()
                if any(module_stem(path) in name.split(".") for name in source.imports)
            }
            if not users.keys() & self._tests.keys() and importing.isdisjoint(map(_path, self._tests)):
                nodeid = min(users, key=lambda each: (users[each].seconds, each))
                self._tests.setdefault(nodeid, f"it imports {path}, where what runs at import changed")

    def _executing(self, function: str, verb: str) -> None:
        for nodeid, test in self._map.tests.items():
            if function in test.functions or function == _function(nodeid):
                self._tests.setdefault(nodeid, f"{function} {verb}")

    def _unconditional(self) -> None:
        """Tests that no map excuses from any change of more than documentation."""
        tracked = frozenset((*self._since.paths, *(file.old_path for file in self._since.files)))
        is_counted = any(not _is_prose(file.path) for file in self._since.files)
        for nodeid, test in sorted(self._map.tests.items()):
            if test.outcome is not Outcome.PASSED:
                ended = "in error" if test.outcome is Outcome.ERROR else str(test.outcome)
                self._tests.setdefault(nodeid, f"it was {ended} when the map was made")
            elif is_counted and test.unseen:
                self._tests.setdefault(nodeid, test.unseen)
            elif untracked := sorted(test.files - tracked):
                self._tests.setdefault(nodeid, f"it opened {untracked[0]}, which git does not have")

    def _imports(self, path: str) -> Iterator[str]:
        for other, source in self._map.sources.items():
            if other != path:
                yield from source.imports

    def _is_imported(self, path: str) -> bool:
        return any(module_stem(path) in name.split(".") for name in self._imports(path))


def _path(name: str) -> str:
    return name.partition("::")[0]


def _handed(names: frozenset[str]) -> frozenset[str]:
    """The names, as if each thing were handed on."""
    return names | {VALUE + name for name in names}


def _own_names(function: str) -> frozenset[str]:
    """The names of a function and of what is around it, but for special methods, which are used by no name."""
    first, *others = function.split(".")
    return frozenset((first, *(ATTRIBUTE + part for part in others if not is_special(part))))


def _last(name: str) -> str:
    return name.rpartition("::")[2].rpartition(".")[2]


def _function(nodeid: str) -> str:
    """The test's own function, as "path::qualified name"."""
    path, _, name = nodeid.partition("[")[0].partition("::")
    return f"{path}::{name.replace('::', '.')}"


def _is_prose(path: str) -> bool:
    """Whether it is documentation, which counts only when a test has opened it."""
    path_kinds = kinds(path)
    return path.lower().endswith((".md", ".rst")) and PathKind.DOCS in path_kinds and PathKind.TEST not in path_kinds
