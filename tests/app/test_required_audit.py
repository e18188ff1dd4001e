"""A gate whose policy demands an account holds what cannot be accounted for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jobs.gate import GateJobs
from tests.support.servers.github.app import FakeGitHub

DEMANDED = "require-audit: on\n"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub) -> GateJobs:
    return GateJobs(tmp_path, hub, config=DEMANDED)


def writes(hub: FakeGitHub) -> list[str]:
    return [each.path for each in hub.received if each.method != "GET" and each.path != "/graphql"]


def test_what_is_entered_in_a_book_that_lasts_proceeds(jobs: GateJobs, tmp_path: Path) -> None:
    left = jobs.run(state_dir=str(tmp_path / "book"))
    assert (left.exit, left.outputs["decision"]) == (0, "proceed"), left.log
    assert left.report["audit"]["state"] == "recorded"
    assert (tmp_path / "book/state.db").exists()


@pytest.mark.parametrize("told", ["", "off"])
def test_without_a_book_that_lasts_nothing_proceeds(jobs: GateJobs, hub: FakeGitHub, told: str) -> None:
    left = jobs.run(state_dir=told)
    assert (left.exit, left.outputs["decision"]) == (2, "hold"), left.log
    assert "`require-audit` demands" in left.outputs["summary"]
    assert writes(hub) == []


def test_a_book_that_refuses_holds(jobs: GateJobs, hub: FakeGitHub, tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book/state.db").write_bytes(b"this is no database, and was one yesterday" * 100)
    left = jobs.run(state_dir=str(tmp_path / "book"))
    assert (left.exit, left.outputs["decision"], left.report["audit"]["state"]) == (2, "hold", "failed"), left.log
    assert writes(hub) == []


def test_a_shadow_says_so_and_stops_nothing(jobs: GateJobs) -> None:
    left = jobs.run(enforce="shadow")
    assert (left.exit, left.outputs["decision"]) == (0, "proceed"), left.log


def test_nobody_else_is_held_by_a_book_that_refuses(hub: FakeGitHub, tmp_path: Path) -> None:
    (tmp_path / "book").write_text("a file")
    left = GateJobs(tmp_path, hub).run(state_dir=str(tmp_path / "book"))
    assert (left.exit, left.outputs["decision"], left.report["audit"]["state"]) == (0, "proceed", "failed"), left.log
