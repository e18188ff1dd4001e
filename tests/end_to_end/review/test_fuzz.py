"""Random reviews of random changes, posted to the GitHub that enforces its rules for places: see the benchmark."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzzed import diff
from benchmarks.review_fuzz import Strict, Tally, review, run
from cicd_agent.domain.text.quote import Miss, Quotes, QuoteSpan
from tests.support.servers.github.diff import split


@pytest.fixture(scope="module")
def hub() -> Iterator[Strict]:
    with Strict() as served:
        yield served


@given(seed=st.integers(0, 2**32))
def test_no_review_is_refused_and_no_claim_is_lost_or_misplaced(hub: Strict, seed: int) -> None:
    tally = Tally()
    review(Random(seed), hub, hub.new_id(), tally, over_http=False)
    assert tally.faults == []


def test_the_same_holds_with_the_real_client() -> None:
    tally = run(seed=3, reviews=20, over_http=20)
    assert tally.faults == []
    assert tally.comments > tally.reviews
    assert tally.right["fabricated: quote"] == tally.made["fabricated: quote"] > 0
    assert tally.right["shifted"] == tally.made["shifted"] > 0


def test_the_changes_are_of_all_kinds() -> None:
    random = Random(1)
    text = "".join(diff(random) for _ in range(200))
    files = split(text)
    assert {file.status for file in files} == {"added", "modified", "removed", "renamed"}
    assert any(file.patch is None for file in files)
    for trait in ("Binary files", "\n\\ No newline", "old mode", "\r\n", "\u200b", "TOKEN_", "a'b/c$d.py", "\u8a9e"):
        assert trait in text, trait


def test_a_place_that_is_off_by_many_lines_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    locate = Quotes.locate

    def off(self: Quotes, quote: str, claimed: int) -> QuoteSpan | Miss:
        place = locate(self, quote, claimed)
        return place if isinstance(place, Miss) else replace(place, first=place.first + 900, last=place.last + 900)

    monkeypatch.setattr(Quotes, "locate", off)
    assert run(seed=2, reviews=10, over_http=0).faults
