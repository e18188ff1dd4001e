"""The account book as JSON lines in a directory: it needs nothing but files."""

from pathlib import Path
from typing import Final

from cicd_agent.core.ports_store import Store

LINES: Final = "audit.jsonl"


class LinesStore(Store):
    """The book in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
