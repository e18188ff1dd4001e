"""What a process in the image can and cannot do, seen from inside of a real container."""

import json
import subprocess
from importlib.metadata import distributions
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from image.build import MOST_BYTES, SBOM, Engine, unpacked
from image.sbom import normal
from tests.image.engines import IMAGE, call, contained, image, inside

MODES = ("review", "gen-tests", "analyse-failure", "deploy-gate", "route")
WRITABLE = """
import os
found = []
for folder, folders, _ in os.walk("/"):
    folders[:] = [each for each in folders if os.path.join(folder, each) not in ("/proc", "/sys", "/dev")]
    try:
        with open(os.path.join(folder, "probe"), "w"):
            found.append(folder)
        os.remove(os.path.join(folder, "probe"))
    except OSError:
        pass
print(found)
"""
PROGRAMS = """
import os
print(sorted({name for folder in ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/cicd-agent/bin")
              if os.path.isdir(folder) for name in os.listdir(folder)}))
"""


@pytest.fixture(autouse=True)
def built() -> str:
    return image()


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_describes_itself(mode: str) -> None:
    done = contained(mode, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: cicd-agent {mode} ")


def test_a_process_has_no_rights_and_cannot_get_any() -> None:
    status = dict(
        line.split(":\t", 1) for line in inside("print(open('/proc/self/status').read())").stdout.splitlines() if line
    )
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert set(status["Uid"].split()) == {"10001"}


def test_the_user_is_without_rights_where_nobody_says_so() -> None:
    done = call(
        *("docker", "run", "--rm", "--network=none", "--entrypoint=/opt/cicd-agent/bin/python", image()),
        *("-I", "-c", "import os; print(os.getuid(), os.getgid())"),
    )
    assert done.stdout.split() == ["10001", "10001"]


def test_there_are_three_programs_and_no_shell() -> None:
    names = json.loads(inside(PROGRAMS).stdout.replace("'", '"'))
    assert [name for name in names if not name.startswith("python")] == ["cicd-agent", "git"]
    for program in ("/bin/sh", "bash", "perl", "apt-get", "dpkg"):
        assert contained("-c", "echo reached", entry=program).returncode == 127


def test_nothing_can_be_written_but_the_scratch_folder() -> None:
    found = json.loads(inside(WRITABLE).stdout.replace("'", '"'))
    assert [folder for folder in found if folder != "/tmp" and not folder.startswith("/tmp/")] == []
    assert "/tmp" in found


def test_a_program_that_is_written_there_does_not_run() -> None:
    program = """
import os, subprocess
open("/tmp/x", "wb").write(open("/usr/bin/git", "rb").read())
os.chmod("/tmp/x", 0o755)
try:
    subprocess.run(["/tmp/x", "--version"])
except PermissionError:
    print("refused")
"""
    assert inside(program).stdout == "refused\n"


def test_there_is_no_network_and_no_socket_of_docker() -> None:
    program = """
import os, socket
print(sorted(name for _, name in socket.if_nameindex()))
print([path for path in ("/var/run/docker.sock", "/run/docker.sock") if os.path.exists(path)])
"""
    interfaces, sockets = inside(program).stdout.splitlines()
    assert sockets == "[]"
    assert "'lo'" in interfaces
    assert "eth" not in interfaces


def test_who_takes_more_memory_than_is_given_is_killed() -> None:
    done = inside("x = bytearray(200_000_000); print('reached')", "--memory=64m", "--memory-swap=64m")
    assert (done.returncode, done.stdout) == (137, "")


def test_processes_are_counted() -> None:
    program = """
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
children = []
try:
    for _ in range(100):
        child = os.fork()
        if not child:
            signal.pause()
        children.append(child)
except BlockingIOError:
    print("refused after", len(children))
for child in children:
    os.kill(child, signal.SIGKILL)
"""
    assert inside(program, "--pids-limit=20").stdout == "refused after 19\n"


def test_the_bill_of_materials_in_the_image_is_valid_and_whole() -> None:
    program = f"""
import json
from importlib.metadata import distributions
print(json.dumps([open({SBOM!r}).read(), [[each.metadata["Name"], each.version] for each in distributions()]]))
"""
    text, installed = json.loads(inside(program).stdout)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts: list[dict[str, Any]] = json.loads(text)["components"]
    assert {(normal(name), version) for name, version in installed} <= {
        (each["name"], each["version"]) for each in parts
    }
    assert {normal(name) for name, _ in installed} >= {"openai", "pydantic", "pygithub", "psycopg", "redis"}
    assert not {normal(name) for name, _ in installed} & {"pip", "setuptools", "pytest"}
    assert {"git", "libc6"} <= {each["name"] for each in parts}
    assert len([*distributions()]) != len(installed), "the judge would be this suite's own environment"


def test_the_image_is_small_and_says_what_it_is() -> None:
    assert unpacked(Engine("docker"), IMAGE) <= MOST_BYTES
    [found] = json.loads(call("docker", "image", "inspect", image()).stdout)
    labels = found["Config"]["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"]
    assert found["Config"]["Entrypoint"] == ["cicd-agent"]


def test_git_fetches_over_https_with_what_is_there() -> None:
    done: subprocess.CompletedProcess[str] = contained("ls-remote", "https://localhost/x", entry="git")
    assert done.returncode == 128
    assert "unable to access 'https://localhost/x/'" in done.stderr
