"""Threads that ask GitHub at the same time each get their own answer, and share what is counted and told."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from github.Requester import HTTPRequestsConnectionClass

from cicd_agent.adapters.github.channel import Channel
from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.adapters.github.transport import Wire
from cicd_agent.domain.gate_evidence import RequiredCheck, RequiredChecks
from tests.support.servers.github.app import FakeGitHub

EIGHT = 8
SHA = "c" * 40


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r").shas.add(SHA)
        yield hub


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    rights = dict.fromkeys(("pull_requests", "deployments", "checks", "statuses", "actions", "issues"), "write")
    with GitHubForge(hub.add_token("ghs_gate", **rights), "o/r", api_url=hub.url, sleep=lambda _: None) as forge:
        yield forge


@pytest.fixture
def abreast(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request is sent before eight are ready to be: then one that shares its place with others is lost for sure."""
    ready = threading.Barrier(EIGHT)
    prepare = HTTPRequestsConnectionClass.request

    def prepared(*given: Any, **named: Any) -> None:
        prepare(*given, **named)
        ready.wait(20)

    monkeypatch.setattr(HTTPRequestsConnectionClass, "request", prepared)


def at_once(works: list[Callable[[], object]]) -> list[object]:
    """All of them in threads of their own that begin together."""
    gate = threading.Barrier(len(works))

    def begin(work: Callable[[], object]) -> object:
        gate.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))


@pytest.mark.usefixtures("abreast")
def test_each_of_eight_that_ask_the_same_kind_of_thing_gets_its_own(hub: FakeGitHub, forge: GitHubForge) -> None:
    names = [f"branch-{at}" for at in range(EIGHT)]
    for name in names:
        hub.gate.require(name, f"check of {name}")
    found = at_once([partial(forge.gates.required, name) for name in names])
    assert found == [RequiredChecks((RequiredCheck(f"check of {name}"),)) for name in names]
    assert forge.requests == len(hub.received) == 2 * EIGHT


@pytest.mark.usefixtures("abreast")
def test_what_is_posted_side_by_side_arrives_as_it_was_sent(hub: FakeGitHub, forge: GitHubForge) -> None:
    made = [hub.gate.add_deployment(SHA, f"place-{at}") for at in range(EIGHT)]
    at_once([partial(forge.gates.set_deployment_status, one.id, "success", f"of {one.id}", "") for one in made])
    assert [[said.description for said in one.statuses] for one in made] == [[f"of {one.id}"] for one in made]


def test_eight_different_things_are_read_at_once(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.add_pull(7)
    scene, gates = hub.gate, forge.gates
    scene.merge(7, SHA)
    scene.add_check(SHA, "test")
    scene.require("main", "test")
    scene.add_run("main")
    scene.add_deployment(SHA, "production", "success")
    scene.add_incident("down")
    scene.say(7, "octocat", "/approve-deploy 0123456789ab")
    scene.permit("octocat", "admin")
    works: list[Callable[[], object]] = [
        lambda: gates.checks(SHA)[0].name,
        lambda: gates.required("main"),
        lambda: gates.origins([SHA])[0][1].number,
        lambda: gates.ended_since("main", 0)[0].branch,
        lambda: gates.deployments("production")[0].state,
        lambda: gates.incidents("incident")[0].title,
        lambda: gates.approval_comments(7, 0)[0].author,
        lambda: gates.permission("octocat"),
    ]
    alone = [work() for work in works]
    assert alone == ["test", RequiredChecks((RequiredCheck("test"),)), 7, "main", "success", "down", "octocat", "admin"]
    asked = len(hub.received)
    assert at_once(works) == alone
    assert len(hub.received) == 2 * asked == forge.requests


def test_who_we_are_is_asked_once_whoever_wants_to_know(hub: FakeGitHub) -> None:
    wire = Wire(hub.token, hub.url, timeout=5, ca_bundle="", sleep=lambda _: None)
    channel = Channel(wire, "o/r")
    assert at_once([lambda: channel.login] * EIGHT) == ["github-actions[bot]"] * EIGHT
    wire.close()
    assert wire.requests == 1


def test_a_limit_is_told_once_by_whomever_it_is_met(hub: FakeGitHub) -> None:
    channel = Channel(Wire(hub.token, hub.url, timeout=5, ca_bundle="", sleep=lambda _: None), "o/r")

    def note() -> None:
        for at in range(200):
            channel.note(f"limit {at}")

    at_once([note] * EIGHT)
    assert sorted(channel.notes) == sorted(f"limit {at}" for at in range(200))
