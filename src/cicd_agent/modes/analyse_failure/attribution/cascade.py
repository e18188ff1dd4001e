"""Whose fault a failure is: the first step of a cascade that holds, firm evidence before hints, and no guess."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import count
from cicd_agent.modes.analyse_failure.attribution.change_index import Changed
from cicd_agent.modes.analyse_failure.attribution.other_runs import (
    Attribution,
    passed_elsewhere,
    runner,
    seen_before,
    signature,
)
from cicd_agent.modes.analyse_failure.attribution.overlap import find_overlaps, reached, starts
from cicd_agent.modes.analyse_failure.attribution.path_match import is_test
from cicd_agent.modes.analyse_failure.evidence import FailedRun
from cicd_agent.modes.analyse_failure.groups import Group
from cicd_agent.modes.analyse_failure.import_graph import is_read, same_language
from cicd_agent.modes.analyse_failure.result import CascadeStep, Ground, Overlap

UNREACHED, NOTHING, UNEXPLAINED = 0.45, 0.3, 0.55
MAX_JUDGED = 20
"""Failures that are judged."""
_SHOWN = 5
_ALONE = 0.25
"""What a file loses that only few of the failures meet."""
_MIN_SHARE = 0.5
"""The share of its job's best score from which a failure has a say."""

# What speaks against the change, most first.
_AGAINST = (
    CascadeStep.MEETS_CHANGE,
    CascadeStep.NONE,
    CascadeStep.OUT_OF_REACH,
    CascadeStep.SIGNATURE,
    CascadeStep.SEEN_BEFORE,
    CascadeStep.PASSED_ELSEWHERE,
    CascadeStep.RUNNER,
)
# Steps that do not rest on what the lines of the log say.
_BESIDE_THE_LOG = frozenset({CascadeStep.RUNNER, CascadeStep.PASSED_ELSEWHERE})


def attribute(failed: FailedRun, groups: Sequence[Group], change: Change | None) -> Attribution:
    """The run's attribution. The failure that speaks most against the change decides: all others have to be excused."""
    changed = Changed(change, failed.candidates, failed.imports)
    judged = _weigh_shared(failed, [attribute_group(failed, group, changed) for group in _decisive_groups(groups)])
    if not judged:
        return Attribution(Cause.UNKNOWN, CascadeStep.NONE, 0.0, (Ground("nothing that failed could be read"),))
    # What speaks most against the change comes first, and of that what is surest.
    return min(judged, key=lambda each: (_AGAINST.index(each.step), -each.confidence))


def _weigh_shared(failed: FailedRun, judged: Sequence[Attribution]) -> Sequence[Attribution]:
    """What is to blame for several failures is met by all of them: such files come first, and failures near them."""
    blaming = [attribution for attribution in judged if attribution.step is CascadeStep.MEETS_CHANGE]
    if len(blaming) <= 1:
        return judged
    share = Counter(overlap.path for attribution in blaming for overlap in attribution.overlaps)

    def loss(overlap: Overlap) -> float:
        return _ALONE * (1 - share[overlap.path] / len(blaming)) - overlap.strength

    ordered = [replace(each, overlaps=tuple(sorted(each.overlaps, key=loss))) for each in blaming]
    ordered.sort(key=lambda each: loss(each.overlaps[0]))
    surest = max(attribution.confidence for attribution in blaming)
    ordered[0] = replace(ordered[0], confidence=surest, grounds=_grounds(failed, ordered[0].group, ordered[0].overlaps))
    return [*ordered, *(each for each in judged if each.step is not CascadeStep.MEETS_CHANGE)]


def attribute_group(failed: FailedRun, group: Group, changed: Changed) -> Attribution:
    """The first step that holds, as sure as the surest of those with the same cause."""
    overlaps = find_overlaps(failed, group, changed)
    known = (
        runner(failed, group, changed),
        passed_elsewhere(failed, group),
        seen_before(failed, group, changed, overlaps),
        signature(group, changed, overlaps),
        _overlapping(failed, group, overlaps),
        None if overlaps else _out_of_reach(failed, group, changed),
    )
    steps = [step for step in known if step is not None]
    if not steps:
        steps = [Attribution(Cause.UNKNOWN, CascadeStep.NONE, NOTHING, (Ground(_reason_for_none(group, changed)),))]
    first = steps[0]
    agreeing = [step for step in steps if step.cause is first.cause]
    confidence = max(step.confidence for step in agreeing)
    if first.step not in _BESIDE_THE_LOG and not group.is_explained:
        confidence = min(confidence, UNEXPLAINED)
    grounds = tuple(dict.fromkeys(ground for step in agreeing for ground in step.grounds))
    return replace(first, confidence=confidence, grounds=grounds, group=group, overlaps=overlaps)


def _decisive_groups(known: Sequence[Group]) -> Sequence[Group]:
    """The failures that have a say: those that fail the run, and of a job those that come near its best."""
    fatal = [group for group in known if not group.failure.tolerated] or list(known)
    explained = [group for group in fatal if group.is_explained]
    explained_jobs = {job for group in explained for job in (group.failure.job, *group.failure.siblings)}
    best: dict[str, float] = {}
    for group in explained:
        best[group.failure.job] = max(best.get(group.failure.job, 0.0), group.score)

    def is_decisive(group: Group) -> bool:
        if group.is_explained:
            return group.score >= _MIN_SHARE * best[group.failure.job]
        return group.failure.job not in explained_jobs

    return list(filter(is_decisive, fatal))[:MAX_JUDGED]


def _overlapping(failed: FailedRun, group: Group, overlaps: Sequence[Overlap]) -> Attribution | None:
    if not overlaps:
        return None
    return Attribution(Cause.CHANGE, CascadeStep.MEETS_CHANGE, overlaps[0].strength, _grounds(failed, group, overlaps))


def _grounds(failed: FailedRun, group: Group | None, overlaps: Sequence[Overlap]) -> tuple[Ground, ...]:
    name = group.failure.job if group is not None else ""
    url = next((job.job.url for job in failed.jobs if job.job.name == name), "")
    result = []
    for overlap in overlaps[:_SHOWN]:
        where = f"`{overlap.path}`" + (f":{overlap.line}" if overlap.line else "")
        line = f"line {overlap.number:,} of the log" if overlap.number else "what failed"
        if overlap.via:
            text = f"{line} leads to `{overlap.via}`, which uses {where}, which was changed"
        else:
            text = f"{line} leads to {where}, " + ("a line that was changed" if overlap.exact else "which was changed")
        result.append(Ground(text, url))
    return tuple(result)


def _out_of_reach(failed: FailedRun, group: Group, changed: Changed) -> Attribution | None:
    """A failing test of which all that it uses is known, and none of it was changed: a suspicion, and no proof."""
    if group.failure.kind not in {Kind.TEST_FAILURE, Kind.TIMEOUT} or not group.is_explained or not changed.files:
        return None
    begun = [location.path for location in starts(group, changed)]
    tests = [path for path in begun if is_test(path)]
    if not tests:
        return None
    known = {path for start in begun for path in reached(failed, start)}
    if any(path not in failed.imports for path in known if is_read(path)):
        return None
    followed = (
        kinds(path) == {PathKind.DOCS} or any(same_language(path, test) for test in tests) for path in changed.files
    )
    if changed.reaches_all or not all(followed):
        return None
    text = (
        f"`{tests[0]}` and the {count(len(known), 'file')} that it uses reach nothing that was changed: "
        "suspected to be flaky; run it again to know"
    )
    return Attribution(Cause.UNKNOWN, CascadeStep.OUT_OF_REACH, UNREACHED, (Ground(text),), "flaky")


def _reason_for_none(group: Group, changed: Changed) -> str:
    if not changed.is_known:
        return "no change is known that it could be compared with"
    if not group.is_explained:
        return "the log does not say what went wrong"
    return "nothing that the log names was changed, and nothing proves that the change is not to blame"
