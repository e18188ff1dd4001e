"""Source that no rule has read is named, and keeps the risk from being low; what nobody runs is not called source."""

import pytest

from cicd_agent.analysis.risk.assessment import assess
from cicd_agent.analysis.rules.coverage import describe, floors_of, unanalysed
from cicd_agent.analysis.rules.run import findings, ruled
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.verdict import RiskLevel
from tests.support.samples.changes import change_of


def unread(path: str, omitted: str = "binary", mode: str = "100644", kind: ChangeKind = ChangeKind.ADDED) -> FileDiff:
    modes = ("", mode) if kind is ChangeKind.ADDED else (mode, mode)
    return FileDiff(path, path, kind, (), *modes, binary=omitted == "binary", omitted=omitted)


def change(*files: FileDiff, **fields: object) -> Change:
    return Change("b" * 40, "h" * 40, ChangeSource.GIT, files, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "file",
    [
        unread("deploy.sh"),
        unread("src/app.py", "too large"),
        unread("src/app.py", "truncated"),
        unread("web/index.ts", "no patch from the API", mode=""),
        unread("Makefile"),
        unread("Dockerfile"),
        unread(".github/workflows/ci.yml", "too large"),
        unread("package.json", "too large"),
        unread("db/migrations/0002_drop.sql"),
        unread("bin/tool", mode="100755"),
        unread("gradle/wrapper/gradle-wrapper.jar"),
        unread("native/lib.so.1"),
        unread("vendor/lib/evil.js"),
        unread("third_party/run.py", "too large"),
        unread("tests/run.sh", mode="100755"),
        unread("tests/conftest.py", "too large"),
        unread("tool", "no patch from the API", mode=""),
        unread("deploy.sh", kind=ChangeKind.MODIFIED),
    ],
)
def test_source_that_was_not_read_is_never_low(file: FileDiff) -> None:
    it = change(file)
    (gap,) = unanalysed(it)
    assert gap.what == file.path
    assert gap.why == ("binary content" if file.binary else file.omitted)
    risk = assess(it, floors_of((gap,)))
    assert risk.level is RiskLevel.HIGH
    assert any(f"`{file.path}`" in reason.text for reason in risk.reasons)


@pytest.mark.parametrize(
    "file",
    [
        unread("logo.png"),
        unread("logo.png", mode="100755"),
        unread("docs/manual.pdf"),
        unread("data/prices.parquet"),
        unread("data/prices.csv", "too large"),
        unread("package-lock.json", "too large"),
        unread("poetry.lock", "no patch from the API", mode=""),
        unread("tests/data/latin1.py"),
        unread("tests/fixtures/sample.whl"),
        unread("internal/testdata/chart-0.1.0.tgz", mode="100755"),
        unread("examples/shot.exe"),
        unread("weights.bin"),
        unread("deploy.sh", kind=ChangeKind.DELETED),
        FileDiff("deploy.sh", "old.sh", ChangeKind.RENAMED, (), "100755", "100755"),
        FileDiff("deploy.sh", "deploy.sh", ChangeKind.MODIFIED, (), "100644", "100755"),
        FileDiff("lib", "lib", ChangeKind.MODIFIED, (), "160000", "160000", omitted="binary"),
    ],
)
def test_what_nobody_runs_and_what_was_read_is_no_gap(file: FileDiff) -> None:
    assert unanalysed(change(file)) == ()


def test_a_binary_fixture_that_another_changed_file_names_is_source() -> None:
    file = unread("tests/data/payload.py")
    assert unanalysed(change(file, texts={"tests/conftest.py": "import payload\n"}))
    assert unanalysed(change(file, texts={"run.sh": "python tests/data/payload.py\n"}))
    assert not unanalysed(change(file, texts={"run.sh": "echo done\n"}))


def test_a_team_may_say_on_its_base_branch_what_need_not_be_read() -> None:
    it = change(unread("gradle/wrapper/gradle-wrapper.jar"))
    assert unanalysed(it, ["gradle/wrapper/*.jar"]) == ()
    assert unanalysed(it, ["*.png"])


def test_files_that_may_be_missing_altogether_are_a_gap_that_no_pattern_hides() -> None:
    it = change(incomplete="the API lists the first 3,000 files")
    assert unanalysed(it, ["*"]) == (Gap("", "the API lists the first 3,000 files"),)


def test_few_files_are_named_and_the_rest_is_counted() -> None:
    gaps = tuple(Gap(f"{name}.sh", "binary content") for name in "abcde")
    assert describe(gaps[:1]) == "`a.sh` (binary content)"
    assert describe(gaps).endswith("`c.sh` (binary content) and 2 more files")


@pytest.mark.parametrize(
    ("file", "severity"),
    [
        (unread("deploy.sh"), Severity.HIGH),
        (unread("tests/run.sh", mode="100755"), Severity.HIGH),
        (unread("tests/data/latin1.py"), Severity.LOW),
        (unread("internal/testdata/chart-0.1.0.tgz", mode="100755"), None),
        (unread("logo.png"), None),
        (unread("weights.bin"), None),
        (unread("src/app.py", "too large"), None),
        (unread("deploy.sh", kind=ChangeKind.DELETED), None),
    ],
)
def test_binary_content_under_the_name_of_source_is_a_finding(file: FileDiff, severity: Severity | None) -> None:
    found = {each.severity for each in findings(change(file)) if each.id == "binary-source"}
    assert found == ({severity} if severity else set())


def test_a_python_file_without_a_tree_keeps_the_risk_from_being_low_and_is_named() -> None:
    draft = ruled(change_of(("src/app.py", None, "def f(:\n"), ("tests/bad.py", None, "def f(:\n")))
    (area,) = draft.areas
    assert (area.floor, area.paths) == (RiskLevel.MEDIUM, ("src/app.py",))
    assert "`src/app.py` (does not parse as Python" in area.reason
    assert ruled(change_of(("src/app.py", None, "X = 5\n"))).areas == ()


def test_a_submodule_that_moves_is_named_and_not_low() -> None:
    moved = FileDiff("lib", "lib", ChangeKind.MODIFIED, (), "160000", "160000")
    (area,) = ruled(change(moved)).areas
    assert (area.floor, area.reason) == (RiskLevel.MEDIUM, "moves 1 submodule, whose content was not looked at")


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ("#!/bin/sh\nmake\n", "#!/tmp/sh\nmake\n", True),
        ("make\n", "#!/tmp/sh\nmake\n", True),
        ("#!/bin/sh\nmake\n", "make\n", True),
        ("#!/bin/sh\nmake\n", "#!/bin/sh\nmake all\n", False),
        (None, "#!/bin/sh\nmake\n", False),
    ],
)
def test_a_change_of_the_program_that_runs_a_script_is_not_low(
    before: str | None, after: str, *, changes: bool
) -> None:
    areas = ruled(change_of(("deploy.sh", before, after))).areas
    assert [(area.floor, area.reason) for area in areas] == (
        [(RiskLevel.MEDIUM, "changes the program that runs 1 script")] if changes else []
    )
    assert ruled(change_of(("tests/run.sh", before, after))).areas == ()
