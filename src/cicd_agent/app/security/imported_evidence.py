"""What one job takes over from another: evidence, as far as the job's own event and GitHub bear it out."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cicd_agent.adapters.files import read_file
from cicd_agent.analysis.patches.apply import text_before
from cicd_agent.app.context import RunContext
from cicd_agent.app.pipeline import observe
from cicd_agent.app.serialization import load
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import clip, count, first_names
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.protocol import Mode
from cicd_agent.modes.shared.change_reader import PATCHES_ONLY
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


def look(mode: Mode[Any], context: RunContext, progress: Callable[[str], None]) -> Evidence:
    """What the mode gathers; after another workflow's run, where nothing is checked out, with texts from the API."""
    own = observe(mode, context, progress)
    return _completed(own, None, context) if context.event.kind is EventKind.WORKFLOW_RUN else own


def take_over(
    mode: Mode[Any], brought: Evidence, name: str, context: RunContext, progress: Callable[[str], None]
) -> Evidence:
    """Evidence of the job's own event, whatever event the file `name` speaks of.

    Where the file may come from a job that a fork could change, the change is read again from GitHub, and of the file
    only what that proves is kept. Raises ConfigError when the file is about another pull request or commit.
    """
    event = context.event
    if event.kind is EventKind.LOCAL:
        return brought
    if mode.declines(event):
        return Evidence(event)
    _compare(brought, name, context)
    if event.name in _GATHERED_HERE:
        # Whatever the file says of it: who wrote the facts in it is not known here.
        known = replace(brought.known, trusted=False)
        return replace(mode.verify_imported(brought, name, context.ports.repository), event=event, known=known)
    return _completed(observe(mode, context, progress), brought, context)


def _completed(own: Evidence, brought: Evidence | None, context: RunContext) -> Evidence:
    """Our evidence with the texts that were brought, as far as they are proved, and with those that GitHub gives."""
    change, forge, pull = own.change, context.ports.forge, context.event.pull
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


def _compare(brought: Evidence, name: str, context: RunContext) -> None:
    """Raise ConfigError unless the evidence says that it is about what this job is about."""
    ours, theirs = context.event, brought.event
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


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts by path that are proved to be GitHub's, and the paths of those that turned out to be something else."""

    proved: Mapping[str, str]
    forged: tuple[str, ...] = ()


def proved(texts: Mapping[str, str], change: Change, blobs: Mapping[str, str]) -> Texts:
    """Of the texts that somebody brought, those whose id is the one that GitHub gives: `blobs`, by path."""
    wanted = {file.path for file in change.files if file.kind is not ChangeKind.DELETED}
    brought = {path: text for path, text in texts.items() if path in wanted}
    true = {path: text for path, text in brought.items() if blob_id(text) == blobs.get(path)}
    return Texts(true, tuple(path for path in brought if path not in true))


def missing(change: Change, texts: Mapping[str, str], blobs: Mapping[str, str]) -> list[str]:
    """Paths of the source files whose text is still needed, because rules look at the whole of them."""
    return [
        file.path
        for file in change.files
        if file.kind is not ChangeKind.DELETED
        and not file.omitted
        and file.path in blobs
        and file.path not in texts
        and PathKind.SOURCE in kinds(file.path)
    ]


def with_texts(own: Evidence, change: Change, texts: Mapping[str, str], told: Sequence[str]) -> Evidence:
    """The evidence with proved texts, and those before the change, which follow from them and the diff.

    `told` are sentences on where the texts are from, in place of the note that there are none.
    """
    old_texts: dict[str, str] = {}
    for file in change.files:
        after = "" if file.kind is ChangeKind.DELETED else texts.get(file.path)
        if after is None or file.omitted or file.kind is ChangeKind.ADDED:
            continue
        if (before := text_before(after, file)) is not None:
            old_texts[file.old_path] = before
    notes = [note for note in change.notes if note != PATCHES_ONLY]
    gaps = [gap for gap in own.gaps if gap.what or gap.why != PATCHES_ONLY]
    return replace(
        own,
        change=replace(change, texts=texts, old_texts=old_texts, notes=(*notes, *told)),
        gaps=(*gaps, *(Gap("", why) for why in told)),
    )


def differences(ours: Sequence[FileDiff], theirs: Sequence[FileDiff]) -> Iterator[str]:
    """Paths whose diff is known in whole and is another one in the evidence, or that only one of the two has."""
    brought = {file.path: file for file in theirs}
    for file in ours:
        other = brought.pop(file.path, None)
        if other is None or (not file.omitted and not other.omitted and _lines(file) != _lines(other)):
            yield file.path
    yield from brought


def account(change: Change, brought: Evidence, texts: Texts) -> Iterator[str]:
    """What a reader has to know of the evidence that was brought: what of it was not used, one sentence each."""
    if texts.forged:
        yield f"the evidence holds another text than GitHub has of {first_names(texts.forged)}: it was left out"
    if brought.change and (other := list(differences(change.files, brought.change.files))):
        yield f"the evidence holds another diff than GitHub has of {first_names(other)}: GitHub's was reviewed"
    if brought.findings:
        yield f"{count(len(brought.findings), 'finding')} of other tools in the evidence cannot be proved: left out"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def blob_id(text: str) -> str:
    content = _encoded(text)
    # The id is SHA-1 by git's design. GitHub takes no object that a known attack on it has made.
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _lines(file: FileDiff) -> tuple[object, ...]:
    return (tuple((line.new, line.text) for line in file.added), tuple((line.old, line.text) for line in file.deleted))
