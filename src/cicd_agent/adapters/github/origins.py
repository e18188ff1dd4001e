"""Where commits came from: one GraphQL query for the merged pull requests of many commits, and their reviews."""

import re
from collections.abc import Sequence

from pydantic import AwareDatetime, ConfigDict, Field

from cicd_agent.adapters.github.actions.payloads import seconds
from cicd_agent.adapters.github.channel import Channel
from cicd_agent.adapters.github.errors import Call, words
from cicd_agent.adapters.github.payloads import Named, Shape, Viewer, read
from cicd_agent.adapters.github.threads import STATUS, Author, Problem
from cicd_agent.domain.gate_evidence import OriginPull, ReviewState
from cicd_agent.errors import ForgeRefused

READS = "pull-requests: read"
MOST_COMMITS = 50
MOST_REVIEWS = 100
MOST_WRITTEN = 100
"""Commits of one pull request whose authors are read."""
CAN_WRITE = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_ANY_OTHER = 422

PULL = f"""\
fragment pull on PullRequest {{
  number title url merged baseRefName headRefOid
  repository {{ nameWithOwner }}
  mergeCommit {{ oid }}
  author {{ __typename login }}
  labels(first: 20) {{ nodes {{ name }} }}
  reviews(last: {MOST_REVIEWS}, states: [APPROVED, CHANGES_REQUESTED, DISMISSED]) {{
    totalCount
    nodes {{ state submittedAt authorAssociation author {{ __typename login }} commit {{ oid }} }}
  }}
  commits(last: {MOST_WRITTEN}) {{
    totalCount
    nodes {{ commit {{ authors(first: 5) {{ nodes {{ user {{ login }} }} }} }} }}
  }}
}}
"""


class Oid(Shape):
    """A commit by its name alone."""

    oid: str


class Reviewed(Shape):
    """A review that says yes or no, or did."""

    state: str
    submitted: AwareDatetime | None = Field(None, alias="submittedAt")
    association: str = Field("", alias="authorAssociation")
    author: Author | None = None
    commit: Oid | None = None

    def as_state(self, viewer: str) -> ReviewState:
        """In our words; `viewer` is the login of the account that we act as."""
        return ReviewState(
            author=login_of(self.author),
            state=self.state,
            commit=self.commit.oid if self.commit else "",
            submitted=int(seconds(self.submitted)),
            is_person=self.author is not None and self.author.kind == "User",
            is_ours=self.author is not None and self.author.is_viewer(viewer),
            can_write=self.association in CAN_WRITE,
        )


class ReviewList(Shape):
    """The newest reviews, oldest first, and how many there are."""

    total: int = Field(alias="totalCount")
    nodes: tuple[Reviewed | None, ...] | None = None


class Writer(Shape):
    """Who wrote a commit, as far as GitHub knows an account."""

    user: Viewer | None = None


class WriterList(Shape):
    """The author of a commit, and whoever wrote it with them."""

    nodes: tuple[Writer | None, ...] | None = None


class Written(Shape):
    """A commit and who wrote it."""

    authors: WriterList


class PullCommit(Shape):
    """A commit of a pull request."""

    commit: Written


class PullCommits(Shape):
    """The newest of them, and how many there are."""

    total: int = Field(alias="totalCount")
    nodes: tuple[PullCommit | None, ...] | None = None


class Labels(Shape):
    """The labels of a pull request."""

    nodes: tuple[Named | None, ...] | None = None


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
    labels: Labels | None = None
    reviews: ReviewList | None = None
    commits: PullCommits

    def as_origin(self, viewer: str) -> OriginPull:
        author = login_of(self.author)
        wrote = [login for one in self.commits.nodes or () if one for login in logins(one.commit.authors)]
        return OriginPull(
            number=self.number,
            author=author,
            base=self.base,
            head=self.head,
            merge_commit=self.merge_commit.oid if self.merge_commit else "",
            title=self.title,
            labels=tuple(label.name for label in (self.labels.nodes if self.labels else ()) or () if label),
            authors=tuple(dict.fromkeys(login for login in (author, *wrote) if login)),
            reviews=last_words([one for one in (self.reviews.nodes if self.reviews else ()) or () if one], viewer),
            url=self.url,
            cut=self.commits.total > MOST_WRITTEN,
        )

    def limits(self) -> list[str]:
        """What was not read of it, each one sentence."""
        told = []
        if self.reviews is not None and self.reviews.total > MOST_REVIEWS:
            told.append(f"only the newest {MOST_REVIEWS} reviews of pull request {self.number} were read")
        if self.commits.total > MOST_WRITTEN:
            told.append(
                f"of pull request {self.number} only the newest {MOST_WRITTEN} commits told who wrote them: nobody's"
                " approval of it counts, it may be an author's"
            )
        return told


class MergedList(Shape):
    """The pull requests that a commit belongs to."""

    nodes: tuple[Merged | None, ...] | None = None


class Found(Shape):
    """What was found by a commit's name; nothing else than a commit has pull requests."""

    oid: str = ""
    authors: WriterList | None = None
    pulls: MergedList | None = Field(None, alias="associatedPullRequests")


class DefaultBranch(Shape):
    """The repository's default branch."""

    name: str


class Repository(Shape):
    """The repository; under "c0", "c1" … what was found by the name of each commit."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Found | None] = Field(init=False)

    name: str = Field(alias="nameWithOwner")
    default: DefaultBranch | None = Field(None, alias="defaultBranchRef")


class Data(Shape):
    """What is asked for, each part null where it was refused."""

    viewer: Viewer | None = None
    repository: Repository | None = None


class OriginsAnswer(Shape):
    """GraphQL's envelope around it."""

    data: Data | None = None
    errors: tuple[Problem, ...] | None = None


def read_origins(channel: Channel, repo: str, shas: Sequence[str]) -> tuple[tuple[str, OriginPull], ...]:
    """The merged pull request of each commit that has one; see ports_gate.Gates. Tells who we are as well.

    An answer with errors is none: what it leaves out would look like a commit without a pull request.
    """
    asked = tuple(dict.fromkeys(sha for sha in shas if re.fullmatch(r"[0-9a-f]{40,64}", sha)))
    if len(asked) > MOST_COMMITS:
        channel.note(f"only {MOST_COMMITS} of {len(asked):,} commits were looked up by their pull request")
        asked = asked[:MOST_COMMITS]
    if not asked:
        return ()
    owner, _, name = repo.partition("/")
    by_alias = {f"c{at}": sha for at, sha in enumerate(asked)}
    body = {"query": query(len(asked)), "variables": {"owner": owner, "name": name, **by_alias}}
    task = "list the pull requests of commits"
    call = Call(task, "POST", channel.wire.graphql, READS, body=body)
    answer = read(call, channel.wire.ask(call), OriginsAnswer)
    told = answer.data
    found = (told.repository.__pydantic_extra__ or {}) if told and told.repository else {}
    if (
        told is None
        or told.viewer is None
        or told.repository is None
        or answer.errors
        or not by_alias.keys() <= {*found}
    ):
        raise _refusal(call, answer.errors)
    channel.login = told.viewer.login
    origins = []
    for alias, sha in by_alias.items():
        commit = found[alias]
        chosen = choose(commit, sha, told.repository)
        if chosen is None and commit is not None and (wrote := logins(commit.authors)):
            origins.append((sha, OriginPull(0, "", "", "", "", authors=wrote)))
        if chosen is not None:
            origins.append((sha, chosen.as_origin(told.viewer.login)))
            for limit in chosen.limits():
                channel.note(limit)
    return tuple(origins)


def query(commits: int) -> str:
    """The query for so many commits, whose names are its variables c0, c1 and so on."""
    variables = "".join(f", $c{at}: GitObjectID!" for at in range(commits))
    asked = "\n".join(
        f"    c{at}: object(oid: $c{at}) {{ ... on Commit {{ oid authors(first: 5) {{ nodes {{ user {{ login }} }} }}"
        f" associatedPullRequests(first: 5) {{ nodes {{ ...pull }} }} }} }}"
        for at in range(commits)
    )
    return (
        f"query($owner: String!, $name: String!{variables}) {{\n  viewer {{ login }}\n"
        "  repository(owner: $owner, name: $name) {\n    nameWithOwner defaultBranchRef { name }\n"
        f"{asked}\n  }}\n}}\n{PULL}"
    )


def choose(found: Found | None, sha: str, repository: Repository) -> Merged | None:
    """The pull request that brought a commit: one merged into this repository, if possible into its default branch.

    A fork may hold the same commit, and a pull request of its own that anybody approved there. Of several that is left
    which made the commit when it was merged, else the newest.
    """
    if found is None or found.oid != sha or found.pulls is None:
        return None
    default = repository.default.name if repository.default else ""
    merged = [
        pull
        for pull in found.pulls.nodes or ()
        if pull is not None and pull.merged and pull.repository.name.lower() == repository.name.lower()
    ]

    def rank(pull: Merged) -> tuple[bool, bool, int]:
        made = pull.merge_commit is not None and pull.merge_commit.oid == sha
        return pull.base == default, made, pull.number

    return max(merged, key=rank, default=None)


def last_words(reviews: Sequence[Reviewed], viewer: str) -> tuple[ReviewState, ...]:
    """The last review of each reviewer, oldest first; deleted accounts cannot be told apart, so each counts."""
    last: dict[object, ReviewState] = {}
    for at, review in sorted(enumerate(reviews), key=lambda one: (seconds(one[1].submitted), one[0])):
        state = review.as_state(viewer)
        key = state.author.lower() or at
        last.pop(key, None)
        last[key] = state
    return tuple(last.values())


def logins(writers: WriterList | None) -> tuple[str, ...]:
    return tuple(one.user.login for one in (writers.nodes if writers else ()) or () if one and one.user)


def login_of(author: Author | None) -> str:
    """A login as REST gives it, where a bot's has a suffix; "" for a deleted account."""
    if author is None:
        return ""
    return f"{author.login.removesuffix('[bot]')}[bot]" if author.kind == "Bot" else author.login


def _refusal(call: Call, problems: Sequence[Problem] | None) -> ForgeRefused:
    """The failure of a query that was answered with errors, or not whole."""
    first = next(iter(problems or ()), Problem(message="it answered a part of it, and gave no reason"))
    status = STATUS.get(first.type, _ANY_OTHER)
    lacks = f"The job needs `{call.needs}`, if the token may have it" if status in {403, 404} else ""
    return ForgeRefused(f"GitHub refused to {call.task}", why=words(first.message), remedy=lacks, status=status)
