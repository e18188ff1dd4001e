"""A test runner over a small project, with the interpreter of the tests as the project's own."""

import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.adapters.test_runner.runner import LocalPytestRunner
from cicd_agent.adapters.toolchain.interpreter import Toolchain
from cicd_agent.domain.ports.test_runner import Interpreter
from cicd_agent.domain.trials.sandbox import Limits, SandboxUnavailable, Tier
from tests.support.project_python import project_python

TOOLCHAIN = Toolchain(
    Interpreter(
        str(project_python()),
        ".".join(map(str, sys.version_info[:3])),
        {name: version(name) for name in ("pytest", "coverage", "hypothesis")},
    ),
    project_python(),
    readable=tuple({project_python().parent.parent, Path(sys.base_prefix).resolve()}),
)
CALC = """\
def grade(points):
    if points >= 90:
        return "A"
    return "B"


def unused():
    return 1
"""
TESTS = """\
from calc import grade


def test_best():
    assert grade(90) == "A"


def test_other():
    assert grade(1) == "B"
"""


class PlainStyler:
    """Is content with everything."""

    def style(self, files: Mapping[str, str]) -> Mapping[str, str]:
        del files
        return {}

    def formatted(self, files: Mapping[str, str]) -> Mapping[str, str]:
        return files


@cache
def _local(only: Tier | None) -> LocalSandbox:
    """One for all tests: what the machine has is tried out once."""
    return LocalSandbox(only=only)


def sandbox(only: Tier | None = None) -> LocalSandbox:
    """The strongest of this machine; skips the test where there is none."""
    found = _local(only)
    try:
        found.tier()
    except SandboxUnavailable as error:
        pytest.skip(f"this machine has no sandbox: {error.why}")
    return found


def pytest_runner(
    top: Path,
    files: Mapping[str, str],
    *,
    within: LocalSandbox | None = None,
    base: Mapping[str, str | None] | None = None,
    toolchain: Toolchain = TOOLCHAIN,
    limits: Limits | None = None,
    seconds: float = 300,
    clock: Callable[[], float] = time.monotonic,
    redact: Callable[[str], str] = str,
    width: int = 1,
    head: Mapping[str, str] | None = None,
) -> LocalPytestRunner:
    """Over a project of these files, which are written below `top`."""
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    return LocalPytestRunner(
        top,
        toolchain,
        within or sandbox(),
        clock,
        seconds,
        base=base or {},
        limits=limits or Limits(),
        redact=redact,
        style_checker=PlainStyler(),
        width=width,
        head=head,
    )
