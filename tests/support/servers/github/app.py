"""A stateful GitHub on loopback that checks every request, and itself, against GitHub's own description of its API.

    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        pull = hub.add_pull(7, base_sha="b" * 40, head_sha="a" * 40, diff=text)
        forge = GitHubForge(hub.token, "o/r", api_url=hub.url)
        ...
        assert pull.reviews[0].body == "..."

On leaving the block, AssertionError tells what was not as GitHub describes it: an unknown operation, parameter or
property, a wrong type, an undescribed answer of ours. What the fake does:

- `add_repo(name, directory=…)` serves contents from a git repository; `add_pull(..., base="main", head="topic")` then
  takes the commits and the merge-base diff from it. `put(path, ref, data)` places one file.
- `token` may write, `read_only` may not (403 with the header that names the permission); `add_token` makes others.
  Comments by others: `pull.comments.append(Comment(hub.new_id(), body, Account("mallory", "User")))`.
- `fail("POST", "/reviews$", 502, acts=True)`, `drop(...)`, `hang(...)`, `redirect(...)`: faults for the nth matching
  request, before or (`acts=True`) after it was carried out.
- review threads by GraphQL (see github_graphql.py): `pull.reply(...)`, `pull.resolved[comment.id] = account`.
- what a deployment gate reads is put there by `gate` (see github_gates_made.py): `hub.gate.add_check(sha, "test")`.
- git's objects lie in `repo.store`: `store.branches["topic"] = store.plant({"a.py": b"…"})`.
- logs and archives lie in a storage of their own, at `storage.url`; its faults are those of `storage`.
- `rate_remaining = 0` turns everything away until `rate_reset`; `viewer_refused` closes GraphQL.
- what has not changed since the ETag of `If-None-Match` is answered 304, which does not count against the limit.
- `received` lists the requests; `of("POST", "/reviews$")` those that match.

A further resource is a room with ROUTES (see github_pulls.py), a line in ROUTES here, and its operations in
tests/support/openapi/regenerate.py. A further field of GraphQL is a name in tests/support/graphql/regenerate.py.
"""

import itertools
import json
import re
import ssl
import subprocess
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from tests.support.servers.github import checks as github_checks
from tests.support.servers.github import commits as github_commits
from tests.support.servers.github import contents as github_contents
from tests.support.servers.github import dismissals as github_dismissals
from tests.support.servers.github import gates as github_gates
from tests.support.servers.github import git as github_git
from tests.support.servers.github import graphql as github_graphql
from tests.support.servers.github import issues as github_issues
from tests.support.servers.github import labels as github_labels
from tests.support.servers.github import made_pulls as github_made_pulls
from tests.support.servers.github import notices as github_notices
from tests.support.servers.github import pull_lists as github_pull_lists
from tests.support.servers.github import pulls as github_pulls
from tests.support.servers.github import replies as github_replies
from tests.support.servers.github import runs as github_runs
from tests.support.servers.github.diff import split
from tests.support.servers.github.gates_made import GateScene
from tests.support.servers.github.routes import Answer, Refused, Visit
from tests.support.servers.github.server import Fault, Received, Server
from tests.support.servers.github.state import Account, Pull, PullFile, Repo
from tests.support.servers.github.storage import Storage
from tests.support.servers.openapi import github

ROUTES = (
    *github_pulls.ROUTES,
    *github_pull_lists.ROUTES,
    *github_issues.ROUTES,
    *github_contents.ROUTES,
    *github_dismissals.ROUTES,
    *github_labels.ROUTES,
    *github_notices.ROUTES,
    *github_checks.ROUTES,
    *github_replies.ROUTES,
    *github_runs.ROUTES,
    *github_commits.ROUTES,
    *github_git.ROUTES,
    *github_made_pulls.ROUTES,
    *github_gates.ROUTES,
)
OK, NOT_MODIFIED = 200, 304
READS = {"metadata": "read", "contents": "read", "pull_requests": "read"}

_DIFFS: dict[tuple[str, str], str] = {}
"""What lies between two commits is the same wherever they lie, and hundreds of tests have the same two."""


class FakeGitHub:
    """See the module. `prefix` is "/api/v3" for a server of one's own; with `tls` it speaks https."""

    def __init__(self, prefix: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.repos: dict[str, Repo] = {}
        self.tokens: dict[str, Account] = {}
        self.violations: list[str] = []
        self.rate_remaining = 1_000
        self.rate_reset = 0
        self.unchanged = 0
        self.viewer_refused = False
        self._ids = itertools.count(1_001)
        self._prefix = prefix
        self._server = Server(self._respond, tls)
        self.token = self.add_token("ghs_writes", pull_requests="write")
        self.read_only = self.add_token("ghs_reads")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close()
        if kind is None:
            assert not self.violations, "\n".join(self.violations)

    def close(self) -> None:
        """Stop serving."""
        self._server.close()
        if "storage" in self.__dict__:
            self.storage.close()

    @cached_property
    def storage(self) -> Storage:
        """Where logs and archives lie: another host, which nobody gives a token."""
        return Storage()

    @property
    def gate(self) -> GateScene:
        """What a deployment gate reads of the first repository, to be filled."""
        return GateScene(self._first, self.new_id)

    @property
    def url(self) -> str:
        """What GITHUB_API_URL would be."""
        return self._server.url + self._prefix

    @property
    def received(self) -> list[Received]:
        """Every request, in the order of arrival."""
        return self._server.received

    def of(self, method: str, path: str) -> list[Received]:
        """The requests whose path the expression finds."""
        return [request for request in self.received if request.method == method and re.search(path, request.path)]

    def new_id(self) -> int:
        """An id that nothing else has."""
        return next(self._ids)

    def add_token(
        self, token: str, login: str = "github-actions[bot]", kind: str = "Bot", viewer: str = "", **permissions: str
    ) -> str:
        """A token that may read, and what `permissions` add."""
        self.tokens[token] = Account(login, kind, READS | permissions, viewer)
        return token

    def add_repo(self, name: str, directory: Path | None = None) -> Repo:
        """A repository, the first being the one `add_pull` and `put` mean."""
        return self.repos.setdefault(name, Repo(name, directory))

    def put(self, path: str, ref: str, data: Any) -> None:
        """A file at a commit; anything but bytes is answered as it is."""
        self._first.contents[ref, path] = data

    def add_pull(
        self,
        number: int,
        *,
        base_sha: str = "b" * 40,
        head_sha: str = "a" * 40,
        diff: str = "",
        files: tuple[PullFile, ...] = (),
        base: str = "",
        head: str = "",
        **more: Any,
    ) -> Pull:
        """A pull request with the files given, those of a diff, or those between two refs of the directory."""
        repo = self._first
        if base and head:
            base_sha, head_sha = repo.git("rev-parse", base, head).decode().split()
            if (base_sha, head_sha) not in _DIFFS:
                options = ("--no-ext-diff", "--no-textconv", "--find-renames", "--full-index")
                raw = repo.git("-c", "core.quotePath=false", "diff", *options, f"{base_sha}...{head_sha}")
                _DIFFS[base_sha, head_sha] = raw.decode(errors="replace")
            diff = _DIFFS[base_sha, head_sha]
        more.setdefault("head_repo", repo.name)
        more.setdefault("author", Account("contributor", "User"))
        revisions = {head_sha: files or split(diff)}
        repo.pulls[number] = Pull(number, base_sha, head_sha, revisions, **more)
        return repo.pulls[number]

    def fail(
        self,
        method: str,
        path: str,
        status: int,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **when: Any,
    ) -> None:
        """Answer with this status; `when` is nth, times, acts."""
        self._server.faults.append(Fault(method, path, status=status, body=body, headers=headers or {}, **when))

    def drop(self, method: str, path: str, **when: Any) -> None:
        """Close the connection without an answer."""
        self._server.faults.append(Fault(method, path, **when))

    def hang(self, method: str, path: str, **when: Any) -> None:
        """Never answer."""
        self._server.faults.append(Fault(method, path, hang=True, **when))

    def recover(self) -> None:
        """Forget all faults, each of which has struck."""
        assert all(fault.met >= fault.nth for fault in self._server.faults), self._server.faults
        self._server.faults.clear()

    def redirect(self, method: str, path: str, location: str, status: int = 302, **when: Any) -> None:
        """Send the client elsewhere."""
        self.fail(method, path, status, headers={"Location": location}, **when)

    def sign(self, data: bytes) -> str:
        """Put content into the storage; the address is signed."""
        return self.storage.sign(data)

    @property
    def _first(self) -> Repo:
        return next(iter(self.repos.values()))

    def _respond(self, request: Received) -> Answer:
        """Judge the request, carry it out, judge the answer."""
        if request.path == self._prefix.removesuffix("/v3") + "/graphql":
            return self._limited(self._graphql(request))
        path = request.path.removeprefix(self._prefix)
        complaints = github().request(request.method, path, request.query, request.body)
        if complaints:
            self.violations += complaints
            return Answer(500, {"message": "; ".join(complaints)})
        try:
            answer = self._carry_out(request, path)
        except Refused as refused:
            answer = refused.answer
        except (LookupError, TypeError, ValueError, AttributeError, subprocess.SubprocessError) as mistake:
            self.violations.append(f"the fake broke on {request.method} {path}: {mistake!r}")
            return Answer(500, {"message": repr(mistake)})
        self.violations += github().response(request.method, path, answer.status, answer.body)
        return self._limited(self._tagged(request, answer))

    def _tagged(self, request: Received, answer: Answer) -> Answer:
        """With the ETag of a list or a thing that was read; 304 where whoever asks has it already."""
        if request.method != "GET" or answer.status != OK or isinstance(answer.body, bytes):
            return answer
        tag = f'W/"{sha256(json.dumps([answer.body, answer.headers.get("Link")]).encode()).hexdigest()}"'
        if request.headers.get("if-none-match") != tag:
            return Answer(OK, answer.body, {**answer.headers, "ETag": tag})
        self.rate_remaining += 1
        self.unchanged += 1
        return Answer(NOT_MODIFIED, b"", {"ETag": tag})

    def _carry_out(self, request: Received, path: str) -> Answer:
        """Credentials, rate limit, repository, permission, then the route."""
        account = self._known(request)
        if self.rate_remaining <= 0:
            raise Refused(403, "API rate limit exceeded for installation.")
        self.rate_remaining -= 1
        _, _, owner, name, rest = path.split("/", 4)
        repo = self.repos.get(f"{owner}/{name}")
        if repo is None:
            raise Refused(404, "Not Found")
        for route in ROUTES:
            match = re.fullmatch(route.pattern, f"/{rest}")
            if match and route.method == request.method:
                if not account.may(route.needs):
                    raise Refused(
                        403, "Resource not accessible by integration", X_Accepted_GitHub_Permissions=route.needs
                    )
                args = [str(group) for group in match.groups()]
                visit = Visit(
                    repo,
                    account,
                    base_url=self._server.url,
                    path=request.path,
                    args=args,
                    query=request.query,
                    body=request.body,
                    new_id=self.new_id,
                    sign=self.sign,
                )
                return route.answer(visit)
        raise LookupError("no route")

    def _known(self, request: Received) -> Account:
        if not request.authorized:
            raise Refused(401, "Requires authentication")
        if request.token not in self.tokens:
            raise Refused(401, "Bad credentials")
        return self.tokens[request.token]

    def _graphql(self, request: Received) -> Answer:
        """Judge a query by GitHub's schema, then carry it out."""
        try:
            account = self._known(request)
        except Refused as refused:
            return refused.answer
        if self.viewer_refused:
            error = {"type": "FORBIDDEN", "message": "Resource not accessible by integration"}
            return Answer(200, {"data": None, "errors": [error]})
        if complaints := github_graphql.judge(request.body):
            self.violations += complaints
            return Answer(200, {"errors": [{"message": complaint} for complaint in complaints]})
        return github_graphql.answer(request.body, self.repos, account)

    def _limited(self, answer: Answer) -> Answer:
        """The answer with the headers every answer has."""
        limit = {
            "X-RateLimit-Limit": "1000",
            "X-RateLimit-Remaining": str(max(self.rate_remaining, 0)),
            "X-RateLimit-Reset": str(self.rate_reset),
        }
        return Answer(answer.status, answer.body, {**limit, **answer.headers})
