"""Which source of a change no rule has read: what is in it is unknown, and so the risk of the change is never low."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from cicd_agent.analysis.risk.assessment import Floor
from cicd_agent.analysis.rules.context import IDENTIFIER, TABLES
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.paths import PathKind, kinds, matcher
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel

_SOURCE = frozenset(
    {
        *(PathKind.SOURCE, PathKind.MIGRATION, PathKind.INFRASTRUCTURE, PathKind.DEPENDENCY_MANIFEST),
        *(PathKind.WORKFLOW, PathKind.CI_CONFIG, PathKind.DOCKERFILE, PathKind.OWN_CONFIG),
    }
)
_NOT_RUN = frozenset({PathKind.LOCK_FILE, PathKind.DATA, PathKind.ASSET, PathKind.DOCS})
_FIXTURE = frozenset({PathKind.TEST, PathKind.EXAMPLE, PathKind.DOCS})
BINARY = "binary content"
_EXECUTABLE = "100755"
_MAX_NAMED = 3


def is_source(path: str, mode: str = "", start: str = "") -> bool:
    """Whether a file runs or is built: by its name, its git mode ("" is unknown), or a shebang at its start."""
    path_kinds = kinds(path)
    if PathKind.LOCK_FILE in path_kinds:
        return False
    name = path.rpartition("/")[2].lower()
    if path_kinds & _SOURCE or any(fnmatchcase(name, pattern) for pattern in TABLES["files"]["build-files"]):
        return True
    return start.startswith("#!") or (mode in {_EXECUTABLE, ""} and not path_kinds & _NOT_RUN)


def is_program(path: str) -> bool:
    """Whether a binary file of this name runs, or is linked into what does."""
    name = path.rpartition("/")[2].lower()
    return any(fnmatchcase(name, pattern) for pattern in TABLES["files"]["programs"])


def is_archive(path: str) -> bool:
    """Whether a binary file of this name holds files, and is none that runs."""
    name = path.rpartition("/")[2].lower()
    return not name.endswith(".bin") and any(fnmatchcase(name, each) for each in TABLES["files"]["archives"])


def runs(file: FileDiff, change: Change) -> bool:
    """Whether a binary file may be executed: it is a program or source, and no fixture that nothing names."""
    if not (is_program(file.path) or is_source(file.path, file.new_mode)):
        return False
    is_fixture = bool(kinds(file.path) & _FIXTURE)
    if is_fixture and is_archive(file.path):
        return False  # it is unpacked, and many a system sets the bit of an executable on whatever it copies
    return file.new_mode == _EXECUTABLE or not is_fixture or _is_named(file.path, change)


def unanalysed(change: Change, ignored_paths: Sequence[str] = ()) -> tuple[Gap, ...]:
    """The source files of the change that no rule has read, each with the reason; `ignored_paths` are patterns.

    The path is "" where it is not known which files are missing.
    """
    ignored = matcher(ignored_paths)
    files = tuple(gap for gap in _unread_source(change) if not ignored.match_file(gap.what))
    return (*files, Gap("", change.incomplete)) if change.incomplete else files


def _unread_source(change: Change) -> Iterator[Gap]:
    for file in change.files:
        if not file.omitted or file.kind is ChangeKind.DELETED or file.is_submodule:
            continue
        if runs(file, change) if file.binary else is_source(file.path, file.new_mode):
            yield Gap(file.path, BINARY if file.binary else file.omitted)


def _is_named(path: str, change: Change) -> bool:
    """Whether the text of another changed file names it, as a file or, without its suffix, as a module."""
    name = path.rpartition("/")[2]
    stem = name.partition(".")[0]
    texts = [text for other, text in change.texts.items() if other != path]
    return any(name in text for text in texts) or any(stem in IDENTIFIER.findall(text) for text in texts)


def describe(gaps: Sequence[Gap]) -> str:
    """What was not analysed and why, in one clause; a few files by name."""
    few = [f"`{gap.what}` ({gap.why})" if gap.what else gap.why for gap in gaps[:_MAX_NAMED]]
    more = f" and {count(len(gaps) - len(few), 'more file')}" if len(gaps) > len(few) else ""
    return f"{', '.join(few)}{more}"


def floors_of(gaps: Sequence[Gap]) -> tuple[Floor, ...]:
    """The floor under the risk of a change of which this was not analysed."""
    return (Floor(RiskLevel.HIGH, f"not analysed: {describe(gaps)}"),) if gaps else ()
