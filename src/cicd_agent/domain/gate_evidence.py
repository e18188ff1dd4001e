"""What a deployment gate saw of the world: the facts that it decides on, each with its source and its time."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Match(StrEnum):
    EXACT = "exact"
    """The reviewed commit itself, or a merge of it that changed nothing else."""
    SAME_PATCH = "same_patch"
    """Another commit with the same patch: squashed, rebased or cherry-picked."""
    NONE = "none"


class State(StrEnum):
    """How a signal was read. All but KNOWN, MISSING and ABSENT are faults: they hold, whatever the score says."""

    KNOWN = "known"
    MISSING = "missing"
    """There is no such thing: no report was made, nobody reviewed."""
    ABSENT = "absent"
    """This repository has none and never had: the signal has no weight."""
    ERROR = "error"
    TIMEOUT = "timeout"
    STALE = "stale"
    NONSENSE = "nonsense"


HELD = "HOLD "
"""Begins the description of a status by which a gate says that it held."""
SIGNALS = ("tests", "coverage", "review", "failures", "model")
"""The signals that have a weight, in the order of the table that people see."""
TOKEN = "token"  # noqa: S105  the name of a reading
"""Is read only where there is none: then nothing of GitHub's is known."""
RATE_LIMIT = "rate-limit"
"""Is read only where GitHub's rate limit was used up: then not all is known."""
FACTS = ("checks", "required", "origins", "deployments", "incidents", "budget", "history", "approvals")
"""What is read beside them: a fault of one of these holds as well."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that was read: a signal, or a fact behind one, by its `name`.

    `value` is in the signal's unit: `tests` percent of cases or checks passed, `coverage` points gained since the base,
    `review` 0 to 1, `failures` percent of the last 7 days' runs. None when it is not known. `words` are for a person
    ("412 of 412"). `measured` is in seconds since the epoch, 0 when that is not known. `problem` says what is wrong,
    "" when nothing is.
    """

    name: str
    state: State
    value: float | None = None
    words: str = ""
    source: str = ""
    measured: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CheckState:
    """A check run or commit status of the commit, in GitHub's words; `conclusion` is "" while it goes on.

    `ended` is in seconds since the epoch, 0 while it goes on. `own` is whether it belongs to the run that asks.
    `app` is the slug of the GitHub App that made a check run ("github-actions"), "" for a commit status; `app_id` is
    its number. Of a job of a workflow, `run` is the run's id, `workflow` its file, `event` what started it; `deploys`
    is whether it names an environment, `may_fail` whether it failed in a run that passed (`continue-on-error`), and
    `is_gate` whether it is a deployment gate by a workflow that the change under judgement does not touch.
    """

    name: str
    status: str
    conclusion: str = ""
    ended: int = 0
    url: str = ""
    app: str = ""
    own: bool = False
    app_id: int = 0
    started: int = 0
    run: int = 0
    workflow: str = ""
    event: str = ""
    deploys: bool = False
    may_fail: bool = False
    is_gate: bool = False


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A check that a branch requires, and the number of the only app that satisfies it, 0 for any source."""

    name: str
    app: int = 0


@dataclass(frozen=True, slots=True)
class RequiredChecks:
    """What a branch requires; `unread` is why that of its classic protection is not known, "" when it is."""

    checks: tuple[RequiredCheck, ...] = ()
    unread: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(check.name for check in self.checks))

    @property
    def apps(self) -> tuple[tuple[str, int], ...]:
        return tuple((check.name, check.app) for check in self.checks if check.app)


@dataclass(frozen=True, slots=True)
class ReviewState:
    """The last word of one reviewer: `state` in GitHub's words. `commit` is what was reviewed.

    `can_write` is whether the reviewer may push to the repository: only then does it count. `same_patch` is whether it
    is of an earlier commit whose patch is the one that goes out.
    """

    author: str
    state: str
    commit: str
    submitted: int = 0
    is_person: bool = True
    is_ours: bool = False
    can_write: bool = True
    same_patch: bool = False


@dataclass(frozen=True, slots=True)
class BaseChange:
    """When a pull request's base branch was changed, in seconds since the epoch, and from which one, "" for unknown."""

    created: int
    previous: str = ""


@dataclass(frozen=True, slots=True)
class PullCommit:
    """A commit of a pull request, as it was before it was merged: its SHA, and those of its parents, the first three.

    `authors` are the logins of whoever wrote it, "" among them where not all are known. `signed` is whether GitHub
    itself signed it, as it does for what its apps write and people edit there, and the signature is good. `same_patch`
    is whether its patch, since it left the base branch, is the one that goes out.
    """

    sha: str
    parents: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    signed: bool = False
    same_patch: bool = False


@dataclass(frozen=True, slots=True)
class PullContent:
    """What a pull request changes, by itself: whether nothing but lock files whose addresses a rule reads.

    `problem` is the worst finding of a rule, silenced or not, or else what no rule has read; "" for neither.
    """

    locks_only: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class OriginPull:
    """A merged pull request that a commit came from: its author, its last commit, and what reviewers said last.

    `authors` are the logins of its author and of whoever wrote its commits; `cut` is whether these are not all.
    `by_app` is whether its author is an app and no user; `commits` come oldest first, without those of its base.
    `base_changes` come in any order.
    """

    number: int
    author: str
    base: str
    head: str
    merge_commit: str
    title: str = ""
    labels: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    reviews: tuple[ReviewState, ...] = ()
    url: str = ""
    cut: bool = False
    by_app: bool = False
    commits: tuple[PullCommit, ...] = ()
    base_changes: tuple[BaseChange, ...] = ()
    content: PullContent | None = None
    """None where nobody has looked."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A commit that this deployment would bring, and the pull request that it came from, 0 for none.

    `match` is about the commit and the reviewed head. `subject` is its first line. `authors` are the logins of whoever
    wrote it, where no pull request says that. `patch` is an id of what it changes, where nobody has approved it; "" for
    none.
    """

    sha: str
    subject: str
    match: Match = Match.NONE
    pull: int = 0
    authors: tuple[str, ...] = ()
    patch: str = ""

    @property
    def content(self) -> str:
        """What stays the same when it is rebased, else the commit."""
        return self.patch or self.sha


@dataclass(frozen=True, slots=True)
class PastDeployment:
    """A deployment of the environment and its newest status, in GitHub's words ("" when it has none yet).

    Times are in seconds since the epoch; `ended` is that of the status. `held` is whether that status is a gate's own
    word that it held: nothing was deployed then. `succeeded` is when it last did, 0 for never: GitHub calls what was
    replaced `inactive`.
    """

    id: int
    sha: str
    ref: str
    created: int
    state: str = ""
    ended: int = 0
    creator: str = ""
    url: str = ""
    held: bool = False
    succeeded: int = 0

    @property
    def worked(self) -> bool:
        return bool(self.succeeded) or self.state == "success"


@dataclass(frozen=True, slots=True)
class Incident:
    """An open issue with the label of incidents; `created` in seconds since the epoch."""

    number: int
    title: str
    created: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalComment:
    """A comment that says `/approve-deploy`, with a hash or without, or `/override-deploy HASH reason`.

    `hash` is what it names, in full once that is found out, and `problem` why that is not known, "" when it is.
    `permission` is the author's on the repository in GitHub's words, "" when it was not asked for. `edited` is whether
    its text was changed after it was written, `is_member` whether GitHub calls the author an owner, member or
    collaborator: a hint, since it does not say so of every one. Times are in seconds since the epoch.
    """

    id: int
    kind: Literal["approve", "override"]
    hash: str
    reason: str
    author: str
    permission: str
    created: int
    edited: bool = False
    is_person: bool = True
    url: str = ""
    is_member: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A comment that asks for a deployment, and the held run that it leads to, 0 for none.

    `problem` is why nothing comes of it, "" when the run is started again.
    """

    word: ApprovalComment
    number: int
    run: int = 0
    attempt: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """All that a gate knows. `at` is when it looked, in seconds since the epoch.

    `sha` is what would be deployed to `environment`; `base` is what runs there now, or else where the event's change
    begins ("" when neither is known): `unknown_base` says why it is not known what runs there, and `is_first` that
    nothing ever did. `patch` is an id of what it changes there, "" where only the commit says it, and `patch_deployed`
    when another commit last brought the same there, 0 for never. `required` are the names of required checks, None when
    nobody could say; `required_apps` those that one app has to satisfy, with its number.
    `unserved` is why the event is none that a gate decides on. `policy` are the problems of the configuration,
    `is_policy_new` is whether it was read where it is another one than that of what runs now, `told`
    the settings that the workflow itself gives, in which no file has a part.
    """

    sha: str
    environment: str
    at: int
    base: str = ""
    unknown_base: str = ""
    is_first: bool = False
    ref: str = ""
    readings: tuple[Reading, ...] = ()
    checks: tuple[CheckState, ...] = ()
    required: tuple[str, ...] | None = None
    required_apps: tuple[tuple[str, int], ...] = ()
    commits: tuple[Deployed, ...] = ()
    pulls: tuple[OriginPull, ...] = ()
    deployments: tuple[PastDeployment, ...] = ()
    incidents: tuple[Incident, ...] = ()
    words: tuple[ApprovalComment, ...] = ()
    error_budget: float | None = None
    """What is left of it, 1 for all, 0 or less for none; None when nobody gave it."""
    traffic: float | None = None
    """Requests a minute, None when nobody gave it."""
    unserved: str = ""
    policy: tuple[str, ...] = ()
    is_policy_new: bool = False
    told: frozenset[str] = frozenset()
    request: ApprovalRequest | None = None
    patch: str = ""
    patch_deployed: int = 0

    def reading(self, name: str) -> Reading:
        found = next((each for each in self.readings if each.name == name), None)
        return found or Reading(name, State.MISSING, problem="it was not read")
