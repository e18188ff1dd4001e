"""The cascade's steps outside of the code: a runner that GitHub says was lost, and trouble that a tool met."""

import re
from collections.abc import Iterator, Sequence

from cicd_agent.analysis.logs.extract import Kind, Problem, Trouble
from cicd_agent.domain.events.workflow_run import RunNote
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.paths import PathKind
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.analyse_failure.attribution.attribution import Attribution
from cicd_agent.modes.analyse_failure.attribution.change_index import MACHINE, PIPELINE, Changed
from cicd_agent.modes.analyse_failure.attribution.overlap import DEEPER, REMOTE
from cicd_agent.modes.analyse_failure.evidence import FailedJob, FailedRun
from cicd_agent.modes.analyse_failure.groups import Group, exited, explains
from cicd_agent.modes.analyse_failure.result import CascadeStep, Ground, Overlap

LOST, STARVED, NOT_STARTED, WITHOUT_END = 0.95, 0.85, 0.8, 0.9
CLEAR, DOUBTFUL, BLIND = 0.8, 0.6, 0.55
"""Of a signature: where nothing speaks against it, where the code could do it as well, where no change is known."""

# What GitHub's own services and the runner write on a check run.
_LOST = re.compile(
    r"runner has received a shutdown signal|hosted runner encountered an error|was not acquired by runner|"
    r"no runner matching|job was not started because|runner .{0,80} did not connect|internal error occurred while|"
    r"runner .{0,80} (?:has been|was) (?:removed|deleted)|GitHub Actions (?:has encountered|is temporarily)",
    re.IGNORECASE,
)
_STARVED = re.compile(r"lost communication with the server", re.IGNORECASE)
_BY_HAND = re.compile(r"cancell?ed by|higher priority waiting request", re.IGNORECASE)
# GitHub itself files under this path what belongs to no file.
_NO_FILE = frozenset({"", ".github"})

_EXTERNAL = frozenset(Trouble) - {Trouble.TIMEOUT, Trouble.CANCELLED}
_NAMES = {
    Trouble.NETWORK: "the network",
    Trouble.SERVICE: "another server",
    Trouble.RATE_LIMIT: "a rate limit",
    Trouble.REGISTRY: "a registry",
    Trouble.DISK: "a full disk",
    Trouble.MEMORY: "a lack of memory",
    Trouble.RUNNER: "the runner",
}
_LOCAL = re.compile(
    r"\blocalhost\b|\b127\.\d|\[?::1\]?(?:[:/ ]|$)|\b0\.0\.0\.0\b|\.local\b|\bhost\.docker\.internal\b", re.IGNORECASE
)
# What a change may have brought along: the name of a host, a port, a size of memory.
_HOST = re.compile(r"\b(?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24}\b", re.IGNORECASE)
_PORT = re.compile(r"(?<=[\w\]]):(\d{2,5})\b|\bport[ =:]{1,3}(\d{2,5})\b", re.IGNORECASE)
_MEMORY = re.compile(r"-Xm[xs]|max[-_]old[-_]space|mem(?:ory)?[-_]?limit|ulimit|shm[-_]size", re.IGNORECASE)
# What ends like a host's name and is a file's.
_FILE = re.compile(
    r"\.(?:py|js|ts|go|rs|java|rb|php|cs|c|h|cpp|json|xml|ya?ml|toml|txt|log|sh|html|css|lock|kt)$", re.IGNORECASE
)
_WARNING = re.compile(r"\[?(?:npm )?warn(?:ing)?\b|W:", re.IGNORECASE)
_STEP_END = re.compile(r"^(?:##\[error\])?(?:Process completed with exit code|The operation was canceled)")
_HEAD = re.compile(r"\s*(?:##\[error\])?\W{0,4}(?:error|fatal|failed|failure|exception)\b", re.IGNORECASE)
_NEAR_END = 80
"""Lines between trouble and the end of the step: what a tool tried again with success is far from it."""
_AS_DECISIVE = 0.8
_GIVES_UP = 20
"""Lines between trouble and the message that nothing could be fetched."""
_MAX_NAMES = 20
"""Hosts, and ports, that are looked for in the change."""


def runner(failed: FailedRun, group: Group, changed: Changed) -> Attribution | None:
    """GitHub's own statement, by what it noted without a file and by the states of the job and its steps.

    A step may print the same text, also as an annotation: they count only where no step has ended in failure.
    """
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
    """All evidence that the job's runner was lost."""
    state = job.job
    if state.conclusion in {"cancelled", "timed_out", "success", "skipped"}:
        # Somebody's decision, or a limit that the job itself ran into.
        return
    if any(step.conclusion == "failure" for step in state.steps) or any(
        _BY_HAND.search(each.message) for each in job.notes
    ):
        return
    if not state.steps and any(explains(problem) for problem in job.extract.problems):
        return
    for note in job.notes:
        if note.path in _NO_FILE and (confidence := _lost_confidence(note)):
            text = f"GitHub notes on the job: {clip(' '.join(note.message.split()), 200)}"
            yield _by_runner(confidence, text, state.url)
    if state.status == "completed" and not state.conclusion:
        yield _by_runner(WITHOUT_END, "the job ended without a conclusion: its runner was lost", state.url)


def _lost_confidence(note: RunNote) -> float:
    if _STARVED.search(note.message):
        # A job that eats up its machine loses it as well.
        return STARVED
    return LOST if _LOST.search(note.message) else 0.0


def signature(group: Group, changed: Changed, overlaps: Sequence[Overlap]) -> Attribution | None:
    """Trouble that a tool met in the step that failed, unless the change may have made it. The log alone says so."""
    external = _troubled(group)
    if external is None or changed.kinds & MACHINE:
        return None
    job, problem, trouble = external
    tests = bool(group.failure.test) or group.failure.kind is Kind.TEST_FAILURE
    if any(tests or overlap.strength >= DEEPER for overlap in overlaps):
        return None
    text = _block(job, problem)
    if (trouble in REMOTE and _LOCAL.search(text)) or _is_made(trouble, text, changed):
        return None
    confidence = CLEAR
    if tests or trouble is Trouble.RUNNER or (trouble is Trouble.MEMORY and PathKind.SOURCE in changed.kinds):
        confidence = DOUBTFUL
    if not changed.is_known or _is_headless(job, problem):
        confidence = BLIND
    what = f"{_NAMES.get(trouble, 'something outside')} was in the way: {clip(problem.text, 200)}"
    beside = "the change touches no dependency, Docker or workflow file" if changed.is_known else "no change is known"
    grounds = (Ground(f"line {problem.line:,}: {what}", job.job.url), Ground(f"only the log says so; {beside}"))
    return Attribution(Cause.INFRASTRUCTURE, CascadeStep.SIGNATURE, confidence, grounds, "infrastructure")


def _troubled(group: Group) -> tuple[FailedJob, Problem, Trouble] | None:
    """The trouble of the most decisive problem, shortly before the step came to its end."""
    if not group.problems:
        return None
    best = group.problems[0][1].score
    for job, problem in group.problems:
        if problem.score < _AS_DECISIVE * best or not explains(problem) or not problem.novel:
            continue
        if problem.step and job.step and problem.step != job.step:
            continue
        cause = _behind(job, problem) or problem
        trouble = cause.trouble
        if trouble is None or trouble not in _EXTERNAL or (cause is problem and _is_only_warned(job, problem)):
            continue
        if trouble is Trouble.RUNNER and exited(job, problem):
            continue  # a machine that goes away does not wait for the exit code
        if _went_on(job, problem):
            continue
        if _end(job, problem) - problem.last <= _NEAR_END:
            return job, cause, trouble
    return None


def _behind(job: FailedJob, problem: Problem) -> Problem | None:
    """The trouble right before a tool that says only what it could not get: pip warns of the network, then gives up."""
    if problem.kind is not Kind.DEPENDENCY or problem.trouble is not None:
        return None
    before = (each for each in job.extract.problems if each.trouble in REMOTE and each.step == problem.step)
    return next((each for each in before if 0 < problem.first - each.last <= _GIVES_UP), None)


def _is_only_warned(job: FailedJob, problem: Problem) -> bool:
    """Whether a tool warns of trouble, and then goes on."""
    if not _WARNING.match(problem.text):
        return False
    after = (each for each in job.extract.problems if each.kind is Kind.DEPENDENCY and each.step == problem.step)
    return not any(0 < each.first - problem.last <= _GIVES_UP for each in after)


def _went_on(job: FailedJob, problem: Problem) -> bool:
    """Whether another tool failed of something else a good while later: the step lived through the trouble."""
    return any(
        each.tool not in {"", problem.tool}
        and not each.wraps
        and each.trouble is None
        and each.step == problem.step
        and each.first - problem.last > _GIVES_UP
        for each in job.extract.problems
    )


def _is_headless(job: FailedJob, problem: Problem) -> bool:
    """Whether it is the cause of something that the log does not name."""
    if not problem.text.startswith("Caused by"):
        return False
    near = range(problem.first - _GIVES_UP, problem.line)
    return not any(line.number in near and _HEAD.match(line.text) for line in job.extract.kept)


def _end(job: FailedJob, problem: Problem) -> int:
    ends = [
        each.line
        for each in job.extract.problems
        if each.wraps and _STEP_END.search(each.text) and each.line >= problem.last
    ]
    ends += [line.number for line in job.extract.kept if line.number >= problem.last and _STEP_END.search(line.text)]
    return min(ends, default=max(job.extract.total, problem.last))


def _block(job: FailedJob, problem: Problem) -> str:
    lines = [line.text for line in job.extract.kept if problem.first <= line.number <= problem.last]
    return "\n".join([problem.text, *lines])[:20_000]


def _is_made(trouble: Trouble, text: str, changed: Changed) -> bool:
    """Whether the lines that the change adds hold what the trouble is about."""
    added = changed.added_text
    if not added:
        return False
    if trouble is Trouble.MEMORY:
        return _MEMORY.search(added) is not None
    hosts = {host.lower() for host in _HOST.findall(text) if not _FILE.search(host)}
    ports = {port for match in _PORT.finditer(text) for port in match.groups() if port}
    hosts, ports = set(sorted(hosts)[:_MAX_NAMES]), set(sorted(ports)[:_MAX_NAMES])
    return any(host in added for host in hosts) or any(re.search(rf"(?<!\d){port}(?!\d)", added) for port in ports)
