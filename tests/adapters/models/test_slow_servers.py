"""Slow and dying servers, in simulated time: how many requests they get, what is known of the cost, what is said."""

import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from cicd_agent.adapters.fake_model import streamed
from cicd_agent.adapters.models.client import connect
from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.agent.messages import Question
from cicd_agent.agent.prices import Price
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import ModelUnavailable
from tests.adapters.models.questions import GOOD, KEY, TEXT, in_both_dialects, request
from tests.agent.drafts import Note
from tests.support.servers.openai import app as fake
from tests.support.servers.simulated import HEAD, Clock, End, Network, Script, chunk, whole

RUN = 1_500.0
PING = chunk(b": ping\n\n")
KNOWN = (1_200, 90)
Asked = dict[str, Any]


def document(dialect: str) -> Asked:
    return dict(fake.answer(GOOD)(fake.Asked(dialect, "", {}, {"model": "m"})).document or {})


def parts(dialect: str) -> list[bytes]:
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    return [chunk(event) for event in streamed(dialect, document(dialect), asked)]


def good(dialect: str) -> Script:
    return [HEAD, *parts(dialect), chunk(b"")]


def begun(dialect: str) -> list[float | bytes | End]:
    """A stream up to the middle of its text."""
    events = parts(dialect)
    return [HEAD, *events[: 6 if dialect == "responses" else 3]]


def ended(dialect: str, *, without: int) -> list[float | bytes | End]:
    """A stream of which only the last parts are missing."""
    return [HEAD, *parts(dialect)[:-without]]


def counted(dialect: str) -> list[float | bytes | End]:
    """A stream of a server that counts as it goes, broken off in the middle."""
    assert dialect == "chat"
    usage = {"prompt_tokens": 1_000, "completion_tokens": 7}
    told = {"choices": [{"index": 0, "delta": {"content": "{"}}], "usage": usage}
    return [HEAD, chunk(f"data: {json.dumps(told)}\n\n".encode()), End.RESET]


def failing(dialect: str) -> list[float | bytes | End]:
    """An error in the middle of a stream."""
    error = {"code": "server_error" if dialect == "responses" else 502, "message": "provider down"}
    said = {"type": "error", **error} if dialect == "responses" else {"error": error, "choices": []}
    return [*begun(dialect), chunk(f"data: {json.dumps(said)}\n\n".encode()), chunk(b"")]


@dataclass(frozen=True)
class Case:
    """Scripts of requests, and what comes of them: requests, seconds, lost requests, and the words of a failure."""

    scripts: Callable[[str], Sequence[Script]]
    requests: int
    seconds: float
    lost: int = 0
    says: str = ""
    remedy: str = ""
    dialects: tuple[str, ...] = ("responses", "chat")
    known: tuple[int, int] = (0, 0)
    uncounted: bool = False


def spread(first: bytes, seconds: float, events: Sequence[bytes]) -> list[float | bytes | End]:
    """A stream with a silence before each event."""
    script: list[float | bytes | End] = [first]
    for event in events:
        script += [seconds, event]
    return script


ONLY_PINGS: Script = [HEAD, PING, End.RESET]
LATER = "Try again later; check the proxy and the network"
TIMEOUT = "Raise `timeout-minutes`"
CASES = {
    "whole-after-30-s": Case(lambda d: [[30.0, whole(document(d))]], 1, 30),
    "whole-after-200-s": Case(lambda d: [[200.0, whole(document(d))]], 1, 200),
    "streamed-over-minutes": Case(lambda d: [spread(HEAD, 20.0, parts(d))], 1, 0),
    "comments-then-dies": Case(lambda d: [ONLY_PINGS] * 4 + [good(d)], 5, 7.5, 4, known=KNOWN),
    "prompt-read-for-20-minutes": Case(lambda d: [[HEAD, 1_200.0, *parts(d), chunk(b"")]], 1, 1_200),
    "thinks-for-9-minutes": Case(
        lambda _: [[HEAD, *parts("responses")[:2], 540.0, *parts("responses")[2:]]], 1, 540, dialects=("responses",)
    ),
    "pings-for-20-minutes": Case(lambda d: [[*spread(HEAD, 15.0, [PING] * 80), *parts(d)]], 1, 1_200),
    "silent-for-ever": Case(lambda _: [[9e9]], 1, RUN, 1, "did not answer in time (1500 s, all", TIMEOUT),
    "silent-after-the-head": Case(lambda _: [[HEAD, 9e9]], 1, RUN, 1, "did not answer in time", TIMEOUT),
    "silent-in-the-middle": Case(
        lambda d: [[*begun(d), 9e9]],
        1,
        600,
        1,
        "fell silent in the middle of its answer (nothing for 600 s; about",
        "logs",
    ),
    "dies-in-the-middle": Case(lambda d: [[*begun(d), 5.0, End.RESET], good(d)], 2, 5.5, 1, known=KNOWN),
    "dies-in-the-middle-twice": Case(
        lambda d: [[*begun(d), End.RESET], [*begun(d), End.CLOSED]], 2, 0.5, 2, "broke off its answer", LATER
    ),
    "ends-in-the-middle": Case(
        lambda d: [[*begun(d), chunk(b"")]] * 2, 2, 0.5, 2, "broke off its answer (it ended in the middle; about", LATER
    ),
    "dies-before-it-begins": Case(lambda d: [[End.CLOSED], [End.RESET], good(d)], 3, 1.5, 2, known=KNOWN),
    "always-dies-before-it-begins": Case(lambda _: [[End.CLOSED]] * 5, 5, 7.5, 5, "broke off its answer", LATER),
    "dies-after-it-was-accepted": Case(
        lambda _: [[HEAD, *parts("responses")[:2], End.RESET]] * 2,
        2,
        0.5,
        2,
        "broke off its answer ([Errno 104] Connection reset by peer; 2 requests)",
        LATER,
        dialects=("responses",),
    ),
    "its-host-dies": Case(lambda d: [[150.0, End.DEAD], good(d)], 2, 150.5, 1, known=KNOWN),
    "its-host-stays-dead": Case(
        lambda _: [[End.DEAD], *[[End.UNREACHABLE]] * 4], 5, 47.5, 1, "could not be reached", "the network"
    ),
    "refuses-connections": Case(lambda _: [[End.REFUSED]] * 5, 5, 7.5, 0, "could not be reached", "`base-url`"),
    "drips-comments": Case(lambda _: [spread(HEAD, 10.0, [PING] * 200)], 1, RUN, 1, "did not answer in time", TIMEOUT),
    "drips-blanks": Case(
        lambda _: [spread(HEAD, 10.0, [chunk(b"\n")] * 200)], 1, RUN, 1, "did not answer in time", TIMEOUT
    ),
    "drips-a-header": Case(
        lambda _: [spread(b"HTTP/1.1 200 OK\r\n", 10.0, [b"x"] * 200)], 1, RUN, 1, "did not answer in time", TIMEOUT
    ),
    "never-comes-to-an-end": Case(
        lambda d: [[*begun(d), *spread(b"", 2.0, [parts(d)[5 if d == "responses" else 2]] * 900)[1:]]],
        1,
        RUN,
        1,
        "did not answer in time (1500 s, all that was left of the time; about",
        TIMEOUT,
    ),
    "limits-then-answers": Case(lambda d: [[whole({}, 429, retry_after="7")], good(d)], 2, 7),
    "fails-then-answers": Case(lambda d: [[whole({}, 500)], [whole({}, 503)], good(d)], 3, 1.5),
    "fails-in-the-middle": Case(lambda d: [failing(d), good(d)], 2, 0.5, 1, known=KNOWN),
    "fails-in-the-middle-twice": Case(
        lambda d: [failing(d)] * 2, 2, 0.5, 2, ": provider down; 2 requests). Try again later"
    ),
    "is-whole-without-a-count": Case(
        lambda d: [[*ended(d, without=2), End.RESET]], 1, 0, dialects=("chat",), uncounted=True
    ),
    "is-whole-and-never-closes": Case(lambda d: [[*ended(d, without=1), 9e9]], 1, 30, dialects=("chat",)),
    "had-counted-when-it-broke": Case(
        lambda d: [counted(d), counted(d)], 2, 0.5, 0, "broke off its answer", dialects=("chat",), known=(2_000, 14)
    ),
    "had-counted-and-answers-then": Case(
        lambda d: [counted(d), good(d)], 2, 0.5, 0, dialects=("chat",), known=(2_200, 97)
    ),
}


@pytest.mark.parametrize(
    ("dialect", "name"), [(dialect, name) for name, case in CASES.items() for dialect in case.dialects]
)
def test_a_slow_or_dying_server(dialect: str, name: str) -> None:
    case, clock = CASES[name], Clock()
    network = Network(clock, *case.scripts(dialect))
    given: Asked = {"base_url": "http://models.example/v1", "sleep": clock.sleep, "clock": clock, "network": network}
    model = connect(api_key=KEY, model="m", api=dialect, **given)
    if case.says:
        with pytest.raises(ModelUnavailable) as failure:
            model.complete(request(seconds=RUN))
        assert case.says in str(failure.value)
        assert case.remedy in str(failure.value)
        assert (failure.value.requests, failure.value.lost, failure.value.known) == (
            case.requests,
            case.lost,
            case.known,
        )
    else:
        reply = model.complete(request(seconds=RUN))
        assert reply.text == TEXT
        assert (reply.lost, reply.known) == (case.lost, case.known)
        if case.lost or case.uncounted:
            assert reply.usage == Usage(case.requests, None, None, None, None)
        elif any(case.known):
            assert reply.usage == Usage(case.requests, *case.known, cached=None, reasoning=None)
        else:
            assert reply.usage == Usage(case.requests, 1_200, 90, 1_000, 40)
    assert not network.scripts, "not every answer was asked for"
    if name != "streamed-over-minutes":
        assert clock.now - 1_000 == pytest.approx(case.seconds)


@in_both_dialects
def test_an_endless_stream_is_not_read_to_its_end(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cicd_agent.adapters.models.event_stream.MAX_ANSWER_BYTES", 1_000)
    clock = Clock()
    network = Network(clock, [*begun(dialect), *[parts(dialect)[5 if dialect == "responses" else 2]] * 100])
    given: Asked = {"base_url": "http://models.example/v1", "sleep": clock.sleep, "clock": clock, "network": network}
    with pytest.raises(ModelUnavailable, match="over 1,000 bytes"):
        connect(api_key=KEY, model="m", api=dialect, **given).complete(request())


def test_a_dead_host_is_found_by_the_probes_of_tcp() -> None:
    clock = Clock()
    network = Network(clock, good("chat"))
    connect(api_key=KEY, model="m", base_url="http://models.example/v1", clock=clock, network=network).complete(
        request()
    )
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in network.options
    assert (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15) in network.options


@pytest.mark.parametrize(
    ("scripts", "at_most"),
    [
        ([[*begun("chat"), End.RESET], good("chat")], 1 + (1_200 + 90 * 10) / 1e6),
        ([[*begun("chat"), End.RESET]] * 2, 2),
        ([counted("chat"), good("chat")], (2_200 + 97 * 10) / 1e6),
        ([good("chat")], (1_200 + 90 * 10) / 1e6),
    ],
    ids=["lost-then-answered", "lost", "counted", "answered"],
)
def test_what_a_broken_stream_cost_is_known_or_estimated_but_never_invented(
    scripts: Sequence[Script], at_most: float
) -> None:
    clock = Clock()
    network = Network(clock, *scripts)
    given: Asked = {"base_url": "http://models.example/v1", "sleep": clock.sleep, "clock": clock, "network": network}
    prices = {"m": Price(1.0, 1.0, 10.0)}
    budget = Budget(requests=9, input_tokens=90_000, seconds=RUN, clock=clock, prices=prices, usd=20)
    question = Question("review", "Find faults.", (), Note, lambda _: None)
    ask(question, connect(api_key=KEY, model="m", **given), budget, key=b"key", redact=str)
    estimated = network.bodies[0]["max_tokens"] * 10 / 1e6
    assert budget.at_most_usd is not None
    if at_most < 1:
        assert budget.cost_usd == budget.at_most_usd == pytest.approx(at_most)
    else:
        whole_part, rest = divmod(at_most, 1)
        assert budget.cost_usd is None
        assert budget.at_most_usd == pytest.approx(whole_part * estimated + rest, abs=0.003)
        assert budget.usd == pytest.approx(20 - budget.at_most_usd)
