"""What a Python file imports: by its syntax tree, or line by line where it has none."""

import ast
import re
from collections.abc import Iterator

from cicd_agent.agent.tools.python_names import parse
from cicd_agent.modes.analyse_failure.imports.path_index import Sources, folder_of, joined

_ROOTS = ("", "src", "lib", "python")
_LINE = re.compile(r"^\s*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+([\w, \t]*)|import[ \t]+([\w., \t]+))", re.MULTILINE)
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_LONGEST = 200


def python(path: str, text: str, sources: Sources) -> Iterator[str]:
    """The modules and their packages, conftest.py where pytest loads it, and files that a string names in full."""
    folder = folder_of(path)
    for module, name in _named(text):
        yield from _module(module, name, folder, sources)
    name = path.rpartition("/")[2]
    if name == "conftest.py" or name.startswith("test") or name.endswith("_test.py"):
        while True:
            if found := sources.first(f"{folder}/conftest.py" if folder else "conftest.py"):
                yield found
            if not folder:
                break
            folder = folder_of(folder)


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Module (relative ones with their dots) and the name that is taken from it, "" for the module itself."""
    tree = parse(text)
    if tree is None:
        for match in _LINE.finditer(text):
            if match[3]:
                yield from ((part.split()[0], "") for part in match[3].split(",") if part.strip())
            else:
                yield from ((match[1], part.split()[0]) for part in match[2].split(",") if part.strip())
                yield match[1], ""
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, "") for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = "." * level + (module or "")
                yield base, ""
                yield from ((base, alias.name) for alias in names)
            case ast.Constant(value=str(value)) if len(value) <= _LONGEST and (
                "/" in value or _MODULE.fullmatch(value)
            ):
                # `python -m pkg.tool`, `patch("pkg.client.post")`, a script that a test starts: dynamic, but told.
                yield value, "/" if "/" in value else ""
            case _:
                pass


def _module(module: str, name: str, folder: str, sources: Sources) -> Iterator[str]:
    if name == "/":
        yield from (found for found in [sources.only(joined("", module))] if found.endswith(".py"))
        return
    dots = len(module) - len(module.lstrip("."))
    parts = [part for part in module.split(".") if part]
    if dots:
        base = folder
        for _ in range(dots - 1):
            base = folder_of(base)
        yield from _below(base, [*parts, *([name] if name else [])], sources)
        return
    wanted = [*parts, *([name] if name else [])]
    roots = dict.fromkeys([*_ROOTS, *_ancestors(folder)])
    for root in roots:
        found = list(_below(root, wanted, sources))
        if any(not each.endswith("__init__.py") for each in found) or (found and not name):
            yield from found
            return
        if found:
            yield from found
    if len(parts) > 1:
        yield from (found for found in [sources.only("/".join(parts) + ".py")] if found)


def _below(root: str, parts: list[str], sources: Sources) -> Iterator[str]:
    """The packages on the way and the module; what follows a module are names in it."""
    where = root
    if not parts and (found := sources.first(joined(where, "__init__.py"))):
        yield found
    for part in parts:
        where = joined(where, part)
        if found := sources.first(f"{where}.py", f"{where}.pyi"):
            yield found
            return
        if found := sources.first(f"{where}/__init__.py"):
            yield found
        elif not sources.holds(where):
            return


def _ancestors(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder_of(folder)
