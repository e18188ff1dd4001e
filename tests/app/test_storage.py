"""Which account book a run gets, and what of it modes are shown."""

from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.lines.store import LinesStore
from cicd_agent.adapters.storage.sql.store import SqlStore
from cicd_agent.app import storage as storing
from cicd_agent.app.storage import StoredState, open_store
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.errors import ConfigError, StoreRefused
from cicd_agent.settings.environment import Environment
from tests.support.fakes.store import FakeStore

TERMINAL = Environment()


def on_actions(place: Path) -> Environment:
    return Environment(on_actions=True, runner_temp=str(place / "temp"), workspace=str(place / "checkout"))


def test_on_actions_a_book_that_ends_with_the_job_is_begun_without_being_asked(tmp_path: Path) -> None:
    opened = open_store({}, on_actions(tmp_path), tmp_path)
    assert opened is not None
    assert isinstance(opened.store, LinesStore)
    assert opened.ends


def test_at_a_terminal_nothing_is_kept_unless_somebody_says_where(tmp_path: Path) -> None:
    assert open_store({}, TERMINAL, tmp_path) is None
    assert open_store({"state-dir": "OFF"}, on_actions(tmp_path), tmp_path) is None


def test_a_database_of_another_kind_is_the_projects_own(tmp_path: Path) -> None:
    opened = open_store({}, replace(on_actions(tmp_path), database_url="mysql://app@db.test/app"), tmp_path)
    assert opened is not None
    assert isinstance(opened.store, LinesStore)
    assert "no PostgreSQL" in opened.note
    assert open_store({}, Environment(database_url="sqlite:///app.db"), tmp_path) is None


def test_who_names_a_directory_means_it_whatever_database_there_is(tmp_path: Path) -> None:
    environment = Environment(database_url="postgresql://nobody@127.0.0.1:9/none")
    opened = open_store({"state-dir": str(tmp_path)}, environment, tmp_path)
    assert opened is not None
    assert opened.store.place == str(tmp_path / "state.db")
    opened.store.close()


def test_a_directory_holds_a_database_that_only_its_owner_reads(tmp_path: Path) -> None:
    opened = open_store({"state-dir": "book"}, TERMINAL, tmp_path)
    assert opened is not None
    assert isinstance(opened.store, SqlStore)
    opened.store.close()
    assert not opened.ends
    assert (tmp_path / "book").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "book/state.db").stat().st_mode & 0o777 == 0o600


def test_without_its_library_the_book_is_lines_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "find_spec", lambda _: None)
    opened = open_store({"state-dir": "book"}, TERMINAL, tmp_path)
    assert opened is not None
    assert isinstance(opened.store, LinesStore)
    assert "cicd-agent[state]" in opened.note


def test_a_book_that_was_begun_in_lines_goes_on_in_lines(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").touch()
    opened = open_store({"state-dir": str(tmp_path)}, TERMINAL, tmp_path)
    assert opened is not None
    assert isinstance(opened.store, LinesStore)
    assert not opened.note


def test_a_database_without_its_library_is_refused_and_no_second_book_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state.db").touch()
    monkeypatch.setattr(storing, "find_spec", lambda _: None)
    with pytest.raises(StoreRefused, match=r"cicd-agent\[state\]"):
        open_store({"state-dir": str(tmp_path)}, TERMINAL, tmp_path)
    assert not (tmp_path / "audit.jsonl").exists()


@pytest.mark.parametrize("name", ["checkout", "checkout/state", "link"])
def test_the_checkout_holds_no_book_on_actions(tmp_path: Path, name: str) -> None:
    (tmp_path / "checkout").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "checkout")
    with pytest.raises(ConfigError, match="lies in the checkout"):
        open_store({"state-dir": name}, on_actions(tmp_path), tmp_path)


def test_what_is_no_path_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a path"):
        open_store({"state-dir": "a\0b"}, TERMINAL, tmp_path)


def test_modes_see_facts_under_the_name_that_the_repository_has_for_them() -> None:
    """On another server than github.com a chain is named with its host."""
    store = FakeStore()
    chain = "git.example.com/octo/app"
    store.put([Fact(chain, FactKind.TESTS, "a" * 40, 10), Fact("octo/app", FactKind.TESTS, "b" * 40, 10)])
    known = StoredState(store, chain, "octo/app").known(FactKind.TESTS)
    assert [(fact.repository, fact.subject) for fact in known.facts] == [("octo/app", "a" * 40)]
    assert not known.trusted
