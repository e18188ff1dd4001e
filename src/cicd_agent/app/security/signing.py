"""What runs on one pull request leave for each other, and which of it is believed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from cicd_agent.domain.evidence import Evidence


class Drawer(Protocol):
    """Where sealed memories lie between runs; `about` names what one is about."""

    def read(self, about: str) -> tuple[str, ...]:
        """The lines that a run of ours has left about this; none when there are none, or others wrote them."""

    def write(self, about: str, lines: Sequence[str]) -> None:
        """Replace them, as far as there is room."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """What a run recalls and keeps. Without a `drawer` that is nothing; a run that only tries out `keeps` nothing."""

    drawer: Drawer | None = None
    redact: Callable[[str], str] = str
    keeps: bool = True

    def opened(self, evidence: Evidence, about: str) -> Evidence:
        """The evidence with what an earlier run saved under `about`, in the place of whatever it brought."""
        lines = self.drawer.read(about) if self.drawer and about else ()
        return replace(evidence, memory="\n".join(lines))

    def keep(self, lines: Sequence[str], about: str) -> None:
        """Leave these lines for the next run, less those with anything secret in them; none leave what there is."""
        if self.drawer and self.keeps and about and (harmless := self._harmless(lines)):
            self.drawer.write(about, harmless)

    def _harmless(self, lines: Sequence[str]) -> Sequence[str]:
        """The lines that redaction leaves as they are, also beside each other."""
        kept = list(lines)
        while kept:
            redacted = self.redact("\n".join(kept)).split("\n")
            if redacted == kept:
                break
            # Were the lines no longer the same in number, none could be told from another.
            pairs = zip(kept, redacted, strict=True) if len(redacted) == len(kept) else ()
            kept = [line for line, shown in pairs if line == shown]
        return kept
