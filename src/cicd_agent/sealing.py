"""What runs on one pull request leave for each other: sealed, because it comes back from where others can write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cicd_agent.core.event import Event
from cicd_agent.core.evidence import Evidence, Gap
from cicd_agent.core.plan import Comment, Plan
from cicd_agent.core.seal import is_sealed, seal

NOT_OURS = (
    "what the summary comment remembers of earlier reviews is not sealed by this key (the key was changed, or somebody "
    "else wrote it): it was not believed, and everything was asked again"
)


@dataclass(frozen=True, slots=True)
class Sealing:
    """The seal of a run. With an empty `key` nothing is sealed, and nothing that is remembered is believed."""

    key: bytes = b""
    redact: Callable[[str], str] = str

    def opened(self, evidence: Evidence) -> Evidence:
        """The evidence, less a memory that this run cannot know to be its own; doing it twice changes nothing."""
        if not evidence.memory or (self.key and is_sealed(evidence.memory, self.key, _about(evidence.event))):
            return evidence
        # Without a key of ours there is no telling whose it is, and no reason to alarm anybody.
        gaps = (*evidence.gaps, Gap("", NOT_OURS)) if self.key else evidence.gaps
        return replace(evidence, memory="", gaps=gaps)

    def sealed(self, plan: Plan, lines: Sequence[str], event: Event) -> Plan:
        """The plan with what is to be remembered in its comments. A line with anything secret in it is left out."""
        if not self.key or not lines or event.pull is None:
            return plan
        memory = seal(self._harmless(lines), self.key, _about(event))
        return Plan(
            tuple(replace(effect, memory=memory) if isinstance(effect, Comment) else effect for effect in plan.effects)
        )

    def _harmless(self, lines: Sequence[str]) -> Sequence[str]:
        """The lines that redaction leaves as they are, also beside each other."""
        kept = list(lines)
        while kept:
            redacted = self.redact("\n".join(kept)).split("\n")
            if redacted == kept:
                break
            # Were the lines no longer the same in number, none could be told from another.
            pairs = zip(kept, redacted, strict=True) if len(redacted) == len(kept) else ()
            kept = [line for line, shown in pairs if line == shown]
        return kept


@dataclass(frozen=True, slots=True)
class Recorded(Sealing):
    """The seal of a replay, which has no key: the evidence was opened when it was recorded."""

    def opened(self, evidence: Evidence) -> Evidence:
        """The evidence as it is."""
        return evidence


def _about(event: Event) -> str:
    return f"{event.repo}#{event.pull.number if event.pull else 0}"
