"""The account of what was intended and what was done, one JSON object a line, so that a crash leaves a trace."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from cicd_agent.adapters.files import NOFOLLOW
from cicd_agent.domain.effects import Receipt
from cicd_agent.domain.ports.forge import Journal


class JournalFile(Journal):
    """A journal in a file. Intents are written before anything is done, receipts after; both are redacted."""

    def __init__(self, path: Path, redact: Callable[[str], str]) -> None:
        self._path = path
        self._redact = redact

    def intend(self, key: str, kind: str, detail: Mapping[str, str]) -> None:
        self._append({"intent": key, "kind": kind, **detail})

    def record(self, receipt: Receipt) -> None:
        self._append({"receipt": receipt.key, **{k: v for k, v in asdict(receipt).items() if k != "key"}})

    def unfinished(self) -> tuple[str, ...]:
        """Keys of the intents that have no receipt, in order: what a run that ended early may or may not have done."""
        open_intents: dict[str, None] = {}
        for entry in self._entries():
            match entry:
                case {"intent": str(key)}:
                    open_intents[key] = None
                case {"receipt": str(key)}:
                    open_intents.pop(key, None)
                case _:
                    pass
        return tuple(open_intents)

    def _entries(self) -> Iterator[Any]:
        try:
            text = self._path.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return
        for line in text.split("\n"):
            try:
                yield json.loads(line)
            except ValueError:
                # A run that was killed while writing leaves half a line.
                continue

    def _append(self, entry: Mapping[str, str]) -> None:
        # Value by value: what is masked in one of them cannot damage the line.
        redacted = {name: self._redact(value) for name, value in entry.items()}
        line = json.dumps(redacted, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        # In a local run the folder lies in the checkout, where somebody else may have put a link.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            file.write(line if _ends_whole(file) else b"\n" + line)


def _ends_whole(file: BinaryIO) -> bool:
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
