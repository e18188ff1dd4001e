"""Finds out whether a proposed test asserts something of a value that came from the code under test."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from cicd_agent.analysis.python_tests.static.scope import FIXTURES, Function, Refused, Scope, listed, refuse
from cicd_agent.analysis.python_tests.static.tautologies import why_vacuous

# Calls that take a function or a class without running it.
_LOOKS = listed(
    "isinstance issubclass callable hasattr type repr str id bool getattr print len pytest.raises pytest.warns"
    " inspect.signature inspect.isfunction inspect.iscoroutinefunction"
)
_EXPECTS = frozenset({"pytest.raises", "pytest.warns", "pytest.deprecated_call", "pytest.RaisesGroup"})
_MOCK_ASSERTS = listed(
    "assert_called assert_called_once assert_called_with assert_called_once_with assert_any_call assert_has_calls"
    " assert_not_called assert_awaited assert_awaited_once assert_awaited_with assert_awaited_once_with"
)
_FIXED = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop, ast.Tuple, ast.expr_context)
_ENDS = frozenset({"pytest.fail", "pytest.skip", "pytest.xfail", "pytest.exit", "sys.exit", "hypothesis.reject"})


def check_assertions(test: Function, scope: Scope) -> None:
    """Assertions that can never fail, and a test without one that depends on the code under test."""
    reader = _Reader(scope)
    count = reader.read(test.body)
    for helper in scope.helpers.values():
        _Reader(scope, vacuous=reader.vacuous).enter(helper).read(helper.body)
    if reader.vacuous:
        raise min(reader.vacuous, key=lambda refused: refused.line)
    if count:
        return
    if not reader.touched:
        refuse(test, "it never calls the code under test")
    if reader.depending:
        refuse(test, "its assertions may not be reached: assert outside of `if`, and of loops over what the code gave")
    if reader.asserts:
        refuse(test, "no assertion depends on what the code under test gave: assert its result")
    refuse(test, "it asserts nothing: say what is expected of the result, or which exception with `pytest.raises`")


@dataclass(slots=True)
class _Reader:
    """Reads statements in order. `sources` are names of code of the project, `tainted` of values that came from it.

    `values` are the expressions of names as they were last assigned, `bodies` functions and classes of the test.
    `vacuous` are the assertions that can never fail, `asserts` counts all, `depending` those on values from the code,
    whether they are reached or not.
    """

    scope: Scope
    vacuous: list[Refused] = field(default_factory=list)
    tainted: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    values: dict[str, ast.expr] = field(default_factory=dict)
    bodies: dict[str, ast.AST] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    touched: bool = False
    asserts: int = 0
    depending: int = 0

    def __post_init__(self) -> None:
        scope = self.scope
        self.bodies |= scope.helpers
        for node in scope.tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.values[node.targets[0].id] = node.value
        self.given = scope.supplied()
        parameters = {each.arg for each in scope.test.args.args}
        self.tainted |= (parameters & (scope.fixtures | scope.habits.parameters)) - FIXTURES - self.given
        for decorator in scope.test.decorator_list:
            if any(isinstance(each, ast.Name) and scope.is_code(each.id) for each in ast.walk(decorator)):
                self.sources |= scope.supplied([decorator])

    def enter(self, function: Function) -> "_Reader":
        """Ready for the body of a helper, whose arguments may be anything that came from the code."""
        self.tainted |= {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
        self.touched = True
        return self

    def read(self, statements: Sequence[ast.stmt]) -> int:
        """How many assertions on values from the code are reached for certain when these statements are run."""
        count = 0
        for statement in statements:
            count += self._statement(statement)
            if self._ends(statement):
                break
        return count

    def _statement(self, node: ast.stmt) -> int:  # noqa: C901, PLR0911, PLR0912  one case for each kind of statement
        match node:
            case ast.Assert(test=test):
                return self._assertion(node, test)
            case ast.Assign(targets=targets, value=value):
                self._assign(targets, value)
                return self._inside(value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign([target], value)
                return self._inside(value)
            case ast.AugAssign(target=target, value=value):
                if self.depends(value):
                    self.tainted |= _names(target)
                for name in _names(target):
                    self.values.pop(name, None)
                return 0
            case ast.Expr(value=value):
                self._run(value)
                return self._asserting(value) or self._inside(value)
            case ast.If(test=test, body=body, orelse=orelse):
                return self._branch(test, body, orelse)
            case ast.For(target=target, iter=items, body=body) | ast.AsyncFor(target=target, iter=items, body=body):
                return self._loop(target, items, body)
            case ast.With(items=entered, body=body) | ast.AsyncWith(items=entered, body=body):
                return self._with(entered, body)
            case ast.Try(body=body, finalbody=final):
                return self.read(body) + self.read(final)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.bodies[node.name] = node
                return 0
            case ast.Match(subject=subject, cases=cases):
                self._run(subject)
                for each in cases:
                    self.read(each.body)
                return 0
            case _:
                return 0

    def _assertion(self, node: ast.Assert, test: ast.expr) -> int:
        self._run(test)
        self.asserts += 1
        if reason := why_vacuous(test, self.values):
            self.vacuous.append(Refused(node.lineno, f"{self.scope.shown(node)} can never fail: {reason}"))
            return 0
        depends = int(self.depends(test))
        self.depending += depends
        return depends

    def _assign(self, targets: Sequence[ast.expr], value: ast.expr) -> None:
        self._run(value)
        depends, alias = self.depends(value), self._is_source(value)
        for target in targets:
            names = _names(target)
            self.tainted = self.tainted | names if depends else self.tainted - _plain(target)
            self.sources = self.sources | names if alias else self.sources - _plain(target)
            for name in names:
                self.values.pop(name, None)
            if isinstance(target, ast.Name):
                # What refers to itself would be unfolded for ever.
                if target.id not in _names(value):
                    self.values[target.id] = value
                if isinstance(value, ast.Lambda):
                    self.bodies[target.id] = value

    def _branch(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> int:
        self._run(test)
        chosen = self.values.get(test.id) if isinstance(test, ast.Name) else test
        if isinstance(chosen, ast.Constant):
            return self.read(body if chosen.value else orelse)
        return min(self.read(body), self.read(orelse))

    def _loop(self, target: ast.expr, items: ast.expr, body: list[ast.stmt]) -> int:
        self._run(items)
        depends = self.depends(items)
        if depends:
            self.tainted |= _names(target)
        if any(isinstance(each, ast.Name) and self._is_source(each) for each in ast.walk(items)):
            self.sources |= _names(target)
        for name in _names(target):
            self.values.pop(name, None)
        count = self.read(body)
        known = self.values.get(items.id) if isinstance(items, ast.Name) else items
        empty = isinstance(known, ast.List | ast.Tuple | ast.Set) and not known.elts
        # What the code gave may be empty, and then nothing is asserted.
        return 0 if depends or empty else count

    def _with(self, entered: list[ast.withitem], body: list[ast.stmt]) -> int:
        expects = False
        for item in entered:
            call = item.context_expr
            self._run(call)
            is_expected = isinstance(call, ast.Call) and self.scope.dotted(call.func) in _EXPECTS
            expects |= is_expected
            if item.optional_vars is not None and (is_expected or self.depends(call)):
                self.tainted |= _names(item.optional_vars)
        count = self.read(body)
        if not expects:
            return count
        return int(any(self.depends(each) for node in body for each in ast.walk(node) if isinstance(each, ast.expr)))

    def _asserting(self, node: ast.expr) -> int:
        """A call that asserts: of a mock that the code was given, of numpy and its like, `pytest.raises(E, f, …)`."""
        if isinstance(node, ast.Await):
            return self._asserting(node.value)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
            return 0
        dotted = self.scope.dotted(node.func)
        name = dotted.rpartition(".")[2]
        if dotted == "pytest.raises":
            return int(len(node.args) > 1 and (self._is_source(node.args[1]) or self.depends(node.args[1])))
        imported = dotted.partition(".")[0] in {each.partition(".")[0] for each in self.scope.names.values()}
        if name in _MOCK_ASSERTS or (name.startswith("assert_") and imported):
            self.asserts += 1
            return int(self.depends(node))
        return 0

    def _inside(self, node: ast.expr) -> int:
        """Assertions in functions of the test that an expression calls."""
        count = 0
        for call in (each for each in ast.walk(node) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            body = self.bodies.get(name)
            if not isinstance(body, ast.FunctionDef | ast.AsyncFunctionDef) or name in self.busy or len(self.busy) > 4:  # noqa: PLR2004  deep enough for a test
                continue
            inner = _Reader(self.scope, [], set(self.tainted), set(self.sources), dict(self.values), dict(self.bodies))
            inner.busy = {*self.busy, name}
            arguments = [*call.args, *(word.value for word in call.keywords)]
            if any(self.depends(each) for each in arguments):
                inner.enter(body)
            count += inner.read(body.body)
            self.asserts += inner.asserts
            self.touched |= inner.touched
        return count

    def _run(self, node: ast.expr) -> None:
        """What else comes from the code after an expression was evaluated: arguments that it may have changed."""
        for each in ast.walk(node):
            match each:
                case ast.NamedExpr(target=ast.Name(id=name), value=value) if self.depends(value):
                    self.tainted.add(name)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name)), args=given) if not self._calls_code(each):
                    # `results.append(parse(text))`
                    if any(self.depends(one) for one in given) and self._may_change(name):
                        self.tainted.add(name)
                case ast.Call() if self._calls_code(each):
                    self.touched = True
                    self.tainted |= {one.arg for one in self.scope.test.args.args if one.arg in FIXTURES}
                    passed = [*each.args, *(word.value for word in each.keywords), each.func]
                    reached = {name for part in passed for name in _names(part)}
                    reached |= {name for body in self.bodies.values() for name in _names(body)}
                    self.tainted |= {name for name in reached if self._may_change(name)}
                case _:
                    pass

    def _may_change(self, name: str) -> bool:
        value = self.values.get(name)
        # Numbers and texts stay what they are.
        fixed = value is not None and all(isinstance(each, _FIXED) for each in ast.walk(value))
        local = name in self.values or name in FIXTURES or name in self.tainted
        return local and not fixed and name not in self.given and name not in self.scope.names

    def depends(self, node: ast.expr) -> bool:
        """Whether a value comes from running the code under test."""
        called = {id(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}
        for each in ast.walk(node):
            match each:
                case ast.Name(id=name, ctx=ast.Load()) if name in self.tainted or (name.isupper() and self._code(name)):
                    return True
                case ast.Call() if self._calls_code(each):
                    return True
                case ast.Attribute(attr=name) if id(each) not in called and self._code(_root(each)):
                    if name.isupper() or name not in self.scope.defined:
                        return True
                case _:
                    pass
        return False

    def _calls_code(self, call: ast.Call) -> bool:
        root = _root(call.func)
        if root and (self._code(root) or root in self.tainted):
            return True
        if root in self.bodies and root not in self.busy:
            self.busy.add(root)
            inner = [each for each in ast.walk(self.bodies[root]) if isinstance(each, ast.Call)]
            result = any(self._calls_code(each) for each in inner)
            self.busy.discard(root)
            return result
        if isinstance(call.func, ast.Call) and self._calls_code(call.func):
            return True
        if self.scope.dotted(call.func) in _LOOKS or "Mock" in self.scope.dotted(call.func):
            return False
        # `map(parse, …)`, `runner.invoke(cli, …)`: somebody else calls it.
        return any(self._is_source(each) for each in call.args)

    def _is_source(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name | ast.Attribute) and self._code(_root(node)) and not _is_constant(node)

    def _code(self, name: str) -> bool:
        return bool(name) and (name in self.sources or self.scope.is_code(name))

    def _ends(self, node: ast.stmt) -> bool:
        match node:
            case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
                return True
            case ast.Expr(value=ast.Call(func=called)) if self.scope.dotted(called) in _ENDS:
                return True
            case ast.Expr(value=ast.Call(func=called, args=[ast.Constant(value=value)])):
                return self.scope.dotted(called) == "hypothesis.assume" and not value
            case ast.If():
                return any(isinstance(each, ast.Continue | ast.Break) for each in ast.walk(node))
            case _:
                return False


def _is_constant(node: ast.Name | ast.Attribute) -> bool:
    return (node.id if isinstance(node, ast.Name) else node.attr).isupper()


def _root(node: ast.expr) -> str:
    """The name that a chain of attributes, subscripts and calls begins with."""
    while True:
        match node:
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Await(value=inner):
                node = inner
            case ast.Call(func=inner):
                node = inner
            case ast.Name(id=name):
                return name
            case _:
                return ""


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _plain(target: ast.expr) -> set[str]:
    """Names that an assignment gives a new value altogether: those in `a.b = …` keep theirs."""
    match target:
        case ast.Name(id=name):
            return {name}
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return {name for element in elements for name in _plain(element)}
        case ast.Starred(value=inner):
            return _plain(inner)
        case _:
            return set()
