"""Reads the command that runs a project's tests for what it says to pytest: the runner beside it is always our own."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cicd_agent.errors import ConfigError
from cicd_agent.pytest_worker.command_line import fitting

MAX_CHARACTERS = 4_000

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_PYTHON = re.compile(r"(?:python|pypy)(?:\d+(?:\.\d+)?)?(?:\.exe)?")
_PYTEST = frozenset({"pytest", "py.test"})
_OPERATORS = re.compile(r"[;&|<>`\n\r*?]|\$[({\w]")
_RUNNERS = frozenset({"uv", "poetry", "hatch", "pdm"})
# Options of the runners that take the next word with them: what comes after is the program.
_RUNNER_VALUES = frozenset(
    {"-p", "--python", "-e", "--env", "--extra", "--group", "--only-group", "--no-group", "--with", "--package"}
    | {"--directory", "-C", "--project", "--env-file", "--with-requirements", "--with-editable", "--no-extra"}
)
_COVERAGE_VALUES = frozenset(
    {"--source", "--omit", "--include", "--rcfile", "--data-file", "--concurrency", "--context", "--source-pkgs"}
)
_PYTHON_VALUES = frozenset({"-W", "-X"})
_MODULE = ("-m", "--module")
# Variables that would change which code is run, or report to somebody: PYTHONPATH is what a project may need.
_PYTHON_VARIABLES = frozenset({"PYTHONPATH", "PYTHONWARNINGS", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONOPTIMIZE"})
_REFUSED = re.compile(r"(?:LD|DYLD|COV|COVERAGE|GITHUB|RUNNER|ACTIONS|INPUT)_.*|PATH|HOME|TMPDIR|PYTEST_ADDOPTS|IFS")


@dataclass(frozen=True, slots=True)
class TestCommand:
    """What the project's test command says.

    `arguments` are those for pytest that are not ours to decide. `path_entry` says whether it puts the top of the tree
    on the module path. `python` is the interpreter that it names, "" for just any; `runner` is the tool that chooses
    one ("uv", "poetry"), "" without one. `words` is the command that is really run, as a person would type it.
    """

    __test__ = False
    arguments: tuple[str, ...] = ()
    path_entry: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    words: str = "python -m pytest"
    python: str = ""
    runner: str = ""


def read_test_command(text: str) -> TestCommand:
    """What a `test-command` says. Raises ConfigError for what is not one pytest command."""
    if len(text) > MAX_CHARACTERS:
        raise _not_pytest(f"it has more than {MAX_CHARACTERS:,} characters")
    if "\0" in text:
        raise _not_pytest("it holds a NUL")
    environment, words = _assignments(_split(text.strip()))
    runner, rest = _after_runner(words)
    python, path_entry, given = _program(rest)
    arguments = tuple(fitting([*given]))
    named = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    start = ["python", "-m", "pytest"] if path_entry else ["pytest"]
    return TestCommand(
        arguments, path_entry, environment, " ".join([*named, *start, *map(shlex.quote, arguments)]), python, runner
    )


def _split(text: str) -> list[str]:
    """The words as a shell would have them; one that does more than split words is refused."""
    bare = re.sub(r"'[^']*'|\\.", "", text)
    # In double quotes a shell still looks for $ and `, and for nothing else.
    if match := _OPERATORS.search(re.sub(r'"[^"$`]*"', "", bare)):
        what = {"`": "a backtick", "\n": "several lines", "\r": "several lines"}.get(match[0], f"`{match[0]}`")
        raise _not_pytest(f"it holds {what}, which only a shell would understand")
    try:
        return shlex.split(text, comments=False)
    except ValueError as error:
        raise _not_pytest("a quotation mark is not closed") from error


def _assignments(words: Sequence[str]) -> tuple[dict[str, str], Sequence[str]]:
    results: dict[str, str] = {}
    rest = [*words[1:]] if words[:1] == ["env"] else [*words]
    while rest and (match := _ASSIGNMENT.fullmatch(rest[0])):
        name = match[1]
        if _REFUSED.fullmatch(name) or (name.startswith("PYTHON") and name not in _PYTHON_VARIABLES):
            raise ConfigError(
                f"`test-command` cannot set `{name}`",
                why="it decides how the tests are run, which is done here",
                remedy="Leave it out, or set it in the job",
            )
        results[name] = match[2]
        del rest[0]
    return results, rest


def _options(words: Sequence[str], with_value: frozenset[str]) -> tuple[list[list[str]], list[str]]:
    """The options before the program, the file or `-m`, each with its value, and the words after them."""
    options, rest = list[list[str]](), [*words]
    while rest and rest[0].startswith("-") and not rest[0].startswith(_MODULE):
        size = 2 if rest[0] in with_value else 1
        options.append(rest[:size])
        del rest[:size]
    return options, rest


def _after_runner(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The tool that starts the command in an environment of its own, and the words after it."""
    runner = words[0] if len(words) > 1 and words[0] in _RUNNERS else ""
    if not runner:
        return "", words
    _, rest = _options(words[1:], _RUNNER_VALUES)
    if rest[:1] != ["run"]:
        raise _not_pytest(f"`{runner}` is not followed by `run`")
    _, rest = _options(rest[1:], _RUNNER_VALUES)
    is_module = runner == "uv" and rest and rest[0].startswith(_MODULE)
    return runner, ["python", *rest] if is_module else rest


def _program(words: Sequence[str]) -> tuple[str, bool, Sequence[str]]:
    """The interpreter if one is named, whether the top gets on the module path, and the arguments of pytest."""
    if not words:
        raise _not_pytest("there is no program in it")
    program, rest = words[0], words[1:]
    name = PurePosixPath(program).name
    if name in _PYTEST:
        beside = PurePosixPath(program).parent / "python"
        return (str(beside) if "/" in program else ""), False, rest
    if name == "coverage":
        return "", True, _under_coverage(rest)
    if not _PYTHON.fullmatch(name):
        raise _not_pytest(f"it runs `{name[:60]}`")
    python = "" if program in {"python", "python3"} else program
    options, rest = _options(rest, _PYTHON_VALUES)
    module, after = _module(rest)
    if module == "coverage":
        return python, True, _under_coverage(after)
    if module not in _PYTEST:
        raise _not_pytest("it is not `python -m pytest`")
    # pytest has the same option, with the same effect on the tests.
    warnings = [word for option in options if option[0].startswith("-W") for word in option]
    return python, not any(option[0] in {"-I", "-P"} for option in options), [*warnings, *after]


def _module(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The module after `-m`, "" without one, and its arguments."""
    if not words or not words[0].startswith(_MODULE):
        return "", ()
    joined = words[0].removeprefix("--module").removeprefix("-m")
    return (joined, words[1:]) if joined else ("".join(words[1:2]), words[2:])


def _under_coverage(words: Sequence[str]) -> Sequence[str]:
    """Pytest's arguments; coverage puts the top on the module path just as Python does."""
    if words[:1] != ["run"]:
        raise _not_pytest("`coverage` is not followed by `run`")
    module, after = _module(_options(words[1:], _COVERAGE_VALUES)[1])
    if module not in _PYTEST:
        raise _not_pytest("it is not `coverage run -m pytest`")
    return after


def _not_pytest(reason: str) -> ConfigError:
    return ConfigError(
        "`test-command` must be a pytest command, such as `python -m pytest tests` or `uv run pytest -m 'not slow'`",
        why=reason,
        remedy="What has to be done before the tests belongs in a step of its own",
    )
