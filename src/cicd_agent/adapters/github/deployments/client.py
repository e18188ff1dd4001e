"""What a deployment gate reads of GitHub, and the deployments and requests for review that it makes there."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import TypeVar
from urllib.parse import quote

from cicd_agent.adapters.github.actions.payloads import Attempt, Attempts
from cicd_agent.adapters.github.channel import PER_PAGE, Channel, made_once
from cicd_agent.adapters.github.deployments.payloads import (
    CheckRun,
    CheckRuns,
    Deployment,
    DeploymentStatus,
    LabelledIssue,
    Permission,
    Rule,
    Spoken,
    Statuses,
)
from cicd_agent.adapters.github.deployments.provenance import read_origins
from cicd_agent.adapters.github.errors import Call, words
from cicd_agent.adapters.github.payloads import read
from cicd_agent.domain.gate_evidence import CheckState, Incident, OriginPull, PastDeployment, Word
from cicd_agent.domain.ports.deployments import DeploymentState
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.workflow_run import RunState
from cicd_agent.errors import ForgeRefused

MOST_PAGES = 3
MOST_STATUSES = 4
"""Deployments whose status is read, in search of one that succeeded."""
LONGEST_DESCRIPTION = 140
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?")
NONE = "none"
MADE, GONE = 201, 404
CHECKS, STATUSES = "checks: read", "statuses: read"
METADATA, ACTIONS, ISSUES = "metadata: read", "actions: read", "issues: read"
DEPLOYED, DEPLOYS, PULLS = "deployments: read", "deployments: write", "pull-requests: write"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GitHubGates:
    """The Gates of one repository. Any of its methods may be called from several threads side by side.

    In requests:

    | | |
    |---|---|
    | checks | 1 for statuses, and 1 for each 100 check runs, at most 3 |
    | ended runs, words | 1 for each 100, at most 3 |
    | required checks, origins, incidents, a permission | 1 |
    | deployments | 1, and 1 for each status, at most 4 |
    | to deploy, to tell of it, to ask for a review | 1 |

    `nonce` marks a deployment that is made, by which it is known again when the answer is lost.
    """

    repo: str
    channel: Channel
    nonce: Callable[[], str] = lambda: token_hex(8)

    def checks(self, sha: str) -> tuple[CheckState, ...]:
        """The newest check run or commit status of each name on a commit.

        Another app's check of the same name is another check. What the same app began under one name more than once is
        one check, by which it was begun last: where an earlier one says something else, that is noted.
        """
        at = f"/commits/{_part(sha, 'commit')}"
        task = f"list the checks of commit {sha[:7]}"
        newest: dict[tuple[str, str], CheckRun] = {}
        for run in sorted(self._check_runs(task, f"{at}/check-runs"), key=lambda run: run.id):
            key = (run.name, run.app.slug if run.app else "")
            if key in newest and newest[key].conclusion != run.conclusion:
                self.channel.note(f"more than one check is called {words(run.name)}: the newest counts")
            newest[key] = run
        call = self._get(task, f"{at}/status", STATUSES, {"per_page": PER_PAGE})
        statuses = read(call, self.channel.wire.ask(call), Statuses)
        if statuses.total_count > len(statuses.statuses):
            self.channel.note(f"only the first {len(statuses.statuses)} commit statuses were read")
        return (*(run.as_check() for run in newest.values()), *(one.as_check() for one in statuses.statuses))

    def required(self, branch: str) -> tuple[str, ...]:
        """The names of the checks that the rulesets of a branch require; none where there is no such thing."""
        path = f"{self._root}/rules/branches/{_part(branch, 'branch')}"
        task = f"list the rules of {words(branch)}"
        try:
            rules = [rule for page in self.channel.pages(task, path, Rule, MOST_PAGES, needs=METADATA) for rule in page]
        except ForgeRefused as refusal:
            if refusal.status == GONE:
                return ()
            raise
        demanded = (rule.parameters for rule in rules if rule.type == "required_status_checks")
        return tuple(dict.fromkeys(one.context for each in demanded if each for one in each.required_status_checks))

    def origins(self, shas: Sequence[str]) -> tuple[tuple[str, OriginPull], ...]:
        return read_origins(self.channel, self.repo, shas)

    def ended_since(self, branch: str, when: int) -> tuple[RunState, ...]:
        try:
            since = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        except (OverflowError, OSError, ValueError):
            raise ForgeRefused("GitHub cannot be asked for runs", why=f"{when} is no time") from None
        query: dict[str, str | int] = {"branch": branch, "status": "completed", "created": f">={since}"}
        task, found = "list the runs that have ended", dict[int, Attempt]()
        for number in range(1, MOST_PAGES + 1):
            call = self._get(task, "/actions/runs", ACTIONS, query | {"per_page": PER_PAGE, "page": number})
            page = read(call, self.channel.wire.ask(call), Attempts).workflow_runs
            found |= {run.id: run for run in page}
            if len(page) < PER_PAGE:
                break
        else:
            self.channel.note(f"only the newest {MOST_PAGES * PER_PAGE} runs since {since} were read")
        return tuple(run.as_state() for run in found.values())

    def deployments(
        self, environment: str, most: int = 10, sha: str = "", *, whole: bool = False
    ) -> tuple[PastDeployment, ...]:
        """The last deployments to an environment, newest first, with the status of those that are needed, or of all."""
        listed = self._deployments({"environment": environment}, most)
        if whole:
            return tuple(one.as_past(self._statuses(one.id)) for one in listed)
        shown: list[PastDeployment] = []
        for one in listed:
            asked = sum(1 for earlier in shown if earlier.state)
            good = [earlier.sha for earlier in shown if earlier.succeeded]
            # Of the commit itself its last one tells whether it was here before; another is what to go back to.
            is_first_of_it = one.sha == sha and all(earlier.sha != sha for earlier in shown)
            wanted = not any(each != sha for each in good) or is_first_of_it
            looks = wanted and asked < MOST_STATUSES
            shown.append(one.as_past(self._statuses(one.id) if looks else ()))
        if len(listed) > MOST_STATUSES and not any(one.succeeded for one in shown):
            self.channel.note(
                f"none of the last {MOST_STATUSES} deployments to {words(environment)} succeeded: no status of an"
                " earlier one was read"
            )
        return tuple(shown)

    def incidents(self, label: str) -> tuple[Incident, ...]:
        """The open issues with a label, newest first."""
        query = {"labels": label, "state": "open", "sort": "created", "direction": "desc"}
        task, path = "list the open incidents", f"{self._root}/issues"
        listed = self.channel.pages(task, path, LabelledIssue, 1, query, needs=ISSUES)
        return tuple(one.as_incident() for page in listed for one in page if one.pull_request is None)

    def words(self, number: int) -> tuple[Word, ...]:
        """The comments that approve or override a deployment, oldest first: of very many the first and the newest."""
        task, path = f"list the comments of {number}", f"{self._root}/issues/{number}/comments"
        listed = self.channel.newest_of(task, path, Spoken, MOST_PAGES, needs=ISSUES)
        found = {one.id: word for page in listed for one in page if (word := one.as_word())}
        return tuple(sorted(found.values(), key=lambda word: (word.created, word.id)))

    def permission(self, login: str) -> str:
        """What an account may do here; whoever GitHub does not know may do nothing."""
        if not LOGIN.fullmatch(login):
            return NONE
        call = self._get(f"say what {login} may do", f"/collaborators/{quote(login, safe='')}/permission", METADATA)
        try:
            return read(call, self.channel.wire.ask(call), Permission).permission
        except ForgeRefused as refusal:
            if refusal.status == GONE:
                return NONE
            raise

    def deploy(self, sha: str, environment: str, description: str) -> PastDeployment:
        """Create a deployment; without an answer, look whether it was made before it is made once more."""
        nonce = self.nonce()
        sent = {
            "ref": sha,
            "environment": environment,
            "auto_merge": False,
            "required_contexts": [],
            "description": clip(description, LONGEST_DESCRIPTION),
            "payload": {"cicd-agent": nonce},
        }
        task = f"create a deployment to {words(environment)}"
        call = Call(task, "POST", f"{self._root}/deployments", DEPLOYS, body=sent, repeatable=False)

        def make() -> Deployment:
            answer = self.channel.wire.ask(call)
            if answer.status != MADE:
                raise ForgeRefused(
                    f"GitHub refused to {task}", why=f"{answer.status}: {answer.message}", status=answer.status
                )
            return read(call, answer, Deployment)

        def standing() -> Deployment | None:
            listed = self._deployments({"environment": environment, "sha": sha}, 10)
            return next((one for one in listed if nonce in str(one.payload)), None)

        return made_once(make, standing, self.channel.settle).as_past()

    def tell_deployment(self, deployment: int, state: DeploymentState, description: str, url: str) -> None:
        """Add a status to a deployment, unless it is lost on the way and found to stand."""
        sent = {"state": state, "description": clip(description, LONGEST_DESCRIPTION)}
        sent |= {"log_url": url} if url else {}
        path = f"{self._root}/deployments/{deployment}/statuses"
        call = Call(f"say that a deployment is {state}", "POST", path, DEPLOYS, body=sent, repeatable=False)

        def standing() -> bool | None:
            last = next(iter(self._statuses(deployment)), None)
            return (last is not None and last.state == state and last.description == sent["description"]) or None

        made_once(lambda: self.channel.wire.ask(call).ok, standing, self.channel.settle)

    def ask_for_review(self, number: int, people: Sequence[str], teams: Sequence[str]) -> None:
        """Ask people and teams to review a pull request; whoever was asked already is not asked again."""
        sent = {name: list(asked) for name, asked in (("reviewers", people), ("team_reviewers", teams)) if asked}
        if sent:
            path = f"{self._root}/pulls/{number}/requested_reviewers"
            self.channel.wire.ask(Call(f"ask for a review of pull request {number}", "POST", path, PULLS, body=sent))

    def _check_runs(self, task: str, path: str) -> list[CheckRun]:
        found: dict[int, CheckRun] = {}
        for number in range(1, MOST_PAGES + 1):
            call = self._get(task, path, CHECKS, {"filter": "latest", "per_page": PER_PAGE, "page": number})
            page = read(call, self.channel.wire.ask(call), CheckRuns)
            found |= {run.id: run for run in page.check_runs}
            if len(found) >= page.total_count or len(page.check_runs) < PER_PAGE:
                break
        else:
            self.channel.note(f"only the first {MOST_PAGES * PER_PAGE} check runs of a commit were read")
        return list(found.values())

    def _deployments(self, query: dict[str, str], most: int) -> list[Deployment]:
        whole: dict[str, str | int] = {**query, "per_page": min(max(most, 1), PER_PAGE)}
        call = self._get(f"list the deployments to {words(query['environment'])}", "/deployments", DEPLOYED, whole)
        listed = read(call, self.channel.wire.ask(call), list[Deployment])[:most]
        return sorted(listed, key=lambda one: one.id, reverse=True)

    def _statuses(self, deployment: int) -> Sequence[DeploymentStatus]:
        """The last statuses of a deployment, newest first."""
        call = self._get(
            "say what became of a deployment", f"/deployments/{deployment}/statuses", DEPLOYED, {"per_page": 30}
        )
        return read(call, self.channel.wire.ask(call), list[DeploymentStatus])

    def _get(self, task: str, path: str, needs: str, query: dict[str, str | int] | None = None) -> Call:
        return Call(task, "GET", f"{self._root}{path}", needs, query=query or {})

    @property
    def _root(self) -> str:
        return f"/repos/{self.repo}"


def _part(name: str, kind: str) -> str:
    """A commit or branch as one part of a path. On the way to GitHub dots alone would be resolved."""
    if name in {"", ".", ".."}:
        raise ForgeRefused(f"GitHub cannot be asked for the {kind} {name!r}", why="that names none", status=GONE)
    return quote(name, safe="", errors="replace")
