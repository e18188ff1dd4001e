"""What a model was used: requests and tokens, and what the cache has spared."""

from dataclasses import dataclass, fields
from typing import Any

from cicd_agent.domain.text.words import count


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more requests. None means that the server did not say: unknown is never 0.

    `cached` is a part of `input`, `reasoning` a part of `output`. `from_cache` counts replies that no request was sent
    for, because an earlier run had asked the same; `spared_input` and `spared_output` are what these had cost then.
    """

    requests: int = 0
    input: int | None = 0
    output: int | None = 0
    cached: int | None = 0
    reasoning: int | None = 0
    from_cache: int = 0
    spared_input: int | None = 0
    spared_output: int | None = 0

    @property
    def total(self) -> int | None:
        """Tokens in and out, None when either is not known."""
        return None if self.input is None or self.output is None else self.input + self.output

    @property
    def words(self) -> str:
        cached = f", {count(self.from_cache, 'answer')} from the cache" if self.from_cache else ""
        return f"{count(self.requests, 'request')}{cached}"

    def __add__(self, other: "Usage") -> "Usage":
        """The sum; unknown plus anything is unknown."""
        sums: dict[str, Any] = {}
        for each in fields(self):
            pair = getattr(self, each.name), getattr(other, each.name)
            sums[each.name] = None if None in pair else sum(pair)
        return Usage(**sums)
