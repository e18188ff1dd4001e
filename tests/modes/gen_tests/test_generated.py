import json
from dataclasses import replace

import pytest

from cicd_agent.agent.messages import Answer
from cicd_agent.domain.effects import Annotation, Artifact, Comment, Commit, OpenPull, Output
from cicd_agent.domain.events.event import PullRequest, Ref
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.trials.candidate import CandidateReport, Expectation, Hurdle, Label, Origin, Settled, keyed
from cicd_agent.domain.trials.test_run import Outcome, TestOutcome
from cicd_agent.domain.verdict import Conclusion, RiskLevel
from cicd_agent.errors import ConfigError
from cicd_agent.modes.gen_tests import page as pages
from cicd_agent.modes.gen_tests.evidence import (
    TEST_EVIDENCE,
    FailureKind,
    SetAside,
    Suite,
    SuiteState,
    TestEvidence,
    known,
)
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyHunt, FlakyKind, FlakyTest
from cicd_agent.modes.gen_tests.page import sentence
from cicd_agent.modes.gen_tests.report import certificate, report
from cicd_agent.modes.gen_tests.result import BugGround, Generated
from cicd_agent.modes.gen_tests.verdict import rules, verify
from cicd_agent.modes.protocol import Account
from cicd_agent.settings.schema import Commenting, Settings
from tests.support.pages import markdown
from tests.support.trial_world import HOME, TESTS, candidate, evidence

comment = markdown(pages.comment)
summary = markdown(pages.page)

SETTINGS = Settings()
ADDED = f"{TESTS}\n\ndef test_best():\n    assert grade(90) == 'A'\n"


def settled_world(*, deliverable: bool = True) -> Evidence:
    """One test kept, one stopped."""
    seen = evidence()
    tests = known(seen)
    kept = CandidateReport(
        candidate(),
        lines=(3,),
        branches=((2, 3),),
        kills=("m1",),
        runs=6,
        passed=6,
        label=Label.PINS,
        passes_on_base=False,
        settled=True,
    )
    stopped = CandidateReport(candidate("test_flaky"), Hurdle.STABLE, "it failed in 1 of 6", runs=6, passed=5)
    coverage = replace(tests.suite.coverage[0], executed=(1, 2, 3, 4, 7), taken=((2, 3), (2, 4)))
    settled = Settled((kept, stopped), {HOME: ADDED}, coverage=(coverage,), runs=7, seconds=3.0)
    pull = PullRequest(7, title="Grade", body="")
    event = replace(seen.event, pull=pull, head=Ref("topic", "a" * 40), sha="a" * 40, repo="octo/app")
    tests = replace(tests, screened=(replace(kept, settled=False), replace(stopped, stopped=None)), settled=settled)
    return replace(seen, event=event if deliverable else seen.event).put(TEST_EVIDENCE, tests)


def generated(seen: Evidence, settings: Settings = SETTINGS) -> Generated:
    return verify(rules(seen, settings), (), seen, settings)


def test_what_was_settled_is_kept_and_the_rest_has_its_reason() -> None:
    found = generated(settled_world())
    assert [each.candidate.name for each in found.kept] == ["test_best"]
    assert [(each.candidate.name, each.stopped) for each in found.reports] == [
        ("test_best", None),
        ("test_flaky", Hurdle.STABLE),
    ]
    assert found.killed == ("m1",)
    assert found.homes == {found.kept[0].candidate.key: HOME}
    assert "+    assert grade(90) == 'A'" in found.patch
    assert not any(line.startswith("-") for line in found.patch.splitlines()[3:])
    assert sentence(found).startswith("1 new test: changed lines covered 50 → 75 %, 1 mutant killed")


def test_without_a_model_the_first_line_says_what_one_would_have_been_asked_for() -> None:
    seen = settled_world()
    found = generated(seen)
    words = "a model would have been asked for tests of 1 function"
    assert [each.function for each in found.open] == ["half"]
    assert sentence(found).endswith(f", {words}")
    first = summary(found, seen, Account(), SETTINGS).splitlines()[0]
    assert first == f"### 1 new test: changed lines covered 50 → 75 %, 1 mutant killed · {words}"
    asked = verify(rules(seen, SETTINGS), (Answer("tests calc.py::half", None),), seen, SETTINGS)
    assert (asked.unasked, "would have been asked" in sentence(asked)) == (0, False)


def test_without_a_settlement_nothing_is_published_whatever_came_through_alone() -> None:
    seen = settled_world()
    found = generated(seen.put(TEST_EVIDENCE, replace(known(seen), settled=None)))
    assert found.kept == ()
    assert (found.patch, found.files, found.after) == ("", {}, None)


def test_a_candidate_whose_key_is_not_its_own_is_not_believed() -> None:
    seen = settled_world()
    settled = known(seen).settled
    assert settled is not None
    forged = replace(settled.reports[0], candidate=replace(settled.reports[0].candidate, code="def test_best(): pass"))
    tests = replace(known(seen), screened=(), settled=replace(settled, reports=(forged,)))
    assert generated(seen.put(TEST_EVIDENCE, tests)).kept == ()


@pytest.mark.parametrize(
    ("deliver", "kind"), [("patch", None), ("comment", None), ("commit", Commit), ("pull-request", OpenPull)]
)
def test_tests_are_delivered_as_the_settings_say(deliver: str, kind: type | None) -> None:
    seen, settings = settled_world(), Settings.model_validate({"deliver": deliver})
    effects = report(generated(seen), seen, Account(), settings).effects
    delivered = [each for each in effects if isinstance(each, Commit | OpenPull)]
    assert [type(each) for each in delivered] == ([kind] if kind else [])
    if delivered:
        assert (delivered[0].head, delivered[0].pull) == ("a" * 40, 7)
        assert [(file.path, file.text) for file in delivered[0].files] == [(HOME, ADDED)]
        assert "[skip ci]" not in delivered[0].message
    [told] = [each for each in effects if isinstance(each, Comment)]
    assert ("```diff" in told.body) == (deliver == "comment")
    assert not told.only_edit
    [patch] = [each for each in effects if isinstance(each, Artifact) and each.output == "patch_file"]
    assert patch.text == generated(seen).patch


def test_outputs_are_numbers_where_something_was_judged_and_empty_where_not() -> None:
    seen = settled_world()
    values = {
        each.name: each.value
        for each in report(generated(seen), seen, Account(), SETTINGS).effects
        if isinstance(each, Output)
    }
    assert values["tests_added"] == "1"
    assert values["tests_rejected"] == "1"
    assert values["mutants_killed"] == "1"
    assert values["flaky_tests"] == ""
    assert float(values["changed_coverage_after"]) > float(values["changed_coverage_before"])
    bare = seen.put(TEST_EVIDENCE, TestEvidence(Suite(SuiteState.UNAVAILABLE, "no pytest")))
    found = generated(bare)
    values = {
        each.name: each.value for each in report(found, bare, Account(), SETTINGS).effects if isinstance(each, Output)
    }
    assert {name: value for name, value in values.items() if value and name != "summary"} == {}
    assert found.risk is None
    assert found.conclusion is Conclusion.NEUTRAL
    assert "no pytest" in sentence(found)


def test_nothing_found_starts_no_comment_and_none_is_written_where_none_is_wanted() -> None:
    seen = evidence()
    event = settled_world().event
    seen = replace(seen, event=event)
    [told] = [e for e in report(generated(seen), seen, Account(), SETTINGS).effects if isinstance(e, Comment)]
    assert told.only_edit
    silent = Settings(comment=Commenting.OFF)
    assert not [e for e in report(generated(seen), seen, Account(), silent).effects if isinstance(e, Comment)]


def failing(expectation: Expectation, quote: str = "", *, on_base: bool | None = False) -> CandidateReport:
    one = replace(candidate(expectation=expectation), quote=quote)
    return CandidateReport(
        keyed(one),
        Hurdle.PASSES,
        "it fails",
        fails_with="AssertionError: assert 'B' == 'A'",
        exception="AssertionError",
        where="calc.py:4",
        passes_on_base=on_base,
    )


def with_failing(*reports: CandidateReport, source: str = "") -> Evidence:
    seen = settled_world()
    tests = replace(known(seen), settled=None, screened=reports)
    change = seen.change
    assert change is not None
    texts = {"calc.py": source or change.texts["calc.py"]}
    return replace(seen, change=replace(change, texts=texts)).put(TEST_EVIDENCE, tests)


DOCUMENTED = 'def grade(points):\n    """The grade.\n\n    >>> grade(90)\n    \'A\'\n    """\n    return "B"\n'


def test_a_failing_test_is_a_possible_bug_only_if_what_it_quotes_is_there() -> None:
    quoted = failing(Expectation.DOCSTRING, ">>> grade(90)")
    [bug] = generated(with_failing(quoted, source=DOCUMENTED)).bugs
    assert (bug.ground, bug.said, bug.line) == (BugGround.DOCUMENTED, ">>> grade(90)", 4)
    assert generated(with_failing(failing(Expectation.DOCSTRING, ">>> grade(91)"), source=DOCUMENTED)).bugs == ()
    assert generated(with_failing(failing(Expectation.CODE, ">>> grade(90)"), source=DOCUMENTED)).bugs == ()


TYPED = "def grade(points: int) -> str:\n    return int(points)\n"


def test_to_refuse_a_value_of_the_right_type_contradicts_no_types() -> None:
    wrong = failing(Expectation.TYPES, "def grade(points: int) -> str:")
    assert [bug.ground for bug in generated(with_failing(wrong, source=TYPED)).bugs] == [BugGround.DOCUMENTED]
    refusing = replace(wrong, exception="ValueError", fails_with="ValueError: no number")
    assert generated(with_failing(refusing, source=TYPED)).bugs == ()
    drawn = keyed(replace(wrong.candidate, origin=Origin.PROPERTY))
    assert generated(with_failing(replace(wrong, candidate=drawn, exception="TypeError"), source=TYPED)).bugs == ()


def test_a_failing_test_that_held_before_the_change_is_a_possible_bug() -> None:
    [bug] = generated(with_failing(failing(Expectation.CODE, on_base=True))).bugs
    assert bug.ground is BugGround.PASSES_ON_BASE
    wrong = replace(failing(Expectation.CODE, on_base=True), exception="NameError")
    assert generated(with_failing(wrong)).bugs == ()


def test_a_possible_bug_raises_the_risk_and_wants_a_person_and_is_never_published_as_a_test() -> None:
    found = generated(with_failing(failing(Expectation.CODE, on_base=True)))
    assert found.risk is not None
    assert found.risk.level is RiskLevel.HIGH
    assert found.escalate
    assert found.files == {}
    effects = report(found, with_failing(), Account(), SETTINGS).effects
    [note] = [each for each in effects if isinstance(each, Annotation) and "possible bug" in each.title]
    assert (note.path, note.line) == ("calc.py", 4)


def test_the_same_trial_gives_the_same_certificate_whatever_it_took() -> None:
    seen = settled_world()
    found = generated(seen)
    slower = replace(found, seconds=99.0, suite=replace(found.suite, seconds=50.0))
    assert certificate(found, seen) == certificate(slower, seen)
    told = json.loads(certificate(found, seen))
    assert [each["name"] for each in told["tests"]] == ["test_best"]
    assert told["tests"][0]["kills"] == [{"id": "m1", "line": 2, "fault": "`>=` → `>`"}]
    assert told["rejected"][0]["reason"] == "it failed in 1 of 6"


def test_a_suite_that_cannot_be_used_is_told_in_one_line_with_what_is_open_and_is_no_risk() -> None:
    seen = evidence()
    tests = known(seen)
    unusable = replace(tests, suite=replace(tests.suite, state=SuiteState.BROKEN, detail="all fail for one cause"))
    found = generated(seen.put(TEST_EVIDENCE, unusable))
    assert sentence(found) == "No tests were written: the project's tests cannot be used: all fail for one cause"
    assert found.risk is not None
    assert found.risk.level is RiskLevel.MEDIUM, "by the lines that no test executes alone"
    assert "gaps left" in summary(found, seen, Account(), SETTINGS)


def test_a_test_that_the_change_breaks_is_named_and_is_a_risk_and_what_is_set_aside_is_none() -> None:
    seen = evidence()
    tests = known(seen)
    aside = SetAside("tests/test_x.py::test_web", FailureKind.ENVIRONMENT, "gaierror: no name", "there is no network")
    suite = replace(tests.suite, set_aside=(aside,), tests=9)
    found = generated(seen.put(TEST_EVIDENCE, replace(tests, suite=suite)))
    assert found.risk is not None
    assert found.risk.level is RiskLevel.MEDIUM
    assert ", 1 test set aside, " in sentence(found)
    page = summary(found, seen, Account(), SETTINGS)
    for words in ("tests/test_x.py::test_web", "gaierror: no name", "there is no network", "1 environment"):
        assert words in page
    values = {e.name: e.value for e in report(found, seen, Account(), SETTINGS).effects if isinstance(e, Output)}
    assert json.loads(values["tests_set_aside"]) == {"environment": 1}
    assert json.loads(certificate(found, seen))["suite"]["set_aside"][0]["kind"] == "environment"

    test = TestOutcome("tests/test_x.py::test_y", Outcome.FAILED, 0.1, "assert 1 == 2", "AssertionError", "calc.py:3")
    red = generated(seen.put(TEST_EVIDENCE, replace(tests, suite=replace(suite, state=SuiteState.RED, failed=(test,)))))
    assert red.risk is not None
    assert red.risk.level is RiskLevel.HIGH
    assert red.escalate == ("1 test of the project passes before the change and not after it",)
    assert "1 test broken by this change, no new tests, 1 test set aside" in sentence(red)
    assert "assert 1 == 2" in summary(red, seen, Account(), SETTINGS)
    notes = [e for e in report(red, seen, Account(), SETTINGS).effects if isinstance(e, Annotation)]
    assert [(each.path, each.line) for each in notes if each.title.endswith("broken test")] == [("calc.py", 3)]


def test_flaky_tests_are_told_and_put_out_as_json() -> None:
    seen = settled_world()
    victim = FlakyTest("tests/test_x.py::test_y", FlakyKind.ORDER, 3, 12, polluters=("tests/test_x.py::test_z",))
    tests = replace(known(seen), hunt=FlakyHunt(12, 12, 9, (victim,)))
    seen = seen.put(TEST_EVIDENCE, tests)
    found = generated(seen)
    values = {e.name: e.value for e in report(found, seen, Account(), SETTINGS).effects if isinstance(e, Output)}
    assert json.loads(values["flaky_tests"]) == ["tests/test_x.py::test_y"]
    assert "`tests/test_x.py::test_y`" in comment(found, seen, Account(), with_patch=False)


def test_evidence_of_another_mode_is_refused() -> None:
    with pytest.raises(ConfigError, match="gen-tests"):
        rules(evidence().put(TEST_EVIDENCE, None), SETTINGS)
