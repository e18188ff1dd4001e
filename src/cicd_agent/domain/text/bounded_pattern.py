"""Which regular expressions may search foreign lines: those whose steps are bounded by a small power of the length.

Python's engine tries, from each start, every way in which the repeats of a pattern can divide a text among them. A
repeat whose next character tells whether it goes on leaves one way; any other multiplies the ways by the length. So
the steps for a line of n characters are at most a constant times n to the power of `degree`, which is 1 for the starts,
and 1 for each repeat that leaves a choice, and 1 more where other repeats have to be tried again for it. A repeat
inside a repeat may leave no choice at all: it would make the ways exponential.
See https://doi.org/10.1007/978-3-319-40946-7_27 (Weideman et al., "Analyzing matching time behavior of backtracking").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final, TypeAlias

MAX_DEGREE: Final = 3
MAX_LENGTH: Final = 500
LENGTHS: Final = {1: 2_000, 2: 2_000, 3: 200}
"""Characters of a line that a pattern of that degree may search: never more than some 10 million steps."""
_MAX_WIDTH = 100
_FEW = 20
"""Rounds up to which a repeat is a factor and not a power."""
_MAX_FACTOR = 500
_ASCII = 128
_ANY: Final = (1 << (_ASCII + 1)) - 1
_OTHER: Final = 1 << _ASCII
"""Stands for all that is not ASCII."""
_REPEATS = frozenset({op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT})
_NESTED = "a pattern without a repeat inside a repeat that matches the same characters: `(\\w+,)*` for `(\\w+,?)*`"

_Item: TypeAlias = tuple[Any, Any]


def _of(test: str) -> int:
    return sum(1 << number for number in range(_ASCII) if re.fullmatch(test, chr(number)))


_CATEGORIES = {
    op.CATEGORY_DIGIT: _of(r"\d") | _OTHER,
    op.CATEGORY_NOT_DIGIT: _of(r"\D") | _OTHER,
    op.CATEGORY_SPACE: _of(r"\s") | _OTHER,
    op.CATEGORY_NOT_SPACE: _of(r"\S") | _OTHER,
    op.CATEGORY_WORD: _of(r"\w") | _OTHER,
    op.CATEGORY_NOT_WORD: _of(r"\W") | _OTHER,
}


@dataclass(slots=True)
class _Cost:
    """Unbounded repeats that leave a choice, those that leave none, and the product of the small choices."""

    open: int = 0
    closed: int = 0
    factor: int = 1

    @property
    def degree(self) -> int:
        return 1 + self.open + (1 if self.open and self.closed else 0)


def degree(pattern: str) -> int:
    """The power of a line's length that bounds the steps of a search.

    Raises ValueError, which says what a pattern has to be, for what is none or is not bounded by MAX_DEGREE.
    """
    if len(pattern) > MAX_LENGTH:
        raise ValueError(f"a pattern of at most {MAX_LENGTH} characters")
    try:
        parsed = _parser.parse(pattern)
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        at = f" at position {error.pos}" if isinstance(error, re.error) and error.pos is not None else ""
        reason = error.msg if isinstance(error, re.error) else str(error)
        raise ValueError(f"a regular expression of Python ({reason}{at})") from None
    cost = _Cost()
    _weigh(list(parsed), 0, cost, inside=False)
    if cost.degree > MAX_DEGREE or cost.factor > _MAX_FACTOR:
        raise ValueError(
            "a pattern whose search is bounded, with fewer repeats that can match the same text: write `[^,]*` for `.*`"
        )
    return cost.degree


def _weigh(items: Sequence[_Item], follow: int, cost: _Cost, *, inside: bool) -> None:
    """Add what the items cost; `follow` is what may come after them, `inside` whether a repeat holds them."""
    for kind, value in reversed(items):
        if kind in _REPEATS:
            _weigh_repeat(value, follow, cost, inside=inside)
        elif kind is op.BRANCH:
            _weigh_branch([list(branch) for branch in value[1]], follow, cost, inside=inside)
        elif kind is op.SUBPATTERN:
            _weigh(list(value[3]), follow, cost, inside=inside)
        elif kind is op.ATOMIC_GROUP:
            _weigh(list(value), follow, cost, inside=inside)
        elif kind in {op.ASSERT, op.ASSERT_NOT}:
            _weigh_lookaround(value[1], cost, inside=inside)
        elif kind in {op.GROUPREF, op.GROUPREF_EXISTS}:
            raise ValueError("a pattern without references to groups")
        starts, empty = _first((kind, value))
        follow = starts | (follow if empty else 0)


def _weigh_lookaround(content: Any, cost: _Cost, *, inside: bool) -> None:
    """Of what is looked at ahead: all of it is read again wherever the pattern gets that far."""
    ahead = _Cost()
    _weigh(list(content), 0, ahead, inside=inside)
    is_long = content.getwidth()[1] > _MAX_WIDTH
    if is_long and inside:
        raise ValueError(f"a pattern that looks at most {_MAX_WIDTH} characters ahead within a repeat")
    cost.open += ahead.open + is_long
    cost.factor *= ahead.factor


def _weigh_repeat(value: tuple[int, int, Any], follow: int, cost: _Cost, *, inside: bool) -> None:
    least, most, body = value[0], value[1], list(value[2])
    starts, empty = _first_of(body)
    again = most > 1
    if again and empty:
        raise ValueError(_NESTED)
    has_choice = least != most and bool(starts & follow)
    if inside and has_choice:
        raise ValueError(_NESTED)
    if most > _FEW:
        cost.open += has_choice
        cost.closed += not has_choice
    elif has_choice:
        cost.factor *= most - least + 1
    _weigh(body, (starts if again else 0) | follow, cost, inside=inside or again)


def _weigh_branch(branches: Sequence[Sequence[_Item]], follow: int, cost: _Cost, *, inside: bool) -> None:
    seen = 0
    overlaps = False
    for branch in branches:
        starts, empty = _first_of(branch)
        starts |= follow if empty else 0
        overlaps = overlaps or bool(starts & seen)
        seen |= starts
    if overlaps and inside:
        raise ValueError(_NESTED)
    costs = [_Cost() for _ in branches]
    for branch, each in zip(branches, costs, strict=True):
        _weigh(branch, follow, each, inside=inside)
    cost.open += max(each.open for each in costs)
    cost.closed += max(each.closed for each in costs)
    cost.factor *= max(each.factor for each in costs) * (len(branches) if overlaps else 1)


def _first_of(items: Sequence[_Item]) -> tuple[int, bool]:
    """The characters with which a sequence can begin, and whether it can be empty."""
    found = 0
    for item in items:
        starts, empty = _first(item)
        found |= starts
        if not empty:
            return found, False
    return found, True


def _first(item: _Item) -> tuple[int, bool]:  # noqa: PLR0911  one line for each kind reads best
    kind, value = item
    match kind:
        case op.LITERAL:
            return _both_cases(_bit(value)), False
        case op.NOT_LITERAL:
            return _ANY & ~(_bit(value) & ~_OTHER), False
        case op.ANY:
            return _ANY, False
        case op.IN:
            return _set(value), False
        case op.BRANCH:
            firsts = [_first_of(list(branch)) for branch in value[1]]
            return reduce(or_, (starts for starts, _ in firsts), 0), any(empty for _, empty in firsts)
        case op.SUBPATTERN:
            return _first_of(list(value[3]))
        case op.ATOMIC_GROUP:
            return _first_of(list(value))
        case op.AT | op.ASSERT | op.ASSERT_NOT:
            return 0, True
        case _ if kind in _REPEATS:
            starts, empty = _first_of(list(value[2]))
            return starts, empty or value[0] == 0
        case _:
            return _ANY, True


def _set(members: Sequence[_Item]) -> int:
    found = 0
    for kind, value in members:
        if kind is op.LITERAL:
            found |= _bit(value)
        elif kind is op.RANGE:
            found |= reduce(or_, (1 << number for number in range(value[0], min(value[1], _ASCII - 1) + 1)), 0)
            found |= _OTHER if value[1] >= _ASCII else 0
        elif kind is op.CATEGORY:
            found |= _CATEGORIES[value]
    if members and members[0][0] is op.NEGATE:
        return _ANY & ~(found & ~_OTHER)
    return _both_cases(found)


def _bit(number: int) -> int:
    return 1 << number if number < _ASCII else _OTHER


def _both_cases(found: int) -> int:
    """With the other case of each letter: whether a pattern ignores case is not asked, so that it may."""
    upper = sum(1 << number for number in range(ord("A"), ord("Z") + 1))
    return found | ((found & upper) << 32) | ((found >> 32) & upper)
