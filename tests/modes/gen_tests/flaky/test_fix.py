"""A fix is offered when it comes through twenty runs and takes nothing from the tests; else it is said why not."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from cicd_agent.agent.messages import Answer
from cicd_agent.domain.effects import Artifact, Output
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.trials.test_run import Outcome, Perturbation, PytestRun, RunResult, TestOutcome
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, Suite, SuiteState, TestEvidence
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyHunt, FlakyKind, FlakyTest
from cicd_agent.modes.gen_tests.flaky.fix import RUNS, FixDraft, fix_questions, with_fixes
from cicd_agent.modes.gen_tests.report import report
from cicd_agent.modes.gen_tests.verdict import rules
from cicd_agent.modes.protocol import Account
from cicd_agent.settings.loader import load
from tests.modes.gen_tests.flaky import worlds as flaky_world
from tests.support.fakes.test_runner import FakePytestRunner

PATH = "tests/test_shop.py"
MODULE = """\
import shop


def test_names():
    names = list(shop.names())
    assert names == ["anna", "bert"]


def test_loud():
    shop.loud = True
    assert shop.mode() == "loud"


def test_plain():
    assert shop.mode() == "plain"
"""
NAMES = FlakyTest(f"{PATH}::test_names", FlakyKind.HASH_ORDER, 3, 9, failing=(Perturbation(hash_seed=7),))
PLAIN = FlakyTest(
    f"{PATH}::test_plain", FlakyKind.ORDER, 4, 9, polluters=(f"{PATH}::test_loud",), failing=(Perturbation(order=2),)
)


def patch(old: str, new: str, path: str = PATH, module: str = MODULE) -> str:
    """The patch that replaces one line."""
    lines = module.splitlines()
    place = lines.index(old)
    changed = [f"-{old}", *(f"+{line}" for line in new.splitlines())]
    about = [*(f" {line}" for line in lines[max(place - 2, 0) : place]), *changed]
    about += [f" {line}" for line in lines[place + 1 : place + 3]]
    size, fresh = sum(not line.startswith("+") for line in about), sum(not line.startswith("-") for line in about)
    return "\n".join(
        [
            f"--- a/{path}",
            f"+++ b/{path}",
            f"@@ -{max(place - 1, 1)},{size} +{max(place - 1, 1)},{fresh} @@",
            *about,
            "",
        ]
    )


SORTED = patch("    names = list(shop.names())", "    names = sorted(shop.names())")
UNDONE = patch("def test_loud():", "def test_loud(monkeypatch):\n    monkeypatch.setitem(shop.SETTINGS, 'loud', False)")


def evidence(*found: FlakyTest, modules: Mapping[str, str] | None = None) -> Evidence:
    hunt = FlakyHunt(9, 9, 3, found)
    tests = TestEvidence(Suite(SuiteState.GREEN), modules={PATH: MODULE} if modules is None else modules, hunt=hunt)
    return flaky_world.evidence().put(TEST_EVIDENCE, tests)


def pytest_runner(
    mends: Callable[[str], bool] = lambda text: "sorted(" in text,
    breaks: Callable[[str], bool] = lambda _: False,
    seconds: float = 600.0,
) -> FakePytestRunner:
    def script(run: PytestRun, files: Mapping[str, str], _at: str) -> RunResult:
        text = files.get(PATH, MODULE)
        ends = dict.fromkeys(("test_names", "test_loud", "test_plain"), Outcome.PASSED)
        if not mends(text):
            ends |= {"test_names": Outcome.FAILED, "test_plain": Outcome.FAILED}
        if breaks(text):
            ends["test_loud"] = Outcome.FAILED
        tests = tuple(
            TestOutcome(f"{PATH}::{name}", end)
            for name, end in ends.items()
            if not run.select or f"{PATH}::{name}" in run.select
        )
        return RunResult(run.name, completed=seconds > 5, tests=tests if seconds > 5 else ())

    return FakePytestRunner(script, left=lambda _: seconds)


def answer(patch: str | None, found: FlakyTest = NAMES) -> Answer[FixDraft]:
    return Answer(f"flaky {found.nodeid}", FixDraft(patch=patch, why="it sorts", nothing=None if patch else "no"))


def tried(text: str, found: FlakyTest = NAMES, lab: FakePytestRunner | None = None) -> FlakyTest:
    after = with_fixes([answer(text, found)], evidence(found), lab or pytest_runner())
    hunt = after[TEST_EVIDENCE].hunt
    assert hunt
    [result] = hunt.found
    return result


def test_a_fix_that_comes_through_twenty_runs_is_offered() -> None:
    lab = pytest_runner()
    found = tried(SORTED, lab=lab)
    assert (found.refused, "+    names = sorted(shop.names())" in found.patch) == ((), True)
    assert len(lab.runs) == RUNS == 20
    assert {run.select for run in lab.runs} == {(NAMES.nodeid,), ()}
    assert lab.runs[0].perturbation == Perturbation(hash_seed=7)
    assert len({run.perturbation.hash_seed for run in lab.runs}) == 20


def test_what_depends_on_the_order_is_run_alone_after_its_polluters_and_among_all() -> None:
    lab = pytest_runner(lambda text: "monkeypatch" in text)
    assert tried(UNDONE, PLAIN, lab).patch
    assert {run.select for run in lab.runs} == {(PLAIN.nodeid,), (*PLAIN.polluters, PLAIN.nodeid), ()}
    assert {run.in_order for run in lab.runs if len(run.select) == 2} == {True}


def test_to_sort_what_is_compared_changes_no_expectation_where_the_order_is_that_of_a_hash() -> None:
    old, new = '    assert names == ["anna", "bert"]', '    assert sorted(names) == ["anna", "bert"]'
    assert tried(patch(old, new)).patch
    other = replace(NAMES, kind=FlakyKind.UNKNOWN)
    assert "changes what a test expects" in tried(patch(old, new), other).refused[0].reason


ASSERTS = '    assert names == ["anna", "bert"]'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (patch(ASSERTS, "    pass"), "assertion"),
        (patch(ASSERTS, '    assert names == ["bert", "anna"]'), "changes what a test expects"),
        (patch(ASSERTS, '    assert sorted(names) == ["anna", "bert", "carl"]'), "changes what a test expects"),
        (patch("def test_names():", "@pytest.mark.skip\ndef test_names():"), "switches tests off"),
        (patch("def test_names():", "@pytest.mark.flaky(reruns=3)\ndef test_names():"), "switches tests off"),
        (patch("import shop", "import shop, time\ntime.sleep(1)"), "wait"),
        (patch("import shop", "x = 1", "shop.py", "import shop\n"), "changes shop.py, which is no test module"),
        (patch("import shop", "x = 1", "tests/test_other.py"), "which is no test module that was shown"),
        (SORTED.replace("list(shop", "tuple(shop"), "has lines that do not stand in"),
        (patch("import shop", "import shop\nimport os"), "does not come through 20 runs: in run 1 the test is failed"),
        ("--- a/x", "is no unified diff"),
    ],
)
def test_a_fix_that_takes_something_or_does_not_hold_is_refused_with_its_reason(text: str, reason: str) -> None:
    found = tried(text)
    assert found.patch == ""
    assert [reason in each.reason for each in found.refused] == [True]


def test_a_fix_that_breaks_another_test_is_refused() -> None:
    found = tried(SORTED, lab=pytest_runner(breaks=lambda text: "sorted(" in text))
    assert "another test fails with it: tests/test_shop.py::test_loud" in found.refused[0].reason


def test_without_time_nothing_is_said_against_a_fix() -> None:
    after = with_fixes([answer(SORTED)], evidence(NAMES), pytest_runner(seconds=3.0))
    hunt = after[TEST_EVIDENCE].hunt
    assert hunt
    assert hunt.found == (NAMES,)
    assert [(gap.what, gap.why) for gap in after.gaps] == [
        (f"the fix of {NAMES.nodeid}", "there was no time left to try it")
    ]


def test_a_refused_fix_goes_back_to_who_proposed_it_and_is_not_tried_again() -> None:
    lab = pytest_runner(lambda _: False)
    seen = evidence(NAMES)
    [question] = fix_questions(seen, [])
    draft = answer(SORTED).draft
    assert draft is not None
    assert question.weigh is not None
    assert question.weigh(draft, seen) is None
    after = with_fixes([answer(SORTED)], seen, lab)
    said = question.weigh(draft, after)
    assert said is not None
    assert said.startswith("This fix is not offered: it does not come through 20 runs")
    assert with_fixes([answer(SORTED)], after, lab) == after
    assert len(lab.batches) == 1


def test_each_flaky_test_is_asked_about_once_and_only_where_its_module_is_known() -> None:
    elsewhere = replace(PLAIN, nodeid="tests/test_far.py::test_it")
    seen = evidence(elsewhere, NAMES, PLAIN)
    [first] = fix_questions(seen, [])
    [second] = fix_questions(seen, [answer(None)])
    assert (first.name, second.name) == (f"flaky {NAMES.nodeid}", f"flaky {PLAIN.nodeid}")
    assert list(fix_questions(seen, [answer(None), answer(None, PLAIN)])) == []
    assert first.check is not None
    assert first.check(FixDraft(patch=None, why="", nothing=None))
    assert first.check(FixDraft(patch="nonsense", why="", nothing=None))
    assert first.check(FixDraft(patch=SORTED, why="", nothing=None)) is None


def test_two_fixes_of_one_module_follow_one_another_and_end_up_in_one_patch() -> None:
    lab = pytest_runner(lambda text: "sorted(" in text)
    seen = with_fixes([answer(SORTED), answer(UNDONE, PLAIN)], evidence(NAMES, PLAIN), lab)
    hunt = seen[TEST_EVIDENCE].hunt
    assert hunt
    assert all(each.patch for each in hunt.found)
    assert "sorted(" in lab.batches[1][1][PATH]
    [shown] = [each.text for each in next(iter(fix_questions(seen, [answer(SORTED)]))).evidence if each.id == PATH]
    assert "sorted(" in shown

    settings = load({}, None).settings
    plan = report(rules(seen, settings), seen, Account(), settings)
    [written] = [each for each in plan.effects if isinstance(each, Artifact) and each.output == "patch_file"]
    assert written.name == "tests.patch"
    assert written.text.count("+++ ") == 2
    outputs = {each.name: each.value for each in plan.effects if isinstance(each, Output)}
    assert outputs["flaky_tests"] == f'["{NAMES.nodeid}", "{PLAIN.nodeid}"]'
