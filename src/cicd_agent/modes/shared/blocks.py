"""Blocks that the pages of several modes have."""

from collections.abc import Iterator, Sequence
from typing import Literal

from cicd_agent.analysis.rules.coverage import BINARY
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.text.words import clip, count
from cicd_agent.modes.protocol import Account
from cicd_agent.rendering.page import (
    Alert,
    Block,
    Bullets,
    Details,
    Heading,
    Inline,
    Paragraph,
    Span,
    Table,
    code,
    joined,
    strong,
)

MAX_UNANALYSED = 10
_REMEDY = "Commit it as text, or list it under `paths-ignore` in the configuration of the base branch."


def headline(content: Inline, account: Account, level: Literal[1, 2, 3] = 3) -> Iterator[Block]:
    """The heading of a page and, where source was not analysed, what that is: nobody may overlook it."""
    missed = account.unanalysed
    if not missed:
        yield Heading(content, level)
        return
    first, more = missed[0], f" and {count(len(missed) - 1, 'more file')}" if len(missed) > 1 else ""
    yield Heading((content, " · not analysed: ", _named(first), more), level)
    listed = joined([_named(gap) for gap in missed[:MAX_UNANALYSED]])
    rest = len(missed) - MAX_UNANALYSED
    beyond = f" and {count(rest, 'more file')}" if rest > 0 else ""
    remedy = _REMEDY if all(gap.why == BINARY for gap in missed) else f"Check out with `fetch-depth: 0`. {_REMEDY}"
    yield Alert("WARNING", ("Not analysed: ", listed, beyond, f", so the risk is at least high. {remedy}"))


def _named(gap: Gap) -> Inline:
    return (code(clip(gap.what, 120)), f" ({gap.why})") if gap.what else gap.why


def account_blocks(account: Account) -> Iterator[Block]:
    """What was missing, and what else the reader should know."""
    if account.degraded:
        yield Paragraph((strong("Degraded:"), f" {account.degraded}"))
    yield from (Paragraph(notice) for notice in account.notices)


def model_parts(account: Account) -> list[Inline]:
    """Who was asked and what that cost, for a footnote."""
    if not account.model:
        return ["rules only"]
    return [f"{account.model}, {account.usage.words}", account.price]


def bullets(items: Sequence[Inline], limit: int) -> Bullets:
    """The first items, and how many more there are."""
    more = len(items) - limit
    return Bullets((*items[:limit], f"and {more:,} more") if more > 0 else items)


def first_parts(parts: Sequence[Inline], limit: int, noun: str = "more") -> Inline:
    """The first parts of an enumeration, and how many more there are."""
    more = len(parts) - limit
    return (joined(parts[:limit]), f" and {more:,} {noun}" if more > 0 else "")


def details(sections: Sequence[tuple[str, Sequence[Block]]]) -> Iterator[Block]:
    """Titled sections, folded into one."""
    if sections:
        yield Details(" · ".join(title for title, _ in sections), [block for _, blocks in sections for block in blocks])


def gap_section(gaps: Sequence[Gap], limit: int) -> tuple[str, Sequence[Block]]:
    rows = [(gap.what or "–", gap.why) for gap in gaps[:limit]]
    return f"{len(gaps)} not analysed", (Table(("what", "why"), rows),)


def unproved(number: int) -> str:
    return count(number, "unproven claim")


def place(path: str, line: int, event: Event, start: int = 0, sha: str = "") -> Span:
    """A line of a file, linked to the event's commit or another."""
    label = code(f"{path}:{line}" if line else path)
    return Span(label, url=event.blob(sha or event.sha, path, line, start), path=path, line=line)
