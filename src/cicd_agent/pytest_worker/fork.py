"""Does work in a fork of this process, which can neither end nor change the process that waits for it."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import random
import resource
import select
import signal
import sys
import threading
import warnings
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Optional

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_RESULT = 70
_TICK = 0.2
_GRACE = 0.5
"""Seconds after which a fork ends itself, when it should have been ended."""
_REAP_SECONDS = 15.0
"""How long to wait for a fork that ends itself: on a busy machine it gets to that late."""
_MAX_BYTES = 4 << 20


class Ended(NamedTuple):
    """How a fork ended: its `result`, None without one, and as `os.wait` has it, None when its time was up."""

    result: Any
    status: Optional[int]  # noqa: UP045  evaluated by Python 3.9 too
    is_unreadable: bool = False
    """Whether something else wrote in place of a result."""


def in_fork(work: Callable[[], Any], seconds: float) -> Ended:
    """What `work` returns, as JSON. The fork and all of its group are gone afterwards. Raises OSError without one."""
    # What the code under test writes to every descriptor it finds does not begin with this.
    token = os.urandom(16).hex().encode()
    chances = random.getstate()
    source, sink = os.pipe()
    try:
        try:
            child = _fork()
            if not child:
                _child(work, seconds, sink, token, chances)
        finally:
            os.close(sink)
        text, status = _received(child, source, seconds)
    finally:
        os.close(source)
    with contextlib.suppress(ValueError):
        if text.startswith(token):
            return Ended(json.loads(text[len(token) :]), status)
    return Ended(None, status, is_unreadable=bool(text))


def _fork() -> int:
    with warnings.catch_warnings():
        # Of threads, in 3.12 and later: that tests pass in a fork is checked for each kill.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _child(work: Callable[[], Any], seconds: float, sink: int, token: bytes, chances: Any) -> NoReturn:
    try:
        _settle(chances, seconds)
        data = token + json.dumps(work()).encode() + b"\n"
        while data:
            data = data[os.write(sink, data) :]
    finally:
        # Nothing may go up from here into the session that this is a copy of.
        os._exit(_NO_RESULT)


def _settle(chances: Any, seconds: float) -> None:
    """Make a fork ready: a process group of its own, nowhere to write to, no measuring, an end, half of the memory."""
    os.setpgid(0, 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    sys.settrace(None)
    threading.settrace(None)
    monitoring: Any = getattr(sys, "monitoring", None)
    for tool in range(6 if monitoring else 0):
        if monitoring.get_tool(tool) is not None:
            monitoring.set_events(tool, 0)
    faulthandler.disable()
    # There are sandboxes in which no process may signal another.
    faulthandler.dump_traceback_later(seconds + _GRACE, exit=True, file=nowhere)
    # pytest does this whenever a test fails, and waits for the thread that watches the time.
    faulthandler.cancel_dump_traceback_later = _nothing
    # Code that never stops to fill a list must not end the whole run by its limit.
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, hard = resource.getrlimit(limit)
        if soft != resource.RLIM_INFINITY:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(limit, (soft // 2, hard))
    # A fork draws other numbers than its parent would: that is no difference that a mutant makes.
    random.setstate(chances)


def _nothing() -> None:
    pass


def _received(child: int, source: int, seconds: float) -> tuple[bytes, int | None]:
    """What a fork writes, to the end of a line, and its status; None when it had to be ended for its time."""
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    poll = select.poll()
    poll.register(source, select.POLLIN)
    ends, text, silent, status = monotonic() + seconds, b"", False, None
    try:
        while monotonic() < ends and not text.endswith(b"\n") and len(text) <= _MAX_BYTES and status is None:
            left = max(0.0, min(_TICK, ends - monotonic()))
            if silent:
                sleep(min(left, 0.005))
            elif poll.poll(left * 1000):
                chunk = os.read(source, 1 << 16)
                text, silent = text + chunk, not chunk
                continue
            # It may have ended while something that it started still holds the pipe.
            ended, code = os.waitpid(child, os.WNOHANG)
            status = code if ended else None
    finally:
        _end(child, reaped=status is not None)
    return text, status


def _end(child: int, *, reaped: bool) -> None:
    """End a fork and its group; where no process may signal another the fork ends itself, which is waited for."""
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    if reaped:
        return
    with contextlib.suppress(OSError):
        # It may have gone to another group.
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return
    ends = monotonic() + _REAP_SECONDS
    while monotonic() < ends:
        try:
            if os.waitpid(child, os.WNOHANG)[0]:
                return
        except OSError:
            return
        sleep(0.001)
