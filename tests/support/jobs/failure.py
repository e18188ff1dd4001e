"""A run of octo/app that failed, on a GitHub of our own: explained within the run, or after it has ended."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Attempt, Run, Step
from tests.support.servers.github.run_state import Job as JobOfRun

BEFORE = {
    "src/limits.py": "def limit(retries):\n    return 3\n",
    "src/other.py": "def other():\n    return 1\n",
    "tests/test_limits.py": "from src.limits import limit\n\n\ndef test_limit():\n    assert limit(9) == 3\n",
    "README.md": "Limits.\n",
}
WRONG = {"src/limits.py": "def limit(retries):\n    return retries\n"}
HARMLESS = {"src/other.py": "def other():\n    return 2\n"}

PYTEST = """\
============================= test session starts ==============================
platform linux -- Python 3.12.4, pytest-8.3.2, pluggy-1.5.0
rootdir: /home/runner/work/app/app
collected 1 item

tests/test_limits.py F                                                   [100%]

=================================== FAILURES ===================================
__________________________________ test_limit __________________________________

    def test_limit():
>       assert limit(9) == 3
E       assert 9 == 3
E        +  where 9 = limit(9)

tests/test_limits.py:5: AssertionError
=========================== short test summary info ============================
FAILED tests/test_limits.py::test_limit - assert 9 == 3
============================== 1 failed in 0.03s ===============================
"""
GREEN = """\
============================= test session starts ==============================
platform linux -- Python 3.12.4, pytest-8.3.2, pluggy-1.5.0
rootdir: /home/runner/work/app/app
collected 1 item

tests/test_limits.py .                                                   [100%]

============================== 1 passed in 0.02s ===============================
"""
NO_HOST = """\
Collecting requests
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by \
'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f3a2c0>: Failed to establish a new \
connection: [Errno -3] Temporary failure in name resolution')': /simple/requests/
ERROR: Could not find a version that satisfies the requirement requests (from versions: none)
ERROR: No matching distribution found for requests
"""
STEPS = (
    Step("Set up job", 1),
    Step("Run actions/checkout@v7", 2),
    Step("Run make test", 3, "failure"),
    Step("Post Run actions/checkout@v7", 4),
)


def log(text: str, command: str = "make test", code: int = 1) -> bytes:
    """What a job prints, as GitHub keeps it: a timestamp before each line, groups around what each step runs."""
    lines = [
        "##[group]Runner Image",
        "Image: ubuntu-24.04",
        "##[endgroup]",
        "##[group]Run actions/checkout@v7",
        "##[endgroup]",
        "Syncing repository: octo/app",
        f"##[group]Run {command}",
        f"\x1b[36;1m{command}\x1b[0m",
        "shell: /usr/bin/bash -e {0}",
        "##[endgroup]",
        *text.splitlines(),
        *([f"##[error]Process completed with exit code {code}."] if code else []),
        "##[group]Post job cleanup.",
        "##[endgroup]",
        "Cleaning up orphan processes",
    ]
    return "\ufeff".encode() + "".join(f"2026-01-01T00:00:00.{n:07}Z {line}\n" for n, line in enumerate(lines)).encode()


def failed(id: int, name: str = "test", text: str = PYTEST, **different: Any) -> JobOfRun:  # noqa: A002
    """A job that failed in its third step."""
    return replace(JobOfRun(id, name, log=log(text), steps=STEPS), **different)


def passed(id: int, name: str = "test", text: str = GREEN) -> JobOfRun:  # noqa: A002
    """The same when it passed."""
    steps = tuple(replace(step, conclusion="success") for step in STEPS)
    return JobOfRun(id, name, "success", log=log(text, code=0), steps=steps)


def traceback(error: str) -> str:
    """What Python prints of an error in the file that was changed."""
    return (
        "Traceback (most recent call last):\n"
        '  File "/home/runner/work/app/app/src/limits.py", line 2, in limit\n'
        "    return retries\n"
        f"{error}\n"
    )


class FailureJobs:
    """Pull request 7 of octo/app, whose run 99 has failed; `jobs` are those of its first attempt."""

    def __init__(
        self,
        place: Path,
        hub: FakeGitHub,
        after: Mapping[str, str | bytes] = WRONG,
        jobs: Iterable[JobOfRun] = (),
        before: Mapping[str, str] = BEFORE,
    ) -> None:
        self.job = Job(place, before, after)
        self.hub = hub
        self.repo = hub.add_repo("octo/app", self.job.repo.path)
        self.pull = hub.add_pull(7, base="main", head="topic", head_ref="topic")
        self.token = hub.add_token("ghs_explains", actions="write", checks="write", pull_requests="write")
        self.job.variables["GITHUB_API_URL"] = hub.url
        self.job.variables["GITHUB_SERVER_URL"] = "https://github.test"
        self.add(99, "topic", self.job.head, list(jobs) or [failed(501)], event="pull_request", pulls=(7,))

    def add(self, number: int, branch: str, sha: str, jobs: list[JobOfRun], **different: Any) -> Run:
        """One run more of the workflow, newest first."""
        conclusion = different.pop("conclusion", "failure")
        attempts = [Attempt(jobs, conclusion)]
        run = Run(number, "ci", sha, branch, conclusion, attempts=attempts, **different)
        self.repo.runs.insert(0, run)
        return run

    @property
    def run(self) -> Run:
        """The run that is explained."""
        return next(run for run in self.repo.runs if run.id == 99)

    def within(self, *argv: str, **inputs: str) -> Left:
        """A job of the same run, with `if: failure()`; it goes on itself while it looks."""
        attempt = self.run.attempts[-1]
        own = JobOfRun(599, "explain", None, "in_progress", log=None, completed_at=None)
        if all(job.id != own.id for job in attempt.jobs):
            attempt.jobs.append(own)
        attempt.status, attempt.conclusion = "in_progress", None
        payload = self.job.payload()
        self.job.event.write_text(json.dumps(payload))
        self.job.variables |= {
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_RUN_ID": "99",
            "GITHUB_RUN_ATTEMPT": str(len(self.run.attempts)),
        }
        return self._step(*argv, **inputs)

    def after(self, *argv: str, **inputs: str) -> Left:
        """Another workflow, once the run has ended; nothing is checked out."""
        return self.after_run(self.run.id, *argv, **inputs)

    def after_run(self, number: int, *argv: str, **inputs: str) -> Left:
        """The same of any run."""
        run = next(run for run in self.repo.runs if run.id == number)
        here = {"full_name": "octo/app", "default_branch": "main", "id": 1}
        attempt = run.attempts[-1]
        payload = {
            "action": "completed",
            "repository": here,
            "sender": {"login": "contributor", "type": "User"},
            "workflow_run": {
                "id": run.id,
                "run_attempt": len(run.attempts),
                "name": run.name,
                "event": run.event,
                "conclusion": attempt.conclusion,
                "head_branch": run.branch,
                "head_sha": run.sha,
                "head_repository": here,
                "pull_requests": [],
            },
        }
        self.job.event.write_text(json.dumps(payload))
        empty = self.job.place / "empty"
        empty.mkdir(exist_ok=True)
        self.job.variables |= {
            "GITHUB_EVENT_NAME": "workflow_run",
            "GITHUB_RUN_ID": "1000",
            "GITHUB_WORKSPACE": str(empty),
        }
        return self._step(*argv, **inputs)

    def _step(self, *argv: str, **inputs: str) -> Left:
        for name in ("output", "summary"):
            (self.job.temp / name).write_text("")
        return self.job.run(*(argv or ("analyse-failure",)), **({"github_token": self.token} | inputs))

    @property
    def comments(self) -> list[str]:
        """What stands in the pull request's conversation."""
        return [comment.body for comment in self.pull.comments]
