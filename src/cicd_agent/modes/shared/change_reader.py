"""Reads the change that an event is about: from git where there is a checkout, from the API where there is none."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cicd_agent.agent.tools.repository import lookups
from cicd_agent.agent.tools.tool import Tool
from cicd_agent.analysis.rules import coverage
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.ports.forge import MAX_CHANGED_FILES, Library
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.paths import PathKind, kinds, matcher
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.errors import ConfigError
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings, path_denier

WITHOUT_TEXTS = ": rules which need the whole text of a file did not run"
"""How the note on a change from the API ends, until texts are read by their ids."""

DEPENDENCY_BOTS = frozenset({"dependabot[bot]", "renovate[bot]"})
_UNREAD = {PathKind.LOCK_FILE: "lock file", PathKind.GENERATED: "generated", PathKind.VENDORED: "vendored"}
"""Why files of these kinds are not read line by line."""
EXCERPT = "very large"
"""Why a file is not shown of which the diff holds only what rules found."""
_TEST_DATA = "recorded test data"
_MAX_TEST_DATA = 100
"""Changed lines of a fixture, snapshot or recording from which on a program wrote it and nobody reads it."""
_READ_BY_PEOPLE = {
    PathKind.SOURCE,
    PathKind.DOCS,
    PathKind.WORKFLOW,
    PathKind.DEPENDENCY_MANIFEST,
    PathKind.INFRASTRUCTURE,
}


def read_change(event: Event, ports: Ports, settings: Settings) -> Change:
    """The change between the event's base and head. Raises ConfigError when it cannot be read at all."""
    repository, base, head = ports.repository, event.base.sha, event.head.sha
    obstacle = "there is no checkout"
    if repository is not None:
        if event.kind is EventKind.LOCAL and not head:
            return repository.uncommitted(base)
        if not base:
            # A new branch: compare with what it will be merged into, else with nothing at all.
            base = repository.resolve(event.default_branch) or ""
        if not base:
            obstacle = f"the branch {event.default_branch or 'to compare with'} is not in this clone"
        else:
            obstacle = repository.ensure((base, head), settings.github_token.get_secret_value())
            if not obstacle:
                return repository.change(base, head)
    if ports.forge is not None and event.pull is not None:
        files, notes = ports.forge.files(event.pull.number)
        why = f"instead of git ({obstacle}; set `fetch-depth: 0` on actions/checkout)"
        if event.kind is EventKind.WORKFLOW_RUN:
            why = "where nothing is checked out after another workflow's run"
        cut = f"the API lists the first {MAX_CHANGED_FILES:,} files of a pull request, and no more"
        return Change(
            base=base,
            head=head,
            source=ChangeSource.API,
            files=files,
            notes=(f"read from the API {why}{WITHOUT_TEXTS}", *notes),
            incomplete=cut if len(files) >= MAX_CHANGED_FILES else "",
        )
    raise ConfigError(
        "the commits of this change are not in this clone",
        why=obstacle,
        remedy="Set `fetch-depth: 0` on actions/checkout",
    )


def is_by_a_dependency_bot(event: Event) -> bool:
    author = event.pull.author if event.pull else event.actor
    return author.login in DEPENDENCY_BOTS


def nothing_changed(change: Change, event: Event) -> str:
    """Why there is nothing to look at in a change at a terminal, "" where there is something."""
    if event.kind is not EventKind.LOCAL or change.files:
        return ""
    return f"{event.head.name or 'HEAD'} is already in {event.base.name}: give another --base or --head"


def without_pull(event: Event) -> str:
    """Why a run that has ended leads to no pull request, "" when it does."""
    run = event.run
    if run is None:
        return "the event names no workflow run"
    if run.event != EventKind.PULL_REQUEST:
        return f"the workflow run was caused by {run.event or 'an event without a name'}, not by pull_request"
    if event.pull is not None:
        return ""
    if run.pulls:
        listed = ", ".join(map(str, run.pulls))
        return f"the pull requests {listed} have the same head; set `pull-request` to review one"
    where = f"{event.head.repo or 'a deleted repository'}:{event.head.name}"
    return f"no open pull request from {where} is at commit {run.head_sha[:7]} (closed, or it has moved on)"


def read_texts(
    paths: Sequence[str], commit: str, ports: Ports, settings: Settings, limit: int
) -> tuple[dict[str, str], tuple[Gap, ...]]:
    """The text of those files that there are at a commit and that may be shown, and which of them could not be read.

    From a checkout only: without one each file would cost a request, also where no model is asked.
    """
    denied = path_denier(settings.deny_paths)
    texts: dict[str, str] = {}
    missed: list[Gap] = []
    repository = ports.repository
    if repository is None or repository.resolve(commit) is None:
        return texts, ()
    for path in paths:
        if denied(path):
            continue
        try:
            blob = repository.blob(commit, path, limit)
        except ConfigError as error:
            missed.append(Gap("", f"{path} of the base branch could not be read: {error}"))
            continue
        if blob is not None and len(text := blob.decode("utf-8", "replace")) <= limit:
            texts[path] = text
    return texts, tuple(missed)


def change_tools(
    evidence: Evidence, event: Event, ports: Ports, settings: Settings
) -> tuple[tuple[Tool[Any], ...], str]:
    """What may be looked up about the change of some evidence, and why that is less than usual, "" when it is not.

    The same in every mode; of evidence without a change, nothing.

    `event` is the job's own: evidence that speaks of another commit (it may have come from a file) opens nothing.
    """
    change, library, limit = evidence.change, None, ""
    if change is None:
        return (), ""
    try:
        library = _library(change, event, ports)
    except ConfigError as error:
        limit = f"the model could look up nothing but the diff: {error}"
    return lookups(change, library, path_denier(settings.deny_paths)), limit


def _library(change: Change, event: Event, ports: Ports) -> Library:
    if ports.repository is None:
        raise ConfigError("there is no checkout", remedy="Put actions/checkout before this step")
    if event.head.sha and ports.repository.resolve(event.head.sha) != change.head:
        raise ConfigError("the evidence is not of the event's commit, or that is not in this clone")
    return ports.repository.library(change)


def changed(evidence: Evidence) -> Change:
    if evidence.change is None:
        raise ConfigError("this evidence holds no change", remedy="Gather it again with the same mode")
    return evidence.change


def gaps(change: Change, settings: Settings) -> Iterator[Gap]:
    """What of the change is not read line by line, and the limits that were met while reading it."""
    ignored = matcher(settings.paths_ignore)
    for file in change.files:
        reason = "paths-ignore" if ignored.match_file(file.path) else unshown(file)
        if reason:
            yield Gap(file.path, reason)
    for note in change.notes:
        yield Gap("", note)


def unanalysed(change: Change, settings: Settings) -> tuple[Gap, ...]:
    """The source files that no rule has read, less those that the configuration leaves out."""
    return coverage.unanalysed(change, settings.paths_ignore)


def showable(change: Change, settings: Settings) -> Iterator[FileDiff]:
    hidden = _hider(settings)
    for file in change.files:
        if not (unshown(file) or hidden(file.path) or hidden(file.old_path)):
            yield file


def is_hidden(path: str, change: Change, settings: Settings) -> bool:
    """Whether a path, or the other name that the change has for its file, is denied or ignored."""
    hidden = _hider(settings)
    names = [(file.path, file.old_path) for file in change.files if path in {file.path, file.old_path}]
    return hidden(path) or any(hidden(name) for both in names for name in both)


def _hider(settings: Settings) -> Callable[[str], bool]:
    """Two lists, not one: what the second opens with a `!` stays denied by the first."""
    denied, ignored = path_denier(settings.deny_paths), matcher(settings.paths_ignore)
    return lambda path: denied(path) or ignored.match_file(path)


def is_for_rules(file: FileDiff) -> bool:
    """Whether the rules read a file that no model is shown: code that nobody here has written."""
    if file.omitted or file.is_submodule or PathKind.LOCK_FILE in kinds(file.path):
        return False
    return bool(unshown(file))


def unshown(file: FileDiff) -> str:
    """Why a file is not shown to a model, "" when it is."""
    if file.omitted or file.is_submodule or file.attributes:
        return file.omitted or ("submodule" if file.is_submodule else " ".join(file.attributes))
    if file.excerpt_of is not None:
        return EXCERPT
    path_kinds = kinds(file.path)
    is_data = PathKind.TEST in path_kinds and not path_kinds & _READ_BY_PEOPLE
    if is_data and file.added_count + file.deleted_count > _MAX_TEST_DATA:
        return _TEST_DATA
    return next((reason for kind, reason in _UNREAD.items() if kind in path_kinds), "")


def unshown_files(change: Change, settings: Settings) -> Iterator[str]:
    """One line for each file that no model is shown for what it is: a name, its size, and the reason."""
    hidden = _hider(settings)
    for file in change.files:
        if (reason := unshown(file)) and not (hidden(file.path) or hidden(file.old_path)):
            yield f"{file.kind} {visible_line(file.path)}: +{file.added_count} -{file.deleted_count}, {reason}"
