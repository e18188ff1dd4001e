"""Tests in which the time limit of a run strikes wherever the run is."""

from collections.abc import Callable
from typing import Any, TypeVar

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
