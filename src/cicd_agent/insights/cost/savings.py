"""What was not spent: estimates, each with how it is computed, and how much of it nobody can tell."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from cicd_agent.insights.cost.spending import Part, Spent, Used

_PER_MILLION: Final = 1_000
"""Billionths of a dollar that one token costs at a dollar per million."""


class Means(StrEnum):
    PROMPT_CACHE = "prompt_cache"
    ANSWERS = "answers"
    TIERS = "tiers"
    NOBODY = "nobody"


HOW: Final[Mapping[Means, str]] = {
    Means.PROMPT_CACHE: "tokens that the server still had, at the difference of the input price and the cached price",
    Means.ANSWERS: "tokens of answers kept from earlier runs, at the full price of their model",
    Means.TIERS: "what the fast model answered, at the difference to the dearest model that the same run asked",
    Means.NOBODY: "runs that needed no model, at the median of the runs of their mode that asked one",
}


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per million tokens; `cached` is what a token of the input costs that the server still had."""

    input: Decimal
    cached: Decimal
    output: Decimal

    def of(self, used: Used) -> int | None:
        """What the tokens cost, in billionths of a dollar; None when they are not known."""
        if used.input is None or used.output is None:
            return None
        cached = min(used.cached or 0, used.input)
        return self.price((used.input - cached, self.input), (cached, self.cached), (used.output, self.output))

    @staticmethod
    def price(*parts: tuple[int, Decimal]) -> int:
        return int(sum((tokens * rate * _PER_MILLION for tokens, rate in parts), Decimal()).to_integral_value())


@dataclass(frozen=True, slots=True)
class Saved:
    """An estimate in billionths of a dollar, None when nothing of it can be told.

    `times` is how many tokens, answers, requests or runs it is about (`unit`), `unreported` how many more there are
    without an estimate.
    """

    means: Means
    amount: int | None
    times: int
    unreported: int
    unit: str

    @property
    def how(self) -> str:
        return HOW[self.means]


class Savings:
    def __init__(self, rates: Callable[[str], Rates | None]) -> None:
        self._rates = rates
        self._amounts: Counter[Means] = Counter()
        self._times: Counter[Means] = Counter()
        self._unreported: Counter[Means] = Counter()
        self._silent: Counter[str] = Counter()

    def add(self, run: Spent) -> None:
        if not run.asked:
            self._silent[run.mode] += 1
            return
        for part in run.parts:
            used, rates = part.used, self._rates(part.model)
            if cached := min(used.cached or 0, used.input or 0):
                amount = rates.price((cached, rates.input - rates.cached)) if rates else None
                self._count(Means.PROMPT_CACHE, amount, cached)
            if used.from_cache:
                amount = None
                if rates and used.spared_input is not None and used.spared_output is not None:
                    amount = rates.price((used.spared_input, rates.input), (used.spared_output, rates.output))
                self._count(Means.ANSWERS, amount, used.from_cache)
        if not run.stood_in and len(run.parts) > 1:
            self._add_tiers(run.parts)

    def result(self, medians: Mapping[str, int | None]) -> tuple[Saved, ...]:
        """The estimates; `medians` is what a run costs that asks, by mode."""
        for mode, runs in self._silent.items():
            median = medians.get(mode)
            self._count(Means.NOBODY, None if median is None else runs * median, runs)
        return tuple(
            Saved(
                means,
                self._amounts.get(means, None if self._unreported[means] else 0),
                self._times[means],
                self._unreported[means],
                unit,
            )
            for means, unit in zip(Means, ("token", "answer", "request", "run"), strict=True)
        )

    def _add_tiers(self, parts: Sequence[Part]) -> None:
        """The main model of a run is the dearest that it asked: the audit log does not say which was meant."""
        rates = [self._rates(part.model) for part in parts]
        dearest = max((each for each in rates if each), key=lambda each: (each.output, each.input), default=None)
        for part, own in zip(parts, rates, strict=True):
            if own == dearest and own is not None:
                continue
            amount = None
            if own and dearest and (cost := own.of(part.used)) is not None:
                amount = (dearest.of(part.used) or 0) - cost
            self._count(Means.TIERS, amount, part.used.requests or 0)

    def _count(self, means: Means, amount: int | None, times: int) -> None:
        if amount is None:
            self._unreported[means] += times
        else:
            self._amounts[means] += amount
            self._times[means] += times
