"""ScriptedModel: a model that says what it was told to say, and fails a test that does not follow the script."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from cicd_agent.agent.turns import Reply, Request, Usage
from cicd_agent.errors import AgentError

Step = str | Reply | AgentError | Callable[[Request], Reply]
"""The text of an answer, a whole reply, a failure to raise, or a function of the request."""


class ScriptedModel:
    """A Model for tests. A request beyond the script fails at once, a step that was not used at the end of `with`."""

    def __init__(self, *steps: Step, name: str = "scripted") -> None:
        self.name = name
        self.requests: list[Request] = []
        self._steps = list(steps)

    def complete(self, request: Request) -> Reply:
        """The next step."""
        self.requests.append(request)
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
        """Fail when the script was not played to its end."""
        if self._steps:
            raise AssertionError(f"{len(self._steps)} steps of the script were not asked for")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.assert_used()
