"""A whole run with a model: what is kept, sent back, or may be a mistake; the run after it, and its replay."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cicd_agent.modes.gen_tests.mode import MODE as GEN_TESTS
from tests.support.jobs.gen_tests import BEFORE, GeneratingJob, author
from tests.support.jobs.pull_request import Left
from tests.support.repos import TempRepo
from tests.support.servers.openai.app import OpenAIServer


@dataclass(frozen=True)
class Whole:
    """Two runs on the same commit with one `cache-dir`: what each left, and the files of both by name.

    `said` is the last message of each request; in the second run nobody listened.
    """

    job: GeneratingJob
    first: Left
    second: Left
    files: Mapping[str, bytes]
    again: Mapping[str, bytes]
    said: tuple[str, ...]

    @property
    def ends(self) -> dict[str, str]:
        """At which hurdle each test was stopped, "" for those that were kept."""
        return {each["candidate"]["name"]: each["stopped"] or "" for each in self.first.report["generated"]["reports"]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    place = tmp_path_factory.mktemp("whole")
    job = GeneratingJob(place)

    def files() -> dict[str, bytes]:
        return {name: (job.folder / name).read_bytes() for name in ("tests.patch", "certificate.json")}

    with OpenAIServer(*author().steps) as server:
        first = job.write(url=server.url, cache_dir=str(place / "cache"))
        written = files()
        said = tuple(each.body["messages"][-1]["content"] for each in server.asked)
    second = job.write(url=server.url, cache_dir=str(place / "cache"))
    return Whole(job, first, second, written, files(), said)


def test_every_output_of_the_contract_is_set(whole: Whole) -> None:
    outputs = whole.first.outputs
    assert whole.first.exit == 0, whole.first.log
    assert {*GEN_TESTS.outputs} < {*outputs}
    assert outputs == whole.first.report["outputs"]
    assert (outputs["tests_added"], outputs["tests_rejected"], outputs["possible_bugs"]) == ("3", "2", "1")
    assert (outputs["coverage_before"], outputs["coverage_after"]) == ("50.0", "100.0")
    assert (outputs["changed_coverage_before"], outputs["changed_coverage_after"]) == ("33.3", "100.0")
    assert int(outputs["mutants_killed"]) >= 5
    assert outputs["flaky_tests"] == ""
    assert (outputs["risk_level"], outputs["degraded"]) == ("high", "false")
    assert Path(outputs["patch_file"]).read_bytes()
    assert Path(outputs["certificate_file"]).read_bytes()


def test_what_the_trial_found_goes_back_and_is_mended(whole: Whole) -> None:
    assert whole.ends["test_clamp_runs"] == "static"
    assert whole.ends["test_clamp"] == ""
    [back] = [each for each in whole.said if "not accepted" in each]
    assert "`test_clamp_runs` (static): " in back
    assert "can never fail" in back
    assert "Still open: line 18" in back


def test_what_the_documentation_contradicts_is_told_and_not_published(whole: Whole) -> None:
    assert whole.ends["test_parse_empty"] == "passes"
    [bug] = whole.first.report["generated"]["bugs"]
    assert (bug["ground"], bug["said"]) == ("documented", "no numbers of an empty text")
    assert "**Possible bug** in" in whole.first.summary
    assert "`no numbers of an empty text`" in whole.first.summary
    assert b"test_parse_empty" not in whole.files["tests.patch"]
    assert whole.first.exit == 0


def test_the_certificate_says_of_each_kept_test_why_it_is_there(whole: Whole) -> None:
    certificate = whole.job.certificate
    assert (certificate["commit"], certificate["base"]) == (whole.job.head, whole.job.base)
    kept = {each["name"]: each for each in certificate["tests"]}
    assert {*kept} == {name for name, end in whole.ends.items() if not end}
    for each in kept.values():
        assert each["file"] == "tests/test_calc.py"
        assert each["label"] == "pins new behaviour"
        assert each["kills"]
        assert each["lines"]
        assert each["runs"] == each["passed"] >= 5
    assert kept["test_clamp"]["origin"] == "model"
    assert {each["name"] for each in certificate["rejected"]} == {*whole.ends} - {*kept}
    assert all(each["stopped"] and each["reason"] for each in certificate["rejected"])


def test_the_patch_applies_and_its_tests_pass_with_plain_pytest(whole: Whole, tmp_path: Path) -> None:
    whole.job.repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "head"), whole.job.head)
    tree = TempRepo(tmp_path / "head")
    tree.run("apply", "--index", str(whole.job.folder / "tests.patch"))
    assert tree.git("diff", "--cached", "--name-only") == "tests/test_calc.py"
    added, deleted, _ = tree.git("diff", "--cached", "--numstat").split("\t")
    assert (int(added) > 5, int(deleted)) == (True, 1), "one import has gained names"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tree.path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )
    assert "4 passed" in done.stdout, done.stdout


def test_the_runs_leave_the_checkout_as_it_was(whole: Whole) -> None:
    assert whole.job.repo.git("status", "--porcelain", "--ignored") == ""
    assert (whole.job.repo.path / "tests/test_calc.py").read_text() == BEFORE["tests/test_calc.py"]


def test_an_unchanged_second_run_asks_nobody_and_writes_the_same_bytes(whole: Whole) -> None:
    assert whole.second.exit == 0, whole.second.log
    outputs = whole.second.outputs
    assert (outputs["cost_usd"], outputs["degraded"]) == ("0.0000", "false")
    assert whole.second.report["account"]["usage"]["from_cache"] == 3
    assert whole.again == whole.files


def test_a_replay_is_identical_and_runs_nothing(whole: Whole, tmp_path: Path) -> None:
    # Wherever it is, and with nothing of what the run had: neither a checkout nor a Python of the project's.
    files = {name: (whole.job.folder / name).read_bytes() for name in ("tape.jsonl", "evidence.json", "report.json")}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    whole.job.variables |= {"GITHUB_WORKSPACE": "/nowhere"}
    left = whole.job.run("replay", str(tmp_path / "tape.jsonl"), "--input", "python=/nowhere/python")
    assert left.exit == 0, left.log
    assert "identical" in left.log
    assert (tmp_path / "replay/report.json").read_bytes() == files["report.json"]
