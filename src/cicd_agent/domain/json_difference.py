"""Where two JSON values differ, in words for a person: what a replay and a strict double have to explain."""

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest

_SHOWN = 80
_NOTHING = object()


def differences(before: object, after: object, where: str = "") -> Iterator[str]:
    """One line for each place that differs: `verdict.risk.score: 3 → 7`. A text is compared line by line."""
    match before, after:
        case Mapping(), Mapping():
            for name in dict.fromkeys([*before, *after]):
                path = f"{where}.{name}" if where else str(name)
                yield from differences(before.get(name, _NOTHING), after.get(name, _NOTHING), path)
        case str(), str():
            if before != after:
                yield _text(before, after, where)
        case list() | tuple(), list() | tuple():
            for index, (old, new) in enumerate(zip_longest(before, after, fillvalue=_NOTHING)):
                yield from differences(old, new, f"{where}[{index}]")
        case _ if before != after or type(before) is not type(after):
            yield f"{where}: {_shown(before)} → {_shown(after)}"
        case _:
            pass


def _text(before: str, after: str, where: str) -> str:
    pairs = zip_longest(before.split("\n"), after.split("\n"))
    number, (old, new) = next((n, pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    place = f"{where} line {number}" if "\n" in before + after else where
    if old is None or new is None:
        return f"{place}: {_shown(_NOTHING if old is None else old)} → {_shown(_NOTHING if new is None else new)}"
    same = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, same - _SHOWN // 4)
    return f"{place}: {_shown(old[start:])} → {_shown(new[start:])}"


def _shown(value: object) -> str:
    if value is _NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
