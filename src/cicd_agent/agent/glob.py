"""Globs as people and models write them, matched in bounded time: a pattern is foreign text."""

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from cicd_agent.agent.tool import TryAgain

LONGEST = 300
MOST_ALTERNATIVES = 64
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


def glob(pattern: str) -> Callable[[str], bool]:
    """Whether a path matches: `*`, `?` and `[…]` within a name, `**` over folders, `{a,b}` for either.

    Without a slash it is the name that counts, in whichever folder; a slash at the end means all that is below.
    Raises TryAgain for a pattern that no path of a repository can match, or that is too much.
    """
    if len(pattern) > LONGEST:
        raise TryAgain(f"the glob is longer than {LONGEST} characters")
    alternatives = [_parts(one) for one in _alternatives(pattern)]
    return lambda path: any(_matches(parts, path) for parts in alternatives)


def _alternatives(pattern: str) -> Sequence[str]:
    patterns = [pattern]
    while any(braces := [_BRACES.search(one) for one in patterns]):
        patterns = [
            one if found is None else f"{one[: found.start()]}{choice}{one[found.end() :]}"
            for one, found in zip(patterns, braces, strict=True)
            for choice in (found[1].split(",") if found else [""])
        ]
        if len(patterns) > MOST_ALTERNATIVES:
            raise TryAgain(f"the glob stands for more than {MOST_ALTERNATIVES} patterns: ask for fewer at once")
    return patterns


def _parts(pattern: str) -> tuple[str, ...]:
    parts = tuple(part for part in pattern.split("/") if part not in {"", "."})
    if ".." in parts:
        raise TryAgain("globs are relative to the top of the repository, without `..`")
    if pattern.endswith("/"):
        parts = (*parts, "**")
    return parts if "/" in pattern else ("**", *parts)


def _matches(parts: Sequence[str], path: str) -> bool:
    """Follow all ways through the pattern at once: their number is that of its parts, whatever the path."""
    reached = _skipped(parts, {0})
    for name in path.split("/"):
        going = {at for at in reached if at < len(parts)}
        stays = {at for at in going if parts[at] == "**"}
        reached = _skipped(parts, stays | {at + 1 for at in going - stays if fnmatchcase(name, parts[at])})
    return len(parts) in reached


def _skipped(parts: Sequence[str], places: Iterable[int]) -> set[int]:
    """Those places, and the ones behind a `**` that stands for no folder at all."""
    reached = set(places)
    for at in sorted(reached):
        behind = at
        while behind < len(parts) and parts[behind] == "**":
            behind += 1
            reached.add(behind)
    return reached
