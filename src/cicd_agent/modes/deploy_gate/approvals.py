"""What people approve or override of a hold: whose comments count, and the hash that each has to name."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from enum import IntEnum
from functools import partial
from hmac import compare_digest

from cicd_agent.domain.events.event import WRITERS, Event, EventKind
from cicd_agent.domain.gate_evidence import ApprovalComment, GateEvidence, OriginPull
from cicd_agent.domain.parallel import run_parallel
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import find_marker, marker
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.deploy_gate.approval_requests import KEY, MARKER, complete, is_full
from cicd_agent.modes.deploy_gate.result import Approval, Hold, LiftedBy
from cicd_agent.modes.deploy_gate.score import Score, canonical, digest
from cicd_agent.settings.schema import Settings

MIN_REASON = 10
"""Characters of the reason that an override has to give."""

_MAX_PEOPLE = 20
"""Accounts whose permission is asked for."""
_MAX_OTHERS = 50
"""Comments that count for nothing and are shown all the same."""
_WIDTH = 5
_EXPLAINED = 7 * 86_400
"""Seconds for which an approval that is too old is still shown, with that reason."""
_MAX_ISSUES = 2
_SKEW = 300
_CAUSED_BY_COMMITS = frozenset({EventKind.PUSH, EventKind.WORKFLOW_RUN})
_NO_SLUG = re.compile(r"[^A-Za-z0-9._]+")


class ModelStance(IntEnum):
    """What a model thinks of the deployment, from least to worst."""

    SILENT = 0
    CONFIDENT = 1
    UNSURE = 2
    OBJECTS = 3


def key(environment: str) -> str:
    # Two hyphens would end the HTML comment that bears it.
    return f"{KEY}/{_NO_SLUG.sub('-', environment)[:80] or 'none'}"


def read_comments(
    forge: Forge, pull: int, gate: GateEvidence, settings: Settings, event: Event
) -> tuple[ApprovalComment, ...]:
    """The comments on our report of the hold, each with its whole hash; `pull` is 0 for none."""
    numbers = [pull] if pull else []
    if "issue" in settings.approvals:
        about = marker(key(gate.environment))
        ours = [issue for issue in forge.notices.issues(about) if issue.is_ours and find_marker(issue.body) == about]
        numbers += [issue.id for issue in ours[:_MAX_ISSUES]]
    since = _oldest(gate, settings) - _EXPLAINED
    return tuple(each for number in dict.fromkeys(numbers) for each in _orders(forge, number, since, event))


def _orders(forge: Forge, number: int, since: int, event: Event) -> tuple[ApprovalComment, ...]:
    orders = forge.gates.approval_comments(number, since)
    if all(is_full(each.hash) for each in orders):
        return orders
    posted = forge.gates.posted_comments(number, MARKER)
    return tuple(complete(each, posted, event) for each in orders)


def with_permissions(
    forge: Forge, gate: GateEvidence, settings: Settings, hashes: Callable[[], Collection[str]]
) -> tuple[ApprovalComment, ...]:
    """The comments with the permission of who wrote one that may count; of the others only the newest.

    Nobody's permission is asked for whose comments count for nothing anyway: those of a program, those that were
    edited, and those that are too old. Of many people those are asked for who name one of the `hashes`, and of these
    first whom GitHub calls a member: so that nobody is crowded out by who may not write.
    """
    since = _oldest(gate, settings)
    valid = [each for each in gate.words if each.is_person and not each.edited and each.created >= since]
    if len({each.author for each in valid}) > _MAX_PEOPLE:
        named = frozenset(hashes())
        valid = [each for each in valid if each.hash in named]
    valid.sort(key=lambda each: (not each.is_member, -each.created))
    people = list(dict.fromkeys(each.author for each in valid))[:_MAX_PEOPLE]
    permissions = dict(
        zip(people, run_parallel([partial(forge.gates.permission, each) for each in people], _WIDTH), strict=True)
    )
    candidates = [each for each in valid if each.author in permissions]
    others = sorted((each for each in gate.words if each not in candidates), key=lambda each: -each.created)
    shown = sorted((*candidates, *others[:_MAX_OTHERS]), key=lambda each: (each.created, each.id))
    return tuple(replace(each, permission=permissions.get(each.author, "")) for each in shown)


def _oldest(gate: GateEvidence, settings: Settings) -> int:
    """When an approval may have been written that still counts."""
    return gate.at - int(3600 * settings.approval_hours)


def approval_hashes(
    gate: GateEvidence,
    settings: Settings,
    score: Score,
    blocking: Collection[str],
    holds: Iterable[Hold],
    *,
    stance: ModelStance,
) -> list[str]:
    """What an approval may name, 16 hex digits each; the first is what we ask for.

    It changes with what a person who approves has seen, and not when only time passes or the same patch comes as
    another commit. Whoever approves in spite of what a model says approves it without that as well, and never the other
    way round: so no answer of a model can make an approval count that would not count without one.
    """
    subject = {
        **({"patch": gate.patch} if gate.patch else {"sha": gate.sha}),
        "environment": gate.environment,
        "policy": digest(settings),
        "bands": {each.name: each.band for each in score.factors if each.name != "model"},
        "blocking": sorted(blocking),
        "stops": sorted([each.id, *sorted(each.about)] for each in holds),
    }
    return [canonical({**subject, "voice": each.name}) for each in ModelStance if each >= stance]


def check_approvals(
    gate: GateEvidence, event: Event, hashes: Collection[str], max_hours: float
) -> tuple[Approval, ...]:
    """Each comment with the reason for which it does not count, "" when it does."""
    wrote = _authors(gate, event)
    unknown = next((f"not all who wrote pull request {pull.number} are known" for pull in gate.pulls if pull.cut), "")
    return tuple(
        Approval(
            each.kind,
            each.author,
            each.reason,
            each.url,
            _refusal(each, gate.at, wrote, hashes, max_hours) or _used_up(each, gate) or unknown,
            each.hash,
        )
        for each in gate.words
    )


def apply_approvals(holds: Iterable[Hold], approvals: Sequence[Approval]) -> tuple[Hold, ...]:
    """The holds, with who lifted them: an approval what it reaches, an override that and more, nobody the rest."""
    override = next((each for each in approvals if not each.refused and each.kind == "override"), None)
    approval = next((each for each in approvals if not each.refused and each.kind == "approve"), None)
    results = []
    for hold in holds:
        lifted = ""
        if hold.lift is LiftedBy.APPROVAL and approval is not None:
            lifted = f"approved by {approval.author}"
        elif hold.lift is not LiftedBy.NOBODY and override is not None:
            lifted = f"overridden by {override.author}: {clip(' '.join(override.reason.split()), 300)}"
        results.append(replace(hold, lifted=lifted))
    return tuple(results)


def authors(pulls: Iterable[OriginPull]) -> frozenset[str]:
    return frozenset(login.casefold() for pull in pulls for login in (pull.author, *pull.authors) if login)


def _authors(gate: GateEvidence, event: Event) -> frozenset[str]:
    """Who wrote what would be deployed. Of a commit without a pull request it may be whoever caused the run.

    Who starts a workflow by hand has written nothing by that; but a commit may name an author whom nobody knows.
    """
    logins = {login.casefold() for commit in gate.commits for login in commit.authors}
    direct = [commit for commit in gate.commits if not commit.pull]
    if any(event.kind in _CAUSED_BY_COMMITS or not commit.authors for commit in direct):
        logins.add(event.actor.login.casefold())
    return authors(gate.pulls) | logins


def _used_up(comment: ApprovalComment, gate: GateEvidence) -> str:
    """Why an approval has served already: what was taken back since has to be approved once more."""
    has_served = bool(gate.patch) and comment.created <= gate.patch_deployed
    return "what it approved was deployed by another commit since" if has_served else ""


def _refusal(
    comment: ApprovalComment, at: int, authors: Collection[str], hashes: Collection[str], max_hours: float
) -> str:
    """Why a comment does not count, "" when it does."""
    # All of them are compared, each in the same time: how near a guess comes is not to be seen.
    named = comment.hash.encode("utf-8", "surrogatepass")
    matches = [compare_digest(named, each.encode("ascii")) for each in hashes]
    is_bare = comment.kind == "override" and len(comment.reason.strip()) < MIN_REASON
    reasons = (
        (bool(comment.problem), comment.problem),
        (not any(matches), "it is of something else than what is decided on now"),
        (not comment.is_person or not comment.author, "it is not a person's"),
        # What is edited or too old comes first: nobody has asked what its author may do.
        (comment.edited, "it was edited after it was written"),
        (comment.created > at + _SKEW, "it is from the future"),
        (at - comment.created >= max_hours * 3600, f"it is older than {max_hours:g} hours"),
        (
            not comment.permission,
            f"GitHub was asked about {_MAX_PEOPLE} people, and not whether {comment.author} may write",
        ),
        (comment.permission not in WRITERS, f"{comment.author} has no write access"),
        (comment.author.casefold() in authors, f"{comment.author} is an author of the change"),
        (is_bare, f"an override needs a reason of {MIN_REASON} characters or more"),
    )
    return next((reason for applies, reason in reasons if applies), "")
