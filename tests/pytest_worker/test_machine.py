"""What programs show of a machine is another, what they decide by stays; run in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cicd_agent.pytest_worker

PROGRAM = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("machine", sys.argv[1])
machine = importlib.util.module_from_spec(spec)
spec.loader.exec_module(machine)
if sys.argv[2] == "other":
    machine.substitute()
import getpass, locale, os, platform, shutil, socket, subprocess
def free(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0
child = "import os; print(os.environ['HOME'], os.environ.get('COLUMNS'))"
print(json.dumps({
    "varied": {
        "processors": os.cpu_count(), "usable": len(os.sched_getaffinity(0)), "Python": platform.python_version(),
        "version": sys.version, "platform": platform.platform(), "node": platform.node(),
        "machine": platform.machine(), "release": platform.release(), "user": getpass.getuser(),
        "home": os.path.expanduser("~"), "host": socket.gethostname(), "terminal": list(shutil.get_terminal_size()),
        "free": shutil.disk_usage("/").free // 10**8, "language": os.environ.get("LANG"),
        "child": subprocess.run([sys.executable, "-I", "-S", "-c", child], capture_output=True, text=True).stdout,
    },
    "kept": [
        list(sys.version_info), sys.platform, os.name, platform.system(), sys.implementation.cache_tag, os.getuid(),
        os.uname().machine,
    ],
    "taken": sum(not free(port) for port in machine._PORTS),
    "home is there": os.path.isdir(os.path.expanduser("~")),
}))
"""


def said(folder: Path, which: str) -> dict[str, Any]:
    machine = Path(cicd_agent.pytest_worker.__file__).parent / "machine.py"
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(machine), which],
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_another_machine_shows_other_things_and_what_code_decides_by_stays(tmp_path: Path) -> None:
    here, there = said(tmp_path, "this"), said(tmp_path, "other")
    assert [name for name, value in here["varied"].items() if value == there["varied"][name]] == []
    assert here["kept"] == there["kept"]
    assert there["home is there"]
    # By us, or by somebody who had it before.
    assert there["taken"] == 8
