"""What of a line is the same in every run: with times, numbers, hashes and places masked, runs can be compared."""

import hashlib
import re
import zlib
from collections.abc import Iterable

_DIGITS = re.compile(r"[0-9]+")

# The longer forms come first. Every repetition is bounded or of one class of characters.
_TIMES = (
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?",
    r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?\b",
    r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? [A-Z][a-z]{2} +\d{1,2}\b",
    r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{1,2},? \d{4}\b",
)
_UNITS = r"ms|msec|µs|us|ns|s|secs?|seconds?|m|min|minutes?|h|hours?|[kKMG]i?B|bytes|B|%"
_FORMS = {
    "time": "|".join(_TIMES),
    "uuid": r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b",
    "ip": r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
    "hash": r"\b0[xX][0-9a-fA-F]{1,64}\b|\b(?=[0-9a-f]{0,40}[0-9])(?=[0-9a-f]{0,40}[a-f])[0-9a-f]{7,128}\b",
    "temp": (
        r"(?:/private)?/(?:tmp|var/folders|var/tmp)/[^\s:'\")\]]{1,300}"
        r"|\b[A-Za-z]:\\[^\s'\"]{0,200}\\Temp\\[^\s'\"]{1,200}"
    ),
    "number": rf"\b\d{{1,9}}(?:\.\d{{1,9}})? ?(?:{_UNITS})(?!\w)|[0-9]+(?:[.,][0-9]+)*",
}
_MASKS = re.compile("|".join(f"(?P<{name}>{form})" for name, form in _FORMS.items()))
_PATH = re.compile(r"(?<![\w@.+\\/-])(?:[A-Za-z]:[\\/]|\.{0,2}/|~/|(?:[\w@.+-]{1,100}[\\/]))[\w@.+\\/-]{1,300}")


def template(text: str) -> str:
    return " ".join(_MASKS.sub(_mask, text).split())


def coarse_template(text: str) -> str:
    """As `template`, with paths masked as well."""
    return " ".join(_MASKS.sub(_mask, _PATH.sub("‹path›", text)).split())


def line_key(text: str) -> str:
    """A cheaper template, in which only numbers are masked: what repeats within one log."""
    return mask_numbers(text).strip()


def mask_numbers(text: str) -> str:
    return _DIGITS.sub("0", text)


def _mask(match: re.Match[str]) -> str:
    return f"‹{match.lastgroup}›"


class Templates:
    """The templates of a log, as hashes: some 60 bytes for each different one."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._known: set[int] = set()
        seen: set[int] = set()
        for text in texts:
            key = _hash(line_key(text))
            if key not in seen:
                seen.add(key)
                self._known.add(_hash(template(text)))

    def __contains__(self, text: str) -> bool:
        return _hash(template(text)) in self._known


def _hash(text: str) -> int:
    # Not `hash`, which is another in every process. Two checksums together are wide enough for a log.
    raw = text.encode("utf-8", "surrogatepass")
    return zlib.crc32(raw) << 32 | zlib.adler32(raw)


_DIGEST_LENGTH = 16
_MASK = re.compile("‹[^›]{1,10}›")
_WORD = re.compile(r"[^\W\d_]{3,}")
_MIN_WORDS = 2


def strict_fingerprint(tool: str, text: str) -> str:
    """Of exactly this message; 16 hexadecimal digits, "" when too little of the line is left to know it by."""
    return _fingerprint(tool, template(text))


def coarse_fingerprint(tool: str, text: str) -> str:
    """Of this message about any file, "" when too little is left."""
    return _fingerprint(tool, coarse_template(text))


def _fingerprint(tool: str, masked: str) -> str:
    if len(set(_WORD.findall(_MASK.sub(" ", masked)))) < _MIN_WORDS:
        return ""
    return hashlib.sha256(f"{tool}\n{masked}".encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
