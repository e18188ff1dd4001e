"""The story of a run: an event goes in, a decision comes out."""

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

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


class Memory(Protocol):
    """What keeps answers between runs."""

    def keep(self) -> None:
        """The last question came to a good end."""
        ...

    def drop(self) -> None:
        """It did not: the next run has to ask again."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """How questions are put. Without a `model` nobody is asked, and `silence` says why ("" when that is meant)."""

    model: Model | None
    budget: Budget
    key: bytes
    redact: Callable[[str], str]
    silence: str = ""
    memory: Memory | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where answers are kept between runs, and who is told when that goes wrong. `now` is in seconds since 1970."""

    folder: Path
    now: Callable[[], float]
    note: Callable[[str], None]


def decide(
    mode: Mode[Any],
    scene: Scene,
    asking: Asking,
    progress: Callable[[str], None],
    keep: Callable[[Evidence], None],
) -> Decision:
    """Everything from the event to the plan. Nothing outside is changed by it; `keep` sees the evidence first."""
    evidence = observe(mode, scene, progress)
    keep(evidence)
    return conclude(mode, evidence, scene, asking, progress)


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


def budget(settings: Settings, clock: Callable[[], float]) -> Budget:
    """What the settings let a run spend."""
    return Budget(
        requests=settings.max_rounds + RETRIES,
        input_tokens=settings.max_input_tokens,
        seconds=max(settings.timeout_minutes * 60 - RESERVE, 1.0),
        clock=clock,
        usd=settings.max_cost_usd,
    )


def asking(
    settings: Settings,
    clock: Callable[[], float],
    redact: Callable[[str], str],
    keeping: Keeping | None = None,
) -> Asking:
    """The model that the settings name, and what it may cost. Raises ConfigError when an input makes no sense."""
    limits = budget(settings, clock)
    if settings.provider is Provider.NONE:
        return Asking(None, limits, b"", redact)
    from cicd_agent.adapters.models import connect, parse_headers  # noqa: PLC0415  a run without a model never pays for it

    api_key = settings.openai_api_key.get_secret_value()
    headers = settings.model_headers.get_secret_value()
    try:
        model = connect(
            api_key=api_key,
            base_url=settings.base_url,
            api=settings.api,
            model=settings.model,
            headers=parse_headers(headers),
        )
    except ModelUnavailable as error:
        return Asking(None, limits, b"", redact, silence=str(error))
    secret = _secret(api_key, keeping)
    fence = hmac.digest(secret, b"fence", "sha256")
    if keeping is None:
        return Asking(model, limits, fence, redact)
    from cicd_agent.adapters.tape_cache import AnswerCache  # noqa: PLC0415  see above

    cache = AnswerCache(
        model,
        keeping.folder,
        secret=hmac.digest(secret, b"answers", "sha256"),
        scope={"server": settings.base_url, "api": settings.api, "headers": headers},
        redact=redact,
        now=keeping.now,
        note=keeping.note,
    )
    return Asking(cache, limits, fence, redact, memory=cache)


def _secret(api_key: str, keeping: Keeping | None) -> bytes:
    """Stable between runs, so that caches hit, and unknown to whoever writes the evidence.

    Slow to compute from a key: a tape shows a digest of it, and the keys of home-made servers can be guessed.
    """
    if api_key:
        return hashlib.scrypt(api_key.encode(), salt=b"cicd-agent", n=2**14, r=8, p=1, dklen=32)
    if keeping is None:
        return os.urandom(32)
    from cicd_agent.adapters.tape_cache import installation_secret  # noqa: PLC0415  see above

    return installation_secret(keeping.folder, keeping.note)


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
            answer = ask(
                question,
                asking.model,
                asking.budget,
                key=asking.key,
                redact=asking.redact,
                max_rounds=settings.max_rounds,
            )
            if asking.memory:
                (asking.memory.drop if answer.failure else asking.memory.keep)()
            answers.append(answer)
    return answers, next((answer.failure for answer in answers if answer.failure), "")


def _account(answers: Sequence[Answer[Any]], degraded: str, asking: Asking, scene: Scene) -> Account:
    usage = sum((answer.usage for answer in answers), Usage())
    return Account(
        model=next((answer.model for answer in answers if answer.usage.requests or answer.usage.from_cache), ""),
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
