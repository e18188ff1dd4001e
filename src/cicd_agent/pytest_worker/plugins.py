"""Which installed plugins of pytest a project may use: those that any text of its tree mentions.

The others are not loaded, which takes longer than most tests. Whoever uses one that is named nowhere sees to it that
all of them are: a run of the whole suite always loads all.
"""

from __future__ import annotations

import os
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from .inventory import CACHES

if TYPE_CHECKING:
    from collections.abc import Iterable

_SKIPPED = CACHES | {".git", "node_modules"}
_LONGEST, _MOST = 4 << 20, 32 << 20
"""Bytes of a file, and of all of them, that are searched; where all are more, everything counts as mentioned."""

_points: dict[str, bool] = {}
"""Entry point → whether it is mentioned, as a server has found: in a process that began by itself nothing is known."""


def unused_plugins() -> list[str]:
    return [name for name, is_used in _points.items() if not is_used]


def is_any_used() -> bool:
    return any(_points.values())


def look(top: str, also: Iterable[str] = ()) -> set[str]:
    """Find out which are unused, for this process and its forks; of the words `also` those that are mentioned."""
    words: dict[str, set[str]] = {word: {word} for word in also}
    for distribution in distributions():
        for point in distribution.entry_points:
            if point.group == "pytest11":
                name = distribution.metadata["Name"]
                module = point.value.partition(":")[0].partition(".")[0]
                spelled = {point.name, module, module.strip("_"), name, name.replace("-", "_"), name.replace("_", "-")}
                words.setdefault(point.name, set()).update(word.lower() for word in spelled)
    mentioned = _mentioned(top, words)
    _points.update((name, name in mentioned) for name in sorted(words.keys() - set(also)))
    return mentioned


def _mentioned(top: str, words: dict[str, set[str]]) -> set[str]:
    """The keys of which one of the words stands in a file of the tree."""
    open_words = {key: [word.encode() for word in spelled] for key, spelled in words.items()}
    left = _MOST
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        for name in names:
            try:
                with open(os.path.join(folder, name), "rb", opener=_opener) as file:
                    text = file.read(_LONGEST)
            except OSError:
                continue
            left -= len(text)
            if left < 0:
                return set(words)
            text = text.lower() if b"\0" not in text else b""
            for key in [key for key, spelled in open_words.items() if any(word in text for word in spelled)]:
                del open_words[key]
        if not open_words:
            break
    return words.keys() - open_words.keys()


def _opener(path: str, flags: int) -> int:
    # A pipe in the tree would keep everybody waiting.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
