"""Which of the tests that stand are worth keeping beside each other, and what their modules look like with them."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from cicd_agent.analysis.python_tests.placement import NotPlaceable, insert_tests
from cicd_agent.analysis.python_tests.syntax import parsed
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Hurdle, Origin
from cicd_agent.modes.gen_tests.trial.single_trial import Slot, isolate, slot_of


@dataclass(frozen=True, slots=True)
class Assembly:
    """The modules with the tests in them; `tests` has the node id of each by key, `before` what the modules were."""

    files: Mapping[str, str] = field(default_factory=dict)
    tests: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def fresh(self) -> tuple[str, ...]:
        return tuple(sorted(path for path, text in self.before.items() if text is None))


def by_value(reports: Sequence[CandidateReport]) -> list[CandidateReport]:
    """Most kills first, then most lines and branches, then the smallest; what was only observed after all others.

    Of equals the one that is as its author meant it comes before one that was fixed.
    """
    return sorted(
        reports,
        key=lambda one: (
            one.candidate.origin is Origin.OBSERVED,
            -len(one.kills),
            -len(one.lines) - len(one.branches),
            bool(one.origin_key),
            len(one.candidate.code),
            one.candidate.key,
        ),
    )


def useful(reports: Sequence[CandidateReport]) -> list[CandidateReport]:
    """A least set that shows all that the reports show together; of those that add as much the first one is in it.

    What was only observed is taken for what no other one shows.
    """
    shown = {id(report): _shown(report) for report in reports}
    retained: list[CandidateReport] = []
    for is_observed in (False, True):
        waiting = [report for report in reports if (report.candidate.origin is Origin.OBSERVED) is is_observed]
        before = frozenset[object]().union(*(shown[id(report)] for report in retained))
        chosen: list[CandidateReport] = []
        covered = before
        while waiting:
            best = max(waiting, key=lambda one: len(shown[id(one)] - covered))
            if shown[id(best)] <= covered:
                break
            waiting.remove(best)
            chosen.append(best)
            covered |= shown[id(best)]
        for report in chosen[-2::-1]:  # the last one showed something new beside all others
            others = before.union(*(shown[id(other)] for other in chosen if other is not report))
            if shown[id(report)] <= others:
                chosen.remove(report)
        retained += chosen
    return [report for report in reports if any(report is each for each in retained)]


def _shown(report: CandidateReport) -> frozenset[object]:
    path = report.candidate.path
    lines = ((path, line) for line in report.lines)
    return frozenset({*report.kills, *lines, *((path, arc) for arc in report.branches)})


def assemble(
    reports: Sequence[CandidateReport], evidence: Evidence, pytest_runner: PytestRunner
) -> tuple[Assembly, tuple[CandidateReport, ...]]:
    """The modules with the tests of all reports, formatted, and those reports whose tests have no place after all."""
    members: dict[str, list[Candidate]] = {}
    slots: dict[str, Slot] = {}
    files: dict[str, str] = {}
    tests: dict[str, str] = {}
    stopped: list[CandidateReport] = []
    for report in reports:
        slot = slot_of(report.candidate, evidence)
        candidates = [*members.get(slot.home, ()), report.candidate]
        try:
            placement = insert_tests(slot.text, candidates)
        except NotPlaceable as error:
            stopped.append(replace(report, stopped=Hurdle.STATIC, reason=str(error)))
            continue
        members[slot.home], slots[slot.home] = candidates, slot
        files[slot.home] = placement.text
        for candidate, name in zip(candidates, placement.names, strict=True):
            tests[candidate.key] = f"{slot.home}::{name}"
    before = {path: slot.text for path, slot in slots.items()}
    return Assembly(_formatted(files, before, pytest_runner), tests, before), tuple(stopped)


def styled(
    reports: Sequence[CandidateReport], assembly: Assembly, evidence: Evidence, pytest_runner: PytestRunner
) -> tuple[CandidateReport, ...]:
    """Those whose style the repository's own tools complain about, stopped."""
    complaints = _complaints(assembly.files, assembly.before, pytest_runner)
    homes = {report.candidate.key: assembly.tests[report.candidate.key].split("::")[0] for report in reports}
    concerned = [report for report in reports if homes[report.candidate.key] in complaints]
    if not concerned:
        return ()
    isolated = {
        report.candidate.key: isolate(report.candidate, slot_of(report.candidate, evidence)) for report in concerned
    }
    before = {one.path: assembly.before[homes[key]] for key, one in isolated.items()}
    files = _formatted({one.path: one.text for one in isolated.values()}, before, pytest_runner)
    single = _complaints(files, before, pytest_runner)
    guilty = [report for report in concerned if isolated[report.candidate.key].path in single]
    stopped = []
    for report in guilty or concerned:
        key = report.candidate.key
        text = single.get(isolated[key].path) or complaints[homes[key]]
        stopped.append(replace(report, stopped=Hurdle.STYLE, reason=f"the repository's own linter complains: {text}"))
    return tuple(stopped)


def _formatted(
    files: Mapping[str, str], before: Mapping[str, str | None], pytest_runner: PytestRunner
) -> Mapping[str, str]:
    """Each as the repository's formatter has it, unless it would change what stood there and says the same."""
    if not files:
        return files
    old = {_aside(path): text for path, text in before.items() if text is not None}
    formatted = pytest_runner.formatted({**files, **old})
    result = dict(files)
    for path, text in files.items():
        aside, new = _aside(path), formatted.get(path, text)
        is_stable = aside not in old or formatted.get(aside, old[aside]) == old[aside]
        if is_stable and _same(text, new):
            result[path] = new
    return result


def _complaints(
    files: Mapping[str, str], before: Mapping[str, str | None], pytest_runner: PytestRunner
) -> Mapping[str, str]:
    """Complaints about files which there were none about before."""
    old = {_aside(path): text for path, text in before.items() if text is not None}
    result = pytest_runner.style({**files, **old})
    return {path: result[path] for path in files if path in result and _aside(path) not in result}


def _aside(path: str) -> str:
    location = PurePosixPath(path)
    return location.with_name(f"{location.stem}__before.py").as_posix()


def _same(before: str, after: str) -> bool:
    """Whether two modules say the same, however their imports are sorted."""
    trees = [parsed(text) for text in (before, after)]
    dumps = [
        [ast.dump(node) for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
        for tree in trees
        if tree is not None
    ]
    return len(dumps) == 2 and dumps[0] == dumps[1]  # noqa: PLR2004  both can be read
