"""Where in a tree the project's modules are, so that a run on a copy imports the copy and not the checkout."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from cicd_agent.adapters.files import read_regular
from cicd_agent.adapters.toolchain.probe import InterpreterInfo

MAX_BYTES = 1_000_000
"""Bytes of a `pyproject.toml` that is read."""

_MAX = 20
_LAYOUT = "src"
_STRICT = "build/__editable__."


def pyproject(top: Path) -> Mapping[str, Any]:
    return read_toml(top / "pyproject.toml")


def read_toml(path: Path) -> Mapping[str, Any]:
    """The settings in a file of the tree, {} where there is none or it cannot be read: it may be anything."""
    try:
        return tomllib.loads(read_text(path))
    except (OSError, ValueError, RecursionError):
        return {}


def read_text(path: Path) -> str:
    """Raises OSError or ValueError where it is no text of bearable size."""
    content = read_regular(path, MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError("it is too large")
    return content.decode()


def project_name(settings: Mapping[str, Any]) -> str:
    """The name of the project's distribution, "" when it has none."""
    for location in (("project", "name"), ("tool", "poetry", "name")):
        if isinstance(name := _at(settings, *location), str) and name.isprintable():
            return name[:100]
    return ""


def roots(top: Path, settings: Mapping[str, Any], info: InterpreterInfo) -> tuple[str, ...]:
    """The directories that come first on the module path, by path from the top.

    Those of editable installations, those that the project's build names, and `src`. What was built with modules of
    its own that are not Python's is only to be had where it is installed, unless it is so for editing.
    """
    sources = [within for location in info.editable if (within := _inside(top, location)) is not None]
    entries = [within for location in info.entries if (within := _inside(top, location)) is not None]
    # Links to the checkout, or second names of its files as they were: in the copy they are not what is under test.
    # https://setuptools.pypa.io/en/latest/userguide/development_mode.html#strict-editable-installs
    entries = [within for within in entries if not within.startswith(_STRICT)]
    if info.compiled and not (sources or entries):
        return ()
    named = [each for each in _named(settings) if _is_below(each)]
    usual = [_LAYOUT] if _has_layout(top) else []
    # Installed from here and not for editing, it would be what is measured and what is mutated that is not imported.
    flat = ["."] if info.installed and not (named or usual or entries) else []
    # Such an installation names the project, whose modules may lie deeper.
    inner = [f"{each}/{_LAYOUT}" if _has_layout(top / each) else each for each in sources]
    inner = [PurePosixPath(each).as_posix() for each in inner if each != "." or not (named or entries)]
    fit = [each for each in dict.fromkeys([*entries, *inner, *named, *usual, *flat]) if _is_root(top, each)]
    return tuple(fit[:_MAX])


def _has_layout(project: Path) -> bool:
    """Whether modules lie in `src`, which is no package itself."""
    try:
        return (project / _LAYOUT).is_dir() and not (project / _LAYOUT / "__init__.py").exists()
    except OSError:
        return False


def _named(settings: Mapping[str, Any]) -> Iterator[str]:
    """Where the settings of the build back ends have packages."""
    tool = _at(settings, "tool")
    yield from _texts(_at(tool, "setuptools", "packages", "find", "where"))
    yield from _texts([_at(tool, "setuptools", "package-dir", "")])
    yield from _texts([_at(package, "from") for package in _list(_at(tool, "poetry", "packages"))])
    hatch = _at(tool, "hatch", "build", "targets", "wheel")
    yield from (PurePosixPath(path).parent.as_posix() for path in _texts(_at(hatch, "packages")))
    yield from _texts(_at(hatch, "sources"))
    yield from _texts([_at(tool, "pdm", "build", "package-dir"), _at(tool, "uv", "build-backend", "module-root")])


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _list(value: Any) -> list[Any]:
    return value[:_MAX] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [text for text in _list(value) if isinstance(text, str) and text and "\0" not in text]


def _inside(top: Path, location: str) -> str | None:
    """A path on this machine by path from the top, None when it is elsewhere."""
    path = Path(location)
    for root in (top, top.resolve()):
        if path.is_relative_to(root) and ".." not in path.parts and "\0" not in location:
            return path.relative_to(root).as_posix()
    return None


def _is_below(path: str) -> bool:
    return not path.startswith("/") and ".." not in PurePosixPath(path).parts


def _is_root(top: Path, path: str) -> bool:
    try:
        return (top / path).is_dir() and (top / path).resolve().is_relative_to(top.resolve())
    except OSError:
        return False
