"""The shape of a tool in the registry: the forms of what it prints when something is wrong."""

from dataclasses import dataclass

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble


@dataclass(frozen=True, slots=True)
class Message:
    """One form of message: a block of lines that is kept whole. All patterns are searched in a clean, clipped line.

    `opens` matches its first line, `hints` are literals of which that line holds at least one (upper and lower case
    count): lines without any hint never meet a pattern. The block goes on while lines match `goes_on`, or without
    that until one matches `closes` (part of it) or `stops` (not part of it), and never over `most` lines, `lead` lines
    before the first included.
    The line that says it is the first that matches `says` (else the first of the block).
    `weight` (0–1) is how near this is to the cause: 1.0 for the tool's own words, about 0.5 for a summary that repeats
    them, 0.1 for a wrapper that says only that another tool failed. Of `says` (or `opens`) the groups `test`, `path`,
    `line` and `code` are read, where they are named: the failing test, a file and line, the tool's rule or error code.
    """

    opens: str
    kind: Kind
    hints: tuple[str, ...]
    weight: float = 1.0
    goes_on: str = ""
    closes: str = ""
    stops: str = ""
    says: str = ""
    most: int = 1
    lead: int = 0
    trouble: Trouble | None = None
    example: str = ""
    """A block as the tool prints it, from its first line to its last: documentation, and a test."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `wraps`: it only runs others (npm, make, the runner), so that what they say outranks it."""

    name: str
    messages: tuple[Message, ...]
    wraps: bool = False
    noise: tuple[str, ...] = ()
    """Patterns of lines that look like trouble and are none (`0 errors`, a file called error.c)."""
