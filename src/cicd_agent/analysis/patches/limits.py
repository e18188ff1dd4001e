"""Says which patches nobody is offered: too large, in the wrong place, or green because less is looked at."""

import configparser
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from cicd_agent.analysis.patches.apply import Texts
from cicd_agent.analysis.patches.edit import KINDS, PATTERNS, SILENCING, WEAKENING, Edit, Piece, code_only, edits, grown
from cicd_agent.analysis.patches.parser import Patch
from cicd_agent.analysis.python_tests.static.tautologies import vain_assertions
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.quote import shown

MAX_FILES = 10
MAX_LINES = 200
"""Lines added and deleted."""
MAX_WIDTH = 2_000
"""Characters of a line that is added or deleted: the patterns see no more of it."""

_GITS = re.compile(r"(?:^|/)\.git[^/]*(?:/|$)")


def objection(patch: Patch, before: Texts, denied: Callable[[str], bool] = lambda _: False) -> str:
    """The first of the objections, "" when there is none."""
    return next(objections(patch, before, denied), "")


def objections(patch: Patch, before: Texts, denied: Callable[[str], bool] = lambda _: False) -> Iterator[str]:
    """Why nobody is offered this patch of these texts: clauses that begin with a verb.

    `denied` are the paths that no model is shown (deny-paths). A patch that does not apply is judged by its own lines.
    """
    if len(patch.files) > MAX_FILES:
        yield f"changes {len(patch.files)} files, more than {MAX_FILES}"
        return
    if patch.changed > MAX_LINES:
        yield f"changes {patch.changed} lines, more than {MAX_LINES}"
        return
    for path in patch.paths:
        if denied(path):
            yield f"touches a file that is kept from models ({path})"
        if reason := misplaced(path):
            yield reason
    changed = edits(patch, before)
    for edit in changed:
        yield from _hidden(edit)
        yield from find_lowered_settings(edit)
        yield from find_weakened_tests(edit)
        yield from find_silencing(edit)
    otherwise = [edit.path for edit in changed if changes_expectation(edit)]
    if otherwise and not any(changes_product(edit) for edit in changed):
        yield f"changes what a test expects, and nothing that is tested ({otherwise[0]})"


def _hidden(edit: Edit) -> Iterator[str]:
    if any(len(line) > MAX_WIDTH for line in edit.changed):
        yield f"changes a line of more than {MAX_WIDTH:,} characters ({edit.path})"
    added = "".join(line for piece in edit.pieces for line in piece.added)
    if shown(added) != added:
        yield f"adds a secret or hidden characters ({edit.path})"


def misplaced(path: str) -> str:
    """Why no patch of ours may touch a path: a clause that begins with a verb, "" when one may."""
    lower = path.lower()
    path_kinds = kinds(path)
    checks = (
        (PATTERNS["pipeline-files"].search(lower), "edits what runs or guards the checks"),
        (
            path_kinds & {PathKind.WORKFLOW, PathKind.CI_CONFIG, PathKind.OWN_CONFIG},
            "edits what runs or guards the checks",
        ),
        (_GITS.search(lower), "touches what git itself obeys"),
        (PathKind.LOCK_FILE in path_kinds, "writes a lock file by hand"),
        (PATTERNS["tool-shadows"].search(lower), "puts itself in the place of a tool"),
    )
    return next((f"{what} ({path})" for wrong, what in checks if wrong), "")


def _unstarted(edit: Edit) -> Iterator[str]:
    """What a script no longer starts, or no longer stops at."""
    for piece in edit.pieces:
        gone, come = ({line.strip().rstrip(",") for line in lines} for lines in (piece.deleted, piece.added))
        if any(
            PATTERNS["test-commands"].search(line[:500]) and not line.startswith(("#", "//")) for line in gone - come
        ):
            yield f"changes how tests or checks are started ({edit.path})"
        if grown(PATTERNS["stop-on-error"], piece.new, piece.old):
            yield f"goes on after a command that fails ({edit.path})"


def find_silencing(edit: Edit) -> Iterator[str]:
    """What an edit silences, a clause for each way in which it does."""
    if edit.is_prose:
        return
    names = {edit.suffix, edit.name, edit.name.partition(".")[0]}
    for sign in SILENCING:
        if sign.kinds and not sign.kinds & names:
            continue
        for piece in edit.pieces:
            both = (piece.old, piece.new) if sign.in_comments else (piece.old_code, piece.new_code)
            if grown(sign.pattern, *both):
                yield f"{sign.clause} ({edit.path})"
                break
    if names & KINDS["shell"]:
        yield from _unstarted(edit)


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


_MAX_LINES = 60
"""Lines that one assertion may take."""

_ASSERTS = PATTERNS["assertions"]
_EXACT = PATTERNS["exact-assertions"]
_LOOSE = PATTERNS["loose-assertions"]
_NEGATED = PATTERNS["negated-assertions"]
_BEGINS = PATTERNS["expectation-starts"]
_ROW = PATTERNS["table-rows"]
_CASE_TABLES = re.compile(r"parametri[sz]e|\.each\b|@(?:Csv|Value|Method|Enum)Source|\bfor\s.*\bin\s*[\[(]")
_VAGUE = re.compile(
    r"\bor\b|\|\||approx|almost|close_?to|isclose|\.any\(|anything\(|\bANY\b|objectContaining|arrayContaining"
)
_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_CONDITION = re.compile(r"^[ \t]*(?:\}\s*else\s+)?(?:if|elif|unless|when|while|switch|match)\b", re.MULTILINE)


def find_weakened_tests(edit: Edit) -> Iterator[str]:
    """What an edit takes from tests, a clause for each way."""
    if not edit.is_test:
        return
    if edit.after is None:
        yield f"deletes a test file ({edit.path})"
        return
    before, after = (code_only(text or "", edit.suffix) for text in (edit.before, edit.after))
    for what in (*_added(edit), *_lost(*_differing(before, after)), *_loosened(edit, before)):
        yield f"{what} ({edit.path})"


def _added(edit: Edit) -> Iterator[str]:
    for sign in WEAKENING:
        if any(grown(sign.pattern, piece.old_code, piece.new_code) for piece in edit.pieces):
            yield sign.clause
    if edit.suffix == "py" and vain_assertions(edit.after or "") > vain_assertions(edit.before or ""):
        yield "asserts what is always true"


def _differing(before: str, after: str) -> tuple[str, str]:
    old, new = Counter(before.split("\n")), Counter(after.split("\n"))
    return "\n".join((old - new).elements()), "\n".join((new - old).elements())


def _lost(before: str, after: str) -> Iterator[str]:
    """What there is less of in the whole file: tests may be moved and put in other words."""
    if _count(PATTERNS["test-definitions"], after) < _count(PATTERNS["test-definitions"], before):
        yield "takes tests away"
    losses = ("takes assertions away", "asserts less than before", "asserts less exactly than before")
    for was, now, what in zip(_assertion_counts(before), _assertion_counts(after), losses, strict=True):
        if now < was:
            yield what
            return


def _loosened(edit: Edit, before: str) -> Iterator[str]:
    for piece in edit.pieces:
        if _rows(piece.added) < _rows(piece.deleted) or _cases(piece.added) < _cases(piece.deleted):
            yield "takes cases out of a table of tests"
        if grown(_CONDITION, piece.old_code, piece.new_code) and _sinks(piece):
            yield "puts assertions under a condition"
        if _expects(before, piece.gone) and grown(PATTERNS["tolerances"], piece.old_code, piece.new_code):
            yield "changes a tolerance"


def _sinks(piece: Piece) -> bool:
    depths = {line.strip(): len(line) - len(line.lstrip()) for line in piece.deleted if line.strip()}
    return any(len(line) - len(line.lstrip()) > depths.get(line.strip(), len(line)) for line in piece.added)


def changes_expectation(edit: Edit) -> bool:
    """Whether an edit changes or removes a line that says what a test expects, or data that a test compares with."""
    if edit.before is None or not any(piece.deleted for piece in edit.pieces):
        return False
    if not edit.is_test:
        # An example in the documentation of code is a test, too.
        return any(">>> " in piece.old and piece.deleted for piece in edit.pieces) and not changes_product(edit)
    if PathKind.SOURCE not in edit.kinds:
        return True
    before = code_only(edit.before, edit.suffix)
    return any(_expects(before, piece.gone) for piece in edit.pieces)


def changes_product(edit: Edit) -> bool:
    """Whether an edit changes code outside of tests, beyond comments and blanks."""
    if edit.is_test or edit.is_prose or not edit.kinds.isdisjoint({PathKind.DOCS, PathKind.EXAMPLE}):
        return False
    before, after = (_squeezed(code_only(text or "", edit.suffix)) for text in (edit.before, edit.after))
    return before != after


def _squeezed(code: str) -> list[str]:
    return [line for line in (" ".join(line.split()) for line in code.split("\n")) if line]


def _count(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def _rows(lines: Sequence[str]) -> int:
    return sum(bool(_ROW.match(line[:500])) for line in lines)


def _cases(lines: Sequence[str]) -> int:
    return sum(line.count(",") for line in lines if _CASE_TABLES.search(line[:500]))


def _lines(code: str) -> Iterator[str]:
    for line in code.split("\n"):
        yield line[:300]


def _assertion_counts(code: str) -> tuple[int, int, int]:
    """How many lines of a test assert something, how many of them more than truth, and how many something exact."""
    code = _STRING.sub(lambda string: string[0][0] * 2, code)
    every = firm = exact = 0
    for line in _lines(code):
        if _EXACT.search(line) and not _NEGATED.search(line) and not _VAGUE.search(line):
            every, firm, exact = every + 1, firm + 1, exact + 1
        elif _ASSERTS.search(line):
            every += 1
            firm += bool(_LOOSE.search(line)) and not _NEGATED.search(line)
    return every, firm, exact


def _expects(code: str, numbers: Collection[int]) -> bool:
    """Whether one of the lines with these indices says what is expected: in an assertion, or a table of cases."""
    if not numbers:
        return False
    # What began further above has taken all the lines that it may.
    first = max(min(numbers) - _MAX_LINES, 0)
    depth = left = 0
    for number, line in enumerate(_lines("\n".join(code.split("\n")[first : max(numbers) + 1])), first):
        if depth <= 0 or not left:
            starts = _ASSERTS.search(line) or _EXACT.search(line) or _BEGINS.search(line) or _ROW.match(line)
            depth, left = 0, _MAX_LINES if starts else 0
        if left:
            if number in numbers:
                return True
            depth += sum(line.count(each) for each in "([{") - sum(line.count(each) for each in ")]}")
            left -= 1
    return False
