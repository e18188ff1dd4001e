"""Writes down what the supervisor in the sandbox is to do, as the JSON that it reads."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cicd_agent.adapters.toolchain.toolchain import Toolchain
from cicd_agent.domain.sandbox import Tier
from cicd_agent.domain.test_run import Perturbation, PytestRun

JOB = ".cicd-agent-job.json"
"""Where the supervisor finds it, below the top of the copy."""
HARNESS = Path(__file__).parents[2] / "pytest_worker"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One process: what its session is told, and what is around it."""

    spec: Mapping[str, Any]
    perturbation: Perturbation
    seconds: float


@dataclass(frozen=True, slots=True)
class Job:
    """Processes to be run one after another; `removed` are files that are not there for them."""

    wanted: Sequence[Wanted]
    removed: Sequence[str] = ()
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def text(self, toolchain: Toolchain, tier: Tier) -> bytes:
        """As the supervisor reads it."""
        roots = [*toolchain.roots, *(["."] if toolchain.path_entry else [])]
        job = {
            "key": self.key.hex(),
            # Elsewhere a signal to all that can be reached would reach others as well.
            "alone": tier is not Tier.NONE,
            "scratch": ["/dev/shm"] if tier is Tier.BUBBLEWRAP else [],  # noqa: S108  a private one
            "removed": list(self.removed),
            "around": {
                "overlay": str(toolchain.overlay) if toolchain.overlay else "",
                "roots": list(dict.fromkeys(roots)),
                "omitted": list(toolchain.without),
            },
            "runs": [_process(each) for each in self.wanted],
        }
        return json.dumps(job).encode()

    @property
    def command(self) -> tuple[str, ...]:
        """After the interpreter."""
        return ("-I", "-S", str(HARNESS / "start.py"), "supervisor", JOB)


def pytest_run(run: PytestRun, toolchain: Toolchain) -> Wanted:
    """A process that runs tests."""
    spec = {
        "kind": "pytest",
        "select": list(run.select),
        "arguments": [*toolchain.arguments, *run.arguments],
        "in_order": run.in_order,
        "measured": list(run.measured),
        "traced": run.traced,
        "mutants": [asdict(mutant) for mutant in run.mutants],
        "against": list(run.against),
        "order": run.perturbation.order,
        "random_seed": run.perturbation.random_seed,
    }
    return Wanted(spec, run.perturbation, run.seconds)


def inquiry(kind: str, wanted: Sequence[Mapping[str, Any]], perturbation: Perturbation, seconds: float) -> Wanted:
    """A process that answers questions: "probe" or "ghost"."""
    return Wanted({"kind": kind, "wanted": [dict(each) for each in wanted]}, perturbation, seconds)


def _process(wanted: Wanted) -> dict[str, Any]:
    how = wanted.perturbation
    return {
        "environment": {"PYTHONHASHSEED": str(how.hash_seed % 2**32), "TZ": how.time_zone},
        "elsewhere": how.elsewhere,
        "seconds": wanted.seconds,
        "spec": {**wanted.spec, "seconds": wanted.seconds, "forward_seconds": how.forward_seconds},
    }
