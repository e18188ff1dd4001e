"""Lines of findings are followed through real commits: moved, renamed, reverted, rebased, fetched, or asked for."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.ports.feedback import Discussed, PullEnd
from cicd_agent.domain.repository.diff import Side
from cicd_agent.errors import ForgeRefused
from cicd_agent.insights.accuracy.decisions import ReportedFinding
from cicd_agent.insights.accuracy.deployment_outcome import OutcomeSources
from cicd_agent.insights.accuracy.line_tracker import MAX_REQUESTED, LaterState, LineFate, LineTracker
from tests.support.repos import TempRepo

ENV = {"PATH": os.environ["PATH"]}
LINES = [f"value_{number} = compute({number})" for number in range(12)]
TEXT = "\n".join(LINES) + "\n"
FIXED = TEXT.replace("compute(5)", "safely(5)")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> TempRepo:
    repo = TempRepo(tmp_path_factory.mktemp("repo") / "r")
    repo.commit({"README": "hello\n", "other.py": "other = 1\n"})
    repo.branch("reviewed")
    repo.commit({"a.py": TEXT})
    return repo


Grow = Callable[..., LaterState]


@pytest.fixture
def became(repo: TempRepo) -> Grow:
    def grow(*steps: dict[str, str | None], told: ReportedFinding | None = None) -> LaterState:
        """What became of the sixth line of a.py after further commits; None takes a file away."""
        repo.git("checkout", "--quiet", "--detach", "reviewed")
        reviewed = repo.head
        for files in steps:
            for name in [name for name, text in files.items() if text is None]:
                repo.git("rm", "--quiet", name)
            repo.commit({name: text for name, text in files.items() if text is not None})
        asked = replace(told or ReportedFinding("o/r", 5, "", 1, "f", "a.py", 6, 6), sha=reviewed)
        comparing = LineTracker(OutcomeSources(GitRepository(repo.path, ENV)))
        return comparing.state_of(asked, Discussed(5, PullEnd.MERGED, repo.head, 2))

    return grow


@pytest.mark.parametrize(
    ("steps", "fate"),
    [
        ([], LineFate.SAME),
        ([{"other.py": "other = 2\n"}], LineFate.SAME),
        ([{"a.py": FIXED}], LineFate.CHANGED),
        ([{"a.py": FIXED}, {"a.py": TEXT}], LineFate.SAME),
        ([{"a.py": TEXT.replace("compute(5)", "compute( 5 )")}], LineFate.SAME),
        ([{"a.py": "import os\n\n" + TEXT}], LineFate.SAME),
        ([{"a.py": None, "b.py": TEXT}], LineFate.SAME),
        ([{"a.py": None, "b.py": FIXED}], LineFate.CHANGED),
        ([{"a.py": TEXT.replace(f"{LINES[5]}\n", ""), "other.py": f"other = 1\n{LINES[5]}\n"}], LineFate.BESIDE),
        ([{"a.py": None, "other.py": f"def all():\n    {LINES[5]}\n"}], LineFate.BESIDE),
        ([{"a.py": "\n".join(f"new_{number} = {number}" for number in range(20))}], LineFate.REWRITTEN),
        ([{"a.py": "\0binary"}], LineFate.UNKNOWN),
    ],
    ids=[
        "nothing",
        "another file",
        "fixed",
        "reverted again",
        "blanks",
        "moved down",
        "renamed",
        "renamed and fixed",
        "moved to another file",
        "file deleted, line moved",
        "rewritten",
        "binary",
    ],
)
def test_what_became_of_a_line(became: Grow, steps: list[dict[str, str | None]], fate: LineFate) -> None:
    found = became(*steps)
    assert (found.fate, found.gone) == (fate, False)


def test_a_file_that_is_gone_is_said_to_be(became: Grow) -> None:
    assert became({"a.py": None}) == LaterState(LineFate.CHANGED, gone=True, detail="the file was deleted")


def test_a_suggestion_that_was_committed_is_known_by_its_text(became: Grow) -> None:
    told = ReportedFinding("o/r", 5, "", 1, "f", "a.py", 6, 6, suggestion="value_5 = safely(5)\n")
    assert became({"a.py": FIXED}, told=told).suggestion
    assert became({"a.py": None, "b.py": FIXED}, told=told).suggestion
    assert not became({"a.py": TEXT.replace("compute(5)", "quickly(5)")}, told=told).suggestion
    assert not became(told=told).suggestion


def test_deleted_lines_that_are_back_are_restored(became: Grow) -> None:
    told = ReportedFinding("o/r", 5, "", 1, "f", "a.py", 3, 3, Side.LEFT, quote="guard_against(everything)")
    assert became({"a.py": f"{TEXT}guard_against(everything)\n"}, told=told).restored
    assert became({"a.py": FIXED}, told=told) == LaterState()


@pytest.mark.parametrize(
    "told",
    [
        ReportedFinding("o/r", 5, "", 1, "f", "../../etc/passwd", 1, 1),
        ReportedFinding("o/r", 5, "", 1, "f", "/etc/passwd", 1, 1),
        ReportedFinding("o/r", 5, "", 1, "f", "none.py", 1, 1),
        ReportedFinding("o/r", 5, "", 1, "f", "--help", 1, 1),
        ReportedFinding("o/r", 5, "", 1, "f", "a.py", 900, 901),
        ReportedFinding("o/r", 5, "", 1, "f", "a.py", 0, 0),
        ReportedFinding("o/r", 5, "", 1, "f", "a.py", 1, 1, Side.LEFT),
    ],
)
def test_places_that_are_none_are_not_known(became: Grow, told: ReportedFinding) -> None:
    assert became({"a.py": FIXED}, told=told).fate is LineFate.UNKNOWN


def test_a_commit_that_is_none_is_not_asked_for(repo: TempRepo) -> None:
    comparing = LineTracker(OutcomeSources(GitRepository(repo.path, ENV), fetch=lambda _: pytest.fail("fetched")))
    told = ReportedFinding("o/r", 5, "--upload-pack=x", 1, "f", "a.py", 6, 6)
    assert comparing.state_of(told, Discussed(5, PullEnd.OPEN, repo.head, 2)).fate is LineFate.UNKNOWN
    assert comparing.missed == {"the finding names no commit or no file": 1}


def test_commits_that_the_clone_lacks_are_fetched_once(tmp_path: Path, repo: TempRepo) -> None:
    repo.git("checkout", "--quiet", "--detach", "reviewed")
    reviewed, fixed = repo.head, repo.commit({"a.py": FIXED})
    repo.branch("kept")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    repo.git("clone", "--quiet", "--single-branch", "--branch=main", repo.path.as_uri(), str(tmp_path / "clone"))
    repository = GitRepository(tmp_path / "clone", ENV)
    asked: list[tuple[str, ...]] = []

    def fetch(shas: Sequence[str]) -> str:
        asked.append(tuple(shas))
        return repository.ensure(asked[-1])

    comparing = LineTracker(OutcomeSources(repository, fetch=fetch))
    pull = Discussed(5, PullEnd.MERGED, fixed, 2)
    told = ReportedFinding("o/r", 5, reviewed, 1, "f", "a.py", 6, 6)
    assert comparing.state_of(told, pull).fate is LineFate.CHANGED
    assert comparing.state_of(replace(told, first=1, last=1), pull).fate is LineFate.SAME
    gone = replace(told, sha="9" * 40)
    assert [comparing.state_of(gone, pull).fate for _ in range(3)] == [LineFate.UNKNOWN] * 3
    assert len(asked) == 2


def test_without_the_commits_github_is_asked_for_files_and_not_for_more_than_a_few() -> None:
    texts = {("a" * 40, "a.py"): TEXT, ("b" * 40, "a.py"): FIXED}
    asked: list[tuple[str, str]] = []

    def text_at(path: str, sha: str) -> str | None:
        asked.append((sha, path))
        return texts.get((sha, path))

    comparing = LineTracker(OutcomeSources(text_at=text_at))
    pull = Discussed(5, PullEnd.MERGED, "b" * 40, 2)
    told = ReportedFinding("o/r", 5, "a" * 40, 1, "f", "a.py", 6, 6)
    assert comparing.state_of(told, pull).fate is LineFate.CHANGED
    assert comparing.state_of(replace(told, first=1, last=1), pull).fate is LineFate.SAME
    assert len(asked) == 2
    for number in range(MAX_REQUESTED + 50):
        comparing.state_of(replace(told, path=f"{number}.py"), pull)
    assert len(asked) == MAX_REQUESTED
    assert any("were asked of GitHub" in why for why in comparing.missed)


def test_a_refusal_of_github_is_a_limit() -> None:
    def text_at(_path: str, _sha: str) -> str | None:
        raise ForgeRefused("GitHub refused")

    comparing = LineTracker(OutcomeSources(text_at=text_at))
    found = comparing.state_of(
        ReportedFinding("o/r", 5, "a" * 40, 1, "f", "a.py", 6, 6), Discussed(5, PullEnd.OPEN, "b" * 40, 2)
    )
    assert found.fate is LineFate.UNKNOWN
    assert "GitHub refused." in comparing.missed
