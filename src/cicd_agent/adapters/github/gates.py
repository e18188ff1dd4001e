"""What a deployment gate reads of GitHub, and the deployments and requests for review that it makes there."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Annotated
from urllib.parse import quote

from pydantic import AwareDatetime

from cicd_agent.adapters.github.channel import PER_PAGE, WRITES, Channel, Query, path_part, unless_missing
from cicd_agent.adapters.github.deployments import DEPLOYED, Deployment, list_deployments, list_statuses
from cicd_agent.adapters.github.errors import is_beyond_plan, printable
from cicd_agent.adapters.github.origins import read_origins
from cicd_agent.adapters.github.payloads import (
    CheckRun,
    Epoch,
    Issue,
    Page,
    Posted,
    Run,
    Shape,
    Text,
    at,
    each,
    read,
    seconds,
)
from cicd_agent.domain.effects import PostedComment
from cicd_agent.domain.events.deploy_comment import deploy_command
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import ApprovalComment, CheckState, Incident, OriginPull, PastDeployment
from cicd_agent.domain.ports.deployments import DeploymentState
from cicd_agent.domain.text.words import clip
from cicd_agent.errors import ForgeRefused

MAX_PAGES = 3
MAX_COMMENT_PAGES = 20
"""Of one conversation since an approval may count: whoever writes much there does not hide what others wrote."""
MAX_DESCRIPTION = 140
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?")
NONE = "none"
CREATED, GONE = 201, 410
CHECKS, STATUSES = "checks: read", "statuses: read"
METADATA, ACTIONS, ISSUES = "metadata: read", "actions: read", "issues: read"
DEPLOYS = "deployments: write"
PENDING = "pending"
MEMBERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})


class Status(Shape):
    name: str = at("context")
    state: str
    url: Text = at("target_url", default="")
    ended: Epoch = at("updated_at", default=0)

    def as_check(self) -> CheckState:
        if self.state == PENDING:
            return self.to(CheckState, status=PENDING, ended=0)
        return self.to(CheckState, status="completed", conclusion=self.state)


class Rule(Shape):
    type: str
    checks: Annotated[tuple[str, ...], each("context")] = at("parameters", "required_status_checks", default=())


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
        """The newest check run or commit status of each name on a commit.

        Another app's check of the same name is another check. What the same app began under one name more than once is
        one check, by which it was begun last: where an earlier one says something else, that is noted.
        """
        path = f"/commits/{path_part(sha, 'commit')}"
        task = f"list the checks of commit {sha[:7]}"
        runs = self.channel.entries(
            task,
            f"{path}/check-runs",
            CheckRun,
            MAX_PAGES,
            {"filter": "latest"},
            needs=CHECKS,
            limit=f"only the first {MAX_PAGES * PER_PAGE} check runs of a commit were read",
        )
        newest: dict[tuple[str, str], CheckRun] = {}
        for run in sorted(runs, key=lambda run: run.id):
            key = (run.name, run.app)
            if key in newest and newest[key].conclusion != run.conclusion:
                self.channel.note(f"more than one check is called {printable(run.name)}: the newest counts")
            newest[key] = run
        statuses = self.channel.get(task, f"{path}/status", Page[Status], STATUSES, {"per_page": PER_PAGE})
        if statuses.total > len(statuses.entries):
            self.channel.note(f"only the first {len(statuses.entries)} commit statuses were read")
        shown = [run.to(CheckState, url=run.url or run.details_url) for run in newest.values()]
        return (*shown, *(status.as_check() for status in statuses.entries))

    def required(self, branch: str) -> tuple[str, ...]:
        path = f"/rules/branches/{path_part(branch, 'branch')}"
        task = f"list the rules of {printable(branch)}"
        try:
            rules = unless_missing(lambda: [*self.channel.entries(task, path, Rule, MAX_PAGES, needs=METADATA)], [])
        except ForgeRefused as refused:
            if not is_beyond_plan(refused):
                raise
            # There can be none. Which checks count is for the policy to say.
            self.channel.note(f"{refused.remedy}: rulesets. Name the checks that have to pass in `required-checks`")
            return ()
        required = [rule.checks for rule in rules if rule.type == "required_status_checks"]
        return tuple(dict.fromkeys(check for checks in required for check in checks))

    def origins(self, shas: Sequence[str]) -> tuple[tuple[str, OriginPull], ...]:
        return read_origins(self.channel, shas)

    def ended_since(self, branch: str, when: int) -> tuple[RunState, ...]:
        since = _moment(when)
        runs = self.channel.entries(
            "list the runs that have ended",
            "/actions/runs",
            Run,
            MAX_PAGES,
            {"branch": branch, "status": "completed", "created": f">={since}"},
            needs=ACTIONS,
            limit=f"only the newest {MAX_PAGES * PER_PAGE} runs since {since} were read",
        )
        # A run that ends meanwhile moves the others to the next page.
        return tuple({run.id: run.to(RunState) for run in runs}.values())

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
