"""What is concluded of a failed run: what failed, whose fault that is and how it is known, and what to do next."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cicd_agent.agent.messages import Share
from cicd_agent.analysis.logs.extract import NO_TESTS, FailedTests, Kind
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.trials.patch_trial import TrialReport
from cicd_agent.domain.verdict import Conclusion, Draft, Risk


class CascadeStep(StrEnum):
    """The step of the attribution cascade on which the cause was found, the firmest first."""

    RUNNER = "runner"
    """GitHub itself says that the machine failed."""
    PASSED_ELSEWHERE = "passed_elsewhere"
    """The same job passed on the same commit."""
    SEEN_BEFORE = "seen_before"
    """The same failure is on the default branch, or on unrelated pull requests."""
    SIGNATURE = "signature"
    """The failing step met network, registry, disk or memory trouble, and the change touches nothing of the kind."""
    MEETS_CHANGE = "meets_change"
    """What the log points to is what was changed."""
    OUT_OF_REACH = "out_of_reach"
    """The failing test reaches nothing that was changed: suspected to be flaky, no more."""
    NONE = "none"


class Remedy(StrEnum):
    CODE_CHANGE = "code_change"
    CONFIG_CHANGE = "config_change"
    DEPENDENCY_UPDATE = "dependency_update"
    RETRY = "retry"
    INVESTIGATE = "investigate_further"


@dataclass(frozen=True, slots=True)
class Cited:
    """A line of a log that proves something, verbatim.

    `path` is set where it is a line of the change instead, or of what a model looked up; then there is no job. Of the
    change, `side` says in which version of the file it stands.
    """

    number: int
    text: str
    job: str = ""
    step: str = ""
    url: str = ""
    path: str = ""
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Where the log and the change meet: line `number` of the log names `path`, which commit `sha` has changed.

    `line` is the file's line that the log names (0: none), `via` the file of the log that imports `path`, "" when the
    log names `path` itself. `exact`: the very line was changed. `strength` (0–1) is how sure this alone makes it that
    the change is to blame. `named` are edited definitions that the failure names, or the test that failed.
    """

    path: str
    line: int
    number: int
    via: str = ""
    exact: bool = False
    sha: str = ""
    strength: float = 0.0
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspect:
    """A commit since the last green run, with what it shares with the failure; `score` is 0–1, ranked best first."""

    sha: str
    subject: str
    score: float
    meetings: tuple[Overlap, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that failed, in `job` and in its `siblings` that failed the same way.

    `title` is one line of the tool's own message; `decisive` are the lines that prove it.
    """

    kind: Kind
    title: str
    tool: str = ""
    test: str = ""
    job: str = ""
    step: str = ""
    siblings: tuple[str, ...] = ()
    decisive: tuple[Cited, ...] = ()
    strict: str = ""
    loose: str = ""
    tolerated: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    text: str
    cited: tuple[Cited, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of analysing a failed run. `failures` are ranked: the first is the one that everything else is about.

    `confidence` (0–1) is how sure the cause is. `responsible` is the commit that brought the failure, "" rather than
    a guess. `affected` are files of the repository. `innocent`: the change is shown not to be at fault, or meets the
    failure nowhere: of each failure, not of one. `rerun_kind` is `infrastructure` or `flaky`, what the input `rerun`
    has to allow. `claims` are what a model says of why, as far as it is proved; `trial` is of the patch that is
    offered, or of the last that was refused. `unread` counts failed jobs whose log was not read.
    `tests` are all that failed.
    """

    conclusion: Conclusion
    kind: Kind
    cause: Cause
    rung: CascadeStep
    confidence: float
    root_cause: str
    failures: tuple[Failure, ...] = ()
    grounds: tuple[Ground, ...] = ()
    meetings: tuple[Overlap, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    responsible: str = ""
    affected: tuple[str, ...] = ()
    remedy: Remedy = Remedy.INVESTIGATE
    next_step: str = ""
    innocent: bool = False
    rerun: bool = False
    rerun_kind: str = ""
    claims: tuple[Claim, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    trial: TrialReport | None = None
    escalate: tuple[str, ...] = ()
    risk: Risk | None = None
    unread: int = 0
    tests: FailedTests = NO_TESTS

    @property
    def fingerprint(self) -> str:
        return self.failures[0].strict if self.failures else ""

    @property
    def is_flaky(self) -> str:
        """Only with proof `true`, and empty while the cause is unknown."""
        return {Cause.FLAKY: "true", Cause.UNKNOWN: ""}.get(self.cause, "false")


RESULTS: Final = {"diagnosis": Diagnosis}


class Citation(Draft):
    """A line that is said to prove something. prompt.md says what each field is for, once."""

    exhibit: str
    line: int
    quote: str


class ClaimDraft(Draft):
    """One sentence, and where it can be seen to be so."""

    statement: str
    citations: tuple[Citation, ...]


class Fix(Draft):
    """What to do about it; `patch` is a unified diff."""

    kind: Remedy
    description: str
    patch: str | None


class FailureDraft(Draft):
    """The answer to the question why a run failed. What proves it comes first: what is concluded is written after it.

    All words of `failure_type` and `cause` may be said, those that excuse the change too: they are weighed, not obeyed.
    """

    insufficient_evidence: bool
    claims: tuple[ClaimDraft, ...]
    failure_type: Kind
    cause: Cause
    root_cause: str
    responsible_commit: str | None
    affected_files: tuple[str, ...]
    fix: Fix
    confidence: Share
    escalate: str | None

    @property
    def unsettled(self) -> str:
        return self.escalate or ("the model finds the evidence insufficient" if self.insufficient_evidence else "")
