"""The loop: ask a typed question, judge the answer, let the model correct it twice at most, or stop."""

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.prompt import compose, estimate, render, version
from cicd_agent.agent.schema import schema_name, strict
from cicd_agent.agent.turns import Answer, Draft, Model, Question, Reply, Request, Role, Stop, Turn, Usage
from cicd_agent.core.text import visible, visible_line
from cicd_agent.errors import AgentError, BudgetExhausted, Exit, ModelMisbehaved, ModelUnavailable

MAX_CORRECTIONS = 2

D = TypeVar("D", bound=Draft)


def ask(
    question: Question[D],
    model: Model,
    budget: Budget,
    *,
    key: bytes,
    redact: Callable[[str], str],
    max_rounds: int = 1 + MAX_CORRECTIONS,
    max_output_tokens: int = 16_000,
) -> Answer[D]:
    """One structured answer, checked; or why there is none. Nothing that a model or its server does is raised.

    `key` is the secret under which the evidence is fenced, `redact` takes secrets out of every text that is sent.
    """
    conversation = _Conversation(question, model, budget, redact, max_output_tokens)
    draft: D | None = None
    accepted, complaint, rounds = "", "", 0
    failure: AgentError | None = None
    try:
        conversation.open(key)
        while True:
            reply = conversation.send()
            rounds += 1
            read, complaint = _judge(question, reply)
            if read is not None:
                draft, accepted = read, complaint
            if not complaint or rounds >= min(max_rounds, 1 + MAX_CORRECTIONS):
                break
            conversation.correct(reply, complaint)
    except (BudgetExhausted, ModelUnavailable, ModelMisbehaved) as error:
        failure = error
    if draft is None and failure is None:
        failure = ModelMisbehaved(f"no valid answer from {model.name} in {rounds} rounds", why=_clip(complaint, 300))
    return Answer(
        question=question.name,
        prompt=version(question.instructions),
        draft=draft,
        usage=conversation.usage,
        rounds=rounds,
        model=conversation.answered_by,
        failure=str(failure) if failure else "",
        exit=failure.exit if failure else Exit.OK,
        complaint=accepted,
        left_out=conversation.left_out,
    )


class _Conversation:
    """What was said so far and what it used. Each request extends the one before, so that servers can cache."""

    def __init__(
        self,
        question: Question[Any],
        model: Model,
        budget: Budget,
        redact: Callable[[str], str],
        max_output_tokens: int,
    ) -> None:
        self.usage = Usage()
        self.answered_by = model.name
        self.left_out: tuple[str, ...] = ()
        self._question = question
        self._model = model
        self._budget = budget
        self._redact = redact
        self._max_output_tokens = max_output_tokens
        self._schema = strict(question.draft)
        self._instructions = compose(redact(question.instructions))
        # A server may be sent the schema twice: as the format, and printed in the instructions.
        self._tokens = estimate(self._instructions) + 2 * estimate(json.dumps(self._schema))
        self._evidence = ""
        self._turns: tuple[Turn, ...] = ()

    def open(self, key: bytes) -> None:
        """Pack the evidence into what the budget has for it."""
        room = self._budget.evidence_tokens(self._model.name) - self._tokens
        rendered = render(self._question.evidence, key=key, tokens=room, redact=self._redact)
        self.left_out = rendered.left_out
        if self._question.evidence and not rendered.shown:
            raise BudgetExhausted(
                f"none of the evidence for `{self._question.name}` fits into the budget",
                remedy="Raise `max-input-tokens` or `max-cost-usd`",
            )
        self._evidence = rendered.text
        self._tokens += rendered.tokens

    def send(self) -> Reply:
        """One request, within the budget and charged to it."""
        name, tokens = self._model.name, self._tokens
        allowed = self._budget.allow(name, input_tokens=tokens, output_tokens=self._max_output_tokens)
        request = Request(
            instructions=self._instructions,
            evidence=self._evidence,
            schema_name=schema_name(self._question.draft),
            schema=self._schema,
            turns=self._turns,
            cache_key=f"cicd-agent-{self._question.name}"[:64],
            max_output_tokens=allowed,
            seconds=self._budget.seconds_left,
        )
        try:
            reply = self._model.complete(request)
        except ModelUnavailable as gone:
            # A refusal costs nothing; what became of a request that nobody answered is not known.
            spent = None if gone.lost else 0
            self._charge(Usage(gone.requests, spent, spent, spent, spent), tokens * gone.lost, allowed * gone.lost)
            raise
        self.answered_by = reply.model or name
        self._charge(reply.usage, tokens, allowed)
        if reply.stop in {Stop.REFUSED, Stop.FILTERED}:
            verb = "refused to answer" if reply.stop is Stop.REFUSED else "was stopped by a content filter"
            raise ModelMisbehaved(f"{name} {verb}", why=_clip(visible_line(reply.detail), 200))
        return reply

    def correct(self, reply: Reply, complaint: str) -> None:
        """Add an answer and what was wrong with it."""
        text = f"This answer was not accepted. {_clip(visible(self._redact(complaint)), 4_000)}\n"
        text += "Answer again with the whole JSON object."
        said = Turn(Role.ASSISTANT, reply.text or "(no answer)", reply.items)
        self._turns += (said, Turn(Role.USER, text))
        self._tokens += estimate(said.text) + estimate(json.dumps(said.items)) + estimate(text)

    def _charge(self, usage: Usage, input_tokens: int, output_tokens: int) -> None:
        self.usage += usage
        self._budget.charge(self._model.name, usage, input_tokens=input_tokens, output_tokens=output_tokens)


def _judge(question: Question[D], reply: Reply) -> tuple[D | None, str]:
    """The draft, None when the reply is not one; and what there is to correct, "" when nothing."""
    if reply.stop is Stop.CUT_OFF:
        return None, "It was cut off before its end. Say less: fewer items, shorter texts."
    if not reply.text.strip():
        return None, "It was empty."
    try:
        # Through JSON again, because strictness then means JSON's types: a list is a tuple, "5" is not a number.
        draft = question.draft.model_validate_json(json.dumps(_parse(reply.text)), strict=True)
    except ValidationError as invalid:
        problems = invalid.errors(include_url=False, include_context=False, include_input=False)
        words = [f"{'.'.join(map(str, each['loc'])) or 'the object'}: {each['msg']}" for each in problems]
        return None, "It does not match the schema. " + "; ".join(words[:8])
    except (ValueError, RecursionError) as unreadable:
        return None, f"It is not one JSON object: {_clip(str(unreadable) or 'nested too deeply', 200)}"
    return draft, question.check(draft) or ""


_FENCED = re.compile(r"```[A-Za-z0-9]*[ \t]*\r?\n(.*?)\r?\n?```", re.DOTALL)


def _parse(text: str) -> object:
    """JSON as RFC 8259 has it, in at most one Markdown fence; a ValueError for NaN, infinities and repeated names."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(names := dict(pairs)) < len(pairs):
            raise ValueError("a name is repeated in an object")
        return names

    def finite(number: str) -> float:
        if (value := float(number)) - value != 0:
            raise ValueError(f"{number} is not a finite number")
        return value

    bare = text.strip()
    if fenced := _FENCED.fullmatch(bare):
        bare = fenced[1]
    return json.loads(bare, object_pairs_hook=once, parse_float=finite, parse_constant=finite)


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
