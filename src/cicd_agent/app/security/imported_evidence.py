"""Evidence from another job, as far as this job's own event and GitHub's ids of the files prove it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from cicd_agent.adapters.files import read_file
from cicd_agent.adapters.github.payloads import NO_PATCH
from cicd_agent.analysis.patches.apply import text_before
from cicd_agent.analysis.rules.excerpt import compared
from cicd_agent.app.context import RunContext
from cicd_agent.app.pipeline import observe
from cicd_agent.app.serialization import load
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.diff_parser import TRUNCATED
from cicd_agent.domain.repository.paths import is_source
from cicd_agent.domain.text.encoding import text_in
from cicd_agent.domain.text.words import clip, count, first_names
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.protocol import Mode
from cicd_agent.modes.shared.change_reader import WITHOUT_TEXTS
from cicd_agent.settings.schema import Settings, Stage

MAX_BYTES = 64_000_000
"""Evidence of the largest change that GitHub shows in full stays below this."""
MAX_FETCHED = 8
"""Files whose content is asked for one by one, each a request, since there was no text for it among the others."""

_WITHOUT_PATCH = frozenset({NO_PATCH, TRUNCATED})
_IMPORTING = frozenset({"ask", "decide", "perform"})
"""Commands that go on from what a file says."""
_GATHERED_HERE = frozenset({EventKind.LOCAL, EventKind.PULL_REQUEST, EventKind.PUSH, EventKind.MERGE_GROUP})
"""Names of events whose jobs get evidence from another job of the same run only, which had the same code to read."""


def read_evidence(name: str, option: str) -> Evidence:
    """The evidence in a file, which must be a plain file; ConfigError otherwise."""
    path = Path(name)
    with suppress(OSError, ValueError):  # reading says what is wrong with it
        if path.is_symlink():
            raise ConfigError(f"{option} is a link", why=name, remedy="Give the file itself")
    return load(Evidence, read_file(path, option, MAX_BYTES), name)


def require_one_job(mode: Mode[Any], command: str, settings: Settings) -> None:
    """Raise ConfigError where a mode by which other jobs go would import on Actions what another job has written.

    Whoever can write such a file could decide in its place: so it gathers, decides and performs in one job.
    """
    if not mode.unproved:
        return
    given = {"evidence-file": settings.evidence_file, "decision-file": settings.decision_file}
    refused = [f"`{name}`" for name, value in given.items() if value]
    refused += [f"`stage: {settings.stage}`"] if settings.stage is not Stage.ALL else []
    refused += [f"`cicd-agent {command}`"] if command in _IMPORTING else []
    if refused:
        raise ConfigError(
            f"`{mode.name}` gathers, decides and performs in one job on Actions, and takes no {' or '.join(refused)}",
            why="whoever can write a file for it could decide in its place",
            remedy="Let one step do all of it",
        )


def observe_remotely(mode: Mode[Any], context: RunContext) -> Evidence:
    """The evidence of the job's own event, with texts from GitHub where nothing is checked out."""
    own = observe(mode, context)
    change, forge, pull = own.change, context.ports.forge, context.event.pull
    if change is None or forge is None or pull is None or change.source is not ChangeSource.API:
        return own
    if context.event.kind is not EventKind.WORKFLOW_RUN and forge.head(pull.number) != change.head:
        return own  # its newer commit has a run of its own
    return _with_remote_texts(own, None, context)


def verified_evidence(mode: Mode[Any], imported: Evidence, name: str, context: RunContext) -> Evidence:
    """Evidence of the job's own event, whatever event the file `name` speaks of.

    Where the file may come from a job that a fork could change, the change is read again from GitHub, and of the file
    only what that proves counts. Raises ConfigError when the file is about another pull request or commit.
    """
    event = context.event
    if event.kind is EventKind.LOCAL:
        return imported
    if mode.declines(event):
        return Evidence(event)
    _require_same_subject(imported, name, context)
    if event.name in _GATHERED_HERE:
        # Whatever the file says of it: who wrote the facts in it is not known here.
        known = replace(imported.known, trusted=False)
        return replace(mode.verify_imported(imported, name, context.ports.repository), event=event, known=known)
    return _with_remote_texts(observe(mode, context), imported, context)


def _require_same_subject(imported: Evidence, name: str, context: RunContext) -> None:
    """Raise ConfigError unless the evidence says that it is about what this job is about."""
    ours, theirs = context.event, imported.event
    pairs: dict[str, tuple[object, object]] = {
        "repository": (theirs.repo.lower(), ours.repo.lower()),
        "pull request": (theirs.pull and theirs.pull.number, ours.pull and ours.pull.number),
        "commit": (theirs.head.sha, ours.head.sha),
    }
    if imported.change is not None:
        pairs["change"] = (imported.change.head, ours.head.sha)
    for what, (given, expected) in pairs.items():
        if given != expected:
            why = f"its {what} is {clip(str(given or 'none'), 100)}, that of this job {expected or 'none'}"
            raise ConfigError(f"{name} is the evidence of something else", why=why, remedy="Gather it again")


def _with_remote_texts(own: Evidence, imported: Evidence | None, context: RunContext) -> Evidence:
    """Our evidence with the imported texts, as far as they are proved, and with those that GitHub gives."""
    change, forge, pull = own.change, context.ports.forge, context.event.pull
    if change is None or forge is None or pull is None or change.source is not ChangeSource.API:
        return own
    if forge.head(pull.number) != change.head:
        why = f"commit {change.head[:7]} was replaced"
        raise ForgeRefused("the pull request moved while it was read", why=why, remedy="Its new commit has a run too")
    blobs = forge.blobs(pull.number)
    paths = {file.path for file in change.files if file.kind is not ChangeKind.DELETED}
    given = imported.change.texts if imported and imported.change else {}
    claimed = {path: text for path, text in given.items() if path in paths}
    texts = _proved(claimed, blobs)
    sources = ""
    if texts:
        sources = f", {len(texts)} of them brought by the evidence and proved by GitHub's ids"
    missing = [
        file.path
        for file in change.files
        if file.kind is not ChangeKind.DELETED
        and (file.is_whole or file.omitted in _WITHOUT_PATCH)
        and file.path in blobs
        and file.path not in texts
        and is_source(file.path, "100644" if file.is_whole else file.new_mode)
    ]
    limits = list(_limits(change, imported, [path for path in claimed if path not in texts])) if imported else []
    texts |= _fetch(missing, blobs, forge)
    change, more = _with_lines(change, texts, forge)
    limits += more
    if unread := [path for path in missing if path not in texts]:
        limits.append(f"rules which need the whole text of a file did not run on {first_names(unread)}")
    first = [note for note in change.notes if note.endswith(WITHOUT_TEXTS)]
    begun = first[0].removesuffix(WITHOUT_TEXTS) if first else "read from the API"
    notes = [f"{begun}, with the whole text of {count(len(texts), 'file')}{sources}", *limits]
    return _with_texts(own, change, texts, notes)


def _proved(texts: Mapping[str, str], blobs: Mapping[str, str]) -> dict[str, str]:
    return {path: text for path, text in texts.items() if blob_id(text) == blobs.get(path)}


def blob_id(text: str) -> str:
    return content_id(text.encode("utf-8", "surrogatepass"))


def content_id(content: bytes) -> str:
    # The id is SHA-1 by git's design. GitHub takes no object that a known attack on it has made.
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _fetch(paths: Sequence[str], blobs: Mapping[str, str], forge: Forge) -> Mapping[str, str]:
    """The texts that GitHub gives by these paths' ids; fewer when it refuses, which the reader is told of each file."""
    texts: dict[str, str] = {}
    with suppress(ForgeRefused):
        given = forge.blob_texts([blobs[path] for path in paths])
        texts = _proved({path: given[blobs[path]] for path in paths if blobs[path] in given}, blobs)
        # Binary, in another encoding, or large.
        for path in [path for path in paths if path not in texts][:MAX_FETCHED]:
            data = forge.commits.content(blobs[path])
            if content_id(data) == blobs[path] and (text := text_in(data)) is not None:
                texts[path] = text
    return texts


def _with_lines(change: Change, texts: Mapping[str, str], forge: Forge) -> tuple[Change, list[str]]:
    """The change; of files that came without a patch, what rules find in the lines that are new, and notes."""
    files, notes, asked = list(change.files), list[str](), 0
    for index, file in enumerate(files):
        if file.omitted not in _WITHOUT_PATCH or file.path not in texts:
            continue
        before: str | None = ""
        if file.kind is not ChangeKind.ADDED:
            asked += 1
            before = None
            with suppress(ForgeRefused):
                before = forge.text_at(file.old_path, change.base) if asked <= MAX_FETCHED else None
        if before is not None:
            files[index], more = compared(file, before, texts[file.path])
            notes += more
    return replace(change, files=tuple(files)), notes


def _with_texts(own: Evidence, change: Change, texts: Mapping[str, str], notes: Sequence[str]) -> Evidence:
    """The evidence with proved texts, those before the change, which follow from the diff, and `notes` on both."""
    old_texts: dict[str, str] = {}
    for file in change.files:
        after = "" if file.kind is ChangeKind.DELETED else texts.get(file.path)
        if after is None or not file.is_whole or file.kind is ChangeKind.ADDED:
            continue
        if (before := text_before(after, file)) is not None:
            old_texts[file.old_path] = before
    read = {file.path for file in change.files if file.excerpt_of is not None}
    others = [note for note in change.notes if not note.endswith(WITHOUT_TEXTS)]
    gaps = [
        gap
        for gap in own.gaps
        if not (gap.what in read and gap.why in _WITHOUT_PATCH) and (gap.what or not gap.why.endswith(WITHOUT_TEXTS))
    ]
    return replace(
        own,
        change=replace(change, texts=texts, old_texts=old_texts, notes=(*others, *notes)),
        gaps=(*gaps, *(Gap("", note) for note in notes)),
    )


def _limits(change: Change, imported: Evidence, forged: Sequence[str]) -> Iterator[str]:
    """What of the imported evidence was not used, one sentence each."""
    if forged:
        yield f"the evidence holds another text than GitHub has of {first_names(forged)}: it was left out"
    if imported.change and (other := list(differences(change.files, imported.change.files))):
        yield f"the evidence holds another diff than GitHub has of {first_names(other)}: GitHub's was reviewed"
    if imported.findings:
        yield f"{count(len(imported.findings), 'finding')} of other tools in the evidence cannot be proved: left out"


def differences(ours: Sequence[FileDiff], theirs: Sequence[FileDiff]) -> Iterator[str]:
    """Paths whose diff is known in whole and is another one in the evidence, or that only one of the two has."""
    imported = {file.path: file for file in theirs}
    for file in ours:
        other = imported.pop(file.path, None)
        if other is None or (file.is_whole and other.is_whole and _lines(file) != _lines(other)):
            yield file.path
    yield from imported


def _lines(file: FileDiff) -> tuple[object, ...]:
    return (tuple((line.new, line.text) for line in file.added), tuple((line.old, line.text) for line in file.deleted))
