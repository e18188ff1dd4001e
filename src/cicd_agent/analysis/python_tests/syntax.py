"""Python texts: their trees, the definitions in them, and what their authors wrote about these."""

import ast
import copy
import io
import re
import symtable
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.domain.text.python_syntax import parse_python

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Definition = FunctionNode | ast.ClassDef

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's own parser, and walks over its trees, raise for texts that are no Python or far too deep."""

NEWLINE = re.compile(r"\r\n|\r|\n")
"""What ends a line for Python: form feeds and the line ends of Unicode do not."""

LONGEST = 20_000
"""Characters of a docstring that are read."""


_BUILTIN_TYPES = frozenset({"int", "float", "str", "bool", "bytes", "list", "dict", "set", "tuple", "frozenset"})


@dataclass(frozen=True, slots=True)
class DocLine:
    """A line of a docstring or a comment: what it says, without indentation and marks, and its number in the file."""

    line: int
    text: str
    indent: int = 0


def parsed(text: str) -> ast.Module | None:
    """The tree of a text, None when it is no Python, or too large."""
    try:
        return parse_python(text)
    except UNREADABLE:
        return None


def expression(text: str) -> ast.expr | None:
    """The tree of a text that is one expression."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.strip(), mode="eval").body
    except UNREADABLE:
        return None


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, in the order of the text."""
    yield node
    for child in ast.iter_child_nodes(node):
        yield from walk(child)


def dotted_name(node: ast.expr) -> str:
    """A chain of names and dots as it is written, "" for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def defined_by(node: ast.stmt) -> tuple[str, ...]:
    """What a function, a class or an assignment of plain names defines; () for everything else."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return (node.name,)
        case ast.AnnAssign(target=ast.Name(id=name)):
            return (name,)
        case ast.Assign() if all(isinstance(target, ast.Name) for target in node.targets):
            return tuple(target.id for target in node.targets if isinstance(target, ast.Name))
        case _:
            return ()


def first_line(node: ast.stmt) -> int:
    """The line of its first decorator, if it has one."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def replaced(node: ast.expr, substitute: Callable[[ast.expr], ast.expr | None]) -> ast.expr:
    """A copy of an expression with what `substitute` gives for its parts, the outermost first."""
    return ast.fix_missing_locations(_Replacer(substitute).visit_expression(copy.deepcopy(node)))


class _Replacer(ast.NodeTransformer):
    def __init__(self, substitute: Callable[[ast.expr], ast.expr | None]) -> None:
        self._substitute = substitute

    def visit_expression(self, node: ast.expr) -> ast.expr:
        result = self.visit(node)
        return result if isinstance(result, ast.expr) else node

    def visit(self, node: ast.AST) -> ast.AST:
        result = self._substitute(node) if isinstance(node, ast.expr) else None
        return self.generic_visit(node) if result is None else result


def symbol_tables(text: str) -> list[symtable.SymbolTable]:
    """The module's own table, then those of all scopes in it. Raises UNREADABLE."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables = [symtable.symtable(text.removeprefix("\ufeff"), "<module>", "exec")]
    for table in tables:
        tables.extend(table.get_children())
    return tables


def bound_names(text: str) -> set[str]:
    """The names that a text gives a meaning at its top. Raises UNREADABLE."""
    symbols = symbol_tables(text)[0].get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}


def fixtures(text: str) -> Iterator[FunctionNode]:
    """The fixtures of pytest that a test module or conftest defines."""
    for node in ast.walk(parsed(text) or ast.Module([], [])):
        if isinstance(node, FunctionNode):
            called = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
            if any(ast.unparse(each).split(".")[-1] == "fixture" for each in called):
                yield node


def compares_results(code: str, function: str) -> bool:
    """Whether the assertions of a test compare what all calls of a function gave with what is expected.

    `function` is its name. Where the test calls it through others, those count whose results an assertion compares.
    """
    nodes = list(ast.walk(parsed(code) or ast.Module([], [])))
    values: dict[str, list[ast.AST]] = {}
    for node in nodes:
        match node:
            case ast.Assign(targets=targets, value=value):
                for name in (name for target in targets for name in names_in(target)):
                    values.setdefault(name, []).append(value)
            case ast.FunctionDef(name=name):
                values.setdefault(name, []).extend(node.body)
            case _:
                pass
    waiting: list[ast.AST] = [node.test for node in nodes if isinstance(node, ast.Assert) and _is_comparison(node.test)]
    reached: set[ast.AST] = set()
    while waiting:
        for node in ast.walk(waiting.pop()):
            if node not in reached and isinstance(node, ast.Name):
                waiting += values.get(node.id, ())
            reached.add(node)
    expected = (node for node in nodes if isinstance(node, ast.With) for part in node.body)
    excused = {node for block in expected for node in ast.walk(block)}
    calls = [(node, dotted_name(node.func).rpartition(".")[2]) for node in nodes if isinstance(node, ast.Call)]
    compared = {name for node, name in calls if node in reached}
    return bool(compared) and all(
        node in reached or node in excused for node, name in calls if name in compared or name == function
    )


def _is_comparison(test: ast.expr) -> bool:
    """Whether it holds for one value alone: of its type, or of what it is not, there is more than one."""
    nodes = list(ast.walk(test))
    if names_in(test) & {"callable", "hasattr", "isinstance", "issubclass", "type"}:
        return False
    return any(isinstance(each, ast.Compare) and isinstance(each.ops[0], ast.Eq | ast.Is) for each in nodes)


def path_to(tree: ast.Module | None, qualified: str) -> tuple[Definition, ...]:
    """The definition of a qualified name, after those around it; () when there is none."""
    around: list[Definition] = []
    body = tree.body if tree is not None else []
    for part in qualified.replace("<locals>.", "").split("."):
        results = [each for each in definitions(body) if each.name == part]
        if not results:
            return ()
        around.append(results[-1])
        body = results[-1].body
    return tuple(around)


def definitions(body: list[ast.stmt]) -> Iterator[Definition]:
    """Functions and classes of a block, those below `if`, `try` and `with` too."""
    waiting = list(reversed(body))
    while waiting:
        match waiting.pop():
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() as name:
                yield name
            case ast.If(body=body, orelse=other):
                waiting.extend(reversed([*body, *other]))
            case ast.With(body=body):
                waiting.extend(reversed(body))
            case ast.Try(body=body, handlers=handlers, orelse=other, finalbody=final):
                handled = [each for handler in handlers for each in handler.body]
                waiting.extend(reversed([*body, *handled, *other, *final]))
            case _:
                pass


def docstring_lines(node: Definition) -> tuple[DocLine, ...]:
    """The docstring's lines, less the indentation that all but the first share."""
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str() as text) as constant):
            lines = text[:LONGEST].expandtabs().split("\n")
        case _:
            return ()
    margin = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    cut = [lines[0].strip(), *(line[margin:].rstrip() for line in lines[1:])]
    return tuple(DocLine(constant.lineno + at, line, len(line) - len(line.lstrip())) for at, line in enumerate(cut))


def docstring(node: Definition) -> str:
    return "\n".join(doc_line.text for doc_line in docstring_lines(node))


def comments(text: str) -> tuple[DocLine, ...]:
    """The comments of a text, as far as it can be split into tokens."""
    results: list[DocLine] = []
    tokens = tokenize.generate_tokens(io.StringIO(text.removeprefix("\ufeff")).readline)
    try:
        results.extend(
            DocLine(token.start[0], token.string.lstrip("#: ").strip())
            for token in tokens
            if token.type == tokenize.COMMENT
        )
    except (tokenize.TokenError, *UNREADABLE):
        pass
    return tuple(results)


def signature(node: Definition, source: str) -> str:
    lines = source.removeprefix("\ufeff").split("\n")
    return "\n".join(lines[node.lineno - 1 : max(node.body[0].lineno - 1, node.lineno)])


def builtin_types(annotation: ast.expr | None) -> tuple[str, ...]:
    """The built-in types, "None" among them, that an annotation names; () when it names any other, or none."""
    match annotation:
        case ast.Constant(value=None):
            return ("None",)
        case ast.Constant(value=str() as text):
            inner = expression(text)
            return () if isinstance(inner, ast.Constant) else builtin_types(inner)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            one, other = builtin_types(left), builtin_types(right)
            return tuple(dict.fromkeys((*one, *other))) if one and other else ()
        case ast.Subscript(value=holder, slice=inner) if dotted_name(holder).endswith("Optional"):
            return (*builtin_types(inner), "None") if builtin_types(inner) else ()
        case ast.Subscript(value=holder) | (ast.Name() as holder):
            name = dotted_name(holder).rpartition(".")[2]
            name = name.lower() if name in {"List", "Dict", "Set", "Tuple"} else name
            return (name,) if name in _BUILTIN_TYPES else ()
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function, method or nested function (no lambda).

    `name` is as in `__qualname__`, less its "<locals>": "Client.retry", "outer.inner". `first` is the line of its
    first decorator, if it has one, `signature_end` the last one before its body. `is_public` when no part of the name
    begins with "_", other than "__init__" and its like, and it is not nested in a function.
    """

    name: str
    first: int
    last: int
    signature_end: int
    docstring: str
    is_public: bool


class Source:
    """A text by the places of its tree."""

    def __init__(self, text: str) -> None:
        self.text = text
        mark = int(text.startswith("\ufeff"))
        ends = [match.end() for match in NEWLINE.finditer(text)]
        self._starts = [mark, *ends]
        self._stops = [*ends, len(text)]

    def offset(self, line: int, column: int) -> int:
        """The character at a line, 1 first, and a column in bytes of UTF-8."""
        start = self._starts[line - 1]
        content = self.line(line)
        if content.isascii():
            return start + column
        return start + len(content.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace"))

    def span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def line(self, number: int) -> str:
        return self.text[self._starts[number - 1] : self._stops[number - 1]]

    def line_at(self, offset: int) -> int:
        """The line of a character."""
        return max(bisect_right(self._starts, offset), 1)

    def lines_span(self, first: int, last: int) -> tuple[int, int]:
        return self._starts[first - 1], self._stops[last - 1]


def functions(text: str) -> tuple[Function, ...]:
    """Every function of a Python text, by its first line; none for what does not parse."""
    results: list[Function] = []
    waiting: list[tuple[ast.AST, str, bool]] = [(parsed(text) or ast.Module([], []), "", False)]
    while waiting:
        node, prefix, nested = waiting.pop()
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    results.append(_function(child, prefix, nested=nested))
                    waiting.append((child, f"{prefix}{child.name}.", True))
                case ast.ClassDef():
                    waiting.append((child, f"{prefix}{child.name}.", nested))
                case ast.stmt() | ast.excepthandler() | ast.match_case():
                    waiting.append((child, prefix, nested))
                case _:
                    pass
    return tuple(sorted(results, key=lambda function: (function.first, function.last, function.name)))


def function_at(functions: Sequence[Function], line: int) -> Function | None:
    around = [function for function in functions if function.first <= line <= function.last]
    return max(around, key=lambda function: (function.first, -function.last), default=None)


def _function(node: FunctionNode, prefix: str, *, nested: bool) -> Function:
    name = f"{prefix}{node.name}"
    return Function(
        name=name,
        first=first_line(node),
        last=node.end_lineno or node.lineno,
        signature_end=max(node.lineno, node.body[0].lineno - 1),
        docstring=ast.get_docstring(node) or "",
        is_public=not nested and not any(map(_is_private, name.split("."))),
    )


def _is_private(part: str) -> bool:
    return part.startswith("_") and not (part.startswith("__") and part.endswith("__"))
