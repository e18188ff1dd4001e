"""A suite with flaky tests of each kind, run in a sandbox: each is found and told why, and no other is named."""

from pathlib import Path

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, Suite, SuiteState, TestEvidence
from cicd_agent.modes.gen_tests.flaky.detection import hunt
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyKind
from tests.support.samples.flaky_project import CHANCE, LEFTOVER, ORDER, POLLUTED
from tests.support.test_runners import pytest_runner

EVIDENCE = Evidence(Event(kind=EventKind.SCHEDULE)).put(TEST_EVIDENCE, TestEvidence(Suite(SuiteState.RED, seconds=1.0)))
EXPECTED = {
    "test_plain": FlakyKind.ORDER,
    "test_starts_clean": FlakyKind.LEFTOVER,
    "test_draw": FlakyKind.RANDOMNESS,
    "test_first_name": FlakyKind.HASH_ORDER,
}


def test_each_flaky_test_is_found_with_its_kind_and_no_other_is_named(tmp_path: Path) -> None:
    """One run of everything, since that is what takes long."""
    files = {
        "shop.py": POLLUTED,
        "tests/test_order.py": ORDER,
        "tests/test_leftover.py": LEFTOVER,
        "tests/test_chance.py": CHANCE,
    }
    hunted = hunt(12, EVIDENCE, pytest_runner(tmp_path, files, seconds=900, width=2))
    assert (hunted.asked, hunted.runs, hunted.tests) == (12, 12, 13)
    found = {each.nodeid.rpartition("::")[2]: each for each in hunted.found}
    assert {name: each.kind for name, each in found.items()} == EXPECTED
    assert found["test_plain"].polluters == ("tests/test_order.py::test_loud",)
    assert found["test_starts_clean"].polluters == ("tests/test_leftover.py::test_writes",)
    assert "tests/report.txt" in found["test_starts_clean"].shown_by
    assert "test_age_of_a_file" in " ".join(hunted.notes)
