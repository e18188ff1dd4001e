"""Tests in which the time limit of a run strikes wherever the run is."""

import inspect
import os
import signal
from collections.abc import Callable
from typing import Any, TypeVar
from unittest import mock

import pytest

Test = TypeVar("Test", bound=Callable[..., Any])

_ignored = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
_collected = pytest.mark.usefixtures("collect_garbage_after")


def strikes_anywhere(test: Test) -> Test:
    """Ignore what Python warns of when it loses a process or a pipe, and have it warn before the next test begins.

    The signal may come while a process is being started, before anybody has it who would end it.
    """
    marked: Test = _ignored(_collected(test))
    return marked


def strike() -> None:
    os.kill(os.getpid(), signal.SIGALRM)


def struck(owner: Any, name: str) -> Any:
    """Have the alarm strike where a function is called first."""
    real, calls = getattr(owner, name), []

    def striking(*given: Any, **named: Any) -> Any:
        calls.append(name)
        if len(calls) == 1:
            strike()
        return real(*given, **named)

    is_static = isinstance(inspect.getattr_static(owner, name), staticmethod)
    return mock.patch.object(owner, name, staticmethod(striking) if is_static else striking)
