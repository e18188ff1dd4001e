"""The loop: look things up, answer, be corrected twice at most, or stop."""

from collections.abc import Callable
from typing import TypeVar

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.conversation import Conversation
from cicd_agent.agent.messages import Answer, Model, Question, Reply, Stop
from cicd_agent.agent.prompt import version
from cicd_agent.agent.schema import Misread, clip, read
from cicd_agent.domain.verdict import Draft
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
    max_rounds: int = 20,
    max_output_tokens: int = 16_000,
) -> Answer[D]:
    """One structured answer, checked; or why there is none. Nothing that a model or its server does is raised.

    `key` is the secret under which the evidence is fenced; `redact` is applied to every text that is sent.
    """
    conversation = Conversation(question, model, budget, key, redact, max_rounds, max_output_tokens)
    drafts: list[D] = []
    accepted_complaint = complaint = ""
    corrections = 0
    failure: AgentError | None = None
    try:
        conversation.open()
        while True:
            reply = conversation.send()
            if reply.calls and conversation.looking:
                complaint = conversation.call_tools(reply)
            else:
                parsed, complaint = _judge(question, reply)
                if parsed is not None:
                    drafts.append(parsed)
                    accepted_complaint = complaint
                if not complaint:
                    break
                conversation.correct(reply, complaint, close=parsed is None)
            if (corrections := corrections + bool(complaint)) > MAX_CORRECTIONS or conversation.over:
                break
    except (BudgetExhausted, ModelUnavailable, ModelMisbehaved) as error:
        failure = error
    draft = drafts[-1] if drafts else None
    if draft is None and failure is None:
        failure = _no_answer(conversation, complaint)
    reason = str(failure) if failure else ""
    return Answer(
        question=question.name,
        prompt=version(question.instructions),
        draft=draft,
        usage=conversation.usage,
        rounds=conversation.rounds,
        model=conversation.answered_by,
        failure=reason,
        exit=failure.exit if failure else Exit.OK,
        superseded=tuple(drafts[:-1]),
        complaint=accepted_complaint,
        left_out=conversation.left_out,
        actions=tuple(conversation.tool_calls.actions),
        lookups=tuple(conversation.tool_calls.exhibits),
        evidence=question.evidence,
        toolless=conversation.toolless,
        optional=question.optional,
        escalate=(draft.unsettled if draft else "") or accepted_complaint or reason,
    )


def _no_answer(conversation: Conversation, complaint: str) -> ModelMisbehaved:
    what = f"no valid answer from {conversation.model.name} in {conversation.rounds} rounds"
    return ModelMisbehaved(what, why=clip(complaint, 300))


def _judge(question: Question[D], reply: Reply) -> tuple[D | None, str]:
    """The draft, None when the reply is not one; and what there is to correct, "" when nothing."""
    if reply.stop is Stop.CUT_OFF:
        return None, "It was cut off before its end. Say less: fewer items, shorter texts."
    if not reply.text.strip():
        return None, "It called a tool, and none can be called now." if reply.calls else "It was empty."
    try:
        draft = read(reply.text, question.draft)
    except Misread as misread:
        return None, str(misread)
    return draft, question.check(draft) or ""
