"""What the performers of one run share: each effect is tried once, journalled first, and a refusal degrades it."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from cicd_agent.adapters.performers.omissions import Omissions
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Comment, Effect, Output, PostedComment, Receipt, ReceiptState
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.ports.actions import Notifier
from cicd_agent.domain.ports.forge import Forge, Journal
from cicd_agent.domain.text.markdown import find_marker, marker, truncate
from cicd_agent.domain.text.sanitizer import inert
from cicd_agent.errors import AgentError, ForgeRefused

MAX_BODY = 60_000
"""Characters of a body; GitHub takes 65,536."""
UNPROCESSABLE = 422
OUTAGE = (0, "")
ABOUT_ONE_REQUEST = frozenset({401, 403, 404, 410, UNPROCESSABLE})
"""Refusals that concern what was asked for, and no outage; 410 says that the repository has switched it off."""


FORK = "GitHub gives a fork's pull request a token that can only read. The step summary has all of it."
UNPERMITTED = "resource not accessible by integration"
"""What GitHub says to the token of a job that lacks a permission."""


class Outcome(NamedTuple):
    """What became of an effect. `expected`: it was rightly not done, and whoever waits for it should hear of that."""

    state: ReceiptState
    detail: str = ""
    url: str = ""
    expected: bool = False


@dataclass(frozen=True, slots=True)
class Movement:
    """What happened to the pull request meanwhile: its new `head`, "" when it is where it was.

    `gone`: the commit under review is no longer part of it, and GitHub takes no comments at its lines.
    """

    head: str = ""
    gone: bool = False

    def describe(self, sha: str) -> str:
        return f"About commit {sha[:7]}, which is no longer part of this pull request: {self.head[:7]} has replaced it"


@dataclass
class EffectContext:
    """The state of one run: what GitHub refused, what was tried, and what is known of the event's pull request."""

    forge: Forge | None
    journal: Journal
    event: Event
    redact: Callable[[str], str]
    policy: EffectPolicy = field(default_factory=EffectPolicy)
    notifier: Notifier | None = None
    refusals: dict[tuple[int, str], AgentError] = field(default_factory=dict)
    """The first of each HTTP status and remedy; at OUTAGE an outage or the end of the run's time."""
    omissions: Omissions = field(default_factory=Omissions)
    notifier_refusal: AgentError | None = None
    tried: Counter[str] = field(default_factory=Counter)
    """Effects of a kind that were begun with, where there is a limit for them."""
    outputs: list[Output] = field(default_factory=list)
    """What only carrying out the plan could tell."""
    urls: dict[str, str] = field(default_factory=dict)
    """Where on GitHub an effect stands that was carried out, by its key."""
    last_comment: Comment | None = None
    """The last comment that was carried out: it has space for what a refused review would have said."""
    threads: dict[str, Thread] | None = None
    """Of the pull request, by node id, once they were read."""
    unresolvable: str = ""
    """Why GitHub lets this token resolve no thread."""
    _movement: Movement | None = None

    @property
    def token_refusal(self) -> AgentError | None:
        """What GitHub said of a token that is wrong or has expired, None when it took it."""
        refusals = (error for error in self.refusals.values() if isinstance(error, ForgeRefused))
        return next((error for error in refusals if error.is_unauthorized), None)

    def attempt(self, effect: Effect, objection: str, act: Callable[[Forge], Outcome]) -> Receipt:
        """Carry an effect out, unless there is an `objection`; a refusal degrades it and is remembered."""
        if objection:
            return self.record(effect, ReceiptState.FAILED, objection)
        if self.forge is None:
            return self.record(effect, ReceiptState.SKIPPED, "no connection to GitHub")
        if outage := self.refusals.get(OUTAGE):
            # Each attempt would wait through all of its retries again.
            return self.record(effect, ReceiptState.DEGRADED, f"not tried again: {outage}", why=str(outage))
        try:
            outcome = act(self.forge)
            return self.record(effect, outcome.state, outcome.detail, outcome.url, expected=outcome.expected)
        except AgentError as error:
            if self.policy.read_only and isinstance(error, ForgeRefused) and UNPERMITTED in error.why.lower():
                return self.record(effect, ReceiptState.SKIPPED, FORK, expected=True)
            return self.record(effect, ReceiptState.DEGRADED, str(error), why=str(self.note_refusal(error)))

    def note_refusal(self, error: AgentError) -> AgentError:
        """The first refusal of its kind, which is this one when there was none: one line explains them all."""
        status = error.status if isinstance(error, ForgeRefused) else 0
        return self.refusals.setdefault((status, error.remedy) if status in ABOUT_ONE_REQUEST else OUTAGE, error)

    def record(
        self,
        effect: Effect,
        state: ReceiptState,
        detail: str = "",
        url: str = "",
        *,
        why: str = "",
        expected: bool = False,
    ) -> Receipt:
        """The receipt of an effect, in the journal too; `why` is the line that explains it and others."""
        receipt = Receipt(effect.key, effect.kind, state, self.redact(detail), url)
        self.journal.record(receipt)
        if url:
            self.urls[effect.key] = url
        if state.falls_short or expected:
            self.omissions.add(effect, receipt, why)
        return receipt

    def intend(self, effect: Effect, detail: str, **about: str) -> None:
        self.journal.intend(effect.key, effect.kind, {**about, "detail": detail})

    def other_pull(self, number: int) -> str:
        """Why an effect is none of this event's: a plan may have been read from a file that others can write."""
        pull = self.event.pull.number if self.event.pull else None
        about = f"pull request {pull}" if pull else "no pull request"
        return "" if number == pull else f"it names pull request {number}, the event is about {about}"

    def movement(self, forge: Forge) -> Movement:
        """Where the pull request has gone since its event, looked up once. Not knowing is no reason to say nothing."""
        if self._movement is None:
            moved, pull = Movement(), self.event.pull
            try:
                head = forge.head(pull.number) if pull else self.event.sha
                if pull and head != self.event.sha:
                    moved = Movement(head, gone=not forge.holds(pull.number, self.event.sha))
            except ForgeRefused as error:
                if error.status not in ABOUT_ONE_REQUEST:
                    raise
                self.omissions.failures.setdefault(str(self.note_refusal(error)), [])
            self._movement = moved
        return self._movement

    def body(self, key: str, text: str) -> str:
        """Redacted before it is judged, since a mask may tear something open, and cut last."""
        first = marker(key)
        safe = inert(self.redact(text), self.event.hosts)
        return f"{first}\n{truncate(safe, MAX_BODY - len(first) - 1)}"

    def upsert(
        self,
        effect: Effect,
        existing: PostedComment | None,
        edit: Callable[[int], PostedComment],
        create: Callable[[], PostedComment],
        verb: str = "post",
        **about: str,
    ) -> Outcome:
        """Edit what stands, or create it."""
        self.intend(effect, f"edit {existing.id}" if existing else verb, **about)
        posted = edit(existing.id) if existing else create()
        return Outcome(ReceiptState.DONE, "edited" if existing else f"{verb}ed", posted.url)


def unchanged(existing: PostedComment | None, body: str, title: str = "") -> Outcome | None:
    """The outcome where what stands reads as it should already; GitHub may have changed the line ends."""
    if existing is None or existing.title != title or lines(existing.body) != lines(body):
        return None
    return Outcome(ReceiptState.UNCHANGED, "it reads so already", existing.url)


def find_ours(posted: Iterable[PostedComment], body: str) -> PostedComment | None:
    """Our comment of this kind: its author decides, and the marker in its first line."""
    return next((one for one in posted if one.is_ours and find_marker(one.body) == find_marker(body)), None)


def lines(body: str) -> str:
    return body.replace("\r\n", "\n").strip()
