"""The fake GitHub for foreign reviewers: it answers what ours never asks, from the same state, and forbids nothing.

Ours is measured against the strict one. What nobody can answer is a 404, and `unknown` tells of it.
"""

import re
from typing import Any

from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.diff import misplaced
from tests.support.servers.github.pulls import shown_comment, shown_file
from tests.support.servers.github.routes import Answer, Refused, Route, Visit, paged, user
from tests.support.servers.github.server import Received
from tests.support.servers.github.state import WHEN, ReviewComment
from tests.support.servers.openapi import github

NOT_FOUND = 404
_BELOW = {"commits_url": "commits", "review_comments_url": "comments"}


class LenientGitHub(FakeGitHub):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.unknown: list[str] = []

    def _respond(self, request: Received) -> Answer:
        if request.path.endswith("/graphql"):
            account = self.tokens[request.token]
            viewer = {"login": account.viewer or account.login}
            threads = {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
            pull = {"reviewThreads": threads}
            return self._limited(Answer(200, {"data": {"viewer": viewer, "repository": {"pullRequest": pull}}}))
        self.rate_remaining = 1_000
        for pattern, body in (("/user", user(self.tokens[request.token])), ("/rate_limit", {"resources": {}})):
            if request.path == pattern:
                return self._limited(Answer(200, body))
        try:
            answer = self._carry_out(request, request.path)
        except Refused as refused:
            # A commit that nobody put there is still known from its pull request.
            answer = self._more(request) or refused.answer if refused.answer.status == NOT_FOUND else refused.answer
        except (LookupError, ValueError):
            answer = self._more(request) or self._unanswered(request)
        return self._limited(Answer(answer.status, self._linked(request.path, answer.body), answer.headers))

    def _linked(self, path: str, body: Any) -> Any:
        """The same with addresses that lead here, where the strict fake has any address that fits the description."""
        if isinstance(body, list):
            return [self._linked(f"{path}/{each.get('id', '')}", each) for each in body]
        if not isinstance(body, dict) or "message" in body:
            return body
        # A comment is not kept under what it is a comment on.
        place = re.sub(r"/(issues|pulls)/\d+/comments(?:/(\d*))?$", rf"/\1/comments/{body.get('id')}", path)
        linked = {**body, "url": f"{self.url}{place}"} if "url" in body else dict(body)
        if "issue_url" in body:
            issue = f"{self.url}{place}".replace("/pulls/", "/issues/")
            linked |= {"issue_url": issue, "comments_url": f"{issue}/comments"}
            linked |= {name: f"{self.url}{place}/{end}" for name, end in _BELOW.items()}
        for end in ("base", "head"):
            if isinstance(repo := (body.get(end) or {}).get("repo"), dict):
                url = f"{self.url}/repos/{repo['full_name']}"
                linked[end] = {**body[end], "repo": {**repo, "url": url, "default_branch": "main"}}
        return linked

    def _more(self, request: Received) -> Answer | None:
        """What the strict one has no route for, None where this one has none either."""
        _, _, owner, name, *rest = request.path.split("/", 4)
        path = f"/{rest[0]}" if rest else ""
        repo = self.repos[f"{owner}/{name}"]
        for route in MORE:
            if route.method == request.method and (match := re.fullmatch(route.pattern, path)):
                args = [str(group) for group in match.groups()]
                visit = Visit(
                    repo,
                    self.tokens[request.token],
                    self.url,
                    request.path,
                    args,
                    request.query,
                    request.body,
                    self.new_id,
                    self.sign,
                )
                try:
                    return route.answer(visit)
                except Refused as refused:
                    return refused.answer
        return None

    def _unanswered(self, request: Received) -> Answer:
        self.unknown.append(f"{request.method} {request.path}")
        return Answer(NOT_FOUND, {"message": "Not Found"})


def repository(visit: Visit) -> Answer:
    """The repository itself."""
    url = f"{visit.base_url}/repos/{visit.repo.name}"
    made = github().sample("repository", full_name=visit.repo.name, name=visit.repo.name.split("/")[1])
    return Answer(200, made | {"url": url, "default_branch": "main"})


def issue(visit: Visit) -> Answer:
    """A pull request as an issue."""
    it = visit.pull
    url = f"{visit.base_url}/repos/{visit.repo.name}/issues/{it.number}"
    shown = {"number": it.number, "title": it.title, "body": it.body, "state": it.state, "labels": [], "id": it.number}
    return Answer(200, shown | {"url": url, "comments": len(it.comments), "comments_url": f"{url}/comments"})


def commit(visit: Visit) -> Answer:
    """One commit, with the files of the pull request when it is its head."""
    sha = visit.args[0]
    pull = next((each for each in visit.repo.pulls.values() if sha in {each.head_sha, each.head_ref}), None)
    shown = shown_commit(visit, sha)
    return Answer(200, shown | {"files": [shown_file(sha, file) for file in (pull.files if pull else ())][:300]})


def branch(visit: Visit) -> Answer:
    """A branch and its commit."""
    pull = next(iter(visit.repo.pulls.values()))
    sha = pull.base_sha if visit.args[0] == pull.base_ref else pull.head_sha
    return Answer(200, {"name": visit.args[0], "protected": False, "commit": shown_commit(visit, sha)})


def shown_commit(visit: Visit, sha: str) -> dict[str, Any]:
    """A commit as the API gives it."""
    person = {"name": "A. Author", "email": "author@example.invalid", "date": WHEN}
    url = f"{visit.base_url}/repos/{visit.repo.name}/commits/{sha}"
    told = {"message": "Change", "author": person, "committer": person, "tree": {"sha": sha, "url": url}, "url": url}
    shared = {"sha": sha, "url": url, "html_url": url, "node_id": "", "comments_url": url, "parents": []}
    return shared | {"commit": told, "author": None, "committer": None}


def commits(visit: Visit) -> Answer:
    """The pull request's commits in full."""
    return paged(visit, visit.pull.commits, lambda sha: shown_commit(visit, sha))


def compare(visit: Visit) -> Answer:
    """What lies between two commits: the pull request's files."""
    base, head = visit.args
    pull = next(iter(visit.repo.pulls.values()))
    first, last = shown_commit(visit, pull.base_sha), shown_commit(visit, pull.head_sha)
    url = f"{visit.base_url}/repos/{visit.repo.name}/compare/{base}...{head}"
    shown = {"url": url, "base_commit": first, "merge_base_commit": first, "commits": [last], "total_commits": 1}
    files = [shown_file(pull.head_sha, file) for file in pull.files][:300]
    return Answer(200, shown | {"status": "ahead", "ahead_by": 1, "behind_by": 0, "files": files})


def inline(visit: Visit) -> Answer:
    """One inline comment by itself."""
    told = visit.body
    if problem := misplaced(visit.pull.files, told):
        raise Refused(422, "Validation Failed", errors=[{"message": problem}])
    comment = ReviewComment(visit.new_id(), 1, visit.account, visit.pull.head_sha, _without_commit(told))
    visit.pull.review_comments.append(comment)
    return Answer(201, shown_comment(visit, comment))


def _without_commit(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "commit_id"}


def nothing(_: Visit) -> Answer:
    """An empty list."""
    return Answer(200, [])


def accepted(visit: Visit) -> Answer:
    """Whatever it was, it was done."""
    return Answer(201, {"id": visit.new_id(), "content": "eyes", "labels": [], "user": user(visit.account)})


MORE = (
    Route("GET", "", "", repository),
    Route("GET", r"/issues/(\d+)", "", issue),
    Route("PATCH", r"/issues/(\d+)", "", issue),
    Route("GET", r"/issues/(\d+)/labels", "", nothing),
    Route("GET", r"/issues/(\d+)/reactions", "", nothing),
    Route("POST", r"/issues/(\d+)/(?:reactions|labels)", "", accepted),
    Route("PUT", r"/issues/(\d+)/labels", "", nothing),
    Route("POST", r"/issues/comments/(\d+)/reactions", "", accepted),
    Route("DELETE", r"/issues/comments/(\d+)", "", accepted),
    Route("GET", r"/branches/([^/]+)", "", branch),
    Route("GET", r"/languages", "", lambda _: Answer(200, {"Python": 100_000})),
    Route("GET", r"/commits/([^/]+)", "", commit),
    Route("GET", r"/compare/(.+)\.\.\.(.+)", "", compare),
    Route("POST", r"/pulls/(\d+)/comments", "", inline),
)
