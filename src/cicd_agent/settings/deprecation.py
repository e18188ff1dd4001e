"""Spellings of earlier versions: they count until the next major one, and a notice says what to write instead."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cicd_agent.settings.config_file import Assignment
from cicd_agent.settings.values import catalogue, printable

_ON = "true"
"""What `enforce` was where `on-hold` had the last word."""


def current(assignments: Sequence[Assignment]) -> list[Assignment]:
    """The assignments under the names of today.

    Of one origin (a file, the inputs, a part of the organisation's text) the deprecated setting counts only where its
    successor does not say more.
    """
    stated = {(each.setting.name, each.precedence): each for each in assignments}
    deprecated = {(each.setting.successor, each.precedence) for each in assignments}
    found: list[Assignment] = []
    for each in assignments:
        name, precedence = each.setting.name, each.precedence
        if successor := each.setting.successor:
            newer = stated.get((successor, precedence))
            if newer is None or newer.spelling.lower() == _ON:
                found.append(replace(each, setting=catalogue()[successor]))
        elif each.spelling.lower() != _ON or (name, precedence) not in deprecated:
            found.append(each)
    return found


def notices(assignments: Sequence[Assignment]) -> Iterator[str]:
    """A line for each deprecated spelling."""
    stated = {(each.setting.name, each.precedence): each for each in current(assignments)}
    for each in assignments:
        name = each.setting.successor or each.setting.name
        if each.setting.successor or each.spelling:
            text = f"{each.setting.name}: {each.spelling.lower() or each.value}"
            now = f"{name}: {stated[name, each.precedence].value}"
            yield f"`{text}` ({printable(each.source)}) is deprecated: write `{now}`, which it counts as"
