"""Which audit log a run gets, and what of it modes are shown."""

from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.adapters.storage import store as storing
from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.app.storage import StoredState, existing_store, open_store
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.errors import ConfigError, StoreRefused
from cicd_agent.settings.environment import Environment
from tests.adapters.storage.books import run
from tests.support.fakes.store import FakeStore

TERMINAL = Environment()


def on_actions(place: Path) -> Environment:
    return Environment(on_actions=True, runner_temp=str(place / "temp"), workspace=str(place / "checkout"))


def test_nothing_is_kept_unless_somebody_says_where(tmp_path: Path) -> None:
    for environment in (TERMINAL, on_actions(tmp_path)):
        assert open_store({}, environment, tmp_path) is None
        assert open_store({"state-dir": "OFF"}, environment, tmp_path) is None


def test_a_database_of_another_kind_is_the_projects_own(tmp_path: Path) -> None:
    assert open_store({}, replace(on_actions(tmp_path), database_url="mysql://app@db.test/app"), tmp_path) is None
    assert open_store({}, Environment(database_url="sqlite:///app.db"), tmp_path) is None


def test_who_names_a_directory_means_it_whatever_database_there_is(tmp_path: Path) -> None:
    environment = Environment(database_url="postgresql://nobody@127.0.0.1:9/none")
    opened = open_store({"state-dir": str(tmp_path)}, environment, tmp_path)
    assert opened is not None
    assert opened.location == str(tmp_path / "state.db")
    opened.close()


def test_a_directory_holds_a_database_that_only_its_owner_reads(tmp_path: Path) -> None:
    opened = open_store({"state-dir": "book"}, TERMINAL, tmp_path)
    assert opened is not None
    assert isinstance(opened, SqlStore)
    opened.close()
    assert (tmp_path / "book").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "book/state.db").stat().st_mode & 0o777 == 0o600


def test_a_server_without_its_driver_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "find_spec", lambda _: None)
    with pytest.raises(StoreRefused, match=r"db.test/fleet cannot be used.*Install cicd-agent\[postgres\]"):
        open_store({}, Environment(database_url="postgresql://agent@db.test/fleet"), tmp_path)


def test_who_only_reads_makes_no_log(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no audit log in `state-dir`"):
        existing_store({"state-dir": str(tmp_path)}, TERMINAL, tmp_path)
    assert list(tmp_path.iterdir()) == []


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
    facts = [Fact(chain, FactKind.TESTS, "a" * 40, 10), Fact("octo/app", FactKind.TESTS, "b" * 40, 10)]
    store.append(run(repository=chain), facts)
    known = StoredState(store, chain, "octo/app").find(FactKind.TESTS)
    assert [(fact.repository, fact.subject) for fact in known.facts] == [("octo/app", "a" * 40)]
    assert not known.trusted
