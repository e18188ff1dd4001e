"""How many tests failed in a run, in all its jobs, and which of them failed alike."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from cicd_agent.analysis.logs.extract import AlikeTests, FailedTest, FailedTests
from cicd_agent.analysis.logs.failed_tests import alike
from cicd_agent.analysis.logs.template import coarse_template
from cicd_agent.domain.text.words import count
from cicd_agent.modes.analyse_failure.evidence import FailedRun, Role
from cicd_agent.modes.analyse_failure.groups import job_base
from cicd_agent.modes.analyse_failure.result import Failure

_SHOWN = 3


def failed_tests(failed: FailedRun) -> FailedTests:
    """By the logs of the jobs that failed, or by the test reports where these have more."""
    jobs: dict[str, list[FailedTests]] = defaultdict(list)
    for role in (Role.FAILED, Role.TOLERATED):
        for job in failed.jobs:
            if job.role is role and job.extract.tests.count:
                jobs[job_base(job.job.name)].append(job.extract.tests)
        if jobs:
            break
    of_logs = _added([_of_matrix(each) for each in jobs.values()])
    cases = {(case.suite, case.name): case for case in failed.cases if case.failed}
    if len(cases) <= of_logs.count:
        return of_logs
    tests = [FailedTest(f"{suite}.{name}" if suite else name, case.message, 0) for (suite, name), case in cases.items()]
    return FailedTests(len(tests), tuple(each.name for each in tests), tuple(alike(tests)))


def _of_matrix(jobs: Sequence[FailedTests]) -> FailedTests:
    """Jobs of one matrix run the same tests, so that each counts once, unless they are shards of them."""
    names = [set(each.names) for each in jobs]
    union: set[str] = set().union(*names)
    most = max(jobs, key=lambda each: each.count)
    if len(jobs) > 1 and union and len(union) == sum(map(len, names)):
        return _added(jobs)
    if all(len(each.names) >= each.count for each in jobs):
        return FailedTests(max(len(union), most.count), tuple(sorted(union)), most.alike)
    return most


def _added(parts: Sequence[FailedTests]) -> FailedTests:
    groups: dict[str, AlikeTests] = {}
    for part in parts:
        for group in part.alike:
            key = coarse_template(group.message)
            known = groups.get(key, AlikeTests(group.message, 0, ()))
            first = (*known.first, *group.first)[:_SHOWN]
            groups[key] = AlikeTests(known.message, known.count + group.count, first)
    ranked = sorted(groups.values(), key=lambda group: -group.count)
    names = tuple(name for part in parts for name in part.names)
    return FailedTests(sum(part.count for part in parts), names, tuple(ranked))


def how_many(tests: FailedTests, first: Failure | None) -> str:
    """How many failed, to stand behind what the first of them says; "" where that is one alone, or no test."""
    if tests.count <= 1 or first is None or not (first.test or first.kind == "test_failure"):
        return ""
    own = _group_of(tests, first.title)
    of = f"{own.count:,} of " if own and own.count < tests.count else ""
    return f" ({of}{count(tests.count, 'test')} failed)"


def _group_of(tests: FailedTests, title: str) -> AlikeTests | None:
    """The group whose message this is, or the beginning of it: pytest cuts what its summary says."""
    if title.endswith("..."):
        beginning = title.removesuffix("...")
        return next((group for group in tests.alike if group.message.startswith(beginning)), None)
    return by_message(tests).get(coarse_template(title))


def by_message(tests: FailedTests) -> Mapping[str, AlikeTests]:
    """The groups by what the tests of each say, without numbers and addresses."""
    return {coarse_template(group.message): group for group in tests.alike}
