from dataclasses import replace

import pytest

from benchmarks.anchors import CLAIMS, run
from cicd_agent.domain.text.quote import Miss, Quotes, QuoteSpan


def test_of_5000_random_claims_none_ends_outside_the_diff_and_none_is_lost() -> None:
    tally = run(seed=2)
    assert tally.faults == []
    assert tally.made.total() == CLAIMS
    assert tally.standing["made up"] == tally.standing["another path"] == 0
    assert tally.standing["true"] > tally.made["true"] / 2


def test_a_claim_that_is_put_one_line_too_low_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    locate = Quotes.locate

    def too_low(self: Quotes, quote: str, claimed: int) -> QuoteSpan | Miss:
        place = locate(self, quote, claimed)
        return place if isinstance(place, Miss) else replace(place, first=place.first + 1, last=place.last + 1)

    monkeypatch.setattr(Quotes, "locate", too_low)
    assert run(seed=2, count=100).faults
