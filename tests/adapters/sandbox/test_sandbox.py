"""What a run in the sandbox is for those who ask for one: a copy, an answer, and a clear word when there is none."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.adapters.sandbox.tree import remove
from cicd_agent.domain.trials.sandbox import Limits, Ran, Sandbox, SandboxUnavailable, Stop, Tier, tier_named
from cicd_agent.errors import ConfigError
from tests.adapters.sandbox.range import TIERS, sudo
from tests.support.fakes.ports import FakeSandbox

LIMITS = Limits(wall_seconds=20)
PYTHON = str(Path(sys.executable).resolve())


@pytest.fixture(params=TIERS, scope="module")
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalSandbox:
    return available(request.param, sudo(tmp_path_factory.getbasetemp()))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    path = tmp_path / "tree"
    path.mkdir()
    (path / "data.txt").write_text("data")
    return path


def available(tier: Tier, sudo: Path | None = None) -> LocalSandbox:
    sandbox = LocalSandbox(only=tier, sudo=sudo)
    try:
        sandbox.tier()
    except SandboxUnavailable as error:
        pytest.skip(f"this machine does not have it: {error.why}")
    return sandbox


def python(sandbox: Sandbox, tree: Path, program: str, limits: Limits = LIMITS, **how: object) -> Ran:
    return sandbox.run([PYTHON, "-I", "-S", "-c", program], tree, limits=limits, **how)  # type: ignore[arg-type]


def test_a_command_runs_on_a_copy_that_is_gone_afterwards(box: LocalSandbox, tree: Path) -> None:
    (tree / "sub").mkdir()
    (tree / "sub/script").write_text("#!/bin/sh\necho from a script\n")
    (tree / "sub/script").chmod(0o4755)
    (tree / "link").symlink_to("data.txt")
    os.mkfifo(tree / "fifo")
    ran = box.run(
        ["sh", "-c", "cat data.txt link; sub/script; pwd; ls -A; echo changed >data.txt; exit 3"], tree, limits=LIMITS
    )
    *said, where, _data, _link, _sub = ran.stdout.decode().splitlines()
    assert (said, ran.exit_code, ran.stopped, ran.stderr) == (["datadatafrom a script"], 3, None, b"")
    assert not Path(where).exists()
    assert (tree / "data.txt").read_text() == "data"


def test_git_and_the_tokens_in_its_configuration_are_not_copied(box: LocalSandbox, tree: Path) -> None:
    for place in (tree, tree / "module"):
        (place / ".git").mkdir(parents=True)
        (place / ".git/config").write_text("token")
    (tree / "linked").mkdir()
    (tree / "linked/.git").write_text("gitdir: elsewhere")
    assert box.run(["find", ".", "-name", ".git*"], tree, limits=LIMITS).stdout == b""


def test_names_at_the_top_can_be_left_out_of_the_copy_and_nothing_deeper(box: LocalSandbox, tree: Path) -> None:
    for place in (".venv", "sub/.venv"):
        (tree / place).mkdir(parents=True)
        (tree / place / "pyvenv.cfg").touch()
    ran = box.run(["find", ".", "-name", "*.cfg"], tree, limits=LIMITS, without=[".venv", "missing"])
    assert ran.stdout.decode().split() == ["./sub/.venv/pyvenv.cfg"]


def test_files_are_put_over_the_copy_and_never_through_its_links(box: LocalSandbox, tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("as it was")
    (tree / "linked").symlink_to(outside)
    (tree / "file").symlink_to(outside / "file")
    files = {"linked/file": b"one ", "file": b"two ", "new/deep/file": b"three"}
    ran = box.run(["cat", *files], tree, limits=LIMITS, files=files)
    assert ran.stdout == b"one two three"
    assert (outside / "file").read_text() == "as it was"
    assert [*outside.iterdir()] == [outside / "file"]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "a\0b"])
def test_a_path_that_leaves_the_copy_is_refused(name: str, box: LocalSandbox, tree: Path) -> None:
    with pytest.raises(ConfigError, match="not a path below the copy"):
        box.run(["true"], tree, limits=LIMITS, files={name: b""})


def test_the_environment_is_what_is_given_over_four_names(
    box: LocalSandbox, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "secret")
    ran = box.run(["/usr/bin/env"], tree, limits=LIMITS, environment={"GIVEN": "a\nb", "LANG": "C"})
    names = {line.split(b"=")[0] for line in ran.stdout.splitlines() if b"=" in line}
    assert names == {b"PATH", b"HOME", b"TMPDIR", b"LANG", b"GIVEN"}
    assert b"LANG=C\n" in ran.stdout
    assert b"secret" not in ran.stdout


def test_how_a_command_ended_is_told_as_a_shell_tells_it(box: LocalSandbox, tree: Path) -> None:
    assert box.run(["sh", "-c", "kill -9 $$"], tree, limits=LIMITS).exit_code == 128 + signal.SIGKILL
    missing = box.run(["./no-such-program"], tree, limits=LIMITS)
    assert (missing.exit_code, missing.stderr) == (127, b"./no-such-program: No such file or directory")


def test_output_is_kept_up_to_its_limit(box: LocalSandbox, tree: Path) -> None:
    limits = replace(LIMITS, output_bytes=1000)
    exact = python(box, tree, "import os; os.write(1, b'x' * 600); os.write(2, b'y' * 400)", limits)
    assert (len(exact.stdout), len(exact.stderr), exact.stopped) == (600, 400, None)
    over = python(box, tree, "import os, time; os.write(1, b'x' * 1001); time.sleep(20)", limits)
    assert (len(over.stdout), over.stopped) == (1000, Stop.OUTPUT)


def test_programs_do_in_there_what_programs_do(box: LocalSandbox, tree: Path) -> None:
    ran = python(
        box,
        tree,
        """
import asyncio, ctypes, os, pathlib, shutil, sqlite3, subprocess, sys, tempfile, threading, time
shutil.copy2("data.txt", "copy.txt"); shutil.copytree(".", tempfile.mkdtemp() + "/all")
with tempfile.TemporaryDirectory() as d: pathlib.Path(d, "x").write_text("x")
sqlite3.connect("db").execute("create table t (x)")
child = subprocess.Popen(["sleep", "60"]); child.kill(); assert child.wait() == -9
thread = threading.Thread(target=time.sleep, args=(0.01,)); thread.start(); thread.join()
assert asyncio.run(asyncio.sleep(0, "slept")) == "slept"
async def start(): return await (await asyncio.create_subprocess_exec("true")).wait()
assert asyncio.run(start()) == 0
assert subprocess.run("echo out >/dev/null; true | cat", shell=True).returncode == 0
assert ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 3)() == 3
os.rename("copy.txt", "db2"); os.link("data.txt", "hard"); os.nice(1); pathlib.Path.home().joinpath("x").touch()
""",
    )
    assert (ran.exit_code, ran.stderr) == (0, b"")


def test_a_directory_can_be_made_readable(box: LocalSandbox, tree: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "tool").write_text("#!/bin/sh\necho ran\n")
    (tools / "tool").chmod(0o755)
    line = [str(tools / "tool")]
    assert box.run(line, tree, limits=LIMITS).exit_code in {126, 127}
    assert box.run(line, tree, limits=LIMITS, readable=[tools]).stdout == b"ran\n"
    writing = ["sh", "-c", 'echo x >"$0"', str(tools / "new")]
    assert box.run(writing, tree, limits=LIMITS, readable=[tools]).exit_code != 0
    assert not (tools / "new").exists()
    with pytest.raises(ConfigError, match="does not exist"):
        box.run(line, tree, limits=LIMITS, readable=[tmp_path / "missing"])


def test_a_tree_that_is_too_large_is_refused(box: LocalSandbox, tree: Path) -> None:
    with pytest.raises(ConfigError, match="too large"):
        box.run(["true"], tree, limits=replace(LIMITS, disk_bytes=3))
    with pytest.raises(ConfigError, match="too large"):
        box.run(["true"], tree, limits=replace(LIMITS, files=4))


@pytest.mark.parametrize(("command", "environment"), [([], {}), (["a\0b"], {}), (["true"], {"A": "\0"})])
def test_a_command_that_no_system_call_takes_is_refused(
    command: list[str], environment: dict[str, str], tree: Path
) -> None:
    with pytest.raises(ConfigError):
        LocalSandbox().run(command, tree, limits=LIMITS, environment=environment)


def test_a_command_can_talk_to_itself_where_it_has_a_network_of_its_own(box: LocalSandbox, tree: Path) -> None:
    if not box.tier().has_namespaces:
        pytest.skip("it has none")
    program = """
import multiprocessing, socket
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    server = socket.socket(family); server.bind((host, 0)); server.listen()
    client = socket.create_connection(server.getsockname()[:2]); client.sendall(b"hello")
    assert server.accept()[0].recv(5) == b"hello"
with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]
"""
    for loopback in (False, True):
        ran = python(box, tree, program, loopback=loopback)
        assert (ran.exit_code, ran.stderr, ran.tier) == (0, b"", box.tier())


def test_loopback_is_refused_by_a_tier_that_has_none(tree: Path) -> None:
    with pytest.raises(SandboxUnavailable, match=r"network of its own \(landlock: it has no network\)"):
        LocalSandbox(only=Tier.LANDLOCK).run(["true"], tree, limits=LIMITS, loopback=True)


def test_without_a_sandbox_nothing_runs_unless_that_is_allowed(tree: Path) -> None:
    with pytest.raises(SandboxUnavailable, match=r"this machine has no sandbox \(landlock: .*allow-unsandboxed"):
        LocalSandbox(only=Tier.LANDLOCK, newest_landlock=0).run(["true"], tree, limits=LIMITS)
    with pytest.raises(SandboxUnavailable, match="has to be allowed"):
        LocalSandbox(only=Tier.NONE).run(["true"], tree, limits=LIMITS)
    ran = LocalSandbox(only=Tier.NONE, allow_unsandboxed=True).run(["echo", "ran"], tree, limits=LIMITS)
    assert (ran.stdout, ran.tier) == (b"ran\n", Tier.NONE)


@pytest.mark.parametrize("signalled", ["PIPE", "XFSZ", "INT", "TERM"])
def test_a_command_starts_with_the_signals_of_a_fresh_process(signalled: str, box: LocalSandbox, tree: Path) -> None:
    ran = box.run(["sh", "-c", f"kill -{signalled} $$; sleep 5"], tree, limits=LIMITS)
    assert ran.exit_code == 128 + signal.Signals[f"SIG{signalled}"]


def test_files_keep_their_modes_in_a_file_system_of_its_own(box: LocalSandbox, tree: Path) -> None:
    if not box.tier().has_namespaces:
        pytest.skip("an ordinary user's are left as they are")
    script = (
        "echo 'echo ran' >s; chmod 700 s; ./s; chmod 000 data.txt; cat data.txt; touch /tmp/x /dev/shm/x; ls /proc/1"
    )
    ran = box.run(["sh", "-c", script], tree, limits=LIMITS)
    assert ran.stdout.startswith(b"ran\n")
    assert b"cmdline" in ran.stdout
    assert ran.stderr == b"cat: data.txt: Permission denied\n"


def test_the_choice_says_why_no_better_tier_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    available(Tier.NAMESPACES)
    monkeypatch.setattr("cicd_agent.adapters.sandbox.sandbox.installed", lambda _: None)
    sandbox = LocalSandbox()
    assert str(sandbox.choice()) == "namespaces; not bubblewrap: it is not installed"
    assert tier_named(str(sandbox.choice())) == "namespaces"
    assert sandbox.tier(loopback=True) is Tier.NAMESPACES


@pytest.fixture
def refused(tree: Path) -> Path:
    """A machine's sudo that lets nobody do anything without a password, and keeps what it was called with."""
    program = tree.parent / "sudo"
    program.write_text(
        f"#!/bin/sh\nprintf '%s ' \"$@\" >{tree.parent}/called\necho 'sudo: a password is required' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    return program


def test_sudo_is_called_with_one_fixed_line_and_its_refusal_is_told(refused: Path) -> None:
    sandbox = LocalSandbox(only=Tier.SUDO, sudo=refused)
    with pytest.raises(SandboxUnavailable, match="sudo: a password is required"):
        sandbox.tier()
    line = (refused.parent / "called").read_text()
    assert line.startswith(f"-n -- /usr/bin/env -i {PYTHON} -I -S -B -c import sys; ")
    assert "tree" not in line


def test_sudo_is_not_called_unless_it_is_given() -> None:
    with pytest.raises(SandboxUnavailable, match="sudo: it is only for runners that GitHub hosts"):
        LocalSandbox(only=Tier.SUDO).tier()


def test_the_strongest_tier_is_taken(tree: Path) -> None:
    available(Tier.BUBBLEWRAP)
    assert LocalSandbox(allow_unsandboxed=True).run(["true"], tree, limits=LIMITS).tier is Tier.BUBBLEWRAP


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    path = tmp_path / "rooms"
    path.mkdir()
    return path


@pytest.fixture
def agent(tree: Path, rooms: Path, box: LocalSandbox) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Another process that runs a daemon in the sandbox, and what the daemon's command line holds."""
    sudo(rooms.parent)
    nap = f"{os.getpid()}{time.monotonic_ns() % 10**6}"
    program = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[3] / "src")!r})
from pathlib import Path
from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.domain.trials.sandbox import Limits, Tier
sudo, rooms = Path({str(rooms.parent / "sudo")!r}), Path({str(rooms)!r})
LocalSandbox(only=Tier({str(box.tier())!r}), sudo=sudo, scratch=rooms).run(
    ["sh", "-c", "setsid sleep {nap} & sleep {nap}"], Path({str(tree)!r}), limits=Limits())
"""
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        while running(nap) < 3:
            time.sleep(0.02)
        yield process, nap
        process.kill()


def running(nap: str) -> int:
    found = 0
    # Path.glob raises for a process that ends meanwhile.
    for path in (folder / "cmdline" for folder in Path("/proc").iterdir() if folder.name.isdigit()):
        try:
            found += nap.encode() in path.read_bytes().replace(b"\0", b" ") and b"python" not in path.read_bytes()
        except OSError:
            continue
    return found


def eventually(holds: Callable[[], bool]) -> bool:
    for _ in range(500):
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_when_the_agent_is_killed_nothing_of_its_commands_stays(
    agent: tuple[subprocess.Popen[bytes], str], rooms: Path
) -> None:
    process, nap = agent
    assert [*rooms.iterdir()]
    process.kill()
    assert eventually(lambda: not running(nap))
    assert eventually(lambda: not [*rooms.iterdir()])


def test_when_the_agent_is_interrupted_nothing_of_its_commands_stays(
    agent: tuple[subprocess.Popen[bytes], str], rooms: Path
) -> None:
    process, nap = agent
    process.send_signal(signal.SIGINT)
    assert process.wait() != 0
    assert not running(nap)
    assert not [*rooms.iterdir()]


def test_a_room_is_removed_however_deep_it_is(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    here = os.open(room, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    (room / "closed").mkdir(0o000)
    (room / "link").symlink_to("/etc")
    remove(room)
    assert not room.exists()


def test_the_fake_answers_as_it_is_told(tree: Path) -> None:
    fake = FakeSandbox(lambda trial: Ran(7 if trial.loopback else 0))
    assert fake.run(["a"], tree, limits=LIMITS).exit_code == 0
    assert fake.run(["b"], tree, limits=LIMITS, loopback=True, files={"x": b""}).exit_code == 7
    assert [trial.command for trial in fake.trials] == [("a",), ("b",)]
