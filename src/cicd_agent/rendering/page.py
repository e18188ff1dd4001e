"""What a run says to people, as blocks: GitHub and a terminal each show the same page in their own way.

A `str` is never markup, whoever wrote it: it is shown as it is, except that what stands between two backticks is code.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cicd_agent.domain.finding import Finding
from cicd_agent.domain.repository.change import Change
from cicd_agent.rendering.style import LEVELS, Tone

Look: TypeAlias = Literal["code", "strong", "emphasis", "struck", "severity", ""]


@dataclass(frozen=True, slots=True)
class Span:
    """Text with a look, a tone (a colour, where there are colours) or a target.

    GitHub links to `url`, a terminal to `line` of the file `path` in the checkout.
    """

    content: "Inline"
    look: Look = ""
    tone: Tone = ""
    url: str = ""
    path: str = ""
    line: int = 0


Inline: TypeAlias = "str | Span | tuple[Inline, ...]"


def code(text: str) -> Span:
    return Span(text, "code")


def strong(*parts: Inline) -> Span:
    return Span(parts, "strong", "bold")


def emphasis(*parts: Inline) -> Span:
    return Span(parts, "emphasis")


def struck(*parts: Inline) -> Span:
    return Span(parts, "struck", "faint")


def severity(level: str) -> Span:
    """The word, in its colour; on GitHub, where text has none, behind a coloured dot."""
    return Span(str(level), "severity", LEVELS.get(level, ""))


def tone(content: Inline, tone: Tone) -> Span:
    return Span(content, tone=tone)


def link(label: Inline, url: str) -> Span:
    return Span(label, url=url)


def plain(content: Inline) -> str:
    """The text alone."""
    if isinstance(content, str):
        return content
    return "".join(map(plain, content)) if isinstance(content, tuple) else plain(content.content)


def joined(parts: Iterable[Inline], separator: str = ", ") -> tuple[Inline, ...]:
    return tuple(each for part in parts for each in (separator, part))[1:]


@dataclass(frozen=True, slots=True)
class Heading:
    """`level` 2 begins a document, 3 a part of it."""

    content: Inline
    level: int = 3


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text that is wrapped where it has to be."""

    content: Inline


@dataclass(frozen=True, slots=True)
class Bullets:
    """Items of which each may be wrapped."""

    items: Sequence[Inline]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of as many cells as the head has; none, and nothing is shown."""

    head: Sequence[Inline]
    rows: Sequence[Sequence[Inline]]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Text line by line, as it is; of a diff the added lines are coloured at a terminal."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Text that a click on GitHub puts in place of the commented lines."""

    text: str


@dataclass(frozen=True, slots=True)
class Details:
    """Folded on GitHub, indented at a terminal."""

    title: str
    blocks: "Sequence[Block]"


@dataclass(frozen=True, slots=True)
class Alert:
    """What must not be overlooked."""

    kind: Literal["CAUTION", "WARNING", "NOTE"]
    content: Inline


@dataclass(frozen=True, slots=True)
class Footnote:
    """Small print under a page on GitHub. A terminal ends each page in its own way."""

    content: Inline


@dataclass(frozen=True, slots=True)
class CodeFrame:
    """A finding under the code that it is about, at a terminal. On GitHub its comment stands at the line itself."""

    finding: Finding
    change: Change | None


Block: TypeAlias = (
    Heading | Paragraph | Bullets | Table | CodeBlock | Suggestion | Details | Alert | Footnote | CodeFrame
)


@dataclass(frozen=True, slots=True)
class Page:
    """The blocks, from top to bottom."""

    blocks: Sequence[Block]
    hosts: Collection[str] = ()
    """The hosts to which links may lead."""
