"""Reads the locks of what a project's Python may lack: one for each Python, with the hash of every file."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parent / "overlays"
"""Where the locks are; `make lock` writes them."""

_PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==\S+")
_VIA = re.compile(r"^ +# +(?:via +)?([a-z0-9][a-z0-9.-]*)$")


@dataclass(frozen=True, slots=True)
class Locked:
    """One pin: its lines as they stand, and what it is there for."""

    name: str
    lines: str
    via: frozenset[str]


def lock_for(version: tuple[int, int], directory: Path = DIRECTORY) -> tuple[Locked, ...]:
    """The pins for a Python: its own, or those for the newest that is older; () for one older than all."""
    found = {_version(path): path for path in directory.glob("*.lock")}
    fitting = [each for each in found if each <= version]
    return tuple(_read(found[max(fitting)].read_text("utf-8"))) if fitting else ()


def requirements(lock: Collection[Locked], wanted: Collection[str]) -> str:
    """The part of a lock that these distributions and what they need take, as an installer reads it."""
    pins: Mapping[str, Locked] = {pin.name: pin for pin in lock}
    taken = {name for name in wanted if name in pins}
    while more := {pin.name for pin in lock if pin.via & taken} - taken:
        taken |= more
    return "".join(pin.lines for pin in lock if pin.name in taken)


def _version(path: Path) -> tuple[int, int]:
    major, minor = path.stem.split(".")
    return int(major), int(minor)


def _read(text: str) -> Iterator[Locked]:
    lines: list[str] = []
    for line in [*text.splitlines(keepends=True), "end==0"]:
        if match := _PIN.match(line):
            if lines and (pin := _PIN.match(lines[0])):
                via = {found[1] for each in lines if (found := _VIA.match(each.rstrip()))}
                yield Locked(pin[1], "".join(each for each in lines if "#" not in each), frozenset(via))
            lines = []
        if match or lines:
            lines.append(line)
