"""A run of each mode in which an attacker has written everything that anybody but us can write."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tests.attacks.payloads import Payload, as_name
from tests.support.canaries import PLANTED, TOKEN, Blabbermouth
from tests.support.jobs.canaries import CONFIG, READS, Scene
from tests.support.jobs.failure import BEFORE as FAILED_BEFORE
from tests.support.jobs.failure import PYTEST, FailureJobs, failed, passed
from tests.support.jobs.failure import WRONG as FAILING
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.gen_tests import BEFORE as UNTESTED
from tests.support.jobs.gen_tests import GeneratingJob
from tests.support.jobs.pull_request import BEFORE, Job, Left
from tests.support.servers.collector import Collector
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Commit
from tests.support.servers.github.state import Account
from tests.support.servers.slack import FakeSlack

VULNERABLE = '\n\ndef go(name):\n    os.system(f"echo {name}")\n    return name\n'
XML_CANNOT = {**dict.fromkeys(range(32)), **dict.fromkeys(range(0xD800, 0xE000)), 0xFFFE: None, 0xFFFF: None}
for kept in (9, 10, 13):
    del XML_CANNOT[kept]


class Obedient(Blabbermouth):
    """Fills every field of every answer with the attacks and with every secret in every spelling."""

    def __init__(self, payloads: Sequence[Payload], **quotes: object) -> None:
        super().__init__(**quotes)
        self._words = f"{joined(payloads)}\n{self._words}".encode("utf-8", "replace").decode()


@dataclass
class World(Scene):
    """A scene with whoever else is told of a run."""

    slack: FakeSlack = field(default_factory=FakeSlack)
    collector: Collector = field(default_factory=Collector)

    def __post_init__(self) -> None:
        self.variables = {**self.variables, "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url}

    def given(self) -> dict[str, str]:
        return super().given() | {"slack_webhook_url": self.slack.webhook}


def joined(payloads: Sequence[Payload]) -> str:
    return "\n".join(each.text for each in payloads)


@dataclass
class Attacker:
    """Writes the payloads, and remembers where."""

    payloads: Sequence[Payload]
    wrote: dict[str, Sequence[Payload]] = field(default_factory=dict)

    def at(self, place: str) -> str:
        """All of them in one text, as any string of JSON can be."""
        self.wrote[place] = self.payloads
        return joined(self.payloads)

    def utf8(self, place: str) -> str:
        """The same where only UTF-8 can stand."""
        return self.at(place).encode("utf-8", "replace").decode()

    def each(self, place: str) -> list[str]:
        """Each in a line of its own, where a place holds one line."""
        self.wrote[place] = self.payloads
        return [" ".join(each.text.split("\n"))[:400].encode("utf-8", "replace").decode() for each in self.payloads]

    def code(self) -> str:
        """A module in Python whose comments, strings and docstring say it, and that has a flaw of its own."""
        said = self.utf8("contents of a file").replace("\0", "")
        comments = "".join(f"# {line}\n" for line in said.replace("\r", "\n").split("\n"))
        return f"import os\n{comments}\nTEXT = {said!r}\n{VULNERABLE}\n"

    def files(self) -> dict[str, str]:
        """Files that are named like it."""
        self.wrote["names of files"] = [each for each in self.payloads if each.family != "sizes"]
        return {as_name(each, ".py"): "a = 1\n" for each in self.wrote["names of files"]}


@contextmanager
def surroundings(place: Path, payloads: Sequence[Payload]) -> Iterator[World]:
    for name in ("place", "book"):
        (place / name).mkdir(parents=True)
    model = Obedient(payloads, path="app.py", line=1, side="new", quote="return name")
    with FakeGitHub() as hub, model:
        world = World(hub, model, place / "place", place / "book")
        with world.slack, world.collector:
            yield world


def _event(job: Job, attacker: Attacker) -> None:
    """What an author says in the event: a title, a description, a branch, a label."""
    payload: dict[str, Any] = job.payload()
    pull = payload["pull_request"]
    pull["title"] = attacker.at("title")
    pull["body"] = attacker.at("description")
    pull["head"]["ref"] = attacker.at("branch")
    pull["labels"] = [{"name": text} for text in attacker.each("labels")]
    pull["user"]["login"] = payload["sender"]["login"] = "contributor"
    payload["extra"] = {"forged": attacker.at("unknown fields of the event")}
    job.event.write_text(json.dumps(payload))


def _variables(job: Job, attacker: Attacker) -> None:
    for name in ("HEAD_REF", "REF_NAME", "ACTOR", "WORKFLOW", "JOB"):
        job.variables[f"GITHUB_{name}"] = attacker.utf8("environment").replace("\0", "")


def _commit(job: Job, attacker: Attacker) -> None:
    message = attacker.utf8("commit message").replace("\0", "")
    job.repo.git("commit", "--quiet", "--amend", "--cleanup=verbatim", "-m", f"Change\n\n{message}")
    job.head = job.repo.head


def _sarif(attacker: Attacker) -> str:
    said, names = attacker.at("SARIF"), attacker.each("SARIF")
    region = {"startLine": 2, "snippet": {"text": said}}
    results = [
        {
            "ruleId": name,
            "message": {"text": said if index == 0 else name},
            "level": "error",
            "locations": [
                {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}} for uri in ("app.py", name)
            ],
        }
        for index, name in enumerate(names)
    ]
    driver = {"name": said, "rules": [{"id": name, "helpUri": f"https://evil.example/{name}"} for name in names]}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]})


def _junit(attacker: Attacker) -> str:
    texts = [text.translate(XML_CANNOT) for text in attacker.each("JUnit")]
    cases = "".join(
        f"<testcase classname={quoteattr(text)} name={quoteattr(text)} file={quoteattr(text)}>"
        f"<failure message={quoteattr(text)}>{escape(text)}</failure></testcase>"
        for text in texts
    )
    return f'<?xml version="1.0"?><testsuite name="s" tests="{len(texts)}" failures="{len(texts)}">{cases}</testsuite>'


def _config(attacker: Attacker, more: str = "") -> str:
    """The base branch's file: who can write it has been let in, and its words are still only words."""
    said = attacker.utf8("config file")
    return f"{CONFIG}{more}instructions: {json.dumps(said)}\nignore-paths: {json.dumps([said[:200]])}\n"


def _organisation(attacker: Attacker) -> str:
    """What a central workflow gives; its words are words, too. One that holds a secret is refused, see `refused`."""
    said = Attacker([each for each in attacker.payloads if each.family != "secrets"]).utf8("")
    attacker.wrote["organisation-config"] = attacker.payloads
    return json.dumps({"defaults": {"instructions": said}})


Mode = Callable[[World, Attacker], Left]


def review(scene: World, attacker: Attacker) -> Left:
    before = BEFORE | {".github/cicd-agent.yml": _config(attacker, "labels: 'on'\ncheck-run: 'on'\n")}
    job = scene.begin(Job(scene.place, before, {"app.py": attacker.code(), **attacker.files()}))
    _commit(job, attacker)
    _event(job, attacker)
    _variables(job, attacker)
    (job.repo.path / "scan.sarif").write_text(_sarif(attacker))
    scene.hub.add_repo("octo/app", job.repo.path)
    pull = scene.hub.add_pull(7, base="main", head="topic")
    scene.hub.add_pull(8, base="main", head="topic")
    scene.hub.gate.say(7, Account("mallory", "User"), attacker.utf8("comments"))
    pull.title = attacker.utf8("title")
    scene.hub.add_token(TOKEN, pull_requests="write", issues="write", checks="write")
    told = scene.given() | {"organisation_config": _organisation(attacker)}
    return job.run("review", **told, api="responses", sarif_files="scan.sarif")


def _red(attacker: Attacker) -> tuple[str, list[str]]:
    """The log of a failed job, and names of jobs."""
    said = attacker.utf8("lines of a log")
    text = PYTEST.replace("E       assert 9 == 3\n", f"E       assert 9 == 3\n{PLANTED}{said}\n") + said
    raised = " ".join(attacker.each("test names")).replace("test_limit", "")
    text = text.replace("FAILED tests/test_limits.py::test_limit", f"FAILED tests/test_limits.py::test_limit[{raised}]")
    return text, attacker.each("names of jobs")


def analyse_failure(scene: World, attacker: Attacker) -> Left:
    text, names = _red(attacker)
    jobs = FailureJobs(scene.place, scene.hub, FAILING, [failed(501, name=names[0][:90], text=text)])
    scene.begin(jobs.job)
    jobs.repo.runs[0] = replace(jobs.run, name=names[-1])
    scene.hub.add_pull(8, base="main", head="topic")
    scene.hub.gate.say(7, Account("mallory", "User"), attacker.utf8("comments"))
    _variables(jobs.job, attacker)
    (jobs.job.repo.path / "unit.xml").write_text(_junit(attacker))
    scene.hub.add_token(TOKEN, actions="write", checks="write", pull_requests="write")
    return jobs.within(**scene.given(), api="chat", test_reports="unit.xml")


def failure_of_main(scene: World, attacker: Attacker) -> Left:
    """The default branch has failed: an issue, a comment on the commit and a message to Slack tell of it."""
    text, names = _red(attacker)
    wants = _config(attacker, "commit-comment: 'on'\nfailure-issue: 'on'\n")
    jobs = FailureJobs(scene.place, scene.hub, before=FAILED_BEFORE | {".github/cicd-agent.yml": wants})
    scene.begin(jobs.job)
    jobs.repo.runs.clear()
    jobs.add(90, "main", jobs.job.base, [passed(401)], conclusion="success", created_at="2025-12-31T00:00:00Z")
    red = failed(501, name=names[0][:90], text=text)
    jobs.repo.runs.insert(0, replace(jobs.add(99, "main", jobs.job.head, [red], event="push"), name=names[-1]))
    del jobs.repo.runs[1]
    jobs.repo.pulls.clear()
    jobs.repo.shas |= {jobs.job.base, jobs.job.head}
    chain = {jobs.job.base: "", jobs.job.head: jobs.job.base}
    for sha, parent in chain.items():
        jobs.repo.commits[sha] = Commit(sha, attacker.utf8("commit message"), parent, ())
    scene.hub.add_token(TOKEN, actions="write", checks="write", contents="write", issues="write")
    return jobs.after(**scene.given(), api="chat")


def deploy_gate(scene: World, attacker: Attacker) -> Left:
    wants = "approvals: [comment, issue]\nrecord-deployment: 'on'\n"
    jobs = GateJobs(
        scene.place, scene.hub, {"app.py": attacker.code(), **attacker.files()}, config=_config(attacker, wants)
    )
    scene.begin(jobs.job)
    granted = dict.fromkeys(READS, "read") | dict.fromkeys(("deployments", "issues", "pull_requests"), "write")
    scene.hub.add_token(TOKEN, **granted)
    jobs.unapprove()
    for name in attacker.each("names of checks"):
        scene.hub.gate.add_check(jobs.sha, name, at=jobs.now - 600)
    for text in (attacker.utf8("comments"), *attacker.each("comments")):
        scene.hub.gate.say(7, "mallory", text, at=jobs.now - 500)
    jobs.pull.title = attacker.utf8("title")
    jobs.signals({"coverage_delta": 0.5, "note": attacker.at("signals"), attacker.each("signals")[0]: 1})
    (jobs.job.repo.path / "unit.xml").write_text(_junit(attacker))
    _variables(jobs.job, attacker)
    told = scene.given() | {"organisation_config": _organisation(attacker)}
    return jobs.run("push", payload=None, test_reports="unit.xml", **told)


def route(scene: World, attacker: Attacker) -> Left:
    before = BEFORE | {".github/cicd-agent.yml": _config(attacker)}
    job = scene.begin(Job(scene.place, before, {"app.py": attacker.code(), **attacker.files()}))
    _commit(job, attacker)
    _event(job, attacker)
    _variables(job, attacker)
    scene.more |= _refused(job, attacker)
    return job.run("route", **scene.given() | {"base_url": "", "github_token": "", "model": "off"})


def _refused(job: Job, attacker: Attacker) -> dict[str, str]:
    """What is said of inputs that are no such thing: whoever calls the workflow may have made them of a text."""
    said = attacker.utf8("inputs").replace("\0", "")  # which no variable can hold
    broken = dict.fromkeys(("api", "max_cost_usd", "paths_ignore", "working_directory", "organisation_config"), said)
    broken |= {"config_file": said[:200], "signals_file": said[:200], "enforce": said[:50]}
    told = {name: job.run("route", **{name: value}, model="off").log for name, value in broken.items()}
    for name in ("output", "summary"):
        (job.temp / name).unlink(missing_ok=True)
    return told


def gen_tests(scene: World, attacker: Attacker) -> Left:
    said = attacker.utf8("contents of a file").replace("\0", "")
    function = f"\n\ndef half(value):\n    {said!r}\n    return value / 2\n\n\nTEXT = {PLANTED!r}\n"
    # By rule there is a test for this one, so that there is something to post.
    function += (
        f'\n\ndef double(value):\n    """\n    >>> double(2)\n    4\n    """\n    {said!r}\n    return value * 2\n'
    )
    job = GeneratingJob(scene.place, after={"calc.py": UNTESTED["calc.py"] + function, **attacker.files()})
    scene.begin(job)
    _event(job, attacker)
    _variables(job, attacker)
    scene.hub.add_repo("octo/app", job.repo.path)
    scene.hub.add_pull(7, base="main", head="topic")
    scene.hub.add_pull(8, base="main", head="topic")
    scene.hub.add_token(TOKEN, pull_requests="write")
    return job.write("gen-tests", url=scene.model.url, **scene.given(), max_rounds="1", deliver="comment")


MODES: Mapping[str, Mode] = {
    "review": review,
    "analyse-failure": analyse_failure,
    "failure of main": failure_of_main,
    "deploy-gate": deploy_gate,
    "route": route,
    "gen-tests": gen_tests,
}
ANSWERS = "model's answers"
