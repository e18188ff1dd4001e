"""GraphQL: every query is judged by GitHub's published schema, then answered from the same state as REST is.

A thread is an inline comment with the replies to it. It is outdated when the head's patch has its line no more.
`Pull.resolved` says which are resolved and by whom, `Pull.reply` adds what somebody says.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema, execute_sync, parse, validate
from graphql.language import DocumentNode, OperationDefinitionNode

from tests.support.servers.github.diff import texts
from tests.support.servers.github.gates_graphql import actor, found, node_id, shown_deployment
from tests.support.servers.github.routes import Answer
from tests.support.servers.github.state import WHEN, Account, Pull, Repo, ReviewComment

FILE = Path(__file__).parents[2] / "graphql" / "github.graphql"
MOST = 100
REFUSED = "Resource not accessible by integration"
Json = Any


@cache
def schema() -> GraphQLSchema:
    """The part of GitHub's schema in tests/support/graphql, read once."""
    return build_schema(FILE.read_text(encoding="utf-8"))


def judge(body: Json) -> list[str]:
    """What is wrong with a request by the schema, empty when all is well."""
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return [f"GraphQL: no query in {body!r}"]
    if unknown := body.keys() - {"query", "variables", "operationName"}:
        return [f"GraphQL: unknown property {name}" for name in sorted(unknown)]
    try:
        document = parse(body["query"])
    except GraphQLError as error:
        return [f"GraphQL: {error.message}"]
    complaints = [error.message for error in validate(schema(), document)]
    declared = {each.variable.name.value for each in variables(document)}
    given = body.get("variables") or {}
    complaints += [f"unknown variable ${name}" for name in given if name not in declared]
    if not complaints:
        # With nothing behind it, all that an execution can say is what is wrong with the variables.
        dry = execute_sync(schema(), document, None, None, given)
        complaints += [error.message for error in dry.errors or () if error.path is None]
    return [f"GraphQL: {complaint}" for complaint in complaints]


def variables(document: DocumentNode) -> list[Any]:
    """The variables that its operations declare."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return [variable for operation in operations for variable in operation.variable_definitions or ()]


def answer(body: Json, repos: Mapping[str, Repo], account: Account) -> Answer:
    """Carry out a query that `judge` found nothing wrong with; GraphQL answers 200 whatever becomes of it."""
    done = execute_sync(schema(), parse(body["query"]), Root(repos, account), None, body.get("variables"))
    answered: dict[str, Json] = {"data": done.data}
    if done.errors:
        answered["errors"] = [shown_error(error) for error in done.errors]
    return Answer(200, answered)


def shown_error(error: GraphQLError) -> Json:
    """As GitHub gives it: its type stands beside the message."""
    shown: dict[str, Json] = {**error.formatted}
    return shown | {"type": (shown.pop("extensions", None) or {}).get("type", "UNPROCESSABLE")}


def refused(message: str, kind: str) -> GraphQLError:
    """An error of a type that GitHub names."""
    return GraphQLError(message, extensions={"type": kind})


class Root:
    """What Query and Mutation resolve to, for one account."""

    def __init__(self, repos: Mapping[str, Repo], account: Account) -> None:
        self.repos = repos
        self.account = account

    def viewer(self, _: object) -> Json:
        """Who asks; an App is a user with a suffix here."""
        return {"login": self.account.viewer or self.account.login, "databaseId": number_of(self.account)}

    def nodes(self, _: object, ids: Sequence[str]) -> Json:
        """What has these ids, of which only deployments are known here; null where there is none."""
        if not self.account.may("deployments=read"):
            raise refused(REFUSED, "FORBIDDEN")
        if len(ids) > MOST:
            raise refused(f"You may not provide more than {MOST} node ids", "ARGUMENT_LIMIT")
        known = {node_id(one): one for repo in self.repos.values() for one in repo.gate.deployments}
        if missing := [each for each in ids if each not in known]:
            raise refused(f"Could not resolve to a node with the global id of '{missing[0]}'", "NOT_FOUND")
        return [shown_deployment(known[each]) for each in ids]

    def repository(self, _: object, owner: str, name: str, **__: object) -> Json:
        """A repository, whose pull requests take a permission of their own."""
        repo = self.repos.get(f"{owner}/{name}")
        if repo is None:
            raise refused(f"Could not resolve to a Repository with the name '{owner}/{name}'.", "NOT_FOUND")

        def pull_request(_: object, number: int) -> Json:
            if not self.account.may("pull_requests=read"):
                raise refused(REFUSED, "FORBIDDEN")
            if number not in repo.pulls:
                raise refused(f"Could not resolve to a PullRequest with the number of {number}.", "NOT_FOUND")
            pull = repo.pulls[number]
            threads = [shown_thread(pull, comment) for comment in begun(pull)]
            return {"reviewThreads": lambda _, **page: paged(threads, **page)}

        def pull_requests(_: object, **page: Any) -> Json:
            if not self.account.may("pull_requests=read"):
                raise refused(REFUSED, "FORBIDDEN")
            order = page.pop("orderBy")
            assert order == {"field": "UPDATED_AT", "direction": "DESC"}, "no other order is known here"
            newest = sorted(repo.pulls.values(), key=lambda pull: (pull.updated_at, pull.number), reverse=True)
            return paged([shown_pull(pull) for pull in newest], **page)

        def git_object(_: object, oid: str = "", expression: str = "") -> Json:
            if not self.account.may("pull_requests=read"):
                raise refused(REFUSED, "FORBIDDEN")
            return found(repo, oid or expression)

        return {
            "pullRequest": pull_request,
            "pullRequests": pull_requests,
            "nameWithOwner": repo.name,
            "defaultBranchRef": {"name": repo.gate.default_branch},
            "object": git_object,
        }

    def resolveReviewThread(self, _: object, input: Mapping[str, str]) -> Json:  # noqa: A002, N802  the schema's names
        """Resolve a thread, for which the contents must be writable as well."""
        if not self.account.may("pull_requests=write,contents=write"):
            raise refused(REFUSED, "FORBIDDEN")
        for pull in (pull for repo in self.repos.values() for pull in repo.pulls.values()):
            for comment in begun(pull):
                if thread_id(comment) == input["threadId"]:
                    pull.resolved.setdefault(comment.id, self.account)
                    return {"thread": shown_thread(pull, comment)}
        raise refused(f"Could not resolve to a node with the global id of '{input['threadId']}'", "NOT_FOUND")


def begun(pull: Pull) -> list[ReviewComment]:
    """The comments that began a thread, those of reviews that are not submitted left out."""
    pending = {review.id for review in pull.reviews if review.state == "PENDING"}
    return [it for it in pull.review_comments if not it.fields.get("in_reply_to_id") and it.review not in pending]


def thread_id(comment: ReviewComment) -> str:
    """The node id of the thread that a comment began."""
    return f"PRRT_{comment.id}"


def shown_pull(pull: Pull) -> Json:
    """A pull request with what was made of its threads."""

    def dismissals(_: object, itemTypes: Sequence[str], last: int, **__: object) -> Json:  # noqa: N803  the schema's
        assert itemTypes == ["REVIEW_DISMISSED_EVENT"], "nothing else is known here"
        events = [
            {"__typename": "ReviewDismissedEvent", "actor": actor(who), "review": {"id": f"PRR_{review}"}}
            for review, who in pull.dismissed.items()
        ]
        return {"nodes": events[-last:]}

    return {
        "number": pull.number,
        "state": "MERGED" if pull.landed else pull.state.upper(),
        "updatedAt": pull.updated_at,
        "headRefOid": pull.head_sha,
        "mergeCommit": {"oid": pull.landed[-1]} if pull.landed else None,
        "timelineItems": dismissals,
        "reviewThreads": lambda _, **page: paged([shown_thread(pull, comment) for comment in begun(pull)], **page),
    }


def shown_thread(pull: Pull, comment: ReviewComment) -> Json:
    """A thread as the schema has it."""
    line = line_now(pull, comment)
    said = [comment, *(it for it in pull.review_comments if it.fields.get("in_reply_to_id") == comment.id)]
    closer = pull.resolved.get(comment.id)
    return {
        "id": thread_id(comment),
        "isResolved": comment.id in pull.resolved,
        "isOutdated": line is None,
        "path": comment.fields["path"],
        "line": line,
        "originalLine": comment.fields.get("line"),
        "originalStartLine": comment.fields.get("start_line"),
        "diffSide": comment.fields.get("side", "RIGHT"),
        "resolvedBy": closer and {"login": bare(closer.login), "databaseId": number_of(closer)},
        "comments": lambda _, **page: paged([shown_comment(pull, it) for it in said], **page),
    }


def shown_comment(pull: Pull, comment: ReviewComment) -> Json:
    """A comment as the schema has it: a bot's login bears no suffix here."""
    author = comment.author
    return {
        "author": {"__typename": author.type, "login": bare(author.login), "databaseId": number_of(author)},
        "body": comment.fields["body"],
        "url": f"https://github.test/pull/0#discussion_r{comment.id}",
        "diffHunk": lambda _: hunk_of(pull, comment),
        "createdAt": comment.fields.get("created_at", WHEN),
        "isMinimized": comment.id in pull.hidden,
        "minimizedReason": pull.hidden.get(comment.id),
        "originalCommit": {"oid": comment.commit},
        "pullRequestReview": {"id": f"PRR_{comment.review}"},
        "reactions": lambda _, content, **page: paged(
            [
                {"user": who and {"login": who.login}}
                for what, who in pull.thumbs.get(comment.id, ())
                if what == content
            ],
            **page,
        ),
    }


def hunk_of(pull: Pull, comment: ReviewComment) -> str:
    """The hunk that a comment stood in when it was made, down to its line."""
    path, side = comment.fields["path"], comment.fields.get("side", "RIGHT")
    patch = next(file.patch or "" for file in pull.revisions[comment.commit] if file.filename == path)
    lines = patch.split("\n")
    shown = (lines[: end + 1] for end in range(len(lines)))
    head = next(each for each in shown if (side, comment.fields["line"]) in texts("\n".join(each)))
    begin = max(number for number, line in enumerate(head) if line.startswith("@@"))
    return "\n".join(head[begin:])


def bare(login: str) -> str:
    """A login without the suffix that REST gives to Apps."""
    return login.removesuffix("[bot]")


def number_of(account: Account) -> int:
    """The account's number, the same as in REST."""
    return sum(account.login.encode())


def line_now(pull: Pull, comment: ReviewComment) -> int | None:
    """Where the line of a comment is in the head's patch, None when its text is not there any more."""
    path, side, line = comment.fields["path"], comment.fields.get("side", "RIGHT"), comment.fields["line"]

    def lines(commit: str) -> dict[int, str]:
        patches = [file.patch or "" for file in pull.revisions[commit] if file.filename == path]
        return {number: text for patch in patches for (where, number), text in texts(patch).items() if where == side}

    then, now = lines(comment.commit), lines(pull.head_sha)
    same = [number for number, text in now.items() if text == then[line]]
    before = sum(text == then[line] for number, text in then.items() if number < line)
    return same[min(before, len(same) - 1)] if same else None


def paged(items: Sequence[Json], first: int | None = None, after: str | None = None, **rest: object) -> Json:
    """One page of a connection, by its beginning."""
    if first is None or not 0 < first <= MOST or any(value is not None for value in rest.values()):
        raise refused("You must provide a `first` value of 1 to 100, and nothing else", "MISSING_PAGINATION_BOUNDARIES")
    start = int(after) if after else 0
    end = start + first
    return {
        "nodes": items[start:end],
        "totalCount": len(items),
        "pageInfo": {"hasNextPage": end < len(items), "endCursor": str(min(end, len(items))) if items else None},
    }
