"""Tests that disappear, are switched off, or were never written."""

import ast
import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import TEST_FUNCTION, Look
from cicd_agent.analysis.rules.python.source import Defined, Function, PythonText
from cicd_agent.analysis.rules.rule import NOT_OURS, Example, Hit, Rule
from cicd_agent.domain.diff import Side
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.paths import PathKind

_JS_SKIP = re.compile(r"\b(?:it|test|describe|context|suite)\.skip\s*\(|(?<![\w.])(?:xit|xtest|xdescribe)\s*\(")
_JS_ONLY = re.compile(r"\b(?:it|test|describe|context|suite)\.only\s*\(|(?<![\w.])(?:fit|fdescribe)\s*\(")
_BRANCHES = (
    *(ast.If, ast.IfExp, ast.Match, ast.For, ast.AsyncFor, ast.While, ast.comprehension),
    *(ast.Try, ast.ExceptHandler, ast.Raise),
)
_ENOUGH_BRANCHES = 2
_LISTED = 5
_TOOLS = frozenset({"setup.py", "noxfile.py", "docs", "doc", "scripts", "tools", "bin", "benchmarks", "bench"})


def _deleted(look: Look) -> Iterator[Hit]:
    if PathKind.TEST not in look.kinds or not any(TEST_FUNCTION.match(text) for _, text in look.deleted):
        return
    gone = _gone_tests(look)
    # A test that was renamed, split or turned into parameters leaves as many new ones behind.
    if len(gone) <= len(_new_tests(look)) or any("parametrize" in text for _, text in look.added):
        return
    first = min(gone, key=lambda node: node.lineno)
    names = ", ".join(f"`{node.name}`" for node in gone[:_LISTED])
    more = f" and {len(gone) - _LISTED} more" if len(gone) > _LISTED else ""
    are, they, use = ("is", "it", "uses") if len(gone) == 1 else ("are", "they", "use")
    # Where the product shrinks, its tests may rightly shrink with it; where tests come as fast as they go, they are
    # being put in order. Both are still said, quietly.
    quiet = look.survey.shrinks or look.survey.gains_tests
    yield Hit(
        first.lineno,
        f"{names}{more} {are} gone, and the change takes away no name that {they} {use}.",
        side=Side.LEFT,
        severity=Severity.LOW if quiet else None,
        confidence=0.6 if quiet else None,
    )


def _gone_tests(look: Look) -> list[Function]:
    """The test functions of the base whose names are in no changed test, and whose own words are still used."""
    base = look.old_python
    if base is None or (look.head is not None and look.python is None and look.added):
        return []  # one side does not parse: nothing can be said
    if look.survey.lost_module(base.imports.values()):
        return []
    return [
        defined.node
        for defined in base.defined.values()
        if is_test(defined)
        and defined.node.lineno in look.deleted_numbers
        and defined.node.name not in look.survey.tested
        and not look.survey.retires("\n".join(base.lines[defined.node.lineno - 1 : defined.node.end_lineno]))
    ]


def _new_tests(look: Look) -> set[str]:
    if look.python is None:
        return set()
    old = set(look.old_python.defined) if look.old_python else set()
    return {name for name, defined in look.python.defined.items() if is_test(defined) and name not in old}


def is_test(defined: Defined) -> bool:
    """Whether pytest and unittest would collect it."""
    return defined.node.name.startswith("test") and not defined.is_nested


def _skipped(look: Look) -> Iterator[Hit]:
    if PathKind.TEST not in look.kinds:
        return
    text = look.python
    for node, _ in text.nodes if text else ():
        if text is None or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = text.name_of(target)
            if not name.endswith(("mark.skip", "mark.xfail", "unittest.skip", "unittest.expectedFailure")):
                continue
            line = look.first_added(decorator.lineno)
            reasoned = isinstance(decorator, ast.Call) and (decorator.args or decorator.keywords)
            if line is not None and not reasoned and not _commented(text, line, node.body[0].lineno):
                yield Hit(line, f"`{node.name}` no longer counts, and nothing says why or until when.")
    if not look.path.endswith(".py"):
        for number, line_text in look.script:
            if _JS_SKIP.search(line_text) and "//" not in line_text:
                yield Hit(number, "These tests no longer count, and nothing says why or until when.", confidence=0.8)


def _commented(text: PythonText, line: int, body: int) -> bool:
    """Whether a comment stands above a decorator, or between it and what the function first does."""
    above = text.lines[line - 2].lstrip() if line > 1 else ""
    return above.startswith("#") or any("#" in row for row in text.lines[line - 1 : body])


def _focused(look: Look) -> Iterator[Hit]:
    if PathKind.TEST in look.kinds:
        for number, text in look.script:
            if _JS_ONLY.search(text):
                yield Hit(number)


def _untested(look: Look) -> Iterator[Hit]:
    """New public functions in a change that touches no test at all, one finding a file."""
    survey, text = look.survey, look.python
    if text is None or not survey.has_tests or survey.tests or not _TOOLS.isdisjoint(look.path.lower().split("/")):
        return
    before = look.base or ""
    names = [
        (defined.node.lineno, name)
        for name, defined in text.defined.items()
        if _deserves_a_test(text, defined, name)
        and defined.node.lineno in look.added_numbers
        and f"def {defined.node.name}(" not in before
        and defined.node.name not in survey.taken_out
    ]
    if names:
        listed = ", ".join(f"`{name}`" for _, name in names[:_LISTED])
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        yield Hit(names[0][0], f"This change touches no test, and adds {listed}{more}.")


def _deserves_a_test(text: PythonText, defined: Defined, name: str) -> bool:
    """Public, not declared elsewhere (overloads), and with something in it that can be wrong."""
    node = defined.node
    if defined.is_nested or "." in name or name.startswith("_"):
        return False  # methods are tested through what their class does; to ask for each would be noise
    if any(text.name_of(decorator).endswith("overload") for decorator in node.decorator_list):
        return False
    branches = sum(isinstance(part, _BRANCHES) for part in ast.walk(node))
    return branches >= _ENOUGH_BRANCHES


_LIMIT = (
    "def limit(value):\n    if value < 0:\n        return 0\n    if value > 9:\n        return 9\n    return value\n"
)

TESTS = (
    Rule(
        id="test-deleted",
        since="0.1",
        title="Tests are deleted",
        severity=Severity.MEDIUM,
        category=Category.TESTING,
        looks_at="Python test functions that are gone although the names they use are not, one finding a file",
        why="What they tested may still be there, and nothing watches it any more.",
        remedy="Keep the tests, or say in the description what covers this now.",
        bad=Example("tests/test_limit.py", "LIMIT = 3\n", "LIMIT = 3\n\n\ndef test_limit():\n    assert LIMIT == 3\n"),
        good=Example(
            "tests/test_limit.py",
            "LIMIT = 3\n\n\ndef test_limit_is_three():\n    assert LIMIT == 3\n",
            "LIMIT = 3\n\n\ndef test_limit():\n    assert LIMIT == 3\n",
        ),
        check=_deleted,
        confidence=0.8,
        quiet_in=NOT_OURS,
    ),
    Rule(
        id="test-skipped",
        since="0.1",
        title="Tests are switched off",
        severity=Severity.MEDIUM,
        category=Category.TESTING,
        looks_at="new `skip`, `xfail`, `it.skip`, `xit` without a reason or a comment",
        why="They no longer count, and nothing says why or until when.",
        remedy="Give the reason, and the issue that will switch them on again.",
        bad=Example(
            "tests/test_limit.py",
            "import pytest\n\n\n@pytest.mark.skip\ndef test_limit():\n    assert 3 == len('abc')\n",
        ),
        good=Example(
            "tests/test_limit.py",
            'import pytest\n\n\n@pytest.mark.skip(reason="no GPU")\ndef test_limit():\n    assert len("abc")\n',
        ),
        check=_skipped,
        confidence=0.9,
        quiet_in=NOT_OURS,
    ),
    Rule(
        id="test-focused",
        since="0.1",
        title="Only this test is run",
        severity=Severity.MEDIUM,
        category=Category.TESTING,
        looks_at="`it.only`, `describe.only`, `fit`, `fdescribe`",
        why="All other tests of the file are silently left out, and the suite stays green.",
        remedy="Remove `.only`.",
        bad=Example("web/limit.test.js", 'it.only("is three", () => { expect(limit).toBe(3); });\n'),
        good=Example("web/limit.test.js", 'it("is three", () => { expect(limit).toBe(3); });\n'),
        check=_focused,
        confidence=0.95,
        quiet_in=NOT_OURS,
    ),
    Rule(
        id="untested-function",
        since="0.1",
        title="New public functions without a test",
        severity=Severity.LOW,
        category=Category.TESTING,
        looks_at="new public Python functions (not methods) with two branches or more, in a repository with tests "
        "and a change that touches none; one finding a file",
        why="Nothing shows that they do what they should, or will notice when they stop.",
        remedy="Test the branches, the edge cases and the error path.",
        bad=Example(
            "limit.py",
            _LIMIT,
            paths=("tests/test_app.py",),
        ),
        good=Example(
            "limit.py",
            _LIMIT,
            also=(
                (
                    "tests/test_limit.py",
                    None,
                    "from limit import limit\n\n\ndef test_limit():\n    assert limit(12) == 9\n",
                ),
            ),
        ),
        check=_untested,
        confidence=0.7,
    ),
)
