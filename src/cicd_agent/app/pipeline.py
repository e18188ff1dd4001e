"""From an event to a decision; nothing outside is changed by it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.messages import Answer, Model, Question, Tier
from cicd_agent.agent.prompt import version
from cicd_agent.agent.sharding import parts
from cicd_agent.analysis.rules.coverage import describe
from cicd_agent.app.context import RunContext
from cicd_agent.app.model_router import ModelRouter, Tools
from cicd_agent.app.run_record import AnswerRecord, Decision
from cicd_agent.domain.effects import Annotation, CheckRun, Effect, Level, Output, Plan, Summary
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.parallel import run_parallel
from cicd_agent.domain.text.markdown import escape
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count
from cicd_agent.domain.usage import Usage
from cicd_agent.domain.verdict import ChatReply, Draft, Judgement
from cicd_agent.errors import ConfigError, Exit, TimeLimitReached
from cicd_agent.modes.protocol import Account, Mode
from cicd_agent.modes.shared.change_reader import unanalysed
from cicd_agent.settings.schema import Settings


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
    inquiry.run()
    try:
        decision = _judged(rules, inquiry)
    except TimeLimitReached as over:
        # What was answered takes too long to check: what the rules have found stands without it.
        context.grant_grace()
        return _judged(rules, replace(inquiry, answers=[], interrupted=str(over.failure)))
    inquiry.save_state()
    return decision


def _judged(rules: Any, inquiry: "_Inquiry") -> Decision:
    """The decision on what was found, and answered before the time limit of the run."""
    mode, evidence, context = inquiry.mode, inquiry.evidence, inquiry.context
    settings, answers = context.settings, inquiry.answers
    context.progress("checking the claims")
    with context.timeline.stage("verify"):
        verdict = mode.verify(rules, answers, evidence, settings)
    account = inquiry.account()
    account = replace(account, unanalysed=_unanalysed(verdict, evidence, settings))
    plan = mode.report(verdict, evidence, account, settings)
    return Decision(
        mode=mode.name,
        event=evidence.event,
        account=account,
        plan=Plan(
            (
                *(_with_gaps(effect, account) for effect in plan.effects),
                *_warnings(account, answers),
            )
        ),
        evidence=evidence,
        asked=tuple(AnswerRecord.of(answer) for answer in answers),
        result=verdict,
    )


def propose(mode: Mode[Any], evidence: Evidence, context: RunContext, router: ModelRouter) -> Evidence:
    """The evidence with what a model proposes, for a job that asks none; ConfigError for a mode without that stage."""
    untried = replace(context, ports=replace(context.ports, patch_tester=None, pytest_runner=None))
    inquiry = _Inquiry(mode, evidence, untried, router)
    if not (mode.declines(evidence.event, context.settings) or evidence.declined):
        inquiry.run()
        if silence := inquiry.degraded:
            evidence = replace(evidence, gaps=(*evidence.gaps, Gap("", silence)))
    proposed = mode.proposals(inquiry.answers, evidence)
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
    answers: list[Answer[Any]] = field(default_factory=list)
    silence: str = ""
    """Why nobody was asked, "" when somebody was, or nobody was to be."""
    limit: str = ""
    """Why less could be looked up than usual, "" when that is not so."""
    interrupted: str = ""
    """Why the questions or experiments were ended, "" when they came to their end."""

    def run(self) -> None:
        """Ask and try out until nothing is left, or the time limit of the run is over; the rest has its grace."""
        try:
            self.experiment((), last=False)  # what rules propose: nobody needs to be asked for that again
            with self.context.timeline.stage("ask"):
                self.ask()
            self.experiment(self.answers, last=True)
            self.context.grant_grace()
        except TimeLimitReached as over:
            self.context.grant_grace()
            self.interrupted = str(over.failure)

    def experiment(self, answers: Sequence[Answer[Any]], *, last: bool) -> None:
        """Try out what the answers propose."""
        context = self.context
        with context.timeline.stage("experiment"):
            self.evidence = self.mode.experiment(
                answers, self.evidence, context.ports, context.settings, context.progress, last=last
            )

    def ask(self) -> None:
        """Put the questions of the mode, if there is a model."""
        mode, context, router = self.mode, self.context, self.router
        tools: Tools | None = None
        while questions := mode.questions(self.evidence, self.answers, context.settings):
            if router.model is None:
                self.silence = router.silence
                return
            if tools is None:
                offered = mode.tools(self.evidence, context.event, context.ports, context.settings)
                tools, self.limit = router.watch(*offered)
            for question in questions:
                model = router.fast if router.fast and question.tier is Tier.FAST else router.model
                self._put(self._with_experiment(replace(question, tools=tools) if question.looks else question), model)

    def _put(self, whole: Question[Any], model: Model) -> None:
        """Add the answer to a question, or those to its parts, asked side by side, in the order of the parts."""
        router, progress = self.router, self.context.progress
        divided = parts(whole, model.name, router.budget)
        questions = [part.question for part in divided] or [whole]
        budgets: Sequence[Budget | None] = [None]
        if divided:
            budgets = router.budget.divide(model.name, [part.tokens for part in divided])
        answers = [_late(question, model) for question in questions]  # until one comes in time

        def task(index: int) -> Callable[[], None]:
            def put() -> None:
                answers[index] = _answer(questions[index], model, router, progress, budgets[index])

            return put

        try:
            run_parallel([task(index) for index in range(len(questions))], router.side_by_side)
            for index, answer in enumerate(answers if divided else ()):
                if answer.draft is None and answer.exit is Exit.BUDGET:
                    # Its own share had no room for a correction: the others have left something.
                    again = _answer(questions[index], model, router, progress)
                    answers[index] = replace(again, usage=answer.usage + again.usage)
        finally:
            known = list(answers)  # a part that comes later comes too late
            self.answers += [_with_left_out(*each) for each in zip(known, questions, strict=True)] if divided else known

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

    def save_state(self) -> None:
        """Leave what a later run may take over, if that does not take too long."""
        context, evidence = self.context, self.evidence
        try:
            state = self.mode.save_state(self.answers, evidence, context.settings)
            self.router.incremental_state.save(state, self.mode.state_key(evidence, context.event))
        except TimeLimitReached:
            context.grant_grace()

    @property
    def degraded(self) -> str:
        """Why answers are missing, "" when none is."""
        main = [answer for answer in self.answers if not answer.optional]
        return _degraded(main) or self.interrupted or self.silence

    def account(self) -> Account:
        """What the answers cost, and what is missing of them."""
        budget, context, answers = self.router.budget, self.context, self.answers
        # Of a question that was broken off, the budget alone knows what it has cost so far.
        usage = budget.usage if self.interrupted else sum((answer.usage for answer in answers), Usage())
        limits = [self.limit] if self.limit else []
        return Account(
            model=next((answer.model for answer in answers if answer.usage.requests or answer.usage.from_cache), ""),
            usage=usage,
            cost_usd=budget.cost_usd if usage.requests else 0.0,
            at_most_usd=budget.at_most_usd,
            degraded=self.degraded,
            unavailable=self._exit if self._fails else Exit.OK,
            config_status=context.loaded.config_status,
            notices=(*context.notices, *limits, *_limits(answers)),
            left_out=tuple(
                dict.fromkeys(source for answer in answers if not answer.optional for source in answer.left_out)
            ),
        )

    @property
    def _fails(self) -> bool:
        settings = self.context.settings
        return settings.on_unavailable == "fail" and (settings.enforce != "shadow" or not self.mode.fails_closed)

    @property
    def _exit(self) -> Exit:
        """What a run that is to fail for missing answers ends with; OK where none is, or no model is configured."""
        if self.interrupted:
            return Exit.BUDGET
        failed = (answer.exit for answer in self.answers if answer.failure and not answer.optional)
        return next(failed, self.router.silence_exit if self.silence else Exit.OK)


def _degraded(answers: Sequence[Answer[Any]]) -> str:
    """Why there is no answer, or which part of a question has none."""
    failed = [answer for answer in answers if answer.failure]
    if not failed:
        return ""
    if len(failed) == len(answers) or all(answer.draft for answer in failed):
        return failed[0].failure
    names = ", ".join(f"`{answer.question}`" for answer in failed if not answer.draft)
    return f"No answer to {names}, the others stand: {next(each.failure for each in failed if not each.draft)}"


def _late(question: Question[Any], model: Model) -> Answer[Any]:
    """What becomes of a question that the time limit of the run breaks off."""
    failure = TimeLimitReached().failure
    return Answer(
        question.name,
        None,
        prompt=version(question.instructions),
        model=model.name,
        failure=str(failure),
        exit=failure.exit,
        evidence=question.evidence,
        optional=question.optional,
        escalate=str(failure),
    )


def _with_left_out(answer: Answer[Any], part: Question[Any]) -> Answer[Any]:
    if answer.draft is not None:
        return answer
    return replace(
        answer, left_out=tuple(dict.fromkeys(visible_line(each.source) for each in part.evidence if each.whole))
    )


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
    if first.usage.total:
        progress(f"{model.name} took {count(first.usage.total, 'token')}: {question.name}")
    if router.fallback is None or first.draft is not None or first.exit is not Exit.MODEL:
        return first
    progress(f"asking {router.fallback.name}: {question.name}")
    second = router.put(question, router.fallback, budget)
    failures = dict.fromkeys(filter(None, (first.failure, second.failure)))
    failure = " ".join(failures) if second.draft is None else second.failure
    return replace(second, usage=first.usage + second.usage, failure=failure, instead_of=first.failure)


def _limits(answers: Sequence[Answer[Any]]) -> Iterator[str]:
    """What a reader has to know of how the answers came about."""
    for answer in answers:
        if answer.optional and answer.failure:
            yield f"The question `{answer.question}` was left out, nothing is lost by it: {answer.failure}"
        if answer.instead_of:
            yield f"{answer.model} was asked: {answer.instead_of}"
        if answer.toolless:
            yield f"{answer.model} could look nothing up for `{answer.question}`: its server takes no tools"


def _unanalysed(verdict: Judgement | ChatReply, evidence: Evidence, settings: Settings) -> tuple[Gap, ...]:
    """The source of the change that no rule has read: all of it where a risk is given to a change that is not known."""
    if isinstance(verdict, ChatReply):
        return ()
    if evidence.change is not None:
        return unanalysed(evidence.change, settings)
    names_no_change = evidence.event.kind is EventKind.WORKFLOW_DISPATCH
    return () if verdict.risk is None or names_no_change else (Gap("", "the change could not be read"),)


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
    """What was missing, where people look first."""
    warnings = [
        Annotation(f"notice-{index}", Level.WARNING, "cicd-agent", notice)
        for index, notice in enumerate(account.notices)
    ]
    if account.unanalysed:
        text = f"{describe(account.unanalysed)}. What is in there is unknown, so the risk is not low."
        warnings.append(Annotation("unanalysed", Level.WARNING, "cicd-agent: not analysed", text))
    if account.degraded:
        is_partial = any(answer.draft for answer in answers if not answer.optional)
        title = "not all of the model's answers are there" if is_partial else "the model was not used"
        warnings.append(Annotation("degraded", Level.WARNING, f"cicd-agent: {title}", account.degraded))
    return warnings
