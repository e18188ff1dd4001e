"""Markdown tables, and the cells that more than one page has."""

from collections.abc import Iterable

from cicd_agent.settings.explain import plain
from cicd_agent.settings.schema import BY_MODE, ModeName, limit_of, list_limits
from cicd_agent.settings.values import Setting


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def default(setting: Setting, mode: ModeName | None = None) -> str:
    """Its default as one would write it, in one mode or for all of them."""
    value = getattr(setting.schema(), setting.field)
    if setting.field in BY_MODE:
        limits = BY_MODE[setting.field]
        return f"`{limit_of(mode, limits):g}`" if mode else list_limits(limits)
    if setting.is_secret or plain(value) == "":
        return "–"
    return ", ".join(f"`{item}`" for item in value) if isinstance(value, tuple) else f"`{plain(value)}`"
