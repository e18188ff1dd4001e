"""GitHub's expression language: `${{ … }}` in a text, parsed as the runner does it.

The grammar and its limits are those of actions/runner (LexicalAnalyzer.cs and ExpressionParser.cs in
src/Sdk/DTExpressions2/Expressions2). Names of contexts, properties and functions have no case.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LENGTH = 21_000
MAX_DEPTH = 50
"""Above these the runner refuses an expression."""

_OPEN = "${{"
_CLOSE = re.compile(r"'[^']*+'|\}\}")
_TOKEN = re.compile(
    r"""\s*+(?:
    (?P<string>'(?:[^']++|'')*'(?!'))|
    (?P<number>(?:[-+]?(?:0x[0-9a-fA-F]++|0o[0-7]++|(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?)|[-+]Infinity)
        (?![^\s()\[\],.!<>=&|]))|
    (?P<name>[A-Za-z_][A-Za-z0-9_-]*+)|
    (?P<symbol>&&|\|\||[=!<>]=|[!<>()\[\],.*])|
    (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_CONSTANTS = {"null": None, "true": True, "false": False, "NaN": float("nan"), "Infinity": float("inf")}
_BINARY = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4}
"""The operators with two operands, by how tightly they bind."""


class ExpressionError(ValueError):
    """The runner refuses this expression."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Named:
    """A context such as `github`, in lower case."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`of.key` and `of['key']`; without a key `of.*` and `of[*]`: all that is in it."""

    of: "Expression"
    key: "Expression | None"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function, whose name is in lower case."""

    name: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """`!` has one operand, `&&` and `||` have two or more, the comparisons two."""

    operator: str
    operands: tuple["Expression", ...]


Expression = Literal | Named | Index | Call | Operation


def find_expressions(text: str) -> Iterator[tuple[int, int]]:
    """Where expressions start and end in a text, with their braces. One that is not closed is none."""
    start = text.find(_OPEN)
    while start >= 0:
        closed = next((each for each in _CLOSE.finditer(text, start + 3) if each[0] == "}}"), None)
        if closed is None:
            return
        yield start, closed.end()
        start = text.find(_OPEN, closed.end())


def parse_expression(text: str) -> Expression:
    """The expression between the braces. Raises ExpressionError for what the runner would refuse."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"more than {MAX_LENGTH} characters")
    parser = _Parser(text)
    expression = parser.binary()
    parser.expect("")
    if len(text) > MAX_DEPTH and _is_deep(expression):
        raise ExpressionError(f"more than {MAX_DEPTH} levels")
    return expression


class _Parser:
    """By recursive descent; `current` is the kind of the next token, for a symbol the symbol itself, "" at the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = 0
        self.level = 0
        self.advance()

    def advance(self) -> None:
        match = _TOKEN.match(self.text, self.end)
        if match is None:
            raise ExpressionError(f"unexpected at {self.end}: {self.text[self.end :][:20]!r}")
        self.end = match.end()
        self.token = match[match.lastgroup or 0]
        self.current = self.token if match.lastgroup in {"symbol", "end"} else match.lastgroup

    def accept(self, symbol: str) -> bool:
        if self.current != symbol:
            return False
        self.advance()
        return True

    def expect(self, symbol: str) -> None:
        if self.current != symbol:
            raise ExpressionError(f"expected {symbol or 'the end'!r} before {self.token!r}")
        if symbol:
            self.advance()

    def binary(self, above: int = 0) -> Expression:
        """Operands of operators that bind more tightly than `above`."""
        left = self.unary()
        while (binds := _BINARY.get(self.current or "", 0)) > above:
            operator = self.token
            operands = [left]
            # A chain of && or || is one operation, however long it is; comparisons are from left to right.
            while self.accept(operator):
                operands.append(self.binary(binds))
                if operator not in {"&&", "||"}:
                    break
            left = Operation(operator, tuple(operands))
        return left

    def unary(self) -> Expression:
        negations = 0
        while self.accept("!"):
            negations += 1
        expression = self.primary()
        for _ in range(min(negations, MAX_DEPTH + 1)):
            expression = Operation("!", (expression,))
        return expression

    def primary(self) -> Expression:
        token = self.token
        expression: Expression
        if self.accept("("):
            expression = self.nested()
            self.expect(")")
        elif self.accept("string"):
            return Literal(token[1:-1].replace("''", "'"))
        elif self.accept("number"):
            return Literal(_number(token))
        else:
            self.expect("name")
            if token in _CONSTANTS:
                return Literal(_CONSTANTS[token])
            expression = Call(token.lower(), self.arguments()) if self.accept("(") else Named(token.lower())
        return self.dereferenced(expression)

    def nested(self) -> Expression:
        self.level += 1
        if self.level > MAX_DEPTH:
            raise ExpressionError(f"more than {MAX_DEPTH} levels")
        expression = self.binary()
        self.level -= 1
        return expression

    def arguments(self) -> tuple[Expression, ...]:
        if self.accept(")"):
            return ()
        arguments = [self.nested()]
        while self.accept(","):
            arguments.append(self.nested())
        self.expect(")")
        return tuple(arguments)

    def dereferenced(self, expression: Expression) -> Expression:
        while True:
            key: Expression | None = None
            if self.accept("."):
                token = self.token
                if not self.accept("*"):
                    self.expect("name")
                    key = Literal(token)
            elif self.accept("["):
                if not self.accept("*"):
                    key = self.nested()
                self.expect("]")
            else:
                return expression
            expression = Index(expression, key)


def _number(text: str) -> float:
    return float(int(text, 0)) if text[1:2] in {"x", "o"} else float(text)


def _is_deep(expression: Expression) -> bool:
    remaining = [(expression, 1)]
    while remaining:
        each, level = remaining.pop()
        if level > MAX_DEPTH:
            return True
        remaining.extend((child, level + 1) for child in _operands(each))
    return False


def _operands(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Index(of, None):
            return (of,)
        case Index(of, Literal() | Named() | Index() | Call() | Operation() as key):
            return of, key
        case Call(_, arguments) | Operation(_, arguments):
            return arguments
        case _:
            return ()
