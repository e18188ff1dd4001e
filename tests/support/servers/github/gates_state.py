"""What the fake GitHub remembers of commits and environments for a deployment gate."""

from dataclasses import dataclass, field
from typing import Any

WHEN = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class CommitStatus:
    """The newest status of one context."""

    context: str
    state: str
    url: str = ""
    updated_at: str = WHEN


@dataclass(frozen=True)
class DeploymentStatus:
    """What somebody said of a deployment."""

    id: int
    state: str
    description: str = ""
    log_url: str = ""
    created_at: str = WHEN


@dataclass
class Deployment:
    """A deployment and what was said of it, oldest first."""

    id: int
    sha: str
    ref: str
    environment: str
    creator: str = "github-actions[bot]"
    description: str = ""
    created_at: str = WHEN
    payload: Any = ""
    statuses: list[DeploymentStatus] = field(default_factory=list)


@dataclass
class GateData:
    """Of one repository. `now` is the time of what is made by a request."""

    default_branch: str = "main"
    now: str = WHEN
    statuses: dict[str, list[CommitStatus]] = field(default_factory=dict)
    """By commit."""
    has_rules: bool = True
    """Whether the plan has rulesets: a free one of a private repository has not."""
    rules: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """Branch → the checks that its rulesets require, each with the number of the app that has to run it, 0 for any."""
    classic: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """The same by classic branch protection."""
    deployments: list[Deployment] = field(default_factory=list)
    """Oldest first."""
    permissions: dict[str, str] = field(default_factory=dict)
    """Login → admin, maintain, write, triage or read. Of anybody else GitHub knows nothing."""
    teams: set[str] = field(default_factory=set)
    wrote: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Commit → the logins of whoever wrote it; of others nobody knows an account."""
    signed: set[str] = field(default_factory=set)
    """The commits that GitHub itself has signed."""
    asked: dict[int, list[str]] = field(default_factory=dict)
    """Pull request → who was asked to review it, teams as `@team`."""
