"""Threads over many pushes: what is fixed is said and closed, what a person settled is left alone and stays silent."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.diff import split
from tests.support.servers.github.state import Account, Pull, ReviewComment
from tests.support.servers.openai.app import OpenAIServer, Step, answer

PERSON = Account("octocat", "User")
RULED = "TIMEOUT = 0\n\n\ndef load(text):\n    return eval(text)\n"
CLEAN = "TIMEOUT = 0\n\n\ndef load(text):\n    return int(text)\n"
BUGGY = "LIMIT = 1\n\n\ndef mean(data):\n    return sum(data) / len(data)\n"
MENDED = "LIMIT = 1\n\n\ndef mean(data):\n    return sum(data) / max(1, len(data))\n"
QUOTE = "return sum(data) / len(data)"


@dataclass
class Site:
    """A pull request that is pushed to, and the runs that follow. Its token may read contents, unless it is changed."""

    job: Job
    hub: FakeGitHub
    pull: Pull
    token: str

    def push(self, text: str) -> None:
        if self.job.repo.git("show", "HEAD:app.py") == text.rstrip("\n"):
            self.job.repo.git("commit", "--quiet", "--allow-empty", "-m", "Again")
            self.job.head = self.job.repo.git("rev-parse", "HEAD").strip()
        else:
            self.job.head = self.job.repo.commit({"app.py": text.encode()}, "Push")
        self.job.event.write_text(json.dumps(self.job.payload()))
        self.pull.push(self.job.head, split(self.job.repo.git("diff", "main...topic") + "\n"))

    def run(self, *claims: dict[str, Any] | None) -> Left:
        """A run with rules alone, or with a model that claims this (None: nothing at all)."""
        for name in ("output", "summary"):
            (self.job.temp / name).unlink(missing_ok=True)
        self.job.variables["GITHUB_API_URL"] = self.hub.url
        if not claims:
            left = self.job.run(model="off", github_token=self.token)
        else:
            with OpenAIServer(*said([claim for claim in claims if claim])) as server:
                left = self.job.run(base_url=server.url, api="chat", openai_api_key="sk-test", github_token=self.token)
        assert left.exit == 0, left.log
        return left

    @property
    def said(self) -> list[ReviewComment]:
        return [comment for comment in self.pull.review_comments if "in_reply_to_id" not in comment.fields]

    @property
    def summary(self) -> str:
        (comment,) = self.pull.comments
        return comment.body


def said(claims: Sequence[dict[str, Any]]) -> Iterator[Step]:
    yield answer(
        {
            "summary": "It computes a mean.",
            "findings": list(claims),
            "risk_level": "medium",
            "confidence": 0.9,
            "escalate_to_human": False,
            "escalation_reason": None,
        }
    )


def claim(title: str = "Divides by zero", quote: str = QUOTE, category: str = "reliability") -> dict[str, Any]:
    return {
        "path": "app.py",
        "side": "new",
        "line": 5,
        "quote": quote,
        "severity": "high",
        "category": category,
        "confidence": 0.9,
        "title": title,
        "explanation": f"{title}: an empty list fails.",
        "advice": None,
        "suggestion": None,
    }


def states(left: Left, kind: str) -> list[str]:
    return [each["state"] for each in left.report["receipts"] if each["kind"] == kind]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    job = Job(tmp_path, before={"app.py": "x = 1\n", "b.py": "y = 2\n"}, after={"app.py": RULED})
    with FakeGitHub() as hub:
        hub.add_repo("octo/app", job.repo.path)
        yield Site(job, hub, hub.add_pull(7, base="main", head="topic"), hub.token)


@pytest.fixture
def resolver(site: Site) -> Site:
    site.token = site.hub.add_token("ghs_more", contents="write", pull_requests="write")
    return site


def test_a_rules_issue_that_vanishes_is_marked_fixed_and_its_thread_resolved(resolver: Site) -> None:
    site = resolver
    site.run()
    (comment,) = site.said
    site.push(CLEAN)
    left = site.run()
    assert states(left, "resolve") == ["done"]
    assert site.pull.resolved == {comment.id: site.hub.tokens[site.token]}
    assert "Fixed since the last review: " in site.summary
    assert "(`app.py`)" in site.summary
    assert "No findings" in site.summary
    site.push(CLEAN)
    again = site.run()
    assert "Fixed since" not in site.summary
    assert states(again, "resolve") == []


def test_a_token_that_may_not_marks_it_only_and_warns_of_nothing(site: Site) -> None:
    site.run()
    site.push(CLEAN)
    left = site.run()
    assert states(left, "resolve") == ["skipped"]
    assert site.pull.resolved == {}
    assert "Fixed since the last review: " in site.summary
    assert "::warning" not in left.log
    assert "Not done" not in left.summary


def test_a_models_issue_is_fixed_when_its_lines_changed_and_not_when_it_is_only_silent(resolver: Site) -> None:
    site = resolver
    site.push(BUGGY)
    site.run(claim())
    assert len(site.said) == 1
    site.push(BUGGY + "\n\nNAME = 'mean'\n")
    silent = site.run(None)
    assert states(silent, "resolve") == []
    assert "Fixed since" not in site.summary
    site.push(MENDED)
    without_a_model = site.run()
    assert states(without_a_model, "resolve") == []
    assert states(site.run(None), "resolve") == ["done"]
    assert "Fixed since the last review: " in site.summary
    assert "Divides by zero" in site.summary


def test_a_file_that_left_the_change_takes_its_issue_along(resolver: Site) -> None:
    site = resolver
    site.run()
    site.job.repo.commit({"b.py": b"y = 3\n"}, "Change another file")
    site.push("x = 1\n")
    assert states(site.run(), "resolve") == ["done"]


def test_a_thread_with_a_persons_reply_is_neither_resolved_nor_posted_again(resolver: Site) -> None:
    site = resolver
    site.run()
    (comment,) = site.said
    site.pull.reply(site.hub.new_id(), comment, PERSON, "We know.")
    site.push(RULED + "\n\nNAME = 'load'\n")
    site.run()
    assert site.said == [comment]
    assert "app.py:5" in site.summary
    site.push(CLEAN)
    left = site.run()
    assert states(left, "resolve") == []
    assert site.pull.resolved == {}
    assert "Fixed since the last review: " in site.summary
    site.push(RULED)
    site.run()
    assert site.said == [comment]


def test_a_thread_that_a_person_resolved_stays_silent_however_the_model_words_it(resolver: Site) -> None:
    site = resolver
    site.push(BUGGY)
    site.run(claim())
    (comment,) = site.said
    site.pull.resolved[comment.id] = PERSON
    padding = ""
    for wording in (
        claim("An empty list fails"),
        claim("Wrong for no data", category="testing"),
        claim("Crashes", quote="def mean(data):\n    return sum(data) / len(data)", category="architecture"),
        claim("Still there", quote="sum(data) / len(data)"),
    ):
        padding += "# more\n"
        site.push(padding + BUGGY)
        left = site.run(wording)
        assert site.said == [comment]
        assert left.outputs["findings_count"] == "0"
        assert len(left.report["verdict"]["suppressed"]) == 1
        assert left.outputs["risk_level"] == "high"
        assert left.outputs["decision"] == "comment"
        assert "its thread was resolved" in site.summary
    assert site.pull.resolved == {comment.id: PERSON}


def test_an_issue_that_comes_back_after_we_resolved_it_is_posted_again(resolver: Site) -> None:
    site = resolver
    for returns in range(1, 4):
        site.push(RULED)
        site.run()
        site.run()
        assert len(site.said) == returns
        site.push(CLEAN)
        assert states(site.run(), "resolve") == ["done"]
    assert len(site.pull.resolved) == 3


def test_where_graphql_is_refused_the_review_goes_on_and_says_so(site: Site) -> None:
    site.hub.viewer_refused = True
    site.run()
    site.run()
    assert len(site.said) == 1
    assert "Note: the threads of earlier reviews were not read: GitHub refused" in site.summary


def test_what_people_discuss_is_shown_to_the_model_and_not_to_the_reader(site: Site) -> None:
    site.push(BUGGY)
    fields = {"path": "app.py", "line": 5, "side": "RIGHT", "body": "Can the list be empty here? @octocat"}
    site.pull.review_comments.append(ReviewComment(site.hub.new_id(), 1, PERSON, site.pull.head_sha, fields))
    site.job.variables["GITHUB_API_URL"] = site.hub.url
    with OpenAIServer(*said([])) as server:
        site.job.run(base_url=server.url, api="chat", openai_api_key="sk-test", github_token=site.token)
        (request,) = server.asked
    assert "Can the list be empty here?" in json.dumps(request.body)
    assert "Can the list be empty here?" not in "".join(comment.body for comment in site.pull.comments)


def test_the_requests_of_a_push_stay_few(resolver: Site) -> None:
    site = resolver
    counts = []
    for text in (RULED, RULED + "\n\nrun = exec\nrun('1')\nexec('2')\n", CLEAN):
        site.push(text)
        before = len(site.hub.received)
        site.run()
        counts.append(len(site.hub.received) - before)
    assert max(counts) <= 8, counts
