"""Runs the repository's own formatter and linter on new tests: only what a file was not guilty of before counts."""

import ast
import configparser
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cicd_agent.adapters.toolchain.import_roots import pyproject, read_text, read_toml
from cicd_agent.adapters.toolchain.interpreter import Toolchain
from cicd_agent.domain.ports.test_runner import PytestUnavailable
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.trials.sandbox import Limits, Sandbox
from cicd_agent.errors import ConfigError

_PROGRAM = Path(__file__).with_name("style_check_program.py")
_JOB = ".cicd-agent-style.json"
_MAX_MESSAGE = 200
_LIMITS = Limits(wall_seconds=120, output_bytes=8 << 20)


class _Outcome(BaseModel):
    """What the tools made of the files: they are the project's, and so is what they report."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    complaints: Annotated[list[tuple[str, str, str, int]], Field(max_length=500)]
    texts: dict[str, str]


class StyleCheck:
    """The formatter and linter that the repository configures, as far as they are installed where its tests run."""

    def __init__(self, top: Path, toolchain: Toolchain, sandbox: Sandbox, *, limits: Limits = _LIMITS) -> None:
        self._top = top
        self._toolchain = toolchain
        self._sandbox = sandbox
        self._limits = limits
        self._linters, self._formatters = tools(top)
        self._last: tuple[dict[str, str], _Outcome] | None = None

    def style(self, files: Mapping[str, str]) -> Mapping[str, str]:
        """The first complaint about each file that was not there before, in one line."""
        outcome = self._outcome(files)
        results: dict[str, str] = {}
        for path, rule, message, line in sorted(outcome.complaints, key=lambda entry: (entry[0], entry[3])):
            if path in files:
                results.setdefault(path, visible_line(f"{rule}: {message} (line {line})")[:_MAX_MESSAGE])
        for path, text in files.items():
            if self._formatters and self._laid_out(outcome, path, text) != text:
                results.setdefault(path, f"{self._formatters[-1]} would lay it out otherwise")
        return results

    def formatted(self, files: Mapping[str, str]) -> Mapping[str, str]:
        """The files as the formatter has them; those that it was never content with stay as they are."""
        outcome = self._outcome(files) if self._formatters else _NOTHING
        return {path: self._laid_out(outcome, path, text) for path, text in files.items()}

    def _laid_out(self, outcome: _Outcome, path: str, text: str) -> str:
        after = outcome.texts.get(path, text)
        return after if after == text or is_same_code(text, after) else text

    def _outcome(self, files: Mapping[str, str]) -> _Outcome:
        """What the tools make of these files; style and format are mostly requested for the same."""
        if not files or not (self._linters or self._formatters):
            return _NOTHING
        if self._last is None or self._last[0] != dict(files):
            self._last = dict(files), self._run(files)
        return self._last[1]

    def _run(self, files: Mapping[str, str]) -> _Outcome:
        job = {"linters": self._linters, "formatters": self._formatters, "files": dict(files)}
        tool = self._toolchain
        try:
            ran = self._sandbox.run(
                [str(tool.python), "-I", "-c", _PROGRAM.read_text("utf-8"), _JOB],
                self._top,
                limits=self._limits,
                files={_JOB: json.dumps(job).encode()},
                readable=tool.readable,
                environment=tool.environment,
                without=tool.without,
            )
        except ConfigError as error:
            raise PytestUnavailable(error.what, why=error.why, remedy=error.remedy) from error
        try:
            return _Outcome.model_validate_json(ran.stdout.strip().rpartition(b"\n")[2])
        except ValidationError:
            return _NOTHING


_NOTHING = _Outcome(complaints=[], texts={})


def tools(top: Path) -> tuple[Sequence[str], Sequence[str]]:
    """The linters and the formatters that the configuration at the top asks for, in the order in which they run."""
    settings = pyproject(top).get("tool")
    settings = settings if isinstance(settings, dict) else {}
    own = [read_toml(top / name) for name in ("ruff.toml", ".ruff.toml") if (top / name).is_file()]
    ruff = own[0] if own else settings.get("ruff")
    linters, formatters = list[str](), list[str]()
    if ruff is not None:
        linters.append("ruff")
    if any(_has_section(top / name, "flake8") for name in (".flake8", "setup.cfg", "tox.ini")):
        linters.append("flake8")
    if "isort" in settings or _has_section(top / ".isort.cfg", "settings") or _has_section(top / "setup.cfg", "isort"):
        formatters.append("isort")
    elif ruff is not None and _sorts_imports(ruff):
        formatters.append("ruff imports")
    if "black" in settings:
        formatters.append("black")
    elif ruff is not None:
        formatters.append("ruff format")
    return linters, formatters


def is_same_code(before: str, after: str) -> bool:
    """Whether two modules differ in layout alone: lines, quotes, the order of imports, blanks in docstrings."""
    try:
        return _bones(ast.parse(before)) == _bones(ast.parse(after))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _bones(tree: ast.Module) -> tuple[list[str], list[str]]:
    imports, rest = list[str](), list[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str() as text) as docstring), *_]:
                    docstring.value = "\n".join(line.strip() for line in text.strip().splitlines())
                case _:
                    pass
    for node in tree.body:
        match node:
            case ast.Import(names=names):
                imports += [f"import {ast.dump(name)}" for name in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                imports += [f"from {level} {module} {ast.dump(name)}" for name in names]
            case _:
                rest.append(ast.dump(node))
    return sorted(imports), rest


def _sorts_imports(ruff: Any) -> bool:
    """Whether ruff's rules about the order of imports are chosen."""
    if not isinstance(ruff, dict):
        return False
    lint = ruff.get("lint")
    locations = [ruff, lint] if isinstance(lint, dict) else [ruff]
    chosen = [location.get(name) for location in locations for name in ("select", "extend-select")]
    rules = [rule for each in chosen if isinstance(each, list) for rule in each if isinstance(rule, str)]
    return any(rule in {"I", "I0", "I00", "I001", "ALL"} for rule in rules)


def _has_section(path: Path, section: str) -> bool:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(read_text(path))
    except (OSError, ValueError, configparser.Error):
        return False
    return parser.has_section(section)
