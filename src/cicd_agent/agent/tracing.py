"""A model whose requests are timed, with what OpenTelemetry calls their attributes; no word of what is said is kept."""

from collections.abc import Mapping
from typing import Final

from cicd_agent.agent.messages import Model, Reply, Request, Stop
from cicd_agent.domain.timeline import Timeline, Value

SPAN: Final = "model"
FROM_CACHE: Final = "cicd_agent.from_cache"

_FINISHED: Final[Mapping[Stop, str]] = {
    Stop.DONE: "stop",
    Stop.CUT_OFF: "length",
    Stop.FILTERED: "content_filter",
    Stop.REFUSED: "refusal",
}


class TracedModel:
    """A Model that leaves a span in the timeline for each request, also for one that failed."""

    def __init__(self, model: Model, timeline: Timeline) -> None:
        self._model = model
        self._timeline = timeline

    @property
    def name(self) -> str:
        return self._model.name

    def complete(self, request: Request) -> Reply:
        """As the model does it."""
        request_attributes: dict[str, Value] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": self.name,
            "gen_ai.request.max_tokens": request.max_output_tokens,
        }
        with self._timeline.stage(SPAN, **request_attributes) as attributes:
            reply = self._model.complete(request)
            attributes.update(_attributes(reply))
        return reply


def _attributes(reply: Reply) -> dict[str, Value]:
    """What is known of a reply; tokens that the server did not report are not there, nor those of a kept answer."""
    usage = reply.usage
    cached = usage.from_cache > 0 and usage.requests == 0
    finished = "tool_calls" if reply.calls and reply.stop is Stop.DONE else _FINISHED[reply.stop]
    attributes: dict[str, Value] = {"gen_ai.response.finish_reasons": finished, FROM_CACHE: cached}
    if reply.model:
        attributes["gen_ai.response.model"] = reply.model
    counts = {
        "gen_ai.usage.input_tokens": usage.input,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.cache_read.input_tokens": usage.cached,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
    }
    if not cached:
        attributes["cicd_agent.requests"] = usage.requests
        attributes |= {name: number for name, number in counts.items() if number is not None}
    return attributes
