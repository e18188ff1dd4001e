"""Says which programs of the machine a trial may use: what a job put on its PATH, and nothing that is somebody's."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cicd_agent.adapters.sandbox.mounts import PATH

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix/store")
_PROGRAMS = frozenset({"bin", "Scripts"})
_HOMES = ("JAVA_HOME", "GOROOT", "VIRTUAL_ENV")
"""Variables that name a directory of programs, and nothing else."""


def surroundings(environment: Mapping[str, str]) -> tuple[tuple[Path, ...], dict[str, str]]:
    """The directories that a trial may read beside the system's, and the environment that leads to them.

    Taken from PATH and a few variables of `environment`: virtual environments, interpreters and tool chains. Never a
    home directory, a directory above one, or what lies in one beside a known kind of these.
    """
    home = Path(environment.get("HOME") or "/nonexistent")
    places = [Path(place) for place in environment.get("PATH", "").split(":") if place.startswith("/")]
    named = {name: Path(value) for name in _HOMES if (value := environment.get(name, "")).startswith("/")}
    found: list[Path] = []
    for place in (*places, *(path / "bin" for path in named.values())):
        found += (path for path in _prefixes(place, home) if path not in found)
    shown = [place for place in places if _within(place, found)]
    given = {name: str(path) for name, path in named.items() if _within(path, found)}
    libraries = [part for part in environment.get("LD_LIBRARY_PATH", "").split(":") if _within(Path(part), found)]
    if libraries:
        given["LD_LIBRARY_PATH"] = ":".join(libraries)
    return tuple(found), {**given, "PATH": ":".join([*map(str, shown), PATH])}


def _within(path: Path, places: Sequence[Path]) -> bool:
    return any(path.is_relative_to(place) for place in places)


def _prefixes(place: Path, home: Path) -> Iterator[Path]:
    """What has to be readable so that the programs in a directory of the PATH can run."""
    if not place.is_dir() or _within(place, [Path(part) for part in _SYSTEM]) or not is_fit(place, home):
        return
    prefix = place.parent
    if (prefix / "pyvenv.cfg").is_file():
        yield prefix
        # What the environment links to may lie elsewhere.
        base = (place / "python").resolve().parent
        if base != place:
            yield from _prefixes(base, home)
    elif place.name in _PROGRAMS and is_fit(prefix, home) and (not _is_beside(prefix, home) or _is_python(prefix)):
        yield prefix
    else:
        yield place


def is_fit(path: Path, home: Path) -> bool:
    """Whether it may be shown: it is no home, and nothing above one; under whatever name it goes."""
    for each in (path, path.resolve()):
        if home.resolve().is_relative_to(each) or home.is_relative_to(each) or len(each.parts) <= 2:  # noqa: PLR2004
            return False
    return True


def _is_beside(path: Path, home: Path) -> bool:
    return path.is_relative_to(home) or path.resolve().is_relative_to(home.resolve())


def _is_python(prefix: Path) -> bool:
    """An installed Python in somebody's home; `~/.local` looks much like one and holds far more."""
    return (prefix / "bin/python3").exists() and (prefix / "include").is_dir() and not prefix.name.startswith(".")
