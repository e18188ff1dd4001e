"""The tests of the corpora × our trial: at which hurdle each falls, and why; beside it, whether pytest is content.

Every hostile test has to be refused and every good one kept. The baseline is what a generator does that keeps a test
when it passes: `python -m pytest FILE` in a copy of the project.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "src")]

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.adapters.test_runner.runner import LocalPytestRunner
from cicd_agent.adapters.toolchain.interpreter import Toolchain
from cicd_agent.analysis.python_tests.mutants import mutants
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import Interpreter
from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle
from cicd_agent.domain.trials.sandbox import Limits
from cicd_agent.domain.trials.test_run import PytestRun
from cicd_agent.modes.gen_tests.evidence import Suite, SuiteState, TestEvidence, known
from cicd_agent.modes.gen_tests.trial.single_trial import screen
from cicd_agent.modes.gen_tests.trial.suite_run import settle
from tests.support.corpora import Project, Sample, samples
from tests.support.samples.changes import change_of

LIMITS = Limits(processes=256)
PLAIN = Limits(wall_seconds=20, cpu_seconds=20, processes=64)
MAX_ITEMS = 3_600.0


class ContentStyler:
    """There is no linter and no formatter in these projects."""

    def style(self, files: Mapping[str, str]) -> Mapping[str, str]:
        """No complaint."""
        del files
        return {}

    def formatted(self, files: Mapping[str, str]) -> Mapping[str, str]:
        """As they are."""
        return files


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one test; `plain` is whether it passes on its own with pytest."""

    sample: Sample
    report: CandidateReport
    plain: bool

    @property
    def kept(self) -> bool:
        """Whether the trial would publish it."""
        return self.report.stands and self.report.settled

    @property
    def mended(self) -> bool:
        """Whether it is another test now: what was wrong with it alone was an expectation, or an import."""
        return self.report.candidate.code != self.sample.candidate.code

    @property
    def wrong(self) -> bool:
        """Whether the trial judged otherwise than the corpus says."""
        if self.sample.judge == "repair":
            return self.kept and not self.mended
        return self.kept is (self.sample.falls is not None)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the matrix; 1 when a hostile test was kept or a good one refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="", help="tests whose names contain this")
    parser.add_argument("--project", default="", help="tests of this project")
    parser.add_argument("--no-baseline", action="store_true", help="without running plain pytest beside it")
    options = parser.parse_args(argv)
    begun = time.monotonic()
    rows: list[Row] = []
    print(f"{'test':29}{'kind':36}{'pytest':8}{'trial':12}why")
    chosen = [one for corpus in ("hostile", "good") for one in samples(corpus) if options.only in one.name]
    for project in sorted({sample.project for sample in chosen}, key=lambda one: one.name):
        if options.project in project.name:
            mine = [sample for sample in chosen if sample.project == project]
            found = judged(project, mine, baseline=not options.no_baseline)
            rows += found
            print("\n".join(map(shown, found)), flush=True)
    return summed(rows, time.monotonic() - begun)


def judged(project: Project, chosen: Sequence[Sample], *, baseline: bool) -> list[Row]:
    """Hostile tests are settled one by one, good ones together, and by themselves where others leave them nothing."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        _write(top, project.head)
        pytest_runner = _pytest_runner(top, project)
        evidence = measured(project, pytest_runner)
        reports = dict(
            zip(
                (sample.name for sample in chosen),
                screen([sample.candidate for sample in chosen], evidence, pytest_runner),
                strict=True,
            )
        )
        good = [sample.name for sample in chosen if sample.falls is None and reports[sample.name].stands]
        reports |= dict(zip(good, _settled([reports[name] for name in good], evidence, pytest_runner), strict=True))
        for sample in chosen:
            report = reports[sample.name]
            if (sample.falls is not None and report.stands) or report.stopped is Hurdle.ADDS:
                around = _with_bug(sample, evidence, pytest_runner)
                [reports[sample.name]] = _settled([replace(report, stopped=None)], around, pytest_runner)
        return [Row(sample, reports[sample.name], baseline and passes(sample, top)) for sample in chosen]


def _with_bug(sample: Sample, evidence: Evidence, pytest_runner: LocalPytestRunner) -> Evidence:
    """The evidence with the test that is reported as a possible bug beside this one."""
    if sample.beside is None:
        return evidence
    screened = screen([sample.beside], evidence, pytest_runner)
    return evidence.put(TEST_EVIDENCE, replace(known(evidence), screened=screened))


def _settled(
    reports: Sequence[CandidateReport], evidence: Evidence, pytest_runner: LocalPytestRunner
) -> list[CandidateReport]:
    """In the order in which they were given."""
    found = {report.candidate.key: report for report in settle(reports, evidence, pytest_runner).reports}
    return [found[report.candidate.key] for report in reports]


def measured(project: Project, pytest_runner: LocalPytestRunner) -> Evidence:
    """What the project's own tests execute and notice of the change."""
    before = {path: project.base.get(path, project.head[path]) for path in project.head}
    change = change_of(
        *((path, before[path], project.head[path]) for path in project.base),
        paths=project.head,
    )
    made = tuple(
        mutant
        for file in change.files
        for mutant in mutants(
            file.path, change.texts[file.path], [line.new for line in file.added if line.new is not None]
        )
    )
    [run] = pytest_runner.run([PytestRun("suite", measured=tuple(project.base), mutants=made, traced=True)])
    if not run.completed or run.failed:
        raise SystemExit(f"{project.name}: its own tests do not pass: {run.problem or run.failed}")
    suite = Suite(
        SuiteState.GREEN,
        command="python -m pytest",
        tests=len(run.tests),
        coverage=run.coverage,
        mutants=made,
        outcomes=run.mutants,
        seconds=run.seconds,
        sandbox=pytest_runner.sandbox,
    )
    modules = tuple(path for path in project.tests if not path.endswith("conftest.py"))
    return Evidence(Event(EventKind.PULL_REQUEST), change).put(
        TEST_EVIDENCE, TestEvidence(suite, modules=project.tests, paths=modules)
    )


def passes(sample: Sample, top: Path) -> bool:
    """Whether `python -m pytest FILE` ends with 0 on a copy of the project, all in a sandbox."""
    one = sample.candidate
    text = "\n".join([*one.imports, "", one.code])
    path = "tests/test_candidate.py"
    ran = LocalSandbox().run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path],
        top,
        limits=PLAIN,
        files={path: text.encode()},
        readable=_readable(),
    )
    return ran.exit_code == 0 and ran.stopped is None


def shown(row: Row) -> str:
    """A line of the matrix; what is not as the corpus says has an exclamation mark."""
    trial = "mended" if row.kept and row.mended else "kept" if row.kept else str(row.report.stopped or "not settled")
    mark = "!" if row.wrong else " "
    said = row.report.label.value if row.kept else row.report.reason
    plain = "passes" if row.plain else "–"
    return f"{mark}{row.sample.name:27}{row.sample.kind[:34]:36}{plain:8}{trial:12}{said[:160]}"


def summed(rows: Sequence[Row], seconds: float) -> int:
    """Print the counts."""
    hostile = [row for row in rows if row.sample.falls is not None]
    good = [row for row in rows if row.sample.falls is None]
    fell = Counter(str(row.report.stopped) for row in hostile if not row.kept)
    fell["mended"] = sum(row.kept and not row.wrong for row in hostile)
    print()
    print(f"hostile: {sum(row.kept and row.wrong for row in hostile)} of {len(hostile)} kept by our trial")
    print(f"         {sum(row.plain for row in hostile)} of {len(hostile)} kept by whoever keeps what passes")
    print(f"good:    {sum(row.kept for row in good)} of {len(good)} kept by our trial")
    print("fell at: " + ", ".join(f"{hurdle} {count}" for hurdle, count in fell.most_common()))
    later = [row.sample.name for row in hostile if not row.kept and _later(row)]
    if later:
        print(f"later than the corpus says: {', '.join(later)}")
    print(f"{seconds:.0f} seconds for all of it")
    return int(any(row.wrong for row in rows))


def _later(row: Row) -> bool:
    order = list(Hurdle)
    stopped, falls = row.report.stopped, row.sample.falls
    return stopped is not None and falls is not None and order.index(stopped) > order.index(falls)


def _pytest_runner(top: Path, project: Project) -> LocalPytestRunner:
    versions = {name: version(name) for name in ("pytest", "coverage", "hypothesis")}
    interpreter = Interpreter(sys.executable, ".".join(map(str, sys.version_info[:3])), versions)
    return LocalPytestRunner(
        top,
        Toolchain(interpreter, Path(sys.executable), readable=_readable()),
        LocalSandbox(),
        time.monotonic,
        MAX_ITEMS,
        base=project.base,
        limits=LIMITS,
        redact=str,
        style_checker=ContentStyler(),
    )


def _readable() -> tuple[Path, ...]:
    return (Path(sys.prefix), Path(sys.base_prefix).resolve())


def _write(top: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
