"""How a test fills what a deployment gate reads: checks, merged and reviewed changes, deployments, incidents, words.

    hub.add_repo("o/r")
    hub.add_pull(7, head_sha="a" * 40)
    hub.gate.merge(7, "c" * 40)
    hub.gate.review(7, "octocat", at=1_800_000_000)
    hub.gate.add_check("c" * 40, "test", at=1_800_000_000)
    hub.gate.require("main", "test")
    hub.gate.add_deployment("b" * 40, "production", "in_progress", "success", at=1_799_900_000)

Times are in seconds since the epoch; without one, a thing is of the first of January 2026. What a request made is read
from `hub.gate.data`: `data.deployments[-1].statuses`, `data.asked[7]`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tests.support.servers.github.gates_state import WHEN, CommitStatus, Deployment, DeploymentStatus, GateData
from tests.support.servers.github.run_state import Attempt, Run
from tests.support.servers.github.state import Account, CheckRun, Comment, Issue, Pull, Repo, Review


@dataclass(frozen=True)
class GateScene:
    """Fills one repository; `new_id` counts for the whole hub."""

    repo: Repo
    new_id: Callable[[], int]

    @property
    def data(self) -> GateData:
        """All that is neither a pull request, an issue, a run nor a check run."""
        return self.repo.gate

    def add_check(
        self,
        sha: str,
        name: str,
        conclusion: str = "success",
        *,
        app: str = "github-actions",
        run: int = 0,
        at: int = 0,
        status: str = "in_progress",
        environment: str = "",
    ) -> CheckRun:
        """A check run of a commit; without a conclusion it has this status. With `run` it is a job of that run.

        With an `environment` it is a job that names it.
        """
        ident = self.new_id()
        url = f"https://github.test/{self.repo.name}/actions/runs/{run}/job/{ident}" if run else ""
        status, ended = ("completed", moment(at)) if conclusion else (status, None)
        made = CheckRun(
            ident,
            app,
            sha,
            name,
            "",
            conclusion,
            {},
            status=status,
            completed_at=ended,
            url=url,
            environment=environment,
        )
        self.repo.check_runs.append(made)
        return made

    def end_check(self, check: CheckRun, conclusion: str = "success", at: int = 0) -> None:
        """Let a check that goes on end."""
        runs = self.repo.check_runs
        at_once = replace(check, status="completed", conclusion=conclusion, completed_at=moment(at))
        runs[[one.id for one in runs].index(check.id)] = at_once

    def begin_run(self, run: int, sha: str, path: str, *, event: str = "push", status: str = "in_progress") -> Run:
        """A run of a workflow by its file below `.github/workflows`; it goes on unless its status is a conclusion."""
        is_over = status in {"success", "failure", "cancelled"}
        attempt = Attempt(conclusion=status if is_over else None, status="completed" if is_over else status)
        name, path = path.removesuffix(".yml"), f".github/workflows/{path}"
        workflow = sum(path.encode())
        made = Run(run, name, sha, "main", workflow=workflow, path=path, event=event, attempts=[attempt])
        self.repo.runs.append(made)
        return made

    def add_status(self, sha: str, context: str, state: str = "success", *, at: int = 0) -> None:
        """A commit status in place of the one that its context had."""
        others = [one for one in self.data.statuses.get(sha, []) if one.context != context]
        self.data.statuses[sha] = [*others, CommitStatus(context, state, "https://ci.test/1", moment(at))]

    def require(self, branch: str, *names: str, app: int = 0, classic: bool = False) -> None:
        """Let the rulesets of a branch, or its classic protection, require these checks, from one app or any source."""
        where = self.data.classic if classic else self.data.rules
        where[branch] = tuple((name, app) for name in names)

    def merge(self, number: int, *landed: str, writers: tuple[str, ...] = ("contributor",)) -> Pull:
        """Merge a pull request, by which these commits came to be on its base branch: more than one by a rebase."""
        pull = self.repo.pulls[number]
        pull.state, pull.landed, pull.writers = "closed", landed, writers
        return pull

    def retarget(self, number: int, base: str, *, at: int, automatic: bool = False) -> None:
        """Change the base branch of a pull request; GitHub does it by itself where that branch was merged."""
        pull = self.repo.pulls[number]
        pull.retargeted.append((moment(at), pull.base_ref, automatic))
        pull.base_ref = base

    def review(
        self,
        number: int,
        author: str | Account,
        state: str = "APPROVED",
        *,
        commit: str = "",
        association: str = "MEMBER",
        at: int = 0,
    ) -> Review:
        """A review, of the head if no commit is named, by a person if only a login is given."""
        pull = self.repo.pulls[number]
        who = Account(author, "User") if isinstance(author, str) else author
        made = Review(self.new_id(), who, "", state, commit or pull.head_sha, moment(at), association)
        pull.reviews.append(made)
        return made

    def add_run(
        self, branch: str, conclusion: str = "success", *, name: str = "CI", sha: str = "a" * 40, at: int = 0
    ) -> Run:
        """A run that has ended, newer than those that there are."""
        made = Run(self.new_id(), name, sha, branch, conclusion, created_at=moment(at))
        self.repo.runs.insert(0, made)
        return made

    def add_deployment(self, sha: str, environment: str, *states: str, ref: str = "main", at: int = 0) -> Deployment:
        """A deployment that went through these states, a minute after it was made."""
        made = Deployment(self.new_id(), sha, ref, environment, created_at=moment(at))
        ended = moment(at + 60 if at else 0)
        made.statuses += [DeploymentStatus(self.new_id(), state, created_at=ended) for state in states]
        self.data.deployments.append(made)
        return made

    def add_incident(self, title: str, label: str = "incident", *, at: int = 0) -> Issue:
        """An open issue with a label."""
        number = 1 + max([one.number for one in self.repo.issues] + [*self.repo.pulls], default=0)
        made = Issue(number, title, "", Account("octocat", "User"), (label,), created_at=moment(at))
        self.repo.issues.append(made)
        return made

    def say(self, number: int, author: str | Account, body: str, *, at: int = 0, edited: bool = False) -> Comment:
        """A comment on an issue or a pull request, by a person if only a login is given."""
        who = Account(author, "User") if isinstance(author, str) else author
        made = Comment(self.new_id(), body, who, moment(at), "2036-01-01T00:00:00Z" if edited else moment(at))
        issue = next((one for one in self.repo.issues if one.number == number), None)
        (self.repo.pulls[number].comments if issue is None else issue.comments).append(made)
        return made

    def permit(self, login: str, permission: str) -> None:
        """Make somebody a collaborator: admin, maintain, write, triage or read."""
        self.data.permissions[login] = permission


def moment(at: int) -> str:
    """A time as the API gives it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else WHEN
