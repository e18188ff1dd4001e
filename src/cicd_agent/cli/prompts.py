"""Questions to a person at a terminal."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from cicd_agent.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Asker:
    """Where questions are put and answered."""

    out: TextIO
    read: Callable[[], str]

    def ask(self, question: str, otherwise: str, valid: Callable[[str], bool]) -> str:
        """An answer that is valid; nothing is the default. Raises ConfigError when nobody answers any more."""
        while True:
            self.out.write(f"{question} [{otherwise}] ")
            self.out.flush()
            line = self.read()
            if not line:
                raise ConfigError("init was not answered", remedy="Answer, or give flags")
            said = line.strip() or otherwise
            if valid(said):
                return said
            self.out.write("  That is none of the answers.\n")


def terminal() -> Asker | None:
    """Somebody to ask, None where nobody is."""
    return Asker(sys.stdout, sys.stdin.readline) if sys.stdin is not None and sys.stdin.isatty() else None
