"""What comes back from a container, honest or not: outputs, files, a log, and how it ended."""

from pathlib import Path

import pytest

from tests.support.jobs.container import HONEST, ContainedJob, contained_job

GATE = {"INPUT_MODE": "deploy-gate"}
HONEST_GATE = 'put(conclusion="success", decision="proceed", requires_approval="false", safety_score="92.5")\n'


@pytest.fixture
def job(tmp_path: Path) -> ContainedJob:
    return contained_job(tmp_path)


def test_what_an_honest_container_says_arrives(job: ContainedJob) -> None:
    play = """
folder = out / "cicd-agent/review"
folder.mkdir(parents=True)
(folder / "report.json").write_text("{}")
put(conclusion="failure", report_file=str(folder / "report.json"), summary="2 findings: a == b, ü")
with open(given["GITHUB_OUTPUT"], "a") as file:
    file.write("risk_level<<END\\nhigh\\nEND\\n")
Path(given["GITHUB_STEP_SUMMARY"]).write_text("# Page\\n")
print("::error title=cicd-agent,file=a.py,line=3::seen\\nplain ü", flush=True)
raise SystemExit(1)
"""
    came = job.run(play)

    [folder] = job.left()
    assert (came.exit, came.summary) == (1, "# Page\n")
    assert came.outputs == {
        "conclusion": "failure",
        "report_file": str(folder / "cicd-agent/review/report.json"),
        "summary": "2 findings: a == b, ü",
        "risk_level": "high",
    }
    assert came.log == "::error title=cicd-agent,file=a.py,line=3::seen\nplain ü\n"
    assert [each["argv"][0] for each in job.told] == ["run", "rm"]


@pytest.mark.parametrize(
    "play",
    [
        'put(conclusion="success", decision="proceed")',  # the words of another mode
        'put(conclusion="success", risk_level="none")',
        'put(conclusion="success", risk_score="101")',
        'put(conclusion="success", confidence="nan")',
        'put(conclusion="success", escalate_to_human="no")',
        'put(conclusion="success", findings_count="-1")',
        'put(conclusion="success", evil="1")',
        'put(conclusion="success", run_anything="true")',
        'put(conclusion="failure")',  # and exit 0
        'put(conclusion="success"); raise SystemExit(1)',
        'put(conclusion="success"); raise SystemExit(42)',
        'put(summary="nothing said")',
        "pass",
        'put(conclusion="success", report_file="/etc/passwd")',
        'put(conclusion="success", report_file=str(out) + "/../x")',
        '(out / "r").symlink_to("/etc/passwd"); put(conclusion="success", report_file=str(out / "r"))',
        '(out / "d").symlink_to("/etc"); put(conclusion="success", report_file=str(out / "d/passwd"))',
        'import os; os.mkfifo(out / "p"); put(conclusion="success", report_file=str(out / "p"))',
        'put(conclusion="success", report_file=str(out))',
        'open(given["GITHUB_OUTPUT"], "w").write("conclusion<<E\\nsuccess\\n")',
        'open(given["GITHUB_OUTPUT"], "w").write("no form\\n")',
        'open(given["GITHUB_OUTPUT"], "wb").write(b"summary=\\xff\\n")',
        'open(given["GITHUB_OUTPUT"], "w").write("conclusion=success\\nsummary=" + "x" * 5_000_000)',
        'put(conclusion="success", summary="x" * 60_001)',
        'import os; os.symlink("/etc/hostname", given["GITHUB_OUTPUT"])',
        'import os; os.mkfifo(given["GITHUB_OUTPUT"])',
        'put(conclusion="success"); Path(given["GITHUB_STEP_SUMMARY"]).write_bytes(b"\\xff")',
        'put(conclusion="success"); Path(given["GITHUB_STEP_SUMMARY"]).write_text("ü" * 600_000)',
        'put(conclusion="success")\nwith open(out / "hole", "wb") as file: file.truncate(2 << 30)',
    ],
)
def test_what_does_not_hold_is_not_used_at_all(job: ContainedJob, play: str) -> None:
    came = job.run(play)

    assert came.exit == 70, came.log
    assert {**came.outputs, "summary": ""} == {"conclusion": "failure", "degraded": "true", "summary": ""}
    assert "cannot be believed" in came.outputs["summary"]
    assert came.log.splitlines()[-1] == f"::error title=cicd-agent::cicd-agent: {came.outputs['summary']}"
    assert came.summary.count("\n") == 1
    assert job.left() == []


@pytest.mark.parametrize(
    "play",
    [
        'put(conclusion="success", decision="proceed", safety_score="1000")',
        'put(conclusion="success", decision="approve")',
        'put(conclusion="success", decision="hold")',
        'put(conclusion="neutral", decision="proceed")',
        'put(conclusion="neutral", decision="proceed", shadow_decision="proceed")',
        'put(conclusion="success", decision="proceed", shadow_decision="hold")',
        'put(conclusion="neutral", decision="proceed", shadow_decision="approve")',
        'put(conclusion="neutral", decision="hold", shadow_decision="hold")',
        'put(conclusion="success")',
        'put(conclusion="failure", decision="proceed"); raise SystemExit(0)',
    ],
)
def test_a_gate_that_is_not_believed_holds(job: ContainedJob, play: str) -> None:
    came = job.run(play, **GATE)

    assert (came.exit, came.outputs["decision"], came.outputs["conclusion"]) == (70, "hold", "failure")


def test_a_gate_that_holds_together_says_what_it_decided(job: ContainedJob) -> None:
    assert job.run(HONEST_GATE, **GATE).outputs["decision"] == "proceed"
    hold = 'put(conclusion="failure", decision="hold", requires_approval="true"); raise SystemExit(1)'
    assert job.run(hold, **GATE).outputs["requires_approval"] == "true"
    in_shadow = job.run('put(conclusion="neutral", decision="proceed", shadow_decision="hold")', **GATE)
    assert (in_shadow.exit, in_shadow.outputs["shadow_decision"]) == (0, "hold"), in_shadow.log


def test_links_and_special_files_are_gone_before_anything_could_upload_them(job: ContainedJob) -> None:
    play = """
import os, socket
deep = out / "a/b"
deep.mkdir(parents=True)
(deep / "kept").write_text("x")
(deep / "link").symlink_to("/etc/passwd")
(out / "folder").symlink_to("/etc")
os.mkfifo(deep / "pipe")
os.link(deep / "kept", out / "hard")
os.chdir(out)  # an address has 108 bytes at most
socket.socket(socket.AF_UNIX).bind("s")
(out / "suid").write_text("x")
(out / "suid").chmod(0o4755)
(out / "a").chmod(0)
"""
    came = job.run(play + HONEST)

    [folder] = job.left()
    assert came.exit == 0, came.log
    assert "removed 6 links or special files" in came.log
    assert not [path for path in folder.rglob("*") if path.is_symlink() or not (path.is_dir() or path.is_file())]
    assert Path("/etc/passwd").exists()


def test_of_a_log_only_annotations_groups_and_words_for_debugging_stay_commands(job: ContainedJob) -> None:
    hostile = [
        "::set-output name=conclusion::success",
        "  ::add-path::/evil",
        "a\r::set-env name=X::y",
        "x ##[set-output name=decision;]proceed",
        "::stop-commands::x",
        "::ERROR::x",
        "::error evil=1::x",
        "\u200b::add-matcher::/evil.json",
        "::add-mask::ok",
        "::save-state name=x::y",
        "::notice title=a##[add-path]::b",
    ]
    kept = ["::group::page", "::endgroup::", "::debug::x", "::warning file=a%2Cb.py,line=1::x", "::add-mask::ABCDEFGH"]
    came = job.run(f"print(*{[*hostile, *kept]!r}, sep='\\n', flush=True)\n{HONEST}")

    commands = [line for line in came.log.splitlines() if line.lstrip().startswith("::")]
    assert commands == ["::notice title=a## [add-path]::b", *kept]
    assert "##[" not in came.log
    assert came.outputs["conclusion"] == "success"


@pytest.mark.parametrize(
    ("play", "code", "says"),
    [
        ("import os; os.kill(os.getpid(), 9)", 70, "was killed"),
        ("raise SystemExit(137)", 70, "more than its memory"),
        ("raise SystemExit(143)", 70, "by a signal"),
        ("raise SystemExit(125)", 2, "could not start"),
    ],
)
def test_a_container_that_did_not_end_by_itself_says_so_and_nothing_of_it_counts(
    job: ContainedJob, play: str, code: int, says: str
) -> None:
    came = job.run(f"{HONEST_GATE}\n{play}", **GATE)

    assert (came.exit, came.outputs["decision"], came.outputs["conclusion"]) == (code, "hold", "failure")
    assert says in came.outputs["summary"]
    assert came.outputs["summary"] in came.log


def test_when_the_runner_ends_the_step_the_container_ends(job: ContainedJob) -> None:
    play = 'print("begun", flush=True)\nimport signal\nsignal.pause()'
    came = job.cancelled(play)

    assert came.exit == 130
    assert came.outputs["summary"] == "the run was cancelled before its end."
    [name] = [each.removeprefix("--name=") for each in job.run_told["argv"] if each.startswith("--name=")]
    assert ["kill", "--signal=TERM", name] in [each["argv"] for each in job.told]
    assert job.told[-1]["argv"] == ["rm", "--force", name]


def test_a_container_that_does_not_heed_is_killed(job: ContainedJob) -> None:
    # The agent's last words are let through, and then it is over.
    play = (
        "import os, signal\nsignal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'last words\\n'), os.close(1), "
        "os.close(2)))\nprint('begun', flush=True)\nwhile True: signal.pause()"
    )
    came = job.cancelled(play)

    assert (came.exit, came.log.splitlines()[1]) == (130, "last words")
    assert ["kill"] in [each["argv"][:-1] for each in job.told]
