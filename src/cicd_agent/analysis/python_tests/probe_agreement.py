"""Believes of what an expression gave only that in which two processes agree."""

from collections.abc import Sequence
from dataclasses import replace

from cicd_agent.domain.ports.test_runner import Seen


def agreed(first: Sequence[Seen], second: Sequence[Seen]) -> tuple[Seen, ...]:
    """What both have seen alike, in the order of the first; where they differ it says so as the `problem`."""
    again = {seen.key: seen for seen in second}
    return tuple(_agreed(seen, again.get(seen.key)) for seen in first)


def _agreed(one: Seen, other: Seen | None) -> Seen:
    if other is None:
        return replace(one, value="", exception="", problem="it was seen only once")
    if one == other or (one.problem and other.problem):
        return one
    kept = one.type if one.type == other.type else ""
    if one.problem or other.problem:
        return Seen(one.key, type=kept, problem=one.problem or other.problem)
    if one.exception or other.exception:
        return Seen(one.key, type=kept, problem="it raises in one process and not, or otherwise, in another")
    return Seen(one.key, type=kept, problem="its value differs from one process to the next")
