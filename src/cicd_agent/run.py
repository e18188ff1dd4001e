"""The story of a run: an event goes in, a decision comes out."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cicd_agent.agent.ask import ask
from cicd_agent.agent.budget import Budget
from cicd_agent.agent.prices import PRICES, Price
from cicd_agent.agent.tool import Tool
from cicd_agent.agent.turns import Answer, Model, Question, Tier, Usage
from cicd_agent.config import Loaded
from cicd_agent.core.evidence import Evidence
from cicd_agent.core.markdown import escape
from cicd_agent.core.plan import Annotation, Level, Plan, Summary
from cicd_agent.decision import Asked, Decision
from cicd_agent.errors import Exit, ModelUnavailable
from cicd_agent.modes import Account, Mode
from cicd_agent.settings import Provider, Settings, TokenPrice, Workload
from cicd_agent.world import Scene

RESERVE = 20.0
"""Seconds of `timeout-minutes` that are kept for carrying out the plan."""
RETRIES = 8
"""Requests of a run beyond its rounds: those that failed and were sent again, or that taught us what a server takes."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How questions are put. Without a `model` nobody is asked, and `silence` says why ("" when that is meant).

    `fast` is asked what needs no judgement; `fallback` is asked when the other is not available.
    """

    model: Model | None
    budget: Budget
    key: bytes
    redact: Callable[[str], str]
    silence: str = ""
    fast: Model | None = None
    fallback: Model | None = None
    max_rounds: int = 20

    def put(self, question: Question[Any], model: Model) -> Answer[Any]:
        """One question to one model."""
        return ask(question, model, self.budget, key=self.key, redact=self.redact, max_rounds=self.max_rounds)


def decide(mode: Mode[Any], scene: Scene, asking: Asking, progress: Callable[[str], None]) -> Decision:
    """Everything from the event to the plan. Nothing outside is changed by it."""
    return conclude(mode, observe(mode, scene, progress), scene, asking, progress)


def observe(mode: Mode[Any], scene: Scene, progress: Callable[[str], None]) -> Evidence:
    """What the mode gathers; of an event that it declines, the event alone."""
    if mode.declines(scene.event):
        return Evidence(scene.event)
    progress("reading the change")
    return mode.gather(scene.event, scene.world, scene.settings)


def conclude(
    mode: Mode[Any], evidence: Evidence, scene: Scene, asking: Asking, progress: Callable[[str], None]
) -> Decision:
    """From the evidence to the plan: a function of what was read and what was answered, and of nothing else."""
    declined = mode.declines(evidence.event)
    if declined:
        account = Account(config_status=scene.loaded.config_status, notices=scene.notices)
        plan = Plan((Summary("summary", f"**cicd-agent {mode.name}**: nothing to do, {escape(declined)}.\n"),))
        return Decision(mode.name, evidence.event, account, plan, declined=declined)
    settings = scene.settings
    progress("applying the rules")
    rules = mode.rules(evidence, settings)
    answers, degraded, limit = _answers(mode, evidence, scene, asking, progress)
    progress("checking the claims")
    verdict = mode.verify(rules, answers, evidence, settings)
    account = _account(answers, degraded, asking, scene.loaded, (*scene.notices, *([limit] if limit else [])))
    plan = mode.report(verdict, evidence, account, settings)
    return Decision(
        mode=mode.name,
        event=evidence.event,
        account=account,
        plan=Plan((*plan.effects, *_warnings(account, answers))),
        evidence=evidence,
        asked=tuple(Asked.of(answer) for answer in answers),
        verdict=verdict,
    )


def asking(
    mode: Mode[Any],
    loaded: Loaded,
    workload: Workload | None,
    clock: Callable[[], float],
    redact: Callable[[str], str],
) -> Asking:
    """The models that the settings name for the mode, and what they may cost."""
    settings = loaded.settings
    budget = Budget(
        requests=settings.max_rounds + RETRIES,
        input_tokens=settings.max_input_tokens,
        seconds=max(settings.timeout_minutes * 60 - RESERVE, 1.0),
        clock=clock,
        usd=settings.max_cost_usd,
        prices={**PRICES, **{name: _price(told) for name, told in settings.prices.items()}},
    )
    api_key = settings.openai_api_key.get_secret_value()
    # Stable between runs, so that servers can cache, and unknown to whoever writes the evidence.
    key = hashlib.sha256(f"cicd-agent fence {api_key}".encode()).digest() if api_key else os.urandom(32)
    if settings.provider is Provider.NONE:
        return Asking(None, budget, key, redact)
    try:
        reach = _reach(settings, workload)
        model = reach(_named(mode, loaded))
    except ModelUnavailable as error:
        return Asking(None, budget, key, redact, silence=str(error))
    # The default's name means something at OpenAI only.
    fast = settings.fast_model if "fast_model" in settings.model_fields_set or not settings.base_url else model.name
    return Asking(
        model,
        budget,
        key,
        redact,
        fast=reach(fast) if fast and fast != model.name else None,
        fallback=reach(settings.fallback_model) if settings.fallback_model and not mode.fails_closed else None,
        max_rounds=settings.max_rounds,
    )


def _price(told: TokenPrice) -> Price:
    """A price of the config file; what it does not say of cached tokens is on the safe side."""
    cached = told.input if told.cached_input is None else told.cached_input
    return Price(told.input, cached, told.output, dearer_above=None)


def _named(mode: Mode[Any], loaded: Loaded) -> str:
    """The model for judgement: what the workflow says, then what the file says of this mode."""
    by_mode = dict[str, str](loaded.settings.models.items())
    said = loaded.settings.model
    return said if loaded.origins.get("model") == "input" else by_mode.get(mode.name, said)


def _reach(settings: Settings, workload: Workload | None) -> Callable[[str], Model]:
    """How a model of the settings' server is reached; ModelUnavailable when there is no server to ask."""
    from cicd_agent.adapters.models import connect, parse_headers  # noqa: PLC0415  a run without a model never pays for it
    from cicd_agent.adapters.models_identity import Identity  # noqa: PLC0415

    api_key = settings.openai_api_key.get_secret_value()
    if settings.provider is not Provider.OPENAI or api_key:
        workload = None
    if workload is not None and not workload.known and not settings.base_url:
        raise ModelUnavailable(
            "no key, and nothing says which OpenAI account GitHub's identity stands for",
            remedy="Set OPENAI_IDENTITY_PROVIDER_ID and OPENAI_SERVICE_ACCOUNT_ID, or `openai-api-key`",
        )
    identity = Identity(workload) if workload is not None and workload.known else None
    headers = parse_headers(settings.model_headers.get_secret_value())

    def reach(name: str) -> Model:
        return connect(
            api_key=api_key,
            base_url=settings.base_url,
            api=settings.api,
            model=name,
            headers=headers,
            service_tier=settings.service_tier,
            identity=identity,
        )

    return reach


def _answers(
    mode: Mode[Any], evidence: Evidence, scene: Scene, asking: Asking, progress: Callable[[str], None]
) -> tuple[list[Answer[Any]], str, str]:
    """The answers, why some are missing, and why less could be looked up than usual; "" when neither is so."""
    answers: list[Answer[Any]] = []
    tools: tuple[Tool[Any], ...] | None = None
    limit = ""
    while questions := mode.questions(evidence, answers, scene.settings):
        if asking.model is None:
            return answers, asking.silence, ""
        if tools is None:
            tools, limit = mode.lookups(evidence, scene.event, scene.world, scene.settings)
        for question in questions:
            model = asking.fast if asking.fast and question.tier is Tier.FAST else asking.model
            answers.append(_answer(replace(question, tools=tools), model, asking, progress))
    return answers, next((answer.failure for answer in answers if answer.failure), ""), limit


def _answer(question: Question[Any], model: Model, asking: Asking, progress: Callable[[str], None]) -> Answer[Any]:
    """The model's answer, or that of the fallback; the answer says whose it is, and the account what both cost."""
    progress(f"asking {model.name}: {question.name}")
    first = asking.put(question, model)
    if asking.fallback is None or first.draft is not None or first.exit is not Exit.MODEL:
        return first
    progress(f"asking {asking.fallback.name}: {question.name}")
    second = asking.put(question, asking.fallback)
    failures = dict.fromkeys(filter(None, (first.failure, second.failure)))
    failure = " ".join(failures) if second.draft is None else second.failure
    return replace(second, usage=first.usage + second.usage, failure=failure, instead_of=first.failure)


def _account(
    answers: Sequence[Answer[Any]], degraded: str, asking: Asking, loaded: Loaded, notices: Sequence[str]
) -> Account:
    usage = sum((answer.usage for answer in answers), Usage())
    return Account(
        model=next((answer.model for answer in answers if answer.usage.requests), ""),
        usage=usage,
        cost_usd=asking.budget.cost_usd if usage.requests else 0.0,
        degraded=degraded,
        config_status=loaded.config_status,
        notices=(*notices, *_limits(answers)),
        left_out=tuple(source for answer in answers for source in answer.left_out),
    )


def _limits(answers: Sequence[Answer[Any]]) -> Iterator[str]:
    """What a reader has to know of how the answers came about."""
    for answer in answers:
        if answer.instead_of:
            yield f"{answer.model} was asked: {answer.instead_of}"
        if answer.toolless:
            yield f"{answer.model} could look nothing up for `{answer.question}`: its server takes no tools"


def _warnings(account: Account, answers: Sequence[Answer[Any]]) -> Sequence[Annotation]:
    """What was missing, where people look first. No key is a choice until somebody says otherwise: a notice."""
    found = [
        Annotation(f"notice-{index}", Level.WARNING, "cicd-agent", notice)
        for index, notice in enumerate(account.notices)
    ]
    if account.degraded:
        level = Level.WARNING if answers else Level.NOTICE
        found.append(Annotation("degraded", level, "cicd-agent: no model was heard", account.degraded))
    return found
