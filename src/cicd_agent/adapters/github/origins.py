"""Where commits came from: one GraphQL query for the merged pull requests of many commits, and their reviews."""

import re
from collections.abc import Sequence

from pydantic import AwareDatetime, ConfigDict, Field

from cicd_agent.adapters.github.channel import Channel
from cicd_agent.adapters.github.graphql import Author, CountedNodes, Nodes, Oid, graphql_call, login_of, refusal
from cicd_agent.adapters.github.payloads import Envelope, Named, Shape, Viewer, ViewerData, seconds
from cicd_agent.domain.gate_evidence import OriginPull, ReviewState

MAX_COMMITS = 50
MAX_REVIEWS = 100
MAX_WRITTEN = 100
"""Commits of one pull request whose authors are read."""
CAN_WRITE = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})

PULL = f"""\
fragment pull on PullRequest {{
  number title url merged baseRefName headRefOid
  repository {{ nameWithOwner }}
  mergeCommit {{ oid }}
  author {{ __typename login }}
  labels(first: 20) {{ nodes {{ name }} }}
  reviews(last: {MAX_REVIEWS}, states: [APPROVED, CHANGES_REQUESTED, DISMISSED]) {{
    totalCount
    nodes {{ state submittedAt authorAssociation author {{ __typename login }} commit {{ oid }} }}
  }}
  commits(last: {MAX_WRITTEN}) {{
    totalCount
    nodes {{ commit {{ authors(first: 5) {{ nodes {{ user {{ login }} }} }} }} }}
  }}
}}
"""


class Reviewed(Shape):
    """A review that says yes or no, or did."""

    state: str
    submitted: AwareDatetime | None = Field(None, alias="submittedAt")
    association: str = Field("", alias="authorAssociation")
    author: Author | None = None
    commit: Oid | None = None

    def as_state(self, viewer: str) -> ReviewState:
        """`viewer` is the login of the account that we act as."""
        return ReviewState(
            author=login_of(self.author),
            state=self.state,
            commit=self.commit.oid if self.commit else "",
            submitted=int(seconds(self.submitted)),
            is_person=self.author is not None and self.author.kind == "User",
            is_ours=self.author is not None and self.author.is_viewer(viewer),
            can_write=self.association in CAN_WRITE,
        )


class Writer(Shape):
    """Who wrote a commit, as far as GitHub knows an account."""

    user: Viewer | None = None


class Written(Shape):
    """A commit and who wrote it."""

    authors: Nodes[Writer]


class PullCommit(Shape):
    """A commit of a pull request."""

    commit: Written


class FullName(Shape):
    """A repository."""

    name: str = Field(alias="nameWithOwner")


class Merged(Shape):
    """A pull request that a commit belongs to; of a deleted account there is no author."""

    number: int
    title: str = ""
    url: str = ""
    merged: bool
    base: str = Field(alias="baseRefName")
    head: str = Field(alias="headRefOid")
    repository: FullName
    merge_commit: Oid | None = Field(None, alias="mergeCommit")
    author: Author | None = None
    labels: Nodes[Named] | None = None
    reviews: CountedNodes[Reviewed] | None = None
    commits: CountedNodes[PullCommit]

    def as_origin(self, viewer: str) -> OriginPull:
        author = login_of(self.author)
        writers = [login for one in self.commits.present for login in logins(one.commit.authors)]
        return OriginPull(
            number=self.number,
            author=author,
            base=self.base,
            head=self.head,
            merge_commit=self.merge_commit.oid if self.merge_commit else "",
            title=self.title,
            labels=tuple(label.name for label in self.labels.present) if self.labels else (),
            authors=tuple(dict.fromkeys(login for login in (author, *writers) if login)),
            reviews=last_reviews(self.reviews.present if self.reviews else (), viewer),
            url=self.url,
            cut=self.commits.total > MAX_WRITTEN,
        )

    def limits(self) -> list[str]:
        """What was not read of it, each one sentence."""
        limits = []
        if self.reviews is not None and self.reviews.total > MAX_REVIEWS:
            limits.append(f"only the newest {MAX_REVIEWS} reviews of pull request {self.number} were read")
        if self.commits.total > MAX_WRITTEN:
            limits.append(
                f"of pull request {self.number} only the newest {MAX_WRITTEN} commits told who wrote them: nobody's"
                " approval of it counts, it may be an author's"
            )
        return limits


class GitObject(Shape):
    """What has a commit's SHA; nothing else than a commit has pull requests."""

    oid: str = ""
    authors: Nodes[Writer] | None = None
    pulls: Nodes[Merged] | None = Field(None, alias="associatedPullRequests")


class DefaultBranch(Shape):
    """The repository's default branch."""

    name: str


class Repository(Shape):
    """The repository; under "c0", "c1" … what has the SHA of each commit."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, GitObject | None] = Field(init=False)

    name: str = Field(alias="nameWithOwner")
    default: DefaultBranch | None = Field(None, alias="defaultBranchRef")


class OriginsData(ViewerData):
    """What is asked for, each part null where it was refused."""

    repository: Repository | None = None


def read_origins(channel: Channel, shas: Sequence[str]) -> tuple[tuple[str, OriginPull], ...]:
    """The merged pull request of each commit that has one; see ports.deployments.Gates. Says who we are as well.

    An answer with errors is none: what it leaves out would look like a commit without a pull request.
    """
    requested = tuple(dict.fromkeys(sha for sha in shas if re.fullmatch(r"[0-9a-f]{40,64}", sha)))
    if len(requested) > MAX_COMMITS:
        channel.note(f"only {MAX_COMMITS} of {len(requested):,} commits were looked up by their pull request")
        requested = requested[:MAX_COMMITS]
    if not requested:
        return ()
    owner, _, name = channel.repo.partition("/")
    by_alias = {f"c{at}": sha for at, sha in enumerate(requested)}
    variables = {"owner": owner, "name": name, **by_alias}
    call = graphql_call(channel, "list the pull requests of commits", query(len(requested)), variables)
    answer = channel.read(call, Envelope[OriginsData])
    viewer, repository = (answer.data.viewer, answer.data.repository) if answer.data else (None, None)
    objects = (repository.__pydantic_extra__ or {}) if repository else {}
    if viewer is None or repository is None or answer.errors or not by_alias.keys() <= {*objects}:
        raise refusal(call, answer.errors, "it answered a part of it, and gave no reason")
    channel.login = viewer.login
    origins = []
    for alias, sha in by_alias.items():
        commit = objects[alias]
        chosen = choose(commit, sha, repository)
        if chosen is None and commit is not None and (writers := logins(commit.authors)):
            origins.append((sha, OriginPull(0, "", "", "", "", authors=writers)))
        if chosen is not None:
            origins.append((sha, chosen.as_origin(viewer.login)))
            for limit in chosen.limits():
                channel.note(limit)
    return tuple(origins)


def query(commits: int) -> str:
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


def choose(commit: GitObject | None, sha: str, repository: Repository) -> Merged | None:
    """The pull request that brought a commit: one merged into this repository, if possible into its default branch.

    A fork may hold the same commit, and a pull request of its own that anybody approved there. Of several that is left
    which made the commit when it was merged, else the newest.
    """
    if commit is None or commit.oid != sha or commit.pulls is None:
        return None
    default = repository.default.name if repository.default else ""
    merged = [
        pull for pull in commit.pulls.present if pull.merged and pull.repository.name.lower() == repository.name.lower()
    ]

    def rank(pull: Merged) -> tuple[bool, bool, int]:
        made = pull.merge_commit is not None and pull.merge_commit.oid == sha
        return pull.base == default, made, pull.number

    return max(merged, key=rank, default=None)


def last_reviews(reviews: Sequence[Reviewed], viewer: str) -> tuple[ReviewState, ...]:
    """The last review of each reviewer, oldest first; deleted accounts cannot be told apart, so each counts."""
    last: dict[object, ReviewState] = {}
    for at, review in sorted(enumerate(reviews), key=lambda one: (seconds(one[1].submitted), one[0])):
        state = review.as_state(viewer)
        key = state.author.lower() or at
        last.pop(key, None)
        last[key] = state
    return tuple(last.values())


def logins(writers: Nodes[Writer] | None) -> tuple[str, ...]:
    return tuple(one.user.login for one in (writers.present if writers else ()) if one.user)
