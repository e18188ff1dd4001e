"""What of a log is held for a closer look: all of a usual one, of a huge one what may matter and what is around it."""

import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.logs.reader import Line
from cicd_agent.analysis.logs.template import key

ROOM = 40_000
"""Lines that are held at most."""
_CHARACTERS = 24_000_000
_FIRST, _LAST = 100, 2_000
WARM = 0.3
"""From this warmth on a line may matter."""


@dataclass(frozen=True, slots=True)
class _Mesh:
    """How much is held on: of each kind of line so many, with so many lines before and after it."""

    each: int
    before: int
    after: int


_MESHES = (_Mesh(20, 10, 25), _Mesh(5, 5, 12), _Mesh(1, 2, 5))


@dataclass(frozen=True, slots=True)
class Held:
    """The lines held, of `total`; between them some may be missing.

    `prints` has the fingerprint of each line of the log, `cut` counts the lines that were too long.
    """

    lines: list[Line]
    total: int
    prints: "array[int]"
    cut: int


def hold(lines: Iterable[Line], warmth: Callable[[str], float]) -> Held:
    """Read the lines once, and hold those that may matter. `warmth` says of a text whether it may, 0–1."""
    held: list[Line] = []
    prints = array("I")
    size = cut = 0
    known: dict[str, float] = {}
    for line in lines:
        prints.append(fingerprint(line.text))
        held.append(line)
        size += len(line.text)
        cut += line.cut
        if len(held) > ROOM or size > _CHARACTERS:
            held = _thinned(held, warmth, known)
            if len(known) > 2 * ROOM:
                known.clear()
            size = sum(len(each.text) for each in held)
    return Held(held, len(prints), prints, cut)


def fingerprint(text: str) -> int:
    """What a line has in common with its repeats; 0 for a blank one, which repeats nothing."""
    short = key(text)
    return zlib.crc32(short.encode("utf-8", "surrogatepass")) or 1 if short else 0


def _thinned(lines: list[Line], warmth: Callable[[str], float], known: dict[str, float]) -> list[Line]:
    """At most half of the room: thinning costs what was read since it was done last, so that all of it is linear."""
    kept = lines
    for mesh in _MESHES:
        kept = _caught(lines, mesh, warmth, known)
        if len(kept) <= ROOM // 2 and sum(len(line.text) for line in kept) <= _CHARACTERS // 2:
            return kept
    return _ends(kept, _CHARACTERS // 2)


def _caught(lines: Sequence[Line], mesh: _Mesh, warmth: Callable[[str], float], known: dict[str, float]) -> list[Line]:
    counts: Counter[str] = Counter()
    wanted = bytearray(len(lines))
    last = len(lines) - _LAST
    for index, line in enumerate(lines):
        short = key(line.text)
        warm = known.get(short)
        if warm is None:
            warm = known[short] = warmth(line.text)
        if warm < WARM:
            continue
        counts[short] += 1
        if counts[short] <= mesh.each or index >= last:
            start, end = max(0, index - mesh.before), min(len(lines), index + mesh.after + 1)
            wanted[start:end] = b"\x01" * (end - start)
    return [line for index, line in enumerate(lines) if wanted[index] or index < _FIRST or index >= last]


def _ends(lines: Sequence[Line], characters: int) -> list[Line]:
    """The beginning and the end of what is still too much."""
    quarter = min(ROOM // 4, len(lines) // 2)
    first = _within(lines[:quarter], characters // 2)
    last = _within(lines[: -quarter - 1 : -1], characters // 2)
    return [*first, *reversed(last)]


def _within(lines: Sequence[Line], characters: int) -> list[Line]:
    size = 0
    for index, line in enumerate(lines):
        size += len(line.text)
        if size > characters:
            return list(lines[:index])
    return list(lines)
