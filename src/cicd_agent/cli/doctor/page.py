"""A check-up as a screen of text: a line for each check, and below it what to do."""

from collections.abc import Iterator

from cicd_agent.cli.doctor.checkup import Checkup, Health
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.rendering.cell_width import fold
from cicd_agent.rendering.style import Style

_INK = {Health.OK: "added", Health.WARN: "medium", Health.FAIL: "high", Health.SKIP: "faint"}
_NAME = 16
_INDENT = " " * (2 + 5 + 1 + _NAME + 1)


def render_checkup(found: Checkup, *, colour: bool = False, width: int = 100) -> str:
    """The whole screen; without `colour` for a file or a log."""
    return "\n".join([*_lines(found, Style(colour, max(width, 60))), found.summary]) + "\n"


def _lines(found: Checkup, style: Style) -> Iterator[str]:
    for title, checks in found.groups:
        if not checks:
            continue
        yield style.ink(title, "bold")
        for check in checks:
            first, *rest = list(fold(visible_line(check.words), style.width, _INDENT)) or [_INDENT]
            mark = style.ink(f"{check.health:<5}", _INK[check.health])
            yield f"  {mark} {visible_line(check.name):<{_NAME}} {first.removeprefix(_INDENT)}".rstrip()
            yield from rest
            if check.remedy:
                yield from fold(f"→ {visible_line(check.remedy)}", style.width, _INDENT, "  ")
        yield ""
