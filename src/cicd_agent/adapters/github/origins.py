"""Where commits came from: one GraphQL query for the merged pull requests of many commits, and their reviews."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from pydantic import ConfigDict, Field

from cicd_agent.adapters.github.channel import Channel
from cicd_agent.adapters.github.graphql import Author, Nodes, login_of, query
from cicd_agent.adapters.github.payloads import Epoch, Named, Shape, Text, Viewed, at, each
from cicd_agent.domain.gate_evidence import BaseChange, OriginPull, PullCommit, ReviewState
from cicd_agent.domain.parallel import run_parallel

MAX_COMMITS = 300
PER_QUERY = 50
"""Commits of one query; these are put side by side."""
MAX_REVIEWS = 100
MAX_BASE_CHANGES = 10
MAX_WRITTEN = 100
"""Commits of one pull request whose authors are read."""

PULL = f"""\
fragment pull on PullRequest {{
  number title url merged baseRefName headRefOid
  repository {{ nameWithOwner }}
  mergeCommit {{ oid }}
  author {{ __typename login }}
  labels(first: 20) {{ nodes {{ name }} }}
  reviews(last: {MAX_REVIEWS}, states: [APPROVED, CHANGES_REQUESTED, DISMISSED]) {{
    totalCount
    nodes {{ state submittedAt authorCanPushToRepository author {{ __typename login }} commit {{ oid }} }}
  }}
  commits(last: {MAX_WRITTEN}) {{
    totalCount
    nodes {{
      commit {{
        oid
        parents(first: 3) {{ nodes {{ oid }} }}
        signature {{ isValid wasSignedByGitHub }}
        authors(first: 5) {{ totalCount nodes {{ user {{ login }} }} }}
      }}
    }}
  }}
  timelineItems(
    last: {MAX_BASE_CHANGES}, itemTypes: [BASE_REF_CHANGED_EVENT, AUTOMATIC_BASE_CHANGE_SUCCEEDED_EVENT]
  ) {{
    nodes {{
      ... on BaseRefChangedEvent {{ createdAt previousRefName }}
      ... on AutomaticBaseChangeSucceededEvent {{ createdAt previousRefName: oldBase }}
    }}
  }}
}}
"""


class Reviewed(Shape):
    state: str
    submitted: Epoch = at("submittedAt", default=0)
    can_write: bool = at("authorCanPushToRepository", default=False)
    author: Author | None = None
    commit: Text = at("commit", "oid", default="")

    def as_state(self, viewer: str) -> ReviewState:
        return self.to(
            ReviewState,
            author=login_of(self.author),
            is_person=self.author is not None and self.author.kind == "User",
            is_ours=self.author is not None and self.author.is_viewer(viewer),
        )


class Writer(Shape):
    login: Text = at("user", "login", default="")


class CommitNode(Shape):
    """A commit of a pull request; its signature is null where it has none."""

    sha: Text = at("commit", "oid", default="")
    parents: Annotated[tuple[Text, ...], each("oid")] = at("commit", "parents", "nodes", default=())
    valid: bool = at("commit", "signature", "isValid", default=False)
    by_github: bool = at("commit", "signature", "wasSignedByGitHub", default=False)
    writers: Nodes[Writer] = at("commit", "authors", "nodes", default=())
    all_writers: int = at("commit", "authors", "totalCount", default=0)

    def as_commit(self) -> PullCommit:
        authors = logins(self.writers)
        unknown = () if authors and len(authors) == self.all_writers else ("",)
        return self.to(PullCommit, authors=(*authors, *unknown), signed=self.valid and self.by_github)


class Retargeting(Shape):
    created: Annotated[Epoch, Field(gt=0)] = at("createdAt")
    previous: str = at("previousRefName")


class Merged(Shape):
    """A pull request that a commit belongs to; of a deleted account there is no author."""

    number: int
    title: str = ""
    url: str = ""
    merged: bool
    base: str = at("baseRefName")
    head: str = at("headRefOid")
    repository: str = at("repository", "nameWithOwner")
    merge_commit: Text = at("mergeCommit", "oid", default="")
    author: Author | None = None
    labels: Nodes[Named] = at("labels", "nodes", default=())
    reviews: Nodes[Reviewed] = at("reviews", "nodes", default=())
    all_reviews: int = at("reviews", "totalCount", default=0)
    commits: Nodes[CommitNode] = at("commits", "nodes", default=())
    all_commits: int = at("commits", "totalCount")
    retargetings: tuple[Retargeting, ...] = at("timelineItems", "nodes")

    def as_origin(self, viewer: str) -> OriginPull:
        author = login_of(self.author)
        writers = [login for commit in self.commits for login in logins(commit.writers)]
        return self.to(
            OriginPull,
            author=author,
            labels=tuple(label.name for label in self.labels),
            authors=tuple(dict.fromkeys(login for login in (author, *writers) if login)),
            reviews=last_reviews(self.reviews, viewer),
            cut=self.all_commits > len(self.commits),
            by_app=self.author is not None and self.author.kind == "Bot",
            commits=tuple(commit.as_commit() for commit in self.commits),
            base_changes=self._base_changes(),
        )

    def _base_changes(self) -> tuple[BaseChange, ...]:
        """Those that were read. Before the first of a list that may be cut, nobody knows which base it had."""
        changes = sorted((each.to(BaseChange) for each in self.retargetings), key=lambda change: change.created)
        if len(changes) >= MAX_BASE_CHANGES:
            changes[0] = BaseChange(changes[0].created)
        return tuple(changes)

    def limits(self) -> list[str]:
        limits = []
        if self.all_reviews > MAX_REVIEWS:
            limits.append(f"only the newest {MAX_REVIEWS} reviews of pull request {self.number} were read")
        if self.all_commits > len(self.commits):
            limits.append(
                f"of pull request {self.number} only the newest {len(self.commits)} commits told who wrote them:"
                " nobody's approval of it counts, it may be an author's"
            )
        return limits


class GitObject(Shape):
    """What has a commit's SHA; nothing else than a commit has pull requests."""

    oid: str = ""
    writers: Nodes[Writer] = at("authors", "nodes", default=())
    pulls: Nodes[Merged] = at("associatedPullRequests", "nodes", default=())


class Repository(Shape):
    """The repository; under "c0", "c1" … what has the SHA of each commit."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, GitObject | None] = Field(init=False)

    name: str = at("nameWithOwner")
    default_branch: Text = at("defaultBranchRef", "name", default="")


class Origins(Viewed):
    repository: Repository | None = at("data", "repository", default=None)

    def objects(self) -> dict[str, GitObject | None]:
        return (self.repository.__pydantic_extra__ or {}) if self.repository else {}


def read_origins(channel: Channel, shas: Sequence[str]) -> tuple[tuple[str, OriginPull], ...]:
    """The merged pull request of each commit that has one; see ports.deployments.Gates. Says who we are as well.

    An answer with errors is none: what it leaves out would look like a commit without a pull request.
    """
    requested = tuple(dict.fromkeys(sha for sha in shas if re.fullmatch(r"[0-9a-f]{40,64}", sha)))
    if len(requested) > MAX_COMMITS:
        channel.note(f"only {MAX_COMMITS} of {len(requested):,} commits were looked up by their pull request")
        requested = requested[:MAX_COMMITS]
    batches = [requested[at : at + PER_QUERY] for at in range(0, len(requested), PER_QUERY)]
    read = run_parallel([partial(_read_batch, channel, batch) for batch in batches], len(batches))
    return tuple(origin for batch in read for origin in batch)


def _read_batch(channel: Channel, requested: Sequence[str]) -> list[tuple[str, OriginPull]]:
    by_alias = {f"c{at}": sha for at, sha in enumerate(requested)}
    answer = query(
        channel,
        "list the pull requests of commits",
        text_of_query(len(requested)),
        by_alias,
        Origins,
        is_complete=lambda it: bool(it.viewer) and not it.errors and by_alias.keys() <= {*it.objects()},
        reason="it answered a part of it, and gave no reason",
    )
    channel.login = answer.viewer
    origins = []
    for alias, sha in by_alias.items():
        commit = answer.objects()[alias]
        chosen = choose(commit, sha, answer.repository)
        if chosen is not None:
            origins.append((sha, chosen.as_origin(answer.viewer)))
            for limit in chosen.limits():
                channel.note(limit)
        elif commit is not None and (writers := logins(commit.writers)):
            origins.append((sha, OriginPull(0, "", "", "", "", authors=writers)))
    return origins


def text_of_query(commits: int) -> str:
    """The query for so many commits, whose names are its variables c0, c1 and so on."""
    variables = "".join(f", $c{at}: GitObjectID!" for at in range(commits))
    objects = "\n".join(
        f"    c{at}: object(oid: $c{at}) {{ ... on Commit {{ oid authors(first: 5) {{ nodes {{ user {{ login }} }} }}"
        f" associatedPullRequests(first: 5) {{ nodes {{ ...pull }} }} }} }}"
        for at in range(commits)
    )
    return (
        f"query($owner: String!, $name: String!{variables}) {{\n  viewer {{ login }}\n"
        "  repository(owner: $owner, name: $name) {\n    nameWithOwner defaultBranchRef { name }\n"
        f"{objects}\n  }}\n}}\n{PULL}"
    )


def choose(commit: GitObject | None, sha: str, repository: Repository | None) -> Merged | None:
    """The pull request that brought a commit: one merged into this repository, if possible into its default branch.

    A fork may hold the same commit, and a pull request of its own that anybody approved there. Of several that is left
    which made the commit when it was merged, else the newest.
    """
    if repository is None or commit is None or commit.oid != sha:
        return None
    name, branch = repository.name.lower(), repository.default_branch
    merged = [pull for pull in commit.pulls if pull.merged and pull.repository.lower() == name]
    return max(merged, key=lambda pull: (pull.base == branch, pull.merge_commit == sha, pull.number), default=None)


def last_reviews(reviews: Sequence[Reviewed], viewer: str) -> tuple[ReviewState, ...]:
    """The last review of each reviewer, oldest first; deleted accounts cannot be told apart, so each counts."""
    last: dict[object, ReviewState] = {}
    for position, review in enumerate(sorted(reviews, key=lambda one: one.submitted)):
        state = review.as_state(viewer)
        key = state.author.lower() or position
        last.pop(key, None)
        last[key] = state
    return tuple(last.values())


def logins(writers: Sequence[Writer]) -> tuple[str, ...]:
    return tuple(one.login for one in writers if one.login)
