"""What a credential looks like: the published shapes of tokens, and random text given to a secret's name."""

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Secret:
    """Characters `start`..`end` of a line look like a credential of this shape ("github-token")."""

    start: int
    end: int
    shape: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A published token format. The group of `pattern` is the secret; `hints` are literals it cannot lack."""

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Signs:
    """What a text holds that a credential in one of its lines cannot lack: looking for all else is a waste.

    `named` is whether the name of a secret occurs, `keyed` whether the header or the beginning of a private key does.
    """

    shapes: tuple[Shape, ...]
    named: bool
    keyed: bool

    def __bool__(self) -> bool:
        return bool(self.shapes) or self.named or self.keyed


_BOUNDARY = re.compile(r"^\(\?<!\[[^\]]+\]\)")
# The last letter of an escape is no letter of a word: a line end in JSON, a colour in a log.
_AFTER_ESCAPE = r"(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\x[0-9A-Fa-f]{2})|(?<=%[0-9A-Fa-f]{2})|(?<=[0-9;\[]m)"


def _shape(name: str, hints: list[str], pattern: str, *, mixed: bool = False) -> Shape:
    begun = _BOUNDARY.sub(lambda boundary: f"(?:{boundary[0]}|{_AFTER_ESCAPE})", pattern, count=1)
    return Shape(name, tuple(hints), re.compile(begun), mixed)


_TABLE: dict[str, dict[str, Any]] = tomllib.loads(files(__package__).joinpath("credentials.toml").read_text("utf-8"))
_SHAPES = tuple(_shape(name, **table) for name, table in _TABLE.items())
_HINTS = re.compile("|".join(re.escape(hint) for shape in _SHAPES for hint in shape.hints))

_PEM_HEADER = r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
# A header between quotes is code that looks for one; a key has a line end or its body behind it. An extract of a log
# adds how often the line was said.
_PEM = re.compile(
    rf"{_PEM_HEADER}(?=\s*(?:\(×[0-9,]+\))?\s*$|(?:\\[rn]|\s){{1,8}}(?:[A-Za-z0-9+/]{{16}}|[\"'+,\\ ]{{0,8}}$))[^\"']*"
)
# The first characters of a key's body: the DER head of RSA, EC and Ed25519 keys, and OpenSSH's own magic.
_PEM_BODY = re.compile(
    r"(?<![A-Za-z0-9/])(?:MII[A-Za-z0-9+/]{2}[A-Za-z0-9+/]IBAAKC|MII[A-Za-z0-9+/]{3}IBADANBgkqhkiG9w0BAQEFAASC|"
    r"MHcCAQEEI|MIGHAgEAMBMGByqGSM49|MC4CAQAwBQYDK2V|b3BlbnNzaC1rZXktdjEA)[A-Za-z0-9+/]{16,}={0,2}"
)

_GLUED = re.compile(r"[A-Za-z0-9_]*")

_NAME = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|(?:api|access|private|auth|encryption|signing)[_-]?key)"
)
# Of a text that is casefolded: without one of these, none of the names occurs in it, whatever its capitals.
_NAMED = re.compile(r"passw|passphrase|pwd|secret|token|cred|key")
# name = "value", name: str = 'value', "name": "value", name => 'value'
_QUOTED = re.compile(
    rf"(?i:{_NAME})[\w.-]{{0,40}}[\"']?\]?(?::\s?[\w\[\]|., ]{{1,30}}\s)?\s{{0,8}}(?:={{1,3}}|:=?|=>)\s{{0,8}}"
    r"[bru]{0,2}([\"'`])([^\"'`\s]{8,256})\1"
)
# NAME=value alone on its line, as in .env files, and name: value in YAML.
_BARE = re.compile(
    rf"^[\s+-]{{0,40}}(?:export\s|ENV\s|ARG\s)?\s?[\"']?[\w.-]{{0,60}}?(?i:{_NAME})[\w.-]{{0,40}}[\"']?"
    r"(?:\s?=\s?|:\s{1,8})([A-Za-z0-9+/_!@#$%^&*~-]{12,256}={0,2})\s*$"
)

_PLACEHOLDER = re.compile(
    r"example|x{4}|placeholder|change_?-?me|replace|your[_-]|redacted|dummy|fake|insert[_-]|todo|"
    r"\.\.\.|\*{3}|12345678|abcdefgh|‹|\\u2039",
    re.IGNORECASE,
)
_TRIAL = re.compile(r"test|mock|sample|demo|foobar|secret|password|token|s3cr3t|default|local|string", re.IGNORECASE)
_INTERPOLATED = re.compile(r"[$#%]?[{(]|\{\{|^[<\[$%]|%s|\[[a-z]-z|\\[wdsb]|process\.env|environ|getenv", re.IGNORECASE)
_PUBLIC = re.compile(
    r"[0-9a-fA-F]{40}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|"
    r"sha(?:1|256|384|512)[-:=].*|.*://.*|data:.*|[./~].*|[0-9.,:-]+"
)
_WORDS = re.compile(r"[A-Za-z]+[0-9]{0,2}(?:[_\-. :/][A-Za-z]*[0-9]{0,2})*")
# Without quotes it may be a name: parts of one case, joined by underscores.
_NAMES = re.compile(r"[A-Za-z]+[0-9]*(?:_(?:[a-z0-9]+|[A-Z0-9]+|[A-Z][a-z0-9]+))+")
_EVERYDAY_PASSWORDS = frozenset({"pass", "postgres", "root", "user", "admin", "guest", "mysql", "redis", "rabbitmq"})

_FEW_CHARACTERS = 5
_ENTROPY_QUOTED = 2.75
_ENTROPY_BARE = 3.5


def signs_in(text: str) -> Signs:
    """What a text, be it one line or a file, holds of the signs of credentials."""
    hinted = _HINTS.search(text) is not None
    return Signs(
        shapes=tuple(shape for shape in _SHAPES if any(hint in text for hint in shape.hints)) if hinted else (),
        named=_NAMED.search(text.casefold()) is not None,
        keyed="PRIVATE KEY" in text or _PEM_BODY.search(text) is not None,
    )


def find_secrets(line: str, signs: Signs | None = None) -> tuple[Secret, ...]:
    """Credentials in one line, in order and without overlap; placeholders, hashes and references are left alone.

    `signs` are `signs_in` of the text that the line is from, when that is known.
    """
    signs = signs_in(line) if signs is None else signs
    if not signs:
        return ()
    found: list[Secret] = []
    end = 0
    for secret in sorted(_candidates(line, signs), key=lambda secret: (secret.start, -secret.end)):
        if secret.start >= end:
            found.append(secret)
            end = secret.end
        elif secret.end > end:
            found[-1] = Secret(found[-1].start, secret.end, found[-1].shape)
            end = secret.end
    return tuple(found)


def opens_private_key(line: str) -> bool:
    return _PEM.search(line) is not None


def _candidates(line: str, signs: Signs) -> Iterator[Secret]:
    if signs.keyed:
        if "PRIVATE KEY" in line:
            yield from (Secret(match.start(), match.end(), "private-key") for match in _PEM.finditer(line))
        yield from (Secret(match.start(), match.end(), "private-key") for match in _PEM_BODY.finditer(line))
    for shape in signs.shapes:
        yield from _of_shape(line, shape)
    if not signs.named or _NAMED.search(line.casefold()) is None:
        return
    for match in _QUOTED.finditer(line):
        if _is_random(match[2], _ENTROPY_QUOTED):
            yield Secret(*match.span(2), "assigned-secret")
    if (bare := _BARE.match(line)) and _is_random(bare[1], _ENTROPY_BARE) and not _NAMES.fullmatch(bare[1]):
        yield Secret(*bare.span(1), "assigned-secret")


def _of_shape(line: str, shape: Shape) -> Iterator[Secret]:
    covered = 0
    for match in shape.pattern.finditer(line):
        start, end = match.span(1)
        if start >= covered and _is_real(match[1], shape):
            # What is glued to a token goes with it: it would look like another one once the token is masked.
            covered = next(_GLUED.finditer(line, end)).end()
            yield Secret(start, covered, shape.name)


def _is_real(value: str, shape: Shape) -> bool:
    if _PLACEHOLDER.search(value):
        return False
    if shape.name == "url-password":
        everyday = value.lower() in _EVERYDAY_PASSWORDS or _TRIAL.search(value)
        return len(set(value)) > 1 and not everyday and not _INTERPOLATED.search(value)
    if len(set(value)) <= _FEW_CHARACTERS:
        return False
    if shape.name == "authorization":
        return any(char.isdigit() for char in value)
    return not shape.mixed or _is_mixed(value)


def _is_mixed(value: str) -> bool:
    return all(any(test(char) for char in value) for test in (str.isupper, str.islower, str.isdigit))


def _is_random(value: str, entropy: float) -> bool:
    if not (any(char.isdigit() for char in value) and any(char.isalpha() for char in value)):
        return False
    if _PLACEHOLDER.search(value) or _TRIAL.search(value) or _INTERPOLATED.search(value):
        return False
    if _PUBLIC.fullmatch(value) or _WORDS.fullmatch(value):
        return False
    return len(set(value)) > _FEW_CHARACTERS and _bits_per_character(value) >= entropy


def _bits_per_character(text: str) -> float:
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
