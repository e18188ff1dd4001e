"""A scheduled run looks for flaky tests at the commit as it is, and all that it finds out is told."""

from pathlib import Path

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.effects import Artifact, Output
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.errors import ConfigError
from cicd_agent.modes.gen_tests import page as pages
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, Suite, SuiteState, TestEvidence
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyHunt, FlakyKind, FlakyTest, RefusedFix
from cicd_agent.modes.gen_tests.gather import declines, gather
from cicd_agent.modes.gen_tests.page import sentence
from cicd_agent.modes.gen_tests.report import report
from cicd_agent.modes.gen_tests.verdict import rules
from cicd_agent.modes.protocol import Account, Ports
from cicd_agent.settings.loader import load
from tests.modes.gen_tests.flaky import worlds as flaky_world
from tests.support.pages import markdown
from tests.support.repos import TempRepo

summary = markdown(pages.page)

SETTINGS = load({"detect-flaky": "12"}, None).settings
FOUND = FlakyTest(
    "tests/test_a.py::test_it[a | b]", FlakyKind.ORDER, 2, 12, "AssertionError: no", ("tests/test_b.py::test_other",)
)


def told(hunt: FlakyHunt, state: SuiteState = SuiteState.GREEN) -> tuple[str, str]:
    """The sentence and the summary."""
    seen = Evidence(Event(kind=EventKind.SCHEDULE), flaky_world.evidence().change).put(
        TEST_EVIDENCE, TestEvidence(Suite(state, "1 test fails"), hunt=hunt)
    )
    generated = rules(seen, SETTINGS)
    return sentence(generated), summary(generated, seen, Account(), SETTINGS)


def test_a_scheduled_run_hunts_at_the_commit_that_is_checked_out(tmp_path: Path) -> None:
    repo = TempRepo(tmp_path / "repo")
    module = "def test_it():\n    assert True\n"
    sha = repo.commit({"tests/test_b.py": module, "shop.py": "x = 1\n"})
    lab = flaky_world.pytest_runner({"b_it": lambda one, _: one.hash_seed % 2 == 0, "b_other": flaky_world.stable})
    world = Ports(GitRepository(repo.path, {"PATH": "/usr/bin:/bin"}), pytest_runner=lambda _: lab)
    seen = gather(Event(kind=EventKind.SCHEDULE), world, SETTINGS)
    assert seen.change
    assert (seen.change.head, seen.change.files) == (sha, ())
    hunt = seen[TEST_EVIDENCE].hunt
    assert hunt
    assert [(each.nodeid, each.kind) for each in hunt.found] == [(flaky_world.nodeid("b_it"), FlakyKind.HASH_ORDER)]
    assert seen[TEST_EVIDENCE].modules == {"tests/test_b.py": module}
    plan = report(rules(seen, SETTINGS), seen, Account(), SETTINGS)
    outputs = {each.name: each.value for each in plan.effects if isinstance(each, Output)}
    assert outputs["flaky_tests"] == '["tests/test_b.py::test_b_it"]'
    assert not [each for each in plan.effects if isinstance(each, Artifact) and each.output == "patch_file"]


def test_without_a_checkout_it_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="actions/checkout"):
        gather(Event(kind=EventKind.SCHEDULE), Ports(), SETTINGS)


def test_a_scheduled_run_that_is_to_look_for_nothing_is_declined() -> None:
    assert "detect-flaky" in (declines(Event(kind=EventKind.SCHEDULE), load({}, None).settings) or "")
    assert declines(Event(kind=EventKind.SCHEDULE), SETTINGS) is None


def test_what_was_found_stands_in_the_summary_with_its_fixes_and_those_that_were_refused() -> None:
    fixed = FlakyTest(
        "tests/test_a.py::test_two", FlakyKind.TIME, 1, 12, patch="--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"
    )
    refused = FlakyTest("tests/test_a.py::test_three", FlakyKind.TIME, 1, 12, refused=(RefusedFix("k", "it sleeps"),))
    said, page = told(FlakyHunt(12, 12, 40, (FOUND, fixed, refused), ("7 runs of 12",)))
    assert said.endswith("3 flaky tests")
    for words in ("2 of 12", "test_other", "+b", "it sleeps", "7 runs of 12"):
        assert words in page


def test_a_suite_that_cannot_be_used_hides_no_flaky_test() -> None:
    said, page = told(FlakyHunt(12, 12, 40, (FOUND,)), SuiteState.BROKEN)
    assert said == "No tests were written: the project's tests cannot be used: 1 test fails, 1 flaky test"
    assert "test_it" in page


def test_nothing_is_claimed_where_no_run_came_to_its_end() -> None:
    said, page = told(FlakyHunt(12, 0, 0, notes=("12 runs did not come to an end",)))
    assert "flaky" not in said
    assert "No flaky test" not in page
    assert "Flaky tests: no result, because 12 runs did not come to an end." in page
