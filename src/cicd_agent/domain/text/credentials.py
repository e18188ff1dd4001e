"""What a credential looks like: the published shapes of tokens, and random text given to a secret's name."""

import binascii
import math
import re
import tomllib
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final


class Basis(StrEnum):
    """What makes a text a secret."""

    SHAPE = "shape"
    """Its own, which the service that issues it has published."""
    CONTEXT = "context"
    """What it is assigned to, or written between."""
    SERVICE = "service"
    """The name of a service before something of the right length: enough to mask it, not to accuse anybody."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Characters `start`..`end` of a line look like a credential of this shape ("github-token")."""

    start: int
    end: int
    shape: str
    basis: Basis = Basis.SHAPE


@dataclass(frozen=True, slots=True)
class Shape:
    """A token format. The group of `pattern` is the secret; `hints` are literals that its line cannot lack.

    A hint in small letters counts in any case. `mixed` asks for capitals, small letters and digits, `random` for what
    looks like no word, and `entropy` for more bits per character than that. Unless it is `short`, there are 16
    characters of a token in a row.
    """

    name: str
    hints: tuple[str, ...]
    pattern: str
    basis: Basis
    short: bool
    mixed: bool
    random: bool
    entropy: float


_Hints = tuple[tuple[str, int], ...]
"""Each with the number of a shape among the known ones."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What a text holds that a credential in one of its lines cannot lack: looking for all else is a waste.

    `folded` are hints in any case and `exact` others, `named` is whether the name of a secret occurs, `keyed` whether
    the header or the beginning of a private key does.
    """

    folded: _Hints
    exact: _Hints
    named: bool
    keyed: bool

    def __bool__(self) -> bool:
        return bool(self.folded or self.exact) or self.named or self.keyed


_BOUNDARY = re.compile(r"^\(\?<!\[[^\]]+\]\)")
# The last letter of an escape is no letter of a word: a line end in JSON, a colour in a log.
_AFTER_ESCAPE = r"(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\x[0-9A-Fa-f]{2})|(?<=%[0-9A-Fa-f]{2})|(?<=[0-9;\[]m)"
# Between the name of a service and its key, and behind that, as in gitleaks.
_GIVEN = r"""[ \t\w.-]{0,20}[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[`'"\s=]{0,5}"""
_GIVEN_END = r"""(?=[`'"\s;,&)\]}<\\]|$)"""


# What a shape that is not short has, in small letters.
_RUN = re.compile("[a-z0-9_+/=.:%~-]{16}")


@cache
def known_shapes() -> tuple[Shape, ...]:
    """Ours, which are tried first, and those of gitleaks."""
    folder = files(__package__)
    tables = [tomllib.loads(folder.joinpath(name).read_text("utf-8")) for name in ("credentials.toml", "gitleaks.toml")]
    return tuple(_shape(name, **table) for each in tables for name, table in each.items())


@cache
def known_hints(*, short: bool) -> _Hints:
    return tuple(
        (hint, number) for number, shape in enumerate(known_shapes()) if shape.short is short for hint in shape.hints
    )


@cache
def _index(*, short: bool) -> tuple[re.Pattern[str], Mapping[str, _Hints]]:
    """A pattern for casefolded texts that finds some hints, and which hints each of them leaves possible."""
    pairs: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    beginnings: defaultdict[str, set[str]] = defaultdict(set)
    tree: dict[str, Any] = {}
    for hint, number in known_hints(short=short):
        word = hint.casefold()
        pairs[word].append((hint, number))
        branch = tree
        for end, char in enumerate(word, 1):
            beginnings[word[:end]].add(word)
            branch = branch.setdefault(char, {})
        branch[""] = {}
    # What begins within an occurrence of another word is not found beside it.
    within = {
        word: {each for at in range(len(word)) for each in beginnings.get(word[at:], ())}
        | {word[at:end] for at in range(len(word)) for end in range(at + 1, len(word)) if word[at:end] in pairs}
        for word in pairs
    }
    return re.compile(_one_of(tree)), {
        word: tuple(pair for other in others for pair in pairs[other]) for word, others in within.items()
    }


def _one_of(tree: dict[str, Any]) -> str:
    """A pattern for the shortest words of a tree of letters."""
    if "" in tree:
        return ""
    return f"(?:{'|'.join(re.escape(char) + _one_of(rest) for char, rest in tree.items())})"


def _hints_in(folded: str, *, short: bool) -> set[tuple[str, int]]:
    pattern, hidden = _index(short=short)
    return {pair for hint in {*pattern.findall(folded)} for pair in hidden[hint]}


def _shape(
    id_: str,
    hints: list[str],
    pattern: str,
    *,
    name: str = "",
    short: bool = False,
    mixed: bool = False,
    guessed: bool = False,
    random: bool = False,
    entropy: float = 0.0,
) -> Shape:
    basis = Basis.SERVICE if name else Basis.CONTEXT if guessed else Basis.SHAPE
    if name:
        pattern = f"(?i:{name}){_GIVEN}({pattern}){_GIVEN_END}"
    begun = _BOUNDARY.sub(lambda boundary: f"(?:{boundary[0]}|{_AFTER_ESCAPE})", pattern, count=1)
    return Shape(id_, tuple(hints), begun, basis, short, mixed, random or bool(name), entropy)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


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

_KNOWN_TO_ALL = frozenset({"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="})
"""Keys that vendors publish for everybody: that of Azure's storage emulator, which all its client libraries hold."""
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
    folded = text.casefold()
    hints = _hints_in(folded, short=True)
    if _RUN.search(folded):
        hints |= _hints_in("\n".join(filter(_RUN.search, folded.split("\n"))), short=False)
    return Signs(
        folded=tuple([pair for pair in hints if pair[0].islower() and pair[0] in folded]) if hints else (),
        exact=tuple([pair for pair in hints if not pair[0].islower() and pair[0] in text]) if hints else (),
        named=_NAMED.search(folded) is not None,
        keyed="PRIVATE KEY" in text or _PEM_BODY.search(text) is not None,
    )


def find_secrets(line: str, signs: Signs | None = None) -> tuple[Secret, ...]:
    """Credentials in one line, in order and without overlap; placeholders, hashes and references are left alone.

    `signs` are `signs_in` of the text that the line is from, when that is known.
    """
    signs = signs_in(line) if signs is None else signs
    if not signs:
        return ()
    folded = line.casefold()
    possible = {number for hint, number in signs.folded if hint in folded}
    possible |= {number for hint, number in signs.exact if hint in line}
    named = signs.named and _NAMED.search(folded) is not None
    if not (possible or named or signs.keyed):
        return ()
    shapes = [known_shapes()[number] for number in sorted(possible)]
    candidates = _candidates(line, shapes, named=named, keyed=signs.keyed)
    found: list[Secret] = []
    end = 0
    for secret in sorted(candidates, key=lambda secret: (secret.start, -secret.end)):
        if secret.start >= end:
            found.append(secret)
            end = secret.end
        elif secret.end > end:
            found[-1] = replace(found[-1], end=secret.end)
            end = secret.end
    return tuple(found)


def opens_private_key(line: str) -> bool:
    return _PEM.search(line) is not None


def _candidates(line: str, shapes: Sequence[Shape], *, named: bool, keyed: bool) -> Iterator[Secret]:
    if keyed:
        if "PRIVATE KEY" in line:
            yield from (Secret(match.start(), match.end(), "private-key") for match in _PEM.finditer(line))
        yield from (Secret(match.start(), match.end(), "private-key") for match in _PEM_BODY.finditer(line))
    yield from (secret for shape in shapes if shape.basis is not Basis.SERVICE for secret in _of_shape(line, shape))
    if named:
        yield from _assigned(line)
    yield from (secret for shape in shapes if shape.basis is Basis.SERVICE for secret in _of_shape(line, shape))


def _assigned(line: str) -> Iterator[Secret]:
    for match in _QUOTED.finditer(line):
        if _is_random(match[2], _ENTROPY_QUOTED):
            yield Secret(*match.span(2), "assigned-secret", Basis.CONTEXT)
    if (bare := _BARE.match(line)) and _is_random(bare[1], _ENTROPY_BARE) and not _NAMES.fullmatch(bare[1]):
        yield Secret(*bare.span(1), "assigned-secret", Basis.CONTEXT)


def _of_shape(line: str, shape: Shape) -> Iterator[Secret]:
    covered = 0
    for match in _compiled(shape.pattern).finditer(line):
        start, end = match.span(1)
        if start >= covered and _is_real(match[1], shape):
            # What is glued to a token goes with it: it would look like another one once the token is masked.
            covered = next(_GLUED.finditer(line, end)).end()
            yield Secret(start, covered, shape.name, shape.basis)


def _is_real(value: str, shape: Shape) -> bool:
    if _PLACEHOLDER.search(value) or value in _KNOWN_TO_ALL:
        return False
    if check := _CHECKS.get(shape.name):
        return check(value)
    if len(set(value)) <= _FEW_CHARACTERS or (shape.entropy and _bits_per_character(value) <= shape.entropy):
        return False
    if shape.random and not _is_random(value, _ENTROPY_QUOTED, public=shape.basis is Basis.SERVICE):
        return False
    return not shape.mixed or _is_mixed(value)


def _is_in_url(value: str) -> bool:
    everyday = value.lower() in _EVERYDAY_PASSWORDS or _TRIAL.search(value)
    return len(set(value)) > 1 and not everyday and not _INTERPOLATED.search(value)


def _is_in_netrc(value: str) -> bool:
    return value.strip("\"'").lower() not in {*_EVERYDAY_PASSWORDS, "password"} and not _INTERPOLATED.search(value)


def _is_authorization(value: str) -> bool:
    return len(set(value)) > _FEW_CHARACTERS and any(char.isdigit() for char in value)


def _is_user_and_password(value: str) -> bool:
    """Whether it is the Base64 of `user:password`."""
    try:
        text = b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return text.isprintable() and 0 < text.find(":") < len(text) - 1


def _is_mixed(value: str) -> bool:
    return all(any(test(char) for char in value) for test in (str.isupper, str.islower, str.isdigit))


def _is_random(value: str, entropy: float, *, public: bool = False) -> bool:
    """Whether it is neither a word nor a reference; `public`: it may be written as what is no secret elsewhere."""
    if not (any(char.isdigit() for char in value) and any(char.isalpha() for char in value)):
        return False
    if _PLACEHOLDER.search(value) or _TRIAL.search(value) or _INTERPOLATED.search(value):
        return False
    if (not public and _PUBLIC.fullmatch(value)) or _WORDS.fullmatch(value):
        return False
    return len(set(value)) > _FEW_CHARACTERS and _bits_per_character(value) >= entropy


def _bits_per_character(text: str) -> float:
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "url-password": _is_in_url,
    "registry-auth": _is_user_and_password,
    "netrc-password": _is_in_netrc,
    "authorization": _is_authorization,
}
"""Shapes whose values are told from words by what they are for."""
