"""Answers the tool calls of a question: each is an action on record, each result an exhibit that can be quoted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cicd_agent.agent.messages import Action, Call, Signature
from cicd_agent.agent.prompt import estimate, present
from cicd_agent.agent.schema import Misread, clip, read, strict
from cicd_agent.agent.tools.tool import NoSuchThing, Tool, TryAgain
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.text.visible import visible_line

MAX_RESULT = 12_000
"""Characters of one result that are shown."""
MAX_TOKENS = 16_000
"""What all results of one reply may take together, so that the next request can be reckoned with before they exist."""
_MIN_TOKENS = 400
"""Characters of a result below which it is not worth showing."""
_TOO_MUCH = "Too much at once: call it again in the next round."
_MAX_TROUBLE = 1_000
_MAX_ARGUMENTS = 300
_MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class Answered:
    """What the model is told of one call, and the complaint if the call made no sense."""

    call: Call
    text: str
    complaint: str = ""


class ToolCalls:
    """The tools of a question, what was called of them, and what was seen."""

    def __init__(self, tools: Sequence[Tool[Any]], *, key: bytes, redact: Callable[[str], str]) -> None:
        self.actions: list[Action] = []
        self.exhibits: list[Exhibit] = []
        self.signatures = tuple(Signature(tool.name, tool.description, strict(tool.arguments)) for tool in tools)
        self._tools = {tool.name: tool for tool in tools}
        self._key = key
        self._redact = redact
        self._known: dict[tuple[str, str], str] = {}

    def answer(self, calls: Sequence[Call]) -> Iterator[Answered]:
        """An answer to each call, in their order; what tools say of themselves is redacted like what they read."""
        available = MAX_TOKENS
        for call in calls:
            size, trouble, is_wrong = 0, "", False
            try:
                text, size = self._result(call, available)
            except (TryAgain, NoSuchThing) as outcome:
                is_wrong = isinstance(outcome, TryAgain)
                text = trouble = clip(visible_line(self._redact(str(outcome))), _MAX_TROUBLE)
            arguments = clip(visible_line(self._redact(call.arguments)), _MAX_ARGUMENTS)
            self.actions.append(Action(clip(visible_line(call.name), _MAX_NAME), arguments, size, trouble))
            available -= estimate(text)
            yield Answered(call, text, trouble if is_wrong else "")

    def _result(self, call: Call, available: int) -> tuple[str, int]:
        """The message with what the tool returned, and how many characters that were."""
        tool = self._tools.get(call.name)
        if tool is None:
            raise TryAgain(f"There is no tool `{call.name}`, only {', '.join(f'`{name}`' for name in self._tools)}")
        try:
            arguments = read(call.arguments.strip() or "{}", tool.arguments)
        except Misread as wrong:
            raise TryAgain(f"The arguments of `{tool.name}` do not fit. {wrong}") from None
        identity = (tool.name, arguments.model_dump_json())
        if identity in self._known:
            raise NoSuchThing(f"The same call as before: {self._known[identity]}")
        if available < _MIN_TOKENS:
            raise NoSuchThing(_TOO_MUCH)
        try:
            result = tool.run(arguments)
        except NoSuchThing as fact:
            self._known[identity] = str(fact)
            raise
        text = self._shown(f"{tool.name} {arguments.model_dump_json(exclude_none=True)}", result, available)
        if not text:
            raise NoSuchThing(_TOO_MUCH)
        self._known[identity] = f"exhibit {self.exhibits[-1].id} has its result."
        return text, len(result)

    def _shown(self, source: str, result: str, available: int) -> str:
        """The message with the result, as much of it as there is room for; "" when that is too little to be of use."""
        exhibit = Exhibit(f"L{len(self.exhibits) + 1}", source, result)
        limit = MAX_RESULT
        while limit >= _MIN_TOKENS:
            seen, text = present(exhibit, key=self._key, limit=limit, redact=self._redact)
            if estimate(text) <= available:
                self.exhibits.append(seen)
                return text
            limit //= 2
        return ""
