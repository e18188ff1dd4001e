import pytest

from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.deploy_gate.mode import MODE as GATE
from cicd_agent.modes.deploy_gate.result import GateResult
from cicd_agent.modes.route.mode import MODE as ROUTE
from cicd_agent.modes.shared.rollout import Rollout, rollout
from cicd_agent.settings.schema import Route, Settings
from tests.modes.route.routing import CODE, COMMENT, DEPENDENCIES, DOCS, LOGIN, SECRET, evidence, settings


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([DOCS], Rollout("direct", 0, 0)),
        ([COMMENT], Rollout("direct", 0, 0)),
        ([CODE], Rollout("rolling", 0, 10)),
        ([DEPENDENCIES], Rollout("rolling", 0, 10)),
        ([LOGIN], Rollout("canary", 10, 30, approval=True)),
        ([SECRET], Rollout("canary", 5, 60, approval=True)),
    ],
    ids=["documentation", "comments", "low", "medium", "high", "critical"],
)
def test_route_and_gate_let_a_change_out_by_one_table(files: list[tuple[str, str, str]], expected: Rollout) -> None:
    seen, known = evidence(*files), Settings()
    plan = ROUTE.verify(ROUTE.rules(seen, known), (), seen, known).cells
    gate = GATE.verify(GATE.rules(seen, known), (), seen, known)
    assert Rollout(plan.strategy, plan.canary_percentage, plan.monitor_minutes, plan.requires_approval) == expected
    assert isinstance(gate, GateResult)
    assert (gate.strategy, gate.canary_percentage, gate.monitor_minutes) == (
        expected.strategy, expected.percentage, expected.minutes
    )  # fmt: skip


@pytest.mark.parametrize(("level", "share"), [("low", 25), ("medium", 25), ("high", 10), ("critical", 5)])
def test_a_canary_is_the_smaller_the_higher_the_risk(level: str, share: int) -> None:
    known = Settings(routes={level: Route(strategy="canary")})  # type: ignore[dict-item]
    assert rollout(RiskLevel(level), known, is_inert=False).percentage == share


def test_the_config_sets_what_documentation_does_too() -> None:
    known = settings(routes={"low": {"strategy": "blue_green", "monitor-minutes": 3}})
    assert rollout(RiskLevel.LOW, known, is_inert=True) == Rollout("blue_green", 0, 3)


def test_words_that_hold_a_secret_do_not_go_out_at_once() -> None:
    assert rollout(RiskLevel.CRITICAL, Settings(), is_inert=True) == Rollout("canary", 5, 60, approval=True)
