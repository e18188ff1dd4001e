import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.app.test_map_loader import NOTHING
from cicd_agent.cli.parser import parse
from cicd_agent.domain.ports.test_runner import (
    Ghostwritten,
    Interpreter,
    Observation,
    Probe,
    PytestRunner,
    PytestUnavailable,
)
from cicd_agent.domain.trials.test_run import Outcome, PytestRun, RunResult, TestOutcome, TestTrace
from cicd_agent.errors import ConfigError
from cicd_agent.settings.environment import Environment
from tests.support.repos import TempRepo
from tests.support.sessions import session_of

FILES = {
    "app.py": "def a():\n    return 1\n\n\ndef b():\n    return 2\n",
    "tests/test_app.py": """\
from app import a, b


def test_a():
    assert a() == 1


def test_b():
    assert b() == 2
""",
    "README.md": "Words.\n",
}
A, B = "tests/test_app.py::test_a", "tests/test_app.py::test_b"


class FakePytestRunner(PytestRunner):
    """Runs nothing: it tells what a run of the two tests above would."""

    def __init__(self, *, red: Sequence[str] = (), problem: str = "", version: str = "3.12.4") -> None:
        self.red, self.problem, self.version = red, problem, version
        self.runs: list[PytestRun] = []

    @property
    def interpreter(self) -> Interpreter:
        if not self.version:
            raise PytestUnavailable("there is no Python", remedy="Install one")
        return Interpreter("/usr/bin/python3", self.version, {})

    @property
    def seconds_left(self) -> float:
        return 100.0

    @property
    def sandbox(self) -> str:
        return "none"

    def without(self, tests: Sequence[str]) -> PytestRunner:
        raise NotImplementedError

    def with_loopback(self) -> PytestRunner | None:
        return None

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        raise AssertionError(probes)

    def ghostwrite(self, functions: Sequence[tuple[str, str]]) -> tuple[Ghostwritten, ...]:
        raise AssertionError(functions)

    def style(self, files: Mapping[str, str]) -> Mapping[str, str]:
        raise AssertionError(files)

    def formatted(self, files: Mapping[str, str]) -> Mapping[str, str]:
        raise AssertionError(files)

    def run(
        self, runs: Sequence[PytestRun], files: Mapping[str, str] | None = None, *, at_base: bool = False
    ) -> tuple[RunResult, ...]:
        assert not files
        assert not at_base
        self.runs += runs
        return tuple(self._result(each) for each in runs)

    def _result(self, asked: PytestRun) -> RunResult:
        if self.problem:
            return RunResult(asked.name, completed=False, problem=self.problem)
        outcome = {test: Outcome.FAILED if test in self.red else Outcome.PASSED for test in (A, B)}
        return RunResult(
            asked.name,
            completed=True,
            tests=tuple(TestOutcome(test, ended, 1.5) for test, ended in outcome.items()),
            traces=(
                TestTrace("", ("tests/test_app.py::", "app.py::")),
                TestTrace(A, ("tests/test_app.py::test_a", "app.py::a")),
                TestTrace(B, ("tests/test_app.py::test_b", "app.py::b")),
            )
            if asked.traced
            else (),
        )


class Site:
    def __init__(self, path: Path) -> None:
        self.repo = TempRepo(path)
        self.repo.commit(FILES)
        self.repo.branch("topic")
        self.pytest_runner: FakePytestRunner | None = FakePytestRunner()

    def ask(self, *arguments: str, variables: Mapping[str, str] | None = None) -> tuple[int, str, list[str]]:
        out, err = io.StringIO(), io.StringIO()
        invocation = parse(["affected-tests", "--repo-dir", str(self.repo.path), *arguments])
        environment = Environment.read({"PATH": self.repo.env["PATH"], **(variables or {})})
        session = session_of(invocation, environment, Streams(out, err))
        code = invocation.run(session, runners=lambda _: lambda _: self.pytest_runner)
        return code, out.getvalue(), [line.removeprefix("cicd-agent: ") for line in err.getvalue().splitlines()]

    def printed(self, *arguments: str) -> list[str]:
        code, out, _ = self.ask("--base", "main", *arguments)
        assert code == 0
        return out.splitlines()

    def change(self, old: str, new: str, name: str = "app.py") -> None:
        path = self.repo.path / name
        path.write_text(path.read_text().replace(old, new))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "repo")
    assert site.ask("--record")[0] == 0
    return site


def test_only_the_test_of_what_changed_is_printed(site: Site) -> None:
    site.change("return 2", "return 3")
    code, out, err = site.ask("--base", "main")
    assert (code, out) == (0, f"{B}\n")
    assert err == [f"{B}: app.py::b changed", "1 test to run, 1 test of the map not"]


def test_commits_and_uncommitted_work_count_together(site: Site) -> None:
    site.change("return 2", "return 3")
    site.repo.commit()
    site.change("return 1", "return 4")
    assert site.printed() == [A, B]
    assert site.printed("--head", "topic") == [B]


def test_where_no_test_has_to_run_pytest_is_told_so(site: Site) -> None:
    site.change("Words", "Other words", "README.md")
    code, out, err = site.ask("--base", "main")
    assert (code, out) == (0, f"{NOTHING}\n")
    assert err == [
        "not counted: README.md is documentation that no test opened",
        "no test to run, 2 tests of the map not",
    ]


def test_where_every_test_has_to_run_pytest_is_told_nothing(site: Site) -> None:
    site.repo.write("pyproject.toml", "")
    code, out, err = site.ask("--base", "main")
    assert (code, out) == (0, "")
    assert "every test runs: pyproject.toml: configuration" in err


def test_json_tells_what_and_why(site: Site) -> None:
    site.change("return 2", "return 3")
    found = json.loads("\n".join(site.printed("--format", "json")))
    assert found == {
        "version": 1,
        "tests": "affected",
        "select": [B],
        "run_all": [],
        "because": {B: "app.py::b changed"},
        "skipped": 1,
        "notes": [],
    }


def test_the_result_can_go_into_a_file(site: Site, tmp_path: Path) -> None:
    site.change("return 2", "return 3")
    assert site.printed("--out", str(tmp_path / "tests.txt")) == []
    assert (tmp_path / "tests.txt").read_text() == f"{B}\n"


def test_recording_again_writes_the_same_bytes(site: Site) -> None:
    place = site.repo.path / ".cicd-agent/test-map.json"
    before = place.read_bytes()
    code, out, err = site.ask("--record")
    assert (code, out, place.read_bytes()) == (0, "", before)
    assert err == [f"{place}: 2 tests of {site.repo.head[:12]}, 0 tests red, 0 tests that cannot be traced; 0.0 s"]
    assert site.repo.git("status", "--porcelain") == ""


def test_a_map_is_made_of_a_commit_alone(site: Site) -> None:
    site.change("return 2", "return 3")
    with pytest.raises(ConfigError, match=r"made of a commit \(uncommitted: app.py\)"):
        site.ask("--record")


@pytest.mark.parametrize("problem", ["pytest was patched", "it took too long"])
def test_a_run_that_did_not_end_makes_no_map(tmp_path: Path, problem: str) -> None:
    site = Site(tmp_path / "repo")
    site.pytest_runner = FakePytestRunner(problem=problem)
    with pytest.raises(ConfigError, match=problem):
        site.ask("--record")
    assert not (site.repo.path / ".cicd-agent").exists()


def test_red_tests_are_in_the_map_and_always_run(tmp_path: Path) -> None:
    site = Site(tmp_path / "repo")
    site.pytest_runner = FakePytestRunner(red=[A])
    site.ask("--record")
    site.change("return 2", "return 3")
    assert site.printed() == [A, B]


def test_the_shadow_tells_what_would_have_been_missed(site: Site) -> None:
    site.change("return 2", "return 3")
    site.pytest_runner = FakePytestRunner(red=[A])
    code, out, _ = site.ask("--base", "main", "--shadow")
    words = f"would have run 1 of 2 tests, would have skipped 1 (1.5 s of 3.0 s), would have missed: {A}\n"
    assert (code, out) == (0, words)
    site.pytest_runner = FakePytestRunner(red=[B])
    assert json.loads(site.ask("--base", "main", "--shadow", "--format", "json")[1])["shadow"]["missed"] == []


def test_each_shadow_run_adds_to_the_proof_that_lies_beside_the_map(site: Site) -> None:
    place = site.repo.path / ".cicd-agent/test-map.proof.json"
    place.write_bytes(b"[")
    site.change("return 2", "return 3")
    _, _, err = site.ask("--base", "main", "--shadow")
    assert any(line.startswith("the proof of the test map cannot be used (") for line in err)
    assert err[-1] == "1 of 20 shadow runs without a miss"
    site.change("return 3", "return 4")
    site.pytest_runner = FakePytestRunner(red=[A])
    site.ask("--base", "main", "--shadow")
    records = json.loads(place.read_text())["records"]
    assert [(each["commit"], each["tests"], each["skipped"], each["missed"]) for each in records] == [
        (site.repo.head, 2, 1, []),
        (site.repo.head, 2, 1, [A]),
    ]


def test_a_shadow_run_in_which_everything_would_have_run_proves_nothing(site: Site) -> None:
    site.repo.write("pyproject.toml", "")
    site.ask("--base", "main", "--shadow")
    assert not (site.repo.path / ".cicd-agent/test-map.proof.json").exists()


def test_without_a_map_every_test_runs(site: Site) -> None:
    (site.repo.path / ".cicd-agent/test-map.json").unlink()
    code, out, err = site.ask("--base", "main")
    assert (code, out) == (0, "")
    assert "make it with `affected-tests --record`" in err[0]
    assert err[1] == "every test runs: there is no test map yet"


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff\x00", b"[" * 100_000, b'{"version": 2}', b"null"])
def test_a_map_that_is_none_makes_every_test_run(site: Site, text: bytes) -> None:
    (site.repo.path / ".cicd-agent/test-map.json").write_bytes(text)
    code, out, err = site.ask("--base", "main")
    assert (code, out) == (0, "")
    assert err[0].startswith("the test map cannot be used (")


@pytest.mark.parametrize("link", [False, True])
def test_a_map_that_the_change_brings_is_not_believed(site: Site, *, link: bool) -> None:
    folder = site.repo.path / ".cicd-agent"
    (folder / ".gitignore").unlink()
    if link:
        folder.rename(site.repo.path / "mine")
        folder.symlink_to("mine")
    site.repo.commit()
    site.change("return 2", "return 3")
    code, out, err = site.ask("--base", "main")
    assert (code, out) == (0, "")
    assert "which a change can bring" in err[0]


@pytest.mark.parametrize("pytest_runner", [None, FakePytestRunner(version=""), FakePytestRunner(version="3.13.0")])
def test_another_python_or_none_makes_every_test_run(site: Site, pytest_runner: FakePytestRunner | None) -> None:
    site.pytest_runner = pytest_runner
    code, out, err = site.ask("--base", "main")
    assert (code, out) == (0, "")
    assert "made with Python 3.12.4" in err[-1]


def test_a_map_of_what_the_base_does_not_have_is_not_used(site: Site) -> None:
    site.change("return 2", "return 3")
    site.repo.commit()
    site.ask("--record")
    code, out, err = site.ask("--base", "main")
    assert (code, out) == (0, "")
    assert re.search("made at [0-9a-f]{12}, which the base does not have", err[0])


def test_an_older_map_counts_what_the_base_has_got_since(site: Site) -> None:
    site.repo.switch("main")
    site.change("return 1", "return 4")
    site.repo.commit()
    site.repo.branch("later")
    site.change("return 2", "return 3")
    assert site.printed() == [A, B]


def test_a_map_of_another_branch_is_not_used(site: Site) -> None:
    site.repo.switch("main")
    site.repo.commit({"app.py": "X = 1\n"})
    site.ask("--record")
    site.repo.switch("topic")
    code, out, err = site.ask("--base", "main")
    assert (code, out) == (0, "")
    assert "which this commit does not come from" in err[0]


def test_the_map_can_lie_elsewhere(site: Site, tmp_path: Path) -> None:
    site.change("return 2", "return 3")
    assert site.printed("--map", str(tmp_path / "none.json")) == []
    kept = tmp_path / "kept"
    kept.mkdir()
    (site.repo.path / ".cicd-agent/test-map.json").rename(kept / "test-map.json")
    assert site.printed("--input", f"cache-dir={kept}") == [B]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to compare with"),
        (("--record", "--base", "main"), "--record makes the map of what is checked out"),
        (("--base", "main", "--head", "topic", "--shadow"), "--shadow runs what is checked out"),
        (("--base", "nowhere"), "no commit called `nowhere`"),
    ],
)
def test_wrong_options_are_one_line(site: Site, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        site.ask(*arguments)
    assert str(raised.value).count("\n") == 0


def test_the_command_is_there_and_leaves_no_test_out_unless_it_knows(site: Site) -> None:
    out, err = io.StringIO(), io.StringIO()
    variables: dict[str, Any] = {"PATH": site.repo.env["PATH"]}
    asked = parse(["affected-tests", "--repo-dir", str(site.repo.path), "--base", "main"])
    assert run(asked, variables, Streams(out, err)) == 0
    assert out.getvalue() == ""
    assert "every test runs: " in err.getvalue()
