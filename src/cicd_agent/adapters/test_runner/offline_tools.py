"""Says what tools need beside a project's tree so that a command of theirs runs without the network or the home.

Go wants the modules that the job has downloaded, and Node nothing but its own installation: `node_modules` are in the
tree. Both install into homes (`~/sdk/go1.22`, `~/.nvm/versions/node/v22`), of which nothing else may be seen. Python
would look for a project that was installed as editable where the tree was, and has to find it in the copy.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from cicd_agent.adapters.toolchain.location import is_fit

_SIGNS = {"go": ("src/runtime", "pkg"), "node": ("include/node", "lib/node_modules/npm")}
"""Directories by which an installation is known, one of them beside `bin` and its program."""
_OFFLINE = {
    # The failed run had it as well, and tools print and check otherwise with it.
    "CI": "true",
    # Fail at once, and say why, instead of waiting for a network.
    "GOPROXY": "off",
    "npm_config_offline": "true",
    "npm_config_update_notifier": "false",
    "COREPACK_ENABLE_NETWORK": "0",
}


def offline_tools(top: Path, environment: Mapping[str, str]) -> tuple[tuple[Path, ...], dict[str, str]]:
    """Directories to read, and variables to set, for commands on a copy of the tree at `top`.

    `environment` is the job's: PATH, HOME, and where Go and Corepack keep what they have downloaded.
    """
    home = Path(environment.get("HOME") or "/nonexistent")
    readable = [prefix for name in _SIGNS for prefix in _installation(name, environment.get("PATH", ""))]
    variables = dict(_OFFLINE)
    gopath = environment.get("GOPATH", "").split(":")[0]
    modules = Path(environment.get("GOMODCACHE") or Path(gopath or home / "go", "pkg/mod"))
    if (modules / "cache/download").is_dir():
        # What lies beside `download` are clones, whose configuration can hold a token.
        readable += [path for path in sorted(modules.iterdir()) if path.is_dir() and path.name != "cache"]
        readable.append(modules / "cache/download")
        variables["GOMODCACHE"] = str(modules)
    managers = Path(environment.get("COREPACK_HOME") or home / ".cache/node/corepack")
    if managers.is_dir():
        readable.append(managers)
        variables["COREPACK_HOME"] = str(managers)
    if any((top / name).is_file() for name in ("pyproject.toml", "setup.cfg", "setup.py")):
        # Relative to where the command starts, which is the copy.
        variables["PYTHONPATH"] = "src" if (top / "src").is_dir() else "."
    # A tree that was seen as it is would have its .git seen.
    fit = [path for path in readable if is_fit(path, home) and not _meet(path, top)]
    return tuple(dict.fromkeys(fit)), variables


def _installation(name: str, path: str) -> Iterator[Path]:
    """Where a program on PATH is installed, whatever links lead to it."""
    program = shutil.which(name, path=path)
    prefix = Path(program).resolve().parent.parent if program else None
    is_whole = prefix is not None and (prefix / "bin" / name).exists()
    if prefix is not None and is_whole and any((prefix / sign).is_dir() for sign in _SIGNS[name]):
        yield prefix


def _meet(path: Path, top: Path) -> bool:
    one, other = path.resolve(), top.resolve()
    return one.is_relative_to(other) or other.is_relative_to(one)
