"""What a trial shows of a patch, in real sandboxes where there are any, and what it never does."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.adapters.test_runner.patch_trial import MAX_BYTES, LocalPatchTester, Surroundings
from cicd_agent.adapters.toolchain.location import surroundings
from cicd_agent.analysis.patches.syntax import PARSERS
from cicd_agent.domain.trials.patch_trial import FailureSignature, Step, Trial, TrialReport
from cicd_agent.domain.trials.sandbox import Limits, Ran, Sandbox, SandboxUnavailable, Stop, Tier
from tests.support.fakes.library import FakeLibrary, Link
from tests.support.fakes.ports import FakeSandbox
from tests.support.fakes.ports import Trial as Asked

LIMITS = Limits(wall_seconds=20)
SAYS = "FAILED tests/test_app.py::test_app - assert 1 == 2"
TOLD = f"{{ echo '{SAYS}'; exit 1; }}"
FIXES = (FailureSignature("test_app", messages=("assert 1 == 2",)),)
FILES = {
    "app.sh": "echo 1\n",
    "check.sh": f'[ "$(sh app.sh)" = 2 ] || {TOLD}\n',
    "other.sh": "[ ! -e old ]\n",
    "old": "x\n",
}
FIX = "--- a/app.sh\n+++ b/app.sh\n@@ -1 +1 @@\n-echo 1\n+echo 2\n"
CHECK = "sh check.sh"


@pytest.fixture(params=[Tier.LANDLOCK, Tier.BUBBLEWRAP], scope="module")
def box(request: pytest.FixtureRequest) -> LocalSandbox:
    sandbox = LocalSandbox(only=request.param)
    try:
        sandbox.tier()
    except SandboxUnavailable as error:
        pytest.skip(f"this machine does not have it: {error.why}")
    return sandbox


@pytest.fixture
def top(tmp_path: Path) -> Path:
    path = tmp_path / "checkout"
    path.mkdir()
    for name, text in FILES.items():
        (path / name).write_text(text)
    return path


def patch_tester(
    top: Path,
    sandbox: Sandbox,
    commands: str = CHECK,
    *,
    library: FakeLibrary | None = None,
    seconds: float = 300.0,
    clock: Callable[[], float] = lambda: 0.0,
    redact: Callable[[str], str] = str,
) -> LocalPatchTester:
    around = Surroundings(sandbox, clock, LIMITS, seconds)
    return LocalPatchTester(
        top, library or FakeLibrary(FILES), commands, around, parsers=PARSERS, denied=str.isupper, redact=redact
    )


def tried(patch_tester_: LocalPatchTester, patch: str = FIX) -> TrialReport:
    report = patch_tester_.attempt(Trial("k", patch, FIXES))
    assert report.key == "k"
    return report


def snapshot(top: Path) -> dict[str, bytes]:
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def test_a_patch_that_turns_red_to_green_is_verified_and_the_checkout_is_as_it_was(
    box: LocalSandbox, top: Path
) -> None:
    before = snapshot(top)
    report = tried(patch_tester(top, box))
    assert (report.step, report.sandbox, report.paths) == (Step.VERIFIED, box.tier(), ("app.sh",))
    assert report.detail == "the command fails without it and passes with it"
    assert report.patch == "diff --git a/app.sh b/app.sh\n--- a/app.sh\n+++ b/app.sh\n@@ -1 +1 @@\n-echo 1\n+echo 2\n"
    assert report.is_offered
    assert snapshot(top) == before


def test_a_patch_that_leaves_it_red_is_not_green_and_is_not_offered(box: LocalSandbox, top: Path) -> None:
    report = tried(patch_tester(top, box, "sh check.sh || { echo no; exit 3; }"), FIX.replace("echo 2", "echo 3"))
    assert (report.step, report.detail) == (Step.NOT_GREEN, f"the command still fails with it (exit 3): {SAYS}")
    assert not report.is_offered


def test_a_command_that_passes_anyway_shows_nothing(box: LocalSandbox, top: Path) -> None:
    report = tried(patch_tester(top, box, "true"))
    assert (report.step, report.detail) == (Step.NOT_RED, "the command passes without it")


def test_a_command_that_takes_too_long_is_ended_and_proves_nothing(box: LocalSandbox, top: Path) -> None:
    short = Surroundings(box, lambda: 0.0, replace(LIMITS, wall_seconds=1))
    commands = "sh check.sh && sleep 60; false"
    slow = LocalPatchTester(top, FakeLibrary(FILES), commands, short, parsers={}, denied=str.isupper, redact=str)
    report = tried(slow)
    assert (report.step, report.detail) == (
        Step.NOT_GREEN,
        "with it the command was ended (by its limit of wall_seconds)",
    )


def test_files_go_come_and_stay_executable(box: LocalSandbox, top: Path) -> None:
    (top / "app.sh").write_text("#!/bin/sh\necho 1\n")
    (top / "app.sh").chmod(0o755)
    library = FakeLibrary({**FILES, "app.sh": "#!/bin/sh\necho 1\n"})
    patch = (
        "--- a/app.sh\n+++ b/app.sh\n@@ -1,2 +1,2 @@\n #!/bin/sh\n-echo 1\n+cat new/two\n"
        "--- /dev/null\n+++ b/new/two\n@@ -0,0 +1 @@\n+2\n--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    )
    commands = f'[ "$(./app.sh)" = 2 ] && [ ! -e old ] && [ -z "$(ls -A | grep cicd-agent)" ] || {TOLD}'
    report = tried(patch_tester(top, box, commands, library=library), patch)
    assert (report.step, report.paths) == (Step.VERIFIED, ("app.sh", "new/two", "old"))


def test_the_command_sees_no_token_and_no_network(
    box: LocalSandbox, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "INPUT_OPENAI_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "tok" + "en-of-the-job")
    python = Path(sys.executable).resolve()
    (top / "call.py").write_text(
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), 1)\n"
        "except OSError:\n    exit('refused')\n"
    )
    # Red before in any case; green only if something of the job can be seen from in there.
    leak = f"sh check.sh && {{ env | grep -q of-the-job || {python} -I call.py; }}"
    report = tried(patch_tester(top, box, leak))
    assert (report.step, report.detail) == (Step.NOT_GREEN, "the command still fails with it (exit 1): refused")
    assert "of-the-job" in "".join(os.environ.values())


RED = Ran(1, SAYS.encode())


def answers(red: Ran = RED, green: Ran = Ran(0)) -> FakeSandbox:  # noqa: B008
    return FakeSandbox(answer=lambda asked: green if asked.files else red)


def test_without_a_command_or_a_sandbox_it_is_offered_as_not_run(top: Path) -> None:
    report = tried(patch_tester(top, FakeSandbox(), ""))
    assert (report.step, report.detail) == (Step.APPLIES, "it was not run: there is no `verify-command`")
    assert report.is_offered
    assert report.sandbox == ""

    def unavailable(_: Asked) -> Ran:
        raise SandboxUnavailable("this machine has no sandbox", why="landlock: this kernel has none")

    report = tried(patch_tester(top, FakeSandbox(answer=unavailable)))
    assert report.step is Step.APPLIES
    assert report.detail == "it was not run: this machine has no sandbox (landlock: this kernel has none)."


def test_a_command_that_cannot_be_started_says_nothing_of_the_patch(top: Path) -> None:
    report = tried(patch_tester(top, FakeSandbox(answer=lambda _: Ran(127, stderr=b"sh: tox: not found\n"))))
    assert report.step is Step.APPLIES
    assert report.detail == "it was not run: the command cannot be started here (exit 127): sh: tox: not found"


NO_LOOPBACK = b"""\
--- FAIL: test_app (0.00s)
    app_test.go:5: listen tcp [::1]:0: socket: operation not permitted
FAIL
"""


def without_loopback(answer: Callable[[Asked], Ran]) -> Callable[[Asked], Ran]:
    def refuse(asked: Asked) -> Ran:
        if asked.loopback:
            raise SandboxUnavailable("this machine has no sandbox with a network of its own")
        return answer(asked)

    return refuse


def test_a_command_that_fails_here_for_another_reason_leaves_the_patch_untried(top: Path) -> None:
    red = Ran(1, NO_LOOPBACK, tier=Tier.LANDLOCK)
    sandbox = FakeSandbox(answer=without_loopback(lambda _: red))
    report = tried(patch_tester(top, sandbox))
    assert report.step is Step.CANNOT_BE_TRIED
    error = "app_test.go:5: listen tcp [::1]:0: socket: operation not permitted"
    assert report.detail == f"without it the command does not fail as the run did (exit 1): {error}"
    lacking = "Install bubblewrap, since the sandbox of this machine (landlock) has no loopback"
    assert report.remedy == f"{lacking}; or run `sh check.sh` by hand with the patch"
    assert report.is_offered
    assert report.patch
    # It asks for a loopback first, and nothing is run with the patch.
    assert [asked.loopback for asked in sandbox.trials] == [True, False]


def test_green_after_another_failure_proves_nothing(top: Path) -> None:
    """A patch that only keeps the server from starting would pass where no server can."""
    report = tried(patch_tester(top, answers(red=Ran(1, NO_LOOPBACK))))
    assert report.step is Step.CANNOT_BE_TRIED


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("Error: Cannot find module 'left-pad'", "Install what is missing in a step before, in the same job; or run"),
        ("sh: 1: jest: not found", "Install what is missing in a step before, in the same job; or run"),
        ("go: example.com/x@v1.0.0: module lookup disabled by GOPROXY=off", "since the sandbox has no network; or run"),
        ("getaddrinfo EAI_AGAIN registry.npmjs.org", "since the sandbox has no network; or run"),
        ("AssertionError: nothing of the kind", "To try it, run `sh check.sh` by hand with the patch"),
        ("", "To try it, run `sh check.sh` by hand with the patch"),
    ],
)
def test_what_can_be_done_follows_from_the_error(said: str, remedy: str, top: Path) -> None:
    report = tried(patch_tester(top, answers(red=Ran(1, stderr=f"{said}\nlast line\n".encode()))))
    assert report.step is Step.CANNOT_BE_TRIED
    assert said in report.detail
    assert remedy in report.remedy


def test_a_command_that_is_ended_without_the_patch_says_nothing_of_it(top: Path) -> None:
    report = tried(patch_tester(top, answers(red=Ran(137, stopped=Stop.MEMORY))))
    assert (report.step, report.detail) == (
        Step.CANNOT_BE_TRIED,
        "without it the command was ended (by its limit of memory_bytes)",
    )


def test_where_nothing_is_known_of_the_failure_nothing_can_be_proved(top: Path) -> None:
    report = patch_tester(top, answers()).attempt(Trial("k", FIX))
    assert report.step is Step.CANNOT_BE_TRIED
    assert "nothing is known of how the run did" in report.detail


OTHERS = "FAILED tests/test_b.py::test_b - PermissionError: [Errno 1] Operation not permitted"


@pytest.mark.parametrize(
    ("left", "code", "step"),
    [
        (OTHERS, 1, Step.PARTLY_VERIFIED),
        (f"{OTHERS}\n{SAYS}", 1, Step.NOT_GREEN),
        (f"{OTHERS}\nFAILED tests/test_c.py::test_c - assert 1 == 2", 1, Step.NOT_GREEN),
        (f"{OTHERS}\npanic: runtime error: index out of range [3] with length 3", 1, Step.NOT_GREEN),
        (OTHERS, 2, Step.NOT_GREEN),
        ("", 1, Step.NOT_GREEN),
    ],
)
def test_others_that_fail_here_anyway_leave_it_proved_in_part(left: str, code: int, step: Step, top: Path) -> None:
    sandbox = answers(red=Ran(1, f"{OTHERS}\n{SAYS}\n".encode()), green=Ran(code, left.encode()))
    report = tried(patch_tester(top, sandbox))
    assert report.step is step
    if step is Step.PARTLY_VERIFIED:
        gone = "the failure that it is for is gone; 1 test fails here with and without it (exit 1)"
        assert report.detail == f"{gone}: {OTHERS}"
        assert report.is_offered


def test_a_secret_above_the_quoted_line_is_not_quoted(top: Path) -> None:
    key = "BEGIN\nError: c2VjcmV0\nEND"
    red = Ran(1, f"first\n{key}\nlast\n".encode())
    report = tried(patch_tester(top, answers(red=red), redact=lambda text: text.replace(key, "‹secret›")))
    assert "c2VjcmV0" not in report.detail


def test_the_last_line_of_the_output_is_quoted_without_secrets_colours_or_hidden_characters(top: Path) -> None:
    said = Ran(1, b"first\n\x1b[31mbad secret\x07\x1b[0m" + b"x" * 500 + b"\n\n")
    sandbox = answers(green=said)
    report = tried(patch_tester(top, sandbox, redact=lambda text: text.replace("secret", "***")))
    start = "the command still fails with it (exit 1): bad ***<U+0007>x"
    assert report.detail.startswith(start)
    assert len(report.detail) < 260


def test_the_tree_as_it_is_is_run_once_for_all_trials(top: Path) -> None:
    sandbox = answers()
    patch_tester_ = patch_tester(top, sandbox)
    assert [tried(patch_tester_).step, tried(patch_tester_).step] == [Step.VERIFIED] * 2
    assert [len(asked.files) for asked in sandbox.trials] == [0, 1, 1]


def test_no_run_is_begun_when_the_time_is_up_and_none_outlasts_it(top: Path) -> None:
    now = iter([0.0, 288.0, 296.0])
    sandbox = answers()
    report = tried(patch_tester(top, sandbox, clock=lambda: next(now)))
    assert (report.step, report.detail) == (Step.APPLIES, "it was not run: no time was left")
    assert [asked.limits.wall_seconds for asked in sandbox.trials] == [12.0]


@pytest.mark.parametrize(
    ("patch", "step", "detail"),
    [
        ("no patch", Step.DOES_NOT_APPLY, "it is no unified diff"),
        (FIX.replace("-echo 1", "-echo 7"), Step.DOES_NOT_APPLY, "do not stand in app.sh like this"),
        (FIX.replace("app.sh", "none.sh"), Step.DOES_NOT_APPLY, "none.sh, which is not there"),
        (FIX.replace("app.sh", "../app.sh"), Step.REFUSED, "not a plain one below"),
        (FIX.replace("echo 2", "echo 1 || true"), Step.REFUSED, "hides an exit code"),
        (FIX.replace("app.sh", "link"), Step.REFUSED, "link, which is a link"),
        (FIX.replace("app.sh", "link/new"), Step.REFUSED, "below what is no directory"),
        (FIX.replace("app.sh", "SECRET"), Step.REFUSED, "kept from models (SECRET)"),
        (FIX.replace("app.sh", "large"), Step.DOES_NOT_APPLY, "larger than 500,000 bytes"),
        (FIX.replace("app.sh", "binary"), Step.DOES_NOT_APPLY, "binary, which is no text"),
        ("--- /dev/null\n+++ b/a.json\n@@ -0,0 +1 @@\n+{\n", Step.DOES_NOT_PARSE, "a.json would not parse with it"),
        ("--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-x = 1\n+x = (1\n", Step.DOES_NOT_PARSE, "b.py would not parse with it"),
        ("--- a/c.json\n+++ b/c.json\n@@ -1 +1 @@\n-// 1\n+// 2\n", Step.APPLIES, "no `verify-command`"),
    ],
)
def test_what_is_wrong_with_a_patch_is_said_before_anything_is_run(
    patch: str, step: Step, detail: str, top: Path
) -> None:
    files: dict[str, bytes | str | Link | int] = {**FILES, "link": Link("/etc"), "SECRET": "echo 1\n"}
    library = FakeLibrary({**files, "large": MAX_BYTES + 1, "binary": b"\xff\0", "b.py": "x = 1\n", "c.json": "// 1\n"})
    report = tried(patch_tester(top, FakeSandbox(), "", library=library), patch)
    assert report.step is step
    assert detail in report.detail
    assert bool(report.patch) is (step is Step.APPLIES)


def test_what_is_offered_is_of_the_commit_and_what_is_run_is_of_the_working_tree(top: Path) -> None:
    (top / "app.sh").write_text("# merged\necho 1\n")
    sandbox = answers()
    report = tried(patch_tester(top, sandbox))
    assert report.step is Step.VERIFIED
    assert "merged" not in report.patch
    assert sandbox.trials[-1].files == {"app.sh": b"# merged\necho 2\n"}
    (top / "app.sh").write_text("echo 7\n")
    report = tried(patch_tester(top, sandbox))
    assert report.step is Step.DOES_NOT_APPLY
    assert "to the working tree, where it would be tried" in report.detail


def test_a_link_in_the_working_tree_is_not_followed(top: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("echo 1\n")
    (top / "app.sh").unlink()
    (top / "app.sh").symlink_to(tmp_path / "outside")
    assert tried(patch_tester(top, FakeSandbox())).step is Step.DOES_NOT_APPLY
    (top / "dir").symlink_to(tmp_path)
    patch = "--- /dev/null\n+++ b/dir/new\n@@ -0,0 +1 @@\n+x\n"
    assert "which a link leads to" in tried(patch_tester(top, FakeSandbox()), patch).detail


def test_the_programs_of_the_job_can_be_used_in_there(box: LocalSandbox, top: Path) -> None:
    (top / "test_app.py").write_text("def test_app():\n    assert open('app.sh').read() == 'echo 2\\n'\n")
    here = {"HOME": os.environ.get("HOME", "/root"), "PATH": f"{Path(sys.executable).parent}:/usr/bin"}
    readable, environment = surroundings(here)
    around = Surroundings(box, lambda: 0.0, LIMITS, readable=readable, environment=environment)
    commands = "python -m pytest -q -p no:cacheprovider test_app.py"
    patch_tester_ = LocalPatchTester(
        top, FakeLibrary(FILES), commands, around, parsers={}, denied=str.isupper, redact=str
    )
    report = tried(patch_tester_)
    assert (report.step, report.detail) == (Step.VERIFIED, "the command fails without it and passes with it")
