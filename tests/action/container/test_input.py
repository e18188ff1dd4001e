"""What a container is given of a job, and what it is not."""

import os
import re
from pathlib import Path

import pytest

from launch.contained import named
from launch.given import GITHUB, NAMED
from tests.support.jobs.container import HONEST, IMAGE, ContainedJob, contained_job
from tests.support.jobs.hostile import ROOT, digest

KEY = "sk-" + "contained" * 3
SECRETS = {
    "INPUT_OPENAI_API_KEY": KEY,
    "INPUT_GITHUB_TOKEN": "ghs_" + "x" * 20,
    "INPUT_MODEL_HEADERS": "X-Gateway: " + KEY,
    "DATABASE_URL": "postgresql://agent:" + KEY + "@db.test/state",
    "INPUT_SLACK_WEBHOOK_URL": "https://hooks.test/" + KEY,
}
WITHHELD = {
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.test",
    "ACTIONS_RUNTIME_TOKEN": "t",
    "ACTIONS_CACHE_URL": "https://cache.test",
    "OPENAI_IDENTITY_PROVIDER_ID": "p",
    "AWS_SECRET_ACCESS_KEY": "s",
    "INPUT_INDEX_URL": "https://user:" + KEY + "@index.test",
    "INPUT_OF_ANOTHER_ACTION": "x",
    "GITHUB_TOKEN": "ghs_" + "y" * 20,
    "GITHUB_ENV": "/nonexistent/env",
    "GITHUB_PATH": "/nonexistent/path",
    "LD_PRELOAD": "",
    "NODE_OPTIONS": "--require=x",
}


@pytest.fixture
def job(tmp_path: Path) -> ContainedJob:
    return contained_job(tmp_path)


def test_a_container_has_no_rights_no_disk_and_limits(job: ContainedJob) -> None:
    assert job.run(HONEST, CICD_AGENT_DOCKER_NETWORK="host").exit == 0

    argv = job.run_told["argv"]
    assert argv[-2:] == [IMAGE, "review"]
    assert {"--rm", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pull=never"} <= {*argv}
    assert {"--memory=2g", "--memory-swap=2g", "--pids-limit=256", "--network=host", "--init"} <= {*argv}
    assert argv[argv.index("--tmpfs") + 1].startswith("/tmp:rw,nosuid,nodev,noexec,")
    [user] = [each for each in argv if each.startswith("--user=")]
    assert not user.startswith("--user=0:")
    assert "--privileged" not in argv
    assert not [each for each in argv if "docker.sock" in each]


def test_it_sees_the_workspace_and_the_event_and_writes_to_one_fresh_folder(job: ContainedJob) -> None:
    came = job.run(HONEST)

    [folder] = job.left()
    assert came.exit == 0
    assert job.mounts == {
        str(job.workspace): "ro",
        str(job.top / "runner/event.json"): "ro",
        str(folder): "rw",
    }


def test_secrets_go_by_name_and_everything_else_of_the_job_stays(job: ContainedJob) -> None:
    job.run(HONEST, **SECRETS, **WITHHELD, HTTPS_PROXY="http://proxy.test", OTEL_SERVICE_NAME="ci", GITHUB_SHA="a" * 40)

    told = job.run_told
    named = {told["argv"][at + 1].partition("=")[0] for at, each in enumerate(told["argv"]) if each == "--env"}
    for value in (*SECRETS.values(), KEY):
        assert not [each for told in job.told for each in told["argv"] if value in each]
    assert {*SECRETS, "HTTPS_PROXY", "OTEL_SERVICE_NAME", "GITHUB_SHA", "HOME", "TMPDIR", "RUNNER_TEMP"} <= named
    assert named & {*WITHHELD} == set()
    assert {*told["environ"]} & {*WITHHELD} == set()


def test_a_token_of_the_environment_goes_in_only_where_the_input_is_empty(job: ContainedJob) -> None:
    job.run(HONEST, GITHUB_TOKEN="ghs_" + "y" * 20)

    assert "GITHUB_TOKEN" in job.run_told["argv"]


def test_every_variable_that_the_agent_reads_goes_in_or_is_known_not_to() -> None:
    source = (ROOT / "src/cicd_agent/settings/environment.py").read_text("utf-8")
    read = {*re.findall(r'"((?:GITHUB|RUNNER)_[A-Z_]+)"', source)}
    # In the container is no sudo, whoever hosts the runner.
    own = {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "RUNNER_TEMP", "GITHUB_TOKEN", "RUNNER_ENVIRONMENT"}
    assert read - own <= NAMED
    assert read >= GITHUB


def test_the_names_of_inputs_and_outputs_are_those_of_the_action() -> None:
    inputs, outputs = named(ROOT)

    assert {"INPUT_MODE", "INPUT_JOBS", "INPUT_STAGE", "INPUT_ORGANISATION_CONFIG", "INPUT_SLACK_TOKEN"} <= inputs
    assert {"conclusion", "plan_file"} <= outputs
    assert not [name for name in outputs if not name.islower()]


def test_the_folders_that_are_kept_and_that_of_the_metrics_are_written_to_at_their_own_paths(job: ContainedJob) -> None:
    (job.top / "metrics").mkdir()
    came = job.run(
        HONEST,
        INPUT_CACHE_DIR="answers",
        INPUT_STATE_DIR="~/book",
        INPUT_METRICS_FILE=str(job.top / "metrics/agent.prom"),
    )

    assert came.exit == 0, came.log
    [folder] = [path for path in job.left() if path.name != "answers"]
    written = {target for target, how in job.mounts.items() if how == "rw"}
    assert written == {
        *map(str, (folder, job.temp / "answers", job.top / "home/book", job.top / "metrics")),
    }
    given = job.run_told["environ"]
    assert given["INPUT_CACHE_DIR"] == str(job.temp / "answers")
    assert given["INPUT_STATE_DIR"] == str(job.top / "home/book")


def test_evidence_is_handed_in_as_a_copy_and_what_a_stage_writes_is_brought_back(job: ContainedJob) -> None:
    evidence, decision = job.temp / "evidence.json", job.top / "home/decision.json"
    evidence.write_text("told before")
    play = (
        'assert Path(given["INPUT_EVIDENCE_FILE"]).read_text() == "told before"\n'
        'Path(given["INPUT_EVIDENCE_FILE"]).write_text("forged")\n'
        'Path(given["INPUT_DECISION_FILE"]).write_text("decided")\n' + HONEST
    )
    files = {"INPUT_EVIDENCE_FILE": "evidence.json", "INPUT_DECISION_FILE": str(decision)}
    came = job.run(play, INPUT_STAGE="try", **files)

    assert came.exit == 0, came.log
    assert (evidence.read_text(), decision.read_text()) == ("told before", "decided")
    assert str(job.temp) not in job.mounts


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("INPUT_CACHE_DIR", "/", "holds"),
        ("INPUT_CACHE_DIR", "{top}/temp", "`cache-dir` holds"),
        ("INPUT_CACHE_DIR", "..", "`cache-dir` holds"),
        ("INPUT_CACHE_DIR", "/etc/answers", "`cache-dir` lies in /etc"),
        ("INPUT_CACHE_DIR", "/var/run/docker", "`cache-dir` lies in"),
        ("INPUT_CACHE_DIR", "{top}/workspace", "`cache-dir` holds"),
        ("INPUT_CACHE_DIR", "{top}/workspace/.git/x", "`cache-dir` lies in"),
        ("INPUT_CACHE_DIR", "{top}/link", "`cache-dir` is a link"),
        ("INPUT_CACHE_DIR", "{top}/link/x", "`cache-dir` lies in /etc"),
        ("INPUT_STATE_DIR", "{top}/runner/event.json", "`state-dir` holds"),
        ("INPUT_STATE_DIR", "{top}/tools/docker", "`state-dir` is not a folder"),
        ("INPUT_STATE_DIR", "a\nb", "`state-dir` is not a path"),
        ("INPUT_METRICS_FILE", "{top}/temp/agent.prom", "the folder of `metrics-file` holds"),
        ("INPUT_EVIDENCE_FILE", "{top}/linked", "`evidence-file` cannot be read"),
        ("INPUT_EVIDENCE_FILE", "{top}/pipe", "`evidence-file` is no regular file"),
        ("INPUT_WORKING_DIRECTORY", "../elsewhere", "`working-directory` lies outside"),
        ("GITHUB_WORKSPACE", "{top}", "holds"),
        ("GITHUB_WORKSPACE", "", "no workspace"),
        ("GITHUB_EVENT_PATH", "{top}/nothing", "no event file"),
        ("SSL_CERT_FILE", "{top}/nothing", "SSL_CERT_FILE does not name"),
        ("SSL_CERT_DIR", "/etc", "holds more than certificates"),
        ("CICD_AGENT_DOCKER_NETWORK", "host --privileged", "not the name of a network"),
    ],
)
def test_what_cannot_be_given_safely_is_one_line_and_starts_nothing(
    job: ContainedJob, name: str, value: str, says: str
) -> None:
    (job.top / "link").symlink_to("/etc")
    (job.top / "linked").symlink_to("/etc/hostname")
    os.mkfifo(job.top / "pipe")
    before = digest(job.workspace)

    came = job.run(HONEST, **{name: value.replace("{top}", str(job.top))})

    assert (came.exit, came.outputs["conclusion"], job.told) == (2, "failure", [])
    assert says in came.outputs["summary"]
    assert came.log == f"::error title=cicd-agent::cicd-agent: {came.outputs['summary']}\n"
    assert (job.left(), digest(job.workspace)) == ([], before)


def test_certificates_of_the_job_are_mounted_where_it_has_them(job: ContainedJob) -> None:
    real = job.top / "home/bundle.pem"
    real.write_text("certificates")
    (job.top / "ca.pem").symlink_to(real)

    came = job.run(HONEST, SSL_CERT_FILE=str(job.top / "ca.pem"))

    assert came.exit == 0, came.log
    assert job.mounts[str(job.top / "ca.pem")] == "ro"
    assert f"source={real}," in " ".join(job.run_told["argv"])


def test_a_mode_with_a_dash_stays_a_wrong_mode(job: ContainedJob) -> None:
    job.run('put(conclusion="failure")\nraise SystemExit(2)', INPUT_MODE="--privileged")

    assert job.run_told["argv"][-2:] == [IMAGE, " --privileged"]
