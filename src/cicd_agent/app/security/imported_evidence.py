"""What one job takes over from another: evidence, as far as the job's own event and GitHub bear it out."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cicd_agent.adapters.files import read_file
from cicd_agent.app.context import RunContext
from cicd_agent.app.pipeline import observe
from cicd_agent.app.security.verify_imported import Texts, account, missing, proved, with_texts
from cicd_agent.app.serialization import load
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.text.words import clip, count, first_names
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.protocol import Mode
from cicd_agent.settings.schema import Settings, Stage

MOST_BYTES = 64_000_000
"""Evidence of the largest change that GitHub shows in full stays below this."""
MOST_FETCHED = 8
"""Files whose text is asked for one by one, each a request."""

_TAKES_OVER = frozenset({"ask", "decide", "perform"})
"""Commands that go on from what a file says."""
_GATHERED_HERE = frozenset({EventKind.LOCAL, EventKind.PULL_REQUEST, EventKind.PUSH, EventKind.MERGE_GROUP})
"""Names of events whose jobs get evidence from another job of the same run only, which had the same code to read."""


def read_evidence(name: str, option: str) -> Evidence:
    """The evidence in a file, which must be a plain file; ConfigError otherwise."""
    path = Path(name)
    if _is_link(path):
        raise ConfigError(f"{option} is a link", why=name, remedy="Give the file itself")
    return load(Evidence, read_file(path, option, MOST_BYTES), name)


def require_one_job(mode: Mode[Any], command: str, settings: Settings) -> None:
    """Raise ConfigError where a mode by which other jobs go would take over on Actions what another job has written.

    Whoever can write such a file could decide in its place: so it gathers, decides and performs in one job.
    """
    if not mode.unproved:
        return
    given = {"evidence-file": settings.evidence_file, "decision-file": settings.decision_file}
    told = [f"`{name}`" for name, value in given.items() if value]
    told += [f"`stage: {settings.stage}`"] if settings.stage is not Stage.ALL else []
    told += [f"`cicd-agent {command}`"] if command in _TAKES_OVER else []
    if told:
        raise ConfigError(
            f"`{mode.name}` gathers, decides and performs in one job on Actions, and takes no {' or '.join(told)}",
            why="whoever can write a file for it could decide in its place",
            remedy="Let one step do all of it",
        )


def look(mode: Mode[Any], scene: RunContext, progress: Callable[[str], None]) -> Evidence:
    """What the mode gathers; after another workflow's run, where nothing is checked out, with texts from the API."""
    own = observe(mode, scene, progress)
    return _completed(own, None, scene) if scene.event.kind is EventKind.WORKFLOW_RUN else own


def take_over(
    mode: Mode[Any], brought: Evidence, name: str, scene: RunContext, progress: Callable[[str], None]
) -> Evidence:
    """Evidence of the job's own event, whatever event the file `name` speaks of.

    Where the file may come from a job that a fork could change, the change is read again from GitHub, and of the file
    only what that proves is kept. Raises ConfigError when the file is about another pull request or commit.
    """
    event = scene.event
    if event.kind is EventKind.LOCAL:
        return brought
    if mode.declines(event):
        return Evidence(event)
    _compare(brought, name, scene)
    if event.name in _GATHERED_HERE:
        # Whatever the file says of it: who wrote the facts in it is not known here.
        known = replace(brought.known, trusted=False)
        return replace(mode.verify_imported(brought, name, scene.world.repository), event=event, known=known)
    return _completed(observe(mode, scene, progress), brought, scene)


def _completed(own: Evidence, brought: Evidence | None, scene: RunContext) -> Evidence:
    """Our evidence with the texts that were brought, as far as they are proved, and with those that GitHub gives."""
    change, forge, pull = own.change, scene.world.forge, scene.event.pull
    if change is None or forge is None or pull is None or change.source is not ChangeSource.API:
        return own
    if forge.head(pull.number) != change.head:
        why = f"commit {change.head[:7]} was replaced"
        raise ForgeRefused("the pull request moved while it was read", why=why, remedy="Its new commit has a run too")
    blobs = forge.blobs(pull.number)
    found = proved(brought.change.texts, change, blobs) if brought and brought.change else Texts({})
    wanted = missing(change, found.proved, blobs)
    fetched = _fetch(wanted[:MOST_FETCHED], change, forge, blobs)
    texts = {**found.proved, **fetched}
    told = list(account(change, brought, found)) if brought else []
    if unread := [path for path in wanted if path not in texts]:
        told.append(f"rules which need the whole text of a file did not run on {first_names(unread)}")
    sources = f"read from the API, with the whole text of {count(len(texts), 'file')}"
    if found.proved:
        sources += f", {len(found.proved)} of them brought by the evidence and proved by GitHub's ids"
    return with_texts(own, change, texts, [sources, *told])


def _fetch(paths: list[str], change: Change, forge: Forge, blobs: Mapping[str, str]) -> Mapping[str, str]:
    """The texts that GitHub gives for these paths; fewer when it refuses, which the reader is told of each file."""
    texts: dict[str, str] = {}
    for path in paths:
        try:
            text = forge.text_at(path, change.head)
        except ForgeRefused:
            break
        if text is not None:
            texts[path] = text
    return proved(texts, change, blobs).proved


def _compare(brought: Evidence, name: str, scene: RunContext) -> None:
    """Raise ConfigError unless the evidence says that it is about what this job is about."""
    ours, theirs = scene.event, brought.event
    pairs: dict[str, tuple[object, object]] = {
        "repository": (theirs.repo.lower(), ours.repo.lower()),
        "pull request": (theirs.pull and theirs.pull.number, ours.pull and ours.pull.number),
        "commit": (theirs.head.sha, ours.head.sha),
    }
    if brought.change is not None:
        pairs["change"] = (brought.change.head, ours.head.sha)
    for what, (found, wanted) in pairs.items():
        if found != wanted:
            why = f"its {what} is {clip(str(found or 'none'), 100)}, that of this job {wanted or 'none'}"
            raise ConfigError(f"{name} is the evidence of something else", why=why, remedy="Gather it again")


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except (OSError, ValueError):
        return False  # `read` says what is wrong with it
