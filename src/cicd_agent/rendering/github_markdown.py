"""A page as GitHub's Markdown, in which no text of anybody is markup."""

from collections.abc import Collection, Iterable
from typing import assert_never

from cicd_agent.domain.text import markdown
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
)

_DOTS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "⚪"}


def github_markdown(page: Page) -> str:
    blocks = _blocks(page.blocks, page.hosts)
    return "\n\n".join(block.strip("\n") for block in blocks) + "\n"


def _blocks(blocks: Iterable[Block], hosts: Collection[str]) -> list[str]:
    return [text for block in blocks if (text := _block(block, hosts))]


def _block(block: Block, hosts: Collection[str]) -> str:  # noqa: C901, PLR0911  a case for each kind
    match block:
        case Heading(content, level):
            return f"{'#' * level} {_inline(content, hosts)}"
        case Paragraph(content):
            return _line(content, hosts)
        case Bullets(items):
            return "\n".join(f"- {_line(item, hosts)}" for item in items)
        case Table(head, rows):
            if not rows:
                return ""
            cells = ([_inline(cell, hosts) for cell in row] for row in rows)
            return markdown.table([_inline(cell, hosts) for cell in head], cells)
        case CodeBlock(text, language):
            return markdown.fence(text, language)
        case Suggestion(text):
            return markdown.suggestion(text)
        case Details(title, inner):
            return markdown.details(title, "\n\n".join(_blocks(inner, hosts)))
        case Alert(kind, content):
            return f"> [!{kind}]\n> {_line(content, hosts)}"
        case Footnote(content):
            return f"<sub>{_inline(content, hosts)}</sub>"
        case CodeFrame():
            return ""
        case _:
            assert_never(block)


def _line(content: Inline, hosts: Collection[str]) -> str:
    """Inline content at the beginning of a line, where a text could open a list or a heading."""
    text = _inline(content, hosts)
    first = content
    while isinstance(first, tuple) and first:
        first = first[0]
    return markdown.escape_opening(text) if isinstance(first, str) else text


def _inline(content: Inline, hosts: Collection[str]) -> str:
    if isinstance(content, str):
        return markdown.inline(content)
    if isinstance(content, tuple):
        return "".join(_inline(part, hosts) for part in content)
    text = _look(content, hosts)
    return markdown.link(text, content.url, hosts) if content.url else text


def _look(span: Span, hosts: Collection[str]) -> str:
    if span.look == "severity":
        return f"{_DOTS.get(str(span.content), '')}\u00a0{_inline(span.content, hosts)}".lstrip()
    if span.look == "code" and isinstance(span.content, str):
        return markdown.code(span.content)
    mark = {"strong": "**", "emphasis": "*", "struck": "~~"}.get(span.look, "")
    return f"{mark}{_inline(span.content, hosts)}{mark}"
