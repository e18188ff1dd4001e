"""What tokens cost: a dated table, used to hold a ceiling in money and to report what was spent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cicd_agent.domain.usage import Usage

# Above this input the vendor charges the whole request dearer: input twice, output one and a half times.
LONG_INPUT = 272_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens (`cached`: input that the server still had); more above `dearer_above` tokens."""

    input: float
    cached: float
    output: float
    dearer_above: int | None = LONG_INPUT

    def of(self, usage: Usage) -> float | None:
        """What one request cost, None when the server did not say; a cached share that is not told counts as none."""
        if usage.input is None or usage.output is None:
            return None
        cached = min(usage.cached or 0, usage.input)
        read = (usage.input - cached) * self.input + cached * self.cached
        written = usage.output * self.output
        long = self.dearer_above is not None and usage.input > self.dearer_above
        return (read * 2 + written * 1.5 if long else read + written) / 1e6


# model_prices_and_context_window_backup.json of the litellm 1.109.1 wheel, which names
# https://developers.openai.com/api/docs/pricing as its source; standard tier.
# Not here: models that charge for writing the cache (gpt-5.6), because usage does not always tell those tokens apart.
READ_ON: Final = "2026-11-22"
PRICES: Mapping[str, Price] = {
    "gpt-5.5": Price(5.00, 0.50, 30.00),
    "gpt-5.4": Price(2.50, 0.25, 15.00),
    "gpt-5.4-mini": Price(0.75, 0.075, 4.50),
    "gpt-5.4-nano": Price(0.20, 0.02, 1.25),
    "gpt-5.2": Price(1.75, 0.175, 14.00),
    "gpt-5.1": Price(1.25, 0.125, 10.00),
    "gpt-5": Price(1.25, 0.125, 10.00),
    "gpt-5-mini": Price(0.25, 0.025, 2.00),
    "gpt-5-nano": Price(0.05, 0.005, 0.40),
}

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def price_of(model: str, prices: Mapping[str, Price]) -> Price | None:
    """The price of a model, also by the name of one of its dated snapshots; None when the table does not have it."""
    return prices.get(model) or prices.get(_DATED.sub("", model))
