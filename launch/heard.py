"""Lets a container's log through to the runner's, where a line can be a command: only those of ours stay commands."""

import re
from collections.abc import Iterator

LONGEST_LINE = 65_536
MOST_BYTES = 10_485_760
"""Bytes of the whole log; the runner keeps it for months."""
SHORTEST_MASK = 8
"""Characters: a shorter mask could hide words like `proceed` from the jobs that wait for them."""
PROPERTIES = r"(?:file|line|endLine|col|endColumn|title)=[^,]*"
OURS = re.compile(
    rf"::(?:(?:error|warning|notice)(?: {PROPERTIES}(?:,{PROPERTIES})*)?|debug|group|endgroup|add-mask)::"
)


class Hearing:
    """The bytes of a log come in, in pieces of any size; what may be printed comes out, line by line."""

    def __init__(self) -> None:
        self._rest = b""
        self._room = MOST_BYTES
        self._is_cut = False
        """Whether the line that is going on was too long, and its end is dropped."""

    def feed(self, piece: bytes) -> Iterator[str]:
        """The lines that this piece ends."""
        # The runner ends a line at a lone carriage return, too.
        *ended, self._rest = (self._rest + piece).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in ended:
            yield from self._line(line)
        if len(self._rest) > LONGEST_LINE:
            yield from self._line(self._rest)
            self._rest, self._is_cut = b"", True

    def end(self) -> Iterator[str]:
        """The last line, where nothing ended it."""
        if self._rest:
            yield from self._line(self._rest)
        self._rest = b""

    def _line(self, line: bytes) -> Iterator[str]:
        if self._is_cut:
            self._is_cut = False
            return
        if self._room <= 0:
            return
        self._room -= len(line) + 1
        yield harmless(line[:LONGEST_LINE].decode("utf-8", "replace"))
        if self._room <= 0:
            yield f"cicd-agent: the log goes on, and was cut after {MOST_BYTES:,} bytes"


def harmless(line: str) -> str:
    """One line in which nothing is a command but an annotation, a group, a mask or a word for debugging."""
    # What is not seen goes first: it could stand between two characters that are a command without it.
    seen = "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in line)
    seen = seen.replace("##[", "## [")
    command = OURS.match(seen)
    if command and (command[0] != "::add-mask::" or len(seen) - len(command[0]) >= SHORTEST_MASK):
        return seen
    return re.sub(":(?=:)", ": ", seen)
