import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.effects import Annotation, Artifact, Output, Plan, Summary
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.verdict import Ground, Reason
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.route.job_results import read_plan
from cicd_agent.modes.route.mode import MODE as ROUTE
from cicd_agent.modes.route.page import sentence
from cicd_agent.modes.route.report import OUTPUTS
from cicd_agent.modes.route.result import RouteResult
from cicd_agent.settings.schema import Settings
from tests.modes.route.routing import CODE, DEPENDENCIES, DOCS, LOGIN, PROVED, UNPROVED, evidence, route, settings

HOSTILE = "a|`b`\n::error::x <img src=x> @all\u202e.py"


def planned(found: Evidence, known: Settings | None = None, routed: RouteResult | None = None) -> Plan:
    known = known or Settings()
    return ROUTE.report(routed or route(found, known), found, Account(), known)


def outputs(plan: Plan) -> dict[str, str]:
    return {each.name: each.value for each in plan.effects if isinstance(each, Output)}


def artifacts(plan: Plan) -> dict[str, Artifact]:
    return {each.output: each for each in plan.effects if isinstance(each, Artifact)}


def page(plan: Plan) -> str:
    (summary,) = (each for each in plan.effects if isinstance(each, Summary))
    return summary.body


@pytest.mark.parametrize("found", [evidence(CODE), evidence(CODE, affected=PROVED), evidence(CODE, doubts=("odd",))])
def test_every_output_is_always_written_once(found: Evidence) -> None:
    plan = planned(found)
    names = [*outputs(plan), *artifacts(plan)]
    assert sorted(names) == sorted([*OUTPUTS, "summary"])
    assert [each.name for each in plan.effects if isinstance(each, Output)] == list(outputs(plan))


@pytest.mark.parametrize(("files", "said"), [((CODE,), "false"), ((DEPENDENCIES,), "false"), ((LOGIN,), "true")])
def test_whether_a_change_takes_an_approval_is_said_by_its_risk(files: Sequence[Any], said: str) -> None:
    plan = planned(evidence(*files))
    assert outputs(plan)["requires_approval"] == said
    assert ("| approval | `required` | risk high |" in page(plan)) == (said == "true")


def test_outputs_say_what_is_to_be_done() -> None:
    found = evidence(CODE, DEPENDENCIES)
    routed = route(found)
    known = outputs(planned(found))
    assert {name: known[name] for name in ("tests", "build", "strategy", "canary_percentage", "monitor_minutes")} == {
        "tests": "full",
        "build": "full",
        "strategy": "rolling",
        "canary_percentage": "0",
        "monitor_minutes": "10",
    }
    assert json.loads(known["reasons"]) == [reason.text for reason in routed.risk.reasons]
    assert known["areas"] == '["code","dependencies"]'
    assert known["skipped_areas"] == '["docs","tests","infrastructure","migrations","workflows"]'
    assert known["matrix"] == '{"include":[{"area":"code"},{"area":"dependencies"}]}'
    assert known["affected_tests_file"] == ""


def test_the_rank_is_told_when_it_is_known() -> None:
    found = evidence(CODE)
    routed = route(found)
    ranked = replace(routed, risk=replace(routed.risk, percentile=63, among=500, probability=0.25))
    plan = planned(found, routed=ranked)
    assert ", above 63 %) → full tests" in outputs(plan)["summary"]
    assert "25% of such changes needed a repair" in page(plan)


def test_with_areas_of_ones_own_the_others_are_not_known() -> None:
    known = settings(areas={"Web UI": ["/web/"], "docs": ["*.md"]})
    found = outputs(planned(evidence(CODE), known))
    assert (found["areas"], found["skipped_areas"]) == ("[]", '["Web UI","docs"]')
    assert found["matrix"] == '{"include":[]}'
    assert "1 file in no area" in page(planned(evidence(CODE), known))


def test_the_affected_tests_are_a_file_of_arguments_only_when_they_are_what_runs() -> None:
    plan = planned(evidence(CODE, affected=PROVED))
    assert artifacts(plan)["affected_tests_file"].text == "tests/test_api.py::test_a\n"
    assert [*artifacts(planned(evidence(CODE, affected=UNPROVED)))] == ["plan_file"]


def test_the_plan_file_holds_everything_and_a_gate_can_read_it() -> None:
    text = artifacts(planned(evidence(LOGIN)))["plan_file"].text
    plan = json.loads(text)
    assert (plan["version"], plan["commit"], plan["base"]) == (1, "h" * 40, "b" * 40)
    assert plan["cells"]["strategy"] == "canary"
    assert plan["risk"]["level"] == "high"
    told = read_plan(text)
    assert told.areas["code"] is True
    assert told.areas["docs"] is False
    assert told.cells["tests"] == "extended"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            evidence(CODE),
            "· rolling deployment, watched for 10 min. 1 file under src/app/, no migration, no dependency change.",
        ),
        (
            evidence(LOGIN),
            "· approval required. 1 file under src/app/auth/; it touches authentication or permissions.",
        ),
        (evidence(DOCS, doubts=("the history is shallow",)), ". In doubt, the history is shallow; 1 file, "),
    ],
)
def test_one_line_says_what_and_why(found: Evidence, words: str) -> None:
    assert words in sentence(route(found), found)


def test_at_most_three_doubts_are_notices_and_all_are_on_the_page() -> None:
    plan = planned(evidence(CODE, doubts=tuple(f"doubt {at}" for at in range(5))))
    assert [each.message for each in plan.effects if isinstance(each, Annotation)] == ["doubt 0", "doubt 1", "doubt 2"]
    assert all(f"- doubt {at}\n" in page(plan) for at in range(5))


def test_the_page_shows_the_plan_that_would_be_and_the_reasons_with_their_points() -> None:
    found = replace(evidence(CODE, affected=UNPROVED), gaps=(Gap("a.lock", "lock file"), Gap("", "something")))
    text = page(planned(found))
    assert "**Would be**, once the test map is proven: tests `affected`, build `cached`." in text
    assert "| 1 line added |" in text
    assert "Not analysed line by line: 2" in text


def test_the_page_says_which_cells_the_config_has_set() -> None:
    known = settings(routes={"low": {"tests": "extended", "monitor-minutes": 5}})
    text = page(planned(evidence(CODE), known))
    assert "| tests | `extended` | set in the configuration |" in text
    assert "| monitoring | `5 min` | set in the configuration |" in text


def test_nothing_of_the_change_breaks_out_of_its_place() -> None:
    found = replace(evidence((HOSTILE, None, "a\n"), doubts=(HOSTILE,)), gaps=(Gap(HOSTILE, HOSTILE),))
    routed = route(found)
    routed = replace(routed, risk=replace(routed.risk, reasons=(Reason(HOSTILE, 1, Ground.AREA),)))
    plan = planned(found, routed=routed)
    assert "\n" not in outputs(plan)["summary"]
    text = page(plan)
    assert "\u202e" not in text
    shown = re.sub(r"(?<!\\)(`+)(?!`).+?(?<!`)\1(?!`)", "", text)
    assert not re.search(r"(?<!\\)<img|\n::error|@all", shown)
