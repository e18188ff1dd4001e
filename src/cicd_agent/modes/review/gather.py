"""Which events are reviewed, and what is read for them."""

from cicd_agent.core.event import Event, EventKind
from cicd_agent.core.evidence import Evidence
from cicd_agent.modes import World
from cicd_agent.modes.changes import gaps, read_change, read_texts
from cicd_agent.modes.guidelines import GUIDELINES, LARGEST, guidelines
from cicd_agent.modes.review.tools import reported
from cicd_agent.settings import Settings

SERVED = frozenset(
    {
        EventKind.PULL_REQUEST,
        EventKind.PULL_REQUEST_TARGET,
        EventKind.PUSH,
        EventKind.MERGE_GROUP,
        EventKind.LOCAL,
    }
)


def declines(event: Event) -> str | None:
    """Why there is nothing to review, in one line."""
    if event.kind not in SERVED:
        hint = "; set `pull-request` to review one" if event.kind is EventKind.WORKFLOW_DISPATCH else ""
        return f"review does not serve the event {event.name or event.kind}{hint}"
    if event.pull is not None:
        if event.pull.draft:
            return f"pull request {event.pull.number} is a draft"
        if not event.pull.is_open:
            return f"pull request {event.pull.number} is closed"
    if event.kind is not EventKind.LOCAL and not event.head.sha:
        return "the event names no commit to review (a branch or tag was deleted)"
    return None


def gather(event: Event, world: World, settings: Settings) -> Evidence:
    """Evidence of the change between the event's base and head. Raises ConfigError when it cannot be read at all."""
    change = read_change(event, world, settings)
    texts, missed = read_texts(GUIDELINES, event.base.sha or change.base, world, settings, LARGEST)
    findings, left_out = reported(change, world, settings)
    return Evidence(event, change, guidelines(texts), (*gaps(change, settings), *missed, *left_out), findings)
