"""Tests that disappear, are switched off, were never written, or lose assertions."""

import ast
import re
from collections.abc import Iterator, Sequence

from cicd_agent.analysis.python_tests.static.tautologies import is_tautology
from cicd_agent.analysis.rules.context import TEST_FUNCTION, FileContext
from cicd_agent.analysis.rules.python.source import Defined, Function, PythonText
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.diff import Hunk, LineKind, Side
from cicd_agent.domain.repository.paths import PathKind

_JS_SKIP = re.compile(r"\b(?:it|test|describe|context|suite)\.skip\s*\(|(?<![\w.])(?:xit|xtest|xdescribe)\s*\(")
_BRANCHES = (
    *(ast.If, ast.IfExp, ast.Match, ast.For, ast.AsyncFor, ast.While, ast.comprehension),
    *(ast.Try, ast.ExceptHandler, ast.Raise),
)
_ENOUGH_BRANCHES = 2
_MAX_LISTED = 5
_TOOLS = frozenset({"setup.py", "noxfile.py", "docs", "doc", "scripts", "tools", "bin", "benchmarks", "bench"})


def test_deleted(context: FileContext) -> Iterator[Hit]:
    if PathKind.TEST not in context.kinds or not any(TEST_FUNCTION.match(text) for _, text in context.deleted):
        return
    gone = _gone_tests(context)
    old, new = ({} if text is None else text.defined for text in (context.old_python, context.python))
    added = [name for name, defined in new.items() if is_test(defined) and name not in old]
    # A test that was renamed, split or turned into parameters leaves as many new ones behind.
    if len(gone) <= len(added) or any("parametrize" in text for _, text in context.added):
        return
    first = min(gone, key=lambda node: node.lineno)
    names = _listed([node.name for node in gone])
    are, they, use = ("is", "it", "uses") if len(gone) == 1 else ("are", "they", "use")
    # Where the product shrinks, its tests may rightly shrink with it; where tests come as fast as they go, they are
    # being put in order. Both are still said, quietly.
    quiet = context.change.shrinks or context.change.gains_tests
    yield Hit(
        first.lineno,
        f"{names} {are} gone, and the change takes away no name that {they} {use}.",
        side=Side.LEFT,
        severity=Severity.LOW if quiet else None,
        confidence=0.6 if quiet else None,
    )


def _gone_tests(context: FileContext) -> list[Function]:
    """The test functions of the base whose names are in no changed test, and whose own words are still used."""
    base = context.old_python
    if base is None or (context.head is not None and context.python is None and context.added):
        return []  # one side does not parse: nothing can be said
    if context.change.lost_module(base.imports.values()):
        return []
    return [
        defined.node
        for defined in base.defined.values()
        if is_test(defined)
        and defined.node.lineno in context.deleted_numbers
        and defined.node.name not in context.change.tested
        and not context.change.retires("\n".join(base.lines[defined.node.lineno - 1 : defined.node.end_lineno]))
    ]


def is_test(defined: Defined) -> bool:
    return defined.node.name.startswith("test") and not defined.is_nested


def test_skipped(context: FileContext) -> Iterator[Hit]:
    if PathKind.TEST not in context.kinds:
        return
    for text, node, _ in context.nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = text.name_of(target)
            if not name.endswith(("mark.skip", "mark.xfail", "unittest.skip", "unittest.expectedFailure")):
                continue
            line = context.first_added(decorator.lineno)
            reasoned = isinstance(decorator, ast.Call) and (decorator.args or decorator.keywords)
            if line is not None and not reasoned and not _commented(text, line, node.body[0].lineno):
                yield Hit(line, f"`{node.name}` no longer runs, and nothing says why or until when.")
    if not context.path.endswith(".py"):
        for number, line_text in context.script:
            if _JS_SKIP.search(line_text) and "//" not in line_text:
                yield Hit(number, "These tests no longer run, and nothing says why or until when.", confidence=0.8)


def _commented(text: PythonText, line: int, body: int) -> bool:
    above = text.lines[line - 2].lstrip() if line > 1 else ""
    return above.startswith("#") or any("#" in row for row in text.lines[line - 1 : body])


def untested_function(context: FileContext) -> Iterator[Hit]:
    """New public functions in a change that touches no test at all, one finding a file."""
    change, text = context.change, context.python
    is_tool = not _TOOLS.isdisjoint(context.path.lower().split("/"))
    if text is None or not change.has_tests or change.tests or is_tool:
        return
    before = context.base or ""
    names = [
        (defined.node.lineno, name)
        for name, defined in text.defined.items()
        if _deserves_a_test(text, defined, name)
        and defined.node.lineno in context.added_numbers
        and f"def {defined.node.name}(" not in before
        and defined.node.name not in change.taken_out
    ]
    if names:
        listed = _listed([name for _, name in names])
        yield Hit(names[0][0], f"This change adds {listed} and touches no test.")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(f"`{name}`" for name in names[:_MAX_LISTED]) + more


def _deserves_a_test(text: PythonText, defined: Defined, name: str) -> bool:
    node = defined.node
    # Methods are tested through what their class does; to ask for each would be noise.
    if defined.is_nested or "." in name or name.startswith("_"):
        return False
    is_overload = any(text.name_of(decorator).endswith("overload") for decorator in node.decorator_list)
    return not is_overload and sum(isinstance(part, _BRANCHES) for part in ast.walk(node)) >= _ENOUGH_BRANCHES


_JS_EXPECT = re.compile(r"\b(?:expect|assert(?:\.\w+)?|should)\s*[.(]")
_RAISING = frozenset({"raises", "warns", "fail", "deprecated_call"})
_JS_TEST = re.compile(r"\b(?:it|test|describe|context)(?:\.\w+)?\s*\(")


def assertion_weakened(context: FileContext) -> Iterator[Hit]:
    if PathKind.TEST not in context.kinds:
        return
    yield from _trivial(context)
    if context.path.endswith(".py"):
        yield from _fewer_assertions(context)
    else:
        for hunk in context.diff.hunks:
            yield from _fewer_expectations(hunk)


def _trivial(context: FileContext) -> Iterator[Hit]:
    asserts = [(node, inside) for _, node, inside in context.nodes if isinstance(node, ast.Assert)]
    # `if ok: assert True` beside `else: assert False` is a way to write an assertion.
    failing = [inside for node, inside in asserts if isinstance(node.test, ast.Constant) and not node.test.value]
    lines = [
        node.lineno
        for node, inside in asserts
        if node.lineno in context.added_numbers and is_tautology(node.test) and inside not in failing
    ]
    for _, called, line in context.calls:
        if called.tail in {"assertTrue", "assert_"} and called.node.args and is_tautology(called.node.args[0]):
            lines.append(line)
    yield from (Hit(line, "This assertion can never fail.", severity=Severity.HIGH, confidence=0.95) for line in lines)


def _fewer_assertions(context: FileContext) -> Iterator[Hit]:
    """Tests that are still there, lost an assertion, and gained neither another nor a call that may hold it now."""
    if not any("assert" in text for _, text in context.deleted):
        return
    head, base = context.python_head, context.old_python
    if head is None or base is None:
        return
    for name, before in base.defined.items():
        after = head.defined.get(name)
        if after is None or not is_test(before) or context.deleted_numbers.isdisjoint(_range(before.node)):
            continue
        lost = [
            line
            for line in _assertions(base, before.node, strict=True)
            if line in context.deleted_numbers and " ".join(base.lines[line - 1].split()) not in context.change.added
        ]
        if not lost or _gains(context, head, after.node):
            continue
        gone = [line for line in _range(before.node) if line in context.deleted_numbers]
        if not context.change.retires("\n".join(base.lines[line - 1] for line in gone)):
            yield _loss(before.node, lost, some_left=bool(_assertions(head, after.node)))


def _loss(node: Function, lost: list[int], *, some_left: bool) -> Hit:
    count, their = ("an assertion", "its") if len(lost) == 1 else (f"{len(lost)} assertions", "their")
    message = f"`{node.name}` loses {count} and gains none in {their} place"
    if some_left:
        return Hit(lost[0], f"{message}.", side=Side.LEFT)
    return Hit(lost[0], f"{message}: it no longer asserts anything.", Side.LEFT, severity=Severity.HIGH, confidence=0.9)


def _range(node: Function) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _gains(context: FileContext, head: PythonText, node: Function) -> bool:
    """Whether a test has a new assertion, or a new call for its effect alone: of a helper that asserts, perhaps."""
    if any(line in context.added_numbers for line in _assertions(head, node)):
        return True
    before = "\n".join(text for _, text in context.deleted)
    return any(
        isinstance(part, ast.Expr)
        and isinstance(part.value, ast.Call)
        and part.lineno in context.added_numbers
        and head.lines[part.lineno - 1].strip() not in before
        for part in ast.walk(node)
    )


def _assertions(text: PythonText, function: ast.AST, *, strict: bool = False) -> list[int]:
    """The lines of the assertions in a function: assert, self.assert…, mock.assert_…, pytest.raises.

    With `strict` only those that are missed when they go: not what only tells a type checker that something is there,
    and not that an error is raised, which a fixed fault no longer does.
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
        case (
            ast.Name()
            | ast.Attribute()
            | ast.Compare(ops=[ast.IsNot()], comparators=[ast.Constant(value=None)])
            | ast.Call(func=ast.Name(id="isinstance"))
        ):
            return True
        case _:
            return False


def _fewer_expectations(hunk: Hunk) -> Iterator[Hit]:
    """The same for JavaScript, by hunks: expectations deleted where no test was and nothing is expected instead."""
    deleted = [line for line in hunk.lines if line.kind is LineKind.DELETED]
    lost = [line.old for line in deleted if line.old is not None and _JS_EXPECT.search(line.text[:500])]
    if not lost or any(_JS_TEST.search(line.text[:500]) for line in deleted):
        return
    if not any(line.kind is LineKind.ADDED and _JS_EXPECT.search(line.text[:500]) for line in hunk.lines):
        count = f"{len(lost)} expectations are" if len(lost) > 1 else "An expectation is"
        yield Hit(lost[0], f"{count} deleted, and nothing is asserted instead.", side=Side.LEFT, confidence=0.7)
