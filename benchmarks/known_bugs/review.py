"""One review of one change by the real command line, and what became of each claim on its way."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.known_bugs.corpus import Change, Passage
from benchmarks.known_bugs.evidence import rows, sections
from benchmarks.known_bugs.scripted_models import ScriptedModel, ScriptedServer
from cicd_agent.agent.prompt import estimate
from tests.support.jobs.pull_request import Job
from tests.support.servers.github.app import FakeGitHub

STAGES = ("proposed", "located", "judged", "posted")
"""Claimed by the model; tied to lines; left by the judge and by merging; posted as inline comments."""
_KEY = "sk-benchmark-0123456789abcdef"
_BY_THE_JUDGE = "not defended"
"""How the reason begins for which a claim was dropped that had its place."""


class NotReviewed(Exception):
    """A review failed; the message has its log."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What came of one review.

    `true` and `false` are the titles of claims that reached each of STAGES. `tokens` are those of all requests by
    section, estimated; `unsent` are lines that the strong answers quote and that were in no request.
    """

    change: Change
    decision: str
    true: Mapping[str, frozenset[str]]
    false: Mapping[str, frozenset[str]]
    found: frozenset[str]
    """Bugs that a finding names, inline or in the summary."""
    requests: int
    tokens: Counter[str]
    output: int
    unsent: tuple[str, ...]
    lost: Mapping[str, str] = field(default_factory=dict)
    """True claims that are not among the findings, and the reason."""

    @property
    def approves_in_error(self) -> bool:
        return bool(self.change.bugs) and self.decision == "approve"


def review(change: Change, model: ScriptedModel, folder: Path, source: Path | None = None, **inputs: str) -> Reviewed:
    """Review a change in this process, or in one of its own with the package that lies in `source`."""
    folder.mkdir(parents=True)
    job = Job(folder, change.before, dict(change.after), body=change.description)
    payload = job.payload()
    payload["pull_request"]["title"] = change.title
    job.event.write_text(json.dumps(payload))
    with FakeGitHub() as hub, ScriptedServer(change, model) as server:
        hub.add_repo("octo/app", job.repo.path)
        pull = hub.add_pull(7, base="main", head="topic", title=change.title, body=change.description)
        job.variables["GITHUB_API_URL"] = hub.url
        given = {"base_url": server.url, "github_token": hub.token, "openai_api_key": _KEY, "api": "responses"}
        log = _run(job, given | inputs, source)
        if server.refused or not server.turns:
            raise NotReviewed(f"{change.name}: {len(server.refused)} requests refused\n{log[-3_000:]}")
        comments = [str(each.fields.get("body")) for each in pull.review_comments]
        return _reviewed(change, _report(job.temp)["verdict"], server, comments)


def _run(job: Job, inputs: Mapping[str, str], source: Path | None) -> str:
    if source is None:
        left = job.run("review", **inputs)
        code, log = left.exit, left.log
    else:
        given = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        done = subprocess.run(
            [sys.executable, "-m", "cicd_agent", "review"],
            cwd=job.repo.path,
            env={**job.variables, **given, "PYTHONPATH": str(source), "HOME": str(job.place)},
            capture_output=True,
            text=True,
            check=False,
        )
        code, log = done.returncode, done.stdout + done.stderr
    if code:
        raise NotReviewed(f"exit code {code}\n{log[-3_000:]}")
    return log


def _report(temp: Path) -> Mapping[str, Any]:
    path = next(Path(here, "report.json") for here, _, names in os.walk(temp) if "report.json" in names)
    body: Mapping[str, Any] = json.loads(path.read_text("utf-8"))["body"]
    return body


def _reviewed(change: Change, verdict: Mapping[str, Any], server: ScriptedServer, comments: Sequence[str]) -> Reviewed:
    proposed = {str(each["title"]) for turn in server.turns for each in _findings(turn.reply)}
    rejected = {each["claim"]["title"]: str(each["reason"]) for each in verdict["rejected"]}
    merged = {each["claim"]["title"]: str(each["reason"]) for each in verdict["merged"]}
    findings = [each for each in verdict["findings"] if each["origin"] == "model"]
    judged = {str(each["title"]) for each in findings}
    unlocated = {title for title, reason in rejected.items() if not reason.startswith(_BY_THE_JUDGE)}
    reached = {
        "proposed": proposed,
        "located": proposed - unlocated,
        "judged": proposed & judged,
        "posted": {title for title in proposed for comment in comments if title in comment},
    }
    false = {each.title for each in change.weak.findings}
    reasons = rejected | merged
    return Reviewed(
        change=change,
        decision=str(verdict["decision"]),
        true={stage: frozenset(titles - false) for stage, titles in reached.items()},
        false={stage: frozenset(titles & false) for stage, titles in reached.items()},
        found=frozenset(filter(None, (_bug(change, each) for each in findings))),
        requests=len(server.turns),
        tokens=sum((sections(turn.asked) for turn in server.turns), Counter()),
        output=sum(estimate(json.dumps(turn.reply)) for turn in server.turns if turn.reply is not None),
        unsent=tuple(_unsent(change, server)),
        lost={each: reasons.get(each, "not in the report") for each in proposed - false - judged},
    )


def _findings(reply: object) -> Sequence[Mapping[str, Any]]:
    return reply.get("findings", ()) if isinstance(reply, dict) else ()


def _bug(change: Change, finding: Mapping[str, Any]) -> str:
    place = finding["location"]
    return change.bug_of(place["path"], place["line"], f"{finding['title']} {finding['message']}")


def _unsent(change: Change, server: ScriptedServer) -> Iterator[str]:
    """Lines that the strong model quotes and was not sent: what a cut of the evidence has lost."""
    sent = {" ".join(row.split()) for turn in server.turns for row in rows(turn.asked)}
    passages: list[Passage] = []
    for each in change.strong.findings:
        passages += [each, *([each.second] if each.second else [])]
    for line in (line for each in passages for line in each.quote.split("\n")):
        normal = " ".join(line.split())
        if not any(normal in row for row in sent):
            yield normal
