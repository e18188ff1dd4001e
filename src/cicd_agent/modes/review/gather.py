"""Which events are reviewed, and what is read for them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import accumulate

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.evidence import Evidence, Exhibit, Gap
from cicd_agent.domain.repository.diff import Anchors, FileDiff
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.review.comments import is_request
from cicd_agent.modes.review.evidence import THREADS
from cicd_agent.modes.review.guidelines import GUIDELINES, MAX_BYTES, guideline_exhibits
from cicd_agent.modes.review.line_coverage import coverage_exhibit
from cicd_agent.modes.review.tool_findings import read_results
from cicd_agent.modes.shared.change_reader import gaps, read_change, read_texts, showable, without_pull
from cicd_agent.modes.shared.risk_history import with_past
from cicd_agent.modes.shared.self_triggered import own_run, own_touch
from cicd_agent.settings.schema import Commenting, Provider, Settings

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
    texts, missed = read_texts(GUIDELINES, event.base.sha or change.base, world, settings, MAX_BYTES)
    findings, left_out = read_results(change, world, settings)
    threads, unread_threads = _threads(event, world, settings)
    discussed = discussion_exhibit(threads, showable(change, settings))
    hints, unread = recent_failures(event, world, settings)
    measured = coverage_exhibit(change, world.workspace, settings) if _asks(settings) else None
    evidence = Evidence(
        event,
        change,
        (*guideline_exhibits(texts), *filter(None, (discussed, measured)), *hints),
        (*gaps(change, settings), *missed, *left_out, *unread_threads, *unread),
        findings,
    ).put(THREADS, threads)
    return with_past(evidence, change, world, settings)


def _threads(event: Event, world: Ports, settings: Settings) -> tuple[tuple[Thread, ...], tuple[Gap, ...]]:
    if event.pull is None or world.forge is None or settings.comment is Commenting.NONE:
        return (), ()
    try:
        threads, notes = world.forge.threads(event.pull.number)
    except ForgeRefused as refusal:
        return (), (Gap("", f"the threads of earlier reviews were not read: {refusal}".rstrip(".")),)
    return threads, tuple(Gap("", note) for note in notes)


UNREAD = "recent failed runs"
"""What a gap is called that a reader of the summary need not know of: less is looked at, but nothing of the change."""
MAX_RUNS = 5
_DENIED = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_MAX_NAME = 80


def recent_failures(event: Event, world: Ports, settings: Settings) -> tuple[tuple[Exhibit, ...], tuple[Gap, ...]]:
    """The last failed runs of a pull request's branch: one request, and only where a model will be asked.

    Their titles are left out: they are the author's words. A fork's branch may be called like one of this repository,
    whose failures say nothing of it.
    """
    if world.forge is None or event.pull is None or event.pull.from_fork or not event.head.name or not _asks(settings):
        return (), ()
    try:
        runs = world.forge.failures(event.head.name, MAX_RUNS)
    except ForgeRefused as refusal:
        denied = "that takes `actions: read`" if refusal.status in _DENIED else str(refusal)
        return (), (Gap(UNREAD, denied),)
    rows = []
    for run in runs:
        day = datetime.fromtimestamp(run.when, UTC).date()
        commit = "the commit under review" if run.sha == event.head.sha else run.sha[:7]
        rows.append(f"{day} {run.conclusion}: {visible_line(run.workflow[:_MAX_NAME])} at {commit}")
    text = "\n".join(rows)
    return ((Exhibit("failures", "recent failed runs of the branch", text),) if text else ()), ()


def _asks(settings: Settings) -> bool:
    named = settings.openai_api_key.get_secret_value() or settings.base_url
    return settings.provider is not Provider.NONE and bool(named or settings.provider is Provider.OPENAI)


MAX_CHARACTERS = 4_000
"""Characters of the whole: the change is what the question has its room for."""

_REMARK = 400
_SOURCE = "threads: what people discuss already at lines of this change, not to be told again"


def discussion_exhibit(threads: Sequence[Thread], shown: Iterable[FileDiff]) -> Exhibit | None:
    """The remarks of people at lines of the files that may be shown; None when there are none."""
    discussed = {thread.path for thread in threads if thread.remarks}
    anchors = {file.path: Anchors(file) for file in shown if file.path in discussed}
    remarks = [
        f"{thread.path}:{thread.line} ({thread.side}): {remark}"
        for thread in threads
        if thread.path in anchors and anchors[thread.path].allows(thread.side, thread.line)
        for remark in (clip(" ".join(each.text.split()), _REMARK) for each in thread.remarks)
        if remark
    ]
    if not remarks:
        return None
    sizes = accumulate(len(line) + 1 for line in remarks)
    lines = [line for line, size in zip(remarks, sizes, strict=True) if size <= MAX_CHARACTERS]
    if len(lines) < len(remarks):
        lines.append(f"[{len(remarks) - len(lines):,} more remarks are not shown]")
    return Exhibit("threads", _SOURCE, "\n".join(lines))
