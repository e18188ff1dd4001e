"""A page as text for a person at a terminal: coloured where there are colours, in lines that fit."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, zip_longest
from typing import NamedTuple, TypeAlias, Unpack, assert_never

from cicd_agent.domain.finding import Finding, Origin
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.text.redaction import mask
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.rendering.cell_width import cells, clip, head, wrap
from cicd_agent.rendering.code_frame import frame
from cicd_agent.rendering.page import (
    Alert,
    Block,
    Bullets,
    CodeBlock,
    CodeFrame,
    Details,
    Footnote,
    Heading,
    Inline,
    Page,
    Paragraph,
    Span,
    Suggestion,
    Table,
    strong,
    tone,
)
from cicd_agent.rendering.style import Cost, Shape, Style, Tone, closing, make_style, output_lines

_GAP = "  "
_NARROWEST = 10
"""Cells that a column of a table has at least, when its table is wider than the terminal."""


class _Piece(NamedTuple):
    """A part of a token, with the look that it has."""

    text: str
    tone: Tone = ""
    path: str = ""
    line: int = 0


_Token: TypeAlias = tuple[_Piece, ...]


def terminal(page: Page, cost: Cost, **shape: Unpack[Shape]) -> str:
    """The page, the step outputs, and the end that every page has."""
    style = make_style(shape)
    ending = [*output_lines(shape.get("outputs", {})), closing(shape["report"], cost)]
    return "\n".join([*_blocks(page.blocks, style), *([""] if page.blocks else []), *ending]) + "\n"


def _blocks(blocks: Iterable[Block], style: Style) -> Iterator[str]:
    shown = [lines for block in blocks if (lines := list(_block(block, style)))]
    for at, lines in enumerate(shown):
        yield from ["", *lines] if at else lines


def _block(block: Block, style: Style) -> Iterator[str]:  # noqa: C901  a case for each kind
    match block:
        case Heading(content):
            yield from _folded(strong(content), style)
        case Paragraph(content):
            yield from _folded(content, style)
        case Bullets(items):
            for item in items:
                yield from _folded(("- ", item), style, hanging="  ")
        case Table(heads, rows):
            yield from _table(heads, rows, style)
        case CodeBlock(text, language):
            yield from _code(text, language, style)
        case Suggestion(text):
            yield from _code(text, "", style)
        case Details(title, blocks):
            yield from _folded(tone(title, "bold"), style)
            inner = Style(style.colour, max(style.width - 2, 38), style.links)
            yield from (f"  {line}".rstrip() for line in _blocks(blocks, inner))
        case Alert(kind, content):
            yield from _folded((tone(f"{kind.lower()}: ", "high"), content), style, hanging="  ")
        case CodeFrame(finding, change):
            yield from _finding(finding, style)
            yield from frame(finding, change, style.width)
            yield from _advice(finding, style)
        case Footnote():
            pass
        case _:
            assert_never(block)


def _finding(finding: Finding, style: Style) -> Iterator[str]:
    where = finding.location
    lines = f"{where.path}:{where.line}" if where.line else where.path
    # A deleted line has no place in the checkout.
    place = Span(lines, path=where.path, line=where.line) if where.side is Side.RIGHT else f"{lines} (before)"
    by = f"{finding.confidence:.2f}" if finding.origin is Origin.MODEL else finding.id
    severity = tone(str(finding.severity), finding.severity.value)
    yield from _folded((place, "  ", severity, f"  {finding.title}  ({by})"), style, hanging="    ")


def _advice(finding: Finding, style: Style) -> Iterator[str]:
    if finding.message and finding.message != finding.title:
        yield from style.wrapped(finding.message, "    ")
    if finding.advice:
        yield from style.wrapped(f"→ {finding.advice}", "    ", "  ")
    if finding.suggestion:
        # All lines at once: the body of a private key is known by its header.
        for line in shown(finding.suggestion).expandtabs(4).split("\n"):
            yield f"    {style.ink(f'+ {line}'.rstrip(), 'good')}"
    if finding.committable:
        yield style.ink("    the file parses with it", "faint")


def _code(text: str, language: str, style: Style) -> Iterator[str]:
    for line in shown(text).rstrip("\n").split("\n"):
        # Spaces stay as they are: carets point at what stands above them.
        body = line.expandtabs(8).rstrip()
        added = language == "diff" and body.startswith("+")
        # A patch has to be copied whole.
        body = body if language == "diff" else clip(body, style.width - 4)
        yield f"    {style.ink(body, 'good') if added else body}".rstrip()


def _table(heads: Sequence[Inline], rows: Sequence[Sequence[Inline]], style: Style) -> Iterator[str]:
    if not rows:
        return
    table = [[_tokens(tone(cell, "faint")) for cell in heads], *([_tokens(cell) for cell in row] for row in rows)]
    natural = [max(any(column), *map(_length, column)) for column in zip(*table, strict=True)]
    widths = _widths(natural, style.width)
    for row in table if any(table[0]) else table[1:]:
        columns = (_lines(cell, width, width) for cell, width in zip(row, widths, strict=True))
        for line in zip_longest(*columns, fillvalue=()):
            drawn = (
                _painted(tokens, style) + " " * (width - _length(tokens))
                for tokens, width in zip(line, widths, strict=True)
                if width
            )
            yield _GAP.join(drawn).rstrip()


def _widths(widths: list[int], room: int) -> list[int]:
    """The widths of columns, of which the widest give way until all fit."""
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - room
    while excess > 0 and max(widths) > _NARROWEST:
        widest, *others = sorted(widths, reverse=True)
        # Down to the next widest at once: a cell may be as long as a report.
        less = max(1, min(excess, widest - max(others[0] if others else 0, _NARROWEST)))
        widths[widths.index(widest)] -= less
        excess -= less
    return widths


def _folded(content: Inline, style: Style, hanging: str = "") -> Iterator[str]:
    for at, line in enumerate(_lines(_tokens(content), style.width, style.width - len(hanging))):
        yield f"{hanging if at else ''}{_painted(line, style)}"


def _lines(tokens: Iterable[_Token], first: int, others: int) -> Iterator[tuple[_Token, ...]]:
    return wrap(tokens, first, others, measure=_width, divide=_broken)


def _broken(token: _Token, room: int) -> tuple[_Token, _Token]:
    """A token in two, the first of at most `room` cells."""
    fitting: list[_Piece] = []
    for at, piece in enumerate(token):
        if cells(piece.text) <= room:
            fitting.append(piece)
            room -= cells(piece.text)
            continue
        text = head(piece.text, room)
        start = (*fitting, piece._replace(text=text)) if text else tuple(fitting)
        return start, (piece._replace(text=piece.text[len(text) :]), *token[at + 1 :])
    return token, ()


def _tokens(content: Inline) -> list[_Token]:
    """Text made harmless, in tokens: no credential, no control character, each token with the looks of its pieces."""
    tokens: list[_Token] = [()]
    for piece in _pieces(content, _Piece("")):
        first, *others = (piece._replace(text=text) for text in re.split(r"[ \t\r\n]+", mask(piece.text)))
        tokens[-1] = (*tokens[-1], _harmless(first))
        tokens += [(_harmless(each),) for each in others]
    shown = (tuple(piece for piece in token if piece.text) for token in tokens)
    return [token for token in shown if token]


def _pieces(content: Inline, look: _Piece) -> Iterator[_Piece]:
    if isinstance(content, str):
        yield look._replace(text=content)
    elif isinstance(content, tuple):
        for part in content:
            yield from _pieces(part, look)
    else:
        look = _Piece("", content.tone or look.tone, content.path or look.path, content.line or look.line)
        yield from _pieces(content.content, look)


def _harmless(piece: _Piece) -> _Piece:
    return piece._replace(text=visible_line(piece.text))


def _length(tokens: Sequence[_Token]) -> int:
    return sum(map(_width, tokens)) + max(len(tokens) - 1, 0)


def _width(token: _Token) -> int:
    return sum(cells(piece.text) for piece in token)


def _painted(tokens: Sequence[_Token], style: Style) -> str:
    """The tokens of a line; neighbours that look the same are drawn as one."""
    pieces: list[_Piece] = []
    for token in tokens:
        if pieces:
            same = pieces[-1][1:] == token[0][1:]
            pieces.append(pieces[-1]._replace(text=" ") if same else _Piece(" "))
        pieces += token
    drawn = ""
    for (look, path, line), group in groupby(pieces, key=lambda piece: piece[1:]):
        text = "".join(piece.text for piece in group)
        text = style.ink(text, look)
        drawn += style.linked(text, path, line) if path else text
    return drawn
