"""Ceilings on requests, tokens, seconds and money: checked before a request, charged after it."""

from collections.abc import Callable, Mapping

from cicd_agent.agent.prices import PRICES, Price, price_of
from cicd_agent.agent.turns import Usage
from cicd_agent.errors import BudgetExhausted

# An answer of fewer tokens, reasoning included, would be cut off: better not to pay for its question.
LEAST_OUTPUT = 1_000
# What is kept for the answer when a request is to be followed by another.
LAST_WORD = 4_000
# Of what is left, so much may go into the evidence of one question: the answer and a correction want the rest.
EVIDENCE_SHARE = 0.4


class Budget:
    """What a run may still spend. Not safe for threads: two questions at once would both see the same money.

    What the server does not tell is charged by estimate, so that the ceilings hold all the same; `cost_usd` then is
    None, because nobody knows it. A model without a price is held by the other ceilings.
    """

    def __init__(
        self,
        *,
        requests: int,
        input_tokens: int,
        seconds: float,
        clock: Callable[[], float],
        output_tokens: int | None = None,
        usd: float | None = None,
        prices: Mapping[str, Price] = PRICES,
    ) -> None:
        self.usage = Usage()
        self.cost_usd: float | None = 0.0
        self._requests = requests
        self._input = input_tokens
        self._output = output_tokens
        self._usd = usd
        self._ceilings = (requests, input_tokens, output_tokens, usd)
        self._seconds = seconds
        self._ends = clock() + seconds
        self._clock = clock
        self._prices = prices

    @property
    def seconds_left(self) -> float:
        """Time until the run has to end, 0 when it is over."""
        return max(0.0, self._ends - self._clock())

    def evidence_tokens(self, model: str) -> int:
        """How many input tokens the next question may have in its first request."""
        left = float(self._input)
        price = price_of(model, self._prices)
        if self._usd is not None and price and price.input:
            left = min(left, self._usd / price.input * 1e6)
        return max(0, int(left * EVIDENCE_SHARE))

    def allow(self, model: str, *, input_tokens: int, output_tokens: int, follow_up: int = 0) -> int:
        """How many of the wanted output tokens a request may have; BudgetExhausted when it may not be sent at all.

        With a `follow_up` of so many input tokens, only if another request of that size can be sent after it.
        """
        requests, tokens, outputs, usd = self._ceilings
        spare = LAST_WORD if follow_up else 0
        least = min(spare or LEAST_OUTPUT, output_tokens)
        if self._requests < 1 + bool(follow_up):
            raise BudgetExhausted(f"the budget of {requests} requests is used up", remedy="Raise `max-rounds`")
        if self.seconds_left <= 0:
            raise BudgetExhausted(f"the {self._seconds:g} seconds are over", remedy="Raise `timeout-minutes`")
        if input_tokens + follow_up > self._input:
            raise BudgetExhausted(
                f"the budget of {tokens:,} input tokens is too small",
                why=f"{self._input:,} are left, the next request needs about {input_tokens:,}",
                remedy="Raise `max-input-tokens`",
            )
        allowed = output_tokens if self._output is None else min(output_tokens, self._output - spare)
        if allowed < least:
            raise BudgetExhausted(f"the budget of {outputs:,} output tokens is used up")
        price = price_of(model, self._prices)
        if self._usd is None or price is None:
            return allowed
        costs = (price.of(Usage(1, *tokens)) or 0.0 for tokens in ((input_tokens, 0), (follow_up, spare)))
        for_output = self._usd - sum(costs)
        if price.output or for_output < 0:
            allowed = min(allowed, int(for_output / (price.output or 1.0) * 1e6))
        if allowed < least:
            raise BudgetExhausted(
                f"the budget of ${usd:.2f} is too small",
                why=f"${max(self._usd, 0):.2f} are left, the next request needs about {input_tokens:,} input tokens",
                remedy="Raise `max-cost-usd`",
            )
        return allowed

    def charge(self, model: str, usage: Usage, *, input_tokens: int, output_tokens: int) -> None:
        """Take off what a request used; the tokens given stand in for what the server did not say."""
        price = price_of(model, self._prices)
        cost = 0.0 if usage.input == usage.output == 0 else price.of(usage) if price else None
        self.cost_usd = None if self.cost_usd is None or cost is None else self.cost_usd + cost
        self.usage += usage
        spent = Usage(
            usage.requests,
            input_tokens if usage.input is None else usage.input,
            output_tokens if usage.output is None else usage.output,
            usage.cached,
        )
        self._requests -= spent.requests
        self._input -= spent.input or 0
        if self._output is not None:
            self._output -= spent.output or 0
        if self._usd is not None and price:
            self._usd -= price.of(spent) or 0.0
