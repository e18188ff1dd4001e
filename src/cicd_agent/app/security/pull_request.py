"""Which pull request an event is about where the event itself does not say: only GitHub is asked, never a file."""

from dataclasses import replace

from cicd_agent.domain.events.event import Event, EventKind, Ref, WorkflowRun
from cicd_agent.domain.ports.forge import Forge, PullState
from cicd_agent.errors import ConfigError


def named_pull(event: Event, number: int, forge: Forge | None) -> Event:
    """The event as if it had been about this pull request, which is read from the API."""
    if forge is None:
        raise ConfigError("`pull-request` cannot be read", why="no token or no repository", remedy="Set `github-token`")
    return replace(_about(event, forge.pull(number)), kind=EventKind.PULL_REQUEST)


def named_run(event: Event, number: int, forge: Forge | None) -> Event:
    """The event as if it had reported this run, which is read from the API; its pull request is still to be found."""
    if forge is None:
        why = "no token, or GITHUB_REPOSITORY does not say where it is"
        remedy = "Set `github-token`; at a terminal GITHUB_TOKEN and GITHUB_REPOSITORY"
        raise ConfigError("`run-id` cannot be read", why=why, remedy=remedy)
    state = forge.runs.run(number)
    run = WorkflowRun(
        id=state.id,
        attempt=state.attempt,
        name=state.workflow,
        event=state.event,
        conclusion=state.conclusion,
        head_branch=state.branch,
        head_sha=state.sha,
        pulls=state.pulls,
        path=state.path.partition("@")[0],
    )
    head = Ref(state.branch, state.sha, state.repo)
    return replace(event, run=run, pull=None, sha=state.sha, base=Ref(), head=head)


def pull_of_run(event: Event, number: int | None, forge: Forge | None) -> Event:
    """A `workflow_run` event with the open pull request that stands exactly at the run's commit.

    The payload lists none for a fork. When several stand there, `number` may name one of them; otherwise the event
    comes back without one, and `run.pulls` tells which there are.
    """
    run, head = event.run, event.head
    if run is None or run.event != EventKind.PULL_REQUEST or not (head.repo and head.name and head.sha):
        return event
    if forge is None:
        why = "the event of a workflow run does not name it, and there is no token to ask GitHub with"
        raise ConfigError("the pull request is not known", why=why, remedy="Set `github-token`")
    here = [state for state in forge.pulls_from(head) if state.head.sha == head.sha]
    if number is not None:
        here = [state for state in here if state.pull.number == number]
    if len(here) == 1:
        return _about(event, here[0])
    return replace(event, run=replace(run, pulls=tuple(state.pull.number for state in here)))


def commented_pull(event: Event, forge: Forge | None) -> Event:
    if forge is None or event.pull is None:
        raise ConfigError("the comment's pull request cannot be read", why="no token", remedy="Set `github-token`")
    return _about(event, forge.pull(event.pull.number))


def _about(event: Event, state: PullState) -> Event:
    return replace(event, pull=state.pull, base=state.base, head=state.head, sha=state.head.sha)
