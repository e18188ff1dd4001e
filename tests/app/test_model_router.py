"""Which model a question goes to, who is asked instead, and what the report says of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.messages import Question, Reply, Tier
from cicd_agent.app.context import RunContext
from cicd_agent.app.model_router import ModelRouter, budget, open_router
from cicd_agent.app.pipeline import conclude
from cicd_agent.domain.effects import Annotation, Plan
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.verdict import Conclusion, Risk, RiskLevel, Verdict
from cicd_agent.errors import ModelMisbehaved, ModelUnavailable
from cicd_agent.modes.protocol import Account, Mode, Ports
from cicd_agent.rendering.page import Page
from cicd_agent.settings.environment import Workload
from cicd_agent.settings.loader import Loaded, load
from cicd_agent.settings.schema import USD, Settings, TokenPrice
from tests.agent.drafts import Empty, Note
from tests.support.fakes.scripted_model import ScriptedModel, Step

GOOD = '{"summary": "fine", "confidence": 0.9}'
GONE = ModelUnavailable("primary is down", requests=5)
WORKLOAD = Workload("https://token.example/x", "request-token", "idp", "sa")


@dataclass
class OneQuestion(Mode[Empty]):
    """A mode that asks one question of a tier, and reports what it is told."""

    tier: Tier = Tier.JUDGEMENT
    fails_closed: bool = False
    name: str = "review"
    unproved: Mapping[str, str] = field(default_factory=dict)
    told: list[Account] = field(default_factory=list)

    def page(self, *_: object) -> Page:
        return Page(())

    def gather(self, event: Event, _world: Ports, _settings: Settings) -> Evidence:
        return Evidence(event)

    def rules(self, _evidence: Evidence, _settings: Settings) -> Empty:
        return Empty()

    def questions(self, _evidence: Evidence, answers: Any, _settings: Settings) -> Any:
        return () if answers else (Question("q", "Look.", (), Note, lambda _: None, tier=self.tier),)

    def verify(self, _rules: Empty, _answers: Any, _evidence: Evidence, _settings: Settings) -> Verdict:
        return Verdict(Conclusion.SUCCESS, "comment", None, Risk(RiskLevel.LOW, 0, ()))

    def report(self, _verdict: object, _evidence: Evidence, account: Account, _settings: Settings) -> Plan:
        self.told.append(account)
        return Plan()


def plenty() -> Budget:
    return Budget(requests=30, input_tokens=100_000, seconds=60, clock=time.monotonic)


def scripted(name: str, *steps: Step) -> ScriptedModel:
    return ScriptedModel(*steps, name=name)


def concluded(mode: OneQuestion, put: ModelRouter) -> Any:
    scene = RunContext(Event(EventKind.LOCAL), Loaded(Settings()), Ports())
    return conclude(mode, Evidence(scene.event), scene, put)


def prepared(
    text: str = "", *, mode: OneQuestion | None = None, workload: Workload | None = None, **inputs: str
) -> ModelRouter:
    given = {name.replace("_", "-"): value for name, value in inputs.items()}
    return open_router(mode or OneQuestion(), load(given, text), workload, time.monotonic, str)


def names(put: ModelRouter) -> tuple[str | None, ...]:
    return tuple(model.name if model else None for model in (put.model, put.fast, put.fallback))


class TwoQuestions(OneQuestion):
    """A mode whose second question refines the answer to the first."""

    def questions(self, _evidence: Evidence, answers: Any, _settings: Settings) -> Any:
        if len(answers) == 2:
            return ()
        name = "refine" if answers else "q"
        return (Question(name, "Look.", (), Note, lambda _: None, optional=bool(answers)),)


def test_an_optional_question_that_fails_is_a_notice_and_degrades_nothing() -> None:
    model = scripted("primary", GOOD, GONE)
    decision = concluded(TwoQuestions(), ModelRouter(model, plenty(), b"k", str))
    assert decision.account.degraded == ""
    [notice] = decision.account.notices
    assert "`refine` was left out" in notice
    assert "primary is down" in notice


def test_a_main_question_that_fails_degrades_the_run_whatever_follows() -> None:
    decision = concluded(TwoQuestions(), ModelRouter(scripted("primary", GONE, GOOD), plenty(), b"k", str))
    assert "primary is down" in decision.account.degraded
    assert decision.account.notices == ()


@pytest.mark.parametrize("tier", Tier)
def test_a_question_goes_to_the_model_of_its_tier(tier: Tier) -> None:
    models = {Tier.JUDGEMENT: scripted("large"), Tier.FAST: scripted("small")}
    models[tier] = scripted(models[tier].name, GOOD)
    put = ModelRouter(models[Tier.JUDGEMENT], plenty(), b"k", str, fast=models[Tier.FAST])
    decision = concluded(OneQuestion(tier), put)
    assert decision.account.model == models[tier].name
    for model in models.values():
        model.assert_used()


def test_without_a_fast_model_the_other_answers() -> None:
    assert (
        concluded(OneQuestion(Tier.FAST), ModelRouter(scripted("large", GOOD), plenty(), b"k", str)).account.model
        == "large"
    )


def test_the_fallback_is_asked_when_the_model_is_not_available_and_the_report_says_so() -> None:
    put = ModelRouter(scripted("large", GONE), plenty(), b"k", str, fallback=scripted("other", GOOD))
    mode = OneQuestion()
    decision = concluded(mode, put)
    assert (decision.account.model, decision.account.usage.requests, decision.account.degraded) == ("other", 6, "")
    assert mode.told[0].notices == ("other was asked: primary is down.",)
    assert [asked.model for asked in decision.asked] == ["other"]
    assert any(isinstance(each, Annotation) and "primary is down" in each.message for each in decision.plan.effects)


def test_when_nobody_is_there_both_failures_are_told() -> None:
    put = ModelRouter(
        scripted("large", GONE), plenty(), b"k", str, fallback=scripted("other", ModelUnavailable("so is this"))
    )
    assert concluded(OneQuestion(), put).account.degraded == "primary is down. so is this."


def test_that_a_server_takes_no_tools_is_told() -> None:
    mode = OneQuestion()
    concluded(mode, ModelRouter(scripted("large", Reply(GOOD, toolless=True)), plenty(), b"k", str))
    assert mode.told[0].notices == ("large could look nothing up for `q`: its server takes no tools",)


@pytest.mark.parametrize("steps", [["no", "no", "no"], [ModelMisbehaved("odd")]])
def test_a_model_that_misbehaves_is_not_replaced(steps: list[Step]) -> None:
    put = ModelRouter(scripted("large", *steps), plenty(), b"k", str, fallback=scripted("other"))
    assert concluded(OneQuestion(), put).account.degraded


def test_a_draft_of_the_first_model_is_kept_though_it_died() -> None:
    question = replace(
        OneQuestion().questions(Evidence(Event(EventKind.LOCAL)), (), Settings())[0], check=lambda _: "no"
    )
    put = ModelRouter(scripted("large", GOOD, GONE), plenty(), b"k", str, fallback=scripted("other"))

    class Picky(OneQuestion):
        def questions(self, _evidence: Evidence, answers: Any, _settings: Settings) -> Any:
            return () if answers else (question,)

    assert concluded(Picky(), put).asked[0].model == "large"


def test_the_settings_name_a_model_for_each_tier() -> None:
    assert names(prepared(openai_api_key="k")) == ("gpt-5.5", "gpt-5-mini", None)
    text = "model: a\nfast-model: b\nfallback-model: c\n"
    assert names(prepared(text, openai_api_key="k")) == ("a", "b", "c")
    assert names(prepared(text, openai_api_key="k", model="x")) == ("x", "b", "c"), "an input comes before the file"


def test_the_default_fast_model_is_of_openai_alone() -> None:
    assert names(prepared(base_url="http://localhost:8000/v1", model="llama")) == ("llama", None, None)
    assert names(prepared(base_url="http://localhost:8000/v1", model="llama", fast_model="tiny"))[1] == "tiny"


def test_a_mode_that_fails_closed_has_no_fallback() -> None:
    gate = OneQuestion(name="deploy-gate", fails_closed=True)
    assert names(prepared(openai_api_key="k", fallback_model="other", mode=gate))[2] is None


@pytest.mark.parametrize("silent", [prepared(), prepared(model="off", openai_api_key="k")])
def test_without_a_key_or_with_the_word_off_rules_are_enough_and_nothing_is_missing(silent: ModelRouter) -> None:
    assert (silent.model, silent.silence) == (None, "")


def test_an_identity_is_used_for_openai_without_a_key() -> None:
    assert prepared(workload=WORKLOAD).model is not None
    nobody = replace(WORKLOAD, identity_provider_id="", service_account_id="")
    assert (prepared(workload=nobody).model, prepared(workload=nobody).silence) == (None, "")
    unbound = prepared(workload=replace(WORKLOAD, service_account_id=""))
    assert unbound.model is None
    assert "only one of OPENAI_IDENTITY_PROVIDER_ID and OPENAI_SERVICE_ACCOUNT_ID" in unbound.silence


def test_prices_of_the_file_hold_the_ceiling_in_money() -> None:
    text = "max-cost-usd: 0.01\nprices:\n  mine: {input: 1000, output: 1000}\n  gpt-5.5: {input: 0, output: 0}\n"
    held = prepared(text, openai_api_key="k").budget
    assert held.evidence_tokens("mine") == 4
    assert held.evidence_tokens("gpt-5.5") == held.evidence_tokens("unknown") == 60_000


def test_each_mode_has_a_ceiling_of_its_own_until_somebody_sets_one_for_all() -> None:
    def room(told: float | None = None) -> dict[str, int]:
        settings = Settings(prices={"mine": TokenPrice(input=1000, output=1000)}, max_cost_usd=told)
        return {mode: budget(settings, mode, lambda: 0.0).evidence_tokens("mine") for mode in USD}

    found = room()
    assert found["gen-tests"] > found["review"] > found["analyse-failure"] > found["deploy-gate"] > found["route"] == 0
    assert {*room(0.5).values()} == {found["review"]}


def test_the_account_is_in_every_request_unless_a_header_of_ones_own_says_otherwise() -> None:
    def headers(own: str) -> dict[str, str]:
        loaded = load({"openai-api-key": "k", "model-headers": own}, "")
        account = {"OpenAI-Organization": "org-1"}
        put = open_router(OneQuestion(), loaded, None, time.monotonic, str, account=account)
        asked: Any = put.model
        return dict(asked.headers)

    assert headers("X-Team: core") == {"OpenAI-Organization": "org-1", "X-Team": "core"}
    assert headers("OpenAI-Organization: org-2") == {"OpenAI-Organization": "org-2"}
