"""Which files of a run's artifacts are reports, and what they say failed: each failing case once, whatever wrote it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from posixpath import basename

from cicd_agent.analysis.test_reports.cases import Case
from cicd_agent.analysis.test_reports.detection import read_report
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.text.redaction import mask
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count

_STEMS = (
    "junit", "xunit", "test-result", "test_result", "testresult", "test-report", "test_report", "testreport", "pytest",
    "rspec", "phpunit", "ctest", "gotestsum", "nextest", "go-test", "gotest", "jest", "vitest",
)  # fmt: skip
PATTERNS: tuple[str, ...] = (
    "TEST-*.xml", "TESTS-*.xml", "test.xml", "tests.xml", "test_detail.xml", "report*.xml", "*[-_.]report.xml",
    "results*.xml", "*-results.xml", "*.trx", ".report.json", "report.json", "results.json",
    *(f"*{stem}*.{suffix}" for stem in _STEMS for suffix in ("xml", "json")),
)  # fmt: skip
"""Names of files that may be reports of tests, without their folders and compared without regard to case."""

MAX_FAILING = 500
_MAX_FILES = 5_000
_MAX_BYTES = 200_000_000
_MAX_GAPS = 50
_MAX_ALSO = 20
_MAX_NAME = 300

# JUnit is one word, TestResults are two.
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_REPORTS = re.compile(
    r"(?i)(?<![a-z])(?:junit|xunit|trx|surefire|failsafe|pytest|rspec|phpunit|jest|vitest|nextest|gotestsum|ctest|gtest|"
    r"(?:test)?(?:results?|reports?))(?![a-z])"
)
# What distinguishes the siblings of a matrix in the names of their reports.
_OF_THE_MATRIX = re.compile(r"[0-9a-f]{7,40}|\d+(?:\.\d+)*|ubuntu|windows|macos|linux|latest|x64|arm64")


def is_report_artifact(artifact_name: str) -> bool:
    name = artifact_name[:_MAX_NAME]
    return _REPORTS.search(f"{name} {_HUMP.sub(' ', name)}") is not None


def failing(files: Mapping[str, bytes]) -> tuple[tuple[Case, ...], tuple[Gap, ...]]:
    """The cases that failed, then those that failed and passed in one run, and what could not be read.

    `files` are contents by path. A case that failed in several jobs of a matrix is one, and names the others' reports.
    """
    result: dict[tuple[str, str, str, int], Case] = {}
    gaps: list[Gap] = []
    for name, data in _readable(files, gaps):
        report = read_report(name, data)
        gaps += [Gap(name, note) for note in report.notes]
        # Runs of one parameterised test may share a name: the first of one report is the first of the next.
        times: Counter[tuple[str, str]] = Counter()
        for case in report.cases:
            if case.failed or case.flaked:
                times[case.suite, case.name] += 1
                # What the reports of a matrix's jobs have in common is the file's name without what differs.
                family = _OF_THE_MATRIX.sub("#", basename(name).lower())
                key = (case.suite, case.name, family, times[case.suite, case.name])
                result[key] = _merged(result[key], case) if key in result else case
    ranked = sorted(result.values(), key=lambda case: not case.failed)
    if len(ranked) > MAX_FAILING:
        missing = count(len(ranked) - MAX_FAILING, "failing case")
        gaps.append(Gap("test reports", f"{missing} beyond the first {MAX_FAILING} were left out"))
    return tuple(map(_masked, ranked[:MAX_FAILING])), _shortened(gaps)


def _masked(case: Case) -> Case:
    name, suite, message, detail = map(mask, (case.name, case.suite, case.message, case.detail))
    return replace(case, name=name, suite=suite, message=message, detail=detail)


def _readable(files: Mapping[str, bytes], gaps: list[Gap]) -> Iterator[tuple[str, bytes]]:
    """As many files as are read of one run, in the order of their names, which come as they may be shown."""
    bytes_left = _MAX_BYTES
    for index, name in enumerate(sorted(files)):
        bytes_left -= len(files[name])
        if index >= _MAX_FILES or bytes_left < 0:
            missing = count(len(files) - index, "file")
            gaps.append(Gap("test reports", f"{missing} beyond the first {index:,} were not read: they are too much"))
            return
        yield clip(visible_line(name[:_MAX_NAME]), _MAX_NAME), files[name]


def _merged(first: Case, other: Case) -> Case:
    chosen, left = (first, other) if first.failed or not other.failed else (other, first)
    sources = dict.fromkeys([*first.also, *other.also, left.source])
    sources.pop(chosen.source, None)
    return replace(chosen, flaked=first.flaked or other.flaked, also=tuple(sources)[:_MAX_ALSO])


def _shortened(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    rest = Counter(gap.why for gap in gaps[_MAX_GAPS:])
    reasons = [Gap("test reports", f"{count(number, 'more file')}: {reason}") for reason, number in rest.most_common()]
    return (*gaps[:_MAX_GAPS], *reasons[:_MAX_GAPS])
