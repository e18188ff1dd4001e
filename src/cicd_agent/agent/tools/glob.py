"""Globs as people and models write them, matched in bounded time: a pattern is foreign text."""

import re
from collections.abc import Callable, Sequence
from fnmatch import translate

from cicd_agent.agent.tools.tool import TryAgain

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
    alternatives = [_matcher(_parts(one)) for one in _alternatives(pattern)]
    return lambda path: any(matches(path) for matches in alternatives)


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


def _matcher(parts: Sequence[str]) -> Callable[[str], bool]:
    """`**` cuts a pattern into runs of names: the first stands at the start of a path, the last at its end.

    Each one between them is taken where it first fits, which leaves the most room for the rest: nothing is tried twice.
    """
    runs: list[list[Callable[[str], object]]] = [[]]
    for part in parts:
        if part == "**":
            runs.append([])
        else:
            runs[-1].append(re.compile(translate(part)).match)
    first, *between, last = runs if len(runs) > 1 else (*runs, [])

    def matches(path: str) -> bool:
        names = path.split("/")
        start, end = len(first), len(names) - len(last)
        if start > end or (len(runs) == 1 and start != end):
            return False
        if not _fits(last, names, end) or not _fits(first, names, 0):
            return False
        for run in between:
            while start + len(run) <= end and not _fits(run, names, start):
                start += 1
            start += len(run)
        return start <= end

    return matches


def _fits(run: Sequence[Callable[[str], object]], names: Sequence[str], at: int) -> bool:
    return all(matches(names[at + step]) for step, matches in enumerate(run))
