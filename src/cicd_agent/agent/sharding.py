"""Divides a question about more than one request should hold into several about a part each, as the budget allows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.conversation import fixed_tokens
from cicd_agent.agent.messages import Question
from cicd_agent.agent.prompt import estimate
from cicd_agent.domain.evidence import Exhibit

PART = 32_000
"""Tokens of evidence, by estimate, that one request should hold: of more, a model reads less well."""
MAX_PARTS = 8
_MIN_TOKENS = 8_000
"""Tokens of evidence below which no part is asked about."""
_WORTH = 1.03
_HEADING = 12
"""Tokens of the line above a file: the fence, and marks around the path."""
_FRAME = 100
"""Tokens around the evidence of a part: the fence, and which part it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """A question about a part of the evidence, and the tokens of its first request."""

    question: Question[Any]
    tokens: int


def parts(question: Question[Any], model: str, budget: Budget) -> tuple[Part, ...]:
    """The question in parts that are asked side by side, at least two; () when it is asked as it is.

    They have everything in common but the pieces of the diff (exhibits that are shown whole), of which each has the
    next ones, in their order. The last part is given all that is left: what it has no room for is left out, and named.
    """
    pieces = [each for each in question.evidence if each.whole]
    common = [each for each in question.evidence if not each.whole]
    sizes = [_size(each) for each in pieces]
    shared = min(sum(map(_size, common)), PART // 2) + _FRAME
    if sum(sizes) + shared <= PART:
        return ()
    fixed = fixed_tokens(question) + shared
    total = sum(sizes)
    chosen, available = 1, min(budget.evidence_tokens(model) - fixed, total)
    for count in range(2, min(-(-total // (PART - shared)), MAX_PARTS) + 1):
        # Each further question wants an answer, which is paid for in evidence: where that shows little more, or pieces
        # too small to be worth it, fewer questions are better.
        together = min(budget.divided_tokens(model, count) - count * fixed, count * (PART - shared), total)
        if together == total or (together > available * _WORTH and together >= count * _MIN_TOKENS):
            chosen, available = count, together
    if chosen == 1:
        return ()
    divided = []
    shares = _shares(sizes, chosen, available // chosen + 1)
    for number, (first, last) in enumerate(shares, 1):
        name = f"{number}/{len(shares)}"
        note = Exhibit("part", f"{name}: the rest of the change is reviewed beside it, not here", "", priority=9)
        evidence = (*common, note, *pieces[first:last])
        size = min(sum(sizes[first:last]), available)
        available -= size
        divided.append(Part(replace(question, name=f"{question.name} {name}", evidence=evidence), size + fixed))
    return tuple(divided)


def _shares(sizes: Sequence[int], count: int, target: int) -> list[tuple[int, int]]:
    """From which piece to which each part goes; the last one to the end."""
    shares: list[tuple[int, int]] = []
    first = size = 0
    for index, each in enumerate(sizes):
        if index > first and size + each > target and len(shares) < count - 1:
            shares.append((first, index))
            first, size = index, 0
        size += each
    return [*shares, (first, len(sizes))]


def _size(exhibit: Exhibit) -> int:
    lines = exhibit.text.count("\n") + 1
    return estimate(exhibit.text) + 4 * lines + estimate(exhibit.source) + _HEADING
