"""Which source of a change no rule has read: what is in it is unknown, and so the risk of the change is never low."""

from collections.abc import Iterator, Sequence

from cicd_agent.analysis.risk.assessment import Floor
from cicd_agent.analysis.rules.context import Mentions
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.paths import EXECUTABLE, PathKind, is_named, is_source, kinds, matcher
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel

_FIXTURE = frozenset({PathKind.TEST, PathKind.EXAMPLE, PathKind.DOCS})
BINARY = "binary content"
_MAX_NAMED = 3


def runs(file: FileDiff, mentions: Mentions) -> bool:
    """Whether a binary file may be executed: it is a program or source, and no fixture that nothing names."""
    if not (is_named(file.path, "program") or is_source(file.path, file.new_mode)):
        return False
    is_fixture = bool(kinds(file.path) & _FIXTURE)
    if is_fixture and is_named(file.path, "archive"):
        return False  # it is unpacked, and many a system sets the bit of an executable on whatever it copies
    return file.new_mode == EXECUTABLE or not is_fixture or file.path in mentions


def unanalysed(change: Change, ignored_paths: Sequence[str] = ()) -> tuple[Gap, ...]:
    """The source files of the change that no rule has read, each with the reason; `ignored_paths` are patterns.

    The path is "" where it is not known which files are missing.
    """
    ignored = matcher(ignored_paths)
    files = tuple(gap for gap in _unread_source(change) if not ignored.match_file(gap.what))
    return (*files, Gap("", change.incomplete)) if change.incomplete else files


def _unread_source(change: Change) -> Iterator[Gap]:
    mentions = Mentions(change)
    for file in change.files:
        if not file.omitted or file.kind is ChangeKind.DELETED or file.is_submodule:
            continue
        if runs(file, mentions) if file.binary else is_source(file.path, file.new_mode):
            yield Gap(file.path, BINARY if file.binary else file.omitted)


def describe(gaps: Sequence[Gap]) -> str:
    """What was not analysed and why, in one clause; a few files by name."""
    few = [f"`{gap.what}` ({gap.why})" if gap.what else gap.why for gap in gaps[:_MAX_NAMED]]
    more = f" and {count(len(gaps) - len(few), 'more file')}" if len(gaps) > len(few) else ""
    return f"{', '.join(few)}{more}"


def floors_of(gaps: Sequence[Gap]) -> tuple[Floor, ...]:
    """The floor under the risk of a change of which this was not analysed."""
    return (Floor(RiskLevel.HIGH, f"not analysed: {describe(gaps)}"),) if gaps else ()
