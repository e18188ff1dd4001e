"""Says where a project's own Python may be, and which directories have to be seen so that it can start."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cicd_agent.adapters.files import read_regular
from cicd_agent.adapters.sandbox.spec import PATH
from cicd_agent.domain.ports.test_runner import PytestUnavailable

ENVIRONMENTS = (".venv", "venv")
"""Names that virtual environments have at the top of a tree."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix/store")
_NAME = re.compile(r"(?:python|pypy)\d*(?:\.\d+)?t?")
_MAX_LINKS = 20
_REMEDY = "Name the project's interpreter with `python`, such as `python: .venv/bin/python`"


@dataclass(frozen=True, slots=True)
class Location:
    """An interpreter that is there. `inside` is the name at the top of the tree that it lies beneath, "" elsewhere.

    What lies in the tree may be the change's own, and is believed nothing.
    """

    python: Path
    inside: str = ""


def locate(top: Path, given: str, variables: Mapping[str, str], own: Path) -> Location:
    """The project's interpreter: as given, else where a person would have activated or made it, else from PATH.

    `given` is a path (from the top) or a name on PATH. `own` is the environment of this process, which is never the
    project's unless it is given, or lies in the tree. Raises PytestUnavailable.
    """
    if given:
        return _given(top, given, variables)
    active = variables.get("VIRTUAL_ENV", "")
    if active.startswith("/") and Path(active, "bin/python").exists():
        result = _located(top, Path(active, "bin/python"))
        if result.inside or not _is_own(result.python, own):
            return result
    for name in ENVIRONMENTS:
        if (top / name / "bin/python").exists():
            return _located(top, top / name / "bin/python")
    for result in _on_path(top, variables):
        if not _is_own(result.python, own):
            return result
    raise PytestUnavailable("the project's Python is not found", remedy=_REMEDY)


def view(top: Path, result: Location, variables: Mapping[str, str]) -> tuple[tuple[Path, ...], dict[str, str]]:
    """The directories that have to be readable for it and for what is on PATH, and the environment that leads there.

    Raises PytestUnavailable where an interpreter of the tree is not what it seems.
    """
    home = Path(variables.get("HOME") or "/nonexistent")
    if result.inside and not _is_honest(top, result.python):
        raise PytestUnavailable(
            f"`{result.python}` is no virtual environment of a Python that is installed here", remedy=_REMEDY
        )
    # Other directories of the tree that a job has put on PATH are the change's as well, and nobody has looked at them.
    path = [
        folder for folder in variables.get("PATH", "").split(":") if not _located(top, Path(folder, "python")).inside
    ]
    chosen = {name: value for name, value in variables.items() if name != "VIRTUAL_ENV"}
    readable, environment = surroundings({**chosen, "PATH": ":".join([str(result.python.parent), *path])})
    # Links may lead through links: each name by which it is reached has to be there.
    prefixes = [hop.parent.parent for hop in _hops(result.python)]
    fit = [each for each in prefixes if _is_installation(each) and is_fit(each, home) and not _is_system(each)]
    return tuple(dict.fromkeys([*readable, *fit])), environment


def trusted(top: Path, variables: Mapping[str, str]) -> Mapping[str, str]:
    """The variables, less the directories of the tree whose `python` leads elsewhere than to an installed one."""

    def is_sound(folder: str) -> bool:
        python = Path(folder, "python")
        return not (_located(top, python).inside and os.path.lexists(python)) or _is_honest(top, python)

    path = [folder for folder in variables.get("PATH", "").split(":") if is_sound(folder)]
    retained = {name: value for name, value in variables.items() if name != "VIRTUAL_ENV" or is_sound(f"{value}/bin")}
    return {**retained, "PATH": ":".join(path)}


def _given(top: Path, given: str, variables: Mapping[str, str]) -> Location:
    if "\0" in given:
        raise PytestUnavailable("`python` holds a NUL", remedy=_REMEDY)
    named = None if "/" in given else shutil.which(given, path=variables.get("PATH", ""))
    where = Path(named) if named else top / given
    try:
        if where.is_dir():
            where /= "bin/python"
        if where.is_file() and os.access(where, os.X_OK):
            return _located(top, where)
    except OSError:
        pass
    raise PytestUnavailable(f"there is no interpreter `{given[:200]}`", remedy=_REMEDY)


def _located(top: Path, python: Path) -> Location:
    """Where it is, by a path without `..` that still goes by its own links."""
    python = Path(os.path.normpath(python))
    for root in (top, top.resolve()):
        if python.is_relative_to(root) and len(parts := python.relative_to(root).parts) > 1:
            return Location(python, parts[0])
    return Location(python)


def _on_path(top: Path, variables: Mapping[str, str]) -> Iterator[Location]:
    """Those on PATH. A version manager's shim is a script, and would look for its manager inside the sandbox."""
    for name in ("python3", "python"):
        for directory in variables.get("PATH", "").split(":"):
            python = Path(directory, name)
            if directory.startswith("/") and os.access(python, os.X_OK) and not _is_script(python):
                yield _located(top, python)


def _is_script(path: Path) -> bool:
    try:
        return read_regular(path.resolve(), 2) == b"#!"
    except (OSError, ValueError):
        return True


def _is_own(python: Path, own: Path) -> bool:
    return python.parent.parent.resolve() == own.resolve() and (own / "pyvenv.cfg").exists()


def _hops(python: Path) -> Iterator[Path]:
    """The file, and each that it links to; links among its directories count as well."""
    for _ in range(_MAX_LINKS):
        yield python
        if not python.is_symlink():
            break
        python = Path(os.path.normpath(python.parent / python.readlink()))
    if (real := python.resolve()) != python:
        yield real


def _is_honest(top: Path, python: Path) -> bool:
    """Whether an environment in the tree leads nowhere but to an installed Python: its links are its author's."""
    directory = python.parent
    inside = [directory.relative_to(root) for root in (top, top.resolve()) if directory.is_relative_to(root)]
    if not inside or directory.resolve() != top.resolve() / inside[0]:
        return False
    for each in {python, directory / "python"}:
        hops = list(_hops(each))
        if not _NAME.fullmatch(hops[-1].name) or not hops[-1].is_file():
            return False
        outside = [hop for hop in hops if not hop.is_relative_to(directory)]
        if not all(_is_system(hop) or _is_installation(hop.parent.parent) for hop in outside):
            return False
    return (directory.parent / "pyvenv.cfg").is_file()


def _is_installation(prefix: Path) -> bool:
    return (prefix / "bin").is_dir() and any(prefix.glob("lib/python*/os.py"))


def _is_system(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _SYSTEM)


_PROGRAMS = frozenset({"bin", "Scripts"})
_HOMES = ("JAVA_HOME", "GOROOT", "VIRTUAL_ENV")
"""Variables that name a directory of programs, and nothing else."""


def surroundings(environment: Mapping[str, str]) -> tuple[tuple[Path, ...], dict[str, str]]:
    """The directories that a trial may read beside the system's, and the environment that leads to them.

    Taken from PATH and a few variables of `environment`: virtual environments, interpreters and tool chains. Never a
    home directory, a directory above one, or what lies in one beside a known kind of these.
    """
    home = Path(environment.get("HOME") or "/nonexistent")
    locations = [Path(folder) for folder in environment.get("PATH", "").split(":") if folder.startswith("/")]
    named = {name: Path(value) for name in _HOMES if (value := environment.get(name, "")).startswith("/")}
    programs = (*locations, *(path / "bin" for path in named.values()))
    results = list(dict.fromkeys(path for folder in programs for path in _prefixes(folder, home)))
    shown = [folder for folder in locations if _within(folder, results)]
    given = {name: str(path) for name, path in named.items() if _within(path, results)}
    libraries = [part for part in environment.get("LD_LIBRARY_PATH", "").split(":") if _within(Path(part), results)]
    if libraries:
        given["LD_LIBRARY_PATH"] = ":".join(libraries)
    return tuple(results), {**given, "PATH": ":".join([*map(str, shown), PATH])}


def _within(path: Path, locations: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in locations)


def _prefixes(folder: Path, home: Path) -> Iterator[Path]:
    """What has to be readable so that the programs in a directory of the PATH can run."""
    if not folder.is_dir() or _is_system(folder) or not is_fit(folder, home):
        return
    prefix = folder.parent
    if (prefix / "pyvenv.cfg").is_file():
        yield prefix
        # What the environment links to may lie elsewhere.
        base = (folder / "python").resolve().parent
        if base != folder:
            yield from _prefixes(base, home)
    elif folder.name in _PROGRAMS and is_fit(prefix, home) and (not _is_beside(prefix, home) or _is_python(prefix)):
        yield prefix
    else:
        yield folder


def is_fit(path: Path, home: Path) -> bool:
    above = any(folder.is_relative_to(each) for folder in (home, home.resolve()) for each in (path, path.resolve()))
    return not above and min(len(path.parts), len(path.resolve().parts)) > 2  # noqa: PLR2004


def _is_beside(path: Path, home: Path) -> bool:
    return path.is_relative_to(home) or path.resolve().is_relative_to(home.resolve())


def _is_python(prefix: Path) -> bool:
    """An installed Python in somebody's home; `~/.local` looks much like one and holds far more."""
    return (prefix / "bin/python3").exists() and (prefix / "include").is_dir() and not prefix.name.startswith(".")
