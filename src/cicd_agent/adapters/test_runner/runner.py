"""Runs a project's own tests, and asks its code questions: always on copies, in the sandbox, under its own Python."""

import json
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from cicd_agent.adapters.test_runner.results import (
    ProcessReport,
    accounts,
    agreed,
    failure,
    ghostwritten,
    process_report,
    result,
    seen,
)
from cicd_agent.adapters.toolchain.interpreter import Toolchain
from cicd_agent.domain.parallel import abreast
from cicd_agent.domain.ports.test_runner import (
    Ghostwritten,
    Interpreter,
    Observation,
    Probe,
    PytestRunner,
    PytestUnavailable,
)
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.trials.sandbox import Limits, Ran, Sandbox, SandboxUnavailable, Tier
from cicd_agent.domain.trials.test_run import Perturbation, PytestRun, RunResult
from cicd_agent.errors import ConfigError

MIN_SECONDS = 5.0
"""Seconds below which nothing is started any more."""
_AROUND_EACH, _AROUND_ALL = 2.0, 15.0
"""Seconds that a process, and a copy with a supervisor, may take beside what is wanted of them."""
_OUTPUT = 128 << 20
_INQUIRY_SECONDS = 60.0
_OTHER = Perturbation(hash_seed=4711, time_zone="Asia/Kathmandu", forward_seconds=40_000_000, elsewhere=True)
"""What a second process is given, so that it would see another value if there is another to be seen."""
JOB = ".cicd-agent-job.json"
"""Where the supervisor finds it, below the top of the copy."""
WORKER = Path(__file__).parents[2] / "pytest_worker"


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process: what its session is to do, and what is around it."""

    spec: Mapping[str, Any]
    perturbation: Perturbation
    seconds: float


@dataclass(frozen=True, slots=True)
class Job:
    """Processes to be run one after another; `removed` are files that are not there for them."""

    wanted: Sequence[ProcessSpec]
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
        return ("-I", "-S", str(WORKER / "start.py"), "supervisor", JOB)


class StyleChecker(Protocol):
    """The repository's own linter and formatter."""

    def style(self, files: Mapping[str, str]) -> Mapping[str, str]: ...

    def formatted(self, files: Mapping[str, str]) -> Mapping[str, str]: ...


class TieredSandbox(Sandbox, Protocol):
    """A sandbox that can say beforehand what would keep a command in."""

    def tier(self, *, loopback: bool = False) -> Tier:
        """The strongest that is there; raises SandboxUnavailable when there is none."""
        ...


class LocalPytestRunner(PytestRunner):
    """Runs things on copies of the tree at `top`, all of them together within `seconds` by `clock`.

    `base` are the changed files as they were before the change (None: not there), `head` those that the tree has
    otherwise than the change, as they are after it. `redact` takes secrets out of what
    is quoted. With `loopback` there is a private network. `width` copies at most are used at a time.
    """

    def __init__(
        self,
        top: Path,
        toolchain: Toolchain,
        sandbox: TieredSandbox,
        clock: Callable[[], float],
        seconds: float,
        *,
        base: Mapping[str, str | None],
        head: Mapping[str, str] | None = None,
        limits: Limits,
        redact: Callable[[str], str],
        style_checker: StyleChecker,
        loopback: bool = False,
        width: int = 1,
    ) -> None:
        self._top = top
        self._toolchain = toolchain
        self._sandbox = sandbox
        self._clock = clock
        self._ends = clock() + seconds
        self._base = base
        self._head = dict(head or {})
        self._limits = limits
        self._redact = redact
        self._style_checker = style_checker
        self._loopback = loopback
        self._width = width

    @property
    def interpreter(self) -> Interpreter:
        return self._toolchain.interpreter

    @property
    def sandbox(self) -> str:
        return self._tier().value

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._ends - self._clock())

    def with_loopback(self) -> "LocalPytestRunner | None":
        try:
            self._sandbox.tier(loopback=True)
        except SandboxUnavailable:
            return None
        wider = copy(self)
        wider._loopback = True  # noqa: SLF001  a copy of this very object
        return wider

    def run(
        self, runs: Sequence[PytestRun], files: Mapping[str, str] | None = None, *, at_base: bool = False
    ) -> tuple[RunResult, ...]:
        requested = [pytest_run(run, self._toolchain) for run in runs]
        over = dict(files or {})
        before = self._base if at_base else {}
        head = {path: text for path, text in self._head.items() if path not in before}
        texts = head | {path: text for path, text in before.items() if text is not None} | over
        removed = [path for path, text in before.items() if text is None and path not in over]
        return tuple(
            failure(run, came) if isinstance(came, str) else result(run, came, self._redact)
            for run, came in zip(runs, self._came(requested, texts, removed), strict=True)
        )

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        requested = [{"key": each.key, "imports": list(each.imports), "expression": each.expression} for each in probes]
        first, second = (
            [seen(probe, answer, self._redact) for probe, answer in zip(probes, answers, strict=True)]
            for answers in self._answers("probe", requested, (Perturbation(), _OTHER))
        )
        return agreed(first, second)

    def ghostwrite(self, functions: Sequence[tuple[str, str]]) -> tuple[Ghostwritten, ...]:
        requested = [{"path": path, "function": function} for path, function in functions]
        [answers] = self._answers("ghostwriter", requested, (Perturbation(),))
        return tuple(
            ghostwritten(*function, answer, self._redact) for function, answer in zip(functions, answers, strict=True)
        )

    def style(self, files: Mapping[str, str]) -> Mapping[str, str]:
        return self._style_checker.style(files)

    def formatted(self, files: Mapping[str, str]) -> Mapping[str, str]:
        return self._style_checker.formatted(files)

    def _answers(
        self, kind: str, requested: Sequence[Mapping[str, Any]], perturbations: Sequence[Perturbation]
    ) -> list[list[Mapping[str, Any]]]:
        """The answer to each question, from one process for each perturbation."""
        if not requested:
            return [[] for _ in perturbations]
        expected = [inquiry(kind, requested, how, _INQUIRY_SECONDS) for how in perturbations]
        return [_matched(came, len(requested)) for came in self._came(expected, self._head, ())]

    def _came(
        self, requested: Sequence[ProcessSpec], texts: Mapping[str, str], removed: Sequence[str]
    ) -> list[ProcessReport | str]:
        """What came of each; why nothing did, where nothing did."""
        lanes = min(self._width, len(requested))
        if lanes <= 1:
            return self._in_turn(requested, texts, removed)
        self._tier()  # found out once, and not by several at a time

        def task(lane: int) -> Callable[[], list[ProcessReport | str]]:
            return lambda: self._in_turn(requested[lane::lanes], texts, removed)

        came = abreast([task(lane) for lane in range(lanes)], lanes)
        return [came[number % lanes][number // lanes] for number in range(len(requested))]

    def _in_turn(
        self, requested: Sequence[ProcessSpec], texts: Mapping[str, str], removed: Sequence[str]
    ) -> list[ProcessReport | str]:
        """The same, one after another, on one copy as long as that stays as it was."""
        results: list[ProcessReport | str] = []
        while len(results) < len(requested):
            rest = requested[len(results) :]
            left = self.seconds_left
            if left < MIN_SECONDS:
                return [*results, *["no time was left"] * len(rest)]
            rest = [replace(each, seconds=min(each.seconds, left)) for each in rest]
            job = Job(rest, removed)
            ran = self._ran(job, texts, sum(each.seconds + _AROUND_EACH for each in rest) + _AROUND_ALL, left)
            those = accounts(job.key, ran.stdout)
            results += [
                process_report(account, each.seconds, self._redact) for account, each in zip(those, rest, strict=False)
            ]
            # The supervisor stops by itself after one that has left something: those after it get a fresh copy.
            if len(those) < len(rest) and (ran.stopped or ran.exit_code or not those):
                results.append(_breakdown(ran, self._redact))
        return results

    def _ran(self, job: Job, texts: Mapping[str, str], seconds: float, left: float) -> Ran:
        wall = min(seconds, left)
        limits = replace(self._limits, wall_seconds=wall, cpu_seconds=max(math.ceil(2 * wall), 1), output_bytes=_OUTPUT)
        tool = self._toolchain
        files = {path: text.encode("utf-8", "surrogatepass") for path, text in texts.items()}
        try:
            return self._sandbox.run(
                [str(tool.python), *job.command],
                self._top,
                limits=limits,
                files={**files, JOB: job.text(tool, self._tier())},
                readable=(*tool.readable, WORKER),
                environment=tool.environment,
                loopback=self._loopback,
                without=tool.without,
            )
        except ConfigError as error:
            raise PytestUnavailable(error.what, why=self._redact(error.why), remedy=error.remedy) from error
        except OSError as error:
            raise PytestUnavailable("the tests cannot be run", why=f"{error.strerror}") from error

    def _tier(self) -> Tier:
        try:
            return self._sandbox.tier(loopback=self._loopback)
        except SandboxUnavailable as error:
            raise PytestUnavailable(error.what, why=error.why, remedy=error.remedy) from error


def _breakdown(ran: Ran, redact: Callable[[str], str]) -> str:
    """Why there is no report of a process."""
    if ran.stopped:
        return f"it was ended by its limit of {ran.stopped.value}"
    text = (redact(ran.stderr.decode("utf-8", "replace")).strip().splitlines() or [""])[-1]
    return visible_line(f"what watches over it ended with {ran.exit_code}{f': {text}' if text else ''}")[:400]


def _matched(came: ProcessReport | str, count: int) -> list[Mapping[str, Any]]:
    """An answer for each question, in order."""
    if isinstance(came, str) or came.problem:
        return [{"problem": came if isinstance(came, str) else came.problem} for _ in range(count)]
    if len(came.answer) != count:
        return [{"problem": "there is not one answer for each question"} for _ in range(count)]
    return [*came.answer]


def pytest_run(run: PytestRun, toolchain: Toolchain) -> ProcessSpec:
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
    return ProcessSpec(spec, run.perturbation, run.seconds)


def inquiry(
    kind: str, requested: Sequence[Mapping[str, Any]], perturbation: Perturbation, seconds: float
) -> ProcessSpec:
    return ProcessSpec({"kind": kind, "wanted": [dict(each) for each in requested]}, perturbation, seconds)


def _process(requested: ProcessSpec) -> dict[str, Any]:
    how = requested.perturbation
    return {
        "environment": {"PYTHONHASHSEED": str(how.hash_seed % 2**32), "TZ": how.time_zone},
        "elsewhere": how.elsewhere,
        "seconds": requested.seconds,
        "spec": {**requested.spec, "seconds": requested.seconds, "forward_seconds": how.forward_seconds},
    }
