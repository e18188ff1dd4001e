"""A deployment of octo/app to production on a GitHub of our own: a squashed pull request, reviewed and green."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.jobs import BEFORE, Job, Left
from tests.servers.github import FakeGitHub

AFTER = {"app.py": "import os\n\n\ndef go(name):\n    return name.strip()\n"}
HERE = {"full_name": "octo/app", "default_branch": "main", "id": 1}
READS = ("actions", "checks", "deployments", "issues", "statuses")
HOUR = 3_600


class GateJobs:
    """Commit `sha` of main, in front of which the gate stands; production runs `base`. Everything is as it should be.

    `hub.gate` fills in what is not. Times are near to now, since the job's clock is the machine's.
    """

    def __init__(
        self, place: Path, hub: FakeGitHub, after: Mapping[str, str] = AFTER, before: Mapping[str, str] = BEFORE
    ) -> None:
        self.now = int(time.time())
        self.job = Job(place, before, after)
        self.hub = hub
        self.base, self.head = self.job.base, self.job.head
        git = self.job.repo.git
        git("checkout", "--quiet", "main")
        git("merge", "--quiet", "--squash", "topic")
        git("commit", "--quiet", "-m", "Change (#7)")
        self.sha = self.job.repo.head
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
        self.token = hub.add_token("ghs_gates", **dict.fromkeys(READS, "read"), pull_requests="write", contents="read")
        self.job.variables |= {
            "GITHUB_API_URL": hub.url,
            "GITHUB_SERVER_URL": "https://github.test",
            "GITHUB_RUN_ID": "77",
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

    def config(self, text: str) -> None:
        """The configuration of the base branch: the commit before the push, and the default branch."""
        raise NotImplementedError(text)

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
