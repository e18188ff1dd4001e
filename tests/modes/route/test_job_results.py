import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.verdict import Conclusion
from cicd_agent.errors import ConfigError
from cicd_agent.modes.route.job_results import Needs, Part, PlanOutputs, RequiredCheck, conditions, judge, read_plan

RESULTS = ("success", "failure", "cancelled", "skipped", "", "Success", "neutral")
TOLD = PlanOutputs({"api": True, "docs": False, "tests": False}, {"tests": "full"})


def judged(
    job: str, result: str, lines: tuple[str, ...] = (), told: PlanOutputs = TOLD, *, route: str = "success"
) -> RequiredCheck:
    return judge({"route": route, job: result}, told, conditions(lines), route="route")


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize(
    ("job", "lines", "may_be_skipped"),
    [
        ("api", (), False),
        ("docs", (), True),
        ("lint", (), False),
        ("tests", (), False),
        ("unit", ("unit: api",), False),
        ("unit", ("unit: docs",), True),
        ("unit", ("unit: nowhere",), False),
        ("unit", ("unit: docs, api",), False),
        ("unit", ("unit: docs & api",), True),
        ("unit", ("unit: api & nowhere",), False),
        ("unit", ("unit: docs & nowhere",), True),
        ("unit", ("unit: docs, nowhere",), False),
        ("unit", ("unit: tests != none",), False),
        ("unit", ("unit: tests = extended",), True),
        ("unit", ("unit: tests = extended | full",), False),
        ("unit", ("unit: build = full",), False),
        ("unit", ("unit: any",), False),
        ("docs", ("docs: api",), False),
    ],
)
def test_a_job_is_green_when_it_succeeds_or_is_skipped_as_the_plan_has_it_and_never_else(
    job: str,
    lines: tuple[str, ...],
    result: str,
    may_be_skipped: bool,  # noqa: FBT001  a table of cases
) -> None:
    passes = result == "success" or (result == "skipped" and may_be_skipped)
    found = judged(job, result, lines)
    assert found.jobs[-1].passes is passes
    assert found.conclusion is (Conclusion.SUCCESS if passes else Conclusion.FAILURE)


@pytest.mark.parametrize("result", RESULTS)
def test_the_job_that_made_the_plan_must_succeed(result: str) -> None:
    assert (judged("docs", "success", route=result).conclusion is Conclusion.SUCCESS) is (result == "success")


def test_a_job_of_an_area_named_tests_runs_also_for_the_sake_of_the_tests_themselves() -> None:
    assert judged("tests", "skipped", told=PlanOutputs({"tests": False}, {"tests": "none"})).red == ()
    assert judged("tests", "skipped", told=PlanOutputs({"tests": False}, {"tests": "full"})).red
    assert judged("tests", "skipped", told=PlanOutputs({"tests": False}, {})).red


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "say in `jobs` what makes it run, such as `e2e: AREA`"),
        (("e2e: api",), "the plan wants it: api"),
        (("e2e: nowhere",), "pass on `areas` and `skipped_areas` in the outputs"),
        (("e2e: build = full",), "the plan says nothing of `build = full`: pass on `build`"),
        (("e2e: docs",), "the plan does not need it: docs"),
    ],
)
def test_each_row_says_why(lines: tuple[str, ...], words: str) -> None:
    assert words in judged("e2e", "skipped", lines).jobs[-1].reason


def test_what_is_counted_on_and_not_waited_for_is_red() -> None:
    found = judge({"docs": "success"}, TOLD, conditions(["e2e: api"]), route="route")
    assert [each.job for each in found.red] == ["route", "e2e"]
    assert judge({}, TOLD, {}, route="").conclusion is Conclusion.FAILURE


@pytest.mark.parametrize(
    "line",
    ["e2e", "e2e:", ": api", "e 2e: api", "e2e: api,", "e2e: & api", "e2e: !!", "e2e: color = red", "e2e: tests = |",
     "e2e: tests == full", "é: api"],
)  # fmt: skip
def test_a_condition_that_is_none_is_an_error_in_one_line(line: str) -> None:
    with pytest.raises(ConfigError, match="`jobs` holds") as raised:
        conditions([line])
    assert "\n" not in str(raised.value)


def test_a_job_is_named_once_and_empty_lines_do_not_count() -> None:
    assert conditions(["", "  ", "e2e: api"]) == {"e2e": ((Part("api"),),)}
    with pytest.raises(ConfigError, match="named twice"):
        conditions(["e2e: api", "e2e: docs"])


def needs(outputs: Mapping[str, str], result: str = "success", name: str = "route") -> Needs:
    return Needs(json.dumps({name: {"result": result, "outputs": dict(outputs)}, "e2e": {"result": "skipped"}}))


def test_the_plan_is_read_from_outputs_and_where_they_disagree_the_job_should_have_run() -> None:
    outputs = {
        "areas": '["api", "Web UI"]',
        "skipped_areas": '["db", "Web UI", 3]',
        "tests": "none",
        "build": "",
    }
    told = needs(outputs).plan_outputs("route")
    assert told == PlanOutputs({"api": True, "web_ui": True, "db": False}, {"tests": "none"})


@pytest.mark.parametrize("text", ["", "[", "3", "null", '{"api": 1}', "[[[", "[" * 100_000])
def test_areas_that_are_no_list_say_nothing(text: str) -> None:
    assert needs({"skipped_areas": text, "areas": text}).plan_outputs("route") == PlanOutputs()


@pytest.mark.parametrize("result", ["failure", "cancelled", "skipped", ""])
def test_what_a_job_says_that_did_not_succeed_is_no_plan(result: str) -> None:
    assert needs({"skipped_areas": '["e2e"]'}, result).plan_outputs("route") == PlanOutputs()


def test_the_job_of_the_plan_is_found_by_its_name_or_its_outputs() -> None:
    assert needs({}).route("") == "route"
    assert needs({}).route("plan") == "plan"
    assert needs({"plan_file": "/p"}, name="decide").route("") == "decide"
    assert needs({}, name="decide").route("") == "route"


def test_a_plan_from_a_file_says_all_there_is() -> None:
    plan = {
        "version": 1,
        "areas": [{"name": "Web UI", "run": False, "paths": []}, {"name": "web-ui", "run": True, "paths": []}],
        "cells": {"tests": "full", "build": "cached", "strategy": "rolling", "monitor_minutes": 0},
        "risk": {"level": "low", "score": 3},
    }
    told = read_plan(json.dumps(plan))
    assert told.areas == {"web_ui": True}
    assert told.cells == {
        "tests": "full",
        "build": "cached",
        "strategy": "rolling",
        "risk_level": "low",
    }


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"version": 2}', '{"a": 1}', '{"a": {"outputs": 3}}', "\udc80"])
def test_what_cannot_be_read_is_an_error_in_one_line(text: str) -> None:
    raw = text.encode("utf-8", "surrogateescape")
    for read in (Needs, read_plan):
        with pytest.raises(ConfigError, match="cannot be read") as raised:
            read(raw)
        assert "\n" not in str(raised.value)


NAMES = st.sampled_from(["route", "api", "docs", "tests", "e2e", "lint"])
VALUES = st.sampled_from(["true", "false", "", "none", "full", '["api"]', '["docs","api"]', "[]", "nonsense"])
OUTPUTS = st.dictionaries(st.sampled_from(["areas", "skipped_areas", "tests"]), VALUES)


@given(st.dictionaries(NAMES, st.sampled_from(RESULTS)), OUTPUTS, st.sampled_from([(), ("e2e: api & tests != none",)]))
def test_green_means_that_nothing_failed_and_nothing_is_missing_that_the_plan_wants(
    ends: dict[str, str], outputs: dict[str, str], lines: tuple[str, ...]
) -> None:
    text = json.dumps({name: {"result": result, "outputs": outputs} for name, result in ends.items()})
    found = Needs(text)
    told = found.plan_outputs("route")
    result = judge(found.ends, told, conditions(lines), route=found.route(""))
    if result.conclusion is Conclusion.SUCCESS:
        assert ends["route"] == "success"
        assert {*ends.values()} <= {"success", "skipped"}
        for name, end in ends.items():
            if end == "skipped" and name != "e2e":
                assert told.areas[name] is False
        if ends.get("e2e") == "skipped":
            assert told.areas.get("api") is False or told.cells.get("tests") == "none"
