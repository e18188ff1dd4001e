"""Memories lie beside the answers of the same directory, each kind with its own limits."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.adapters.cache.answers import ANSWERS, AnswerCache
from cicd_agent.adapters.cache.blob_store import LayeredStore, Limits, Namespace
from cicd_agent.adapters.cache.folder import FolderStore
from cicd_agent.adapters.cache.incremental_state import STATE, StateCache
from cicd_agent.app.cache import IncrementalState
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.modes.review.mode import MODE
from tests.adapters.models.questions import request
from tests.support.fakes.scripted_model import ScriptedModel

NOW = 1_790_000_000.0
DAY = 24 * 3600.0


class Place:
    """A directory, the time, and what was noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.notes: list[str] = []
        self.most = STATE.max_entries

    def store(self, namespace: Namespace) -> LayeredStore:
        limits = replace(Limits.of(namespace, 50, 30), entries=self.most)
        store = FolderStore(self.folder, namespace, limits, now=lambda: self.now, note=self.notes.append)
        return LayeredStore([store], self.notes.append)

    @property
    def files(self) -> StateCache:
        return StateCache(self.store(STATE), secret=b"s")

    def write(self, *names: str) -> None:
        """One memory after the other, a minute apart."""
        for name in names:
            before = {*self.folder.iterdir()}
            self.files.write(name, [f"about {name}"])
            for path in {*self.folder.iterdir()} - before:
                os.utime(path, (self.now, self.now))
            self.now += 60

    def answer(self, text: str) -> None:
        model = ScriptedModel(text, name="m")
        cache = AnswerCache(
            model, self.store(ANSWERS), secret=b"s", scope={}, seconds=DAY, redact=str, now=lambda: self.now
        )
        cache.complete(request(evidence=text))
        cache.save()

    def known(self, *names: str) -> list[bool]:
        return [self.files.read(name) == (f"about {name}",) for name in names]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_each_thing_has_its_own_memory_and_the_last_one_counts(place: Place) -> None:
    place.write("a", "b", "a")
    assert place.known("a", "b", "c") == [True, True, False]
    assert len([*place.folder.iterdir()]) == 2
    place.files.write("a", [])
    assert place.known("a") == [True]
    assert place.notes == []


def test_what_was_written_longest_ago_goes_first_and_answers_stay(place: Place) -> None:
    place.most = 2
    place.answer("one")
    place.write("a", "b", "c")
    assert place.known("a", "b", "c") == [False, True, True]
    place.answer("two")
    assert place.known("b", "c") == [True, True]
    assert len([*place.folder.iterdir()]) == 4


def test_old_memories_and_what_killed_runs_left_are_removed_and_nothing_else_is(place: Place) -> None:
    half = place.folder / f".memory-{'a' * 64}.json.{'b' * 16}"
    others = [place.folder / name for name in ("memory-1.json", "notes.json", f"{'a' * 64}.json")]
    for path in (half, *others):
        path.write_text("")
        os.utime(path, (NOW - 40 * DAY, NOW - 40 * DAY))
    place.write("a")
    place.now += 31 * DAY
    place.write("b")
    assert place.known("a", "b") == [False, True]
    assert not half.exists()
    assert all(path.exists() for path in others)


def test_a_directory_that_is_gone_is_noted(place: Place) -> None:
    place.folder.rmdir()
    assert place.files.read("a") == ()
    place.files.write("a", ["x"])
    assert len(place.notes) == 1
    assert "could not be kept" in place.notes[0]


PULL = Event(EventKind.PULL_REQUEST, repo="o/r", pull=PullRequest(1))
CHANGE = Change("a", "b", ChangeSource.GIT, ())


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (Event(EventKind.PUSH, repo="o/r"), Event(EventKind.PUSH, repo="o/r")),
        (Event(EventKind.LOCAL), Event(EventKind.LOCAL)),
        (PULL, Event(EventKind.PULL_REQUEST, repo="o/r", pull=PullRequest(2))),
        (Event(EventKind.PUSH, repo="o/r"), PULL),
    ],
    ids=["a push", "a local review", "evidence of another one", "a job of none"],
)
def test_only_the_pull_request_of_the_job_is_remembered(place: Place, event: Event, told: Event) -> None:
    state = IncrementalState(place.files)
    key = MODE.state_key
    state.save(["x"], key(Evidence(told, CHANGE), event))
    assert not [*place.folder.iterdir()]
    state.save(["x"], key(Evidence(PULL, CHANGE), PULL))
    assert state.load(Evidence(PULL, CHANGE), key(Evidence(PULL, CHANGE), PULL)).memory == "x"
    assert state.load(Evidence(told, CHANGE, memory="evil"), key(Evidence(told, CHANGE), event)).memory == ""
