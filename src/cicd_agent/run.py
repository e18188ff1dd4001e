"""The story of a run: an event goes in, a decision comes out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cicd_agent.agent.turns import Answer, Model, Question, Tier, Usage
from cicd_agent.asking import Asking, Tools
from cicd_agent.config import Loaded
from cicd_agent.core.evidence import Evidence
from cicd_agent.core.markdown import escape
from cicd_agent.core.plan import Annotation, Level, Plan, Summary
from cicd_agent.decision import Asked, Decision
from cicd_agent.errors import Exit
from cicd_agent.modes import Account, Mode
from cicd_agent.world import Scene


def decide(
    mode: Mode[Any],
    scene: Scene,
    asking: Asking,
    progress: Callable[[str], None],
    keep: Callable[[Evidence], None],
) -> Decision:
    """Everything from the event to the plan. Nothing outside is changed by it; `keep` sees the evidence first."""
    return resume(mode, observe(mode, scene, progress), scene, asking, progress, keep=keep)


def resume(
    mode: Mode[Any],
    evidence: Evidence,
    scene: Scene,
    asking: Asking,
    progress: Callable[[str], None],
    *,
    keep: Callable[[Evidence], None],
) -> Decision:
    """The same from evidence that was gathered before, maybe by others: what is remembered is never taken from it."""
    evidence = asking.sealing.opened(evidence, scene.event)
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
    answers, degraded, limit = _answers(mode, evidence, scene, asking, progress)
    progress("checking the claims")
    verdict = mode.verify(rules, answers, evidence, settings)
    account = _account(answers, degraded, asking, scene.loaded, (*scene.notices, *([limit] if limit else [])))
    plan = mode.report(verdict, evidence, account, settings)
    asking.sealing.keep(mode.remember(answers, evidence, settings), evidence, scene.event)
    return Decision(
        mode=mode.name,
        event=evidence.event,
        account=account,
        plan=Plan((*plan.effects, *_warnings(account, answers))),
        evidence=evidence,
        asked=tuple(Asked.of(answer) for answer in answers),
        verdict=verdict,
    )


def _answers(
    mode: Mode[Any], evidence: Evidence, scene: Scene, asking: Asking, progress: Callable[[str], None]
) -> tuple[list[Answer[Any]], str, str]:
    """The answers, why some are missing, and why less could be looked up than usual; "" when neither is so."""
    answers: list[Answer[Any]] = []
    tools: Tools | None = None
    limit = ""
    while questions := mode.questions(evidence, answers, scene.settings):
        if asking.model is None:
            return answers, asking.silence, ""
        if tools is None:
            tools, limit = asking.watch(*mode.lookups(evidence, scene.event, scene.world, scene.settings))
        for question in questions:
            model = asking.fast if asking.fast and question.tier is Tier.FAST else asking.model
            answers.append(_answer(replace(question, tools=tools), model, asking, progress))
    failures = (answer.failure for answer in answers if answer.failure and not answer.optional)
    return answers, next(failures, ""), limit


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
        model=next((answer.model for answer in answers if answer.usage.requests or answer.usage.from_cache), ""),
        usage=usage,
        cost_usd=asking.budget.cost_usd if usage.requests else 0.0,
        degraded=degraded,
        config_status=loaded.config_status,
        notices=(*notices, *_limits(answers)),
        left_out=tuple(source for answer in answers if not answer.optional for source in answer.left_out),
    )


def _limits(answers: Sequence[Answer[Any]]) -> Iterator[str]:
    """What a reader has to know of how the answers came about."""
    for answer in answers:
        if answer.optional and answer.failure:
            yield f"The question `{answer.question}` was left out, nothing is lost by it: {answer.failure}"
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
