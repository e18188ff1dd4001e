"""Divides a question about more than one request should hold into several about a part each, as the budget allows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.conversation import fixed_tokens
from cicd_agent.agent.messages import Question
from cicd_agent.agent.prompt import estimate
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.text.visible import visible_line

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
_WIDTH = 160
"""Characters of a signature that are shown."""
MAX_OTHERS = 1_000
"""Tokens, by estimate, of what a part is told of the others: their files, and the signatures that change there."""
_SIGNATURE = re.compile(
    r"\s*(?:(?:export|default|pub(?:\([a-z]+\))?|public|protected|internal|abstract|static|final|async|unsafe|override)\s+)*"
    r"(?:(?:def|class|func|fn|fun|function|interface|struct|trait|enum|type|protocol|record)\s+[(\w]"
    r"|(?:public|protected)\s[^=;]{1,200}\()"
)


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
    fixed = fixed_tokens(question) + shared + MAX_OTHERS
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
        note = _others(name, [*pieces[:first], *pieces[last:]])
        evidence = (*common, note, *pieces[first:last])
        size = min(sum(sizes[first:last]), available)
        available -= size
        divided.append(Part(replace(question, name=f"{question.name} {name}", evidence=evidence), size + fixed))
    return tuple(divided)


def _others(name: str, pieces: Sequence[Exhibit]) -> Exhibit:
    """What the other parts hold: the changed signatures of each file, what has none of them as a name alone."""
    signatures: dict[str, list[tuple[str, str]]] = {}
    for piece in pieces:
        rows = zip(piece.gutter, piece.text.split("\n"), strict=True)
        changed = [row for row in rows if row[0].endswith(("+", "-")) and _SIGNATURE.match(row[1][:400])]
        signatures.setdefault(piece.source, []).extend(changed)
    available = MAX_OTHERS - _HEADING
    shown: list[tuple[str, str]] = []
    for number, (path, lines) in enumerate(sorted(signatures.items(), key=lambda item: not item[1])):
        block = [("", visible_line(path)), *((mark, text.rstrip()[:_WIDTH]) for mark, text in lines)]
        available -= sum(estimate(f"{mark}|{text}\n") for mark, text in block)
        if available < 0:
            shown.append(("", f"and {len(signatures) - number} more files"))
            break
        shown += block
    source = f"{name}: the rest of the change is reviewed beside it, not here. Its files, and signatures that change"
    return Exhibit("part", source, "\n".join(text for _, text in shown), 1, 9, tuple(mark for mark, _ in shown))


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
