"""What a deployment gate reads of GitHub, and the deployments and requests for review that it makes there."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from urllib.parse import quote

from pydantic import AwareDatetime

from cicd_agent.adapters.github.channel import PER_PAGE, WRITES, Channel, Query, unless_missing
from cicd_agent.adapters.github.checks import (
    MAX_RUN_PAGES,
    is_still_running,
    read_checks,
    read_required,
    read_whole,
)
from cicd_agent.adapters.github.deployments import DEPLOYED, Deployment, list_deployments, list_statuses
from cicd_agent.adapters.github.errors import Call, printable
from cicd_agent.adapters.github.origins import read_origins
from cicd_agent.adapters.github.payloads import (
    Issue,
    Posted,
    Run,
    Shape,
    Text,
    at,
    read,
    seconds,
)
from cicd_agent.domain.effects import PostedComment
from cicd_agent.domain.events.deploy_comment import deploy_command
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import (
    ApprovalComment,
    CheckState,
    Incident,
    OriginPull,
    PastDeployment,
    RequiredChecks,
)
from cicd_agent.domain.ports.deployments import DeploymentState
from cicd_agent.domain.text.words import clip
from cicd_agent.errors import ForgeRefused

MAX_COMMENT_PAGES = 20
"""Of one conversation since an approval may count: whoever writes much there does not hide what others wrote."""
MAX_DESCRIPTION = 140
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?")
NONE = "none"
CREATED, GONE = 201, 410
METADATA, ACTIONS, ISSUES = "metadata: read", "actions: read", "issues: read"
DEPLOYS = "deployments: write"
MEMBERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})


class GateComment(Posted):
    association: Text = at("author_association", default="")
    created_at: AwareDatetime
    updated_at: AwareDatetime

    def as_approval(self) -> ApprovalComment | None:
        """What it says to the gate, None when it says nothing."""
        command = deploy_command(self.body)
        if command is None:
            return None
        kind, stands_for, reason = command
        return self.to(
            ApprovalComment,
            kind=kind,
            hash=stands_for,
            reason=reason,
            permission="",
            created=int(seconds(self.created_at)),
            edited=self.updated_at != self.created_at,
            is_person=self.author_type == "User",
            is_member=self.association in MEMBERS,
        )

    def as_posted(self) -> PostedComment:
        created, updated = (int(seconds(moment)) for moment in (self.created_at, self.updated_at))
        return self.to(PostedComment, is_ours=True, created=created, updated=updated)


class Permission(Shape):
    """What an account may do: admin, write, read or none; maintainers write, and who triages reads."""

    permission: str


@dataclass(frozen=True, slots=True)
class GitHubGates:
    """The Gates of one repository; threads may ask side by side.

    `nonce` marks a deployment that is made, by which it is known again when the answer is lost.
    """

    channel: Channel
    nonce: Callable[[], str] = lambda: token_hex(8)

    def checks(self, sha: str) -> tuple[CheckState, ...]:
        return read_checks(self.channel, sha)

    def is_running(self, sha: str, checks: Sequence[CheckState]) -> bool:
        return is_still_running(self.channel, sha, checks)

    def required(self, branch: str) -> RequiredChecks:
        return read_required(self.channel, branch)

    def origins(self, shas: Sequence[str]) -> tuple[tuple[str, OriginPull], ...]:
        return read_origins(self.channel, shas)

    def ended_since(self, branch: str, when: int) -> tuple[RunState, ...]:
        since = _moment(when)
        query = {"branch": branch, "status": "completed", "created": f">={since}"}
        call = Call("list the runs that have ended", "GET", f"{self.channel.root}/actions/runs", ACTIONS, query)
        limit = f"only the newest {MAX_RUN_PAGES * PER_PAGE:,} runs since {since} were read"
        runs = read_whole(self.channel, call, Run, lambda run: run.id, pages=MAX_RUN_PAGES, limit=limit)
        return tuple(run.to(RunState) for run in runs)

    def deployments(self, environment: str, *others: str) -> tuple[PastDeployment, ...]:
        found = [one for name in dict.fromkeys((environment, *others)) for one in list_deployments(self.channel, name)]
        return tuple(sorted(found, key=lambda one: one.id, reverse=True))

    def incidents(self, label: str) -> tuple[Incident, ...]:
        query = {"labels": label, "state": "open", "sort": "created", "direction": "desc"}
        try:
            listed = [*self.channel.entries("list the open incidents", "/issues", Issue, 1, query, needs=ISSUES)]
        except ForgeRefused as refused:
            if refused.status != GONE:
                raise
            # The repository has no issues: they are switched off in its settings.
            return ()
        return tuple(one.to(Incident) for one in listed if one.pull_request is None)

    def approval_comments(self, number: int, since: int) -> tuple[ApprovalComment, ...]:
        task, path = f"list the comments of {number}", f"/issues/{number}/comments"
        query: Query = {"since": _moment(since)}
        listed = self.channel.newest(task, path, GateComment, MAX_COMMENT_PAGES, needs=ISSUES, query=query)
        commands = {one.id: command for page in listed for one in page if (command := one.as_approval())}
        return tuple(sorted(commands.values(), key=lambda command: (command.created, command.id)))

    def posted_comments(self, number: int, marker: str) -> tuple[PostedComment, ...]:
        task, path = f"list the comments of {number}", f"/issues/{number}/comments"
        pages = self.channel.newest(task, path, GateComment, MAX_COMMENT_PAGES, needs=ISSUES)
        ours = {one.id: one for page in pages for one in page if marker in one.body and self.channel.is_ours(one)}
        return tuple(ours[number].as_posted() for number in sorted(ours))

    def permission(self, login: str) -> str:
        """What an account may do here; whoever GitHub does not know may do nothing."""
        if not LOGIN.fullmatch(login):
            return NONE
        task, path = f"say what {login} may do", f"/collaborators/{quote(login, safe='')}/permission"
        return unless_missing(lambda: self.channel.get(task, path, Permission, METADATA).permission, NONE)

    def deploy(self, sha: str, environment: str, description: str) -> PastDeployment:
        """Create a deployment; without an answer, look whether it was made before it is made once more."""
        nonce = self.nonce()
        sent = {
            "ref": sha,
            "environment": environment,
            "auto_merge": False,
            "required_contexts": [],
            "description": clip(description, MAX_DESCRIPTION),
            "payload": {"cicd-agent": nonce},
        }
        task = f"create a deployment to {printable(environment)}"
        call = self.channel.call(task, "POST", "/deployments", DEPLOYS, sent, repeatable=False)

        def create() -> Deployment:
            answer = self.channel.wire.ask(call)
            if answer.status != CREATED:
                raise ForgeRefused(
                    f"GitHub refused to {task}", why=f"{answer.status}: {answer.message}", status=answer.status
                )
            return read(call, answer, Deployment)

        def existing() -> Deployment | None:
            query = {"environment": environment, "sha": sha}
            listed = self.channel.entries(task, "/deployments", Deployment, 1, query, needs=DEPLOYED)
            return next((one for one in listed if nonce in str(one.payload)), None)

        return self.channel.once(create, existing).as_past()

    def set_deployment_status(self, deployment: int, state: DeploymentState, description: str, url: str) -> None:
        """Add a status to a deployment, unless it is lost on the way and turns out to stand."""
        sent = {"state": state, "description": clip(description, MAX_DESCRIPTION)}
        sent |= {"log_url": url} if url else {}
        task, path = f"say that a deployment is {state}", f"/deployments/{deployment}/statuses"
        call = self.channel.call(task, "POST", path, DEPLOYS, sent, repeatable=False)

        def existing() -> bool | None:
            last = next(iter(list_statuses(self.channel, deployment)), None)
            return (last is not None and last.state == state and last.description == sent["description"]) or None

        self.channel.once(lambda: self.channel.wire.ask(call).ok, existing)

    def ask_for_review(self, number: int, people: Sequence[str], teams: Sequence[str]) -> None:
        sent = {name: list(logins) for name, logins in (("reviewers", people), ("team_reviewers", teams)) if logins}
        if sent:
            task, path = f"ask for a review of pull request {number}", f"/pulls/{number}/requested_reviewers"
            self.channel.send(task, "POST", path, WRITES, sent)


def _moment(when: int) -> str:
    try:
        return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        raise ForgeRefused("GitHub cannot be asked what came since", why=f"{when} is no time") from None
