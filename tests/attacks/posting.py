"""GitHub refuses what a run has to say: that is in the step summary then, and the run says that it was not posted."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.effects import Comment, Summary
from launch.returned import Doubtful, consistent
from tests.end_to_end.test_notices import forged
from tests.support.jobs.failure import FailureJobs
from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Pull

CONFIG = "labels: on\ncheck-run: on\n"
BEFORE = {"app.py": "import os\n\n\ndef go(name):\n    return name\n", ".github/cicd-agent.yml": CONFIG}
AFTER = {"app.py": 'import os\n\n\ndef go(name):\n    os.system(f"echo {name}")\n    return name\n'}
MARKER = r"<!-- cicd-agent:\S+ -->"
NO = {"message": "Resource not accessible by integration"}
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "401": {"status": 401, "body": {"message": "Bad credentials"}},
    "403": {"status": 403, "body": NO},
    "404": {"status": 404, "body": {"message": "Not Found"}},
    "422": {"status": 422, "body": {"message": "Validation Failed"}},
    "429": {"status": 429, "headers": {"Retry-After": "3600"}},
    "503": {"status": 503},
    "reset": {},
    "hang": {},
}
COMMENTS = {
    "list comments": ("GET", "/issues/7/comments$"),
    "create comment": ("POST", "/issues/7/comments$"),
    "update comment": ("PATCH", "/issues/comments/[0-9]+$"),
}
PLACES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "review": {
        **COMMENTS,
        "list review comments": ("GET", "/pulls/7/comments$"),
        "create review": ("POST", "/pulls/7/reviews$"),
        "create check": ("POST", "/check-runs$"),
        "create label": ("POST", "/issues/7/labels$"),
    },
    "analyse-failure": COMMENTS,
    "gen-tests": COMMENTS,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One fault at one kind of request of one mode's run, at each attempt."""

    mode: str
    place: str
    fault: str

    def __str__(self) -> str:
        return f"{self.mode}-{self.place}-{self.fault}".replace(" ", "-")


CASES = [Case(mode, place, fault) for mode, places in PLACES.items() for place in places for fault in FAULTS]
SOME = [case for at, case in enumerate(CASES) if case.place == "create comment" or at % 9 == 0]
"""Each fault at what says most, and at every place some fault."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The run of one mode about pull request 7, on a GitHub of its own."""

    hub: FakeGitHub
    job: Job
    step: Callable[[], Left]

    def run(self) -> Left:
        """One step, with fresh files of the runner's."""
        for name in ("output", "summary"):
            (self.job.temp / name).unlink(missing_ok=True)
        return self.step()

    @property
    def pull(self) -> Pull:
        return self.hub.repos["octo/app"].pulls[7]

    def said(self) -> str:
        """What stands on the pull request."""
        pull = self.pull
        bodies = [*(one.body for one in pull.comments), *(one.body for one in pull.reviews)]
        return "\n".join([*bodies, *(str(one.fields["body"]) for one in pull.review_comments)])


def complaints(case: Case, place: Path) -> Iterator[str]:
    """What is wrong with a run that meets the fault at every attempt."""
    expected = whole(case.mode)
    with scene(case.mode, place, patience=1 if case.fault == "hang" else 20) as here:
        if case.place == "update comment":
            here.run()
            comment = here.pull.comments[0]
            comment.body = comment.body.partition("\n")[0]
        before = len(here.hub.received)
        fault = FAULTS[case.fault]
        method, path = PLACES[case.mode][case.place]
        strike: Callable[..., None] = {"hang": here.hub.hang, "reset": here.hub.drop}.get(case.fault, here.hub.fail)
        strike(method, path, **fault, times=99)
        left = here.run()
        if not any(re.search(path, one.path) and one.method == method for one in here.hub.received[before:]):
            yield "the fault was not met"
        readable = left.summary + here.said()
    code = 3 if case.fault == "401" else 0
    if left.exit != code or left.report["exit"] != code:
        yield f"it ended with {left.exit}, in the report {left.report['exit']}"
    outputs = {name: value for name, value in expected.outputs.items() if not name.endswith("_file")}
    outputs |= {"degraded": "true"} | ({"conclusion": "failure"} if code else {})
    yield from (f"{name} is {left.outputs[name]}" for name in outputs if left.outputs[name] != outputs[name])
    if left.report["outputs"] != left.outputs:
        yield "the report differs from the outputs"
    try:
        consistent(left.exit, left.outputs, case.mode)
    except Doubtful as doubt:
        yield f"the launcher believes nothing of it: {doubt}"
    level = "::error" if case.fault == "401" else "::warning"
    if not any(line.startswith(level) and "Not done: " in line for line in left.log.splitlines()):
        yield "no annotation names what is missing"
    if "**Not done:**" not in left.summary:
        yield "the summary does not say what is missing"
    yield from (f"lost: {line}" for line in expected.said.splitlines() if line and line not in readable)


@dataclass(frozen=True, slots=True)
class Whole:
    """What a run without a fault says, and its outputs."""

    said: str
    outputs: Mapping[str, str]


@cache
def whole(mode: str) -> Whole:
    with TemporaryDirectory(prefix="cicd-agent-posting-") as folder, scene(mode, Path(folder) / "job") as here:
        left = here.run()
        assert (left.exit, left.outputs["degraded"]) == (0, "false"), left.log
        return Whole(re.sub(MARKER, "", here.said()), left.outputs)


@contextmanager
def scene(mode: str, place: Path, patience: int = 20) -> Iterator[Scene]:
    """Nobody waits between attempts, and `patience` seconds for an answer."""
    quick = partial(GitHubForge, sleep=lambda _: None, timeout=patience)
    place.mkdir(parents=True, exist_ok=True)
    with FakeGitHub() as hub, mock.patch("cicd_agent.adapters.github.forge.GitHubForge", quick):
        yield {"review": _review, "analyse-failure": _failure, "gen-tests": _tests}[mode](hub, place)


def _review(hub: FakeGitHub, place: Path) -> Scene:
    job = Job(place, BEFORE, AFTER)
    hub.add_repo("octo/app", job.repo.path).shas.add(job.head)
    token = hub.add_token("ghs_says", pull_requests="write", issues="write", checks="write")
    job.variables["GITHUB_API_URL"] = hub.url
    hub.add_pull(7, base="main", head="topic")
    return Scene(hub, job, lambda: job.run(model="off", github_token=token))


def _failure(hub: FakeGitHub, place: Path) -> Scene:
    jobs = FailureJobs(place, hub)
    return Scene(hub, jobs.job, lambda: jobs.within(model="off"))


def _tests(hub: FakeGitHub, place: Path) -> Scene:
    """The last of the jobs of a workflow that is split: it posts what another one has found."""
    job = Job(place, {"README.md": "An app.\n"}, {"README.md": "An application.\n"})
    hub.add_repo("octo/app", job.repo.path)
    job.variables["GITHUB_API_URL"] = hub.url
    hub.add_pull(7, base="main", head="topic")
    body = "### 2 tests that would have failed before\n\n- `test_parse_splits` holds on to parse"
    decision = forged(job, Comment("gen-tests", 7, body), Summary("summary", "### 2 tests\n"), mode="gen-tests")
    command = ("perform", "gen-tests", "--in", str(decision))
    return Scene(hub, job, lambda: job.run(*command, github_token=hub.token))
