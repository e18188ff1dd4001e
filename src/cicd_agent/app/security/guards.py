"""Guards before a run reads anything: whose checkout a job with secrets has, and who may give orders."""

from dataclasses import replace

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.errors import ConfigError, ForgeRefused

_AFTER = frozenset({EventKind.WORKFLOW_RUN, EventKind.ISSUE_COMMENT})
"""Events that hold secrets whoever caused them; in the repository's own branches nobody gains anything by that."""
_UNKNOWN = frozenset({404, 422})
REMEDY = (
    "Give actions/checkout no `ref`, so that it takes the base, or leave it out: the change is read as data. "
    "What has to run the change runs `on: pull_request` (docs/explanation/protection.md)"
)


def refuse_foreign_checkout(event: Event, repository: GitRepository | None, started_at: str) -> None:
    """Raise ConfigError where a job with secrets in reach has checked out what a stranger may have written.

    `started_at` is GITHUB_SHA, which for these events is a commit of the base or default branch. A pull request that
    was merged is a parent of the base: so parents count only while it is open.
    """
    if repository is None or not _is_exposed(event):
        return
    here = repository.checked_out()
    if not here or here[0] in {started_at, event.base.sha}:
        return
    if what := _what(event, here, repository):
        raise _refusal(event, here, what)


def refuse_moved_checkout(event: Event, repository: GitRepository | None, started_at: str, forge: Forge | None) -> None:
    """The same where the head has moved since the event: its payload names neither the new head nor those between.

    GitHub is asked only where something else is checked out than what the event began at. A commit of the base or
    default branch is fine, however new it is. Raises ForgeRefused when GitHub does not show the pull request.
    """
    if repository is None or forge is None or not _is_exposed(event):
        return
    here = repository.checked_out()
    if not here or here[0] in {started_at, event.base.sha}:
        return
    if any(_is_reachable(here[0], branch, forge) for branch in dict.fromkeys((event.base.name, event.default_branch))):
        return
    states = [forge.pull(event.pull.number)] if event.pull else forge.pulls_from(event.head) if event.head.repo else ()
    for state in states:
        pull, was, now = f"pull request {state.pull.number}", event.head.sha, state.head.sha
        moved = f", whose head has moved from {was[:7]} to {now[:7]} since the event" if now != was else ""
        if now in here or any(forge.holds(state.pull.number, commit) for commit in here):
            raise _refusal(event, here, f"a commit of {pull}{moved}")
        if moved:
            # After a force-push nothing shows any more which commits were its head in between.
            raise _refusal(event, here, f"on no branch that is known, and may be of {pull}{moved}")


def _refusal(event: Event, here: tuple[str, ...], what: str) -> ConfigError:
    return ConfigError(
        f"this job has secrets in reach, and its checkout ({here[0][:7]}) is {what}",
        why=f"on `{event.name}` anybody's change would run, or be read as ours, beside the token and the keys",
        remedy=REMEDY,
    )


def _is_reachable(commit: str, branch: str, forge: Forge) -> bool:
    try:
        return bool(branch) and forge.runs.compare(branch, commit).base == commit
    except ForgeRefused as refused:
        # Where GitHub does not know such a commit it is on no branch; where it may not say, nothing is known.
        return refused.status not in _UNKNOWN


def with_permission(event: Event, forge: Forge | None) -> Event:
    """The event with what its author may do: `author_association` includes people who can only read."""
    comment = event.comment
    if comment is None or event.pull is None or forge is None:
        return event  # without a token the pull request cannot be read either, which is an error of its own
    try:
        permission = forge.gates.permission(comment.author.login)
    except ForgeRefused as refused:
        return replace(event, comment=replace(comment, refusal=str(refused).rstrip(".")))
    return replace(event, comment=replace(comment, permission=permission or "none"))


def _is_exposed(event: Event) -> bool:
    if event.kind is EventKind.PULL_REQUEST_TARGET:
        return True
    # A head whose repository is not known was a fork that is gone.
    return event.kind in _AFTER and bool(event.head.sha) and event.head.repo.lower() != event.repo.lower()


def _what(event: Event, here: tuple[str, ...], repository: GitRepository) -> str:
    """What of the change is checked out, "" when nothing is."""
    is_open = event.pull is None or event.pull.is_open
    number = event.pull.number if event.pull else 0
    of = f"pull request {number}" if number else "the run's change"
    if event.head.sha and here[0] == event.head.sha:
        return f"the head of {of}"
    if event.head.sha and is_open and event.head.sha in here[1:]:
        return f"a commit on top of the head of {of}"
    for name in ("merge", "head") if number else ():
        # A head that has moved since the event is in no payload: actions/checkout keeps it under this name.
        if repository.resolve(f"refs/remotes/pull/{number}/{name}") == here[0]:
            return f"`refs/pull/{number}/{name}`"
    return ""
