"""Runs a job inside the sandbox: one fresh process for each run, and a signed line about each that nobody can forge.

It imports nothing of the project, and its key and descriptors are out of the reach of what it starts: the job is gone
from the disk before anything runs, its memory is closed to others, and each process is started anew.
"""

from __future__ import annotations

import json
import os
import sys
import time
from binascii import hexlify, unhexlify
from typing import Any

from .inventory import Inventory, rest
from .processes import Ended, run, shut, sweep
from .protocol import believed, plain, signed

_TOLD_IN_ALL = 96 << 20
"""Bytes after which no other run is begun, since somebody has to hold all of it."""
_PATH = 500


def main(job_file: str) -> None:
    """Read the job, take it away, and do it: lines go to standard output."""
    with open(job_file, "rb") as file:
        job = json.loads(file.read())
    os.unlink(job_file)
    for path in job["removed"]:
        if os.path.lexists(path):
            os.unlink(path)
    adopts = shut()
    key = unhexlify(job["key"])
    top = os.getcwd()
    scratch = [os.environ["TMPDIR"], os.environ["HOME"], *job["scratch"]]
    inventory = Inventory(top)
    bare = [rest(location) for location in scratch]
    info = 0
    for number, requested in enumerate(job["runs"]):
        started = time.monotonic()
        home = os.path.join(scratch[0], "run")
        for name in ("", "tmp", "home", "elsewhere"):
            os.mkdir(os.path.join(home, name), 0o700)
        secret = os.urandom(32)
        ended = _session(job, requested, home, secret, top)
        killed, gone = sweep(alone=job["alone"], adopts=adopts)
        seconds = time.monotonic() - started
        left = inventory.left()
        line = signed(key, number, json.dumps(_account(ended, secret, left, killed, seconds)))
        _write(line)
        info += len(line)
        dirty = [rest(location) for location in scratch] != bare
        if left or dirty or not gone or ended.immortal or info > _TOLD_IN_ALL:
            break


def _session(job: dict[str, Any], requested: dict[str, Any], home: str, secret: bytes, top: str) -> Ended:
    environment = {
        **os.environ,
        **requested["environment"],
        "HOME": os.path.join(home, "home"),
        "TMPDIR": os.path.join(home, "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    directory = os.path.join(home, "elsewhere") if requested["elsewhere"] else top
    own = {"top": top, "directory": directory, "key": hexlify(secret).decode()}
    spec = {**job["around"], **requested["spec"], **own}
    command = [sys.executable, os.path.join(os.path.dirname(__file__), "start.py"), "session"]
    return run(command, json.dumps(spec).encode(), environment, top, requested["seconds"])


def _account(ended: Ended, secret: bytes, left: list[str], killed: int, seconds: float) -> dict[str, Any]:
    """What is said of a run: what the process told goes along as it is, for somebody else to read."""
    info = [] if ended.over else list(believed(secret, bytes(ended.told)))
    return {
        "code": ended.code,
        "late": ended.late,
        "over": ended.over,
        "forged": None in info,
        "lines": [content.decode() for content in info if content is not None],
        "printed": ended.printed.decode("utf-8", "replace"),
        "left": [plain(path, _PATH) for path in left],
        "killed": killed,
        "seconds": seconds,
    }


def _write(line: bytes) -> None:
    while line:
        line = line[os.write(1, line) :]
