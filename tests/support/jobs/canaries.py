"""A run of each mode that is given secrets and comes upon more, and every place where one of them could come out."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from tests.support.canaries import CANARIES, INPUTS, KEY, PLANTED, TOKEN, VARIABLES, Blabbermouth, files, leaks, put
from tests.support.jobs.failure import PYTEST, FailureJobs, failed
from tests.support.jobs.failure import WRONG as FAILING
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.gen_tests import BEFORE as UNTESTED
from tests.support.jobs.gen_tests import GeneratingJob
from tests.support.jobs.pull_request import BEFORE, Job, Left
from tests.support.servers.github.app import FakeGitHub

QUOTES = {'"': "&quot;", "\n": "&#10;"}
READS = ("actions", "checks", "deployments", "statuses")
CODE = f'import os\n{PLANTED}\n\ndef go(name):\n    os.system(f"echo {{name}}")\n    return name\n'
CONFIG = f"instructions: |\n  {PLANTED.replace(chr(10), chr(10) + '  ')}\nno-such-key: {KEY}\n"
JUNIT = f"""<?xml version="1.0"?>
<testsuite name="unit" tests="2" failures="1">
<testcase classname="t" name="fine"/><testcase classname="t" name="bad {KEY}">
<failure message="{escape(PLANTED, QUOTES)}">{escape(PLANTED)}</failure><system-out>{escape(PLANTED)}</system-out>
</testcase></testsuite>
"""
SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "scanner"}},
            "results": [
                {
                    "ruleId": "leak",
                    "message": {"text": f"found {PLANTED}"},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": "app.py"},
                                "region": {"startLine": 2, "snippet": {"text": PLANTED}},
                            }
                        }
                    ],
                }
            ],
        }
    ],
}


@dataclass
class Scene:
    """One run and all around it; `book` is the directory of its audit log, `more` are further places to look at."""

    hub: FakeGitHub
    model: Blabbermouth
    place: Path
    book: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    job: Job | None = None
    left: Left | None = None
    more: dict[str, str] = field(default_factory=dict)

    def given(self) -> dict[str, str]:
        """What every run is given."""
        told = {"state_dir": str(self.book), "base_url": self.model.url, "github_token": TOKEN}
        return {**INPUTS, **told, **self.inputs}

    def begin(self, job: Job) -> Job:
        """This is the job; it is given what every job is."""
        self.job = job
        job.variables |= {"GITHUB_API_URL": self.hub.url, **VARIABLES, **self.variables}
        return job

    def sinks(self) -> Iterator[tuple[str, str]]:
        """Every place where somebody could read something of the run, but for the evidence, which holds the change."""
        assert self.job is not None
        assert self.left is not None
        yield "log", self.left.log
        for folder in (self.job.temp, self.book):
            yield from files(folder, without=frozenset({"evidence.json"}))
        for sent in self.hub.received:
            yield f"{sent.method} {sent.path}", json.dumps([sent.path, sent.query, sent.body], ensure_ascii=False)
        for asked in self.model.asked:
            yield "prompt", put(asked)
        yield from self.more.items()

    def leaking(self) -> dict[str, list[str]]:
        """The places where something came out, and what."""
        return {name: told for name, text in self.sinks() if (told := leaks(text))}


@contextmanager
def surroundings(place: Path) -> Iterator[Scene]:
    """A GitHub and a model of our own, and room for a job and a book."""
    for name in ("place", "book"):
        (place / name).mkdir()
    with FakeGitHub() as hub, Blabbermouth(path="app.py", line=1, side="new", quote="return name") as model:
        yield Scene(hub, model, place / "place", place / "book")


Mode = Callable[[Scene], Left]


def review(scene: Scene) -> Left:
    before = BEFORE | {".github/cicd-agent.yml": CONFIG}
    job = scene.begin(Job(scene.place, before, {"app.py": CODE}, body=f"Closes it.\n{PLANTED}"))
    job.repo.git("commit", "--quiet", "--amend", "-m", f"Change\n\n{PLANTED}")
    job.head = job.repo.head
    payload = job.payload()
    payload["pull_request"]["title"] = f"Change {CANARIES['AWS key']}"
    job.event.write_text(json.dumps(payload))
    (job.repo.path / "scan.sarif").write_text(json.dumps(SARIF))
    scene.hub.add_repo("octo/app", job.repo.path)
    scene.hub.add_pull(7, base="main", head="topic")
    scene.hub.add_token(TOKEN, pull_requests="write")
    return job.run("review", **scene.given(), api="responses", sarif_files="scan.sarif")


def analyse_failure(scene: Scene) -> Left:
    log = PYTEST.replace("E       assert 9 == 3\n", f"E       assert 9 == 3\n{PLANTED}")
    jobs = FailureJobs(scene.place, scene.hub, FAILING, [failed(501, text=log)])
    scene.begin(jobs.job)
    scene.hub.add_token(TOKEN, actions="write", checks="write", pull_requests="write")
    return jobs.within(**scene.given(), api="chat")


def deploy_gate(scene: Scene) -> Left:
    jobs = GateJobs(scene.place, scene.hub, {"app.py": CODE})
    scene.begin(jobs.job)
    scene.hub.add_token(TOKEN, **dict.fromkeys(READS, "read"), pull_requests="write")
    scene.hub.gate.review(7, "second", at=jobs.now - 600)
    scene.hub.gate.add_check(jobs.sha, f"leaks {CANARIES['leaked token']}", at=jobs.now - 600)
    jobs.signals({"coverage_delta": 0.5, "note": PLANTED})
    (jobs.job.repo.path / "unit.xml").write_text(JUNIT)
    return jobs.run("push", payload=None, test_reports="unit.xml", **scene.given())


def route(scene: Scene) -> Left:
    job = scene.begin(Job(scene.place, BEFORE, {"app.py": CODE}, body=PLANTED))
    return job.run("route", **scene.given() | {"base_url": "", "github_token": "", "model": "off"})


def gen_tests(scene: Scene) -> Left:
    # One function and no example of its own: what a sandbox runs takes its time.
    after = {
        "calc.py": UNTESTED["calc.py"] + f'\n\ndef half(value):\n    return value / 2\n\n\nLEFT = """\n{PLANTED}"""\n'
    }
    job = GeneratingJob(scene.place, after=after, body=PLANTED)
    scene.begin(job)
    scene.hub.add_repo("octo/app", job.repo.path)
    scene.hub.add_pull(7, base="main", head="topic")
    scene.hub.add_token(TOKEN, pull_requests="write")
    return job.write("gen-tests", url=scene.model.url, **scene.given(), max_rounds="1")


MODES: dict[str, Mode] = {
    "review": review,
    "analyse-failure": analyse_failure,
    "deploy-gate": deploy_gate,
    "route": route,
    "gen-tests": gen_tests,
}
