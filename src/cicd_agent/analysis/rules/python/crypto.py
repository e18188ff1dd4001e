"""Python that weakens what protects secrets: certificates, hashes, comparisons, escaping."""

import ast
import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.python.source import PythonText, is_constant, names_in
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.repository.paths import PathKind

_CLIENTS = ("requests.", "httpx.", "aiohttp.", "urllib3.")
_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request", "send", "stream"})
_CRYPTO = ("hmac", "hashlib", "secrets", "cryptography", "jwt")
_FAST_HASHES = frozenset({"hashlib.md5", "hashlib.sha1", "hashlib.sha256", "hashlib.sha512", "hashlib.new"})

_SECRET = re.compile(
    r"(?i)secret|hmac|(?:api|access|session|reset|csrf|auth|bearer|refresh|webhook)_?(?:key|token)$|password_?hash"
)
_WEAK_SECRET = re.compile(r"(?i)^(?:token|signature|digest|mac)$|_(?:signature|digest|mac|token)$")
_NOT_A_SECRET = re.compile(r"(?i)type|name|len|size|count|index|kind|version|header|field|algorithm|path|url|id$")


def tls_verification_off(context: FileContext) -> Iterator[Hit]:
    for source, called, line in context.calls:
        verify = called.keyword("verify")
        is_client = called.name.startswith(_CLIENTS) or called.tail in _METHODS
        if is_client and isinstance(verify, ast.Constant) and verify.value is False:
            number = verify.lineno if verify.lineno in context.added_numbers else line
            yield Hit(number, suggestion=source.line_with(verify, "True", number), call=called.node)
        elif called.name == "ssl._create_unverified_context":
            yield Hit(line, call=called.node)
    for text, node, _ in context.nodes:
        if isinstance(node, ast.Assign) and node.lineno in context.added_numbers:
            target = node.targets[0]
            name = target.attr if isinstance(target, ast.Attribute) else ""
            off = isinstance(node.value, ast.Constant) and node.value.value is False
            if (name in {"verify", "check_hostname"} and off) or (
                name == "verify_mode" and text.name_of(node.value).endswith("CERT_NONE")
            ):
                yield Hit(node.lineno, confidence=0.8, call=called.node)


def weak_password_hash(context: FileContext) -> Iterator[Hit]:
    for _, called, line in context.calls:
        if called.name not in _FAST_HASHES:
            continue
        hashed = {name.lower() for argument in called.node.args for name in names_in(argument)}
        if any("password" in name or "passwd" in name or "passphrase" in name for name in hashed):
            yield Hit(line, call=called.node)


def timing_unsafe_compare(context: FileContext) -> Iterator[Hit]:
    for text, node, _ in context.nodes:
        match node:
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
                sides = (left, right)
            case _:
                continue
        if node.lineno not in context.added_numbers or any(_is_public(text, side) for side in sides):
            continue
        names = [_last(text, side) for side in sides]
        strong = any(_SECRET.search(name) and not _NOT_A_SECRET.search(name) for name in names)
        weak = all(_WEAK_SECRET.search(name) or _SECRET.search(name) for name in names)
        if strong or (weak and PathKind.AUTH in context.kinds and any(map(text.imported, _CRYPTO))):
            yield Hit(node.lineno)


def _is_public(text: PythonText, side: ast.expr) -> bool:
    """Whether a side is known to everybody: a literal, a constant, a length, a type."""
    if is_constant(side):
        return True
    if isinstance(side, ast.Call):
        return text.name_of(side.func) in {"len", "type", "str", "int"}
    return _last(text, side).isupper()


def _last(text: PythonText, node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
        if isinstance(node, ast.Attribute) and node.attr in {"hexdigest", "digest", "encode", "decode", "strip"}:
            return "hmac" if "hmac" in text.name_of(node.value) else node.attr
    return text.name_of(node).rpartition(".")[2]


def autoescape_off(context: FileContext) -> Iterator[Hit]:
    for _, called, line in context.calls:
        if called.tail != "Environment" and called.name != "jinja2.Template":
            continue
        autoescape = called.keyword("autoescape")
        if isinstance(autoescape, ast.Constant) and autoescape.value is False:
            yield Hit(line, confidence=0.75, call=called.node)
