"""From an event to a decision; nothing outside is changed by it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.messages import Answer, Model, Question, Tier
from cicd_agent.agent.sharding import Part, parts
from cicd_agent.analysis.coverage import describe, unanalysed
from cicd_agent.app.context import RunContext
from cicd_agent.app.model_router import ModelRouter, Tools
from cicd_agent.app.run_record import AnswerRecord, Decision
from cicd_agent.domain.effects import Annotation, CheckRun, Effect, Level, Output, Plan, Summary
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.parallel import run_parallel
from cicd_agent.domain.text.markdown import escape
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.usage import Usage
from cicd_agent.domain.verdict import ChatReply, Draft
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.modes.protocol import Account, Mode
from cicd_agent.settings.loader import Loaded


def observe(mode: Mode[Any], context: RunContext) -> Evidence:
    """What the mode gathers; of an event that it declines, the event alone."""
    if mode.declines(context.event, context.settings):
        return Evidence(context.event)
    context.progress("reading the change" if context.event.run is None else "reading the run")
    with context.timeline.stage("gather"):
        return mode.gather(context.event, context.ports, context.settings)


def conclude(mode: Mode[Any], evidence: Evidence, context: RunContext, router: ModelRouter) -> Decision:
    """From the evidence to the plan: a function of what was read and what was answered, and of nothing else."""
    declined = mode.declines(evidence.event, context.settings) or evidence.declined
    if declined:
        account = Account(config_status=context.loaded.config_status, notices=context.notices)
        plan = Plan((Summary("summary", f"**cicd-agent {mode.name}**: nothing to do, {escape(declined)}.\n"),))
        return Decision(mode.name, evidence.event, account, plan, declined=declined)
    settings = context.settings
    context.progress(f"applying the rules to {mode.size(evidence) or 'the evidence'}")
    with context.timeline.stage("rules"):
        rules = mode.rules(evidence, settings)
    inquiry = _Inquiry(mode, evidence, context, router)
    inquiry.experiment((), last=False)  # what rules propose: nobody needs to be asked for that again
    with context.timeline.stage("ask"):
        answers, degraded, limit = inquiry.ask()
    inquiry.experiment(answers, last=True)
    evidence = inquiry.evidence
    context.progress("checking the claims")
    with context.timeline.stage("verify"):
        verdict = mode.verify(rules, answers, evidence, settings)
    account = _account(answers, degraded, router, context.loaded, (*context.notices, *([limit] if limit else [])))
    if evidence.change is not None and not isinstance(verdict, ChatReply):
        account = replace(account, unanalysed=unanalysed(evidence.change, settings.paths_ignore))
    plan = mode.report(verdict, evidence, account, settings)
    router.incremental_state.save(mode.save_state(answers, evidence, settings), mode.state_key(evidence, context.event))
    return Decision(
        mode=mode.name,
        event=evidence.event,
        account=account,
        plan=Plan((*(_with_gaps(effect, account) for effect in plan.effects), *_warnings(account, answers))),
        evidence=evidence,
        asked=tuple(AnswerRecord.of(answer) for answer in answers),
        result=verdict,
    )


def propose(mode: Mode[Any], evidence: Evidence, context: RunContext, router: ModelRouter) -> Evidence:
    """The evidence with what a model proposes, for a job that asks none; ConfigError for a mode without that stage."""
    untried = replace(context, ports=replace(context.ports, patch_tester=None, pytest_runner=None))
    answers: list[Answer[Any]] = []
    if not (mode.declines(evidence.event, context.settings) or evidence.declined):
        answers, silence, _ = _Inquiry(mode, evidence, untried, router).ask()
        if silence:
            evidence = replace(evidence, gaps=(*evidence.gaps, Gap("", silence)))
    proposed = mode.proposals(answers, evidence)
    if proposed is None:
        raise ConfigError(f"`{mode.name}` has no `stage: ask`", remedy="Only `gen-tests` has one")
    return proposed


@dataclass
class _Inquiry:
    """The questions of one run, and its evidence so far: drafts may be tried out before they are accepted."""

    mode: Mode[Any]
    evidence: Evidence
    context: RunContext
    router: ModelRouter

    def experiment(self, answers: Sequence[Answer[Any]], *, last: bool) -> None:
        """Try out what the answers propose."""
        context = self.context
        with context.timeline.stage("experiment"):
            self.evidence = self.mode.experiment(
                answers, self.evidence, context.ports, context.settings, context.progress, last=last
            )

    def ask(self) -> tuple[list[Answer[Any]], str, str]:
        """The answers, why some are missing, and why less could be looked up than usual; "" when neither is so."""
        mode, context, router = self.mode, self.context, self.router
        answers: list[Answer[Any]] = []
        tools: Tools | None = None
        limit = ""
        while questions := mode.questions(self.evidence, answers, context.settings):
            if router.model is None:
                return answers, router.silence, ""
            if tools is None:
                offered = mode.tools(self.evidence, context.event, context.ports, context.settings)
                tools, limit = router.watch(*offered)
            for question in questions:
                model = router.fast if router.fast and question.tier is Tier.FAST else router.model
                whole = self._with_experiment(replace(question, tools=tools) if question.looks else question)
                if divided := parts(whole, model.name, router.budget):
                    answers += _answers_of(divided, model, router, context.progress)
                else:
                    answers.append(_answer(whole, model, router, context.progress))
        return answers, _degraded([answer for answer in answers if not answer.optional]), limit

    def _with_experiment(self, question: Question[Any]) -> Question[Any]:
        """The question, whose drafts are tried out before they are accepted, if it asks for that."""
        weigh = question.weigh
        if weigh is None:
            return question

        def check(draft: Draft) -> str | None:
            if complaint := question.check(draft):
                return complaint
            self.experiment([Answer(question.name, draft)], last=False)
            return weigh(draft, self.evidence)

        return replace(question, check=check)


def _degraded(answers: Sequence[Answer[Any]]) -> str:
    """Why there is no answer, or which part of a question has none."""
    failed = [answer for answer in answers if answer.failure]
    if not failed:
        return ""
    if len(failed) == len(answers) or all(answer.draft for answer in failed):
        return failed[0].failure
    names = ", ".join(f"`{answer.question}`" for answer in failed if not answer.draft)
    return f"No answer to {names}, the others stand: {next(each.failure for each in failed if not each.draft)}"


def _answers_of(
    divided: Sequence[Part], model: Model, router: ModelRouter, progress: Callable[[str], None]
) -> list[Answer[Any]]:
    """The answers to the parts of a question, asked side by side, in the order of the parts."""
    budgets = router.budget.divide(model.name, [part.tokens for part in divided])

    def task(part: Part, budget: Budget) -> Callable[[], Answer[Any]]:
        return lambda: _answer(part.question, model, router, progress, budget)

    answers = run_parallel([task(*each) for each in zip(divided, budgets, strict=True)], router.side_by_side)
    for index, (part, answer) in enumerate(zip(divided, answers, strict=True)):
        if answer.draft is None and answer.exit is Exit.BUDGET:
            # Its own share had no room for a correction: the others have left something.
            again = _answer(part.question, model, router, progress)
            answers[index] = replace(again, usage=answer.usage + again.usage)
    pieces = {part.question.name: [each.source for each in part.question.evidence if each.whole] for part in divided}
    return [
        answer
        if answer.draft
        else replace(answer, left_out=tuple(dict.fromkeys(map(visible_line, pieces[answer.question]))))
        for answer in answers
    ]


def _answer(
    question: Question[Any],
    model: Model,
    router: ModelRouter,
    progress: Callable[[str], None],
    budget: Budget | None = None,
) -> Answer[Any]:
    """The model's answer, or that of the fallback; the answer says whose it is, and the account what both cost."""
    progress(f"asking {model.name}: {question.name}")
    first = router.put(question, model, budget)
    if router.fallback is None or first.draft is not None or first.exit is not Exit.MODEL:
        return first
    progress(f"asking {router.fallback.name}: {question.name}")
    second = router.put(question, router.fallback, budget)
    failures = dict.fromkeys(filter(None, (first.failure, second.failure)))
    failure = " ".join(failures) if second.draft is None else second.failure
    return replace(second, usage=first.usage + second.usage, failure=failure, instead_of=first.failure)


def _account(
    answers: Sequence[Answer[Any]], degraded: str, router: ModelRouter, loaded: Loaded, notices: Sequence[str]
) -> Account:
    usage = sum((answer.usage for answer in answers), Usage())
    return Account(
        model=next((answer.model for answer in answers if answer.usage.requests or answer.usage.from_cache), ""),
        usage=usage,
        cost_usd=router.budget.cost_usd if usage.requests else 0.0,
        degraded=degraded,
        config_status=loaded.config_status,
        notices=(*notices, *_limits(answers)),
        left_out=tuple(
            dict.fromkeys(source for answer in answers if not answer.optional for source in answer.left_out)
        ),
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


def _with_gaps(effect: Effect, account: Account) -> Effect:
    """The effect; the one line that says what the run came to names what it has not read, whatever the mode."""
    missed = f"; not analysed: {describe(account.unanalysed)}" if account.unanalysed else ""
    match effect:
        case Output(name="summary"):
            return replace(effect, value=f"{effect.value}{missed}")
        case CheckRun():
            return replace(effect, title=f"{effect.title}{missed}")
        case _:
            return effect


def _warnings(account: Account, answers: Sequence[Answer[Any]]) -> Sequence[Annotation]:
    """What was missing, where people look first. No key is a choice until somebody says otherwise: a notice."""
    warnings = [
        Annotation(f"notice-{index}", Level.WARNING, "cicd-agent", notice)
        for index, notice in enumerate(account.notices)
    ]
    if account.unanalysed:
        text = f"{describe(account.unanalysed)}. What is in there is unknown, so the risk is not low."
        warnings.append(Annotation("unanalysed", Level.WARNING, "cicd-agent: not analysed", text))
    if account.degraded:
        level = Level.WARNING if answers else Level.NOTICE
        is_partial = any(answer.draft for answer in answers if not answer.optional)
        title = "not all of the model's answers are there" if is_partial else "no model was heard"
        warnings.append(Annotation("degraded", level, f"cicd-agent: {title}", account.degraded))
    return warnings
