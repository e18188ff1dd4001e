"""Every way to ask for the time gives the later one; run in processes of their own, since clocks stay put forward."""

import subprocess
import sys
from pathlib import Path

import pytest

import cicd_agent.pytest_worker

PROGRAM = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("clocks", sys.argv[1])
clocks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(clocks)
clocks.put_forward(400 * 86_400)
import datetime, time
print({expression})
"""


@pytest.mark.parametrize(
    "expression",
    [
        "int(time.time() - real)",
        "int(time.mktime(time.localtime()) - real)",
        "int(time.mktime(time.strptime(time.strftime('%Y-%m-%d %H:%M:%S'), '%Y-%m-%d %H:%M:%S')) - real)",
        "int(time.mktime(time.strptime(time.asctime())) - real)",
        "int(time.mktime(time.strptime(time.ctime())) - real)",
        "int(datetime.datetime.now().timestamp() - real)",
        "int(datetime.datetime.now(datetime.timezone.utc).timestamp() - real)",
        "int((datetime.date.today() - datetime.date.fromtimestamp(real)).total_seconds())",
    ],
)
def test_the_clock_is_put_forward_however_it_is_read(expression: str) -> None:
    program = PROGRAM.replace("import importlib", "import time; real = time.time()\nimport importlib", 1)
    clocks = Path(cicd_agent.pytest_worker.__file__).parent / "clocks.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program.replace("{expression}", expression), str(clocks)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) // 3_600 == pytest.approx(400 * 24, abs=24)
