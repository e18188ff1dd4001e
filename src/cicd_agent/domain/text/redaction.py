"""Secrets out of everything that leaves the process: exact values however they are written down, and known shapes."""

import base64
import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from cicd_agent.domain.text.credentials import Secret, Signs, find_secrets, opens_private_key, signs_in

__all__ = ["MASK", "Redactor", "Secret", "find_secrets", "mask"]

MASK = "‹secret›"
"""What stands for an exact value; a shape is masked as ‹secret:github-token›. Inert in Markdown and in commands."""

SHORTEST = 6
"""Values below this length cannot be told from ordinary text and are not searched for."""

_PART = 12
"""So many characters of a secret in a row give it away."""

_PROBE = 6
# A run of 11 characters holds a whole probe at some multiple of 6: every run of a secret of _PART is met.

_PASSES = 16

_PROBES = re.compile(f"(?s).{{{_PROBE}}}")

# Any separator may stand between the pieces of a secret: look without blanks, and at letters and digits alone.
# Our own masks are separators too, and so is a hidden character that `visible` has spelt out.
_OURS = r"‹secret(?::[a-z0-9-]+)?›|<U\+[0-9A-F]{4,6}>"


class _Separators:
    """Characters, beside our own marks, that may stand between the pieces of a secret."""

    def __init__(self, characters: str) -> None:
        self._pattern = re.compile(rf"(?:{_OURS}|[{characters}])+")
        self._ascii = dict.fromkeys(code for code in range(128) if self._pattern.fullmatch(chr(code)))

    def removed_from(self, text: str) -> str:
        # Most texts have no others than ASCII's, and are rid of them ten times as fast.
        return text.translate(self._ascii) if text.isascii() and "<U+" not in text else self._pattern.sub("", text)

    def retained(self, text: str) -> Sequence[int]:
        """Where what is left without them stands in the text."""
        kept: list[int] = []
        end = 0
        for match in self._pattern.finditer(text):
            kept.extend(range(end, match.start()))
            end = match.end()
        kept.extend(range(end, len(text)))
        return kept


_SEPARATORS = (_Separators(r"\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff"), _Separators(r"\W_"))

_ESCAPES = re.compile(
    r"((?:%[0-9A-Fa-f]{2})+)|((?:\\u[0-9A-Fa-f]{4})+)|((?:\\x[0-9A-Fa-f]{2})+)"
    r"|(&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});)|\\(.)"
)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}

_KEY_LINE = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_LAST_KEY_LINE = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{2,}={0,2}(?=[\"'\s\\n,+;)]*$)")
_KEY_LINES = 120
_SHORTEST_KEY_LINE = 48


def mask(text: str) -> str:
    """The text with everything that has the shape of a credential masked; masking twice changes nothing.

    It goes line by line and keeps the lines. The body of a PEM private key goes with its header.
    """
    signs = signs_in(text)
    if not signs:
        return text
    lines = text.split("\n")
    return "\n".join(_mask_line(line, signs) for line in (_mask_key_bodies(lines) if signs.keyed else lines))


class Redactor:
    """Masks given values wherever they occur: whole, in parts, reversed, in hex, Base64, escaped, or split up.

    `ignored` counts the values that were too short to search for.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        given = {secret.strip() for secret in secrets} - {""}
        values = sorted(value for value in given if len(value) >= SHORTEST)
        self.ignored = len(given) - len(values)
        short = [form.text for value in values if len(value) < _PART for form in _forms(value)]
        self._short = re.compile("|".join(map(re.escape, short))) if short else None
        forms = [form for value in values if len(value) >= _PART for form in _forms(value)]
        self._indexes = tuple((each, _index(forms, each)) for each in _SEPARATORS if forms)

    def redact(self, text: str) -> str:
        """The text without the secrets, and without anything that has the shape of one. Line breaks are kept."""
        for _ in range(_PASSES):
            # What stood on both sides of a masked value may be another one, now that they are neighbours.
            masked = mask(_replace(text, sorted(self._spans(text))))
            if masked == text:
                return text
            text = masked
        # Somebody who knows the secret has nested it into itself: nothing of this text is worth the risk.
        return MASK + "\n" * text.count("\n")

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for reading in _readings(text) if self._short or self._indexes else ():
            if self._short:
                for match in self._short.finditer(reading.text):
                    yield reading.span(match.start(), match.end() - 1)
            for separators, index in self._indexes:
                yield from _runs(reading, separators, index)


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to write a secret down, and how long a run of it gives it away."""

    text: str
    part: int


_Index = Mapping[str, Sequence[tuple[_Form, int]]]
"""Where each run of _PROBE characters stands in which form."""


class _Reading:
    """A text, as it stands or with percent, JSON, HTML and Markdown escapes undone."""

    def __init__(self, source: str, *, unescape: bool = False) -> None:
        self._source = source
        self._escapes = _ESCAPES if unescape else None
        self.text = _ESCAPES.sub(_unescaped, source) if unescape else source

    def span(self, first: int, last: int) -> tuple[int, int]:
        """The characters of the source that these, the last included, stand for."""
        starts, ends = self._places
        return starts[first], ends[last]

    @cached_property
    def _places(self) -> tuple[Sequence[int], Sequence[int]]:
        starts: list[int] = []
        ends: list[int] = []
        end = 0
        for match in self._escapes.finditer(self._source) if self._escapes else ():
            length = len(_unescaped(match))
            starts += [*range(end, match.start()), *[match.start()] * length]
            ends += [*range(end + 1, match.start() + 1), *[match.end()] * length]
            end = match.end()
        rest = len(self._source)
        return [*starts, *range(end, rest)], [*ends, *range(end + 1, rest + 1)]


def _forms(value: str) -> Iterator[_Form]:
    data = value.encode("utf-8", "surrogatepass")
    yield _Form(value, _PART)
    yield _Form(value[::-1], _PART)
    yield _Form(data.hex(), 2 * _PART)
    yield _Form(data.hex().upper(), 2 * _PART)
    for shift in range(3):
        # Of the shifted encoding only the characters that no neighbouring byte has a share in.
        whole = slice(-(-8 * shift // 6), 8 * (shift + len(data)) // 6)
        padded = bytes(shift) + data + bytes(2)
        yield _Form(base64.b64encode(padded).decode()[whole], _PART)
        yield _Form(base64.urlsafe_b64encode(padded).decode()[whole], _PART)


def _index(forms: Iterable[_Form], separators: _Separators) -> _Index:
    index: dict[str, list[tuple[_Form, int]]] = defaultdict(list)
    for form in {_Form(separators.removed_from(form.text), form.part) for form in forms}:
        for at in range(len(form.text) - _PROBE + 1):
            index[form.text[at : at + _PROBE]].append((form, at))
    return dict(index)


def _runs(reading: _Reading, separators: _Separators, index: _Index) -> Iterator[tuple[int, int]]:
    """Spans of the source that spell a long enough run of some form, separators aside."""
    text = separators.removed_from(reading.text)
    probes = _PROBES.findall(text)
    if index.keys().isdisjoint(probes):
        return
    hits = [number * _PROBE for number, probe in enumerate(probes) if probe in index]
    kept = separators.retained(reading.text)
    done = 0
    for hit in hits:
        if hit + _PROBE <= done:
            continue
        for form, at in index[text[hit : hit + _PROBE]]:
            before = _common(reversed(text[:hit][-at:] if at else ""), reversed(form.text[:at]))
            after = _common(text[hit : hit + len(form.text) - at], form.text[at:])
            if before + after >= form.part:
                done = max(done, hit + after)
                yield reading.span(kept[hit - before], kept[hit + after - 1])


def _common(left: Iterable[str], right: Iterable[str]) -> int:
    length = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        length += 1
    return length


def _readings(text: str) -> Iterator[_Reading]:
    yield _Reading(text)
    if any(first in text for first in "\\%&") and _ESCAPES.search(text):
        yield _Reading(text, unescape=True)


def _unescaped(match: re.Match[str]) -> str:
    percent, utf16, byte, entity, other = match.groups()
    if percent:
        return unquote(percent)
    if utf16:
        return bytes.fromhex(utf16.replace("\\u", "")).decode("utf-16-be", "surrogatepass")
    if byte:
        return bytes.fromhex(byte.replace("\\x", "")).decode("utf-8", "replace")
    if entity:
        return html.unescape(entity)
    return _CONTROLS.get(other, other)


def _replace(text: str, spans: Sequence[tuple[int, int]]) -> str:
    parts: list[str] = []
    end = 0
    for start, stop in spans:
        if start >= end:
            parts += text[end:start], MASK
        if stop > end:
            parts.append("\n" * text.count("\n", max(start, end), stop))
            end = stop
    return "".join([*parts, text[end:]])


def _mask_line(line: str, signs: Signs) -> str:
    for secret in reversed(find_secrets(line, signs)):
        line = f"{line[: secret.start]}‹secret:{secret.shape}›{line[secret.end :]}"
    return line


def _mask_key_bodies(lines: Iterable[str]) -> Iterator[str]:
    """The lines with those masked that follow the header of a private key."""
    left, inside = 0, False
    for line in lines:
        if opens_private_key(line):
            left, inside = _KEY_LINES, False
        elif "-----END" in line:
            left = 0
        elif left and (body := _KEY_LINE.search(line) or (_LAST_KEY_LINE.search(line) if inside else None)):
            # The last line of a key is shorter than the others: the prose behind it is not the key's.
            left, inside = (left - 1 if len(body[0]) >= _SHORTEST_KEY_LINE else 0), True
            yield f"{line[: body.start()]}{MASK}{line[body.end() :]}"
            continue
        yield line
