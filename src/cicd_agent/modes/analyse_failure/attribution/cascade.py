"""Whose fault a failure is: the first step of a cascade that holds, firm evidence before hints, and no guess."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cicd_agent.analysis.logs.extract import Kind, Problem, Trouble
from cicd_agent.analysis.logs.registry import trouble_excerpt
from cicd_agent.analysis.patches.same_failure import same_test
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.patterns import load_patterns
from cicd_agent.domain.text.words import clip, count
from cicd_agent.modes.analyse_failure.attribution.import_graph import is_read, same_language
from cicd_agent.modes.analyse_failure.attribution.overlap import (
    DEEPER,
    MACHINE,
    PIPELINE,
    REMOTE,
    Changed,
    find_overlaps,
    reached,
    starts,
)
from cicd_agent.modes.analyse_failure.attribution.path_match import is_test
from cicd_agent.modes.analyse_failure.evidence import Candidate, FailedJob, FailedRun, LogSource, Trace
from cicd_agent.modes.analyse_failure.groups import Group, exited, explains, job_base
from cicd_agent.modes.analyse_failure.result import CascadeStep, Cited, Ground, Overlap, Suspect

UNREACHED, NOTHING, UNEXPLAINED = 0.45, 0.3, 0.55
MAX_JUDGED = 20
_SHOWN = 5
_ALONE = 0.25
"""What a file loses that only few of the failures meet."""
_MIN_SHARE = 0.5

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
_PATTERNS = load_patterns(__package__, "cascade")
PROVED, OTHER_BASE, DRIFTED = 0.95, 0.8, 0.5
AT_BASE, STILL_FAILS, COMES_AND_GOES, ELSEWHERE, ENDED = 0.95, 0.9, 0.85, 0.8, 0.7
_MIN_BRANCHES = 2
_DAY = 86_400
_LINKS = 5
_SHORT_SHA = 7
_PULLS = frozenset({"pull_request", "pull_request_target"})
_NOT_FLAKY = REMOTE | {Trouble.DISK, Trouble.RUNNER}
EXACT = 0.95
ONE_OF_SEVERAL = 0.9
_BESIDE, _IN_FILE, _IN_NAMED, _TAKEN, _EXACTLY = range(5)
_SHARES = (0.75, ONE_OF_SEVERAL, 0.97, 1.0, 1.0)
"""The share of an overlap's strength for a commit that added or removed what is beside it, that changed the file, or a
definition that is named, that took that definition away, and that changed the very line."""
MAX_SUSPECTS = 20
_CLEARLY = 0.5
LOST, STARVED, NOT_STARTED, WITHOUT_END = 0.95, 0.85, 0.8, 0.9
CLEAR, DOUBTFUL, BLIND = 0.8, 0.6, 0.55
"""Of a signature: where nothing speaks against it, where the code could do it as well, where no change is known."""
# GitHub itself files under this path what belongs to no file.
_NO_FILE = frozenset({"", ".github"})
_NAMES = {
    Trouble.NETWORK: "a network failure",
    Trouble.SERVICE: "a failure of another server",
    Trouble.RATE_LIMIT: "a rate limit",
    Trouble.REGISTRY: "a failure of a registry",
    Trouble.DISK: "a full disk",
    Trouble.MEMORY: "a lack of memory",
    Trouble.RUNNER: "a failure of the runner",
}
_NEAR_END = 80
_LONG = 120
"""Lines between trouble and the end of the step: what a tool tried again with success is far from it."""
_AS_DECISIVE = 0.8
_GIVES_UP = 20
"""Lines between trouble and the message that nothing could be fetched."""
_REPORT, _MIN_WRONG_LINKS = 100, 3
_MAX_NAMES = 20
_NO_EXCUSE = Ground(
    "this does not prove an infrastructure failure: it was printed by a step that may run the change's own code"
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """The cause of one failure; `group` is that failure, None when there was none to judge.

    `rerun_kind` is what the input `rerun` has to allow, "" when that is no use; `fixed_by` is the commit that ended it
    elsewhere, "" when that is not known.
    """

    cause: Cause
    step: CascadeStep
    confidence: float
    grounds: tuple[Ground, ...] = ()
    rerun_kind: str = ""
    group: Group | None = None
    overlaps: tuple[Overlap, ...] = ()
    fixed_by: str = ""
    trouble: Cited | None = None
    """The line that names what outside of the code went wrong, cut to the words that say so."""

    @property
    def not_this_change(self) -> bool:
        return self.step not in {CascadeStep.MEETS_CHANGE, CascadeStep.NONE}


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
    overlaps = find_overlaps(failed, group, changed)
    if not overlaps:
        last = _out_of_reach(failed, group, changed)
    else:
        grounds = _grounds(failed, group, overlaps)
        last = Attribution(Cause.CHANGE, CascadeStep.MEETS_CHANGE, overlaps[0].strength, grounds)
    trouble = signature(group, changed, overlaps)
    is_proved = trouble is not None and _is_beyond_change(failed, group, changed)
    known = (
        runner(failed, group, changed),
        passed_elsewhere(failed, group),
        recurring(failed, group, changed, overlaps),
        trouble if is_proved else None,
        last,
    )
    steps = [step for step in known if step is not None] or [_unattributed(group, changed)]
    if trouble is not None and not is_proved and steps[0].cause in {Cause.CHANGE, Cause.UNKNOWN}:
        steps[0] = replace(steps[0], grounds=(*steps[0].grounds, trouble.grounds[0], _NO_EXCUSE))
    first = steps[0]
    agreeing = [step for step in steps if step.cause is first.cause]
    confidence = max(step.confidence for step in agreeing)
    if first.step not in _BESIDE_THE_LOG and not group.is_explained:
        confidence = min(confidence, UNEXPLAINED)
    grounds = tuple(dict.fromkeys(ground for step in agreeing for ground in step.grounds))
    return replace(first, confidence=confidence, grounds=grounds, group=group, overlaps=overlaps)


def _decisive_groups(known: Sequence[Group]) -> Sequence[Group]:
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
    if any(path in known and not changed.is_proved_silent(path) for path in changed.files):
        return None
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


def _unattributed(group: Group, changed: Changed) -> Attribution:
    text = "no file name in the log matches the change, and nothing proves that the change is not to blame"
    if not changed.is_known:
        text = "no change is known that it could be compared with"
    elif not group.is_explained:
        text = "the log does not say what went wrong"
    return Attribution(Cause.UNKNOWN, CascadeStep.NONE, NOTHING, (Ground(text),))


def passed_elsewhere(failed: FailedRun, group: Group) -> Attribution | None:
    """The same job passed on the same commit, or the same test within the same run: what failed was not the code."""
    for case in failed.cases:
        name = f"{case.suite}.{case.name}" if case.suite else case.name
        if case.flaked and group.failure.test and same_test(group.failure.test, name):
            text = f"the test failed and passed in the same run, says {case.source or 'its report'}"
            return _passed(group, PROVED, (Ground(text),))
    names = {group.failure.job, *group.failure.siblings}
    passed = [
        trace
        for trace in failed.traces
        if failed.run is not None and failed.run.sha and trace.sha == failed.run.sha
        if trace.conclusion == "success" and trace.job in names
    ]
    if failed.run is None or not passed:
        return None
    confidence, trace = max(((_proof(failed.run, trace), trace) for trace in passed), key=lambda each: each[0])
    where = f"attempt {trace.attempt}" if trace.run == failed.run.id else f"run {trace.run}"
    ground = Ground(f"`{trace.job}` passed on the same commit in {where}", trace.url)
    if confidence <= DRIFTED:
        late = Ground("that was more than a day before: something outside of the repository may have changed since")
        return Attribution(Cause.UNKNOWN, CascadeStep.PASSED_ELSEWHERE, confidence, (ground, late))
    grounds = [ground]
    if confidence < PROVED:
        grounds.append(Ground("that run may have been of a merge with another state of the base branch"))
    return _passed(group, confidence, tuple(grounds))


def _passed(group: Group, confidence: float, grounds: tuple[Ground, ...]) -> Attribution:
    cause, kind = Cause.FLAKY, "flaky"
    if group.problems and group.problems[0][1].trouble in _NOT_FLAKY:
        cause, kind = Cause.INFRASTRUCTURE, "infrastructure"
    return Attribution(cause, CascadeStep.PASSED_ELSEWHERE, confidence, grounds, kind)


def _proof(run: RunState, trace: Trace) -> float:
    if trace.run == run.id:
        return PROVED
    if run.created and trace.when and run.created - trace.when > _DAY:
        return DRIFTED
    if run.event in _PULLS or trace.event in _PULLS or (trace.event and run.event and trace.event != run.event):
        return OTHER_BASE
    return PROVED


def recurring(failed: FailedRun, group: Group, changed: Changed, overlaps: Sequence[Overlap]) -> Attribution | None:
    """The same failure by strict fingerprints, where the change is not: a flaky test may fail in a new way."""
    if not group.is_explained or not group.failure.strict:
        return None
    traces = [
        trace
        for trace in failed.traces
        if _is_without(trace, failed.run, changed)
        and (not group.failure.job or job_base(trace.job) == job_base(group.failure.job))
    ]
    failed_before = [trace for trace in traces if _is_same(trace, group)]
    on_default = [trace for trace in failed_before if trace.is_default]
    if on_default:
        on_default.sort(key=lambda trace: (trace.when, trace.run, trace.attempt))
        return _on_default(on_default, traces, changed, overlaps)
    unrelated = {trace.pull or trace.branch: trace for trace in failed_before if _is_unrelated(trace, failed.run)}
    if len(unrelated) < _MIN_BRANCHES:
        return None
    fixed_by = next((trace.fixed_by for trace in unrelated.values() if trace.fixed_by), "")
    grounds = (
        Ground(f"the same failure on {len(unrelated):,} other branches"),
        *(_link(trace) for trace in list(unrelated.values())[:_LINKS]),
    )
    return Attribution(Cause.PRE_EXISTING, CascadeStep.SEEN_BEFORE, ELSEWHERE, grounds, fixed_by=fixed_by)


def _on_default(
    failed_before: Sequence[Trace], traces: Sequence[Trace], changed: Changed, overlaps: Sequence[Overlap]
) -> Attribution | None:
    last = failed_before[-1]
    green = [trace for trace in traces if trace.is_default and trace.conclusion == "success"]
    links = tuple(_link(trace) for trace in reversed(failed_before[-_LINKS:]))
    fixed_by = next((trace.fixed_by for trace in reversed(failed_before) if trace.fixed_by), "")
    on_both = any(one.sha == other.sha and one.sha for one in failed_before for other in green)
    between = any(failed_before[0].when < other.when < last.when for other in green)
    if on_both or between:
        how = "passed on the same commit" if on_both else "comes and goes"
        text = f"on the default branch the same failure {how}, in {count(len(failed_before), 'run')}"
        return Attribution(Cause.FLAKY, CascadeStep.SEEN_BEFORE, COMES_AND_GOES, (Ground(text), *links), "flaky")
    base_sha = changed.change.base if changed.change is not None else ""
    if base_sha and any(trace.sha == base_sha for trace in failed_before):
        confidence, text = AT_BASE, "the commit that the change begins from fails in the same way"
    elif not fixed_by and all(other.when <= last.when for other in green):
        confidence, text = STILL_FAILS, "the default branch fails in the same way"
    elif overlaps:
        # It was fixed there, and the change is where it points to: it may well have brought it back.
        return None
    else:
        by = f" by {fixed_by[:_SHORT_SHA]}" if fixed_by else ""
        confidence = ENDED
        text = f"the default branch failed in the same way and was fixed{by}; this branch may be older"
    grounds = (Ground(text), *links)
    return Attribution(Cause.PRE_EXISTING, CascadeStep.SEEN_BEFORE, confidence, grounds, fixed_by=fixed_by)


def _is_without(trace: Trace, run: RunState | None, changed: Changed) -> bool:
    if not trace.sha or trace.sha in changed.shas:
        return False
    # What came later on the default branch may hold the change, merged under another name.
    is_later = run is not None and trace.is_default and trace.when > run.created > 0
    return run is None or (trace.sha != run.sha and not is_later)


def _is_unrelated(trace: Trace, run: RunState | None) -> bool:
    if trace.is_default or not (trace.pull or trace.branch):
        return False
    return run is None or (not (trace.pull and trace.pull in run.pulls) and trace.branch != run.branch)


def _is_same(trace: Trace, group: Group) -> bool:
    has_all = bool(group.signatures) and group.signatures <= frozenset(trace.strict)
    return trace.conclusion != "success" and (group.failure.strict in trace.strict or has_all)


def _link(trace: Trace) -> Ground:
    where = f"pull request #{trace.pull}" if trace.pull else f"`{trace.branch}`" if trace.branch else "a run"
    return Ground(f"{where} at {trace.sha[:_SHORT_SHA]}, run {trace.run}", trace.url)


def rank(failed: FailedRun, overlaps: Sequence[Overlap]) -> tuple[tuple[Suspect, ...], str]:
    """The commits, best first, and the one that is clearly above the others, if the change is to blame at all."""
    suspects = sorted((_suspect(candidate, overlaps) for candidate in failed.candidates), key=lambda each: -each.score)
    responsible = ""
    if len(suspects) == 1 and failed.green is not None and suspects[0].meetings:
        responsible = suspects[0].sha
    elif suspects and suspects[0].score >= _CLEARLY:
        by_sha = {candidate.commit.sha: candidate for candidate in failed.candidates}
        first, *others = [_closeness(each, by_sha[each.sha]) for each in suspects if each.score > 0]
        responsible = suspects[0].sha if all(first > other for other in others) else ""
    return tuple(suspects[:MAX_SUSPECTS]), responsible


def _suspect(candidate: Candidate, overlaps: Sequence[Overlap]) -> Suspect:
    own: list[Overlap] = []
    score = 0.0
    for overlap in overlaps:
        if overlap.path not in candidate.paths:
            continue
        ranges = candidate.lines[overlap.path] or ()
        exact = overlap.line > 0 and any(first <= overlap.line <= last for first, last in ranges)
        named = {*overlap.named} & {*candidate.names.get(overlap.path, ()), *candidate.gone}
        met = replace(overlap, exact=exact, sha=candidate.commit.sha, named=tuple(sorted(named)))
        own.append(met)
        nearness = _nearness(met, candidate)
        score = max(score, EXACT if nearness == _EXACTLY else overlap.strength * _SHARES[nearness])
    return Suspect(candidate.commit.sha, candidate.commit.subject, round(score, 3), tuple(own))


def _nearness(overlap: Overlap, candidate: Candidate) -> int:
    """How near a commit's edits in a file are to the failure: an index of `_SHARES`."""
    if overlap.exact and (overlap.strength > DEEPER or overlap.path not in candidate.aside):
        return _EXACTLY
    if {*overlap.named} & {*candidate.gone}:
        return _TAKEN
    if overlap.named:
        return _IN_NAMED
    return _BESIDE if overlap.path in candidate.aside else _IN_FILE


def _closeness(suspect: Suspect, candidate: Candidate) -> int:
    return max(_nearness(overlap, candidate) for overlap in suspect.meetings)


def runner(failed: FailedRun, group: Group, changed: Changed) -> Attribution | None:
    """GitHub's own statement: a step may print the same text, which counts only where no step has ended in failure."""
    names = {group.failure.job, *group.failure.siblings}
    lost = [attribution for job in failed.jobs if job.job.name in names for attribution in _lost(job)]
    if lost:
        # What leaves a doubt takes nothing away from what leaves none: the surest counts.
        return max(lost, key=lambda attribution: attribution.confidence)
    states = {job.job.conclusion for job in failed.jobs if job.job.name in names}
    states.add(failed.run.conclusion if failed.run is not None and not group.failure.job else "")
    if "startup_failure" in states and changed.is_known and not changed.kinds & (PIPELINE | {PathKind.INFRASTRUCTURE}):
        url = failed.run.url if failed.run is not None else ""
        return _by_runner(NOT_STARTED, "GitHub could not start it, and the change touches no workflow", url)
    return None


def _by_runner(confidence: float, text: str, url: str) -> Attribution:
    return Attribution(Cause.INFRASTRUCTURE, CascadeStep.RUNNER, confidence, (Ground(text, url),), "infrastructure")


def _lost(job: FailedJob) -> Iterator[Attribution]:
    state = job.job
    if state.conclusion in {"cancelled", "timed_out", "success", "skipped"}:
        # Somebody's decision, or a limit that the job itself ran into.
        return
    by_hand = any(_PATTERNS["by_hand"].search(each.message) for each in job.notes)
    if by_hand or any(step.conclusion == "failure" for step in state.steps):
        return
    if not state.steps and any(explains(problem) for problem in job.extract.problems):
        return
    for note in job.notes:
        # A job that eats up its machine loses it as well.
        confidence = STARVED if _PATTERNS["starved"].search(note.message) else LOST
        is_lost = confidence == STARVED or _PATTERNS["lost"].search(note.message)
        if is_lost and note.path in _NO_FILE:
            text = f"GitHub notes on the job: {clip(' '.join(note.message.split()), 200)}"
            yield _by_runner(confidence, text, state.url)
    if state.status == "completed" and not state.conclusion:
        yield _by_runner(WITHOUT_END, "the job ended without a conclusion: its runner was lost", state.url)


def signature(group: Group, changed: Changed, overlaps: Sequence[Overlap]) -> Attribution | None:
    """Trouble that a tool met in the step that failed, unless the change may have made it. The log alone says so."""
    external = _troubled(group)
    if external is None or changed.kinds & MACHINE:
        return None
    job, problem, trouble = external
    tests = bool(group.failure.test) or group.failure.kind is Kind.TEST_FAILURE
    if any(tests or overlap.strength >= DEEPER for overlap in overlaps):
        return None
    lines = [line.text for line in job.extract.kept if problem.first <= line.number <= problem.last]
    text = "\n".join([problem.text, *lines])[:20_000]
    if trouble in REMOTE and (_PATTERNS["local"].search(text) or _is_link_report(job, problem)):
        return None
    if _is_made(trouble, text, changed):
        return None
    confidence = CLEAR
    if tests or trouble is Trouble.RUNNER or (trouble is Trouble.MEMORY and PathKind.SOURCE in changed.kinds):
        confidence = DOUBTFUL
    if not changed.is_known or _is_headless(job, problem):
        confidence = BLIND
    words = trouble_excerpt(problem.text) if len(problem.text) > _LONG else problem.text
    cited = Cited(problem.line, clip(words or problem.text, 200), job.job.name, problem.step or job.step, job.job.url)
    what = f"{_NAMES[trouble]}: {cited.text}"
    beside = "the change touches no dependency, Docker or workflow file" if changed.is_known else "no change is known"
    grounds = (Ground(f"line {problem.line:,} reports {what}", job.job.url), Ground(f"only the log says so; {beside}"))
    return Attribution(
        Cause.INFRASTRUCTURE, CascadeStep.SIGNATURE, confidence, grounds, "infrastructure", trouble=cited
    )


def _is_beyond_change(failed: FailedRun, group: Group, changed: Changed) -> bool:
    """Whether the lines that tell of trouble are none that the change can have printed: a test can print anything.

    Which step has written a line is known by the times of the API alone: its name in the log is text as well. What
    failed in the same way without the change has not come from it; and of a log without a run or a change there is
    nothing to excuse.
    """
    external = _troubled(group)
    if external is None:
        return False
    job, problem, _ = external
    if failed.run is None and not changed.is_known:
        return True
    if job.source in {LogSource.JOB, LogSource.ARCHIVE} and problem.step and problem.step in job.setup:
        return True
    without = (each for each in failed.traces if _is_without(each, failed.run, changed) and _is_same(each, group))
    return any(each.is_default or _is_unrelated(each, failed.run) for each in without)


def _troubled(group: Group) -> tuple[FailedJob, Problem, Trouble] | None:
    if not group.problems:
        return None
    best = group.problems[0][1].score
    for job, problem in group.problems:
        if problem.score < _AS_DECISIVE * best or not explains(problem) or not problem.novel:
            continue
        if problem.step and job.step and problem.step != job.step:
            continue
        beside = [each for each in job.extract.problems if each.step == problem.step]
        cause = _behind(problem, beside) or problem
        trouble = cause.trouble
        if trouble not in _NAMES or (cause is problem and _is_only_warned(problem, beside)):
            continue
        # A machine that goes away does not wait for the exit code.
        if (trouble is Trouble.RUNNER and exited(job, problem)) or _went_on(problem, beside):
            continue
        # A tool says of each thing it could not fetch that it could not.
        last = max(each.last for each in beside if (each.tool, each.trouble) == (problem.tool, problem.trouble))
        if _end(job, problem) - max(last, problem.last) <= _NEAR_END:
            return job, cause, trouble
    return None


def _behind(problem: Problem, beside: Sequence[Problem]) -> Problem | None:
    """The trouble right before it: pip warns of the network and gives up, on a full disk whatever follows fails."""
    if problem.trouble is not None:
        return None
    kinds = REMOTE | {Trouble.DISK} if problem.kind is Kind.DEPENDENCY else {Trouble.DISK}
    return next((each for each in beside if each.trouble in kinds and 0 < problem.first - each.last <= _GIVES_UP), None)


def _is_only_warned(problem: Problem, beside: Sequence[Problem]) -> bool:
    return _PATTERNS["warning"].match(problem.text) is not None and not any(
        each.kind is Kind.DEPENDENCY and 0 < each.first - problem.last <= _GIVES_UP for each in beside
    )


def _went_on(problem: Problem, beside: Sequence[Problem]) -> bool:
    """Whether another tool failed of something else a good while later: the step lived through the trouble."""
    return any(
        each.tool not in {"", problem.tool}
        and not each.wraps
        and each.trouble is None
        and each.first - problem.last > _GIVES_UP
        for each in beside
    )


def _is_headless(job: FailedJob, problem: Problem) -> bool:
    if not problem.text.startswith("Caused by"):
        return False
    near = range(problem.first - _GIVES_UP, problem.line)
    return not any(line.number in near and _PATTERNS["head"].match(line.text) for line in job.extract.kept)


def _is_link_report(job: FailedJob, problem: Problem) -> bool:
    """Whether a checker of links lists a dead host among addresses that answered, but wrongly."""
    near = range(problem.first - _REPORT, problem.last + _REPORT)
    wrong = [line for line in job.extract.kept if line.number in near and _PATTERNS["wrong_link"].search(line.text)]
    return len(wrong) >= _MIN_WRONG_LINKS


def _end(job: FailedJob, problem: Problem) -> int:
    texts = [(each.line, each.text) for each in job.extract.problems if each.wraps]
    texts += [(line.number, line.text) for line in job.extract.kept]
    ends = [number for number, text in texts if number >= problem.last and _PATTERNS["step_end"].search(text)]
    return min(ends, default=max(job.extract.total, problem.last))


def _is_made(trouble: Trouble, text: str, changed: Changed) -> bool:
    added = changed.added_text
    if not added:
        return False
    if trouble is Trouble.MEMORY:
        return _PATTERNS["memory"].search(added) is not None
    hosts = sorted({host.lower() for host in _PATTERNS["host"].findall(text) if not _PATTERNS["file"].search(host)})
    ports = sorted({port for match in _PATTERNS["port"].finditer(text) for port in match.groups() if port})
    return any(host in added for host in hosts[:_MAX_NAMES]) or any(
        re.search(rf"(?<!\d){port}(?!\d)", added) for port in ports[:_MAX_NAMES]
    )
