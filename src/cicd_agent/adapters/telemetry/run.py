"""A run that has ended, as it is exported to a collector."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cicd_agent.domain.metric import Sample
from cicd_agent.domain.timeline import Span, Value


@dataclass(frozen=True, slots=True)
class RunTelemetry:
    """A run by the timeline's clock; `epoch` is what the wall clock showed when that showed `origin`.

    `attributes` are of the run as a whole, `resource` of whatever this process sends, `record` the fields of the log
    record. `error` is the type of what went wrong, "" when nothing did. `provider` is who serves the models, by the
    names of the conventions, "" when unknown.
    """

    began: float
    ended: float
    origin: float
    epoch: float
    spans: Sequence[Span] = ()
    samples: Sequence[Sample] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)
    resource: Mapping[str, Value] = field(default_factory=dict)
    record: Mapping[str, Value] = field(default_factory=dict)
    error: str = ""
    provider: str = ""
    redact: Callable[[str], str] = str

    def nanoseconds(self, moment: float) -> int:
        return max(0, int((self.epoch + moment - self.origin) * 1e9))
