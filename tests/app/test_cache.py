"""Where a run keeps what it was answered, and under which secret, says one place; what is not shared is said once."""

import contextlib
import hashlib
from pathlib import Path

import pytest

from cicd_agent.adapters.cache.answers import ANSWERS
from cicd_agent.app import cache as module
from cicd_agent.app.cache import Cache, CacheConfig, open_cache
from cicd_agent.settings.loader import load

NOW = 1_790_000_000.0
PASSWORD = "hush" + "-4711-hush"
WITH_PASSWORD = f"redis://:{PASSWORD}@127.0.0.1:1/0"
WITHOUT = "redis://127.0.0.1:1/0"


class Run:
    """What a run with these inputs, this REDIS_URL and perhaps a directory keeps, and what it was told."""

    def __init__(self, redis_url: str = "", folder: Path | None = None, *, key: str = "", text: str = "") -> None:
        self.notes: list[str] = []
        settings = load({"openai-api-key": key}, text).settings
        with contextlib.ExitStack() as closing:
            self.cache: Cache = open_cache(
                settings,
                CacheConfig(folder, lambda: NOW, self.notes.append, redis_url=redis_url, on_close=closing.callback),
            )

    @property
    def places(self) -> list[str]:
        """Where answers lie, the nearest first."""
        caches = self.cache.answers([], str)
        assert caches == {}
        state = self.cache.incremental_state(str)
        stores = state.store.store.stores if state.store else ()
        return [store.location for store in stores[::-1]]


REDIS = "Redis at 127.0.0.1:1"
FOLDER = "`cache-dir`"


def test_with_a_key_answers_lie_in_both_places_the_directory_first(tmp_path: Path) -> None:
    for url in (WITHOUT, WITH_PASSWORD):
        run = Run(url, tmp_path, key="k")
        assert run.places == [FOLDER, REDIS]
        assert Run(url, key="k").places == [REDIS]
        assert run.notes == []
    assert Run("", tmp_path, key="k").places == [FOLDER]


def test_the_secret_is_made_from_the_key_wherever_answers_lie(tmp_path: Path) -> None:
    runs = [Run(WITHOUT, key="k"), Run(WITH_PASSWORD, tmp_path, key="k"), Run("", tmp_path, key="k")]
    assert len({run.cache.secret for run in runs}) == 1
    assert Run(WITHOUT, key="l").cache.secret != runs[0].cache.secret
    assert not [*tmp_path.iterdir()]


def test_without_a_key_the_password_of_the_url_makes_the_secret(tmp_path: Path) -> None:
    alone, both = Run(WITH_PASSWORD), Run(WITH_PASSWORD, tmp_path)
    assert alone.cache.secret == both.cache.secret
    assert (alone.places, both.places) == ([REDIS], [FOLDER, REDIS])
    assert not [*tmp_path.iterdir()]
    assert Run(WITH_PASSWORD.replace("hush", "shh")).cache.secret != alone.cache.secret
    assert alone.notes == both.notes == []
    # Who uses one word for both gives neither away by the other.
    assert Run(WITHOUT, key=PASSWORD).cache.secret != alone.cache.secret
    assert PASSWORD not in repr(alone.cache)
    assert hashlib.sha256(PASSWORD.encode()).digest() != alone.cache.secret


def test_without_a_key_and_a_password_nothing_is_shared_and_one_line_says_why(tmp_path: Path) -> None:
    alone, both = Run(WITHOUT), Run(WITHOUT, tmp_path)
    assert (alone.places, both.places) == ([], [FOLDER])
    assert alone.notes == both.notes
    [note] = alone.notes
    assert "not shared" in note
    assert "no password in the URL" in note
    assert Run(WITHOUT).cache.secret != alone.cache.secret
    assert Run("", tmp_path).cache.secret == both.cache.secret


@pytest.mark.parametrize("url", ["localhost:6379", f"redis://:{PASSWORD}@host?x=1"])
def test_a_url_that_is_none_is_told_and_stops_nothing(url: str, tmp_path: Path) -> None:
    run = Run(url, tmp_path, key="k")
    assert run.places == [FOLDER]
    [note] = run.notes
    assert "not shared" in note
    assert "REDIS_URL cannot be used" in note
    assert PASSWORD not in note


def test_a_client_that_is_not_installed_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    alone, both = Run(WITHOUT, key="k"), Run(WITHOUT, tmp_path, key="k")
    assert (alone.places, both.places) == ([], [FOLDER])
    assert alone.notes == both.notes
    assert "Install cicd-agent[redis]" in alone.notes[0]
    assert alone.cache.secret == both.cache.secret


def test_who_keeps_nothing_has_a_secret_all_the_same() -> None:
    settings = load({"openai-api-key": "k"}, "").settings
    nothing = open_cache(settings, None)
    assert nothing.secret == Run(WITHOUT, key="k").cache.secret
    assert nothing.answers([], str) == {}
    assert nothing.incremental_state(str).store is None
    assert open_cache(load({}, "").settings, None).secret != open_cache(load({}, "").settings, None).secret


def test_the_file_sets_the_limits() -> None:
    run = Run(WITHOUT, key="k", text="cache-max-mb: 3\ncache-max-days: 2\n").cache
    assert run.config is not None
    limits = run._store(run.config, ANSWERS)[1]
    assert (limits.size, limits.seconds) == (3_000_000, 2 * 24 * 3600)
