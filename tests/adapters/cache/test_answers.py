"""What was answered once is not asked again, and nothing but our own answers is ever read."""

import json
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.cache import answers as tape_cache
from cicd_agent.adapters.cache.answers import ANSWERS, AnswerCache
from cicd_agent.adapters.cache.blob_store import LayeredStore, Limits
from cicd_agent.adapters.cache.folder import INSTALLATION, FolderStore, installation_secret, open_folder
from cicd_agent.agent.messages import Reply, Stop
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import ConfigError
from tests.adapters.models.questions import request
from tests.support.fakes.scripted_model import ScriptedModel, Step

NOW = 1_790_000_000.0
DAY = 24 * 3600.0


class Place:
    """A cache directory, the time, and what was noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.limits = Limits.of(ANSWERS, 50, 30)
        self.notes: list[str] = []

    def cache(self, *steps: Step, name: str = "m", secret: bytes = b"s", **changes: Any) -> AnswerCache:
        given: dict[str, Any] = {"scope": {"server": "a"}, "redact": str, "seconds": self.limits.seconds} | changes
        model = ScriptedModel(*steps, name=name)
        store = FolderStore(self.folder, ANSWERS, self.limits, now=lambda: self.now, note=self.notes.append)
        layers = LayeredStore([store], self.notes.append)
        return AnswerCache(model, layers, secret=secret, now=lambda: self.now, **given)

    def fill(self, *texts: str, **changes: Any) -> None:
        """Ask and keep one answer for each text, a minute apart; the answer is the text."""
        for text in texts:
            cache = self.cache(text, **changes)
            cache.complete(request(evidence=text))
            cache.save()
            self.now += 60
            os.utime(self.newest, (self.now, self.now))

    @property
    def entries(self) -> list[Path]:
        return sorted(self.folder.glob("?" * 64 + ".json"), key=lambda path: path.stat().st_mtime)

    @property
    def newest(self) -> Path:
        return self.entries[-1]

    def hit(self, text: str = "one", **changes: Any) -> bool:
        """Whether the answer is there; a miss asks a model that answers something else."""
        return self.cache("asked", **changes).complete(request(evidence=text)).text == text


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(open_folder(tmp_path / "deep" / "cache"))


def test_a_question_that_was_answered_costs_nothing(place: Place) -> None:
    place.cache(Reply("hello", usage=Usage(1, 10, 2), model="m-1", items=({"a": 1},))).complete(request())
    assert not place.entries
    asked = place.cache(Reply("hello", usage=Usage(1, 10, 2), model="m-1", items=({"a": 1},)))
    asked.complete(request())
    asked.save()
    kept = place.cache().complete(request(seconds=3.0, max_output_tokens=17))
    spared = Usage(from_cache=1, spared_input=10, spared_output=2)
    assert kept == Reply("hello", usage=spared, model="m-1", items=({"a": 1},))
    assert place.notes == []


def test_what_an_answer_had_cost_is_unknown_where_the_server_did_not_say() -> None:
    known, unknown = Usage(from_cache=1, spared_input=10, spared_output=2), Usage(1, None, None)
    assert known + known == Usage(from_cache=2, spared_input=20, spared_output=4)
    assert (known + unknown).spared_input == 10
    assert (known + Usage(from_cache=1, spared_input=None)).spared_input is None


def test_what_a_kept_answer_spares_is_unknown_where_its_server_did_not_say(place: Place) -> None:
    asked = place.cache(Reply("one", usage=Usage(1, None, None, None, None)))
    asked.complete(request())
    asked.save()
    kept = place.cache().complete(request())
    assert kept.usage == Usage(from_cache=1, spared_input=None, spared_output=None)


def test_an_answer_that_was_not_accepted_is_asked_for_again(place: Place) -> None:
    cache = place.cache("one", "two")
    cache.complete(request(evidence="one"))
    cache.discard()
    cache.save()
    assert not place.hit("one")


@pytest.mark.parametrize("stop", [stop for stop in Stop if stop is not Stop.DONE])
def test_only_whole_answers_are_kept(place: Place, stop: Stop) -> None:
    cache = place.cache(Reply("one", stop))
    cache.complete(request(evidence="one"))
    cache.save()
    assert not place.entries


def test_an_answer_that_holds_a_secret_is_not_kept(place: Place) -> None:
    place_cache = place.cache("my hush", redact=lambda text: text.replace("hush", "***"))
    place_cache.complete(request())
    place_cache.save()
    assert not place.entries


def test_no_question_stands_in_the_cache(place: Place) -> None:
    place.fill("one")
    assert "x = 1" not in place.newest.read_text()
    assert stat.S_IMODE(place.newest.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "changes",
    [{"name": "n"}, {"secret": b"t"}, {"scope": {"server": "b"}}, {"scope": {"server": "a", "headers": "X: 1"}}],
    ids=["model", "key", "server", "headers"],
)
def test_nothing_is_shared_between_models_keys_and_servers(place: Place, changes: dict[str, Any]) -> None:
    place.fill("one")
    assert place.hit()
    assert not place.hit(**changes)
    assert not place.hit("two")


def _forge(path: Path, change: Callable[[Any], Any]) -> bytes:
    mac, body = path.read_text().split("\n")
    return f"{mac}\n{json.dumps(change(json.loads(body)))}".encode()


DAMAGES: dict[str, Callable[[Path], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda path: path.read_bytes()[:-9],
    "bytes": lambda _: b"\xff\x00\xfe",
    "no signature": lambda path: path.read_bytes().split(b"\n")[1],
    "another answer": lambda path: _forge(path, lambda entry: {**entry, "reply": {**entry["reply"], "text": "evil"}}),
    "a longer life": lambda path: _forge(path, lambda entry: {**entry, "at": NOW + DAY}),
    "a bit": lambda path: path.read_bytes().replace(b"one", b"ona"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_what_is_damaged_or_forged_is_not_used_and_is_noted(place: Place, damage: Callable[[Path], bytes]) -> None:
    place.fill("one")
    place.newest.write_bytes(damage(place.newest))
    assert not place.hit()
    assert len(place.notes) == 1
    assert "not used" in place.notes[0]
    place.fill("one")
    assert place.hit()


def test_an_answer_is_not_taken_for_another_question(place: Place) -> None:
    place.fill("one", "two")
    one, two = place.entries
    one.write_bytes(two.read_bytes())
    assert not place.hit("one")


@pytest.mark.parametrize("kind", ["link", "folder", "fifo", "sparse"])
def test_only_regular_files_of_bearable_size_are_opened(place: Place, tmp_path: Path, kind: str) -> None:
    place.fill("one")
    path = place.newest
    real = path.rename(tmp_path / "elsewhere")
    match kind:
        case "link":
            path.symlink_to(real)
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case _:
            path.touch()
            os.truncate(path, 2_000_000_000)
    assert not place.hit()


@pytest.mark.parametrize("days", [30, 0.01])
def test_an_answer_lives_for_so_many_days(place: Place, days: float) -> None:
    place.limits = Limits.of(ANSWERS, 50, days)
    place.fill("one")
    place.now = NOW + 0.99 * days * DAY
    assert place.hit()
    place.now = NOW + 1.01 * days * DAY
    assert not place.hit()
    place.now = NOW - 2 * DAY
    assert not place.hit()
    assert place.notes == []


def test_what_was_used_longest_ago_goes_first(place: Place) -> None:
    place.limits = replace(place.limits, entries=3)
    place.fill("one", "two", "three")
    place.now += 60
    assert place.hit("one")
    place.fill("four")
    assert [place.hit(text) for text in ("one", "two", "three", "four")] == [True, False, True, True]


def test_the_directory_has_a_size(place: Place) -> None:
    place.fill("x" * 500, "y" * 500, "z" * 500)
    place.limits = Limits.of(ANSWERS, 0.002, 30)
    place.fill("w" * 500)
    assert len(place.entries) == 2
    assert place.hit("w" * 500)


def test_who_grants_more_bytes_grants_more_entries() -> None:
    assert [Limits.of(ANSWERS, megabytes, 1).entries for megabytes in (1, 50, 500)] == [1_000, 1_000, 10_000]


def test_an_answer_that_is_too_large_is_not_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape_cache, "MAX_BLOB", 100)
    cache = place.cache("x" * 500)
    cache.complete(request())
    cache.save()
    assert not place.entries


def test_old_entries_and_what_killed_runs_left_are_removed_and_nothing_else_is(place: Place) -> None:
    (place.folder / "notes.json").write_text("{}")
    half = place.folder / f".{'a' * 64}.json.{'b' * 16}"
    half.write_text("")
    os.utime(half, (NOW - DAY, NOW - DAY))
    place.fill("one")
    old = place.newest
    place.now += 31 * DAY
    place.fill("two")
    assert not half.exists()
    assert not old.exists()
    assert (place.folder / "notes.json").exists()


def test_a_directory_that_cannot_be_written_is_noted_and_the_run_goes_on(place: Place) -> None:
    cache = place.cache("one")
    for path in (*place.folder.iterdir(), place.folder):
        path.rmdir()
    assert cache.complete(request()).text == "one"
    cache.save()
    assert len(place.notes) == 1
    assert "could not be kept" in place.notes[0]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("file", "file/below", "nul\0"):
        with pytest.raises(ConfigError, match="`cache-dir`"):
            open_folder(tmp_path / name)


def test_runs_at_the_same_time_do_not_disturb_one_another(place: Place) -> None:
    wrong: list[str] = []

    def run(number: int) -> None:
        for index in range(20):
            text = f"{index}"
            cache = place.cache(text)
            if cache.complete(request(evidence=text)).text != text:
                wrong.append(f"{number} {text}")
            cache.save()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert place.notes == []
    assert len(place.entries) == len([*place.folder.iterdir()]) == 20
    assert all(place.hit(f"{index}") for index in range(20))


def test_without_a_key_a_secret_is_made_once_for_its_owner_alone(place: Place) -> None:
    made = installation_secret(place.folder, place.notes.append)
    assert len(made) > 32
    assert installation_secret(place.folder, place.notes.append) == made
    assert stat.S_IMODE((place.folder / INSTALLATION).stat().st_mode) == 0o600
    assert [path.name for path in place.folder.iterdir()] == [INSTALLATION]
    assert place.notes == []


@pytest.mark.parametrize("damage", [b"", b"short\n", b"\xff" * 65, b"g" * 64 + b"\n"])
def test_a_secret_that_is_damaged_is_made_again(place: Place, damage: bytes) -> None:
    (place.folder / INSTALLATION).write_bytes(damage)
    made = installation_secret(place.folder, place.notes.append)
    assert installation_secret(place.folder, place.notes.append) == made
    assert len(place.notes) == 1


@pytest.mark.parametrize("to", ["nowhere", "elsewhere"])
def test_a_link_in_the_place_of_the_secret_is_replaced_and_not_followed(place: Place, tmp_path: Path, to: str) -> None:
    (tmp_path / "elsewhere").write_text("0" * 64 + "\n")
    (place.folder / INSTALLATION).symlink_to(tmp_path / to)
    assert installation_secret(place.folder, place.notes.append) != b"0" * 64 + b"\n"
    assert not (place.folder / INSTALLATION).is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "0" * 64 + "\n"
    assert not (tmp_path / "nowhere").exists()


def test_two_runs_that_begin_together_take_the_same_secret(place: Place) -> None:
    start = threading.Barrier(6)
    found: list[bytes] = []

    def begin() -> None:
        start.wait()
        found.append(installation_secret(place.folder, place.notes.append))

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len({*found}) == 1
