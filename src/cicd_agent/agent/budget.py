"""Ceilings on requests, tokens, seconds and money: checked before a request, charged after it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cicd_agent.agent.prices import PRICES, Price, price_of
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import BudgetExhausted

# An answer of fewer tokens, reasoning included, would be cut off: better not to pay for its question.
MIN_OUTPUT = 1_000
# What is kept for the answer when a request is to be followed by another.
LAST_ANSWER = 4_000
# What is kept for the answer of each of several questions side by side, which is not to be cut off while it thinks.
WHOLE_ANSWER = 8_000
# Of what is left, so much may go into the evidence of one question: the answer and a correction want the rest.
EVIDENCE_SHARE = 0.4
# The same of questions that are asked side by side: what they leave pays for asking one of them again.
DIVIDED_SHARE = 0.97
# Requests that each further question of those brings with it, and what is kept for the questions that follow.
FURTHER_REQUESTS = 4
RESERVED_REQUESTS = 3


class _Held(NamedTuple):
    """What was allowed and is not charged yet."""

    requests: int
    input: int
    usd: float


@dataclass(kw_only=True, eq=False)
class Budget:
    """What a run may still spend. `allow` holds back what a request may cost until `charge` says what it did cost.

    Safe for threads, each of which has one request under way at most: no two of them are allowed the same money. What
    the server does not tell is charged by estimate, so that the ceilings hold all the same; `cost_usd` then is None,
    because nobody knows it. A model without a price is held by the other ceilings. `whole` is the budget of which this
    is a part: all that is charged here is charged there too. `evidence` is what evidence_tokens says of a part.
    """

    requests: int
    input_tokens: int
    seconds: float
    clock: Callable[[], float]
    usd: float | None = None
    prices: Mapping[str, Price] = field(default_factory=lambda: PRICES)
    ends: float | None = None
    whole: "Budget | None" = None
    evidence: int | None = None
    usage: Usage = Usage()
    cost_usd: float | None = 0.0
    at_most_usd: float | None = 0.0
    """The same with what nobody answered at its estimate; None when a model has no price."""

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._held: dict[int, _Held] = {}
        self._ceilings = (self.requests, self.input_tokens, self.usd)
        self._ends = self.clock() + self.seconds if self.ends is None else self.ends

    @property
    def seconds_left(self) -> float:
        """Time until the run has to end, 0 when it is over."""
        return max(0.0, self._ends - self.clock())

    def evidence_tokens(self, model: str) -> int:
        """How many input tokens the next question may have in its first request."""
        if self.evidence is not None:
            return self.evidence
        available = float(self.input_tokens)
        price = price_of(model, self.prices)
        if self.usd is not None and price and price.input:
            available = min(available, self.usd / price.input * 1e6)
        return max(0, int(available * EVIDENCE_SHARE))

    def divided_tokens(self, model: str, parts: int) -> int:
        """The same for so many questions side by side, all together; each of them has to be answered."""
        left = self.input_tokens * DIVIDED_SHARE
        price = price_of(model, self.prices)
        if self.usd is not None and price and price.input:
            left = min(left, (self.usd * DIVIDED_SHARE * 1e6 - parts * WHOLE_ANSWER * price.output) / price.input)
        return max(0, int(left))

    def divide(self, model: str, tokens: Sequence[int]) -> "tuple[Budget, ...]":
        """A budget for each of several questions side by side, `tokens` being their first requests.

        What one of them may do does not depend on how fast the others are: each spends its own. Their requests grow
        with their number, their tokens and their money do not.
        """
        self.requests += FURTHER_REQUESTS * (len(tokens) - 1)
        requests = (self.requests - RESERVED_REQUESTS) // len(tokens)
        price = price_of(model, self.prices)
        costs = [each * price.input + WHOLE_ANSWER * price.output if price else 1.0 for each in tokens]
        return tuple(
            Budget(
                requests=max(requests, 1),
                input_tokens=int(self.input_tokens * share / max(sum(tokens), 1)),
                seconds=self.seconds,
                usd=None if self.usd is None else self.usd * cost / (sum(costs) or 1.0),
                clock=self.clock,
                prices=self.prices,
                ends=self._ends,
                whole=self,
                evidence=share,
            )
            for share, cost in zip(tokens, costs, strict=True)
        )

    def allow(self, model: str, *, input_tokens: int, output_tokens: int, follow_up: int = 0) -> int:
        """How many output tokens a request may have that leaves room for a `follow_up`. Raises BudgetExhausted."""
        me = threading.get_ident()
        with self._lock:
            # A request that was never charged was never sent: what its thread asks for now takes its place.
            self._held.pop(me, None)
            allowed, usd = self._allowed(model, input_tokens, output_tokens, follow_up)
            self._held[me] = _Held(1, input_tokens, usd)
        return allowed

    def _allowed(self, model: str, input_tokens: int, output_tokens: int, follow_up: int) -> tuple[int, float]:
        """As `allow`, and what the request costs at most, in dollars."""
        requests, tokens, usd = self._ceilings
        held = _Held(*map(sum, zip(_Held(0, 0, 0.0), *self._held.values(), strict=True)))
        left_input, left_usd = self.input_tokens - held.input, None if self.usd is None else self.usd - held.usd
        spare = LAST_ANSWER if follow_up else 0
        minimum = min(spare or MIN_OUTPUT, output_tokens)
        if self.requests - held.requests < 1 + bool(follow_up):
            raise BudgetExhausted(f"the budget of {requests} requests is used up", remedy="Raise `max-rounds`")
        if self.seconds_left <= 0:
            raise BudgetExhausted(f"the {self.seconds:g} seconds are over", remedy="Raise `timeout-minutes`")
        if input_tokens + follow_up > left_input:
            raise BudgetExhausted(
                f"the budget of {tokens:,} input tokens is too small",
                why=f"{left_input:,} are left, the next request needs about {input_tokens:,}",
                remedy="Raise `max-input-tokens`",
            )
        price = price_of(model, self.prices)
        if left_usd is None or price is None:
            return output_tokens, 0.0
        allowed = output_tokens
        costs = (price.of(Usage(1, *tokens)) or 0.0 for tokens in ((input_tokens, 0), (follow_up, spare)))
        for_output = left_usd - sum(costs)
        if price.output or for_output < 0:
            allowed = min(allowed, int(for_output / (price.output or 1.0) * 1e6))
        if allowed < minimum:
            raise BudgetExhausted(
                f"the budget of ${usd:.2f} is too small",
                why=f"${max(left_usd, 0):.2f} are left, the next request needs about {input_tokens:,} input tokens",
                remedy="Raise `max-cost-usd`",
            )
        return allowed, price.of(Usage(1, input_tokens, allowed)) or 0.0

    def charge(self, model: str, usage: Usage, *, input_tokens: int, output_tokens: int) -> None:
        """Take off what a request used; the tokens given stand in for what the server did not say."""
        price = price_of(model, self.prices)
        cost = 0.0 if usage.input == usage.output == 0 else price.of(usage) if price else None
        spent = Usage(
            usage.requests,
            input_tokens if usage.input is None else usage.input,
            output_tokens if usage.output is None else usage.output,
            usage.cached,
        )
        with self._lock:
            self._held.pop(threading.get_ident(), None)
            self.cost_usd = None if self.cost_usd is None or cost is None else self.cost_usd + cost
            bound = price.of(spent) if cost is None and price else cost
            self.at_most_usd = None if self.at_most_usd is None or bound is None else self.at_most_usd + bound
            self.usage += usage
            self.requests -= spent.requests
            self.input_tokens -= spent.input or 0
            if self.usd is not None and price:
                self.usd -= price.of(spent) or 0.0
        if self.whole is not None:
            self.whole.charge(model, usage, input_tokens=input_tokens, output_tokens=output_tokens)
