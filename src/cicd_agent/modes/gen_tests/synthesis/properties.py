"""Makes tests of what Hypothesis's ghostwriter writes: those that assert something, run alike every time."""

import ast
import copy

from cicd_agent.analysis.python_tests.contradictions import says
from cicd_agent.analysis.python_tests.syntax import UNREADABLE, parsed, signature
from cicd_agent.domain.ports.test_runner import Ghostwritten
from cicd_agent.domain.trials.candidate import Candidate, Expectation, Origin, keyed
from cicd_agent.modes.gen_tests.synthesis.annotations import returned
from cicd_agent.modes.gen_tests.synthesis.subject import Subject
from cicd_agent.modes.gen_tests.synthesis.text import dressed, named

_SETTINGS = ast.parse("settings(derandomize=True, max_examples=50, deadline=2_000)", mode="eval").body


def suits(subject: Subject) -> bool:
    """Whether a property can hold for all values of its types: not of what refuses some of them, or is no function."""
    node = subject.node
    plain = subject.around is None and isinstance(node, ast.FunctionDef) and not node.name.startswith("__")
    return plain and bool(node.args.args or node.args.posonlyargs) and not subject.yields


def written_property(subject: Subject, ghostwritten: Ghostwritten, taken: set[str], *, typed: bool) -> Candidate | None:
    """The test of a ghostwriter's text, None when it asserts nothing that can be believed."""
    tree = parsed(ghostwritten.source)
    if not ghostwritten.source or tree is None or "nothing()" in ghostwritten.source:
        return None
    tests = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")]
    if len(tests) != 1 or any(isinstance(each, ast.Try) for each in ast.walk(tests[0])):
        return None
    try:
        return _candidate(subject, tree, copy.deepcopy(tests[0]), taken, typed=typed)
    except UNREADABLE:
        return None


def _candidate(
    subject: Subject, tree: ast.Module, test: ast.FunctionDef, taken: set[str], *, typed: bool
) -> Candidate | None:
    bare = _Bare(tree, subject)
    test.body = [bare.visit(each) for each in test.body]
    shape = test.name.removeprefix("test_").partition("_")[0]
    expectation, quote = Expectation.CODE, ""
    if shape == "fuzz":
        asserted = _typed(subject, test)
        if asserted is None:
            return None
        test.body = asserted
        quote = " ".join(signature(subject.node, subject.source).split())
        expectation = Expectation.TYPES if says(subject.source, subject.wanted.function, quote, "") else expectation
    ending = {"roundtrip": "is_undone", "idempotent": "is_idempotent", "fuzz": "has_its_type"}.get(shape)
    if ending is None or subject.last not in bare.used:
        return None
    name = named(f"test_{subject.words}_{ending}", taken)
    test.name = name
    test.returns = ast.Constant(None) if typed else None
    if bare.used & {each.arg for each in test.args.args}:
        return None
    used = {each.id for part in test.body for each in ast.walk(part) if isinstance(each, ast.Name)}
    test.args.args = [
        ast.arg(each.arg, each.annotation if typed else None) for each in test.args.args if each.arg in used
    ]
    test.decorator_list = [_SETTINGS, *(bare.visit(each) for each in test.decorator_list)]
    for call in (each for each in test.decorator_list if isinstance(each, ast.Call) and each is not _SETTINGS):
        call.keywords = [each for each in call.keywords if each.arg in used]
    for each in test.body:
        if isinstance(each, ast.Assert):
            each.msg = None
    text = {
        "is_undone": "The one function undoes what the other does.",
        "is_idempotent": "A second time changes nothing.",
        "has_its_type": "The annotation says what it returns.",
    }[ending]
    test.body.insert(0, ast.Expr(ast.Constant(text)))
    code = dressed(ast.unparse(ast.fix_missing_locations(test)) + "\n")
    own = f"from {subject.wanted.module} import {', '.join(sorted(bare.used))}"
    others = [ast.unparse(each) for each in tree.body if _is_needed(each, test, bare.modules)]
    return keyed(
        Candidate(
            key="",
            path=subject.wanted.path,
            function=subject.wanted.function,
            name=name,
            imports=("from hypothesis import given, settings", "from hypothesis import strategies as st", *others, own),
            code=code,
            origin=Origin.PROPERTY,
            expectation=expectation,
            quote=quote if expectation is Expectation.TYPES else "",
            why=f"a property that the shape of the function suggests: {text[0].lower()}{text[1:-1]}",
        )
    )


def _is_needed(node: ast.stmt, test: ast.FunctionDef, own: frozenset[str]) -> bool:
    """Whether an import of the ghostwriter's is used, beside those of the code under test and of Hypothesis itself."""
    match node:
        case ast.Import(names=[ast.alias(name=name, asname=shown)]) if name not in own:
            bound = (shown or name).split(".")[0]
        case ast.ImportFrom(module=module, names=[ast.alias(name=name, asname=shown)]) if module != "hypothesis":
            bound = shown or name
        case _:
            return False
    return any(isinstance(each, ast.Name) and each.id == bound for each in ast.walk(test))


class _Bare(ast.NodeTransformer):
    """Calls functions of the module under test by their names alone, and keeps those names."""

    def __init__(self, tree: ast.Module, subject: Subject) -> None:
        stem = subject.wanted.module.rpartition(".")[2]
        aliases = [alias for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
        self.modules = frozenset(alias.name for alias in aliases if alias.name.rpartition(".")[2] == stem)
        self.used: set[str] = set()

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if ast.unparse(node.value) in self.modules:
            self.used.add(node.attr)
            return ast.Name(node.attr, ast.Load())
        return self.generic_visit(node)


def _typed(subject: Subject, test: ast.FunctionDef) -> list[ast.stmt] | None:
    """The body of a test that only calls, with the assertion that the result is what the annotation says."""
    if any(isinstance(each, ast.Raise) for each in ast.walk(subject.node)):
        return None
    types = returned(subject.node.returns)
    known = [each for each in types if each != "None"]
    match test.body:
        case [ast.Expr(value=ast.Call() as call)] if known:
            pass
        case _:
            return None
    kinds = known[0] if len(known) == 1 else f"({', '.join(known)})"
    checked = f"isinstance(result, {kinds})"
    asserted = parsed(f"assert result is None or {checked}" if "None" in types else f"assert {checked}")
    assigned = ast.Assign([ast.Name("result", ast.Store())], call)
    return [assigned, *(asserted.body if asserted is not None else [])]
