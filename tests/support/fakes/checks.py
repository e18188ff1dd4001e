"""Labels and check runs as a double of our own port: what it is told stays, and it can be told to refuse."""

from dataclasses import dataclass, field, replace

from cicd_agent.domain.effects import CheckRun
from cicd_agent.domain.ports.forge import Marks, PostedCheck
from cicd_agent.errors import ForgeRefused


@dataclass
class FakeMarks(Marks):
    """One pull request's labels and one commit's check runs. `refusals` are as those of FakeForge."""

    names: list[str] = field(default_factory=list)
    checks: dict[int, CheckRun] = field(default_factory=dict)
    """As they read now, with all of their annotations."""
    refusals: dict[str, ForgeRefused] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    most: int = 50

    def labels(self, number: int) -> tuple[str, ...]:  # noqa: ARG002  there is one pull request
        self._called("labels")
        return tuple(self.names)

    def add_label(self, number: int, name: str) -> None:  # noqa: ARG002
        self._called("add_label")
        self.names.append(name)

    def remove_label(self, number: int, name: str) -> None:  # noqa: ARG002
        self._called("remove_label")
        self.names.remove(name)

    def find_check(self, check: CheckRun) -> PostedCheck | None:
        self._called("find_check")
        newest = max(self.checks, default=0)
        return self._posted(newest) if newest and self.checks[newest].key == check.key else None

    def start_check(self, check: CheckRun) -> PostedCheck:
        self._called("start_check")
        assert len(check.annotations) <= self.most
        self.checks[len(self.checks) + 1] = check
        return self._posted(len(self.checks))

    def extend_check(self, posted: PostedCheck, check: CheckRun) -> PostedCheck:
        self._called("extend_check")
        assert len(check.annotations) <= self.most
        annotations = (*self.checks[posted.id].annotations, *check.annotations)
        self.checks[posted.id] = replace(check, annotations=annotations)
        return self._posted(posted.id)

    def _posted(self, number: int) -> PostedCheck:
        check = self.checks[number]
        url = f"https://github.test/runs/{number}"
        return PostedCheck(number, check.conclusion, check.title, check.summary, len(check.annotations), url)

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.refusals:
            raise self.refusals[method]
