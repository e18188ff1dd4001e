"""What people have said to the gate: their approvals and overrides, and what each of them may do here."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cicd_agent.domain.gate_evidence import ApprovalComment, Deployed, GateEvidence, OriginPull
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import find_marker, marker
from cicd_agent.settings.schema import Settings

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
