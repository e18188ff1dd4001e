import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.telemetry import metrics_file
from cicd_agent.adapters.telemetry.metrics_file import add_to
from cicd_agent.domain.metric import Sample, added
from cicd_agent.errors import ConfigError
from cicd_agent.insights.metrics import registry
from cicd_agent.insights.metrics.prometheus_text import exposition, parse

ONE = (registry.sample("escalations_total", mode="review"), registry.sample("run_seconds", 2, mode="review"))
ADDING = """
import sys
from pathlib import Path
from tests.adapters.telemetry.test_metrics_file import add
from cicd_agent.insights.metrics import registry
for _ in range(25):
    add(Path(sys.argv[1]), [registry.sample("escalations_total", mode="review")])
"""


def add(path: Path, samples: Sequence[Sample] = ONE, **how: Any) -> None:
    add_to(path, lambda text: exposition(added(parse(text), samples)), **how)


def test_runs_add_up_in_a_file_that_everybody_may_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cicd-agent.prom"
    before = os.umask(0o077)
    try:
        for _ in range(3):
            add(path)
    finally:
        os.umask(before)
    assert {each.metric.name: each.value for each in parse(path.read_text())} == {
        "cicd_agent_escalations_total": 3,
        "cicd_agent_run_seconds": 6,
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [each.name for each in path.parent.glob("*.prom")] == ["cicd-agent.prom"], "the collector reads no other"


def test_processes_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    command = [sys.executable, "-c", ADDING, str(path)]
    running = [subprocess.Popen(command, env={"PYTHONPATH": os.pathsep.join(sys.path)}) for _ in range(3)]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    assert parse(path.read_text()) == (registry.sample("escalations_total", 75, mode="review"),)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"node_load1 0.5\n", "it holds something else: line 1"),
        (b"# TYPE cicd_agent_escalations_total counter\ncicd_agent_esc", "it holds something else: line 2"),
        (b"\xff\xfe", "it is no text"),
        (b" " * (metrics_file.MAX_BYTES + 1), "it holds something else: more than"),
    ],
)
def test_what_is_not_ours_is_never_replaced(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.prom"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        add(path)
    assert path.read_bytes() == content


def test_no_link_is_followed_and_no_pipe_waited_for(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("")
    link, pipe, taken = tmp_path / "link.prom", tmp_path / "pipe.prom", tmp_path / "taken.prom"
    link.symlink_to(target)
    os.mkfifo(pipe)
    (tmp_path / ".taken.prom.lock").symlink_to(target)
    for path in (link, pipe, taken, tmp_path):
        with pytest.raises(ConfigError, match=r"`metrics-file` .* was not added to"):
            add(path)
    assert target.read_text() == ""
    assert link.is_symlink()


def test_a_place_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "x.prom", tmp_path / "\0", tmp_path / ("x" * 300)):
        with pytest.raises(ConfigError, match="Give `metrics-file` another path"):
            add(path)


def test_a_lock_that_is_never_let_go_ends_the_wait(tmp_path: Path) -> None:
    path, now = tmp_path / "x.prom", [0.0]

    def sleep(_: float) -> None:
        now[0] += 1

    with (
        metrics_file._alone(tmp_path / ".x.prom.lock", lambda: 0, sleep),
        pytest.raises(ConfigError, match="another run keeps it locked"),
    ):
        add(path, clock=lambda: now[0], sleep=sleep)
    add(path)
