"""A base that earlier runs have found red makes the plan full; nothing that is left makes it less."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.route.evidence import ROUTE_EVIDENCE
from cicd_agent.modes.route.gather import gather
from cicd_agent.settings.schema import Settings
from tests.modes.route.routing import BASE, HEAD, PROVED, PUSH, route
from tests.modes.route.test_gather import CHANGE, repository
from tests.support.fakes.state import FakeState

NOW = 1_790_000_000


def fact(kind: FactKind, at: int = NOW - 60, **fields: Any) -> Fact:
    subject = BASE if kind is FactKind.TESTS else "5" * 16
    return Fact(**{"repository": "o/r", "kind": kind, "subject": subject, "at": at, "sha": BASE, **fields})


def suite(at: int = NOW - 60, **values: str) -> Fact:
    return fact(FactKind.TESTS, at, values=values)


def failure(cause: str, at: int = NOW - 60) -> Fact:
    return fact(FactKind.FAILURE, at, values={"cause": cause})


def gathered(*facts: Fact, refuses: str = "") -> Evidence:
    world = Ports(
        repository(replace(CHANGE, base=BASE, head=HEAD)),
        state=FakeState(facts, refuses=refuses),
        now=lambda: float(NOW),
        reach=lambda _change: PROVED,
    )
    return gather(PUSH, world, Settings())


def doubts(*facts: Fact) -> tuple[str, ...]:
    found = gathered(*facts).get(ROUTE_EVIDENCE)
    assert found is not None
    return found.doubts


@pytest.mark.parametrize(
    ("left", "why"),
    [
        (suite(passed="8", failed="2"), "2 tests failed there"),
        (suite(percent="98.5"), "98.5 % of its tests or checks passed"),
        (failure("change"), "a run of it failed (change)"),
        (failure("pre_existing"), "a run of it failed (pre existing)"),
    ],
)
def test_a_red_base_makes_the_plan_full(left: Fact, why: str) -> None:
    seen = gathered(left)
    assert seen.get(ROUTE_EVIDENCE) is not None
    assert seen[ROUTE_EVIDENCE].doubts == (f"the base bbbbbbb is red: {why}",)
    assert (route(gathered()).cells.tests, route(seen).cells.tests) == ("affected", "full")


@pytest.mark.parametrize(
    "left",
    [
        suite(passed="8", failed="0"),
        suite(percent="100"),
        suite(percent="NaN"),
        suite(failed="-1"),
        failure("flaky"),
        failure("infrastructure"),
        failure("</b>"),
        replace(suite(failed="1"), subject=HEAD, sha=HEAD),
        replace(suite(failed="1"), repository="o/other"),
        replace(suite(failed="1"), at=NOW + 90_000),
        replace(failure("change"), sha=HEAD),
    ],
)
def test_what_is_green_from_outside_or_of_something_else_is_no_doubt(left: Fact) -> None:
    assert doubts(left) == ()


def test_the_newest_word_on_the_base_counts() -> None:
    assert doubts(failure("change", NOW - 90), suite(NOW - 60, failed="0")) == ()
    assert doubts(failure("change", NOW - 60), suite(NOW - 90, failed="0")) != ()


def test_a_store_that_cannot_be_read_is_a_gap_and_no_doubt() -> None:
    seen = gathered(refuses="it is locked")
    assert seen.get(ROUTE_EVIDENCE) == gathered().get(ROUTE_EVIDENCE)
    assert "what earlier runs have left was not read: it is locked" in [gap.why for gap in seen.gaps]


SCOPES = ("none", "affected", "full", "extended")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            fact,
            st.sampled_from(FactKind),
            st.sampled_from([0, NOW - 60, NOW + 60, NOW * 9]),
            subject=st.sampled_from([BASE, HEAD, "5" * 16]),
            sha=st.sampled_from([BASE, HEAD, ""]),
            values=st.dictionaries(
                st.sampled_from(["percent", "failed", "passed", "cause", "tests"]),
                st.sampled_from(["0", "1", "100", "1e999", "NaN", "change", "flaky", "none", "<b>"]),
            ),
        ),
        max_size=4,
    )
)
def test_no_fact_makes_the_plan_less(facts: list[Fact]) -> None:
    plain, told = route(gathered()), route(gathered(*facts))
    assert SCOPES.index(told.cells.tests) >= SCOPES.index(plain.cells.tests)
    assert (plain.cells.build, told.cells.build) in {("cached", "cached"), ("cached", "full"), ("full", "full")}
    assert told.risk == plain.risk
