"""Hands a box to its launcher and listens until it has ended, whatever the command does to be listened to longer."""

import json
import os
import selectors
import subprocess
import tempfile
import time
from dataclasses import replace
from typing import IO, cast

from cicd_agent.adapters.sandbox.launcher import READY, launcher
from cicd_agent.adapters.sandbox.spec import PATH, Box, python
from cicd_agent.domain.trials.sandbox import Ran, SandboxUnavailable, Stop

_GRACE = 10.0
"""Seconds for which a launcher may be late before it is killed itself."""
_LINGER = 1.0
"""Seconds for which output is awaited from a launcher that has gone."""
_CHUNK = 1 << 16


def launch(box: Box) -> Ran:
    """Run the box. Raises SandboxUnavailable when it could not be closed around the command."""
    source, report = os.pipe()
    with os.fdopen(source, "rb", buffering=0) as status, tempfile.TemporaryFile() as given:
        try:
            given.write(replace(box, caller=os.getpid(), status=report).dump())
            given.seek(0)
            process = subprocess.Popen(  # noqa: S603  our own interpreter, and our own program
                launcher(python(), "supervise"),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(report,),
                cwd=box.folder,
                # Nothing of ours: what the launcher has in its environment is nothing to be stolen.
                env={"PATH": PATH, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        finally:
            os.close(report)
        with process:
            try:
                result, out, err, over = _listen(process, status, box)
            finally:
                # The launcher clears up; if it cannot, it is ended.
                process.terminate()
                try:
                    process.wait(_GRACE)
                except subprocess.TimeoutExpired:
                    process.kill()
    last = (err.decode("utf-8", "replace").strip().splitlines() or ["its launcher was killed"])[-1]
    if not result:
        raise SandboxUnavailable("the sandbox broke down", why=last)
    code, stopped, fault, left = json.loads(result)
    if not fault.startswith(READY) and not stopped and not over:
        raise SandboxUnavailable("the sandbox could not be set up", why=fault or last)
    unended = f"\n{left} processes of the command could not be ended" if left else ""
    err += f"{fault.removeprefix(READY)}{unended}".encode()
    return Ran(code, out, err, Stop.OUTPUT if over else Stop(stopped) if stopped else None)


def _listen(process: subprocess.Popen[bytes], status: IO[bytes], box: Box) -> tuple[bytes, bytes, bytes, bool]:
    """The launcher's report, standard output and error up to their limit, and whether there was more."""
    report, out, err = bytearray(), bytearray(), bytearray()
    limit = int(box.limits["output_bytes"])
    end = time.monotonic() + box.limits["wall_seconds"] + _GRACE
    over = False
    with selectors.DefaultSelector() as selector:
        selector.register(cast("IO[bytes]", process.stdout), selectors.EVENT_READ, out)
        selector.register(cast("IO[bytes]", process.stderr), selectors.EVENT_READ, err)
        selector.register(status, selectors.EVENT_READ, report)
        while selector.get_map() and (left := end - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                    if key.data is report:
                        end = min(end, time.monotonic() + _LINGER)
                elif key.data is report:
                    report += chunk
                else:
                    remaining = limit - len(out) - len(err)
                    key.data.extend(chunk[:remaining])
                    if len(chunk) > remaining and not over:
                        over = True
                        process.terminate()
    return bytes(report), bytes(out), bytes(err), over
