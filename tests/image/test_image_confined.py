"""What the agent can do in its container: asked from the inside, with a real Docker."""

import json
from pathlib import Path

import pytest

from tests.image.running import docker, needs_image, python

pytestmark = needs_image


def test_it_has_no_rights_and_cannot_get_any() -> None:
    ran = python("print(open('/proc/self/status').read())")
    status = dict(line.split(":\t") for line in ran.out.splitlines() if ":\t" in line)
    assert {
        name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")
    } == dict.fromkeys(("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"), 0)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert status["Uid"].split() == ["10001"] * 4


def test_nothing_can_be_written_but_what_is_given_to_it(tmp_path: Path) -> None:
    output, workspace = tmp_path / "output", tmp_path / "workspace"
    for folder in (output, workspace):
        folder.mkdir()
    output.chmod(0o777)
    workspace.chmod(0o777)
    probe = """
import json, os
written = []
for top, folders, names in os.walk("/", followlinks=False):
    if top in ("/proc", "/sys"):
        folders.clear()
        continue
    try:
        open(os.path.join(top, "probe"), "x").close()
        written.append(top)
    except OSError:
        pass
print(json.dumps(written))
"""
    ran = python(probe, "--volume", f"{output}:{output}", "--volume", f"{workspace}:{workspace}:ro")
    assert ran.exit == 0, ran.err
    # /dev and its shared memory are a file system of the container's own, which ends with it.
    written = [name for name in json.loads(ran.out) if not name.startswith("/dev")]
    assert sorted(written) == sorted(["/tmp", str(output)])
    assert list(workspace.iterdir()) == []


def test_it_sees_no_docker_and_no_network() -> None:
    probe = """
import os, socket
print(os.path.exists("/var/run/docker.sock") or os.path.exists("/run/docker.sock"))
try:
    socket.create_connection(("192.0.2.1", 80), 2)
    print("connected")
except OSError as error:
    print("unreachable")
"""
    assert python(probe).out.split() == ["False", "unreachable"]


def test_memory_has_an_end() -> None:
    ran = python("held = []\nwhile True: held.append(bytearray(50_000_000))", "--memory=256m", "--memory-swap=256m")
    assert ran.exit == 137


def test_processes_have_an_end() -> None:
    probe = """
import os, time
made = 0
try:
    while made < 1000:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        made += 1
except OSError:
    pass
print(made)
"""
    ran = python(probe)
    assert 0 < int(ran.out) < 256


def test_a_container_that_is_killed_is_gone() -> None:
    name = "cicd-agent-test-killed"
    started = docker(
        *("run", "--detach", "--rm", "--name", name, "--network=none", "--entrypoint=/opt/cicd-agent/bin/python"),
        *(_image(), "-I", "-c", "import time; time.sleep(600)"),
    )
    assert started.returncode == 0, started.stderr
    assert docker("kill", name).returncode == 0
    docker("wait", name)
    assert name.encode() not in docker("ps", "--format", "{{.Names}}").stdout


def _image() -> str:
    from tests.image.running import NAME  # noqa: PLC0415  empty where these tests do not run

    return NAME


@pytest.mark.parametrize("user", ["1001:1001", "65534:65534"])
def test_it_runs_as_whoever_the_runner_is(user: str) -> None:
    ran = python("import os, tempfile; print(os.getuid(), tempfile.gettempdir())", "--user", user)
    assert ran.out.split() == [user.partition(":")[0], "/tmp"]
