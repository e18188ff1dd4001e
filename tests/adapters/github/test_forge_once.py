from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.github.bench import ANY, POSTS, Bench, Work, refusal
from tests.support.servers.github.app import FakeGitHub


@pytest.fixture
def bench() -> Iterator[Bench]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        bench = Bench(hub)
        yield bench
        bench.forge.close()


FAULTS: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "502 html": {"status": 502, "body": "<html>"},
    "503": {"status": 503},
    "504": {"status": 504},
    "dropped": {"status": 0},
    "hang": {"hang": True},
}
LATE = {"504", "hang"}


def strike(bench: Bench, fault: dict[str, Any], **when: Any) -> None:
    if fault.get("hang"):
        bench.hub.hang("POST", "/(reviews|comments)$", **when)
    elif fault["status"]:
        bench.hub.fail("POST", "/(reviews|comments)$", fault["status"], fault.get("body"), **when)
    else:
        bench.hub.drop("POST", "/(reviews|comments)$", **when)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("work", POSTS.values(), ids=POSTS)
def test_what_was_posted_without_an_answer_is_found_and_not_posted_again(bench: Bench, work: Work, fault: str) -> None:
    strike(bench, FAULTS[fault], acts=True, times=9)
    work(bench.forge)
    assert bench.said == 1
    assert len(bench.hub.of("POST", "/(reviews|comments)$")) == 1


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - LATE))
@pytest.mark.parametrize("work", POSTS.values(), ids=POSTS)
def test_what_was_not_posted_is_posted_once_more(bench: Bench, work: Work, fault: str) -> None:
    strike(bench, FAULTS[fault])
    work(bench.forge)
    assert bench.said == 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("work", POSTS.values(), ids=POSTS)
def test_what_can_never_be_posted_ends_with_doubt_said_aloud(bench: Bench, work: Work, fault: str) -> None:
    strike(bench, FAULTS[fault], times=9)
    assert "may have been done all the same" in str(refusal(work, bench.forge))
    assert bench.said == 0
    assert len(bench.hub.of("POST", "/(reviews|comments)$")) == (1 if fault in LATE else 2)


@pytest.mark.parametrize("work", POSTS.values(), ids=POSTS)
def test_a_doubt_that_cannot_be_settled_is_said_aloud_too(bench: Bench, work: Work) -> None:
    strike(bench, FAULTS["dropped"], acts=True)
    bench.hub.fail("GET", ANY, 503, times=9)
    assert "may have been done all the same" in str(refusal(work, bench.forge))
    assert bench.said == 1


@pytest.mark.parametrize("work", POSTS.values(), ids=POSTS)
def test_the_same_text_by_somebody_else_does_not_pass_for_ours(bench: Bench, work: Work) -> None:
    stranger = bench.hub.add_token("ghs_other", "mallory", "User", pull_requests="write")
    with bench.acting_as(stranger) as other:
        work(other)
    strike(bench, FAULTS["503"])
    work(bench.forge)
    assert bench.said == 2


@pytest.mark.parametrize("work", POSTS.values(), ids=POSTS)
def test_without_knowing_who_we_are_the_text_alone_prevents_a_duplicate(bench: Bench, work: Work) -> None:
    bench.hub.viewer_refused = True
    app = bench.hub.add_token("ghs_app", "some-app[bot]", pull_requests="write")
    strike(bench, FAULTS["502 html"], acts=True)
    with bench.acting_as(app) as forge:
        work(forge)
    assert bench.said == 1
