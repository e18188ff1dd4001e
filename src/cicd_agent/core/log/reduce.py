"""A failed log in so many tokens: the lines that are worth most, with their numbers, and the size of what was left out."""

from collections.abc import Iterable, Iterator, Sequence

from cicd_agent.core.log.extract import Elision, Extract, Kept
from cicd_agent.core.log.lines import Line, read
from cicd_agent.core.log.messages import Registry
from cicd_agent.core.log.step import StepSpan
from cicd_agent.core.log.template import Templates
from cicd_agent.core.log.tokens import tokens as count
from cicd_agent.core.log.tools import tools
from cicd_agent.core.log.worth import Worth, weigh

_LEAST = 0.02


def reduce(
    chunks: Iterable[bytes],
    *,
    tokens: int = 2_000,
    green: Templates | None = None,
    job: str = "",
    steps: Sequence[StepSpan] = (),
    registry: Registry | None = None,
) -> Extract:
    """The extract of a log, in at most so many tokens. `green` are the templates of a log of the same job that passed."""
    registry = registry or Registry(tools())
    lines = list(read(chunks, steps=steps))
    blocks = list(registry.blocks(lines))
    worth = weigh(lines, blocks, green, frozenset(step.name for step in steps if step.failed))
    shown, used = _fill(lines, worth, tokens)
    kept = tuple(
        Kept(lines[i].number, lines[i].text, round(min(worth[i].score, 1.0), 3), job, lines[i].step, worth[i].tool) for i in sorted(shown)
    )
    return Extract(kept=kept, elisions=tuple(_elisions(kept, len(lines))), total=len(lines), tokens=used, job=job)


def _fill(lines: Sequence[Line], worth: Sequence[Worth], budget: int) -> tuple[set[int], int]:
    order = sorted(
        (index for index in range(len(lines)) if worth[index].score >= _LEAST), key=lambda index: (-worth[index].score, index)
    )
    shown: set[int] = set()
    texts: set[str] = set()
    used = 0
    for index in order:
        text = lines[index].text
        if text in texts:
            continue
        cost = count(text)
        if used + cost > budget:
            continue
        shown.add(index)
        texts.add(text)
        used += cost
    return shown, used


def _elisions(kept: Sequence[Kept], total: int) -> Iterator[Elision]:
    before = 0
    for number in [*(line.number for line in kept), total + 1]:
        if number > before + 1:
            yield Elision(before + 1, number - 1)
        before = number
