"""The checks of a commit, whole, and which of them a branch requires.

Two checks are the same one if app, workflow and name are: then the newer counts. In one run every check counts, for
legs of a matrix may share a name; of a job that was run again, `filter=latest` gives the last attempt only.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator

from cicd_agent.adapters.github.channel import PER_PAGE, Channel, path_part
from cicd_agent.adapters.github.errors import Call, is_beyond_plan, printable
from cicd_agent.adapters.github.payloads import CheckRun, Epoch, Page, Run, Shape, Text, at, read
from cicd_agent.domain.gate_evidence import CheckState, RequiredCheck, RequiredChecks
from cicd_agent.errors import ForgeRefused

MAX_PAGES = 20
MAX_RUN_PAGES = 10
"""GitHub lists the first 1,000 runs of a search and no more."""
ACTIONS_APP = "github-actions"
CHECKS, STATUSES = "checks: read", "statuses: read"
METADATA, ACTIONS, CONTENTS = "metadata: read", "actions: read", "contents: read"
COMPLETED, PENDING = "completed", "pending"
NOT_ALLOWED = frozenset({403, 404})
NOT_FOUND = 404
_RUN_URL = re.compile(r"/actions/runs/([0-9]{1,18})(?:/|$)")
_UNREAD = "it is not known which checks classic branch protection requires"
_HIDDEN = "GitHub shows that there is one, and not what is in it: name the checks in `required-checks`"
_AGAIN = "Run the job again; if it stays so, look at githubstatus.com"
T = TypeVar("T", bound=Shape)


class CommitCheck(CheckRun):
    """`deployment` is there where the job names an environment: it deploys, or waits for somebody who lets it."""

    app_id: int = at("app", "id", default=0)
    started: Epoch = at("started_at", default=0)
    deployment: Any = None

    @property
    def run(self) -> int:
        """The id of the workflow run that it is a job of, 0 for none: another app may put any address there."""
        found = _RUN_URL.search(self.url) if self.app == ACTIONS_APP else None
        return int(found[1]) if found else 0

    def as_check(self, runs: Mapping[int, Run]) -> CheckState:
        run = runs.get(self.run)
        has_passed = run is not None and (run.status, run.conclusion) == (COMPLETED, "success")
        return self.to(
            CheckState,
            url=self.url or self.details_url,
            run=self.run,
            workflow=file_of(run) if run else "",
            event=run.event if run else "",
            deploys=self.deployment is not None,
            may_fail=has_passed and self.conclusion == "failure",
        )


class Status(Shape):
    name: str = at("context")
    state: str
    url: Text = at("target_url", default="")
    ended: Epoch = at("updated_at", default=0)

    def as_check(self) -> CheckState:
        if self.state == PENDING:
            return self.to(CheckState, status=PENDING, ended=0)
        return self.to(CheckState, status=COMPLETED, conclusion=self.state)


def _none_without(items: object) -> object:
    return items if isinstance(items, list) else items or ()


class RequiredContext(Shape):
    """An app's number is absent, null or −1 where any source will do."""

    name: str = at("context")
    integration: int | None = at("integration_id", default=None)
    app: int | None = at("app_id", default=None)

    def as_required(self) -> RequiredCheck:
        return RequiredCheck(self.name, max(self.integration or 0, self.app or 0, 0))


Contexts = Annotated[tuple[RequiredContext, ...], BeforeValidator(_none_without)]


class Rule(Shape):
    type: str
    checks: Contexts = at("parameters", "required_status_checks", default=())


class Branch(Shape):
    """A branch with the summary of its classic protection, which takes no more than to read the contents."""

    is_protected: bool = at("protected", default=True)
    level: Text = at("protection", "required_status_checks", "enforcement_level", default="")
    checks: Contexts = at("protection", "required_status_checks", "checks", default=())
    contexts: Annotated[tuple[str, ...], BeforeValidator(_none_without)] = at(
        "protection", "required_status_checks", "contexts", default=()
    )

    def required(self) -> list[RequiredCheck]:
        if self.level == "off":
            return []
        listed = [one.as_required() for one in self.checks]
        known = {one.name for one in listed}
        return [*listed, *(RequiredCheck(name) for name in self.contexts if name not in known)]


def read_checks(channel: Channel, sha: str) -> tuple[CheckState, ...]:
    """See ports.deployments.Gates. A workflow run that has jobs still to begin is a check that goes on, too."""
    path, task = f"{channel.root}/commits/{path_part(sha, 'commit')}", f"list the checks of commit {sha[:7]}"
    of_apps = Call(task, "GET", f"{path}/check-runs", CHECKS, {"filter": "latest"})
    listed = read_whole(channel, of_apps, CommitCheck, lambda one: one.id)
    statuses = read_whole(channel, Call(task, "GET", f"{path}/status", STATUSES), Status, lambda one: one.name)
    runs = {run.id: run for run in _runs_of(channel, sha)}
    shown = [run.as_check(runs) for run in _newest(channel, listed, runs)]
    return (*shown, *_beginning(shown, runs.values()), *(status.as_check() for status in statuses))


def is_still_running(channel: Channel, sha: str, running: Sequence[CheckState]) -> bool:
    """See ports.deployments.Gates. What an app has begun comes first, for it says most for one request."""
    path, task = f"/commits/{path_part(sha, 'commit')}", f"list the checks of commit {sha[:7]}"
    known = {(check.name, check.run) for check in running}
    of_apps = [check for check in running if check.app_id]
    if of_apps:
        states = {check.status for check in of_apps}
        state = next((state for state in ("in_progress", "queued") if state in states), "")
        some: dict[str, str | int] = {"status": state} if state else {"check_name": of_apps[0].name}
        query = {"filter": "latest", "per_page": PER_PAGE, **some}
        checks = channel.get(task, f"{path}/check-runs", Page[CommitCheck], CHECKS, query).entries
        return any((check.name, check.run) in known and check.status != COMPLETED for check in checks)
    if run := next((check.run for check in running if check.run), 0):
        return channel.get(f"read run {run}", f"/actions/runs/{run}", Run, ACTIONS).status != COMPLETED
    statuses = channel.get(task, f"{path}/status", Page[Status], STATUSES, {"page": 1, "per_page": PER_PAGE}).entries
    return any((status.name, 0) in known and status.state == PENDING for status in statuses)


def _newest(channel: Channel, listed: Sequence[CommitCheck], runs: Mapping[int, Run]) -> Iterator[CommitCheck]:
    alike: dict[tuple[str, str, str], list[CommitCheck]] = {}
    for check in sorted(listed, key=lambda one: one.id):
        run = runs.get(check.run)
        # Of a job whose workflow is not known nothing says that another one takes its place.
        unknown = f"run {check.run or check.id}" if check.app == ACTIONS_APP else ""
        alike.setdefault((check.app, file_of(run) if run else unknown, check.name), []).append(check)
    for (_, _, name), checks in alike.items():
        newest = checks[-1]
        counted = [one for one in checks if one is newest or (one.run and one.run == newest.run)]
        if any(one.conclusion != newest.conclusion for one in checks if one not in counted):
            channel.note(f"more than one check is called {printable(name)}: the newest counts")
        yield from counted


def _beginning(checks: Sequence[CheckState], runs: Iterable[Run]) -> Iterator[CheckState]:
    """The runs that go on and of which no job does: one that needs others has no check run before they have ended."""
    busy = {check.run for check in checks if check.status != COMPLETED}
    for run in runs:
        if run.status not in {"", COMPLETED} and run.id not in busy:
            yield CheckState(
                f"{run.workflow or file_of(run)} (workflow)",
                run.status,
                url=run.url,
                app=ACTIONS_APP,
                started=run.created,
                run=run.id,
                workflow=file_of(run),
                event=run.event,
            )


def _runs_of(channel: Channel, sha: str) -> Sequence[Run]:
    task, path = f"list the runs of commit {sha[:7]}", f"{channel.root}/actions/runs"
    try:
        return read_whole(channel, Call(task, "GET", path, ACTIONS, {"head_sha": sha}), Run, lambda one: one.id)
    except ForgeRefused as refused:
        if refused.status not in NOT_ALLOWED:
            raise
        channel.note(f"which workflow a check belongs to was not read: {str(refused).rstrip('.')}")
        return ()


def file_of(run: Run) -> str:
    return run.path.partition("@")[0] or f"workflow {run.workflow_id}"


def read_required(channel: Channel, branch: str) -> RequiredChecks:
    """What rulesets require, and classic branch protection where the token may see it."""
    name = path_part(branch, "branch")
    protection, unread = None, ""
    try:
        protection = channel.get(f"read the protection of {printable(branch)}", f"/branches/{name}", Branch, CONTENTS)
    except ForgeRefused as refused:
        if refused.status not in NOT_ALLOWED:
            raise
        unread = f"{_UNREAD}: {str(refused).rstrip('.')}"
    task, path = f"list the rules of {printable(branch)}", f"/rules/branches/{name}"
    try:
        rules = [*channel.entries(task, path, Rule, MAX_PAGES, needs=METADATA)]
    except ForgeRefused as refused:
        # Whatever is not protected at all has no rules that a token might not see.
        is_free = refused.status == NOT_FOUND and protection is not None and not protection.is_protected
        if not is_free and not is_beyond_plan(refused):
            raise
        if is_beyond_plan(refused):
            # There can be none. Which checks count is for the policy to say.
            channel.note(f"{refused.remedy}: rulesets. Name the checks that have to pass in `required-checks`")
        rules = []
    required = [check.as_required() for rule in rules if rule.type == "required_status_checks" for check in rule.checks]
    if protection is not None:
        required += protection.required()
        if protection.is_protected and not protection.level:
            unread = f"{_UNREAD}: {_HIDDEN}"
    return RequiredChecks(tuple(dict.fromkeys(required)), unread)


def read_whole(
    channel: Channel, call: Call, shape: type[T], key: Callable[[T], object], *, pages: int = MAX_PAGES, limit: str = ""
) -> list[T]:
    """All entries of a list that says how many there are, each once by its `key`.

    Raises ForgeRefused where fewer come, also at a second attempt: what moved from page to page meanwhile is there
    then. `limit` is noted where there are more than so many pages; without one that is a refusal, too.
    """
    found: dict[object, T] = {}
    total = 0
    for _ in range(2):
        found, total = _pages(channel, call, shape, key, pages)
        if len(found) >= total:
            return [*found.values()]
        if len(found) >= pages * PER_PAGE and limit:
            channel.note(limit)
            return [*found.values()]
    raise ForgeRefused(
        f"GitHub's answer to the request to {call.task} is not whole",
        why=f"{len(found):,} of {total:,} came",
        remedy=_AGAIN,
    )


def _pages(
    channel: Channel, call: Call, shape: type[T], key: Callable[[T], object], pages: int
) -> tuple[dict[object, T], int]:
    """The entries by their key, and how many there are as the last page says."""
    found: dict[object, T] = {}
    total = 0
    for number in range(1, pages + 1):
        numbered = replace(call, query={**call.query, "page": number, "per_page": PER_PAGE})
        page = read(numbered, channel.wire.ask(numbered), Page[shape])  # type: ignore[valid-type]  # built at run time
        found |= {key(one): one for one in page.entries}
        total = page.total
        if not page.entries or (len(found) >= total if total else len(page.entries) < PER_PAGE):
            break
    return found, total
