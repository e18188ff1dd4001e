import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.risk.assessment import Floor, assess
from cicd_agent.analysis.risk.features import features
from cicd_agent.analysis.risk.model import SHIPPED_THRESHOLDS
from cicd_agent.domain.repository.change import Change, ChangeSource, Commit
from cicd_agent.domain.repository.diff import ChangeKind, DiffLine, FileDiff, Hunk, LineKind
from cicd_agent.domain.verdict import Reason, Risk, RiskLevel


def file(path: str, added: int = 0, deleted: int = 0, *, attributes: tuple[str, ...] = (), mode: str = "") -> FileDiff:
    lines = [DiffLine(LineKind.DELETED, number, None, f"old_{number}()") for number in range(1, deleted + 1)]
    lines += [DiffLine(LineKind.ADDED, None, number, f"new_{number}()") for number in range(1, added + 1)]
    hunks = (Hunk(1, deleted, 1, added, "", tuple(lines)),) if lines else ()
    return FileDiff(path, path, ChangeKind.MODIFIED, hunks, mode, mode, attributes=attributes)


def change(*files: FileDiff, subjects: tuple[str, ...] = ()) -> Change:
    commits = tuple(Commit(f"{number:040x}", subject) for number, subject in enumerate(subjects))
    return Change("b" * 40, "h" * 40, ChangeSource.GIT, files, commits)


def test_nothing_changed_is_low_and_zero() -> None:
    assert assess(change()) == Risk(RiskLevel.LOW, 0)


def test_the_features_are_the_shape_of_the_change() -> None:
    shape = features(
        change(file("src/app/a.py", 3, 1), file("src/b.py", 4), file("setup.py"), subjects=("Fix a leak",))
    )
    measures = shape.measures
    assert (measures.files, measures.directories, measures.subsystems) == (3, 3, 2)
    assert (measures.added, measures.deleted, measures.is_fix) == (7, 1, True)
    assert measures.entropy == pytest.approx(1.0)
    assert (shape.documentation_only, shape.comment_only) == (False, False)


def test_a_one_line_change_is_low_and_a_sweeping_one_is_critical() -> None:
    assert assess(change(file("src/a.py", 1, 1))).level is RiskLevel.LOW
    sweeping = change(*(file(f"src/a{number}.py", 300, 100) for number in range(12)), subjects=("Fix everything",))
    assert assess(sweeping).level is RiskLevel.CRITICAL


def test_each_reason_names_its_points_most_first() -> None:
    assert assess(change(file("src/a.py", 60, 5), file("lib/b.py", 20), subjects=("fix: leak",))).reasons == (
        Reason("80 lines added", 45),
        Reason("its commits say that it repairs something", 6),
        Reason("spread over 2 files in 2 top-level directories", 3),
        Reason("5 lines deleted", 2),
    )


@pytest.mark.parametrize(
    "uncounted",
    [
        file("poetry.lock", 4_000),
        file("vendor/lib.js", 4_000),
        file("src/api_pb2.py", 4_000),
        file("README.md", 4_000),
        file("src/table.py", 4_000, attributes=("linguist-generated",)),
    ],
    ids=lambda uncounted: str(uncounted.path),
)
def test_lines_that_nobody_writes_by_hand_count_as_a_file_only(uncounted: FileDiff) -> None:
    shape = features(change(file("src/a.py", 5), uncounted)).measures
    assert (shape.files, shape.added, shape.entropy) == (2, 5, 0.0)


@pytest.mark.parametrize(
    ("subjects", "is_fix"),
    [
        (("fix(parser): accept empty input",), True),
        (("Fixes #12: wrong total",), True),
        (("Bugfix for the login page",), True),
        (("Add a hotfix script", "Fix the race", "Merge branch 'main'"), True),
        (("Add feature", "Fix lint", "Use it"), False),
        (("Add feature", "Fix the race"), False),
        (("Fix typo in docs",), False),
        (("Add fixtures for the prefix tree",), False),
        (("Use fixed-width columns",), False),
        (("Add a bug-report template",), False),
        (("fix(deps): update dependency requests to v2.32.4",), False),
        (("fix(deps-dev): bump vite",), False),
        (("chore(deps): bump ws from 8.1 to 8.2 to fix a bug",), False),
        (("build(deps): bump the npm group with 2 bug fixes",), False),
        (("fix: upgrade lodash from 4.17.20 to 4.17.21",), False),
        (("fix: package.json & package-lock.json to reduce vulnerabilities",), False),
        (("[Snyk] Security upgrade axios from 0.21 to 1.6: bugfix",), False),
        (("fix(package): update eslint to version 5.0.0",), False),
        (("Update dependency bugsnag to v8",), False),
        (("fix(dependency-injection): close the scope",), True),
        (("fix: update the total when a line is removed",), True),
        (("Fix update from an empty list",), True),
        (("fix: replace items in place",), True),
        (("fix(upgrade): keep settings",), True),
        ((), False),
    ],
)
def test_a_change_is_a_fix_when_most_of_its_commits_repair_something(subjects: tuple[str, ...], is_fix: bool) -> None:  # noqa: FBT001  a table of cases
    assert features(change(file("a.py", 1), subjects=subjects)).measures.is_fix is is_fix


def test_documentation_is_low_however_long() -> None:
    risk = assess(change(*(file(f"docs/{number}/page.md", 900) for number in range(300)), subjects=("Fix all pages",)))
    assert risk.level is RiskLevel.LOW
    assert "documentation only: nothing that runs has changed" in [reason.text for reason in risk.reasons]


def test_comments_only_is_low_however_long() -> None:
    many = FileDiff(
        "src/a.ts",
        "src/a.ts",
        ChangeKind.MODIFIED,
        (Hunk(1, 0, 1, 900, "", tuple(DiffLine(LineKind.ADDED, None, n, "// why") for n in range(1, 901))),),
    )
    risk = assess(change(many, file("README.md", 1)))
    assert risk.level is RiskLevel.LOW
    assert "comments only: nothing that runs has changed" in [reason.text for reason in risk.reasons]
    assert sum(reason.points for reason in risk.reasons) == risk.score


def test_an_executable_among_the_documents_is_not_documentation() -> None:
    assert not features(change(file("docs/README", 1, mode="100755"))).documentation_only


def test_a_secret_in_a_readme_still_sets_a_floor() -> None:
    risk = assess(change(file("README.md", 1)), [Floor(RiskLevel.CRITICAL, "a secret is committed")])
    assert (risk.level, risk.score) == (RiskLevel.CRITICAL, SHIPPED_THRESHOLDS[2])
    assert (risk.reasons[0].text, risk.reasons[0].points) == ("a secret is committed", SHIPPED_THRESHOLDS[2])


def test_every_floor_is_named_but_only_what_it_adds_is_counted() -> None:
    floors = [
        Floor(RiskLevel.MEDIUM, "touches a dependency manifest"),
        Floor(RiskLevel.HIGH, "drops a column"),
        Floor(RiskLevel.HIGH, "drops a column"),
    ]
    risk = assess(change(file("src/a.py", 1)), floors)
    assert (risk.level, risk.score) == (RiskLevel.HIGH, SHIPPED_THRESHOLDS[1])
    assert [(reason.text, reason.points) for reason in risk.reasons] == [
        ("drops a column", 41),
        ("1 line added", 10),
        ("touches a dependency manifest", 0),
    ]


PATHS = st.sampled_from(["a.py", "src/b.py", "src/deep/c.js", "lib/d.go", "README.md", "tests/test_e.py", "x.lock"])
FILES = st.lists(
    st.builds(file, PATHS, st.integers(0, 80), st.integers(0, 80)), max_size=6, unique_by=lambda one: one.path
)
FLOORS = st.lists(st.builds(Floor, st.sampled_from(RiskLevel), st.sampled_from(["one", "two", "three"])), max_size=4)
SUBJECTS = st.lists(st.sampled_from(["Fix it", "Add it", "Merge x"]), max_size=3).map(tuple)


@settings(max_examples=200, deadline=None)
@given(FILES, FLOORS, SUBJECTS)
def test_the_points_add_up_and_every_floor_holds(
    files: list[FileDiff], floors: list[Floor], subjects: tuple[str, ...]
) -> None:
    risk = assess(change(*files, subjects=subjects), floors)
    assert 0 <= risk.score <= 100
    assert sum(reason.points for reason in risk.reasons) == risk.score
    assert all(risk.level.rank >= floor.level.rank for floor in floors)
    points = [reason.points for reason in risk.reasons]
    assert points == sorted(points, reverse=True)


@settings(max_examples=200, deadline=None)
@given(FILES.filter(len), st.data())
def test_more_added_lines_never_lower_the_score(files: list[FileDiff], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(files) - 1))
    more = data.draw(st.integers(1, 2_000))
    chosen = files[index]
    grown = file(chosen.path, sum(1 for _ in chosen.added) + more, sum(1 for _ in chosen.deleted))
    assert assess(change(*files[:index], grown, *files[index + 1 :])).score >= assess(change(*files)).score
