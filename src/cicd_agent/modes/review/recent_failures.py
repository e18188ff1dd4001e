"""What failed lately on the branch, as a hint where to look: evidence that nothing depends on."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from cicd_agent.domain.event import Event
from cicd_agent.domain.evidence import Exhibit, Gap
from cicd_agent.domain.ports.forge import FailedRun
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.protocol import World
from cicd_agent.settings.schema import Provider, Settings

UNREAD = "recent failed runs"
"""What a gap is called that a reader of the summary need not know of: less is looked at, but nothing of the change."""
MAX_RUNS = 5
_DENIED = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_MAX_NAME = 80
"""Characters of a workflow's name."""


def recent_failures(event: Event, world: World, settings: Settings) -> tuple[tuple[Exhibit, ...], tuple[Gap, ...]]:
    """The last failed runs of a pull request's branch: one request, and only where a model will be asked.

    Their titles are left out: they are the author's words. A fork's branch may be called like one of this repository,
    whose recent_failures say nothing of it.
    """
    if world.forge is None or event.pull is None or event.pull.from_fork or not event.head.name or not _asks(settings):
        return (), ()
    try:
        runs = world.forge.failures(event.head.name, MAX_RUNS)
    except ForgeRefused as refusal:
        denied = "that takes `actions: read`" if refusal.status in _DENIED else str(refusal)
        return (), (Gap(UNREAD, denied),)
    text = "\n".join(_rows(runs, event.head.sha))
    return ((Exhibit("failures", "recent failed runs of the branch", text),) if text else ()), ()


def _asks(settings: Settings) -> bool:
    """Whether these settings name anybody to ask; the workload's own identity has to be asked for."""
    named = settings.openai_api_key.get_secret_value() or settings.base_url
    return settings.provider is not Provider.NONE and bool(named or settings.provider is Provider.OPENAI)


def _rows(runs: Sequence[FailedRun], head: str) -> Iterator[str]:
    for run in runs:
        where = "the commit under review" if run.sha == head else run.sha[:7]
        yield f"{_day(run.when)} {run.conclusion}: {visible_line(run.workflow[:_MAX_NAME])} at {where}"


def _day(when: int) -> str:
    return datetime.fromtimestamp(when, UTC).date().isoformat()
