"""What an author may do so that source is not read × the mode × `fail-on`: nothing of it is low, green or silent."""

import re
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
import yaml

from tests.support.jobs import gen_tests
from tests.support.jobs.failure import WRONG, FailureJobs, failed
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import BEFORE, Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import PullFile

TOKEN = "ghp_" + "Ab3" * 12
RUNS = 'import os\n\n\ndef go(name):\n    os.system(f"echo {name}")\n'
NOISE = Random(5).randbytes(4_000)

HIDDEN: Mapping[str, Mapping[str, str | bytes]] = {
    "a NUL in a script": {"deploy.sh": f"#!/bin/bash\n# a\0b\nexport TOKEN={TOKEN}\n"},
    "a NUL in a program without a suffix": {"bin/deploy": f"#!/bin/bash\n# a\0b\nexport TOKEN={TOKEN}\n"},
    "UTF-16": {"deploy.ps1": f'$token = "{TOKEN}"\r\n'.encode("utf-16")},
    "a megabyte of comments": {"app.py": "# x\n" * 300_000 + f'TOKEN = "{TOKEN}"\n'},
    "100,000 lines": {"app.js": "f(1);\n" * 100_000 + f'const token = "{TOKEN}";\n'},
    "the end of a long line": {"app.js": f'{"f(1);" * 20_000} const token = "{TOKEN}";\n'},
    "a lone CR": {"app.py": RUNS.replace("    os.system", "    # a comment\r    os.system")},
    "vendored": {"vendor/lib/a.py": RUNS},
    "third party": {"third_party/lib/a.py": RUNS},
    "a package of node": {"node_modules/a/a.js": "require('child_process').exec(`ls ${name}`);\n"},
    "generated": {"app_pb2.py": RUNS},
    "minified": {"app.min.js": "require('child_process').exec(`ls ${name}`);\n"},
}
"""What is read all the same: a finding says what is in it."""

UNREAD: Mapping[str, Mapping[str, str | bytes]] = {
    "binary content of a script": {"deploy.sh": b"\x7fELF\0" + NOISE},
    "a wrapper": {"gradle/wrapper/gradle-wrapper.jar": b"PK\3\4\0" + NOISE},
    "a library": {"native/lib.so": b"\x7fELF\0" + NOISE},
}
"""What nobody can read: the headline names it."""

CONDITIONS = [
    yaml.safe_load(Path("examples/workflows/review.yml").read_text())["jobs"]["test-thoroughly"]["if"],
    re.findall(r"^    if: (needs\.review.*)$", Path("README.md").read_text(), re.MULTILINE)[0],
]
"""When the documented careful jobs run."""


def careful_jobs_run(left: Left) -> bool:
    """Whether each of them would, with these outputs: their conditions are one comparison with `low`."""
    compared = [re.fullmatch(r".*needs\.review\.outputs\.risk_level != 'low'(?: }})?", each) for each in CONDITIONS]
    assert all(compared), CONDITIONS
    return left.outputs["risk_level"] != "low"


def is_careful(left: Left) -> None:
    assert left.outputs["risk_level"] in {"high", "critical"}, left.log
    assert careful_jobs_run(left)
    assert "Traceback" not in left.log


def names(left: Left, path: str) -> None:
    """The headline, the one line of the outputs, and the warning."""
    assert f"not analysed: `{path}` (binary content)" in left.summary.partition("\n\n")[0]
    assert f"not analysed: `{path}` (binary content)" in left.outputs["summary"]
    assert re.search(rf"^::warning [^\n]*not analysed::`{re.escape(path)}`", left.log, re.MULTILINE), left.log
    assert left.outputs["degraded"] == "true"


@pytest.mark.parametrize("fail_on", ["off", "high", "critical"])
@pytest.mark.parametrize("how", HIDDEN)
def test_review_reads_what_hides(tmp_path: Path, how: str, fail_on: str) -> None:
    left = Job(tmp_path, BEFORE, HIDDEN[how]).run(fail_on=fail_on)
    is_careful(left)
    worst = {"critical": 3, "high": 2}[left.outputs["risk_level"]]
    assert left.exit == int(worst >= {"off": 9, "high": 2, "critical": 3}[fail_on]), left.log
    assert int(left.outputs["findings_count"]) > 0
    assert next(iter(HIDDEN[how])) in left.summary


@pytest.mark.parametrize("fail_on", ["off", "low", "high", "critical"])
@pytest.mark.parametrize("how", UNREAD)
def test_review_names_what_nobody_can_read(tmp_path: Path, how: str, fail_on: str) -> None:
    left = Job(tmp_path, BEFORE, UNREAD[how]).run(fail_on=fail_on)
    is_careful(left)
    names(left, next(iter(UNREAD[how])))
    assert left.exit == int(fail_on != "off"), left.log
    assert left.outputs["conclusion"] == ("neutral" if fail_on == "off" else "failure")
    assert left.outputs["escalate_to_human"] == "true"


@pytest.mark.parametrize("how", [*HIDDEN, *UNREAD])
def test_route_makes_the_full_plan(tmp_path: Path, how: str) -> None:
    left = Job(tmp_path, BEFORE, {**HIDDEN, **UNREAD}[how]).run("route")
    is_careful(left)
    assert left.outputs["tests"] in {"full", "extended"}
    if how in UNREAD:
        names(left, next(iter(UNREAD[how])))


@pytest.mark.parametrize("how", [*HIDDEN, *UNREAD])
def test_the_gate_holds(tmp_path: Path, how: str) -> None:
    with FakeGitHub() as hub:
        left = GateJobs(tmp_path, hub, {**HIDDEN, **UNREAD}[how]).run()
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
    is_careful(left)
    if how in UNREAD:
        names(left, next(iter(UNREAD[how])))
        assert "unanalysed" in {stop["id"] for stop in left.report["gated"]["stops"]}


def test_a_failed_run_of_a_change_that_nobody_can_read_is_careful(tmp_path: Path) -> None:
    after = {**WRONG, **UNREAD["binary content of a script"]}
    with FakeGitHub() as hub:
        left = FailureJobs(tmp_path, hub, after, [failed(501)]).within()
    is_careful(left)
    names(left, "deploy.sh")
    assert left.exit == 0, left.log


def test_generated_tests_for_a_change_that_nobody_can_read_whole_are_careful(tmp_path: Path) -> None:
    after = {**gen_tests.AFTER, **UNREAD["binary content of a script"]}
    left = gen_tests.GeneratingJob(tmp_path, after=after).write()
    is_careful(left)
    names(left, "deploy.sh")


def test_a_change_without_a_checkout_whose_patch_did_not_come_is_not_low(tmp_path: Path) -> None:
    job = Job(tmp_path, BEFORE, {"deploy.sh": "echo 5\n"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with FakeGitHub() as hub:
        hub.add_repo("octo/app", job.repo.path)
        token = hub.add_token("ghs_own", pull_requests="write", contents="read")
        hub.add_pull(7, base=job.base, head=job.head, files=(PullFile("deploy.sh", "added"),))
        job.variables |= {"GITHUB_API_URL": hub.url, "GITHUB_WORKSPACE": str(elsewhere)}
        left = job.run(github_token=token, fail_on="high")
    is_careful(left)
    assert left.exit == 1, left.log
    assert "not analysed: `deploy.sh`" in left.outputs["summary"]
    assert left.outputs["degraded"] == "true"


def test_an_update_of_vendored_code_is_no_noise(tmp_path: Path) -> None:
    before = {"vendor/lib/a.py": RUNS, "vendor/lib/b.py": "X = 1\n", "README.md": "An app.\n"}
    after = {"vendor/lib/a.py": RUNS.replace("go", "run"), "vendor/lib/b.py": "X = 2\n"}
    left = Job(tmp_path, before, after).run(fail_on="low")
    assert (left.exit, left.outputs["degraded"], left.outputs["findings_count"]) == (0, "false", "0"), left.log
    assert left.outputs["risk_level"] == "low"


def test_binary_data_and_fixtures_are_no_noise(tmp_path: Path) -> None:
    after: dict[str, str | bytes] = {
        "logo.png": b"\x89PNG\0" + NOISE,
        "data/prices.parquet": b"PAR1\0" + NOISE,
        "tests/data/latin.whl": b"PK\0" + NOISE,
    }
    left = Job(tmp_path, BEFORE, after).run(fail_on="critical")
    assert (left.exit, left.outputs["degraded"]) == (0, "false"), left.log
    assert "not analysed" not in left.summary


@pytest.mark.parametrize("what", ["no git", "no checkout"])
def test_what_cannot_be_read_at_all_has_no_risk_and_is_not_green(tmp_path: Path, what: str) -> None:
    job = Job(tmp_path)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    job.variables["PATH" if what == "no git" else "GITHUB_WORKSPACE"] = str(nothing)
    for mode in ("review", "deploy-gate"):
        left = job.run(mode, environment="production")
        assert left.exit not in {0, 70}, left.log
        assert (left.outputs["risk_level"], left.outputs["degraded"]) in {("", "true"), ("critical", "true")}
        assert careful_jobs_run(left)
    routed = job.run("route")
    assert (routed.outputs["risk_level"], routed.outputs["tests"]) == ("high", "extended"), routed.log
