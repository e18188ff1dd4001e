"""Hands a box to its launcher and listens until it has ended, whatever the command does to be heard longer."""

import json
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, cast

from cicd_agent.adapters.sandbox.launcher import READY, launcher
from cicd_agent.adapters.sandbox.mounts import PATH, python
from cicd_agent.adapters.sandbox.spec import Box
from cicd_agent.domain.trials.sandbox import SandboxUnavailable

_GRACE = 10.0
"""Seconds for which a launcher may be late before it is killed itself."""
_LINGER = 1.0
"""Seconds for which output is awaited from a launcher that has gone."""
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Launched:
    """What came out of a box. `fault` says why the command could not be started, `over` that output was cut."""

    code: int
    stopped: str
    fault: str
    left: int
    stdout: bytes
    stderr: bytes
    over: bool


def launch(box: Box) -> Launched:
    """Run the box. Raises SandboxUnavailable when it could not be closed around the command."""
    status_read, tell = os.pipe()
    try:
        with _launcher(replace(box, caller=os.getpid(), status=tell), tell) as process:
            os.close(tell)
            tell = -1
            out, err, status, over = _listen(process, status_read, box)
    finally:
        os.close(status_read)
        if tell >= 0:
            os.close(tell)
    return _launched(status, out, err, over=over)


def _launched(status: bytes, out: bytes, err: bytes, *, over: bool) -> Launched:
    last = (err.decode("utf-8", "replace").strip().splitlines() or ["its launcher was killed"])[-1]
    if not status:
        raise SandboxUnavailable("the sandbox broke down", why=last)
    code, stopped, fault, left = json.loads(status)
    if not fault.startswith(READY) and not stopped and not over:
        raise SandboxUnavailable("the sandbox could not be set up", why=fault or last)
    return Launched(code, stopped, fault.removeprefix(READY), left, out, err, over)


@contextmanager
def _launcher(box: Box, tell: int) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as given:
        given.write(box.dump())
        given.seek(0)
        process = subprocess.Popen(  # noqa: S603  our own interpreter, and our own program
            launcher(python(), "supervise"),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(tell,),
            cwd=box.room,
            # Nothing of ours: what the launcher has in its environment is nothing to be stolen.
            env={"PATH": PATH, "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    with process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let the launcher clear up; if it cannot, end it."""
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _listen(process: subprocess.Popen[bytes], status_read: int, box: Box) -> tuple[bytes, bytes, bytes, bool]:
    """Standard output and error up to their limit, the launcher's report, and whether there was more."""
    out, err, status = bytearray(), bytearray(), bytearray()
    limit = int(box.limits["output_bytes"])
    end = time.monotonic() + box.limits["wall_seconds"] + _GRACE
    over = False
    with selectors.DefaultSelector() as selector:
        selector.register(cast("IO[bytes]", process.stdout), selectors.EVENT_READ, out)
        selector.register(cast("IO[bytes]", process.stderr), selectors.EVENT_READ, err)
        selector.register(status_read, selectors.EVENT_READ, status)
        while selector.get_map() and (left := end - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                    if key.data is status:
                        end = min(end, time.monotonic() + _LINGER)
                elif key.data is status:
                    status += chunk
                else:
                    remaining = limit - len(out) - len(err)
                    key.data.extend(chunk[:remaining])
                    if len(chunk) > remaining and not over:
                        over = True
                        process.terminate()
    return bytes(out), bytes(err), bytes(status), over
