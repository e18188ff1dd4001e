"""How the text of a client travels through one function: where it comes in, what carries it on, and what checks it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from cicd_agent.analysis.rules.context import TABLES
from cicd_agent.analysis.rules.python.endpoints import filled_parameters, is_for_admins, is_text_field, is_web
from cicd_agent.analysis.rules.python.source import Function, PythonText, children_of, statements_in

_WEB = TABLES["web"]
_SURE, _READ = frozenset(_WEB["sure-data"]), frozenset(_WEB["data"])
_GETTERS = frozenset(_WEB["getters"])
_TEXT_METHODS = frozenset(_WEB["text-methods"])
_CARRIERS = frozenset(_WEB["carriers"])
_CHECKS = re.compile(_WEB["checks"])
_MATCHERS = frozenset({"match", "fullmatch", "search", "is_relative_to", "relative_to", "commonpath", "commonprefix"})
_ADDRESS_CHECKS = frozenset({"is_private", "is_global", "is_loopback", "is_link_local", "is_reserved"})
_SCHEMES = re.compile(r"(?:https?|ftp)?(?::/{0,2})?")
_WORD = re.compile(r"\w*")
_NO_PATH = frozenset({"name", "stem", "suffix", "hostname", "port", "scheme"})
_MAX_PARTS = 2_000
_MAX_CHAIN = 30


@dataclass(frozen=True, slots=True)
class Origin:
    """A client's text: `path` is what it is read from (`request.args`, `url`).

    It is a `mapping` of texts rather than one text; an `upload` is a file, whose name alone is the client's text; a
    `segment` holds no slash. It `leads` where the text that it is part of begins with it: an address names its host
    there.
    """

    path: tuple[str, ...]
    line: int
    is_mapping: bool = False
    is_upload: bool = False
    is_segment: bool = False
    leads: bool = True
    model: ast.ClassDef | None = None

    @property
    def label(self) -> str:
        first, *keys = self.path
        return first + "".join(f"[{key!r}]" for key in keys)

    @property
    def is_text(self) -> bool:
        return not (self.is_mapping or self.is_upload)

    def keyed(self, key: str) -> "Origin":
        return replace(self, path=(*self.path, key), is_mapping=False, model=None)


Part = Origin | str | None
"""Of a text that is put together, what comes from a client, what is literal, and what is neither."""


class RequestData:
    """What a client sends to one function. `calls` walks it in the order of its text, and asks are about that place."""

    def __init__(self, text: PythonText, function: Function) -> None:
        self._text = text
        self._function = function
        self.is_for_admins = is_for_admins(function)
        self._is_web = is_web(text)
        self._origins: dict[str, Origin] = {}
        self._depths: dict[str, int] = {}
        self._roots: dict[str, frozenset[tuple[str, ...]]] = {}
        self._checked: set[tuple[str, ...]] = set()
        for parameter, kind in filled_parameters(text, function):
            model = text.classes.get(text.name_of(parameter.annotation)) if kind == "model" else None
            self._origins[parameter.arg] = Origin(
                (parameter.arg,), parameter.lineno, model is not None, kind == "upload", kind == "segment", model=model
            )

    def calls(self) -> Iterator[ast.Call]:
        """Every call of the function but those of functions in it; what was checked before counts as checked."""
        stack: list[tuple[ast.AST, int]] = [(node, 0) for node in reversed(self._function.body)]
        while stack:
            statement, depth = stack.pop()
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            own = [each for each in children_of(statement) if isinstance(each, ast.expr | ast.withitem)]
            nodes = [node for each in own for node in ast.walk(each)]
            for node in nodes:
                self._check(node)
            yield from (node for node in nodes if isinstance(node, ast.Call))
            self._bind(statement, nodes, depth)
            stack += [(child, depth + 1) for child in reversed(list(statements_in(statement)))]

    def texts_in(self, node: ast.expr) -> Iterator[Origin]:
        """What a client chooses of a text, but for what was checked."""
        for part in self._parts(node):
            if isinstance(part, Origin) and part.is_text:
                yield part

    def host_in(self, node: ast.expr) -> Origin | None:
        """What a client wrote where an address says which server is meant."""
        return _leading(self._parts(node))

    def is_upload(self, node: ast.expr) -> bool:
        origin = self._named(node)
        return origin is not None and origin.is_upload

    def _parts(self, node: ast.expr) -> list[Part]:
        return list(islice(self._parts_of(node), _MAX_PARTS))

    def _parts_of(self, node: ast.expr) -> Iterator[Part]:
        """The parts of a text in their order; of alternatives, one after the other."""
        stack: list[ast.expr | str] = [node]
        while stack:
            part = stack.pop()
            if isinstance(part, str):
                yield part
                continue
            origin = self._named(part)
            if origin is not None:
                yield None if self._is_checked(origin) else origin
                continue
            inner = self._inside(part)
            if inner is None:
                yield part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else None
            else:
                stack += reversed(inner)

    def _inside(self, node: ast.expr) -> list[ast.expr | str] | None:
        """What the text of an expression is made of, None for what is no text or nobody knows."""
        match node:
            case ast.JoinedStr(values=values) | ast.BoolOp(values=values):
                inner: list[ast.expr | str] | None = [*values]
            case ast.Call():
                inner = self._carried(node)
            case ast.Attribute(attr=attr) if attr in _NO_PATH:
                inner = None
            case (
                ast.FormattedValue(value=value)
                | ast.Await(value=value)
                | ast.NamedExpr(value=value)
                | ast.Starred(value=value)
                | ast.Subscript(value=value)
                | ast.Attribute(value=value)
            ):
                inner = [value]
            case ast.BinOp(left=ast.Constant(value=str(form)), op=ast.Mod(), right=right):
                inner = [form.partition("%")[0], *(right.elts if isinstance(right, ast.Tuple) else [right])]
            case ast.BinOp(left=left, op=ast.Add() | ast.Div(), right=right):
                inner = [left, right]
            case ast.IfExp(body=body, orelse=other):
                inner = [body, other]
            case _:
                inner = None
        return inner

    def _carried(self, node: ast.Call) -> list[ast.expr | str] | None:
        name = self._text.name_of(node.func)
        tail = name.rpartition(".")[2]
        if tail == "urljoin" and "urllib" in name:
            # A second argument that is a whole address replaces the first.
            return [*reversed(node.args)]
        if name in _CARRIERS:
            return [*node.args]
        first = node.args[0] if node.args else None
        # What takes signs out of a text may well be what makes it harmless.
        is_filter = tail == "replace" and isinstance(first, ast.Constant) and not _is_identifier(first.value)
        if not isinstance(node.func, ast.Attribute) or tail not in _TEXT_METHODS or is_filter:
            return None
        if tail == "format" and isinstance(node.func.value, ast.Constant) and isinstance(node.func.value.value, str):
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            return [node.func.value.value.partition("{")[0], *values]
        return [node.func.value, *(node.args if tail in {"joinpath", "join"} else ())]

    def _named(self, node: ast.expr) -> Origin | None:
        """The origin that an expression names, with the keys that it is read by."""
        keys: list[str] = []
        for _ in range(_MAX_CHAIN):
            origin = self._origin(node)
            if origin is not None:
                return self._with_keys(origin, keys[::-1])
            match node:
                case ast.Await(value=value):
                    node = value
                case ast.Subscript(value=value, slice=ast.Constant(value=str(key))):
                    keys.append(key)
                    node = value
                case ast.Attribute(value=value, attr=attr):
                    keys.append(f".{attr}")
                    node = value
                case ast.Call(func=ast.Attribute(value=value, attr=attr), args=[ast.Constant(value=str(key)), *_]) if (
                    attr in _GETTERS
                ):
                    if any(keyword.arg == "type" and not _is_str(keyword.value) for keyword in node.keywords):
                        return None
                    keys.append(key)
                    node = value
                case _:
                    return None
        return None

    @staticmethod
    def _with_keys(origin: Origin, keys: list[str]) -> Origin | None:
        for key in keys:
            attribute = key.removeprefix(".") if key.startswith(".") else ""
            if origin.is_upload:
                if attribute in {"filename", "raw_filename"}:
                    origin = replace(origin.keyed(key), is_upload=False)
                elif not attribute:
                    origin = replace(origin.keyed(key), is_upload=True)
                else:
                    return None
            elif origin.model is not None:
                if not is_text_field(origin.model, attribute):
                    return None
                origin = origin.keyed(attribute)
            elif attribute in _NO_PATH or (attribute and origin.is_text):
                return None
            else:
                origin = origin.keyed(attribute or key)
        return origin

    def _origin(self, node: ast.expr) -> Origin | None:
        match node:
            case ast.Name(id=name):
                return self._origins.get(name)
            case ast.Call(func=ast.Attribute(attr="get_json" | "json" | "form" | "post") as func):
                return self._origin(func)
            case ast.Attribute(value=value, attr=attr) if attr in _SURE or (self._is_web and attr in _READ):
                if self._is_request(value):
                    return Origin((f"request.{attr}",), node.lineno, attr != "view_args", attr == "files")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=attr), args=[ast.Constant(value=key), *_]):
                if attr in _WEB["argument-getters"] and self._text.imported("tornado"):
                    return Origin((f"self.{attr}", str(key)), node.lineno)
            case _:
                pass
        return None

    def _is_request(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr == "request"
        if not isinstance(node, ast.Name) or node.id not in {"request", "req"}:
            return False
        arguments = self._function.args
        is_given = any(each.arg == node.id for each in (*arguments.posonlyargs, *arguments.args))
        return is_given or self._text.imports.get(node.id, "urllib").partition(".")[0] != "urllib"

    def _is_checked(self, origin: Origin) -> bool:
        return any(origin.path[:end] in self._checked for end in range(1, len(origin.path) + 1))

    def _bind(self, statement: ast.AST, nodes: list[ast.AST], depth: int) -> None:
        pairs: list[tuple[ast.expr, ast.expr]] = []
        match statement:
            case ast.Assign(targets=targets, value=value):
                pairs += [(target, value) for target in targets]
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                pairs.append((target, value))
            case ast.AugAssign(target=ast.Name() as target, value=value):
                pairs.append((target, ast.BinOp(target, ast.Add(), value)))
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                pairs.append((target, value))
            case ast.With(items=items) | ast.AsyncWith(items=items):
                pairs += [(item.optional_vars, item.context_expr) for item in items if item.optional_vars]
            case _:
                pass
        pairs += [(node.target, node.value) for node in nodes if isinstance(node, ast.NamedExpr)]
        for target, value in pairs:
            values = [value] * len(target.elts) if isinstance(target, ast.Tuple) else [value]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
                values = value.elts
            targets = target.elts if isinstance(target, ast.Tuple) else [target]
            for each, its in zip(targets, values, strict=True):
                if isinstance(each, ast.Name):
                    self._assign(each.id, its, depth)

    def _assign(self, name: str, value: ast.expr, depth: int) -> None:
        parts = self._parts(value)
        origin = next((part for part in parts if isinstance(part, Origin)), None)
        roots = frozenset(self._mentioned(value))
        if origin is not None:
            self._origins[name] = replace(origin, leads=not origin.is_text or _leading(parts) is not None)
            self._depths[name] = depth
            self._roots[name] = roots | {origin.path}
        elif not (isinstance(value, ast.Constant) and depth > self._depths.get(name, depth)):
            # A literal in a branch is one of two values.
            self._origins.pop(name, None)
            self._roots[name] = roots

    def _mentioned(self, node: ast.AST) -> Iterator[tuple[str, ...]]:
        """The origins that an expression names, also where nothing of their text is in its value."""
        stack = [node]
        while stack:
            part = stack.pop()
            origin = self._named(part) if isinstance(part, ast.expr) else None
            if origin is not None:
                yield origin.path
            if isinstance(part, ast.Name):
                yield from self._roots.get(part.id, ())
            elif origin is None or not isinstance(part, ast.Subscript | ast.Attribute | ast.Call):
                stack += ast.iter_child_nodes(part)

    def _check(self, node: ast.AST) -> None:
        match node:
            case ast.Compare() if self._is_check(node):
                self._checked.update(self._mentioned(node))
            case ast.Attribute(attr=attr) if attr in _ADDRESS_CHECKS:
                self._checked.update(self._mentioned(node))
            case ast.Call(func=func, args=args):
                tail = self._text.name_of(func).rpartition(".")[2]
                starts = tail == "startswith" and not any(map(_is_scheme, args))
                if starts or tail in _MATCHERS or _CHECKS.search(tail):
                    self._checked.update(self._mentioned(node))
            case _:
                pass

    def _is_check(self, node: ast.Compare) -> bool:
        """Whether a comparison narrows what a text may be: membership of a set, or equality with a known host."""
        right = node.comparators[0]
        names = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
        match node.ops[0]:
            case ast.In() | ast.NotIn():
                if isinstance(node.left, ast.Constant):
                    origin = self._named(right)
                    is_key = origin is not None and origin.is_mapping and _is_identifier(node.left.value)
                    return not is_key and not _is_scheme(node.left)
                return "scheme" not in names and not (isinstance(node.left, ast.Attribute) and "method" in names)
            case ast.Eq() | ast.NotEq():
                is_literal = isinstance(right, ast.Constant) or isinstance(node.left, ast.Constant)
                return not names.isdisjoint({"hostname", "netloc"}) or not is_literal
            case _:
                return False


def _leading(parts: list[Part]) -> Origin | None:
    """The client's text that an address begins with, or that comes right after its scheme."""
    start = ""
    for part in parts:
        if isinstance(part, str):
            start += part
        elif part is None or not (not start or start.endswith(("://", "@"))):
            return None
        else:
            return part if part.leads and part.is_text else None
    return None


def _is_str(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "str"


def _is_identifier(value: object) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _is_scheme(node: ast.expr) -> bool:
    """Whether a literal is a scheme: whoever compares with one lets every host pass."""
    if isinstance(node, ast.Tuple):
        return all(map(_is_scheme, node.elts))
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and _SCHEMES.fullmatch(node.value) is not None
