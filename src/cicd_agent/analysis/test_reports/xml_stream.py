"""Reads XML that anybody may have written, element by element, without entities and within limits."""

import re
import sys
from collections.abc import Mapping
from xml.parsers import expat

from cicd_agent.domain.text.encoding import decoded

LARGEST = 20_000_000
DEEPEST = 50
MAX_ELEMENTS = 2_000_000
REFUSED = "it declares a document type of its own, which is refused: the rest was not read"

_ROOT_LIMIT = 65_536
# What no XML may hold and test tools write all the same: colours, and other control characters, plain or as references.
_COLOUR = re.compile(r"(?:\x1b|&#27;|&#x1b;|#x1b)\[[0-9;?]{0,20}[a-z]", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,8})|([0-9]{1,8}));")


class Halt(Exception):
    """Nothing more is read, for the reason that the message gives."""


class Sink:
    """Receives what is read. Names come without their prefix, text in pieces; any call may raise Halt."""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        raise NotImplementedError

    def text(self, piece: str) -> None:
        """A piece of the text of the innermost element."""

    def end(self, name: str) -> None:
        """An element ends."""


def read_xml(data: bytes, sink: Sink) -> tuple[str, ...]:
    """Give `sink` the elements up to the end or to the first thing that is wrong; a sentence for what was not read.

    A document type that declares anything is refused, which leaves no entities to expand; one that only names a file
    (JaCoCo, Cobertura) is ignored, and nothing is fetched.
    """
    notes = [f"it is larger than {LARGEST // 1_000_000} MB: the rest was not read"] if len(data) > LARGEST else []
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    depth = elements = 0

    def begin(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if elements > MAX_ELEMENTS:
            raise Halt(f"it has more than {MAX_ELEMENTS:,} elements: the rest was not read")
        if depth > DEEPEST:
            raise Halt(f"its elements are nested more than {DEEPEST} deep: the rest was not read")
        sink.begin(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        sink.end(name.rpartition(":")[2])

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = sink.text
    parser.StartDoctypeDeclHandler = _doctype
    try:
        # In one piece: fed in several, expat before 2.6 takes quadratic time for a long attribute.
        parser.Parse(_clean(data[:LARGEST]), True)  # noqa: FBT003  expat takes no keywords
    except Halt as halt:
        notes.append(str(halt))
    except expat.ExpatError as error:
        if not notes:
            notes.append(f"it is cut off or broken at line {error.lineno} ({expat.ErrorString(error.code)})")
    return tuple(notes)


def root_of(data: bytes) -> str:
    """The name of the first element, "" for what is no XML."""
    sink = _Root()
    read_xml(data[:_ROOT_LIMIT], sink)
    return sink.name


class _Root(Sink):
    name = ""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002
        self.name = name
        raise Halt


def _doctype(_name: str, _system: str | None, _public: str | None, declares: int) -> None:
    if declares:
        raise Halt(REFUSED)


def _clean(data: bytes) -> bytes:
    text = _COLOUR.sub("", decoded(data).lstrip())
    return _CONTROL.sub("\ufffd", _REFERENCE.sub(_allowed, text)).encode()


def _allowed(match: re.Match[str]) -> str:
    """The reference, unless XML knows no such character."""
    code = int(match[1], 16) if match[1] else int(match[2])
    return match[0] if code <= sys.maxunicode and not _CONTROL.match(chr(code)) else "\ufffd"
