"""The messages of one question so far: each request extends the one before, within the budget."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.messages import Message, Model, Question, Reply, Request, Role, Stop
from cicd_agent.agent.prompt import compose, estimate, render
from cicd_agent.agent.schema import clip, schema_name, strict
from cicd_agent.agent.tools.calls import MAX_TOKENS, ToolCalls
from cicd_agent.domain.text.visible import visible, visible_line
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import BudgetExhausted, ModelMisbehaved, ModelUnavailable

_MAX_COMPLAINT = 4_000
_MAX_ANSWER = 64_000
_MAX_GIBBERISH = 8_000
"""Characters of an answer that are sent back with what was wrong with it."""


@dataclass
class Conversation:
    """One question put to one model. Look-ups close for good when the rounds, the budget or the model are done."""

    question: Question[Any]
    model: Model
    budget: Budget
    key: bytes
    redact: Callable[[str], str]
    max_rounds: int
    max_output_tokens: int
    usage: Usage = Usage()
    rounds: int = 0
    answered_by: str = ""
    toolless: bool = False
    left_out: tuple[str, ...] = ()
    _evidence: str = ""
    _turns: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        question = self.question
        self.answered_by = self.model.name
        self.tool_calls = ToolCalls(question.tools, key=self.key, redact=self.redact)
        self._closed = not question.tools
        self._schema = strict(question.draft)
        self._instructions = compose(self.redact(question.instructions))
        self._tokens = fixed_tokens(question)

    @property
    def looking(self) -> bool:
        return not self._closed

    @property
    def over(self) -> bool:
        return self.rounds >= self.max_rounds

    def open(self) -> None:
        """Pack the evidence into what the budget has for it."""
        available = self.budget.evidence_tokens(self.model.name) - self._tokens
        rendered = render(self.question.evidence, key=self.key, tokens=available, redact=self.redact)
        self.left_out = rendered.left_out
        pieces = any(exhibit.whole for exhibit in self.question.evidence)
        if self.question.evidence and not (rendered.pieces if pieces else rendered.shown):
            raise BudgetExhausted(
                f"none of the evidence for `{self.question.name}` fits into the budget",
                remedy="Raise `max-input-tokens` or `max-cost-usd`",
            )
        self._evidence = rendered.text
        self._tokens += rendered.tokens
        if not self._closed and (left := self._rounds_left):
            self._add(f"Look-ups: {left} round{'s' * (left > 1)} at most, several at once where you can.")

    def send(self) -> Reply:
        """One request, within the budget and charged to it."""
        allowed = self._allowance()
        request = Request(
            instructions=self._instructions,
            evidence=self._evidence,
            schema_name=schema_name(self.question.draft),
            schema=self._schema,
            turns=self._turns,
            # The parts of a question begin alike.
            cache_key=f"cicd-agent-{self.question.name.partition(' ')[0]}"[:64],
            max_output_tokens=allowed,
            seconds=self.budget.seconds_left,
            tools=self.tool_calls.signatures,
            closing=self._closed,
        )
        try:
            reply = self.model.complete(request)
        except ModelUnavailable as gone:
            # A refusal costs nothing; what became of a request that nobody answered is not known.
            read, written = (None, None) if gone.lost else gone.known
            parts = None if gone.lost or any(gone.known) else 0
            self._charge(Usage(gone.requests, read, written, parts, parts), gone.lost, gone.known, allowed)
            raise
        except (BudgetExhausted, ModelMisbehaved):
            # What was held back for it is free again: nobody was asked.
            self._charge(Usage(), 0, (0, 0), 0)
            raise
        self.answered_by, self.toolless = reply.model or self.model.name, reply.toolless
        self._charge(reply.usage, reply.lost or 1, reply.known, allowed)
        if reply.stop in {Stop.REFUSED, Stop.FILTERED}:
            verb = "refused to answer" if reply.stop is Stop.REFUSED else "was stopped by a content filter"
            raise ModelMisbehaved(f"{self.model.name} {verb}", why=clip(visible_line(reply.detail), 200))
        self.rounds += 1
        return reply

    def call_tools(self, reply: Reply) -> str:
        """Answer the calls of a reply; what was wrong with them, "" when nothing."""
        answered = list(self.tool_calls.answer(reply.calls))
        results = (Message(Role.TOOL, each.text, answers=each.call.id) for each in answered)
        self._extend(Message(Role.ASSISTANT, reply.text, reply.items, reply.calls), *results)
        if left := self._rounds_left:
            self._add(f"Rounds of look-ups left: {left}.")
        return "; ".join(each.complaint for each in answered if each.complaint)

    def correct(self, reply: Reply, complaint: str, *, close: bool) -> None:
        """Add an answer and what was wrong with it; `close` when the model has shown that it is done looking."""
        # What nobody can read need not be read again, and what is endless would use up the budget.
        limit = _MAX_GIBBERISH if close else _MAX_ANSWER
        is_cut = len(reply.text) > limit
        answer = f"{reply.text[:limit]}\n(cut)" if is_cut else reply.text or "(no answer)"
        text = f"This answer was not accepted. {clip(visible(self.redact(complaint)), _MAX_COMPLAINT)}\n"
        text += "Answer again with the whole JSON object."
        self._closed = self._closed or close
        if reply.calls and self.tool_calls.signatures:
            # A call wants its answer even when it comes too late.
            answered = Message(Role.ASSISTANT, reply.text, reply.items, reply.calls)
            self._extend(answered, *(Message(Role.TOOL, text, answers=call.id) for call in reply.calls))
        else:
            items = () if reply.calls or is_cut else reply.items
            self._extend(Message(Role.ASSISTANT, answer, items), Message(Role.USER, text))

    @property
    def _rounds_left(self) -> int:
        """How often look-ups can be asked for from here on: the last request is for the answer."""
        return max(0, self.max_rounds - self.rounds - 1)

    def _allowance(self) -> int:
        """Output tokens of the next request. Closes the look-ups when it has to be the last, and says so."""
        name, limit = self.model.name, self.max_output_tokens
        last = self.rounds + 1 >= self.max_rounds
        if not self._closed and not last:
            try:
                return self.budget.allow(
                    name, input_tokens=self._tokens, output_tokens=limit, follow_up=self._tokens + MAX_TOKENS
                )
            except BudgetExhausted:
                last = True
        if last and self.tool_calls.signatures:
            self._closed = True
            self._add("This is the last request: nothing more can be looked up. Answer with the whole JSON object.")
        return self.budget.allow(name, input_tokens=self._tokens, output_tokens=limit)

    def _add(self, text: str) -> None:
        """Say more in the message that is sent next; a message of its own would be one too many for some servers."""
        if self._turns:
            *before, latest = self._turns
            self._turns = (*before, replace(latest, text=f"{latest.text}\n{text}"))
        else:
            self._evidence += f"\n{text}\n"
        self._tokens += estimate(text)

    def _extend(self, *turns: Message) -> None:
        self._turns += turns
        for turn in turns:
            self._tokens += estimate(turn.text) + estimate(json.dumps(turn.items))
            self._tokens += sum(estimate(call.arguments) for call in turn.calls)

    def _charge(self, usage: Usage, lost: int, known: tuple[int, int], allowed: int) -> None:
        """Where the usage is not known, each lost request counts as sent, with all the output it was allowed.

        What had arrived of an answer would be too little: models think first, and most keep that to themselves.
        """
        self.usage += usage
        read, written = known[0] + self._tokens * lost, known[1] + allowed * lost
        self.budget.charge(self.model.name, usage, input_tokens=read, output_tokens=written)


def fixed_tokens(question: Question[Any]) -> int:
    """Tokens of a request beside its evidence, by estimate: instructions, schema and tools."""
    signatures = (f"{each.description} {json.dumps(strict(each.arguments))}" for each in question.tools)
    # A server may be sent the schema twice: as the format, and printed in the instructions.
    fixed = estimate(compose(question.instructions)) + 2 * estimate(json.dumps(strict(question.draft)))
    return fixed + sum(map(estimate, signatures))
