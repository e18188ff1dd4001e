"""Which events are reviewed, and what is read for them."""

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.review.comments import is_request
from cicd_agent.modes.review.evidence import THREADS
from cicd_agent.modes.review.exhibits.discussion import discussion_exhibit
from cicd_agent.modes.review.exhibits.guidelines import GUIDELINES, MAX_BYTES, guideline_exhibits
from cicd_agent.modes.review.exhibits.line_coverage import coverage_exhibit
from cicd_agent.modes.review.exhibits.recent_failures import asks_model, recent_failures
from cicd_agent.modes.review.tool_findings import read_results
from cicd_agent.modes.shared.change_reader import gaps, nothing_changed, read_change, read_texts, showable, without_pull
from cicd_agent.modes.shared.risk_history import with_past
from cicd_agent.modes.shared.self_triggered import own_run, own_touch
from cicd_agent.settings.schema import Commenting, Settings

SERVED = frozenset(
    {
        EventKind.PULL_REQUEST,
        EventKind.PULL_REQUEST_TARGET,
        EventKind.PUSH,
        EventKind.MERGE_GROUP,
        EventKind.WORKFLOW_RUN,
        EventKind.LOCAL,
    }
)


def declines(event: Event) -> str | None:
    requested = is_request(event)
    if event.kind not in SERVED and not requested:
        hint = "; set `pull-request` to review one" if event.kind is EventKind.WORKFLOW_DISPATCH else ""
        return f"review does not serve the event {event.name or event.kind}{hint}"
    if event.kind is EventKind.WORKFLOW_RUN and (reason := own_run(event) or without_pull(event)):
        return reason
    if event.pull is not None:
        if event.pull.draft and not requested:
            return f"pull request {event.pull.number} is a draft"
        if not event.pull.is_open:
            return f"pull request {event.pull.number} is closed"
    if event.kind is not EventKind.LOCAL and not event.head.sha and not requested:
        return "the event names no commit to review (a branch or tag was deleted)"
    return None


def gather(event: Event, world: Ports, settings: Settings) -> Evidence:
    """Evidence of the change between the event's base and head. Raises ConfigError when it cannot be read at all."""
    if ours := own_touch(event, world):
        return Evidence(event, declined=ours)
    change = read_change(event, world, settings)
    if nothing := nothing_changed(change, event):
        return Evidence(event, declined=nothing)
    texts, missed = read_texts(GUIDELINES, event.base.sha or change.base, world, settings, MAX_BYTES)
    findings, left_out = read_results(change, world, settings)
    threads, unread_threads = _threads(event, world, settings)
    discussed = discussion_exhibit(threads, showable(change, settings))
    hints, unread = recent_failures(event, world, settings)
    measured = coverage_exhibit(change, world.workspace, settings) if asks_model(settings) else None
    evidence = Evidence(
        event,
        change,
        (*guideline_exhibits(texts), *filter(None, (discussed, measured)), *hints),
        (*gaps(change, settings), *missed, *left_out, *unread_threads, *unread),
        findings,
    ).put(THREADS, threads)
    return with_past(evidence, change, world, settings)


def _threads(event: Event, world: Ports, settings: Settings) -> tuple[tuple[Thread, ...], tuple[Gap, ...]]:
    if event.pull is None or world.forge is None or settings.comment is Commenting.OFF:
        return (), ()
    try:
        threads, notes = world.forge.threads(event.pull.number)
    except ForgeRefused as refusal:
        return (), (Gap("", f"the threads of earlier reviews were not read: {refusal}".rstrip(".")),)
    return threads, tuple(Gap("", note) for note in notes)
