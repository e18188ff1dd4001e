"""What a person may lift of a hold: the hash that an approval has to name, and whose word counts."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from hmac import compare_digest

from cicd_agent.domain.events.event import WRITERS, Event, EventKind
from cicd_agent.domain.gate_evidence import ApprovalComment, Deployed, GateEvidence, OriginPull
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import find_marker, marker
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.deploy_gate.result import Factor, Heard, Hold, LiftedBy
from cicd_agent.modes.deploy_gate.score import canonical
from cicd_agent.settings.schema import Settings

LEAST_REASON = 10
"""Characters of the reason that an override has to give."""

_SKEW = 300
_CAUSED_BY_COMMITS = frozenset({EventKind.PUSH, EventKind.WORKFLOW_RUN})


class Voice(IntEnum):
    """How a model spoke of the deployment, from least to worst."""

    SILENT = 0
    CONFIDENT = 1
    UNSURE = 2
    OBJECTS = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person who approves has seen, less what a model said: that is the `voice` of a hash."""

    sha: str
    environment: str
    policy: str
    factors: tuple[Factor, ...]
    blocking: tuple[str, ...]
    stops: tuple[Hold, ...]

    def hash(self, voice: Voice) -> str:
        """16 hex digits: others when something of it changes, the same when only time passes."""
        bands = {each.name: each.band for each in self.factors if each.name != "model"}
        return canonical(
            {
                "sha": self.sha,
                "environment": self.environment,
                "policy": self.policy,
                "bands": bands,
                "voice": voice.name,
                "blocking": sorted(self.blocking),
                "stops": sorted([each.id, *sorted(each.about)] for each in self.stops),
            }
        )


def hear(gate: GateEvidence, event: Event, hashes: Collection[str], hours: float) -> tuple[Heard, ...]:
    """Everything that people said, each with why it does not count, "" when it does.

    `hashes` are those that an approval may name. `hours` are those for which it counts.
    """
    authors = _authors(gate, event)
    cut = next((f"not all who wrote pull request {pull.number} are known" for pull in gate.pulls if pull.cut), "")
    return tuple(
        Heard(each.kind, each.author, each.reason, each.url, _refused(each, gate.at, authors, hashes, hours) or cut)
        for each in gate.words
    )


def lifted(stops: Iterable[Hold], heard: Sequence[Heard]) -> tuple[Hold, ...]:
    """The stops, with who lifted them: an approval what it reaches, an override that and more, nobody the rest."""
    counting = [each for each in heard if not each.refused]
    override = next((each for each in counting if each.kind == "override"), None)
    approval = next((each for each in counting if each.kind == "approve"), None)
    return tuple(replace(stop, lifted=_by(stop.lift, approval, override)) for stop in stops)


def _by(lift: LiftedBy, approval: Heard | None, override: Heard | None) -> str:
    if lift is LiftedBy.APPROVAL and approval is not None:
        return f"approved by {approval.author}"
    if lift is not LiftedBy.NOBODY and override is not None:
        return f"overridden by {override.author}: {clip(' '.join(override.reason.split()), 300)}"
    return ""


def _authors(gate: GateEvidence, event: Event) -> frozenset[str]:
    """Who wrote what would be deployed. Of a commit without a pull request it may be whoever caused the run.

    Who starts a workflow by hand has written nothing by that; but a commit may name an author whom nobody knows.
    """
    found = {login for pull in gate.pulls for login in (pull.author, *pull.authors)}
    found |= {login for commit in gate.commits for login in commit.authors}
    loose = [commit for commit in gate.commits if not commit.pull]
    if any(event.kind in _CAUSED_BY_COMMITS or not commit.authors for commit in loose):
        found.add(event.actor.login)
    return frozenset(login.casefold() for login in found)


def _refused(word: ApprovalComment, at: int, authors: Collection[str], hashes: Collection[str], hours: float) -> str:
    """Why a word does not count, "" when it does."""
    said = word.hash.encode("utf-8", "surrogatepass")
    # All of them are compared, each in the same time: how near a guess comes is not to be seen.
    known = [compare_digest(said, each.encode("ascii")) for each in hashes]
    is_bare = word.kind == "override" and len(word.reason.strip()) < LEAST_REASON
    doubts = (
        (not any(known), "it is of something else than what is decided on now"),
        (not word.is_person or not word.author, "it is not a person's"),
        # What is edited or too old comes first: nobody has asked what its author may do.
        (word.edited, "it was edited after it was written"),
        (word.created > at + _SKEW, "it is from the future"),
        (at - word.created >= hours * 3600, f"it is older than {hours:g} hours"),
        (word.permission not in WRITERS, f"{word.author} has no write access"),
        (word.author.casefold() in authors, f"{word.author} is an author of the change"),
        (is_bare, f"an override needs a reason of {LEAST_REASON} characters or more"),
    )
    return next((why for holds, why in doubts if holds), "")


KEY = "deploy-gate"
"""Begins the key of what stands about a hold; the environment follows."""
MOST_PEOPLE = 5
"""Accounts whose permission is asked for, those who spoke last first."""
MOST_ISSUES = 2

_NO_SLUG = re.compile(r"[^A-Za-z0-9._]+")


def key(environment: str) -> str:
    # Two hyphens would end the HTML comment that bears it.
    return f"{KEY}/{_NO_SLUG.sub('-', environment)[:80] or 'none'}"


def newest_pull(commits: Iterable[str], origins: Sequence[tuple[str, OriginPull]]) -> int:
    """The number of the pull request of the newest commit that has one, 0 when none has."""
    pulls = dict(origins)
    return next((pulls[sha].number for sha in commits if sha in pulls and pulls[sha].number), 0)


def read_words(forge: Forge, pull: int, gate: GateEvidence, settings: Settings) -> tuple[ApprovalComment, ...]:
    """What was said where a hold was told, with the permission of whoever said it not too long ago.

    `pull` is 0 for none. Nobody's permission is asked for whose words count for nothing anyway: those of a program,
    those that were edited, and those that are too old.
    """
    numbers = [pull] if pull else []
    if "issue" in settings.approvals:
        about = marker(key(gate.environment))
        ours = [issue for issue in forge.notices.issues(about) if issue.is_ours and find_marker(issue.body) == about]
        numbers += [issue.id for issue in ours[:MOST_ISSUES]]
    words = [word for number in dict.fromkeys(numbers) for word in forge.gates.words(number)]
    since = gate.at - 3600 * settings.approval_hours
    able = [word for word in words if word.is_person and not word.edited and word.created >= since]
    people = dict.fromkeys(word.author for word in sorted(able, key=lambda word: -word.created))
    may = {login: forge.gates.permission(login) for login in list(people)[:MOST_PEOPLE]}
    return tuple(replace(word, permission=may.get(word.author, "")) for word in words)


def authors(pulls: Iterable[OriginPull]) -> frozenset[str]:
    return frozenset(login.lower() for pull in pulls for login in (pull.author, *pull.authors) if login)


def covered(commits: Sequence[Deployed]) -> int:
    return sum(1 for commit in commits if commit.pull)
