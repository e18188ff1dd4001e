"""Whose fault a failure is: the first rung of the ladder that holds, firm evidence before hints, and no guess."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.domain.change import Change
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.paths import PathKind, kinds
from cicd_agent.domain.text.words import count
from cicd_agent.modes.analyse_failure.attribution.attribution import Standing
from cicd_agent.modes.analyse_failure.attribution.change_index import Changed, changed_in
from cicd_agent.modes.analyse_failure.attribution.infrastructure import runner, signature
from cicd_agent.modes.analyse_failure.attribution.other_runs import passed_elsewhere, seen_before
from cicd_agent.modes.analyse_failure.attribution.overlap import meet, reached, starts
from cicd_agent.modes.analyse_failure.attribution.path_match import is_test
from cicd_agent.modes.analyse_failure.evidence import FailedRun
from cicd_agent.modes.analyse_failure.groups import Group, groups
from cicd_agent.modes.analyse_failure.import_graph import is_read, same_language
from cicd_agent.modes.analyse_failure.result import Failure, Ground, Meeting, Rung

UNREACHED, NOTHING, UNTOLD = 0.45, 0.3, 0.55
MOST = 20
"""Failures that are judged."""
_SHOWN = 5
_ALONE = 0.25
"""What a file loses that only few of the failures meet."""
_WEIGHTY = 0.5
"""The share of its job's best score from which a failure has a say."""

# What speaks against the change, most first.
_AGAINST = (
    Rung.MEETS_CHANGE,
    Rung.NONE,
    Rung.OUT_OF_REACH,
    Rung.SIGNATURE,
    Rung.SEEN_BEFORE,
    Rung.PASSED_ELSEWHERE,
    Rung.RUNNER,
)
# Rungs that do not rest on what the lines of the log say.
_BESIDE_THE_LOG = frozenset({Rung.RUNNER, Rung.PASSED_ELSEWHERE})


def climb(failed: FailedRun, failures: Sequence[Failure], change: Change | None) -> Standing:
    """Where the run stands. The failure that speaks most against the change decides: all others have to be excused."""
    by_failure = {group.failure: group for group in groups(failed)}
    known = [by_failure.get(failure, Group(failure)) for failure in failures]
    changed = changed_in(failed, change)
    judged = _together(failed, [stand(failed, group, changed) for group in _weighty(known)])
    if not judged:
        return Standing(Cause.UNKNOWN, Rung.NONE, 0.0, (Ground("nothing that failed could be read"),))
    return min(judged, key=_gravity)


def _together(failed: FailedRun, judged: Sequence[Standing]) -> Sequence[Standing]:
    """What is to blame for several failures is met by all of them: such files come first, and failures near them."""
    blaming = [standing for standing in judged if standing.rung is Rung.MEETS_CHANGE]
    if len(blaming) <= 1:
        return judged
    share = Counter(meeting.path for standing in blaming for meeting in standing.meetings)

    def joint(meeting: Meeting) -> float:
        return meeting.strength - _ALONE * (1 - share[meeting.path] / len(blaming))

    ordered = sorted(
        (replace(each, meetings=tuple(sorted(each.meetings, key=lambda one: -joint(one)))) for each in blaming),
        key=lambda each: -joint(each.meetings[0]),
    )
    surest = max(standing.confidence for standing in blaming)
    first = replace(ordered[0], confidence=surest, grounds=_met(failed, ordered[0].group, ordered[0].meetings))
    return [first, *ordered[1:], *(standing for standing in judged if standing.rung is not Rung.MEETS_CHANGE)]


def stand(failed: FailedRun, group: Group, changed: Changed) -> Standing:
    """Where one failure stands: the first rung that holds, as sure as the surest of those that say the same."""
    meetings = meet(failed, group, changed)
    rungs = [rung for rung in _rungs(failed, group, changed, meetings) if rung is not None]
    rungs = rungs or [Standing(Cause.UNKNOWN, Rung.NONE, NOTHING, (Ground(_why_nothing(group, changed)),))]
    first = rungs[0]
    agreeing = [rung for rung in rungs if rung.cause is first.cause]
    confidence = max(rung.confidence for rung in agreeing)
    if first.rung not in _BESIDE_THE_LOG and not group.is_told:
        confidence = min(confidence, UNTOLD)
    grounds = tuple(dict.fromkeys(ground for rung in agreeing for ground in rung.grounds))
    return replace(first, confidence=confidence, grounds=grounds, group=group, meetings=meetings)


def _rungs(failed: FailedRun, group: Group, changed: Changed, meetings: Sequence[Meeting]) -> Iterator[Standing | None]:
    yield runner(failed, group, changed)
    yield passed_elsewhere(failed, group)
    yield seen_before(failed, group, changed, meetings)
    yield signature(group, changed, meetings)
    yield _meets(failed, group, meetings)
    if not meetings:
        yield _out_of_reach(failed, group, changed)


def _weighty(known: Sequence[Group]) -> Sequence[Group]:
    """The failures that have a say: those that fail the run, and of a job those that come near its best."""
    fatal = [group for group in known if not group.failure.tolerated] or list(known)
    told = [group for group in fatal if group.is_told]
    told_of = {job for group in told for job in (group.failure.job, *group.failure.siblings)}
    best: dict[str, float] = {}
    for group in told:
        best[group.failure.job] = max(best.get(group.failure.job, 0.0), group.score)
    weighty = [
        group
        for group in fatal
        if (group.score >= _WEIGHTY * best[group.failure.job] if group.is_told else group.failure.job not in told_of)
    ]
    return weighty[:MOST]


def _gravity(standing: Standing) -> tuple[int, float]:
    """What speaks most against the change comes first, and of that what is surest."""
    return _AGAINST.index(standing.rung), -standing.confidence


def _meets(failed: FailedRun, group: Group, meetings: Sequence[Meeting]) -> Standing | None:
    if not meetings:
        return None
    return Standing(Cause.CHANGE, Rung.MEETS_CHANGE, meetings[0].strength, _met(failed, group, meetings))


def _met(failed: FailedRun, group: Group | None, meetings: Sequence[Meeting]) -> tuple[Ground, ...]:
    name = group.failure.job if group is not None else ""
    url = next((job.job.url for job in failed.jobs if job.job.name == name), "")
    return tuple(Ground(_told(meeting), url) for meeting in meetings[:_SHOWN])


def _told(meeting: Meeting) -> str:
    where = f"`{meeting.path}`" + (f":{meeting.line}" if meeting.line else "")
    line = f"line {meeting.number:,} of the log" if meeting.number else "what failed"
    if meeting.via:
        return f"{line} leads to `{meeting.via}`, which uses {where}, which was changed"
    return f"{line} leads to {where}, " + ("a line that was changed" if meeting.exact else "which was changed")


def _out_of_reach(failed: FailedRun, group: Group, changed: Changed) -> Standing | None:
    """A failing test of which all that it uses is known, and none of it was changed: a suspicion, and no proof."""
    if group.failure.kind not in {Kind.TEST_FAILURE, Kind.TIMEOUT} or not group.is_told or not changed.files:
        return None
    begun = [place.path for place in starts(group, changed)]
    tests = [path for path in begun if is_test(path)]
    if not tests:
        return None
    known = {path for start in begun for path in reached(failed, start)}
    if any(path not in failed.imports for path in known if is_read(path)):
        return None
    if any(changed.reaches_all()) or not all(_could_be_seen(path, tests) for path in changed.files):
        return None
    text = (
        f"`{tests[0]}` and the {count(len(known), 'file')} that it uses reach nothing that was changed: "
        "suspected to be flaky; run it again to know"
    )
    return Standing(Cause.UNKNOWN, Rung.OUT_OF_REACH, UNREACHED, (Ground(text),), "flaky")


def _could_be_seen(path: str, tests: Sequence[str]) -> bool:
    """Whether a changed file is one that imports would have led to, or one that no program reads."""
    return kinds(path) == {PathKind.DOCS} or any(same_language(path, test) for test in tests)


def _why_nothing(group: Group, changed: Changed) -> str:
    if not changed.is_known:
        return "no change is known that it could be compared with"
    if not group.is_told:
        return "the log does not say what went wrong"
    return "nothing that the log names was changed, and nothing proves that the change is not to blame"
