"""Why a plan must be the full one: whatever of the change, its past or the configuration is not known for sure."""

from collections.abc import Iterator

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.fact_trust import parse_number
from cicd_agent.domain.facts import Cause, Fact, FactKind, FactSet
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.history import History
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import count

SERVED = frozenset(
    {
        EventKind.PUSH,
        EventKind.PULL_REQUEST,
        EventKind.PULL_REQUEST_TARGET,
        EventKind.MERGE_GROUP,
        EventKind.LOCAL,
    }
)
DEEPER = "set `fetch-depth: 0` on actions/checkout"

_MAX_FILES = 3
# What is said of a change that was read whole: its commits, the paths beside it, and bytes that are no text.
_HARMLESS = ("commit list cut", "path list cut", "not UTF-8")
_ALL = 100
_OF_THE_COMMIT = frozenset({Cause.CHANGE, Cause.PRE_EXISTING, Cause.UNKNOWN})
_SHOWN_ONLY = frozenset({PathKind.ASSET, PathKind.DOCS})


def of_event(event: Event) -> str:
    """Why an event leads to no change, "" when it does."""
    if event.kind is EventKind.WORKFLOW_DISPATCH:
        return "a workflow_dispatch names no commit to compare with"
    if event.kind not in SERVED:
        return f"the event {event.name or event.kind} is unknown to routing"
    if event.kind is not EventKind.LOCAL and not event.head.sha:
        return "the event names no commit (a branch or tag was deleted)"
    return ""


def of_change(change: Change) -> Iterator[str]:
    """What of a change was not read."""
    if change.source is ChangeSource.API and not change.notes:
        yield f"the change was read from the API, not from git: {DEEPER}"
    for note in change.notes:
        if not note.startswith(_HARMLESS):
            yield f"not all of the change is known: {note}"
    modules = [file.path for file in change.files if file.is_submodule]
    if modules:
        yield f"what is in a submodule is not looked at: {_named(modules)}"
    unread: dict[str, list[str]] = {}
    for file in change.files:
        if file.omitted and not file.is_submodule and not _is_picture(file):
            unread.setdefault(file.omitted, []).append(file.path)
    for reason, paths in unread.items():
        yield f"the diff of {_named(paths)} was not read: {reason}"


def of_history(history: History | None, gaps: tuple[Gap, ...]) -> Iterator[str]:
    """What of the past is not known."""
    if history is None:
        reason = "; ".join(f"{gap.what}: {gap.why}" if gap.what else gap.why for gap in gaps) or "nobody could read it"
        yield f"the history is not known: {reason}"
    elif history.shallow:
        yield f"the history is shallow: {DEEPER}"


def of_base(known: FactSet, base: str) -> Iterator[str]:
    """Whether the commit that the change begins from is red, by the newest of what earlier runs have left of it.

    That it is green makes nothing less.
    """
    tests = [(fact, _red_tests(fact)) for fact in known.of(FactKind.TESTS, base)]
    failed = [(fact, _red_run(fact)) for fact in known.of(FactKind.FAILURE) if fact.sha == base]
    failures = [each for each in (*tests, *failed) if each[1] is not None]
    if failures and (reason := max(failures, key=lambda each: each[0].at)[1]):
        yield f"the base {base[:7]} is red: {reason}"


def _red_tests(fact: Fact) -> str | None:
    """How many tests failed, "" when all passed, None when that is not known."""
    failed = parse_number(fact.values.get("failed", ""), 0, 1e9)
    percent = parse_number(fact.values.get("percent", ""), 0, 100)
    if failed is not None:
        return f"{count(int(failed), 'test')} failed there" if failed else ""
    if percent is not None:
        return f"{percent:g} % of its tests or checks passed" if percent < _ALL else ""
    return None


def _red_run(fact: Fact) -> str | None:
    cause = fact.values.get("cause", "")
    return f"a run of it failed ({cause.replace('_', ' ')})" if cause in _OF_THE_COMMIT else None


def _is_picture(file: FileDiff) -> bool:
    """Whether a file is only looked at: nobody expects to read a picture line by line."""
    return file.binary and bool(kinds(file.path) & _SHOWN_ONLY)


def _named(paths: list[str]) -> str:
    more = len(paths) - _MAX_FILES
    return ", ".join(paths[:_MAX_FILES]) + (f" and {count(more, 'more file')}" if more > 0 else "")
