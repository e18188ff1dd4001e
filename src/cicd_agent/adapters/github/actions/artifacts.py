"""The few files of an artifact that somebody asks for by name: nothing else of it is unpacked."""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from cicd_agent.adapters.github.actions.archive import Archive
from cicd_agent.adapters.github.errors import words
from cicd_agent.errors import ForgeRefused

MOST_FILES = 200
MOST_TOTAL = 100_000_000
"""Bytes of all files together."""


def matching(archive: Archive, wanted: Sequence[str], most: int, note: Callable[[str], None]) -> Mapping[str, bytes]:
    """The files whose names match, each of at most `most` bytes; what is left out is noted.

    A size that the archive claims is not believed: what comes out is counted.
    """
    found: dict[str, bytes] = {}
    total = 0
    names = [name for name in archive.entries if is_named(name, wanted)]
    if len(names) > MOST_FILES:
        note(f"only {MOST_FILES} of {len(names):,} files that match were read from an artifact")
    for name in names[:MOST_FILES]:
        try:
            content = b"".join(archive.pieces(archive.entries[name], most + 1, tell=False))
        except ForgeRefused as broken:
            note(f"{words(name)} was left out of an artifact: {broken.why}")
            continue
        if len(content) > most or total + len(content) > MOST_TOTAL:
            note(f"{words(name)} was left out of an artifact: it is too large")
            continue
        found[name] = content
        total += len(content)
    return found


def is_named(name: str, wanted: Sequence[str]) -> bool:
    """Whether one of the patterns matches the path or the last part of it; `**/` stands for no folder as well."""
    forms = (name, f"/{name}", name.rpartition("/")[2])
    return any(fnmatchcase(form, pattern) for pattern in wanted for form in forms)
