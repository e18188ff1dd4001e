"""Says which patches nobody is offered: too large, in the wrong place, or green because less is looked at."""

import configparser
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from cicd_agent.analysis.patches.apply import Texts
from cicd_agent.analysis.patches.edit import NAMES, PATTERNS, SILENCING, WEAKENING, Edit, Piece, code_only, edits, grown
from cicd_agent.analysis.patches.parser import Patch
from cicd_agent.analysis.python_tests.static.tautologies import vain_assertions
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.quote import shown

MAX_FILES = 10
MAX_LINES = 200
"""Lines added and deleted."""
MAX_WIDTH = 2_000
"""Characters of a line that is added or deleted: the patterns see no more of it."""
_MAX_ASSERTION_LINES = 60

_Key = tuple[str, ...]


def objection(patch: Patch, before: Texts, denied: Callable[[str], bool] = lambda _: False) -> str:
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
        clauses = (*_hidden(edit), *_lowered_settings(edit), *_weakened_tests(edit), *_silenced_checks(edit))
        yield from (f"{clause} ({edit.path})" for clause in clauses)
    expectations = [edit.path for edit in changed if _changes_expectation(edit)]
    if expectations and not any(map(_changes_product, changed)):
        yield f"changes what a test expects, and nothing that is tested ({expectations[0]})"


def misplaced(path: str) -> str:
    """Why no patch of ours may touch a path: a clause that begins with a verb, "" when one may."""
    lower = path.lower()
    path_kinds = kinds(path)
    runs_checks = path_kinds & {PathKind.WORKFLOW, PathKind.CI_CONFIG, PathKind.OWN_CONFIG}
    checks = (
        (PATTERNS["pipeline-files"].search(lower) or runs_checks, "edits what runs or guards the checks"),
        (PATTERNS["git-files"].search(lower), "touches what git itself obeys"),
        (PathKind.AGENT_INSTRUCTIONS in path_kinds, "changes what coding agents are told to do"),
        (PathKind.LOCK_FILE in path_kinds, "writes a lock file by hand"),
        (PATTERNS["tool-shadows"].search(lower), "puts itself in the place of a tool"),
    )
    return next((f"{what} ({path})" for wrong, what in checks if wrong), "")


def _hidden(edit: Edit) -> Iterator[str]:
    if any(len(line) > MAX_WIDTH for line in edit.changed):
        yield f"changes a line of more than {MAX_WIDTH:,} characters"
    added = "".join(line for piece in edit.pieces for line in piece.added)
    if shown(added) != added:
        yield "adds a secret or hidden characters"


def _silenced_checks(edit: Edit) -> Iterator[str]:
    if edit.is_prose:
        return
    yield from (sign.clause for sign in SILENCING if sign.grows_in(edit))
    if edit.names.isdisjoint(NAMES["shell"]):
        return
    for piece in edit.pieces:
        commands = (line for line in piece.gone_lines if not line.startswith(("#", "//")))
        if any(PATTERNS["test-commands"].search(line[:500]) for line in commands):
            yield "changes how tests or checks are started"
        if grown(PATTERNS["stop-on-error"], piece.new, piece.old):
            yield "goes on after a command that fails"


def _lowered_settings(edit: Edit) -> Iterator[str]:
    """Where an edit lowers what the configuration asks for: checkers, test runs, thresholds, versions of tools."""
    if PATTERNS["checker-configurations"].fullmatch(edit.name):
        yield "changes the configuration of a checker"
    if _changes_key(edit, "test-runner-configurations", "test-runner-keys"):
        yield "changes what a test run covers"
    if _changes_key(edit, "build-files", "build-keys"):
        yield "changes how the build tests or warns"
    if edit.name in {"makefile", "gnumakefile", "justfile"} or edit.suffix == "mk":
        before, after = _recipes(edit.before or ""), _recipes(edit.after or "")
        for name, lines in before.items():
            if PATTERNS["checking-targets"].search(name) and after.get(name) != lines:
                yield f"changes the target {name[:60]}"
    if PathKind.DEPENDENCY_MANIFEST in edit.kinds:
        tools = [line for piece in edit.pieces for line in piece.gone_lines if PATTERNS["tools"].search(line[:500])]
        if any(map(PATTERNS["versions"].search, tools)):
            yield "changes the version of a tool that tests or checks"
    if edit.before is not None:
        yield from (f"changes {key}" for key in _lowered_keys(edit))


def _changes_key(edit: Edit, files: str, keys: str) -> bool:
    name_matches = PATTERNS[files].fullmatch(edit.name)
    return bool(name_matches) and any(PATTERNS[keys].search(line[:500]) for line in edit.changed)


def _recipes(text: str) -> dict[str, list[str]]:
    recipes: dict[str, list[str]] = {}
    recipe: list[str] = []
    for line in text.split("\n"):
        head = PATTERNS["make-targets"].match(line[:500])
        if head and not line.startswith("\t"):
            recipe = recipes.setdefault(head[1].strip(), [])
        if line.strip() and not line.lstrip().startswith("#"):
            recipe.append(line.strip())
    return recipes


def _lowered_keys(edit: Edit) -> Iterator[str]:
    """The keys of structured configuration that were changed and set what is tested or checked."""
    read: Callable[[str], Mapping[str, Any]]
    lowers: Callable[[_Key, object, object], bool]
    if edit.suffix == "toml":
        read, lowers = _toml, _configures_tool
    elif edit.name in {"setup.cfg", "pytest.ini", ".pytest.ini"}:
        read, lowers = _ini, _configures_tool
    elif edit.name == "package.json":
        read, lowers = _json, _configures_node
    elif PATTERNS["compiler-configurations"].fullmatch(edit.name):
        read, lowers = _json, _relaxes_compiler
    else:
        return
    try:
        before, after = (dict(_flat(read(text or ""))) for text in (edit.before, edit.after))
    except (ValueError, RecursionError, configparser.Error):
        yield "configuration that cannot be read"
        return
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old != new and lowers(key, old, new):
            yield ".".join(key)[:80]


def _toml(text: str) -> dict[str, Any]:
    return tomllib.loads(text.replace("\r\n", "\n"))


def _json(text: str) -> dict[str, Any]:
    """JSON as TypeScript takes it, with comments and commas at the end."""
    loaded = json.loads(re.sub(r",(\s*[}\]])", r"\1", code_only(text or "{}", "json")))
    return loaded if isinstance(loaded, dict) else {}


def _ini(text: str) -> dict[str, Any]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    parser.read_string(text)
    return {section: dict(items) for section in parser.sections() if (items := parser.items(section))}


def _flat(top: Mapping[str, Any]) -> Iterator[tuple[_Key, Any]]:
    waiting: list[tuple[_Key, Any]] = [((str(name),), value) for name, value in top.items()]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting += [((*key, str(name)), inner) for name, inner in value.items()]
        else:
            yield key, value


def _configures_tool(key: _Key, _old: object, _new: object) -> bool:
    tables = key[1:] if key[0] in {"tool", "workspace"} else key
    if not tables or key[-1].lower() in NAMES["harmless-keys"]:
        return False
    table = tables[0].lower()
    return not NAMES["tool-tables"].isdisjoint({table, re.split(r"[-:.]", table)[0]})


def _configures_node(key: _Key, old: object, new: object) -> bool:
    if key[0].lower() in NAMES["node-tables"]:
        return True
    if key[0] != "scripts" or old is None:
        return False
    if PATTERNS["checking-scripts"].search(key[-1].lower()):
        return True
    # A step that is gone from `tsc && vite build` is a check that is gone.
    return any(step not in str(new) for step in re.split(r"\s*&&\s*", str(old))[:-1])


def _relaxes_compiler(key: _Key, old: object, new: object) -> bool:
    tightens = new is True and old is not True and key[-1].startswith(("strict", "no"))
    return bool(PATTERNS["strict-options"].search(key[-1])) and not tightens


def _weakened_tests(edit: Edit) -> Iterator[str]:
    """What an edit takes from the tests: that they run, how much they assert, and how exactly."""
    if not edit.is_test:
        return
    if edit.after is None:
        yield "deletes a test file"
        return
    yield from (sign.clause for sign in WEAKENING if sign.grows_in(edit))
    if edit.suffix == "py" and vain_assertions(edit.after) > vain_assertions(edit.before or ""):
        yield "asserts what is always true"
    before, after = (code_only(text or "", edit.suffix) for text in (edit.before, edit.after))
    yield from _lost(before, after)
    yield from _loosened(edit, before)


def _lost(before: str, after: str) -> Iterator[str]:
    """What there is less of in the whole file: tests may be moved and put in other words."""
    old, new = Counter(before.split("\n")), Counter(after.split("\n"))
    gone, come = "\n".join((old - new).elements()), "\n".join((new - old).elements())
    definitions = PATTERNS["test-definitions"]
    if sum(1 for _ in definitions.finditer(come)) < sum(1 for _ in definitions.finditer(gone)):
        yield "takes tests away"
    losses = ("takes assertions away", "asserts less than before", "asserts less exactly than before")
    counts = zip(_assertion_counts(gone), _assertion_counts(come), losses, strict=True)
    yield from [loss for was, now, loss in counts if now < was][:1]


def _assertion_counts(code: str) -> tuple[int, int, int]:
    """How many lines of a test assert something, how many of them more than truth, and how many something exact."""
    code = PATTERNS["strings"].sub(lambda string: string[0][0] * 2, code)
    every = firm = exact = 0
    for line in (line[:300] for line in code.split("\n")):
        negated = PATTERNS["negated-assertions"].search(line)
        if PATTERNS["exact-assertions"].search(line) and not negated and not PATTERNS["vague-assertions"].search(line):
            every, firm, exact = every + 1, firm + 1, exact + 1
        elif PATTERNS["assertions"].search(line):
            every += 1
            firm += bool(PATTERNS["loose-assertions"].search(line)) and not negated
    return every, firm, exact


def _loosened(edit: Edit, before: str) -> Iterator[str]:
    for piece in edit.pieces:
        if _rows(piece.added) < _rows(piece.deleted) or _cases(piece.added) < _cases(piece.deleted):
            yield "takes cases out of a table of tests"
        if grown(PATTERNS["conditions"], piece.old_code, piece.new_code) and _sinks(piece):
            yield "puts assertions under a condition"
        if _expects(before, piece.gone) and grown(PATTERNS["tolerances"], piece.old_code, piece.new_code):
            yield "changes a tolerance"


def _rows(lines: Sequence[str]) -> int:
    return sum(bool(PATTERNS["table-rows"].match(line[:500])) for line in lines)


def _cases(lines: Sequence[str]) -> int:
    return sum(line.count(",") for line in lines if PATTERNS["case-tables"].search(line[:500]))


def _sinks(piece: Piece) -> bool:
    depths = {line.strip(): len(line) - len(line.lstrip()) for line in piece.deleted if line.strip()}
    return any(len(line) - len(line.lstrip()) > depths.get(line.strip(), len(line)) for line in piece.added)


def _changes_expectation(edit: Edit) -> bool:
    """Whether an edit changes or removes a line that says what a test expects, or data that a test compares with."""
    if edit.before is None or not any(piece.deleted for piece in edit.pieces):
        return False
    if not edit.is_test:
        # An example in the documentation of code is a test, too.
        return any(">>> " in piece.old and piece.deleted for piece in edit.pieces) and not _changes_product(edit)
    if PathKind.SOURCE not in edit.kinds:
        return True
    before = code_only(edit.before, edit.suffix)
    return any(_expects(before, piece.gone) for piece in edit.pieces)


def _expects(code: str, numbers: Collection[int]) -> bool:
    """Whether one of the lines with these indices says what is expected: in an assertion, or a table of cases."""
    if not numbers:
        return False
    # What began further above has taken all the lines that it may.
    first = max(min(numbers) - _MAX_ASSERTION_LINES, 0)
    depth = left = 0
    for number, line in enumerate((line[:300] for line in code.split("\n")[first : max(numbers) + 1]), first):
        if depth <= 0 or not left:
            searched = ("assertions", "exact-assertions", "expectation-starts")
            starts = PATTERNS["table-rows"].match(line) or any(PATTERNS[name].search(line) for name in searched)
            depth, left = 0, _MAX_ASSERTION_LINES if starts else 0
        if left:
            if number in numbers:
                return True
            depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
            left -= 1
    return False


def _changes_product(edit: Edit) -> bool:
    """Whether an edit changes code outside of tests, beyond comments and blanks."""
    if edit.is_test or edit.is_prose or not edit.kinds.isdisjoint({PathKind.DOCS, PathKind.EXAMPLE}):
        return False
    codes = (code_only(text or "", edit.suffix).split("\n") for text in (edit.before, edit.after))
    before, after = ([line.split() for line in code if line.strip()] for code in codes)
    return before != after
