"""ScriptedModel: a model that says what it was told to say, and fails a test that does not follow the script."""

import json
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from cicd_agent.agent.messages import Call, Message, Reply, Request
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import AgentError

Step = str | Reply | AgentError | Callable[[Request], Reply]
"""The text of an answer, a whole reply, a failure to raise, or a function of the request."""


def calling(*calls: Call | tuple[str, Mapping[str, object]], text: str = "") -> Reply:
    """A reply that calls tools: each by its name and arguments, or exactly as given."""
    made = (
        call if isinstance(call, Call) else Call(f"c{index}", call[0], json.dumps(call[1]))
        for index, call in enumerate(calls)
    )
    return Reply(text, usage=Usage(requests=1, input=100, output=10), calls=tuple(made))


class ScriptedModel:
    """A Model for tests. A request beyond the script fails at once, a step that was not used at the end of `with`."""

    def __init__(self, *steps: Step, name: str = "scripted") -> None:
        self.name = name
        self.requests: list[Request] = []
        self._steps = list(steps)

    def complete(self, request: Request) -> Reply:
        """The next step."""
        self.requests.append(request)
        _assert_answered(request.turns)
        if not self._steps:
            raise AssertionError(f"request {len(self.requests)} is not in the script")
        match self._steps.pop(0):
            case str(text):
                return Reply(text, usage=Usage(requests=1, input=100, output=10))
            case Reply() as reply:
                return reply
            case AgentError() as failure:
                raise failure
            case answer:
                return answer(request)

    def assert_used(self) -> None:
        if self._steps:
            raise AssertionError(f"{len(self._steps)} steps of the script were not asked for")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.assert_used()


def _assert_answered(turns: Sequence[Message]) -> None:
    """Servers refuse a conversation in which calls are not answered at once, each of them, and once."""
    due: list[str] = []
    for turn in turns:
        if turn.answers:
            if turn.answers not in due:
                raise AssertionError(f"an answer to {turn.answers!r}, which is not due")
            due.remove(turn.answers)
        elif due:
            raise AssertionError(f"calls {due} are not answered")
        due += [call.id for call in turn.calls]
    if due:
        raise AssertionError(f"calls {due} are not answered")
