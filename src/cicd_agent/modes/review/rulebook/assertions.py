"""Assertions that are taken away, or that can no longer fail."""

import ast
import re
from collections.abc import Iterator

from cicd_agent.core.diff import Hunk, LineKind, Side
from cicd_agent.core.finding import Category, Severity
from cicd_agent.core.paths import PathKind
from cicd_agent.modes.review.rulebook.look import Look
from cicd_agent.modes.review.rulebook.python_text import PythonText
from cicd_agent.modes.review.rulebook.rule import NOT_OURS, Example, Hit, Rule
from cicd_agent.modes.review.rulebook.tests import IDENTIFIER, is_test, removed_names

_JS_EXPECT = re.compile(r"\b(?:expect|assert(?:\.\w+)?|should)\s*[.(]")
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
    text = look.python
    for node, _ in text.nodes if text else ():
        if isinstance(node, ast.Assert) and node.lineno in look.added_numbers and _is_always_true(node.test):
            yield Hit(node.lineno, "This assertion can never fail.", severity=Severity.HIGH, confidence=0.95)
    for _, called, line in look.calls:
        if called.tail in {"assertTrue", "assert_"} and called.node.args and _is_always_true(called.node.args[0]):
            yield Hit(line, "This assertion can never fail.", severity=Severity.HIGH, confidence=0.95)


def _is_always_true(test: ast.expr) -> bool:
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=items):
            return bool(items)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_is_always_true(value) for value in values)
        case ast.Compare(left=ast.Constant(value=left), ops=[ast.Eq()], comparators=[ast.Constant(value=right)]):
            return bool(left == right)
        case _:
            return False


def _fewer_assertions(look: Look) -> Iterator[Hit]:
    """Tests that are still there, lost an assertion, and gained none in its place."""
    if look.python is None and look.added:
        return
    head = look.python or PythonText.parse(look.head)
    base = look.old_python
    if head is None or base is None:
        return
    removed = removed_names(look)
    for name, before in base.defined.items():
        after = head.defined.get(name)
        if after is None or not is_test(before):
            continue
        lost = [line for line in _assertions(base, before.node) if line in look.deleted_numbers]
        won = [line for line in _assertions(head, after.node) if line in look.added_numbers]
        if not lost or won:
            continue
        text = "\n".join(base.lines[line - 1] for line in lost)
        if removed.isdisjoint(IDENTIFIER.findall(text)) and not _moved(look, text):
            rest = _assertions(head, after.node)
            yield Hit(
                lost[0],
                f"`{before.node.name}` loses {len(lost)} assertion{'s' * (len(lost) > 1)} and gains none in its place"
                f"{'' if rest else ': it asserts nothing any more'}.",
                side=Side.LEFT,
                severity=None if rest else Severity.HIGH,
                confidence=0.8 if rest else 0.9,
            )


def _assertions(text: PythonText, function: ast.AST) -> list[int]:
    """The lines of the assertions in a function: assert, self.assert…, mock.assert_…, pytest.raises."""
    lines: list[int] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            lines.append(node.lineno)
        elif isinstance(node, ast.Call):
            tail = text.name_of(node.func).rpartition(".")[2]
            if tail.lower().startswith("assert") or tail in {"raises", "warns", "fail", "deprecated_call"}:
                lines.append(node.lineno)
    return sorted(lines)


def _moved(look: Look, text: str) -> bool:
    """Whether the same assertion was added elsewhere in the file."""
    wanted = {" ".join(line.split()) for line in text.split("\n")}
    return any(" ".join(added.split()) in wanted for _, added in look.added)


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
