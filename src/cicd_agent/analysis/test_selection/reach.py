"""What a change reaches of what runs at import: from name to name, through statements and functions that run there."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from cicd_agent.analysis.test_selection.outline import Outline
from cicd_agent.analysis.test_selection.syntax import ATTRIBUTE, GLOBALS, LOADED, READING_HEADS, STORED, VALUE
from cicd_agent.analysis.test_selection.test_map import KnownFunction, KnownSource, Unit, UnitKind

_CONTAINERS: Final = frozenset(
    {"dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque", "WeakSet", "WeakKeyDictionary",
     "WeakValueDictionary", ".defaultdict", ".OrderedDict", ".Counter", ".deque", ".WeakSet", ".WeakKeyDictionary",
     ".WeakValueDictionary"}
)  # fmt: skip
"""What a class has of these is filled by others; its other attributes are not changed in place as a rule."""


class Reach:
    """The names through which a change can be noticed, each with the one where that began.

    A name stands for all things of that name: variables, attributes, functions, classes and modules. It reaches the
    names of all that is made of it at import, and of what may be changed by that. Modules in `private` are imported by
    nobody: their names are their own ("path::name"). What functions do at import counts if it `runs`.
    """

    def __init__(
        self,
        sources: Mapping[str, KnownSource],
        heads: Mapping[str, Outline],
        private: frozenset[str],
        *,
        runs: bool = True,
    ) -> None:
        self.names: dict[str, str] = {}
        self.effects: dict[str, str] = {}
        """Files where a reached name is used for something else than another name."""
        self._private = private
        self._waiting: list[str] = []
        self._users: defaultdict[str, list[tuple[str, Unit]]] = defaultdict(list)
        self._early: defaultdict[str, list[str]] = defaultdict(list)
        """Functions that run at import, by each part of their names."""
        self._readers: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self._running: defaultdict[str, list[tuple[str, Unit]]] = defaultdict(list)
        """Statements by the functions that ran for them."""
        self._names: dict[str, frozenset[str]] = {}
        """Of functions that run at import."""
        self._loose: set[str] = set()
        """Those of which nobody knows for which statement."""
        self._entered: set[str] = set()
        self._passed: set[tuple[str, Unit]] = set()
        self._values: set[str] = set()
        self._classes: defaultdict[str, set[str]] = defaultdict(set)
        for classes in (each.classes for known in (sources, heads) for each in known.values()):
            for name, bases in classes.items():
                self._classes[name] |= bases
        for path, source in sources.items():
            fresh = {*(heads[path].units if path in heads else ())} - {*map(alone, source.units)}
            self._read_units(path, frozenset({*source.units, *fresh}))
        if runs:
            ran = set(self._running)
            for path, source in sources.items():
                for name, function in source.functions.items():
                    if function.early or f"{path}::{name}" in ran:
                        self._read_early(path, name, function)
        for path in heads.keys() - sources.keys():
            self._read_units(path, frozenset(heads[path].units))

    def _read_units(self, path: str, units: frozenset[Unit]) -> None:
        for unit in units:
            own = {f"{unit.owner}.{name}" for name in unit.names} if unit.owner else set[str]()
            for name in self._matched(path, unit.names | own):
                self._users[name].append((path, unit))
            for key in unit.ran:
                self._running[key].append((path, unit))
            if unit.kind is UnitKind.VALUE and not (unit.owner and unit.calls and unit.names.isdisjoint(_CONTAINERS)):
                self._values |= {*self._own(path, {key for name in unit.binds for key in _keys(name, unit.owner)})}

    def _read_early(self, path: str, name: str, function: KnownFunction) -> None:
        key = f"{path}::{name}"
        self._names[key] = function.names
        if function.early:
            self._loose.add(key)
        for part in name.split("."):
            for own in self._own(path, {*_keys(part)}):
                self._early[own].append(key)
        reads = not function.names.isdisjoint(READING_HEADS)
        for used in self._matched(path, function.names):
            if reads or not _is_value(used):
                self._readers[used].append((path, name))

    def change(self, path: str, unit: Unit, *, is_head: bool = False) -> None:
        """A statement was added, removed, or both: it has become another one, perhaps just the head of a function."""
        begun = f"{next(iter(sorted(unit.binds)), 'code')} of {path}".removeprefix(VALUE)
        self._change_by(path, unit._replace(owner="") if is_head and not is_special(*unit.binds) else unit, begun)

    def change_function(self, path: str, function: str, begun: str = "") -> None:
        """The body of a function changed: where it runs at import, so can all that is made and changed there."""
        key, begun = f"{path}::{function}", begun or f"{function} of {path}"
        for other, unit in self._running.get(key, ()):
            self._change_by(other, unit, begun)
        if key in self._loose:
            for name in self._own(path, self._parts(function)):
                self._reach(name, begun)
                self._change_by_calls({name}, begun)

    def begin(self, name: str, begun: str) -> None:
        self._reach(name, begun)

    def spread(self) -> None:
        while self._waiting:
            name = self._waiting.pop()
            begun = self.names[name]
            is_value = _is_value(name)
            for path, unit in self._users.get(name, ()):
                if is_value and not unit.calls:
                    # The same thing under another name; where something is called, that may look at it.
                    for bound in self._bound(path, unit):
                        self._reach(_as_value(bound), begun)
                else:
                    self._change_by(path, unit, begun)
            for path, function in self._readers.get(name, ()):
                self.change_function(path, function, begun)
        for begun in [*self.names.values()][:1]:
            # Where modules are loaded by names made at run time, it may be any.
            self.names.setdefault(LOADED, begun)

    def _change_by(self, path: str, unit: Unit, begun: str) -> None:
        """What a statement binds is another thing, and what it changes."""
        if (path, unit) in self._passed:
            return
        self._passed.add((path, unit))
        if unit.kind is UnitKind.EFFECT:
            self.effects.setdefault(path, begun)
        for bound in self._bound(path, unit):
            self._reach(bound, begun)
        if unit.ran:
            self._change_in({name for key in unit.ran for name in self._names.get(key, ())} | unit.names, begun)
        elif unit.calls:
            self._change_by_calls(self._matched(path, unit.names), begun)

    def uses(self, path: str, names: AbstractSet[str]) -> str:
        """A reached name among these of a file, "" when there is none."""
        return next((name for name in sorted(self._matched(path, names)) if name in self.names), "")

    def _reach(self, name: str, begun: str) -> None:
        if name not in self.names:
            self.names[name] = begun
            self._waiting.append(name)

    def _bound(self, path: str, unit: Unit) -> Iterator[str]:
        """What is another thing when this statement is: of a class also itself, where something looks at its body."""
        # Special attributes are used by whatever uses the class.
        binds = {name for name in unit.binds if not (unit.owner and is_special(name))}
        yield from self._own(path, {key for name in binds for key in _keys(name, unit.owner)})
        if not unit.owner:
            yield f"{path}::{GLOBALS}"
            if unit.binds & self._classes.keys():
                yield f"{ATTRIBUTE}__subclasses__"
            return
        is_open = self._is_open(unit.owner, set())
        if unit.kind is UnitKind.NOTE:
            yield from self._own(path, {*_keys(VALUE + unit.owner)})
            binds = {name.removeprefix(VALUE) for name in binds} if is_open else set()
            yield from self._own(path, {key for name in binds for key in _keys(name, unit.owner)})
        if is_open or (unit.kind is not UnitKind.NOTE and any(map(is_special, unit.binds))):
            yield from self._own(path, {*_keys(unit.owner)})

    def _is_open(self, name: str, seen: set[str]) -> bool:
        """Whether a class is decorated, or inherits from what is not of the project."""
        if name in seen:
            return False
        seen.add(name)
        return name not in self._classes or any(self._is_open(base, seen) for base in self._classes[name])

    def _change_by_calls(self, names: set[str], begun: str) -> None:
        """What can be changed in place by code that uses these names, and by the functions that it then runs."""
        waiting = [*names]
        for name in waiting:
            self._change_in({name}, begun)
            for key in self._early.get(name, ()):
                if key not in self._entered:
                    self._entered.add(key)
                    waiting += self._names[key]

    def _change_in(self, names: AbstractSet[str], begun: str) -> None:
        for name in names:
            if name in self._values:
                self._reach(name, begun)
            elif name.startswith(STORED):
                for key in _keys(name.removeprefix(STORED)):
                    self._reach(key, begun)

    def _parts(self, function: str) -> set[str]:
        """The names by which a function is used: those of functions around it, and of its class if it is special."""
        split = function.split(".")
        if is_special(split[-1]) and len(split) > 1:
            return {key for part in split[:-1] for key in _keys(part)}
        owner = next((part for part in split[-2:-1] if part in self._classes), "")
        around = (part for part in split[:-1] if part not in self._classes)
        return {*_keys(split[-1], owner), *(key for part in around for key in _keys(part))}

    def _own(self, path: str, names: AbstractSet[str]) -> Iterator[str]:
        return (f"{path}::{name}" if path in self._private else name for name in names)

    def _matched(self, path: str, names: AbstractSet[str]) -> set[str]:
        if path in self._private:
            return {*names, *(f"{path}::{name}" for name in names)} - {GLOBALS}
        return {*names, f"{path}::{GLOBALS}"} if GLOBALS in names else {*names}


def _keys(name: str, owner: str = "") -> Iterator[str]:
    """How code names a thing: by its name and as an attribute. What is in a class is named so in its body alone."""
    prefix, name = (VALUE, name.removeprefix(VALUE)) if name.startswith(VALUE) else ("", name)
    name = name.removeprefix(ATTRIBUTE)
    yield f"{prefix}{ATTRIBUTE}{name}"
    yield f"{owner}.{prefix}{name}" if owner else f"{prefix}{name}"


def alone(unit: Unit) -> Unit:
    """A statement without what was seen when it ran."""
    return unit._replace(ran=frozenset())


def _is_value(name: str) -> bool:
    return VALUE in name.rpartition("::")[2]


def _as_value(name: str) -> str:
    path, separator, last = name.rpartition("::")
    owner, dot, last = last.rpartition(ATTRIBUTE) if last[0] not in {ATTRIBUTE, VALUE} else ("", "", last)
    return f"{path}{separator}{owner}{dot}{VALUE}{last.removeprefix(VALUE)}"


def is_special(name: str) -> bool:
    name = name.removeprefix(VALUE)
    return name.startswith("__") and name.endswith("__")
