"""What we have caused ourselves, so that no mode answers itself forever: as GitHub tells it, never by text alone."""

import re
from typing import Final

from cicd_agent.domain.events.event import Actor, Event, EventKind
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.trials.test_delivery import is_of_delivery, keys_of
from cicd_agent.modes.protocol import Ports

_TOUCHES: Final = re.compile(
    r"(?:un)?(?:assigned|labeled)|(?:de)?milestoned|auto_merge_enabled|edited|locked|review_requested"
)
"""What happens to a pull request without a new commit or a new life."""


def own_run(event: Event) -> str:
    """Why the run that the event reports is none of ours to look into, "" when it is: it is of this very workflow."""
    run = event.run
    if event.kind is not EventKind.WORKFLOW_RUN or run is None or not run.path or run.path != event.workflow:
        return ""
    return f"the run is of this very workflow ({run.path}), which would be started by its own end forever"


def own_touch(event: Event, ports: Ports) -> str:
    """Why nothing new has happened: we ourselves set a label, say. It is asked for no event of a person."""
    if event.pull is None or not _TOUCHES.fullmatch(event.action) or not event.actor.is_bot or ports.forge is None:
        return ""
    if not _is_us(event.actor.login, ports.forge):
        return ""
    return f"pull request {event.pull.number} was {event.action} by cicd-agent itself ({event.actor.login})"


def own_tests(event: Event, change: Change, ports: Ports) -> str:
    """Why there is nothing to test: tests that we have delivered would be given tests, and so on without end.

    A branch's name and a trailer only say when to ask GitHub: anybody can write them, and nobody but us is the account
    of our token. Without one, a program that writes them is taken for us.
    """
    pull = event.pull
    if pull is None:
        return ""
    head = next((commit for commit in change.commits if commit.sha == event.head.sha), None)
    if head is not None and keys_of(head.body) and _may_be_us(event.actor, ports.forge):
        return f"commit {head.sha[:7]} is a delivery of tests, pushed by cicd-agent itself ({event.actor.login})"
    if not pull.from_fork and is_of_delivery(event.head.name) and _may_be_us(pull.author, ports.forge):
        return f"pull request {pull.number} was opened by cicd-agent itself ({pull.author.login}), for tests"
    return ""


def _may_be_us(who: Actor, forge: Forge | None) -> bool:
    return who.is_bot if forge is None else _is_us(who.login, forge)


def _is_us(login: str, forge: Forge) -> bool:
    ours = forge.commits.login
    return bool(ours) and login.lower() == ours.lower()
