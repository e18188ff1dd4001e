"""Facts as JSON lines: the last line of a fact is the one that counts, and the file is kept small."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cicd_agent.adapters.files.atomic import write_file
from cicd_agent.adapters.storage.lines.file import append_line, lines_of
from cicd_agent.adapters.storage.records import fact_key, fact_of, fact_told
from cicd_agent.domain.audit_entry import word
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.storage import About

FACTS: Final = "facts.jsonl"
_LARGEST: Final = 4_000_000
"""Bytes, after which only what counts is kept, and of that the newest half as much."""
_MOST: Final = 16
"""So many times as large it is not what we have written."""


class FactLines:
    """Facts in a file. Who writes holds the lock of its folder."""

    def __init__(self, path: Path, largest: int = _LARGEST) -> None:
        self._path = path
        self._largest = largest

    @property
    def place(self) -> str:
        """The path of the file."""
        return str(self._path)

    def put(self, facts: Sequence[Fact]) -> None:
        """Write them at the end. Raises OSError."""
        if not facts:
            return
        append_line(self._path, b"".join(_line(fact) for fact in facts))
        if self._path.stat().st_size > self._largest:
            self._compact()

    def facts(self, about: About) -> tuple[Fact, ...]:
        """Those that are asked for, newest first. Raises OSError."""
        found = {key: fact for key, fact in self._read().items() if _meets(fact, about)}
        newest = sorted(found, key=lambda key: (-found[key].at, key))
        return tuple(found[key] for key in newest[: max(about.most, 0)])

    def _read(self) -> dict[str, Fact]:
        """By what a later one replaces them by; a line that is no fact is not one."""
        found: dict[str, Fact] = {}
        for _, line in lines_of(self._path, largest=_MOST * self._largest):
            try:
                fact = fact_of(json.loads(line))
            except (ValueError, RecursionError):
                continue
            if fact is not None:
                found[fact_key(fact)] = fact
        return found

    def _compact(self) -> None:
        kept: list[bytes] = []
        size = 0
        for fact in sorted(self._read().values(), key=lambda fact: -fact.at):
            line = _line(fact)
            size += len(line)
            if size > self._largest // 2:
                break
            kept.append(line)
        write_file(self._path, b"".join(reversed(kept)).decode(), mode=0o600)


def _line(fact: Fact) -> bytes:
    return json.dumps(fact_told(fact), sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _meets(fact: Fact, about: About) -> bool:
    return (
        fact.repository == word(about.repository)
        and about.kind in (None, fact.kind)
        and word(about.subject) in ("", fact.subject)
        and word(about.sha) in ("", fact.sha)
    )
