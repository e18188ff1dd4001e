"""The job of a comment on pull request 7: a thread that cicd-agent opened at a line, and what a person says in it."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cicd_agent.domain.text.markdown import marker
from tests.support.jobs.pull_request import AFTER, BEFORE, Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, Comment, ReviewComment
from tests.support.servers.openai.app import OpenAIServer, Step

ON: Mapping[str, str] = {**BEFORE, ".github/cicd-agent.yml": "replies: on\n"}
PERSON = Account("maintainer", "User")
FINDING = f"{marker('f1')}\n**🟠 high · security** — A command is run by a shell"
LINE = 5
ASK = "@cicd-agent why? The name is a constant."
QUOTES = ({"exhibit": "E1", "quote": 'os.system(f"echo {name}")'},)
ANSWER = {
    "answer": "The name reaches a shell unquoted.",
    "stands": True,
    "quotes": QUOTES,
}


class Talk:
    """A person speaks, and the job that it starts runs against a fake GitHub; `hub` and `server` tell what was asked.

    The repository has `replies: on` in the base branch unless `before` says otherwise.
    """

    def __init__(self, place: Path, *steps: Step, before: Mapping[str, str] = ON, **pull: Any) -> None:
        self.job = Job(place, before=before, after=AFTER)
        self.hub = FakeGitHub()
        self.server = OpenAIServer(*steps)
        self.hub.add_repo("octo/app", self.job.repo.path)
        self.pull = self.hub.add_pull(7, base="main", head="topic", **pull)
        self.me = self.hub.tokens[self.hub.token]
        self.finding = self.open(FINDING, self.me)
        self.hub.gate.permit(PERSON.login, "write")
        self.inputs: Mapping[str, str] = {}
        """Inputs of the job, over those that a talk has by itself."""
        self.stage: tuple[str, ...] = ("review",)
        """The command line."""
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        self._closing.enter_context(self.hub)
        self._closing.enter_context(self.server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, error, trace)

    @property
    def replies(self) -> list[str]:
        """What we have said in threads, beside the finding."""
        said = [one for one in self.pull.review_comments if one.author == self.me and one.id != self.finding.id]
        return [one.fields["body"] for one in said]

    @property
    def said(self) -> list[str]:
        """What we have said in the conversation."""
        return [one.body for one in self.pull.comments if one.author == self.me]

    def open(self, body: str, author: Account, line: int = LINE) -> ReviewComment:
        """Somebody opens a thread at a line."""
        fields = {"path": "app.py", "line": line, "side": "RIGHT", "body": body}
        comment = ReviewComment(self.hub.new_id(), 1, author, self.pull.head_sha, fields)
        self.pull.review_comments.append(comment)
        return comment

    def say(self, body: str | None, *, to: ReviewComment | None = None, author: Account = PERSON) -> ReviewComment:
        """Somebody replies in a thread, by default in ours."""
        first = to or self.finding
        fields = {**first.fields, "body": body or "", "in_reply_to_id": first.id}
        comment = replace(first, id=self.hub.new_id(), author=author, fields=fields)
        self.pull.review_comments.append(comment)
        return comment

    def reply(self, body: str | None, *, to: ReviewComment | None = None, **changes: Any) -> Left:
        """Somebody replies, and the job runs; `changes` are to the payload's comment."""
        return self.run(self.say(body, to=to), body, **changes)

    def run(self, comment: ReviewComment, body: str | None = "", /, **changes: Any) -> Left:
        """The job of a comment in a thread."""
        told = {
            "id": comment.id,
            "in_reply_to_id": comment.fields.get("in_reply_to_id"),
            "path": comment.fields["path"],
            "line": comment.fields["line"],
            "side": comment.fields["side"],
            "diff_hunk": "@@ -3,2 +3,3 @@\n def go(name):\n+    os.system",
            "body": body or comment.fields["body"] if body is not None else None,
        }
        return self._run("pull_request_review_comment", {**self.job.payload(), "comment": told}, changes)

    def comment(self, body: str | None, *, on_issue: bool = False, **changes: Any) -> Left:
        """Somebody says it in the conversation, and the job runs."""
        comment = Comment(self.hub.new_id(), body or "", PERSON)
        self.pull.comments.append(comment)
        issue = {"number": 7, "title": "Change", "state": "open", "user": {"login": "contributor"}}
        issue |= {} if on_issue else {"pull_request": {"url": "x"}, "state": self.pull.state}
        repository = self.job.payload()["repository"]
        payload = {"repository": repository, "issue": issue, "comment": {"id": comment.id, "body": body}}
        return self._run("issue_comment", payload, changes)

    def again(self) -> Left:
        """The last job runs once more."""
        for name in ("output", "summary"):
            (self.job.temp / name).unlink(missing_ok=True)
        return self.job.run(*self.stage, **self._inputs)

    def _run(self, name: str, payload: dict[str, Any], changes: Mapping[str, Any]) -> Left:
        person = {"login": PERSON.login, "type": PERSON.type}
        payload["action"] = changes.get("action", "created")
        payload["comment"] |= {"user": person, "author_association": "MEMBER"} | {
            key: value for key, value in changes.items() if key != "action"
        }
        payload["sender"] = payload["comment"]["user"]
        self.job.event.write_text(json.dumps(payload))
        self.job.variables |= {"GITHUB_EVENT_NAME": name, "GITHUB_API_URL": self.hub.url}
        self.job.variables["GITHUB_SERVER_URL"] = "https://github.test"
        return self.again()

    @property
    def _inputs(self) -> dict[str, str]:
        given = {
            "base_url": self.server.url,
            "openai_api_key": "sk-test",
            "api": "chat",
            "github_token": self.hub.token,
        }
        return {**given, **self.inputs}


def declined(left: Left, reason: str) -> None:
    """The run did nothing, and says why."""
    assert left.exit == 0, left.log
    assert left.outputs["conclusion"] == "skipped"
    assert reason in left.log
    assert reason in left.report["declined"]
