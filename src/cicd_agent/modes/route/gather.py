"""What routing looks at: the change, its history, and the test map; whatever is in doubt makes the plan full."""

from collections.abc import Iterator
from math import inf

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.fact_trust import merge_facts, parse_number, valid_facts
from cicd_agent.domain.facts import Cause, Fact, FactKind, FactSet
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.history import History
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.route.evidence import ROUTE_EVIDENCE, RouteEvidence
from cicd_agent.modes.route.table import first_files
from cicd_agent.modes.shared.change_reader import gaps, nothing_changed, read_change
from cicd_agent.modes.shared.risk_history import read_past
from cicd_agent.settings.schema import Settings

_SERVED = frozenset(
    {EventKind.PUSH, EventKind.PULL_REQUEST, EventKind.PULL_REQUEST_TARGET, EventKind.MERGE_GROUP, EventKind.LOCAL}
)
_DEEPER = "set `fetch-depth: 0` on actions/checkout"
_MAX_FILES = 3
_HARMLESS = ("commit list cut", "path list cut", "not UTF-8")
"""Notes on a change that was read whole: its commits, the paths beside it, and bytes that are no text."""
_ALL = 100
_OF_THE_COMMIT = frozenset({Cause.CHANGE, Cause.PRE_EXISTING, Cause.UNKNOWN})
_PICTURES = frozenset({PathKind.ASSET, PathKind.DOCS})


def gather(event: Event, ports: Ports, settings: Settings) -> Evidence:
    """Evidence of the change, or the doubt in its place. Raises nothing for what can be doubted."""
    problems = tuple(f"not all of the configuration is in force: {each}".rstrip(".") for each in ports.problems)
    change, doubt = _change(event, ports, settings)
    if change is None:
        return Evidence(event).put(ROUTE_EVIDENCE, RouteEvidence((doubt, *problems)))
    if nothing := nothing_changed(change, event):
        return Evidence(event, declined=nothing)
    history, learnt, missing = read_past(change, ports, settings, event)
    known = _known(change, event, ports)
    doubts = (*_of_change(change), *_of_history(history, missing), *problems, *_of_base(known, change.base))
    limits = (
        *(history.limits if history else ()),
        *(f"what earlier runs have left was not read: {limit}".rstrip(".") for limit in known.limits),
    )
    return Evidence(
        event,
        change,
        gaps=(*gaps(change, settings), *missing, *(Gap("", limit) for limit in limits)),
        history=history,
        learnt=learnt,
        known=known,
    ).put(ROUTE_EVIDENCE, RouteEvidence(tuple(dict.fromkeys(doubts)), ports.reach(change) if ports.reach else None))


def _change(event: Event, ports: Ports, settings: Settings) -> tuple[Change | None, str]:
    if event.kind is EventKind.WORKFLOW_DISPATCH:
        return None, "a workflow_dispatch names no commit to compare with"
    if event.kind not in _SERVED:
        return None, f"the event {event.name or event.kind} is unknown to routing"
    if event.kind is not EventKind.LOCAL and not event.head.sha:
        return None, "the event names no commit (a branch or tag was deleted)"
    try:
        return read_change(event, ports, settings), ""
    except (ConfigError, ForgeRefused) as error:
        return None, f"the change could not be read: {error}".rstrip(".")


def _known(change: Change, event: Event, ports: Ports) -> FactSet:
    state = ports.state
    if state is None or not event.repo or not change.base:
        return FactSet()
    parts = (state.find(FactKind.TESTS, change.base), state.find(FactKind.FAILURE, sha=change.base))
    # Where nobody may look at a clock, nothing lies in the future.
    return valid_facts(merge_facts(parts), event.repo, ports.now() or inf)


def _of_change(change: Change) -> Iterator[str]:
    if change.source is ChangeSource.API and not change.notes:
        yield f"the change was read from the API, not from git: {_DEEPER}"
    for note in change.notes:
        if not note.startswith(_HARMLESS):
            yield f"not all of the change is known: {note}"
    modules = [file.path for file in change.files if file.is_submodule]
    if modules:
        yield f"what is in a submodule is not looked at: {first_files(modules, _MAX_FILES)}"
    unread: dict[str, list[str]] = {}
    for file in change.files:
        # Nobody expects to read a picture line by line.
        is_picture = file.binary and bool(kinds(file.path) & _PICTURES)
        if file.omitted and not file.is_submodule and not is_picture:
            unread.setdefault(file.omitted, []).append(file.path)
    for reason, paths in unread.items():
        yield f"the diff of {first_files(paths, _MAX_FILES)} was not read: {reason}"


def _of_history(history: History | None, gaps: tuple[Gap, ...]) -> Iterator[str]:
    if history is None:
        reason = "; ".join(f"{gap.what}: {gap.why}" if gap.what else gap.why for gap in gaps) or "nobody could read it"
        yield f"the history is not known: {reason}"
    elif history.shallow:
        yield f"the history is shallow: {_DEEPER}"


def _of_base(known: FactSet, base: str) -> Iterator[str]:
    """Whether the base is red, by the newest of what earlier runs have left of it; a green one makes nothing less."""
    tests = [(fact, _red_tests(fact)) for fact in known.of(FactKind.TESTS, base)]
    runs = [
        (fact, f"a run of it failed ({cause.replace('_', ' ')})")
        for fact in known.of(FactKind.FAILURE)
        if fact.sha == base and (cause := fact.values.get("cause", "")) in _OF_THE_COMMIT
    ]
    results = [each for each in (*tests, *runs) if each[1] is not None]
    if results and (reason := max(results, key=lambda each: each[0].at)[1]):
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
