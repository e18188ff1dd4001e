"""The fake GitHub, and a repository there whose last push may be deployed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jobs.gate import GateJobs
from tests.support.servers.github.app import FakeGitHub


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub) -> GateJobs:
    return GateJobs(tmp_path, hub)
