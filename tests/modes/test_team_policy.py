"""What a team decides on the risk: floors by path, where levels begin, and its services."""

import pytest

from cicd_agent.domain.verdict import ChatReply
from cicd_agent.modes.deploy_gate.mode import MODE as GATE
from cicd_agent.modes.deploy_gate.result import GateResult
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.mode import MODE as REVIEW
from cicd_agent.modes.route.mode import MODE as ROUTE
from cicd_agent.settings.loader import load
from cicd_agent.settings.schema import Settings
from tests.modes.route.routing import CODE, DEPENDENCIES, DOCS, LOGIN, MIGRATION, SECRET, evidence, route
from tests.support.pages import markdown

OWN_CONFIG = (".github/cicd-agent.yml", "a: 1\n", "a: 2\n")
COMMENT = ("src/app/api.py", "# a\na = 1\n", "# b\na = 1\n")


def read(text: str) -> Settings:
    loaded = load({}, text)
    assert loaded.problems == ()
    return loaded.settings


@pytest.mark.parametrize(
    ("files", "floors", "level"),
    [
        ([CODE], "src/app/**: high", "high"),
        ([CODE], "src/: critical", "critical"),
        ([CODE], "other/**: high", "low"),
        ([CODE], "src/**: high, src/app/api.py: low", "low"),
        ([LOGIN], "src/app/auth/: low", "low"),
        ([LOGIN, MIGRATION], "src/app/auth/: low", "high"),
        ([LOGIN], "src/app/auth/: medium", "medium"),
        ([SECRET], "'**': low", "critical"),
        ([OWN_CONFIG], "'**': low", "high"),
        ([COMMENT], "src/**: high", "low"),
        ([DOCS], "'*.md': medium", "medium"),
    ],
)
def test_a_floor_by_path_comes_before_what_is_known_of_it_and_hides_no_finding(
    files: list[tuple[str, str, str]], floors: str, level: str
) -> None:
    known, seen = read(f"risk:\n  floors: {{{floors}}}\n"), evidence(*files)
    for mode in (REVIEW, ROUTE, GATE):
        judged = mode.verify(mode.rules(seen, known), (), seen, known)
        assert not isinstance(judged, ChatReply)
        assert judged.risk.level == level, mode.name


def test_the_team_says_where_levels_begin() -> None:
    score = route(evidence(CODE)).risk.score
    levels = f"{{medium: {max(1, score - 1)}, high: {score + 5}, critical: {score + 9}}}"
    assert route(evidence(CODE), read(f"risk: {{levels: {levels}}}\n")).risk.level == "medium"


@pytest.mark.parametrize(
    "text",
    [
        "risk: {levels: {medium: 40, high: 30, critical: 70}}",
        "risk: {levels: {medium: 40}}",
        "risk: {levels: {medium: 0, high: 30, critical: 70}}",
        "risk: {floors: {src/: grave}}",
        "risk: {floors: {'[z-a]': high}}",
        "risk: {ceilings: {src/: low}}",
        "risk: [high]",
        "risk: high",
        "services: {shop: {tier: first}}",
        "services: {shop: {paths: ['!']}}",
    ],
)
def test_what_is_no_policy_is_a_problem_and_changes_nothing(text: str) -> None:
    loaded = load({}, f"{text}\n")
    assert len(loaded.problems) == 1
    assert route(evidence(CODE), loaded.settings).risk == route(evidence(CODE)).risk


SERVICES = """
services:
  payments: {paths: [src/app/], owner: "@org/pay", environment: production, tier: 1, consumers: [shop, billing]}
  search: {paths: [search/], consumers: [shop]}
"""


@pytest.mark.parametrize(
    ("files", "level"),
    [([CODE], "medium"), ([CODE, DEPENDENCIES], "high"), ([LOGIN], "high"), ([COMMENT], "low"), ([DOCS], "low")],
)
def test_a_service_of_tier_1_raises_the_floor(files: list[tuple[str, str, str]], level: str) -> None:
    assert route(evidence(*files), read(SERVICES)).risk.level == level
    assert route(evidence(*files), read(SERVICES.replace("tier: 1", "tier: 2"))).services == tuple(
        service.__class__(service.name, service.owner, service.environment, 2, service.consumers)
        for service in route(evidence(*files), read(SERVICES)).services
    )


def test_a_plan_names_the_services_that_a_change_touches_and_who_uses_them() -> None:
    known, seen = read(SERVICES), evidence(CODE)
    plan = route(seen, known)
    page = markdown(ROUTE.page)(plan, seen, Account(), known)
    assert "**Service** `payments`, tier 1, owner `@org/pay`, used by `shop`, `billing`." in page


def test_a_gate_names_those_of_its_environment() -> None:
    from tests.modes.deploy_gate.evidences import decide  # noqa: PLC0415
    from tests.modes.deploy_gate.evidences import evidence as deployment  # noqa: PLC0415

    seen = deployment()
    assert seen.change is not None
    path = seen.change.files[0].path
    names = {}
    for environment in ("production", "staging"):
        text = f"services: {{a: {{paths: ['{path}'], environment: {environment}}}, b: {{paths: ['{path}']}}}}\n"
        gated = decide(seen, services=read(text).services)
        assert isinstance(gated, GateResult)
        names[environment] = [service.name for service in gated.services]
    assert names == {"production": ["a", "b"], "staging": ["b"]}
