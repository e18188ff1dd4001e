"""Puts new tests where a person would: into the module that tests the file already, beside what stands there."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cicd_agent.analysis.python_tests.placement.names import (
    Imported,
    Names,
    NotPlaceable,
    defined_by,
    import_line,
    imported_by,
    names_of,
    renamed,
    statements,
)
from cicd_agent.domain.trials.candidate import Candidate

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
_DEFINITION = re.compile(r"@|(async|def|class)\b")
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
_DEPTHS = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Placement:
    """The text of a module, and the name that each candidate's test has in it, in their order."""

    text: str
    names: tuple[str, ...]


def place(text: str | None, candidates: Sequence[Candidate]) -> str:
    return placed(text, candidates).text


def placed(text: str | None, candidates: Sequence[Candidate]) -> Placement:
    """A module (None where there is none yet) with the candidates' tests at its end, in this order.

    Nothing that stands in it is touched: lines are inserted, and names that are taken are changed in what is new.
    Raises NotPlaceable where that does not work out.
    """
    try:
        return _placed(text, candidates)
    except _DEPTHS as error:
        raise NotPlaceable(
            f"the module that it would join cannot be read by Python ({type(error).__name__})"
        ) from error


def _placed(text: str | None, candidates: Sequence[Candidate]) -> Placement:
    new = text is None or not text.strip("\ufeff \t\r\n\f")
    before = text or ""
    if new:
        before += _introduced(candidates, before)
    body = before.removeprefix("\ufeff")
    names = names_of(body)
    imports: list[Imported] = []
    pieces: list[str] = []
    called: list[str] = []
    for candidate in candidates:
        name, code, requested = _joined(candidate, names)
        called.append(name)
        pieces.append(code)
        imports.extend(requested)
    result = before[: len(before) - len(body)] + _inserted(body, imports, pieces)
    _check(body, result, called)
    return Placement(result, tuple(called))


def _introduced(candidates: Sequence[Candidate], before: str) -> str:
    paths = sorted({candidate.path for candidate in candidates})
    what = ", ".join(paths) if all(_PLAIN.fullmatch(path) for path in paths) else "code that has changed"
    return ("" if not before.strip("\ufeff") or before.endswith("\n") else "\n") + f'"""Tests of {what}."""\n'


def _joined(candidate: Candidate, names: Names) -> tuple[str, str, list[Imported]]:
    """The test's name, its code and the imports that it needs beside `names`, to which they are added."""
    code = candidate.code.replace("\r\n", "\n").replace("\r", "\n").strip("\n").rstrip() + "\n"
    try:
        tree = ast.parse(code)
        own = names_of(code)
        requested = [one for line in candidate.imports for one in _read(line)]
    except _DEPTHS as error:
        raise NotPlaceable(f"it cannot be read by Python ({type(error).__name__})") from error
    if sum(candidate.name in defined_by(node) for node in tree.body) != 1:
        raise NotPlaceable(f"it does not define `{candidate.name}` once")
    changed: dict[str, str] = {}
    words = set(re.findall(r"\w+", code))
    fresh = _settle_imports([one for one in requested if one.bound in words], names, own, changed)
    left_out = _settle_definitions(candidate.name, tree, names, own, changed)
    lines = code.split("\n")
    for node in reversed(left_out):
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        del lines[first - 1 : node.end_lineno]
    code = renamed("\n".join(lines).strip("\n") + "\n", changed)
    for node in ast.parse(code).body:
        for name in defined_by(node):
            names.origins[name] = {""}
            names.used.add(name)
            names.definitions[name] = ast.dump(node)
    names.used.update(changed.get(name, name) for name in own.used)
    return changed.get(candidate.name, candidate.name), code, fresh


def _read(line: str) -> list[Imported]:
    results: list[Imported] = []
    for node in ast.parse(line.strip()).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            raise NotPlaceable("there is more than import statements among its imports")
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            # What is left of these (3.11 and later) changes no value, only when annotations are evaluated.
            continue
        results.extend(imported_by(node))
    if any(one.name == "*" for one in results):
        raise NotPlaceable("it imports everything from a module: say which names")
    return results


def _settle_imports(requested: Sequence[Imported], names: Names, own: Names, changed: dict[str, str]) -> list[Imported]:
    """What has to be imported, which is added to `names`; names to be changed are added to `changed`."""
    fresh: list[Imported] = []
    for one in requested:
        if one.bound in own.origins:
            raise NotPlaceable(f"it imports `{one.bound}` and defines it, too")
        if needed := _reconciled(one, names, changed, own):
            fresh.append(needed)
            names.origins.setdefault(needed.bound, set()).add(needed.origin)
            names.used.add(needed.bound)
            if needed.module is None and not needed.alias:
                names.plain.add(needed.name)
    return fresh


def _reconciled(one: Imported, names: Names, changed: dict[str, str], own: Names) -> Imported | None:
    """What has to be imported so that the test has it: None when it is there already, under this name or another."""
    there = names.origins.get(one.bound)
    if there == {one.origin}:
        dotted = one.module is None and not one.alias
        return one if dotted and one.name not in names.plain and "." in one.name else None
    if there is None and one.bound not in names.used:
        return one
    if one.module is None and not one.alias and "." in one.name:
        raise NotPlaceable(f"`{one.bound}` is something else in the module that it would join")
    for name, origins in sorted(names.origins.items()):
        if origins == {one.origin}:
            changed[one.bound] = name
            return None
    alias = names.free(one.bound, own.used | own.origins.keys())
    changed[one.bound] = alias
    return Imported(one.name, alias, one.module)


def _settle_definitions(
    test: str, tree: ast.Module, names: Names, own: Names, changed: dict[str, str]
) -> list[ast.stmt]:
    """Adds names to be changed; what the module says in the very same words already is returned, to be left out."""
    left_out = []
    for node in tree.body:
        defined = defined_by(node)
        if not defined:
            raise NotPlaceable(f"line {node.lineno} of it is neither a function nor a constant")
        same = all(names.definitions.get(name) == ast.dump(node) for name in defined)
        if same and test in defined:
            raise NotPlaceable(f"the module that it would join has `{test}` already, in the same words")
        if same:
            left_out.append(node)
            continue
        for name in defined:
            if name in names.used or name in names.origins:
                if _is_fixture(node):
                    raise NotPlaceable(f"the module that it would join has another fixture `{name}`")
                changed[name] = names.free(name, own.used | own.origins.keys() | set(changed.values()))
    return left_out


def _is_fixture(node: ast.stmt) -> bool:
    return any("fixture" in ast.dump(one) for one in getattr(node, "decorator_list", ()))


def _inserted(body: str, imports: Sequence[Imported], pieces: Sequence[str]) -> str:
    end = "\r\n" if body.count("\r\n") * 2 > body.count("\n") else "\n"
    lines = _LINE.findall(body)
    groups = statements(imports)
    tail = "\n\n".join(pieces)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += end
    if groups:
        at, beside = import_line(ast.parse(body), lines)
        block = (
            [line for group in groups for line in (*group, "")][:-1]
            if not beside
            else [line for group in groups for line in group]
        )
        if not beside and at:
            block = ["", *block]
        if not beside and at < len(lines):
            there = next((number for number, line in enumerate(lines[at:]) if line.strip()), 2)
            block += [""] * ((2 if _DEFINITION.match(lines[min(at + there, len(lines) - 1)]) else 1) - there)
        lines[at:at] = [line + end for line in block]
    if pieces and lines:
        blank = next((number for number, line in enumerate(reversed(lines)) if line.strip()), len(lines))
        lines.extend([end] * (2 - blank))
    if (result := next(filter(None, map(_CODING.match, lines[:2])), None)) and not (tail + str(groups)).isascii():
        encoding = result[1].lower().replace("_", "-")
        if encoding not in {"utf-8", "utf8"}:
            raise NotPlaceable(f"the module that it would join is written in {result[1]}, which cannot hold all of it")
    return "".join(lines) + tail.replace("\n", end)


def _check(before: str, after: str, called: Sequence[str]) -> None:
    """Whether all that stood there stands there still, and each test once."""
    result = ast.parse(after.removeprefix("\ufeff"))
    remaining = iter([ast.dump(node) for node in result.body])
    if not all(ast.dump(node) in remaining for node in ast.parse(before).body):
        raise NotPlaceable("the module that it would join would not stay as it is")
    defined = [name for node in result.body for name in defined_by(node)]
    for name in called:
        if defined.count(name) != 1:
            raise NotPlaceable(f"the module that it would join would have `{name}` twice")
