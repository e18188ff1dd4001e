"""The story of a run: an event goes in, a decision comes out."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cicd_agent.agent.ask import ask
from cicd_agent.agent.budget import Budget
from cicd_agent.agent.turns import Answer, Model, Usage
from cicd_agent.core.evidence import Evidence
from cicd_agent.core.markdown import escape
from cicd_agent.core.plan import Annotation, Level, Plan, Summary
from cicd_agent.decision import Asked, Decision
from cicd_agent.errors import ModelUnavailable
from cicd_agent.modes import Account, Mode
from cicd_agent.settings import Provider, Settings
from cicd_agent.world import Scene

RESERVE = 20.0
"""Seconds of `timeout-minutes` that are kept for carrying out the plan."""
RETRIES = 8
"""Requests of a run beyond its rounds: those that failed and were sent again, or that taught us what a server takes."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How questions are put. Without a `model` nobody is asked, and `silence` says why ("" when that is meant)."""

    model: Model | None
    budget: Budget
    key: bytes
    redact: Callable[[str], str]
    silence: str = ""


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
    answers, degraded = _answers(mode, evidence, settings, asking, progress)
    progress("checking the claims")
    verdict = mode.verify(rules, answers, evidence, settings)
    account = _account(answers, degraded, asking, scene)
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


def asking(settings: Settings, clock: Callable[[], float], redact: Callable[[str], str]) -> Asking:
    """The model that the settings name, and what it may cost."""
    budget = Budget(
        requests=settings.max_rounds + RETRIES,
        input_tokens=settings.max_input_tokens,
        seconds=max(settings.timeout_minutes * 60 - RESERVE, 1.0),
        clock=clock,
        usd=settings.max_cost_usd,
    )
    api_key = settings.openai_api_key.get_secret_value()
    # Stable between runs, so that servers can cache, and unknown to whoever writes the evidence.
    key = hashlib.sha256(f"cicd-agent fence {api_key}".encode()).digest() if api_key else os.urandom(32)
    if settings.provider is Provider.NONE:
        return Asking(None, budget, key, redact)
    from cicd_agent.adapters.models import connect, parse_headers  # noqa: PLC0415  a run without a model never pays for it

    try:
        model = connect(
            api_key=api_key,
            base_url=settings.base_url,
            api=settings.api,
            model=settings.model,
            headers=parse_headers(settings.model_headers.get_secret_value()),
        )
    except ModelUnavailable as error:
        return Asking(None, budget, key, redact, silence=str(error))
    return Asking(model, budget, key, redact)


def _answers(
    mode: Mode[Any], evidence: Evidence, settings: Settings, asking: Asking, progress: Callable[[str], None]
) -> tuple[list[Answer[Any]], str]:
    """The answers, and why some are missing, "" when none are."""
    answers: list[Answer[Any]] = []
    while questions := mode.questions(evidence, answers, settings):
        if asking.model is None:
            return answers, asking.silence
        for question in questions:
            progress(f"asking {asking.model.name}: {question.name}")
            answers.append(
                ask(
                    question,
                    asking.model,
                    asking.budget,
                    key=asking.key,
                    redact=asking.redact,
                    max_rounds=settings.max_rounds,
                )
            )
    return answers, next((answer.failure for answer in answers if answer.failure), "")


def _account(answers: Sequence[Answer[Any]], degraded: str, asking: Asking, scene: Scene) -> Account:
    usage = sum((answer.usage for answer in answers), Usage())
    return Account(
        model=next((answer.model for answer in answers if answer.usage.requests), ""),
        usage=usage,
        cost_usd=asking.budget.cost_usd if usage.requests else 0.0,
        degraded=degraded,
        config_status=scene.loaded.config_status,
        notices=scene.notices,
        left_out=tuple(source for answer in answers for source in answer.left_out),
    )


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
