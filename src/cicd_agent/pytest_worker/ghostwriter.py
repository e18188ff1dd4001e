"""Lets Hypothesis's ghostwriter write tests of the project's functions, each in a fork of its own.

Runs under the project's interpreter inside the sandbox: it knows the standard library and hypothesis alone, of Python
3.9 and later.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import re
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .probe import Caught, answer, silence

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 20.0
"""Time for one function, the import of its module included."""

_SETTLED = re.compile(
    r"(?:^|_)(?:normali[sz]e|clean|strip|dedent|canonical\w*|saniti[sz]e|slugify|dedupe|deduplicate|unique|sort|trim"
    r"|tidy|simplify|collapse|squeeze|unify|standardi[sz]e)(?:_|$|d$|ed$)"
)
# A name with the first part of one of these is undone by that with the second in its place.
_UNDONE = (
    ("encode", "decode"),
    ("dumps", "loads"),
    ("dump", "load"),
    ("serialize", "deserialize"),
    ("serialise", "deserialise"),
    ("compress", "decompress"),
    ("encrypt", "decrypt"),
    ("escape", "unescape"),
    ("quote", "unquote"),
    ("pack", "unpack"),
    ("format", "parse"),
    ("render", "parse"),
    ("to", "from"),
)


def main(requested: list[dict[str, Any]]) -> list[dict[str, str]]:
    """For each function (`path`, `function`) its `path`, `function`, and a `source` or a `problem`."""
    with Caught() as importing, silence():
        _ghostwriter()
    if importing.raised is not None:
        return [{**each, "source": "", "problem": _described(importing.raised)} for each in requested]
    return [
        {
            "path": each["path"],
            "function": each["function"],
            "source": "",
            "problem": "",
            **answer(functools.partial(_written, each["path"], each["function"]), SECONDS),
        }
        for each in requested
    ]


def _ghostwriter() -> Any:
    if "black" not in sys.modules and importlib.util.find_spec("black") is None:
        # Only the looks of what is written depend on it, but without it the ghostwriter cannot be imported.
        stand_in: Any = types.ModuleType("black")
        stand_in.Mode = dict
        stand_in.format_str = lambda text, **_: text
        sys.modules["black"] = stand_in
    return importlib.import_module("hypothesis.extra.ghostwriter")


def _written(path: str, qualified: str) -> dict[str, str]:
    with Caught() as caught, silence():
        module = _module(path)
        if module is None:
            return {"problem": "its module cannot be imported by a name of its own"}
        function: Any = module
        for part in qualified.split("."):
            function = inspect.getattr_static(function, part) if inspect.isclass(function) else getattr(function, part)
        if not inspect.isroutine(function) or "." in qualified:
            return {"problem": "it is no function of a module"}
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            return {"problem": "it is asynchronous"}
        source = _chosen(module, function)
        return {"source": source} if source else {"problem": "neither its name nor an annotation suggests a property"}
    return {"problem": _described(caught.raised)}


def _described(raised: BaseException | None) -> str:
    return " ".join(f"{type(raised).__name__}: {raised}".split())[:300]


def _chosen(module: types.ModuleType, function: Callable[..., Any]) -> str:
    ghostwriter = _ghostwriter()
    pair = _pair(module, function)
    if pair is not None:
        return str(ghostwriter.roundtrip(*pair))
    if _SETTLED.search(function.__name__.lower()):
        return str(ghostwriter.idempotent(function))
    # All that could be asserted of another function is the type of its result. Guessing its arguments takes seconds.
    returned = getattr(function, "__annotations__", {}).get("return")
    return "" if returned is None or returned == "None" else str(ghostwriter.fuzz(function))


def _pair(module: types.ModuleType, function: Callable[..., Any]) -> tuple[Any, Any] | None:
    """The function that does something and the one that undoes it, when one of them is this one."""
    name = function.__name__
    for do, undo in _UNDONE:
        for this, that in ((do, undo), (undo, do)):
            other = re.sub(rf"(?:^|(?<=_)){this}(?=_|$)", that, name)
            partner = getattr(module, other, None)
            if other != name and inspect.isfunction(partner):
                return (function, partner) if this == do else (partner, function)
    return None


def _module(path: str) -> types.ModuleType | None:
    """The module of a file, under the name by which the project's own tests would most likely import it."""
    full = Path(path).resolve()
    missing: ModuleNotFoundError | None = None
    for root in _roots(full):
        names = [*full.relative_to(root).parent.parts, full.stem]
        if names[-1] == "__init__":
            names.pop()
        if not names or not all(name.isidentifier() for name in names):
            continue
        if root not in map(_resolved, sys.path):
            sys.path.insert(0, str(root))
        try:
            module = importlib.import_module(".".join(names))
        except ModuleNotFoundError as failure:
            missing = missing or failure
        else:
            if _resolved(getattr(module, "__file__", None) or "") == full:
                return module
    if missing is not None:
        raise missing
    return None


def _roots(full: Path) -> list[Path]:
    """Where a file's module can be imported from, likeliest first: the path's entries, or what holds its package."""
    packages: set[Path] = set()
    folder = full.parent
    while (folder / "__init__.py").exists():
        packages.add(folder)
        folder = folder.parent
    entries = {_resolved(entry) for entry in sys.path} & set(full.parents) - packages
    ordered = sorted(entries, key=lambda entry: (-len(entry.parts), entry))
    # From a folder `src` packages are imported as if they lay at the top, whether it is on the path by now or not.
    return [folder, *ordered] if folder.name in {"src", "lib", "python"} else [*ordered, folder]


def _resolved(entry: str) -> Path:
    return Path(entry).resolve()
