"""Finds where a patch lowers what the configuration asks for: checkers, test runs, thresholds, versions of tools."""

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from cicd_agent.analysis.patches.edit import Edit, Piece, code_only
from cicd_agent.analysis.patches.patterns import PATTERNS
from cicd_agent.domain.repository.paths import PathKind


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VERSION = re.compile(r"\d|\*|latest")
_TABLES = _split(
    "pytest ruff mypy coverage pylint flake8 isort black pyright basedpyright ty pyrefly tox nox bandit pydocstyle "
    "pycodestyle codespell vulture interrogate taskipy poe hatch pdm testenv tool:pytest lints"
)
_HARMLESS = _split(
    "markers pythonpath asyncio_mode asyncio_default_fixture_loop_scope asyncio_default_test_loop_scope env "
    "django_settings_module known_first_party known-first-party src mypy_path"
)
_NODE_TABLES = _split("jest eslintconfig nyc c8 mocha ava lint-staged husky prettier stylelint xo standard vitest tap")
_TARGET = re.compile(r"^([\w./ %$(){}-]+?)\s*::?(?!=)")
_JUDGING_TARGETS = re.compile(r"test|check|lint|verify|\bci\b|cov|valid|types?|audit|\ball\b|spec|mypy|ruff|vet")


def find_lowered_settings(edit: Edit) -> Iterator[str]:
    """What an edit asks less of, a clause for each place."""
    where = f" ({edit.path})"
    if PATTERNS["checker-configurations"].fullmatch(edit.name):
        yield f"changes the configuration of a checker{where}"
    if _changes_key(edit, "test-runner-configurations", "test-runner-keys"):
        yield f"changes what a test run covers{where}"
    if _changes_key(edit, "build-files", "build-keys"):
        yield f"changes how the build tests or warns{where}"
    if edit.name in {"makefile", "gnumakefile", "justfile"} or edit.suffix == "mk":
        yield from (f"changes the target {target}{where}" for target in _targets(edit))
    if PathKind.DEPENDENCY_MANIFEST in edit.kinds and any(_unpins(piece) for piece in edit.pieces):
        yield f"changes the version of a tool that tests or checks{where}"
    if edit.before is not None:
        yield from (f"changes {key}{where}" for key in _keys(edit))


def _changes_key(edit: Edit, files: str, keys: str) -> bool:
    name_matches = PATTERNS[files].fullmatch(edit.name)
    return bool(name_matches) and any(PATTERNS[keys].search(line[:500]) for line in edit.changed)


def _unpins(piece: Piece) -> bool:
    gone, come = ({line.strip().rstrip(",") for line in lines} for lines in (piece.deleted, piece.added))
    return any(PATTERNS["tools"].search(line[:500]) and _VERSION.search(line) for line in gone - come)


def _targets(edit: Edit) -> Iterator[str]:
    before, after = _recipes(edit.before or ""), _recipes(edit.after or "")
    for name, lines in before.items():
        if _JUDGING_TARGETS.search(name) and after.get(name) != lines:
            yield name[:60]


def _recipes(text: str) -> dict[str, list[str]]:
    """Each target with its head and recipe."""
    recipes: dict[str, list[str]] = {}
    recipe: list[str] = []
    for line in text.split("\n"):
        head = _TARGET.match(line[:500])
        if head and not line.startswith("\t"):
            recipe = recipes.setdefault(head[1].strip(), [])
        if line.strip() and not line.lstrip().startswith("#"):
            recipe.append(line.strip())
    return recipes


def _keys(edit: Edit) -> Iterator[str]:
    """The keys of structured configuration that were changed and say what is tested or checked."""
    if edit.suffix == "toml":
        both = _toml(edit.before), _toml(edit.after)
        judge = _tool_table
    elif edit.name in {"setup.cfg", "pytest.ini", ".pytest.ini"}:
        both = _ini(edit.before), _ini(edit.after)
        judge = _tool_table
    elif edit.name == "package.json":
        both = _json(edit.before), _json(edit.after)
        judge = _node_table
    elif re.fullmatch(r"[tj]sconfig[\w.-]*\.json", edit.name):
        both = _json(edit.before), _json(edit.after)
        judge = _compiler_option
    else:
        return
    before, after = both
    if before is None or after is None:
        yield "configuration that cannot be read"
        return
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old != new and judge(key, old, new):
            yield ".".join(key)[:80]


_Flat = Mapping[tuple[str, ...], Any]


def _tool_table(key: tuple[str, ...], old: object, new: object) -> bool:
    del old, new
    tables = key[1:] if key[0] in {"tool", "workspace"} else key
    head = re.split(r"[-:.]", tables[0].lower())[0] if tables else ""
    return bool(tables) and (tables[0].lower() in _TABLES or head in _TABLES) and key[-1].lower() not in _HARMLESS


def _node_table(key: tuple[str, ...], old: object, new: object) -> bool:
    if key[0].lower() in _NODE_TABLES:
        return True
    if key[0] != "scripts" or old is None:
        return False
    if PATTERNS["checking-scripts"].search(key[-1].lower()):
        return True
    # A step that is gone from `tsc && vite build` is a check that is gone.
    return any(step not in str(new) for step in re.split(r"\s*&&\s*", str(old))[:-1])


def _compiler_option(key: tuple[str, ...], old: object, new: object) -> bool:
    return bool(PATTERNS["strict-options"].search(key[-1])) and not (
        new is True and key[-1].startswith(("strict", "no")) and old is not True
    )


def _flat(value: object, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    waiting: list[tuple[tuple[str, ...], object]] = [(key, value)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting += [((*key, str(name)), inner) for name, inner in value.items()]
        elif key:
            yield key, value


def _toml(text: str | None) -> _Flat | None:
    try:
        return dict(_flat(tomllib.loads((text or "").replace("\r\n", "\n"))))
    except (ValueError, RecursionError):
        return None


def _json(text: str | None) -> _Flat | None:
    """JSON as TypeScript takes it, with comments and commas at the end."""
    plain = re.sub(r",(\s*[}\]])", r"\1", code_only(text or "{}", "json"))
    try:
        return dict(_flat(json.loads(plain)))
    except (ValueError, RecursionError):
        return None


def _ini(text: str | None) -> _Flat | None:
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(text or "")
    except configparser.Error:
        return None
    return {(section, key): value for section in parser.sections() for key, value in parser.items(section)}
