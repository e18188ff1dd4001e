"""Which of the tests that stand are worth keeping beside each other, and what their modules look like with them."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from cicd_agent.analysis.python_tests.placement import NotPlaceable, place
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle, Origin
from cicd_agent.modes.gen_tests.trial.contribution import Slot, slot_of
from cicd_agent.modes.gen_tests.trial.single_trial import alone_at


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

    Of equals the one that is as its author meant it comes before one that was mended.
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
    """Those that add a line, a branch or a kill to what the ones before them have."""
    retained: list[CandidateReport] = []
    seen: set[object] = set()
    for report in reports:
        path = report.candidate.path
        own = {*report.kills, *((path, line) for line in report.lines), *((path, arc) for arc in report.branches)}
        if not own <= seen:
            retained.append(report)
            seen |= own
    return retained


def assemble(
    reports: Sequence[CandidateReport], evidence: Evidence, pytest_runner: PytestRunner
) -> tuple[Assembly, tuple[CandidateReport, ...]]:
    """The modules with the tests of all reports, formatted, and those reports whose tests have no place after all."""
    slots: dict[str, tuple[Slot, list[CandidateReport]]] = {}
    for report in reports:
        slot = slot_of(report.candidate, evidence)
        slots.setdefault(slot.home, (slot, []))[1].append(report)
    files: dict[str, str] = {}
    tests: dict[str, str] = {}
    stopped: list[CandidateReport] = []
    for path, (slot, those) in slots.items():
        members: list[CandidateReport] = []
        for report in those:
            try:
                result = place(slot.text, [*(one.candidate for one in members), report.candidate])
            except NotPlaceable as error:
                stopped.append(replace(report, stopped=Hurdle.STATIC, reason=str(error)))
                continue
            members.append(report)
            files[path] = result.text
            tests.update(
                {one.candidate.key: f"{path}::{name}" for one, name in zip(members, result.names, strict=True)}
            )
    before = {path: slots[path][0].text for path in files}
    return Assembly(_formatted(files, before, pytest_runner), tests, before), tuple(stopped)


def styled(
    reports: Sequence[CandidateReport], assembly: Assembly, evidence: Evidence, pytest_runner: PytestRunner
) -> tuple[CandidateReport, ...]:
    """Those whose style the repository's own tools complain about, stopped."""
    complaints = _complaints(assembly.files, assembly.before, pytest_runner)
    if not complaints:
        return ()
    those = [report for report in reports if assembly.tests[report.candidate.key].split("::")[0] in complaints]
    alone = {report.candidate.key: alone_at(report.candidate, slot_of(report.candidate, evidence)) for report in those}
    files = {one.path: one.text for one in alone.values()}
    before = {one.path: assembly.before[assembly.tests[key].split("::")[0]] for key, one in alone.items()}
    single = _complaints(_formatted(files, before, pytest_runner), before, pytest_runner)
    guilty = [report for report in those if alone[report.candidate.key].path in single]
    stopped = []
    for report in guilty or those:
        home = assembly.tests[report.candidate.key].split("::")[0]
        text = single.get(alone[report.candidate.key].path) or complaints[home]
        stopped.append(replace(report, stopped=Hurdle.STYLE, reason=f"the repository's own linter complains: {text}"))
    return tuple(stopped)


def _formatted(
    files: Mapping[str, str], before: Mapping[str, str | None], pytest_runner: PytestRunner
) -> Mapping[str, str]:
    """Each as the repository's formatter has it, unless it would change what stood there and says the same."""
    if not files:
        return files
    old = {_aside(path): text for path, text in before.items() if text is not None}
    answer = pytest_runner.formatted({**files, **old})
    result = dict(files)
    for path, text in files.items():
        aside = _aside(path)
        settled = aside not in old or answer.get(aside, old[aside]) == old[aside]
        if settled and _same(text, answer.get(path, text)):
            result[path] = answer.get(path, text)
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
    try:
        return _definitions(before) == _definitions(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _definitions(text: str) -> list[str]:
    tree = ast.parse(text.removeprefix("\ufeff"))
    return [ast.dump(node) for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
