"""Runs a project's own tests, and evaluates its code: always on copies, in the sandbox, under its own Python."""

import json
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from cicd_agent.adapters.test_runner.results import (
    ProcessReport,
    accounts,
    agreed,
    ghostwritten,
    observation,
    process_report,
    run_result,
)
from cicd_agent.adapters.toolchain.interpreter import Toolchain
from cicd_agent.domain.parallel import run_parallel
from cicd_agent.domain.ports.test_runner import (
    Ghostwritten,
    Interpreter,
    Observation,
    Probe,
    PytestRunner,
    PytestUnavailable,
)
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.trials.sandbox import Choice, Limits, Ran, Sandbox, SandboxUnavailable, Tier
from cicd_agent.domain.trials.test_run import Perturbation, PytestRun, RunResult
from cicd_agent.errors import ConfigError

MIN_SECONDS = 5.0
"""Seconds below which nothing is started any more."""
_AROUND_EACH, _AROUND_ALL = 2.0, 15.0
"""Seconds that a process, and a copy with a supervisor, may take beside what was granted to them."""
_WORTH_A_COPY = 20.0
"""Seconds of runs that are worth another copy of the tree."""
_OUTPUT = 128 << 20
_INQUIRY_SECONDS = 60.0
_OTHER = Perturbation(
    hash_seed=4711, time_zone="Asia/Kathmandu", forward_seconds=40_000_000, elsewhere=True, other_machine=True
)
"""What a second process is given, so that it would come to another value if there is another."""
JOB = ".cicd-agent-job.json"
"""Where the supervisor finds it, below the top of the copy."""
WORKER = Path(__file__).parents[2] / "pytest_worker"


@dataclass(frozen=True, slots=True)
class _Process:
    """What the session of one process is to do, what is around it, and its time."""

    spec: Mapping[str, Any]
    perturbation: Perturbation
    seconds: float

    def for_supervisor(self) -> dict[str, Any]:
        how = self.perturbation
        return {
            "environment": {"PYTHONHASHSEED": str(how.hash_seed % 2**32), "TZ": how.time_zone},
            "elsewhere": how.elsewhere,
            "seconds": self.seconds,
            "spec": {
                **self.spec,
                "seconds": self.seconds,
                "forward_seconds": how.forward_seconds,
                "other_machine": how.other_machine,
                "thread_switch": how.thread_switch,
            },
        }


class StyleChecker(Protocol):
    """The repository's own linter and formatter."""

    def style(self, files: Mapping[str, str]) -> Mapping[str, str]: ...

    def formatted(self, files: Mapping[str, str]) -> Mapping[str, str]: ...


class TieredSandbox(Sandbox, Protocol):
    """A sandbox that can say beforehand what would keep a command in."""

    def choice(self, *, loopback: bool = False) -> Choice: ...


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
        self._left_out: tuple[str, ...] = ()
        self._longest = 0.0
        """Seconds of the longest run so far in which no fault was planted."""
        self._all_plugins = False
        """Whether runs of chosen tests need what no text of the project mentions: runs of all tests always have it."""

    @property
    def interpreter(self) -> Interpreter:
        return self._toolchain.interpreter

    @property
    def sandbox(self) -> str:
        return str(self._choice())

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._ends - self._clock())

    def with_loopback(self) -> "LocalPytestRunner | None":
        try:
            self._sandbox.choice(loopback=True)
        except SandboxUnavailable:
            return None
        wider = copy(self)
        wider._loopback = True  # noqa: SLF001  a copy of this very object
        return wider

    def without(self, tests: Sequence[str]) -> "LocalPytestRunner":
        rest = copy(self)
        rest._left_out = tuple(tests)  # noqa: SLF001  the same
        return rest

    def run(
        self, runs: Sequence[PytestRun], files: Mapping[str, str] | None = None, *, at_base: bool = False
    ) -> tuple[RunResult, ...]:
        over = dict(files or {})
        before = self._base if at_base else {}
        head = {path: text for path, text in self._head.items() if path not in before}
        texts = head | {path: text for path, text in before.items() if text is not None} | over
        removed = [path for path, text in before.items() if text is None and path not in over]
        reports = self._reports([self._pytest(run) for run in runs], texts, removed)
        doubtful = {number: runs[number] for number, report in enumerate(reports) if report.may_lack_plugins}
        # Before the change, what new tests import is not there yet.
        if doubtful and not (self._all_plugins or at_base):
            self._all_plugins = True
            again = self._reports([self._pytest(run) for run in doubtful.values()], texts, removed)
            pairs = [(number, reports[number], report) for number, report in zip(doubtful, again, strict=True)]
            # Where they make no difference, they are not what was lacking, and the next runs do without as well.
            self._all_plugins = any(before.ends != after.ends for _, before, after in pairs)
            if self._all_plugins:
                reports = [again.pop(0) if number in doubtful else each for number, each in enumerate(reports)]
        return tuple(run_result(run, report, self._redact) for run, report in zip(runs, reports, strict=True))

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        requested = [{"key": each.key, "imports": list(each.imports), "expression": each.expression} for each in probes]
        first, second = (
            [observation(probe, answer, self._redact) for probe, answer in zip(probes, answers, strict=True)]
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

    def _pytest(self, run: PytestRun) -> _Process:
        spec = {
            "kind": "pytest",
            "select": list(run.select),
            "left_out": list(self._left_out),
            "arguments": [*self._toolchain.arguments, *run.arguments],
            "in_order": run.in_order,
            "all_plugins": self._all_plugins or not run.select,
            "measured": list(run.measured),
            "traced": run.traced,
            "mutants": [asdict(mutant) for mutant in run.mutants],
            "against": list(run.against),
            "order": run.perturbation.order,
            "random_seed": run.perturbation.random_seed,
        }
        return _Process(spec, run.perturbation, run.seconds)

    def _answers(
        self, kind: str, requested: Sequence[Mapping[str, Any]], perturbations: Sequence[Perturbation]
    ) -> list[list[dict[str, Any]]]:
        """The answer to each request, from one process for each perturbation."""
        if not requested:
            return [[] for _ in perturbations]
        spec = {"kind": kind, "requests": list(requested)}
        processes = [_Process(spec, how, _INQUIRY_SECONDS) for how in perturbations]
        return [report.answers(len(requested)) for report in self._reports(processes, self._head, ())]

    def _reports(
        self, processes: Sequence[_Process], texts: Mapping[str, str], removed: Sequence[str]
    ) -> list[ProcessReport]:
        """What came of each."""
        # Each copy costs what several short runs do.
        lanes = min(self._width, len(processes), 1 + int(self._longest * len(processes) / _WORTH_A_COPY))
        if lanes <= 1:
            return self._in_turn(processes, texts, removed)
        self._choice()  # tried out once, and not by several at a time

        def task(lane: int) -> Callable[[], list[ProcessReport]]:
            return lambda: self._in_turn(processes[lane::lanes], texts, removed)

        reports = run_parallel([task(lane) for lane in range(lanes)], lanes)
        return [reports[number % lanes][number // lanes] for number in range(len(processes))]

    def _in_turn(
        self, processes: Sequence[_Process], texts: Mapping[str, str], removed: Sequence[str]
    ) -> list[ProcessReport]:
        """The same, one after another, on one copy as long as that stays as it was."""
        results: list[ProcessReport] = []
        while rest := processes[len(results) :]:
            left = self.seconds_left
            if left < MIN_SECONDS:
                return [*results, *[ProcessReport("no time was left")] * len(rest)]
            rest = [replace(each, seconds=min(each.seconds, left)) for each in rest]
            key = secrets.token_bytes(32)
            ran = self._run(self._job(key, rest, removed), texts, rest, left)
            done = accounts(key, ran.stdout)
            plain = [one.seconds for one, each in zip(done, rest, strict=False) if not each.spec.get("mutants")]
            self._longest = max([self._longest, *plain])
            results += [
                process_report(account, each.seconds, self._redact) for account, each in zip(done, rest, strict=False)
            ]
            # The supervisor stops by itself after one that has left something: those after it get a fresh copy.
            if len(done) < len(rest) and (ran.stopped or ran.exit_code or not done):
                results.append(ProcessReport(_breakdown(ran, self._redact)))
        return results

    def _job(self, key: bytes, processes: Sequence[_Process], removed: Sequence[str]) -> bytes:
        """Processes to be run one after another, as the supervisor reads them; `removed` files are not there."""
        tool, tier = self._toolchain, self._choice().tier
        job = {
            "key": key.hex(),
            # Elsewhere a signal to all that can be reached would reach others as well.
            "alone": tier is not Tier.NONE,
            "scratch": ["/dev/shm"] if tier.has_namespaces else [],  # noqa: S108  a private one
            "removed": list(removed),
            "around": {
                "overlay": str(tool.overlay) if tool.overlay else "",
                "roots": list(dict.fromkeys([*tool.roots, *(["."] if tool.path_entry else [])])),
                "inherited": list(tool.roots),
                "omitted": list(tool.without),
            },
            "runs": [each.for_supervisor() for each in processes],
        }
        return json.dumps(job).encode()

    def _run(self, job: bytes, texts: Mapping[str, str], processes: Sequence[_Process], left: float) -> Ran:
        wall = min(sum(each.seconds + _AROUND_EACH for each in processes) + _AROUND_ALL, left)
        tool = self._toolchain
        files = {path: text.encode("utf-8", "surrogatepass") for path, text in texts.items()}
        try:
            return self._sandbox.run(
                [str(tool.python), "-I", "-S", str(WORKER / "start.py"), "supervisor", JOB],
                self._top,
                limits=replace(
                    self._limits,
                    wall_seconds=wall,
                    cpu_seconds=max(math.ceil(2 * wall), 1),
                    output_bytes=_OUTPUT,
                ),
                files={**files, JOB: job},
                readable=(*tool.readable, WORKER),
                environment=tool.environment,
                loopback=self._loopback,
                without=tool.without,
            )
        except ConfigError as error:
            raise PytestUnavailable(error.what, why=self._redact(error.why), remedy=error.remedy) from error
        except OSError as error:
            raise PytestUnavailable("the tests cannot be run", why=f"{error.strerror}") from error

    def _choice(self) -> Choice:
        try:
            return self._sandbox.choice(loopback=self._loopback)
        except SandboxUnavailable as error:
            raise PytestUnavailable(error.what, why=error.why, remedy=error.remedy) from error


def _breakdown(ran: Ran, redact: Callable[[str], str]) -> str:
    """Why there is no report of a process."""
    if ran.stopped:
        return f"it was ended by its limit of {ran.stopped.value}"
    text = (redact(ran.stderr.decode("utf-8", "replace")).strip().splitlines() or [""])[-1]
    return visible_line(f"what watches over it ended with {ran.exit_code}{f': {text}' if text else ''}")[:400]
