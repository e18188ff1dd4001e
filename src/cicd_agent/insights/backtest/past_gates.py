"""GitHub's record as a gate would have read it at an earlier time: nothing later is in it, and nothing is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, NoReturn, TypeVar

from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import CheckState, Incident, OriginPull, PastDeployment, RequiredChecks
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.errors import ForgeRefused

WAIT: Final = 600
"""Seconds after a deployment was begun for which a gate would have waited for its required checks."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """What is read once for a whole backtest. Each raises what GitHub refused, every time it is called.

    `runs` are those of the default branch, newest first; `deployments` come newest first, with what became of them.
    """

    gates: Gates
    required: Callable[[], RequiredChecks]
    runs: Callable[[], tuple[RunState, ...]]
    incidents: Callable[[], tuple[Incident, ...]]
    deployments: tuple[PastDeployment, ...] = ()
    checks: dict[str, tuple[CheckState, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, gates: Gates, branch: str, label: str, since: int, deployments: tuple[PastDeployment, ...]) -> "Record":
        return cls(
            gates,
            _once(lambda: gates.required(branch)),
            _once(lambda: gates.ended_since(branch, since)),
            _once(lambda: gates.incidents(label)),
            deployments,
        )

    def checks_of(self, sha: str) -> tuple[CheckState, ...]:
        if sha not in self.checks:
            self.checks[sha] = self.gates.checks(sha)
        return self.checks[sha]


@dataclass(frozen=True, slots=True)
class PastGates:
    """What there was at `at`, in seconds since the epoch. `refused` is what GitHub did not answer.

    Of a commit's checks the last result counts, also where it was run again later; reviews are each person's last.
    """

    record: Record
    at: int
    refused: list[ForgeRefused] = field(default_factory=list)

    def checks(self, sha: str, *_: object, **__: object) -> tuple[CheckState, ...]:
        read = self._read(lambda: self.record.checks_of(sha))
        required = {*self.record.required().names}
        return tuple(each for each in read if each.ended <= self.at + (WAIT if each.name in required else 0))

    def required(self, *_: object, **__: object) -> RequiredChecks:
        return self.record.required()

    def origins(self, shas: Sequence[str], *_: object, **__: object) -> tuple[tuple[str, OriginPull], ...]:
        read = self._read(lambda: self.record.gates.origins(shas))
        return tuple((sha, self._as_of_then(pull)) for sha, pull in read)

    def ended_since(self, _branch: str, when: int, *_: object, **__: object) -> tuple[RunState, ...]:
        return tuple(each for each in self.record.runs() if when <= each.created <= self.at)

    def incidents(self, *_: object, **__: object) -> tuple[Incident, ...]:
        return tuple(each for each in self.record.incidents() if each.created <= self.at)

    def deployments(self, *_: object, **__: object) -> tuple[PastDeployment, ...]:
        """What was begun before, with GitHub's words of then: the newest that had succeeded ran."""
        earlier = [each for each in self.record.deployments if each.created < self.at]
        worked = [each for each in earlier if 0 < worked_at(each) <= self.at]
        running = max(worked, key=lambda each: (worked_at(each), each.id), default=None)
        return tuple(self._deployment(each, is_running=each is running) for each in earlier)

    def approval_comments(self, *_: object, **__: object) -> tuple[()]:
        """None: a hold is one, whether or not somebody lifted it later."""
        return ()

    posted_comments = approval_comments

    def _deployment(self, each: PastDeployment, *, is_running: bool) -> PastDeployment:
        worked = worked_at(each)
        if 0 < worked <= self.at:
            return replace(each, state="success" if is_running else "inactive", ended=worked, succeeded=worked)
        if not worked and each.ended <= self.at:
            return each
        return replace(each, state="in_progress", ended=each.created, succeeded=0)

    def _as_of_then(self, pull: OriginPull) -> OriginPull:
        return replace(pull, reviews=tuple(each for each in pull.reviews if each.submitted <= self.at))

    def _read(self, task: Callable[[], T]) -> T:
        try:
            return task()
        except ForgeRefused as error:
            self.refused.append(error)
            raise


@dataclass(frozen=True, slots=True)
class PastForge:
    """The part of GitHub that can be asked about an earlier time."""

    gates: PastGates
    text_at: Callable[[str, str], str | None]
    notes: Sequence[str] = ()

    def __getattr__(self, name: str) -> NoReturn:
        raise ForgeRefused("GitHub was not asked", why=f"{name} is not known of an earlier time")


def worked_at(deployment: PastDeployment) -> int:
    """When it last succeeded, in seconds since the epoch, 0 for never."""
    return deployment.succeeded or (deployment.ended if deployment.worked else 0)


def _once(task: Callable[[], T]) -> Callable[[], T]:
    """The same, asked for once: what was refused is refused again without another request."""

    @cache
    def settled() -> tuple[Any, ForgeRefused | None]:
        try:
            return task(), None
        except ForgeRefused as error:
            return None, error

    def ask() -> T:
        value, error = settled()
        if error is not None:
            raise error
        result: T = value
        return result

    return ask
