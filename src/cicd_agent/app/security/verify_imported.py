"""What another job brought, as far as it is proved: texts by GitHub's ids of the files, tests by a trial of ours."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cicd_agent.analysis.patches.apply import text_before
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import count, first_names
from cicd_agent.modes.shared.change_reader import PATCHES_ONLY


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
