"""A test runner without a sandbox, for projects that a test has written itself: it evaluates, and ghostwrites."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cicd_agent.adapters.test_runner.results import agreed
from cicd_agent.domain.ports.test_runner import Ghostwritten, Interpreter, Observation, Probe
from cicd_agent.domain.trials.test_run import PytestRun, RunResult
from tests.support.project_python import project_python

WORKER = Path(__file__).parents[3] / "src/cicd_agent/pytest_worker"

# The package is loaded under a name of its own, as the harness does.
DRIVER = """
import importlib, json, sys, types
sys.modules["_lab"] = types.ModuleType("_lab")
sys.modules["_lab"].__path__ = [sys.argv[1]]
room = importlib.import_module("_lab." + sys.argv[2])
room.SECONDS = float(sys.argv[3])
sys.path[:0] = [".", "src"]
told = room.main(json.load(sys.stdin))
print("\\x00" + json.dumps(told))
"""


def driven(
    folder: Path, room: str, wanted: Sequence[Mapping[str, object]], seconds: float = 5, seed: int = 0
) -> list[dict[str, str]]:
    done = subprocess.run(
        [str(project_python()), "-c", DRIVER, WORKER, room, str(seconds)],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        check=True,
    )
    told: list[dict[str, str]] = json.loads(done.stdout.rpartition("\x00")[2])
    return told


@dataclass
class BarePytestRunner:
    """Of the port, what writing candidates takes. `provides` is what the project has of its own."""

    folder: Path
    provides: dict[str, str] = field(default_factory=lambda: {"pytest": "8"})
    seconds_left: float = 600
    probed: list[Probe] = field(default_factory=list)
    ghostwritten_modules: list[tuple[str, str]] = field(default_factory=list)

    sandbox = "none"

    @property
    def interpreter(self) -> Interpreter:
        return Interpreter(str(project_python()), "3", self.provides)

    def without(self, tests: Sequence[str]) -> "BarePytestRunner":
        assert not tests
        return self

    def with_loopback(self) -> None:
        return None

    def run(
        self, runs: Sequence[PytestRun], files: Mapping[str, str] | None = None, *, at_base: bool = False
    ) -> tuple[RunResult, ...]:
        raise NotImplementedError

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        self.probed += probes
        wanted = [{"key": each.key, "imports": each.imports, "expression": each.expression} for each in probes]
        one, other = (
            [Observation(**each) for each in driven(self.folder, "probe", wanted, seed=seed)] for seed in (0, 1)
        )
        return agreed(one, other)

    def ghostwrite(self, functions: Sequence[tuple[str, str]]) -> tuple[Ghostwritten, ...]:
        self.ghostwritten_modules += functions
        wanted = [{"path": path, "function": function} for path, function in functions]
        return tuple(Ghostwritten(**each) for each in driven(self.folder, "ghostwriter", wanted, 30))

    def style(self, files: Mapping[str, str]) -> Mapping[str, str]:
        raise NotImplementedError

    def formatted(self, files: Mapping[str, str]) -> Mapping[str, str]:
        raise NotImplementedError
