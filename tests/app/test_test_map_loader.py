"""What routing is told of the tests that a change can reach."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.analysis.test_selection import proof as affected_proof
from cicd_agent.analysis.test_selection import test_map as affected_map
from cicd_agent.analysis.test_selection.outline import outline
from cicd_agent.analysis.test_selection.proof import NEEDED, Proof, Shadow, extended
from cicd_agent.analysis.test_selection.test_map import KnownFunction, KnownSource, KnownTest, TestMap
from cicd_agent.app.context import RunContext
from cicd_agent.app.test_map_loader import reach
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.trials.test_run import AffectedTests, Outcome
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.loader import load
from tests.cli.test_affected_tests import FakePytestRunner
from tests.support.fakes.ports import FakeRepository
from tests.support.samples.changes import change_of

TESTS = "from app import a, b\n\n\ndef test_a():\n    a()\n\n\ndef test_b():\n    b()\n"
BEFORE = "def a():\n    return 1\n\n\ndef b():\n    return 2\n"
CHANGE = change_of(("app.py", BEFORE, BEFORE.replace("2", "3")))
A, B = "tests/test_app.py::test_a", "tests/test_app.py::test_b"
FILES = {"app.py": BEFORE, "tests/test_app.py": TESTS}


def source(text: str) -> KnownSource:
    found = outline(text)
    assert found is not None
    functions = {name: KnownFunction(each.body, early=False) for name, each in found.functions.items()}
    return KnownSource(found.units, functions, found.imports, found.guarded, {})


MAP = TestMap(
    "b" * 40,
    "3.12.4",
    {
        A: KnownTest(Outcome.PASSED, functions=frozenset({"tests/test_app.py::test_a", "app.py::a"})),
        B: KnownTest(Outcome.PASSED, functions=frozenset({"tests/test_app.py::test_b", "app.py::b"})),
    },
    {path: source(text) for path, text in FILES.items()},
)


def proof(runs: int = NEEDED) -> Proof:
    found = Proof()
    for at in range(runs):
        found = extended(found, Shadow(2, 1, 1.0, 0.5, ()), commit=f"c{at}", tree=f"t{at}")
    return found


class Place:
    """A folder that an earlier run has left its files in."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.top = folder / "checkout"
        self.cache.mkdir()
        self.top.mkdir()

    def leave(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.cache / name).write_text(text)

    def told(
        self, change: Change = CHANGE, version: str = "3.12.4", world: Ports | None = None
    ) -> AffectedTests | None:
        loaded = load({"cache-dir": str(self.cache)}, None)
        world = world or Ports(FakeRepository({"main": "b" * 40}))
        scene = RunContext(Event(EventKind.PUSH), loaded, world, top=self.top)
        return reach(scene, lambda _: FakePytestRunner(version=version))(change)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    found.leave({"test-map.json": affected_map.dump(MAP), "test-map.proof.json": affected_proof.dump(proof())})
    return found


def test_a_map_with_its_proof_tells_what_to_run(place: Place) -> None:
    words = "the last 20 shadow runs missed nothing and left out 20 tests"
    assert place.told() == AffectedTests((B,), (), 1, proved=True, proof=words)


def test_without_a_proof_it_is_told_as_what_would_be(place: Place) -> None:
    place.leave({"test-map.proof.json": affected_proof.dump(proof(3))})
    assert place.told() == AffectedTests((B,), (), 1, proved=False, proof="3 of 20 shadow runs without a miss")
    place.leave({"test-map.proof.json": "["})
    found = place.told()
    assert found is not None
    assert not found.proved


def test_where_no_test_has_to_run_pytest_is_told_so(place: Place) -> None:
    found = place.told(change_of(("README.md", "a\n", "b\n")))
    assert found is not None
    assert (found.select, found.run_all) == (("--collect-only",), ())


def test_without_a_map_nothing_is_told(place: Place) -> None:
    (place.cache / "test-map.json").unlink()
    assert place.told() is None
    assert place.told(world=Ports()) is None


@pytest.mark.parametrize(
    ("change", "version", "words"),
    [
        (CHANGE, "", "which Python runs the tests here is not known"),
        (CHANGE, "3.13.1", "this is Python 3.13.1"),
        (change_of(("conftest.py", "a = 1\n", "a = 2\n")), "3.12.4", "conftest.py"),
        (replace(CHANGE, base="c" * 40), "3.12.4", "made at bbbbbbbbbbbb"),
    ],
)
def test_in_doubt_every_test_runs(place: Place, change: Change, version: str, words: str) -> None:
    world = Ports(FakeRepository()) if change.base != "b" * 40 else None
    found = place.told(change, version, world)
    assert found is not None
    assert found.select == ()
    assert words in found.run_all[0]


def test_a_map_that_is_none_makes_every_test_run(place: Place) -> None:
    place.leave({"test-map.json": "{}"})
    found = place.told()
    assert found is not None
    assert "cannot be used" in found.run_all[0]
