"""Assertions that are taken away, or that can no longer fail."""

import ast
import re
from collections.abc import Iterator

from cicd_agent.analysis.python_tests.static.tautologies import is_always_true
from cicd_agent.analysis.rules.context import Look
from cicd_agent.analysis.rules.python.source import Function, PythonText
from cicd_agent.analysis.rules.rule import NOT_OURS, Example, Hit, Rule
from cicd_agent.analysis.rules.tests import is_test
from cicd_agent.domain.diff import Hunk, LineKind, Side
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.paths import PathKind

_JS_EXPECT = re.compile(r"\b(?:expect|assert(?:\.\w+)?|should)\s*[.(]")
_RAISING = frozenset({"raises", "warns", "fail", "deprecated_call"})
_JS_TEST = re.compile(r"\b(?:it|test|describe|context)(?:\.\w+)?\s*\(")


def _weakened(look: Look) -> Iterator[Hit]:
    if PathKind.TEST not in look.kinds:
        return
    yield from _trivial(look)
    if look.path.endswith(".py"):
        yield from _fewer_assertions(look)
    else:
        for hunk in look.hunks:
            yield from _fewer_expectations(hunk)


def _trivial(look: Look) -> Iterator[Hit]:
    """Assertions that can never fail."""
    nodes = look.python.nodes if look.python else []
    asserts = [(node, inside) for node, inside in nodes if isinstance(node, ast.Assert)]
    # `if ok: assert True` beside `else: assert False` is a way to write an assertion.
    failing = [inside for node, inside in asserts if isinstance(node.test, ast.Constant) and not node.test.value]
    for node, inside in asserts:
        if node.lineno in look.added_numbers and is_always_true(node.test) and inside not in failing:
            yield Hit(node.lineno, "This assertion can never fail.", severity=Severity.HIGH, confidence=0.95)
    for _, called, line in look.calls:
        if called.tail in {"assertTrue", "assert_"} and called.node.args and is_always_true(called.node.args[0]):
            yield Hit(line, "This assertion can never fail.", severity=Severity.HIGH, confidence=0.95)


def _fewer_assertions(look: Look) -> Iterator[Hit]:
    """Tests that are still there, lost an assertion, and gained neither another nor a call that may hold it now."""
    if not any("assert" in text for _, text in look.deleted):
        return
    head = PythonText.parse(look.head) if not look.added else look.python
    base = look.old_python
    if head is None or base is None:
        return
    for name, before in base.defined.items():
        after = head.defined.get(name)
        if after is None or not is_test(before) or look.deleted_numbers.isdisjoint(_range(before.node)):
            continue
        lost = [
            line
            for line in _assertions(base, before.node, strict=True)
            if line in look.deleted_numbers and " ".join(base.lines[line - 1].split()) not in look.survey.added
        ]
        if not lost or _gains(look, head, after.node):
            continue
        gone = [line for line in _range(before.node) if line in look.deleted_numbers]
        if not look.survey.retires("\n".join(base.lines[line - 1] for line in gone)):
            yield _loss(before.node, lost, some_left=bool(_assertions(head, after.node)))


def _loss(node: Function, lost: list[int], *, some_left: bool) -> Hit:
    count, their = ("an assertion", "its") if len(lost) == 1 else (f"{len(lost)} assertions", "their")
    message = f"`{node.name}` loses {count} and gains none in {their} place"
    if some_left:
        return Hit(lost[0], f"{message}.", side=Side.LEFT)
    return Hit(lost[0], f"{message}: it asserts nothing any more.", Side.LEFT, severity=Severity.HIGH, confidence=0.9)


def _range(node: Function) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _gains(look: Look, head: PythonText, node: Function) -> bool:
    """Whether a test has a new assertion, or a new call for its effect alone: of a helper that asserts, perhaps."""
    if any(line in look.added_numbers for line in _assertions(head, node)):
        return True
    before = "\n".join(text for _, text in look.deleted)
    return any(
        isinstance(part, ast.Expr)
        and isinstance(part.value, ast.Call)
        and part.lineno in look.added_numbers
        and head.lines[part.lineno - 1].strip() not in before
        for part in ast.walk(node)
    )


def _assertions(text: PythonText, function: ast.AST, *, strict: bool = False) -> list[int]:
    """The lines of the assertions in a function: assert, self.assert…, mock.assert_…, pytest.raises.

    With `strict` only those that are missed when they go: not what only tells a type checker that something is there,
    and not that an error is raised, which a mended fault no longer does.
    """
    lines: list[int] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not (strict and _narrows(node.test)):
            lines.append(node.lineno)
        elif isinstance(node, ast.Call):
            tail = text.name_of(node.func).rpartition(".")[2].lower()
            is_raising = tail in _RAISING or tail.startswith(("assertraises", "assertwarns"))
            if (is_raising and not strict) or ("assert" in tail and not is_raising):
                lines.append(node.lineno)
    return sorted(lines)


def _narrows(test: ast.expr) -> bool:
    match test:
        case ast.Name() | ast.Attribute():
            return True
        case ast.Compare(ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return True
        case ast.Call(func=ast.Name(id="isinstance")):
            return True
        case _:
            return False


def _fewer_expectations(hunk: Hunk) -> Iterator[Hit]:
    """The same for JavaScript, by hunks: expectations deleted where no test was and nothing is expected instead."""
    deleted = [line for line in hunk.lines if line.kind is LineKind.DELETED]
    added = [line for line in hunk.lines if line.kind is LineKind.ADDED]
    lost = [line.old for line in deleted if line.old is not None and _JS_EXPECT.search(line.text[:500])]
    if not lost or any(_JS_TEST.search(line.text[:500]) for line in deleted):
        return
    if not any(_JS_EXPECT.search(line.text[:500]) for line in added):
        count = f"{len(lost)} expectations are" if len(lost) > 1 else "An expectation is"
        yield Hit(lost[0], f"{count} deleted and nothing is expected instead.", side=Side.LEFT, confidence=0.7)


ASSERTIONS = (
    Rule(
        id="assertion-weakened",
        since="0.1",
        title="A test asserts less",
        severity=Severity.MEDIUM,
        category=Category.TESTING,
        looks_at="tests that lose assertions and gain none in their place; assertions that can never fail",
        why="The test still runs and no longer notices.",
        remedy="Assert what is true now, or delete the test and say why.",
        bad=Example(
            "tests/test_limit.py",
            "def test_limit():\n    value = 1 + 2\n",
            "def test_limit():\n    value = 1 + 2\n    assert value == 3\n",
        ),
        good=Example(
            "tests/test_limit.py",
            "def test_limit():\n    value = 1 + 3\n    assert value == 4\n",
            "def test_limit():\n    value = 1 + 2\n    assert value == 3\n",
        ),
        check=_weakened,
        confidence=0.8,
        quiet_in=NOT_OURS,
    ),
)
