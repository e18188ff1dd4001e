"""The last failed runs of a pull request's branch, a hint for the model."""

from datetime import UTC, datetime
from http import HTTPStatus

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Exhibit, Gap
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import OFF, Settings

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
    if (
        world.forge is None
        or event.pull is None
        or event.pull.from_fork
        or not event.head.name
        or not asks_model(settings)
    ):
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


def asks_model(settings: Settings) -> bool:
    return settings.model != OFF and bool(settings.openai_api_key.get_secret_value() or settings.base_url)
