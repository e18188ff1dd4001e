"""The process in which code of the project runs: reads what is wanted, makes it so, and tells what it saw."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from binascii import unhexlify
from importlib.machinery import PathFinder

from .clocks import put_forward
from .machine import substitute
from .protocol import sender

_KINDS = {"pytest": "pytest_run", "probe": "probe", "ghostwriter": "ghostwriter"}


def main(report: str, *, forked: bool = False) -> None:
    """`report` is the descriptor to report on; what is wanted comes by standard input.

    Where it was `forked`, the clocks are put forward already, and the environment is not there yet.
    """
    with os.fdopen(os.dup(0), "rb") as file:
        requested = json.loads(file.read())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.set_inheritable(int(report), False)  # noqa: FBT003  the function has it so
    send = sender(int(report), unhexlify(requested.pop("key")))
    top = requested["top"]
    if forked:
        _enter(requested["environment"])
    sys.path[:0] = [os.path.join(top, root).rstrip("/") for root in requested["roots"]]
    _pass_on([os.path.normpath(os.path.join(top, root)) for root in requested["inherited"]])
    if requested["overlay"] and requested["overlay"] not in sys.path:
        sys.path.append(requested["overlay"])
    if requested["forward_seconds"] and not forked:
        put_forward(requested["forward_seconds"])
    if requested["other_machine"]:
        substitute()
    if requested["thread_switch"]:
        sys.setswitchinterval(requested["thread_switch"])
    module = importlib.import_module("." + _KINDS[requested["kind"]], __package__)
    if requested["kind"] == "pytest":
        module.main(requested, send)
    else:
        send({"answer": module.main(requested["requests"])})
        send({"end": 0})


def _pass_on(roots: list[str]) -> None:
    """Let the Pythons that tests start find the copy: this comes before `.pth` files and before import hooks.

    Not in the environment of this process itself: modules of the project would be found before those of the library.
    """
    given = os.environ.get("PYTHONPATH", "")
    if path := os.pathsep.join([*roots, *([given] if given else [])]):
        os.environ["PYTHONPATH"] = path


def _enter(environment: dict[str, str]) -> None:
    """Make of this fork of a server what an interpreter would be that begins with this environment."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    path = environment.get("PYTHONPATH")
    if path:
        entries = [os.path.abspath(entry) for entry in path.split(os.pathsep)]
        sys.path[:0] = entries
        # What `site` does last: https://docs.python.org/3/library/site.html
        if PathFinder.find_spec("sitecustomize", entries):
            sys.modules.pop("sitecustomize", None)
            importlib.import_module("sitecustomize")
