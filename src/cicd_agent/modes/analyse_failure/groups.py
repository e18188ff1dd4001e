"""What failed, once each: the problems of all jobs, put together where they are one thing, the most decisive first."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cicd_agent.analysis.logs.extract import ExtractLine, Kind, Problem, Trouble
from cicd_agent.analysis.logs.registry import trouble_excerpt
from cicd_agent.analysis.patches.same_failure import same_test
from cicd_agent.analysis.test_reports.cases import Case, Outcome
from cicd_agent.domain.events.workflow_run import RunNote
from cicd_agent.domain.text.patterns import load_patterns
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.analyse_failure.evidence import FailedJob, FailedRun, LogLocation, Role
from cicd_agent.modes.analyse_failure.result import Cited, Failure

_PATTERNS = load_patterns(__package__, "groups")

MAX_FAILURES = 50
MAX_TITLE = 200
MAX_DECISIVE = 6
_MAX_LINE = 300
_MAX_PROBLEMS = 60
_MAX_FINGERPRINTS = 3
_WEAK = 0.6
_SAME_RANK = 0.7
_OF_A_REPORT = 0.8


@dataclass(frozen=True, slots=True)
class Group:
    """A failure with what it was made from: its problems with their jobs, best first, and its cases in test reports."""

    failure: Failure
    problems: tuple[tuple[FailedJob, Problem], ...] = ()
    cases: tuple[Case, ...] = ()
    notes: tuple[RunNote, ...] = ()
    score: float = 0.0

    @property
    def is_explained(self) -> bool:
        return any(explains(problem) for _, problem in self.problems) or bool(self.cases or self.notes)

    @property
    def rank(self) -> tuple[bool, bool, bool, float]:
        novel = any(problem.novel for _, problem in self.problems) or not self.problems
        return self.failure.tolerated, not self.is_explained, not novel, -self.score

    @property
    def signatures(self) -> frozenset[str]:
        """Strict fingerprints that all have to recur; a test's name alone is none, it may fail for another reason."""
        explaining = [problem for _, problem in self.problems if explains(problem) and problem.novel and problem.strict]
        return frozenset(
            [each.strict for each in explaining if not _is_heading(each.own or each.text)][:_MAX_FINGERPRINTS]
        )

    @property
    def locations(self) -> tuple[LogLocation, ...]:
        result: dict[LogLocation, None] = {}
        for job, problem in self.problems:
            within = (location for location in job.places if problem.first <= location.number <= problem.last)
            result.update(dict.fromkeys(within))
        return tuple(result)


def explains(problem: Problem) -> bool:
    named = bool(problem.test or problem.frames or problem.code)
    return not problem.wraps and (named or problem.score >= _WEAK)


def failures(failed: FailedRun) -> tuple[Failure, ...]:
    return tuple(group.failure for group in groups(failed))


def groups(failed: FailedRun) -> tuple[Group, ...]:
    """The same, each with the problems and cases that it was made from."""
    result: list[Group] = []
    for job in failed.jobs:
        if job.role in {Role.FAILED, Role.TOLERATED}:
            for group in _of_job(job):
                _add(result, group)
    if not result and failed.run is not None and failed.run.conclusion == "startup_failure":
        note = RunNote("failure", "GitHub could not start the run")
        result.append(Group(Failure(Kind.CONFIGURATION, note.message), notes=(note,)))
    result = _with_cases(result, [case for case in failed.cases if case.outcome in {Outcome.FAILED, Outcome.ERROR}])
    return tuple(sorted(result, key=lambda group: group.rank)[:MAX_FAILURES])


def fingerprints(job: FailedJob) -> tuple[str, ...]:
    """All that the failures of a job are known again by: what a `Trace` of it holds in `strict`."""
    own = (failure.strict for failure in failures(FailedRun(jobs=(job,))))
    return tuple(dict.fromkeys(each for each in (*own, *(one.strict for one in job.extract.problems)) if each))


def _of_job(job: FailedJob) -> Iterator[Group]:
    clusters: list[list[Problem]] = []
    wrappers: list[Problem] = []
    for problem in job.extract.problems[:_MAX_PROBLEMS]:
        if problem.wraps:
            wrappers.append(problem)
            continue
        for cluster in clusters:
            if any(_is_one(problem, other) for other in cluster):
                cluster.append(problem)
                break
        else:
            clusters.append([problem])
    explaining = [cluster for cluster in clusters if any(explains(problem) for problem in cluster)]
    # What only counts, and what no tool says, is noise beside what a tool says, unless it is the line to read first.
    first = job.extract.problems[:1]
    known = [cluster for cluster in explaining if any(problem.tool or problem in first for problem in cluster)]
    # A machine that goes away does not wait for the exit code: such a message is the program's own.
    true = [
        cluster
        for cluster in known
        if not all(problem.trouble is Trouble.RUNNER and exited(job, problem) for problem in cluster)
    ]
    shown = true or known or explaining or clusters
    if shown:
        yield from (_group(job, cluster) for cluster in shown)
    elif notes := [note for note in job.notes if note.level == "failure" and not _PATTERNS["exit"].match(note.message)]:
        yield from (_of_note(job, note) for note in notes[:MAX_DECISIVE])
    elif wrappers:
        yield _group(job, wrappers)
    else:
        where = f"step `{job.step}` of " if job.step else ""
        title = clip(f"{where}job `{job.job.name}` failed; nothing says why", MAX_TITLE)
        yield Group(replace(_failure(job, title), kind=_kind(job, ())))


def exited(job: FailedJob, problem: Problem) -> bool:
    texts = [(each.line, each.text) for each in job.extract.problems]
    texts += [(line.number, line.text) for line in job.extract.kept]
    return any(number > problem.last and "Process completed with exit code" in text for number, text in texts)


def _is_one(one: Problem, other: Problem) -> bool:
    if one.test and other.test:
        return same_test(one.test, other.test)
    if one.strict and one.strict == other.strict:
        return True
    return one.first <= other.last and other.first <= one.last


def _group(job: FailedJob, problems: Sequence[Problem]) -> Group:
    top = problems[0]
    failure = replace(
        _failure(job, clip(_title(job, problems), MAX_TITLE)),
        kind=_kind(job, problems),
        tool=next((problem.tool for problem in problems if problem.tool), ""),
        test=max((problem.test for problem in problems), key=len, default=""),
        step=top.step or job.step,
        decisive=tuple(_decisive(job, problems)),
        strict=_fingerprint(job, problems),
        loose=top.loose,
    )
    return Group(failure, tuple((job, problem) for problem in problems), score=top.score)


def _failure(job: FailedJob, title: str) -> Failure:
    return Failure(Kind.UNKNOWN, title, job=job.job.name, step=job.step, tolerated=job.role is Role.TOLERATED)


def _of_note(job: FailedJob, note: RunNote) -> Group:
    text = " ".join(f"{note.title} {note.message}".split())
    cited = Cited(0, clip(text, _MAX_LINE), job.job.name, job.step, job.job.url)
    return Group(replace(_failure(job, clip(text, MAX_TITLE)), kind=_kind(job, ()), decisive=(cited,)), notes=(note,))


def _title(job: FailedJob, problems: Sequence[Problem]) -> str:
    best = [problem.text for problem in problems if problem.score >= _SAME_RANK * problems[0].score]
    message = next((text for text in best if not _is_heading(text)), "")
    message = message.partition(" - ")[2] if message.startswith("FAILED ") else message
    # A summary is cut to the width of the terminal.
    if (not message or message.endswith("...")) and (error := _error(job, problems)) is not None:
        message = error.text
    message = message or _message_of_test(job, problems) or best[0]
    title = " ".join(_PATTERNS["mark"].sub("", message).split())
    return title if len(title) <= MAX_TITLE else trouble_excerpt(title) or title


def _message_of_test(job: FailedJob, problems: Sequence[Problem]) -> str:
    """What failed tests of that name say: where hundreds fail, the extract has no room for the lines of each."""
    names = [problem.test for problem in problems if problem.test]
    tests = (test for group in job.extract.tests.alike for test in group.first)
    return next((test.message for test in tests if any(same_test(test.name, name) for name in names)), "")


def _is_heading(text: str) -> bool:
    return _PATTERNS["heading"].match(text) is not None and not (text.startswith("FAILED ") and " - " in text)


def _error(job: FailedJob, problems: Sequence[Problem]) -> ExtractLine | None:
    lines = _within(job, problems)
    heading, error = _PATTERNS["heading"], _PATTERNS["error"]
    marked = [line for line in lines if line.text.startswith("E  ")]
    named = [line for line in reversed(lines) if error.match(line.text) and not heading.match(line.text)]
    return next(iter((*marked, *named)), None)


def _within(job: FailedJob, problems: Sequence[Problem]) -> Sequence[ExtractLine]:
    ranges = [(problem.first, problem.last) for problem in problems]
    return [line for line in job.extract.kept if any(first <= line.number <= last for first, last in ranges)]


def _kind(job: FailedJob, problems: Sequence[Problem]) -> Kind:
    if job.job.conclusion == "timed_out":
        return Kind.TIMEOUT
    if any(_misses_package(job, problem) for problem in problems):
        return Kind.DEPENDENCY
    if problems and any(problem.test for problem in problems) and problems[0].kind is Kind.UNKNOWN:
        return Kind.TEST_FAILURE
    # No message in a log makes a test flaky.
    kinds = (problem.kind for problem in problems if problem.kind not in {Kind.UNKNOWN, Kind.FLAKY_TEST})
    return next(kinds, Kind.CONFIGURATION if job.job.conclusion == "startup_failure" else Kind.UNKNOWN)


def _misses_package(job: FailedJob, problem: Problem) -> bool:
    """Whether a package is missing that is none of the repository's own, as far as the log's locations show."""
    match = _PATTERNS["missing"].search(problem.text)
    name = (match["name"] or match["package"] or "") if match else ""
    if match is None or name.startswith((".", "/")):
        return False
    # Of a dotted name the second part is more specific: everybody's packages begin with `com`.
    parts = {*re.split(r"[./@]", name)[:3]} - {"", "com", "org", "net", "io", "github"}
    return not any(parts & {*re.split(r"[./]", location.path)} for location in job.places)


def _decisive(job: FailedJob, problems: Sequence[Problem]) -> Iterator[Cited]:
    shown = {line.number: line for line in job.extract.kept}
    error = _error(job, problems)
    headlines = dict.fromkeys([problems[0].line, *([error.number] if error else []), *(each.line for each in problems)])
    beside = sorted(_within(job, problems), key=lambda line: (-line.score, line.number))
    texts = {problem.line: problem.text for problem in reversed(problems)}
    chosen: dict[int, str] = {}
    for number in [*list(headlines)[: MAX_DECISIVE // 2], *(line.number for line in beside), *headlines]:
        if len(chosen) < MAX_DECISIVE:
            chosen.setdefault(number, shown[number].text if number in shown else texts.get(number, ""))
    for number, text in sorted(chosen.items()):
        if text.strip():
            step = (shown[number].step if number in shown else "") or problems[0].step or job.step
            yield Cited(number, clip(text, _MAX_LINE), job.job.name, step, job.job.url)


def _fingerprint(job: FailedJob, problems: Sequence[Problem]) -> str:
    explaining = [each for each in problems if explains(each) and each.novel and each.strict]
    parts = list(dict.fromkeys(each.strict for each in explaining))[:_MAX_FINGERPRINTS]
    if explaining and all(_is_heading(each.own or each.text) for each in explaining):
        error = _error(job, problems)
        parts.append(_PATTERNS["varies"].sub("0", " ".join(error.text.split())) if error is not None else "")
    if len(parts) <= 1:
        return "".join(parts)
    return hashlib.sha256("\n".join(sorted(parts)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _add(result: list[Group], new: Group) -> None:
    """A job that failed the same way as one before it joins that one's failure."""
    for at, group in enumerate(result):
        if _failed_alike(group.failure, new.failure):
            failure = group.failure
            others = dict.fromkeys([*failure.siblings, new.failure.job])
            others.pop(failure.job, None)
            result[at] = replace(
                group,
                failure=replace(failure, siblings=tuple(others), tolerated=failure.tolerated and new.failure.tolerated),
                problems=(*group.problems, *new.problems),
                score=max(group.score, new.score),
            )
            return
    result.append(new)


def _failed_alike(one: Failure, other: Failure) -> bool:
    if one.test and other.test and not same_test(one.test, other.test):
        return False
    if one.strict and one.strict == other.strict:
        return True
    same_matrix = job_base(one.job) == job_base(other.job) and one.job != other.job
    return same_matrix and bool(one.loose) and one.loose == other.loose


def _with_cases(result: Sequence[Group], cases: Iterable[Case]) -> list[Group]:
    merged = list(result)
    for case in cases:
        name = f"{case.suite}.{case.name}" if case.suite else case.name
        tests = [group.failure.test for group in merged]
        alike = (test and (same_test(test, name) or same_test(test, case.name)) for test in tests)
        at = next((at for at, is_alike in enumerate(alike) if is_alike), None)
        if at is not None:
            # The report knows the test's whole name; the log often only its last part.
            failure = replace(merged[at].failure, test=max((tests[at], name), key=len))
            merged[at] = replace(merged[at], failure=failure, cases=(*merged[at].cases, case))
        elif len(merged) < 2 * MAX_FAILURES:
            merged.append(_of_case(case, name))
    return merged


def _of_case(case: Case, name: str) -> Group:
    title = clip(" ".join((case.message or case.detail or f"{case.name} failed").split()), MAX_TITLE)
    cited = (Cited(0, clip(case.message, _MAX_LINE)),) if case.message.strip() else ()
    return Group(Failure(Kind.TEST_FAILURE, title, test=name, decisive=cited), cases=(case,), score=_OF_A_REPORT)


def job_base(job: str) -> str:
    """A job's name without the values of its matrix: `unit` of `unit (3.12, ubuntu)`."""
    return job.partition(" (")[0].strip() or job
