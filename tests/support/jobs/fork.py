"""A fork's pull request in two jobs: what the first, which anybody can change, hands to the second, which may write."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.github.app import FakeGitHub

FORK = "mallory/app"
BEFORE = {"app.py": "import os\n\n\ndef go(name):\n    return name\n", "old.py": "x = 1\n"}
AFTER = {
    "app.py": "import os\n\n\ndef go(name):\n    try:\n        return eval(name)\n    except Exception:\n        pass\n"
}


class ForkJobs:
    """Pull request 7 of octo/app, from mallory's fork, and the runs of both workflows."""

    def __init__(self, place: Path, hub: FakeGitHub, after: dict[str, str] | None = None) -> None:
        self.job = Job(place, BEFORE, after or AFTER)
        self.hub = hub
        self._token = hub.read_only
        self.evidence = self.job.temp / "evidence.json"
        hub.add_repo("octo/app", self.job.repo.path)
        self.pull = hub.add_pull(7, base="main", head="topic", head_repo=FORK, head_ref="topic")
        self.job.variables["GITHUB_API_URL"] = hub.url

    def gather(self) -> Left:
        """The first job: a checkout, a token that reads, no secret."""
        self.as_gathering()
        return self.step({"stage": "gather", "evidence_file": str(self.evidence)})

    def as_gathering(self) -> None:
        """What the runner says of the event to the first job."""
        payload = self.job.payload()
        payload["pull_request"]["head"]["repo"] = {"full_name": FORK, "id": 2}
        self.job.event.write_text(json.dumps(payload))
        self.job.variables |= {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_WORKSPACE": str(self.job.repo.path)}
        self._token = self.hub.read_only

    def as_posting(self, **different: Any) -> None:
        """What it says to the second: the run that has ended, `different` from an ordinary one; no checkout."""
        self.job.event.write_text(json.dumps(self.run_event(**different)))
        empty = self.job.place / "empty"
        empty.mkdir(exist_ok=True)
        self.job.variables |= {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_WORKSPACE": str(empty)}
        self._token = self.hub.token

    def step(self, inputs: Mapping[str, str]) -> Left:
        """Run the action with the job's own token and fresh files of the runner's."""
        for name in ("output", "summary"):
            (self.job.temp / name).write_text("")
        return self.job.run(github_token=self._token, **inputs)

    def run_event(self, **different: Any) -> dict[str, Any]:
        """The payload of the second job; GitHub lists no pull requests for a fork."""
        here = {"full_name": "octo/app", "default_branch": "main", "id": 1}
        run = {
            "id": 99,
            "run_attempt": 1,
            "name": "gather",
            "event": "pull_request",
            "conclusion": "success",
            "head_branch": "topic",
            "head_sha": self.job.head,
            "head_repository": {"full_name": FORK, "id": 2},
            "pull_requests": [],
        }
        return {
            "action": "completed",
            "repository": here,
            "sender": {"login": "mallory", "type": "User"},
            "workflow_run": run | different,
        }

    def post(self, *, evidence: bool = True, inputs: Mapping[str, str] | None = None, **different: Any) -> Left:
        """The second job: no checkout, a token that writes."""
        self.as_posting(**different)
        given = {"evidence_file": str(self.evidence)} if evidence else {}
        return self.step({**given, **(inputs or {})})

    def forge(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the evidence on its way."""
        whole = json.loads(self.evidence.read_text())
        change(whole["body"])
        self.evidence.write_text(json.dumps(whole))
