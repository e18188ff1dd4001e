"""Python that weakens what protects secrets: certificates, hashes, comparisons, escaping."""

import ast
import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import Look
from cicd_agent.analysis.rules.python.source import PythonText, is_constant, names_in
from cicd_agent.analysis.rules.rule import NOT_SHIPPED, Example, Hit, Rule
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.paths import PathKind

_CLIENTS = ("requests.", "httpx.", "aiohttp.", "urllib3.")
_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request", "send", "stream"})
_FAST_HASHES = frozenset({"hashlib.md5", "hashlib.sha1", "hashlib.sha256", "hashlib.sha512", "hashlib.new"})

_SECRET = re.compile(
    r"(?i)secret|hmac|(?:api|access|session|reset|csrf|auth|bearer|refresh|webhook)_?(?:key|token)$|password_?hash"
)
_WEAK_SECRET = re.compile(r"(?i)^(?:token|signature|digest|mac)$|_(?:signature|digest|mac|token)$")
_NOT_A_SECRET = re.compile(r"(?i)type|name|len|size|count|index|kind|version|header|field|algorithm|path|url|id$")


def _tls(look: Look) -> Iterator[Hit]:
    for source, called, line in look.calls:
        verify = called.keyword("verify")
        is_client = called.name.startswith(_CLIENTS) or called.tail in _METHODS
        if is_client and isinstance(verify, ast.Constant) and verify.value is False:
            place = verify.lineno if verify.lineno in look.added_numbers else line
            yield Hit(place, suggestion=source.line_with(verify, "True", place), call=called.node)
        elif called.name == "ssl._create_unverified_context":
            yield Hit(line, call=called.node)
    text = look.python
    for node, _ in text.nodes if text else ():
        if isinstance(node, ast.Assign) and node.lineno in look.added_numbers and text is not None:
            target = node.targets[0]
            name = target.attr if isinstance(target, ast.Attribute) else ""
            off = isinstance(node.value, ast.Constant) and node.value.value is False
            if (name in {"verify", "check_hostname"} and off) or (
                name == "verify_mode" and text.name_of(node.value).endswith("CERT_NONE")
            ):
                yield Hit(node.lineno, confidence=0.8, call=called.node)


def _password_hash(look: Look) -> Iterator[Hit]:
    for _, called, line in look.calls:
        if called.name not in _FAST_HASHES:
            continue
        hashed = {name.lower() for argument in called.node.args for name in names_in(argument)}
        if any("password" in name or "passwd" in name or "passphrase" in name for name in hashed):
            yield Hit(line, call=called.node)


def _comparison(look: Look) -> Iterator[Hit]:
    text = look.python
    if text is None:
        return
    crypto = any(text.imported(module) for module in ("hmac", "hashlib", "secrets", "cryptography", "jwt"))
    for node, _ in text.nodes:
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or node.lineno not in look.added_numbers:
            continue
        if not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            continue
        left, right = node.left, node.comparators[0]
        if _is_public(text, left) or _is_public(text, right):
            continue
        names = [_last(text, side) for side in (left, right)]
        strong = any(_SECRET.search(name) and not _NOT_A_SECRET.search(name) for name in names)
        weak = all(_WEAK_SECRET.search(name) or _SECRET.search(name) for name in names)
        if strong or (weak and crypto and PathKind.AUTH in look.kinds):
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


def _autoescape(look: Look) -> Iterator[Hit]:
    for _, called, line in look.calls:
        if called.tail != "Environment" and called.name != "jinja2.Template":
            continue
        autoescape = called.keyword("autoescape")
        if isinstance(autoescape, ast.Constant) and autoescape.value is False:
            yield Hit(line, confidence=0.75, call=called.node)


PYTHON_CRYPTO = (
    Rule(
        id="tls-verification-off",
        since="0.1",
        title="Certificates are not checked",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="`verify=False`, `CERT_NONE`, `check_hostname = False`, unverified contexts",
        why="Anyone between the two ends can read and change everything, and nobody notices.",
        remedy='Give the client the right CA bundle (`verify="ca.pem"`) instead of no check.',
        bad=Example(
            "client.py", 'import requests\n\nPAGE = requests.get("https://a.example", verify=False, timeout=5)\n'
        ),
        good=Example(
            "client.py", 'import requests\n\nPAGE = requests.get("https://a.example", verify="ca.pem", timeout=5)\n'
        ),
        check=_tls,
        confidence=0.95,
    ),
    Rule(
        id="weak-password-hash",
        since="0.1",
        title="A password is hashed with a fast hash",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="`hashlib.md5`, `sha1`, `sha256` … of something called a password",
        why="Fast hashes are tried by the billion a second: a leaked table is a list of passwords.",
        remedy="Use `hashlib.scrypt`, argon2 or bcrypt, with a salt for each password.",
        bad=Example(
            "accounts.py",
            "import hashlib\n\n\ndef stored(password):\n    return hashlib.md5(password.encode()).hexdigest()\n",
        ),
        good=Example(
            "accounts.py",
            "import hashlib\n\n\ndef stored(password, salt):\n    return hashlib.scrypt(password, salt=salt)\n",
        ),
        check=_password_hash,
        confidence=0.9,
    ),
    Rule(
        id="timing-unsafe-compare",
        since="0.1",
        title="A secret is compared with `==`",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at="`==` and `!=` between secrets, tokens, signatures",
        why="The comparison stops at the first difference: its time tells how much of a guess was right.",
        remedy="Compare with `hmac.compare_digest`.",
        bad=Example("session.py", "class Session:\n    def valid(self, token):\n        return token == self.secret\n"),
        good=Example(
            "session.py",
            "import hmac\n\n\nclass Session:\n    def valid(self, token):\n"
            "        return hmac.compare_digest(token, self.secret)\n",
        ),
        check=_comparison,
        confidence=0.75,
    ),
    Rule(
        id="autoescape-off",
        since="0.1",
        title="Templates do not escape",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at="`autoescape=False` of a template environment",
        why="Text of a user that contains markup becomes markup of the page.",
        remedy="Use `autoescape=select_autoescape()`; mark as safe only what is.",
        bad=Example("pages.py", "from jinja2 import Environment\n\nPAGES = Environment(autoescape=False)\n"),
        good=Example("pages.py", "from jinja2 import Environment\n\nPAGES = Environment(autoescape=True)\n"),
        check=_autoescape,
        confidence=0.75,
        quiet_in=NOT_SHIPPED,
    ),
)
