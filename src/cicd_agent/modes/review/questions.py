"""What a model is asked about a change: one question, over the parts of the diff that may be shown."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from cicd_agent.agent.turns import Answer, Question
from cicd_agent.core.change import Change
from cicd_agent.core.diff import DiffLine, FileDiff, Hunk
from cicd_agent.core.evidence import Evidence, Exhibit
from cicd_agent.core.paths import PathKind, kinds
from cicd_agent.modes.changes import changed, matcher, unread
from cicd_agent.modes.review.claims import Prover, complain
from cicd_agent.modes.review.draft import ReviewDraft
from cicd_agent.settings import Settings

DEPENDENCY_BOTS = frozenset({"dependabot[bot]", "renovate[bot]"})
"""Their changes are versions and lock files: rules say what there is to say."""

_EXHIBIT = 12_000
"""Characters of one exhibit; a file whose diff is longer becomes several, so that packing can choose among them."""


def questions(
    evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings
) -> Sequence[Question[ReviewDraft]]:
    """The one question, unless it is answered already, a bot wrote the change, or nothing of it may be shown."""
    event = evidence.event
    author = event.pull.author if event.pull else event.actor
    change = changed(evidence)
    exhibits = tuple(_exhibits(change, settings))
    if answers or author.login in DEPENDENCY_BOTS or not exhibits:
        return ()
    exhibits = (*evidence.exhibits, *exhibits)
    if settings.instructions:
        house_rules = Exhibit("house-rules", "what this repository asks of reviews", settings.instructions, priority=9)
        exhibits = (house_rules, *exhibits)
    prover = Prover(change)
    return (
        Question(
            name="review",
            instructions=prompt(),
            evidence=exhibits,
            draft=ReviewDraft,
            check=lambda draft: complain(draft, prover),
        ),
    )


def prompt() -> str:
    """The instructions, as they stand in prompt.md."""
    return files(__package__).joinpath("prompt.md").read_text("utf-8")


def _exhibits(change: Change, settings: Settings) -> Iterator[Exhibit]:
    hidden = matcher([*settings.deny_paths, *settings.paths_ignore])
    number = 0
    for file in change.files:
        if unread(file) or hidden.match_file(file.path) or hidden.match_file(file.old_path):
            continue
        for part in _parts(file):
            number += 1
            yield Exhibit(
                id=f"E{number}",
                source=file.path,
                text="\n".join(line.text for line in part),
                priority=_priority(file.path),
                gutter=tuple(f"{line.new or line.old} {line.kind.value}" for line in part),
            )


def _parts(file: FileDiff) -> Iterator[list[DiffLine]]:
    """The lines of whole hunks up to the size of an exhibit; a hunk that is larger by itself is cut between lines."""
    part: list[DiffLine] = []
    size = 0
    for run in _runs(file.hunks):
        length = sum(len(line.text) + 1 for line in run)
        if part and size + length > _EXHIBIT:
            yield part
            part, size = [], 0
        part, size = [*part, *run], size + length
    if part:
        yield part


def _runs(hunks: Sequence[Hunk]) -> Iterator[Sequence[DiffLine]]:
    for hunk in hunks:
        if sum(len(line.text) + 1 for line in hunk.lines) <= _EXHIBIT:
            yield hunk.lines
        else:
            yield from ((line,) for line in hunk.lines)


def _priority(path: str) -> int:
    """Production code before everything else, tests before documentation."""
    found = kinds(path)
    if PathKind.TEST in found:
        return 2
    if PathKind.DOCS in found:
        return 1
    return 3 if PathKind.SOURCE in found else 2
