"""A deployment of octo/app to production on a GitHub of our own: a squashed pull request, reviewed and green."""

import atexit
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.jobs.pull_request import BEFORE, Job, Left
from tests.support.repos import TempRepo
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Attempt, Run
from tests.support.servers.github.run_state import Job as RunJob
from tests.support.servers.github.state import Account

AFTER = {"app.py": "import os\n\n\ndef go(name):\n    return name.strip()\n"}
HERE = {"full_name": "octo/app", "default_branch": "main", "id": 1}
READS = ("actions", "checks", "deployments", "issues", "statuses")
EVENTS = ("push", "deployment", "workflow_dispatch", "schedule", "workflow_run", "release")
"""Those that the gate decides on."""
HEARS = {"actions": "write", "contents": "read", "issues": "write", "pull_requests": "write"}
"""What approve-deploy.yml permits."""
HOUR = 3_600
RUN = 77


_MADE: dict[str, tuple[TempRepo, str]] = {}


def _merged(repo: TempRepo, head: str) -> tuple[TempRepo, str]:
    """A copy of the repository in which the pull request is merged, and the merge: made once for each head."""
    if head not in _MADE:
        kept = tempfile.mkdtemp(prefix="cicd-agent-merged-")
        atexit.register(shutil.rmtree, kept, ignore_errors=True)
        made = repo.moved(Path(shutil.copytree(repo.path, Path(kept) / "checkout", symlinks=True)))
        made.git("checkout", "--quiet", "main")
        made.git("merge", "--quiet", "--squash", "topic")
        made.git("commit", "--quiet", "-m", "Change (#7)")
        _MADE[head] = made, made.head
    return _MADE[head]


class GateJobs:
    """Commit `sha` of main, in front of which the gate stands; production runs `base`. Everything is as it should be.

    `hub.gate` fills in what is not. Times are near to now, since the job's clock is the machine's. `config` is that of
    the base branch: it is in `base` already.
    """

    def __init__(
        self, place: Path, hub: FakeGitHub, after: Mapping[str, str | bytes] = AFTER, *, config: str = ""
    ) -> None:
        self.now = int(time.time())
        self.job = Job(place, BEFORE | ({".github/cicd-agent.yml": config} if config else {}), after)
        self.hub = hub
        self.base, self.head = self.job.base, self.job.head
        merged, self.sha = _merged(self.job.repo, self.head)
        shutil.rmtree(self.job.repo.path)
        shutil.copytree(merged.path, self.job.repo.path, symlinks=True)
        self.repo = hub.add_repo("octo/app", self.job.repo.path)
        self.pull = hub.add_pull(7, base="main", head="topic", head_ref="topic")
        gate = hub.gate
        gate.merge(7, self.sha)
        gate.review(7, "reviewer", at=self.now - 2 * HOUR)
        for name in ("unit", "lint"):
            gate.add_check(self.sha, name, at=self.now - HOUR)
        gate.require("main", "unit")
        gate.add_run("main", at=self.now - HOUR)
        gate.add_deployment(self.base, "production", "in_progress", "success", at=self.now - 30 * HOUR)
        self.grants = dict.fromkeys(READS, "read") | {"pull_requests": "write", "contents": "read"}
        self.token = hub.add_token("ghs_gates", **self.grants)
        self.job.variables |= {
            "GITHUB_API_URL": hub.url,
            "GITHUB_SERVER_URL": "https://github.test",
            "GITHUB_RUN_ID": str(RUN),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": self.sha,
        }
        self.signals({"coverage_delta": 0.5})

    def signals(self, values: Mapping[str, object]) -> None:
        """What other steps measured."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now - 600))
        text = json.dumps({"version": 1, "measured_at": moment, **values})
        (self.job.repo.path / "signals.json").write_text(text)

    def unapprove(self) -> None:
        """Nobody has looked at the pull request, so that the score is too low by that alone."""
        self.pull.reviews.clear()

    @property
    def told(self) -> list[str]:
        """What the gate has said on the pull request."""
        me = self.hub.tokens[self.token]
        return [one.body for one in self.pull.comments if one.author.login == me.login]

    def payload(self, name: str) -> dict[str, Any]:
        """The event of this name about `sha`."""
        sender = {"login": "merger", "type": "User"}
        top: dict[str, Any] = {"repository": HERE, "sender": sender}
        match name:
            case "push":
                return top | {"ref": "refs/heads/main", "before": self.base, "after": self.sha, "deleted": False}
            case "deployment":
                made = {"id": 5001, "sha": self.sha, "ref": "main", "environment": "production"}
                return top | {"action": "created", "deployment": made}
            case "workflow_dispatch":
                return top | {"ref": "refs/heads/main", "inputs": {}}
            case "workflow_run":
                run = {
                    "id": 76,
                    "run_attempt": 1,
                    "name": "CI",
                    "event": "push",
                    "conclusion": "success",
                    "head_branch": "main",
                    "head_sha": self.sha,
                    "head_repository": HERE,
                    "pull_requests": [],
                }
                return top | {"action": "completed", "workflow_run": run}
            case "release":
                return top | {"action": "published", "release": {"tag_name": "v1.0.0", "target_commitish": "main"}}
            case _:
                return top

    def run(self, name: str = "push", *argv: str, payload: Mapping[str, Any] | None = None, **inputs: str) -> Left:
        """The gate's job for an event."""
        self.job.event.write_text(json.dumps(self.payload(name) if payload is None else payload))
        self.job.variables["GITHUB_EVENT_NAME"] = name
        for file in ("output", "summary"):
            (self.job.temp / file).write_text("")
        given = {"github_token": self.token, "environment": "production", "signals_file": "signals.json"} | inputs
        return self.job.run(*(argv or ("deploy-gate",)), **given)

    def hold(self, **inputs: str) -> str:
        """The gate holds the push's run, which has failed by it; the hash that would lift that."""
        left = self.run(payload=None, **inputs)
        assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
        failed = Attempt([RunJob(self.hub.new_id(), "gate", conclusion="failure")])
        self.repo.runs.append(Run(RUN, "deploy", self.sha, "main", attempts=[failed]))
        return left.outputs["approval_hash"]

    def again(self, **inputs: str) -> Left:
        """The held run's next attempt."""
        self.job.variables["GITHUB_RUN_ATTEMPT"] = "2"
        return self.run(payload=None, **inputs)

    def comment(
        self,
        body: str,
        login: str = "boss",
        permission: str = "write",
        *,
        number: int = 7,
        kind: str = "User",
        grants: Mapping[str, str] = HEARS,
    ) -> Left:
        """Somebody says this after a minute, and approve-deploy.yml runs: a workflow with a token of its own."""
        self.hub.gate.permit(login, permission)
        said = self.hub.gate.say(number, Account(login, kind), body, at=int(time.time()) + 60)
        who = {"login": login, "type": kind}
        issue: dict[str, Any] = {"number": number, "title": "Change", "state": "open", "user": {"login": "contributor"}}
        comment = {"id": said.id, "body": body, "user": who, "author_association": "MEMBER"}
        comment["created_at"] = said.created_at
        issue |= {"pull_request": {"url": "x"}} if number == 7 else {}
        event = {"action": "created", "issue": issue, "comment": comment, "repository": HERE, "sender": who}
        token = self.hub.add_token("ghs_comment", **grants)
        before = dict(self.job.variables)
        self.job.variables |= {"GITHUB_RUN_ID": "78", "GITHUB_RUN_ATTEMPT": "1"}
        try:
            return self.run("issue_comment", payload=event, github_token=token, environment="", model="off")
        finally:
            self.job.variables.update(before)
