"""What of a plan was not carried out: why, for whoever watches the run, and what it would have let people read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cicd_agent.domain.effects import (
    Annotation,
    CheckRun,
    Comment,
    CommitComment,
    Effect,
    InlineComment,
    Issue,
    Level,
    Notification,
    OpenPull,
    Receipt,
    Reply,
    Review,
)
from cicd_agent.domain.text.markdown import code, prose
from cicd_agent.errors import AgentError


@dataclass(slots=True)
class Omissions:
    """The effects that were not carried out. `failures` and what is `expected` map a reason to their kinds.

    One refusal is one reason, however many effects it hit; a reason without kinds is a warning that cost nothing.
    """

    failures: dict[str, list[str]] = field(default_factory=dict)
    expected: dict[str, list[str]] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)

    def add(self, effect: Effect, receipt: Receipt, reason: str = "") -> None:
        """Count an effect that fell short, or was expected not to be carried out."""
        reasons = self.failures if receipt.state.falls_short else self.expected
        reasons.setdefault(reason or receipt.detail, []).append(effect.kind)
        self.effects.append(effect)

    @property
    def notices(self) -> list[str]:
        """What is as it has to be, a line for each reason."""
        return [_line(*each) for each in self.expected.items()]

    def annotations(self, error: AgentError | None) -> Iterator[Annotation]:
        """One for each reason; the reason that is the `error` is one."""
        for number, (reason, kinds) in enumerate(self.failures.items(), 1):
            level = Level.ERROR if error is not None and reason == str(error) else Level.WARNING
            yield Annotation(f"undone-{number}", level, "cicd-agent", _line(reason, kinds))
        for number, notice in enumerate(self.notices, 1):
            yield Annotation(f"unposted-{number}", Level.NOTICE, "cicd-agent", notice)


def _line(reason: str, kinds: Sequence[str]) -> str:
    return f"Not done: {', '.join(dict.fromkeys(kinds))}: {reason}" if kinds else reason


def published_text(effect: Effect) -> str:
    """The Markdown that an effect would have let people read, "" where it is no text."""
    match effect:
        case Comment() | CommitComment() | Reply():
            return effect.body
        case Issue() | OpenPull():
            return f"{code(effect.title)}\n\n{effect.body}"
        case Review():
            return "\n\n---\n\n".join([effect.body, *map(located_text, effect.comments)])
        case CheckRun():
            return effect.summary
        case Notification():
            return prose(effect.text)
        case _:
            return ""


def located_text(comment: InlineComment) -> str:
    """What a comment says, below its line."""
    return f"{code(f'{comment.path}:{comment.line}')}\n\n{comment.body}"
