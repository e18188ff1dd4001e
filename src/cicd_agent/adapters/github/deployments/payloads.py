"""GitHub's answers about checks, deployments, incidents and comments, as far as a gate reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import AwareDatetime

from cicd_agent.adapters.github.actions.payloads import seconds
from cicd_agent.adapters.github.payloads import Account, App, Posted, Shape
from cicd_agent.domain.deploy_comment import words_in
from cicd_agent.domain.gate_evidence import HELD, CheckState, Incident, PastDeployment, Word

PENDING = "pending"


class CheckRun(Shape):
    """A check run of a commit."""

    id: int
    name: str
    status: str
    conclusion: str | None = None
    completed_at: AwareDatetime | None = None
    details_url: str | None = None
    html_url: str | None = None
    app: App | None = None

    def as_check(self) -> CheckState:
        return CheckState(
            name=self.name,
            status=self.status,
            conclusion=self.conclusion or "",
            ended=int(seconds(self.completed_at)),
            url=self.html_url or self.details_url or "",
            app=self.app.slug if self.app else "",
        )


class CheckRuns(Shape):
    """A page of check runs, and how many there are."""

    total_count: int
    check_runs: tuple[CheckRun, ...]


class Status(Shape):
    """The newest commit status of a context."""

    context: str
    state: str
    target_url: str | None = None
    updated_at: AwareDatetime | None = None

    def as_check(self) -> CheckState:
        """In our words: a status that is not pending any more has ended, and its state is its conclusion."""
        if self.state == PENDING:
            return CheckState(self.context, PENDING, url=self.target_url or "")
        ended = int(seconds(self.updated_at))
        return CheckState(self.context, "completed", self.state, ended, self.target_url or "")


class Statuses(Shape):
    """The newest status of each context, and how many contexts there are."""

    total_count: int = 0
    statuses: tuple[Status, ...]


class RequiredCheck(Shape):
    """A check that must pass."""

    context: str


class RuleParameters(Shape):
    """What a rule demands, as far as it is about checks."""

    required_status_checks: tuple[RequiredCheck, ...] = ()


class Rule(Shape):
    """A rule that holds for a branch."""

    type: str
    parameters: RuleParameters | None = None


class DeploymentStatus(Shape):
    """What became of a deployment."""

    state: str
    description: str | None = None
    log_url: str | None = None
    created_at: AwareDatetime | None = None


class Deployment(Shape):
    """A deployment; what became of it is told elsewhere. `payload` is whatever its maker put there."""

    id: int
    sha: str
    ref: str = ""
    url: str = ""
    creator: Account | None = None
    created_at: AwareDatetime | None = None
    payload: Any = None

    def as_past(self, statuses: Sequence[DeploymentStatus] = ()) -> PastDeployment:
        """In our words, with its newest status; `statuses` are its last, newest first."""
        status = next(iter(statuses), None)
        return PastDeployment(
            id=self.id,
            sha=self.sha,
            ref=self.ref,
            created=int(seconds(self.created_at)),
            state=status.state if status else "",
            ended=int(seconds(status.created_at)) if status else 0,
            creator=self.creator.login if self.creator else "",
            url=(status.log_url if status else "") or self.url,
            held=status is not None and status.state == "failure" and (status.description or "").startswith(HELD),
            succeeded=any(each.state == "success" for each in statuses),
        )


class LabelledIssue(Shape):
    """An issue; GitHub lists pull requests among them."""

    number: int
    title: str = ""
    html_url: str = ""
    created_at: AwareDatetime | None = None
    pull_request: Mapping[str, Any] | None = None

    def as_incident(self) -> Incident:
        return Incident(self.number, self.title, int(seconds(self.created_at)), self.html_url)


class Spoken(Posted):
    """A comment, and whether its text is what it was."""

    created_at: AwareDatetime
    updated_at: AwareDatetime

    def as_word(self) -> Word | None:
        """What it says to the gate, None when it says nothing."""
        found = words_in(self.body or "")
        if found is None:
            return None
        kind, stands_for, reason = found
        return Word(
            id=self.id,
            kind=kind,
            hash=stands_for,
            reason=reason,
            author=self.user.login if self.user else "",
            permission="",
            created=int(seconds(self.created_at)),
            edited=self.updated_at != self.created_at,
            is_person=self.user is not None and self.user.type == "User",
            url=self.html_url,
        )


class Permission(Shape):
    """What an account may do: admin, write, read or none; maintainers write, and who triages reads."""

    permission: str
