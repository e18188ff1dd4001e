"""Our own requests for an approval in a conversation: the run that each holds, and the hash that lifts it.

An order without a hash, or with the beginning of one, is about the request that its author had before them. Both the
run that answers it and the one that is started again find that out here, from the same comments and in the same way.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cicd_agent.domain.effects import PostedComment
from cicd_agent.domain.events.comment_markers import is_ours
from cicd_agent.domain.events.deploy_comment import SHORT_HASH
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.gate_evidence import ApprovalComment
from cicd_agent.domain.text.markdown import find_marker
from cicd_agent.domain.text.words import clip, first_names
from cicd_agent.modes.deploy_gate.score import HASH_DIGITS

KEY = "deploy-gate"
"""Begins the key of what stands about a hold; the environment follows."""
MARKER = f"<!-- cicd-agent:{KEY}/"
ARTICLES = {"approve": "an approval", "override": "an override"}
_KINDS: dict[str, Literal["approve", "override"]] = {"approval": "approve", "override": "override"}
_MAX_NAMED = 10


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """A held deployment that we have asked about: its run, and which order with which hash lifts it."""

    environment: str
    run: int
    kind: Literal["approve", "override"]
    hash: str

    @property
    def order(self) -> str:
        reason = " REASON" if self.kind == "override" else ""
        return f"`/{self.kind}-deploy {self.hash}{reason}` ({self.environment})"


def held_requests(posted: Sequence[PostedComment], event: Event) -> tuple[HeldRequest, ...]:
    """The requests that stand, in the order of the comments.

    The run and the hash are in a line of their own, the last of its kind: what we quote of others stands inside of our
    lines.
    """
    address = re.escape(f"{event.server}/{event.repo}/actions/runs/")
    line = re.compile(
        rf"^Held run: \[run [0-9.]{{1,30}}\]\({address}([0-9]{{1,19}})\), lifted by an (approval|override) of "
        rf"`([0-9a-f]{{{HASH_DIGITS}}})`\r?$",
        re.IGNORECASE | re.MULTILINE,
    )
    requests = []
    for each in posted:
        marker = find_marker(each.body)
        if is_ours(each) and marker.startswith(MARKER) and (found := line.findall(each.body)):
            run, kind, hash_ = found[-1]
            environment = marker.removeprefix(MARKER).removesuffix(" -->")
            requests.append(HeldRequest(environment, int(run), _KINDS[kind.lower()], hash_.lower()))
    return tuple(requests)


def is_full(hash_: str) -> bool:
    return len(hash_) >= HASH_DIGITS and SHORT_HASH.fullmatch(hash_) is not None


def complete(order: ApprovalComment, posted: Sequence[PostedComment], event: Event) -> ApprovalComment:
    """The order with the hash that it names in full, or with the problem for which that is not known.

    `posted` are our comments in its conversation. What was written or changed since the order, nobody had seen who gave
    it: then it names nothing.
    """
    if is_full(order.hash):
        return order
    if order.hash and not SHORT_HASH.fullmatch(order.hash):
        return replace(order, problem=f"`{clip(order.hash, 40)}` is no hash, nor the first 8 digits of one or more")
    if not order.hash and order.kind == "override":
        return replace(order, problem="an override names its hash")
    ours = [each for each in posted if is_ours(each) and find_marker(each.body).startswith(MARKER)]
    earlier = [each for each in ours if each.created < order.created]
    if any(each.updated >= order.created for each in earlier):
        return replace(order, problem="a request of ours has changed since: only the whole hash says what it means")
    held = [each for each in held_requests(earlier, event) if each.hash.startswith(order.hash)]
    if len({each.hash for each in held}) == 1:
        return replace(order, hash=held[0].hash)
    which = f"with a hash that begins with {order.hash}" if order.hash else ""
    if not held:
        problem = f"no held deployment {which} had been asked about here before it"
    else:
        problem = f"{len(held)} held deployments {which or 'are asked about here'}"
    return replace(order, problem=" ".join(problem.split()))


def describe(requests: Sequence[HeldRequest]) -> str:
    """What can be ordered here."""
    if not requests:
        return "nothing is held here now"
    return f"held here: {first_names([each.order for each in requests], _MAX_NAMED)}"
