"""Rules for how the files of a change hang together: import cycles, and blocks that are repeated."""

from collections.abc import Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.analysis.rules.structure.blocks import listed
from cicd_agent.domain.finding import Severity

_SHOWN = 6


def import_cycle(context: FileContext) -> Iterator[Hit]:
    for circle in context.change.circles.get(context.path, ()):
        paths = circle.paths if len(circle.paths) <= _SHOWN else (*circle.paths[: _SHOWN - 1], "…", circle.paths[-1])
        names = " → ".join(path if path == "…" else f"`{path}`" for path in paths)
        severity = Severity.MEDIUM if circle.is_plain else None
        yield Hit(circle.line, f"This import closes a cycle: {names}.", severity=severity)


def block_repeated(context: FileContext) -> Iterator[Hit]:
    for repeat in context.change.repeats.get(context.path, ()):
        message = (
            f"These {repeat.length} lines stand in {len(repeat.others) + 1} places, also at {listed(repeat.others)}."
        )
        yield Hit(repeat.line, message)
