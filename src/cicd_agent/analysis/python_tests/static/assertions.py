"""Finds out whether a proposed test asserts something of a value that came from the code under test."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from cicd_agent.analysis.python_tests.static.scope import NAMES, Refused, Scope, refuse
from cicd_agent.analysis.python_tests.static.tautologies import tautology_reason
from cicd_agent.analysis.python_tests.syntax import FunctionNode, names_in

_FIXED = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop, ast.Tuple, ast.expr_context)
_MAX_DEPTH = 4


def check_assertions(_module: ast.Module, scope: Scope) -> None:
    """Assertions that can never fail, and a test without one that depends on the code under test."""
    reader = _Reader(scope)
    count = reader.read(scope.test.body)
    for helper in scope.helpers.values():
        _Reader(scope, tautologies=reader.tautologies).read_function(helper)
    if reader.tautologies:
        raise min(reader.tautologies, key=lambda refused: refused.line)
    if count:
        return
    if not reader.touched:
        reason = "it never calls the code under test"
    elif reader.depending:
        reason = "its assertions may not be reached: assert outside of `if`, and of loops over what the code gave"
    elif reader.asserts:
        reason = "no assertion depends on what the code under test gave: assert its result"
    else:
        reason = "it asserts nothing: say what is expected of the result, or which exception with `pytest.raises`"
    refuse(scope.test, reason)


@dataclass(slots=True)
class _Reader:
    """Reads statements in order. `sources` are names of code of the project, `tainted` of values that came from it.

    `values` are the expressions of names as they were last assigned, `bodies` functions and classes of the test, `busy`
    those that are being read. `tautologies` are the assertions that can never fail, `asserts` counts all, `depending`
    those on values from the code, whether they are reached or not.
    """

    scope: Scope
    tautologies: list[Refused] = field(default_factory=list)
    tainted: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    values: dict[str, ast.expr] = field(default_factory=dict)
    bodies: dict[str, ast.AST] = field(default_factory=dict)
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
        parameters = {each.arg for each in scope.test.args.args}
        self.tainted |= (parameters & (scope.fixtures | scope.habits.parameters)) - NAMES["fixtures"] - scope.supplied()
        for decorator in scope.test.decorator_list:
            if any(map(scope.is_code, names_in(decorator))):
                self.sources |= scope.supplied([decorator])

    def read_function(self, function: FunctionNode) -> int:
        """Reads a helper, whose arguments may be anything that came from the code."""
        self.tainted |= {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
        self.touched = True
        return self.read(function.body)

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
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                self._run(value)
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self._assign(target, value)
                return self._called(value)
            case ast.AugAssign(target=target, value=value):
                self._bind(target, tainted=self.depends(value))
            case ast.Expr(value=value):
                self._run(value)
                return self._asserting(value) or self._called(value)
            case ast.If(test=test, body=body, orelse=orelse):
                self._run(test)
                if isinstance(chosen := self._value(test), ast.Constant):
                    return self.read(body if chosen.value else orelse)
                return min(self.read(body), self.read(orelse))
            case ast.For(target=target, iter=items, body=body) | ast.AsyncFor(target=target, iter=items, body=body):
                return self._loop(target, items, body)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                return self._with(items, body)
            case ast.Try(body=body, finalbody=final):
                return self.read(body) + self.read(final)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.bodies[node.name] = node
            case ast.Match(subject=subject, cases=cases):
                self._run(subject)
                for each in cases:
                    self.read(each.body)
            case _:
                pass
        return 0

    def _assertion(self, node: ast.Assert, test: ast.expr) -> int:
        self._run(test)
        self.asserts += 1
        if reason := tautology_reason(test, self.values):
            self.tautologies.append(Refused(node.lineno, f"{self.scope.excerpt(node)} can never fail: {reason}"))
            return 0
        depends = int(self.depends(test))
        self.depending += depends
        return depends

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        replaced = _replaced(target)
        depends, is_source = self.depends(value), self._is_source(value)
        self.tainted -= replaced
        self.sources -= replaced
        self._bind(target, tainted=depends, source=is_source)
        if isinstance(target, ast.Name):
            # What refers to itself would be unfolded forever.
            if target.id not in names_in(value):
                self.values[target.id] = value
            if isinstance(value, ast.Lambda):
                self.bodies[target.id] = value

    def _bind(self, target: ast.expr, *, tainted: bool = False, source: bool = False) -> None:
        names = names_in(target)
        if tainted:
            self.tainted |= names
        if source:
            self.sources |= names
        for name in names:
            self.values.pop(name, None)

    def _value(self, node: ast.expr) -> ast.expr | None:
        return self.values.get(node.id) if isinstance(node, ast.Name) else node

    def _loop(self, target: ast.expr, items: ast.expr, body: list[ast.stmt]) -> int:
        self._run(items)
        depends = self.depends(items)
        has_source = any(isinstance(each, ast.Name) and self._is_source(each) for each in ast.walk(items))
        self._bind(target, tainted=depends, source=has_source)
        count = self.read(body)
        known = self._value(items)
        empty = isinstance(known, ast.List | ast.Tuple | ast.Set) and not known.elts
        # What the code gave may be empty, and then nothing is asserted.
        return 0 if depends or empty else count

    def _with(self, items: list[ast.withitem], body: list[ast.stmt]) -> int:
        expects = False
        for item in items:
            call = item.context_expr
            self._run(call)
            is_expecting = isinstance(call, ast.Call) and self.scope.dotted(call.func) in NAMES["expecting"]
            expects |= is_expecting
            if item.optional_vars is not None and (is_expecting or self.depends(call)):
                self.tainted |= names_in(item.optional_vars)
        count = self.read(body)
        if not expects:
            return count
        return int(any(self.depends(each) for node in body for each in ast.walk(node) if isinstance(each, ast.expr)))

    def _asserting(self, node: ast.expr) -> int:
        """A call that asserts: of a mock that the code was given, of numpy and its like, `pytest.raises(E, f, …)`."""
        if isinstance(node, ast.Await):
            return self._asserting(node.value)
        if not isinstance(node, ast.Call):
            return 0
        dotted = self.scope.dotted(node.func)
        name = dotted.rpartition(".")[2]
        if dotted == "pytest.raises":
            return int(any(self._is_source(each) or self.depends(each) for each in node.args[1:2]))
        imported = dotted.partition(".")[0] in {each.partition(".")[0] for each in self.scope.names.values()}
        if name in NAMES["mock_assertions"] or (name.startswith("assert_") and imported):
            self.asserts += 1
            return int(self.depends(node))
        return 0

    def _called(self, node: ast.expr) -> int:
        """Assertions in functions of the test that an expression calls."""
        count = 0
        for call in ast.walk(node):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            name = call.func.id
            body = self.bodies.get(name)
            if not isinstance(body, FunctionNode) or name in self.busy or len(self.busy) > _MAX_DEPTH:
                continue
            inner = _Reader(self.scope, [], {*self.tainted}, {*self.sources}, {**self.values}, {**self.bodies})
            inner.busy = {*self.busy, name}
            given = any(self.depends(each) for each in (*call.args, *(keyword.value for keyword in call.keywords)))
            count += inner.read_function(body) if given else inner.read(body.body)
            self.asserts += inner.asserts
            self.touched |= inner.touched
        return count

    def _run(self, node: ast.expr) -> None:
        """What else comes from the code after an expression was evaluated: arguments that it may have changed."""
        for each in ast.walk(node):
            match each:
                case ast.NamedExpr(target=ast.Name(id=name), value=value) if self.depends(value):
                    self.tainted.add(name)
                case ast.Call() if self._calls_code(each):
                    self.touched = True
                    self.tainted |= {one.arg for one in self.scope.test.args.args} & NAMES["fixtures"]
                    reached = names_in(each).union(*map(names_in, self.bodies.values()))
                    self.tainted |= {name for name in reached if self._may_change(name)}
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name)), args=given):
                    # `results.append(parse(text))`
                    if any(map(self.depends, given)) and self._may_change(name):
                        self.tainted.add(name)
                case _:
                    pass

    def _may_change(self, name: str) -> bool:
        value = self.values.get(name)
        # Numbers and texts stay what they are.
        fixed = value is not None and all(isinstance(each, _FIXED) for each in ast.walk(value))
        local = name in self.values or name in NAMES["fixtures"] or name in self.tainted
        return local and not fixed and name not in self.scope.supplied() and name not in self.scope.names

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
        if self._code(root) or root in self.tainted:
            return True
        if root in self.bodies and root not in self.busy:
            self.busy.add(root)
            inner = [each for each in ast.walk(self.bodies[root]) if isinstance(each, ast.Call)]
            result = any(map(self._calls_code, inner))
            self.busy.discard(root)
            return result
        if isinstance(call.func, ast.Call) and self._calls_code(call.func):
            return True
        dotted = self.scope.dotted(call.func)
        # `map(parse, …)`, `runner.invoke(cli, …)`: somebody else calls it.
        return dotted not in NAMES["queries"] and "Mock" not in dotted and any(map(self._is_source, call.args))

    def _is_source(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return self._code(_root(node)) and not name.isupper()
            case _:
                return False

    def _code(self, name: str) -> bool:
        return bool(name) and (name in self.sources or self.scope.is_code(name))

    def _ends(self, node: ast.stmt) -> bool:
        match node:
            case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
                return True
            case ast.Expr(value=ast.Call(func=called)) if self.scope.dotted(called) in NAMES["ending"]:
                return True
            case ast.Expr(value=ast.Call(func=called, args=[ast.Constant(value=value)])):
                return self.scope.dotted(called) == "hypothesis.assume" and not value
            case ast.If():
                return any(isinstance(each, ast.Continue | ast.Break) for each in ast.walk(node))
            case _:
                return False


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


def _replaced(target: ast.expr) -> set[str]:
    """Names that an assignment gives a new value altogether: those in `a.b = …` keep theirs."""
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    if parts != [target]:
        return {name for part in parts for name in _replaced(part)}
    inner = target.value if isinstance(target, ast.Starred) else target
    return {inner.id} if isinstance(inner, ast.Name) else set()
