"""What is exported of a run, and what of it may leave: names of a few conventions, short words, and numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cicd_agent.domain.timeline import Span, Value
from cicd_agent.insights.metrics.metric import Sample

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

ROOT: Final = "cicd_agent.run"
_SPACES: Final = ("gen_ai.", "cicd.", "vcs.", "cicd_agent.", "service.", "error.", "telemetry.", "deployment.")
_WORDS: Final = frozenset(
    {
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.response.finish_reasons",
        "error.type",
    }
)
"""The texts that a span of a stage or of a request may have; numbers say nothing of what was asked."""
_LISTS: Final = frozenset({"gen_ai.response.finish_reasons"})
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class RunTrace:
    """A run that has ended, by the timeline's clock; `epoch` is what the wall clock said when that said `origin`.

    `attributes` are of the run as a whole, `resource` of whatever this process sends. `error` is the type of what went
    wrong, "" when nothing did. `provider` is who serves the models, in the words of the conventions, "" when unknown.
    """

    began: float
    ended: float
    origin: float
    epoch: float
    spans: Sequence[Span] = ()
    samples: Sequence[Sample] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)
    resource: Mapping[str, Value] = field(default_factory=dict)
    error: str = ""
    provider: str = ""
    redact: Callable[[str], str] = str

    def nanoseconds(self, moment: float) -> int:
        """A moment of the timeline, since 1970."""
        return max(0, int((self.epoch + moment - self.origin) * 1e9))


def allowed(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """What a stage or a request may tell of itself."""
    return {
        name: value
        for name, value in attributes.items()
        if name in _WORDS or (name.startswith(_SPACES) and not isinstance(value, str))
    }


def key_values(attributes: Mapping[str, Value], redact: Callable[[str], str]) -> "list[KeyValue]":
    """The attributes as OTLP has them; texts are redacted and short, empty ones left out."""
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue  # noqa: PLC0415

    def value(name: str, told: Value) -> AnyValue:
        match told:
            case bool():
                return AnyValue(bool_value=told)
            case int():
                return AnyValue(int_value=max(-(2**63), min(told, 2**63 - 1)))
            case float():
                return AnyValue(double_value=told)
            case _:
                text = AnyValue(string_value=redact(told)[:_LONGEST].encode("utf-8", "replace").decode())
                return AnyValue(array_value=ArrayValue(values=[text])) if name in _LISTS else text

    return [KeyValue(key=name, value=value(name, told)) for name, told in attributes.items() if told != ""]
