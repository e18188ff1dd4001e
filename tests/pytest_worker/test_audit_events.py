"""Which temporary files a test writes under a name of its own choice, as a process of its own sees it."""

import json
import os
import subprocess
import sys
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"
PROGRAM = """
import json, os, pathlib, tempfile
from cicd_agent.pytest_worker.audit_events import TemporaryFiles
watch = TemporaryFiles()
top = pathlib.Path(tempfile.gettempdir())
(top / "out.txt").write_text("x")
(top / "out.txt").read_text()
(top / "folder").mkdir(exist_ok=True)
(top / "pytest-of-me").mkdir()
with open(top / "folder" / ".." / "log.bin", "ab") as file:
    file.write(b"x")
os.close(os.open(top / "low", os.O_CREAT | os.O_WRONLY))
tempfile.mkstemp(prefix="drawn-")
open(__file__).close() if "__file__" in globals() else None
for number in range(40):
    (top / f"many-{number}").write_text("x")
first = list(watch.written)
watch.written.clear()
(top / "second").write_text("x")
print(json.dumps([first, list(watch.written)]))
"""


def test_what_is_written_below_the_temporary_directory_is_noticed(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SRC), "TMPDIR": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=True)
    first, second = json.loads(ran.stdout)
    assert first[:4] == ["out.txt", "folder", "log.bin", "low"]
    assert first[4].startswith("drawn-")
    assert len(first) == 20
    assert second == ["second"]
