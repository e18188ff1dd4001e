"""Checks, approvals and deployments of a repository, as ports."""

from collections.abc import Sequence
from typing import Literal, Protocol

from cicd_agent.domain.effects import PostedComment
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import (
    ApprovalComment,
    CheckState,
    Incident,
    OriginPull,
    PastDeployment,
    RequiredChecks,
)

DeploymentState = Literal["queued", "in_progress", "success", "failure", "error", "inactive"]


class Gates(Protocol):
    """Checks, reviews and deployments of a repository; every method may raise ForgeRefused.

    Takes `checks: read`, `deployments: write`, `issues: read`, and `pull-requests: write` to ask for a review.
    """

    def checks(self, sha: str) -> tuple[CheckState, ...]:
        """The check runs and commit statuses of a commit, the newest of each app, workflow and name; all, or a refusal.

        A workflow run that goes on while none of its jobs does is among them.
        """

    def is_running(self, sha: str, checks: Sequence[CheckState]) -> bool:
        """Whether one of these, which went on a while ago, certainly still does: by one request, so not of all of them.

        False says that the checks have to be read to know.
        """

    def required(self, branch: str) -> RequiredChecks:
        """What the rulesets of a branch require, and its classic protection as far as the token may see it."""

    def origins(self, shas: Sequence[str]) -> tuple[tuple[str, OriginPull], ...]:
        """The merged pull request that each commit came from, 50 of them a request.

        Of a commit without one, number 0 with whoever wrote it; where that is not known either, it is not in it.

        At most 300 commits. Each reviewer's last word that is an approval, a request for changes or a dismissal counts.
        """

    def ended_since(self, branch: str, when: int) -> tuple[RunState, ...]:
        """The runs on a branch that were created since then and have ended, newest first, at most 1,000."""

    def deployments(self, environment: str, *others: str) -> tuple[PastDeployment, ...]:
        """The deployments to an environment and its other names, newest first, each with what became of it.

        At least the newest 100 of each name, and older ones until one that succeeded is among them. Raises ForgeRefused
        where none of the newest thousand of a name has succeeded.
        """

    def incidents(self, label: str) -> tuple[Incident, ...]:
        """The open issues with a label, newest first, at most 100."""

    def approval_comments(self, number: int, since: int) -> tuple[ApprovalComment, ...]:
        """The comments of an issue or a pull request that approve or override a deployment, oldest first.

        Those that were touched `since`, in seconds since the epoch, of at most 2,000 comments. Their `permission` is
        not asked for.
        """

    def posted_comments(self, number: int, marker: str) -> tuple[PostedComment, ...]:
        """Our own comments in the conversation of an issue or a pull request that contain the marker, oldest first.

        With the times at which they were written and last changed, of at most 2,000 comments.
        """

    def permission(self, login: str) -> str:
        """What an account may do here, in GitHub's words: admin, maintain, write, triage, read or none."""

    def deploy(self, sha: str, environment: str, description: str) -> PastDeployment: ...
    def set_deployment_status(self, deployment: int, state: DeploymentState, description: str, url: str) -> None: ...
    def ask_for_review(self, number: int, people: Sequence[str], teams: Sequence[str]) -> None: ...
