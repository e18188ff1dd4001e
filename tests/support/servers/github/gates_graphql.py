"""Commits in GraphQL: the pull requests that they belong to, with what reviewers said of these."""

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLError

from tests.support.servers.github.gates_state import Deployment
from tests.support.servers.github.state import Account, Pull, Repo

MOST = 100
ROLES = {"admin", "maintain", "write"}
WRITERS = {"OWNER", "MEMBER", "COLLABORATOR"}
LARGEST_TEXT = 512_000
Json = Any


def found(repo: Repo, name: str) -> Json:
    """A commit by its name, None where there is none."""
    if not any(name in (*pull.revisions, *pull.landed) for pull in repo.pulls.values()) and name not in repo.shas:
        return shown_blob(repo, name)
    pulls = [pull for pull in repo.pulls.values() if belongs(pull, name)]
    return {
        "__typename": "Commit",
        "oid": name,
        "authors": lambda _, **page: part([{"user": {"login": one}} for one in repo.gate.wrote.get(name, ())], **page),
        "associatedPullRequests": lambda _, **page: part([shown(repo, pull) for pull in pulls], **page),
    }


def shown_blob(repo: Repo, name: str) -> Json:
    """A file by its id, from git's object database; None where there is none."""
    try:
        data = repo.git("cat-file", "blob", name) if repo.directory is not None else b""
    except subprocess.CalledProcessError:
        return None
    text = None if b"\0" in data else data.decode("utf-8", "replace")
    cut = text is not None and len(data) > LARGEST_TEXT
    return {
        "__typename": "Blob",
        "oid": name,
        "byteSize": len(data),
        "isBinary": text is None,
        "isTruncated": cut,
        "text": text[:LARGEST_TEXT] if text is not None and cut else text,
    }


def belongs(pull: Pull, name: str) -> bool:
    """Whether a pull request brought a commit, or would."""
    return name in (*pull.landed, *pull.commits)


def shown(repo: Repo, pull: Pull) -> Json:
    """A pull request as the schema has it."""
    reviews = [review for review in pull.reviews if review.state != "PENDING"]

    def of_states(_: object, states: Sequence[str], **page: Any) -> Json:
        return part([shown_review(repo, one) for one in reviews if one.state in states], **page)

    return {
        "number": pull.number,
        "title": pull.title,
        "url": f"https://github.test/{repo.name}/pull/{pull.number}",
        "merged": bool(pull.landed),
        "baseRefName": pull.base_ref,
        "headRefOid": pull.head_sha,
        "repository": {"nameWithOwner": repo.name},
        "mergeCommit": {"oid": pull.landed[-1]} if pull.landed else None,
        "author": actor(pull.author),
        "labels": lambda _, **page: part([{"name": name} for name in pull.labels], **page),
        "reviews": of_states,
        "commits": lambda _, **page: part(shown_commits(repo, pull), **page),
        "timelineItems": lambda _, **page: part(retargeted(pull, page.pop("itemTypes")), **page),
    }


def retargeted(pull: Pull, kinds: Sequence[str]) -> list[Json]:
    """The changes of its base branch, of these kinds."""
    events = [
        {"__typename": "AutomaticBaseChangeSucceededEvent", "createdAt": when, "oldBase": base}
        if automatic
        else {"__typename": "BaseRefChangedEvent", "createdAt": when, "previousRefName": base}
        for when, base, automatic in pull.retargeted
    ]
    names = {"AutomaticBaseChangeSucceededEvent": "AUTOMATIC_BASE_CHANGE_SUCCEEDED_EVENT"}
    return [one for one in events if names.get(one["__typename"], "BASE_REF_CHANGED_EVENT") in kinds]


def shown_review(repo: Repo, review: Any) -> Json:
    """A review as the schema has it. Who may push is what was permitted, else what the association suggests."""
    role = repo.gate.permissions.get(review.author.login) if review.author else "none"
    return {
        "authorCanPushToRepository": review.association in WRITERS if role is None else role in ROLES,
        "state": review.state,
        "submittedAt": review.submitted_at,
        "authorAssociation": review.association,
        "author": actor(review.author),
        "commit": {"oid": review.commit},
    }


def shown_commits(repo: Repo, pull: Pull) -> list[Json]:
    """The commits of a pull request, one for each of its writers; the last ones are those that it is known to have."""
    earlier = [f"{at:040x}" for at in range(1, 1 + max(len(pull.writers) - len(pull.commits), 0))]
    shas = [*earlier, *pull.commits][-len(pull.writers) :] if pull.writers else []
    before = [pull.base_sha, *shas]
    return [
        {"commit": shown_commit(repo, sha, login, parents(repo, sha) or (parent,))}
        for sha, login, parent in zip(shas, pull.writers, before, strict=False)
    ]


def shown_commit(repo: Repo, sha: str, login: str, parents: Sequence[str]) -> Json:
    """A commit of a pull request by who wrote it, "" for somebody without an account."""
    authors = [{"user": {"login": one} if one else None} for one in repo.gate.wrote.get(sha, (login,))]
    signature = {"__typename": "GpgSignature", "isValid": True, "wasSignedByGitHub": True}
    return {
        "oid": sha,
        "parents": lambda _, **page: part([{"oid": parent} for parent in parents], **page),
        "signature": signature if sha in repo.gate.signed else None,
        "authors": lambda _, **page: part(authors, **page),
    }


def parents(repo: Repo, sha: str) -> tuple[str, ...]:
    """A commit's parents by git, none where there is no such commit."""
    if repo.directory is None:
        return ()
    try:
        return _parents(repo.directory, sha)
    except subprocess.CalledProcessError:
        return ()


@cache
def _parents(directory: Path, sha: str) -> tuple[str, ...]:
    command = ["git", "rev-parse", f"{sha}^@"]
    shown = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    return tuple(shown.stdout.split())


def node_id(deployment: Deployment) -> str:
    """By which GraphQL knows a deployment."""
    return f"DE_{deployment.id}"


def shown_deployment(deployment: Deployment) -> Json:
    """A deployment as the schema has it: its statuses newest first."""
    statuses = [
        {
            "state": one.state.upper(),
            "description": one.description,
            "logUrl": one.log_url or None,
            "createdAt": one.created_at,
        }
        for one in reversed(deployment.statuses)
    ]
    return {
        "__typename": "Deployment",
        "id": node_id(deployment),
        "latestStatus": next(iter(statuses), None),
        "statuses": lambda _, **page: part(statuses, **page),
    }


def actor(account: Account | None) -> Json:
    """An account as the schema has it: a bot's login bears no suffix here."""
    return account and {"__typename": account.type, "login": account.login.removesuffix("[bot]")}


def part(items: Sequence[Json], first: int = 0, last: int = 0, **_: object) -> Json:
    """The beginning or the end of a connection; the schema gives an order that nobody asked for."""
    if not 0 < first + last <= MOST or (first and last):
        raise GraphQLError("You must provide a `first` or `last` value of 1 to 100")
    return {"nodes": items[:first] if first else items[-last:], "totalCount": len(items)}
