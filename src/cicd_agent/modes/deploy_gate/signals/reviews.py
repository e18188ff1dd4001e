"""What people said of what would be deployed, as a number: approvals that count, and whoever asked for changes."""

from collections.abc import Iterator
from dataclasses import replace

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.gate_evidence import GateEvidence, Match, OriginPull, Reading, ReviewState, State
from cicd_agent.domain.text.words import count
from cicd_agent.modes.deploy_gate.signals.deployed import known

OBJECTED = 0.5
"""The most that a review is worth where a program asks for changes: it counts against, and never for."""

_SOURCE = "the reviews of the pull requests"


def review(gate: GateEvidence, event: Event) -> Reading:
    """The reading `review` with its value: 1 when each commit comes from a pull request with an approval that counts.

    A person who asks for changes makes it 0. Where some commits are approved it is their share.
    """
    reading = gate.reading("review")
    if reading.state not in {State.KNOWN, State.MISSING}:
        return reading
    reading = replace(reading, source=reading.source or _SOURCE)
    if not gate.commits and (before := known(gate, event)):
        return replace(reading, state=State.KNOWN, value=1.0, words=before)
    if reading.state is State.MISSING or not any(commit.pull for commit in gate.commits):
        missing = reading.problem or "it comes from no pull request"
        return replace(reading, state=State.MISSING, value=None, problem=missing)
    pulls = {pull.number: pull for pull in gate.pulls}
    approved = [
        commit
        for commit in gate.commits
        if commit.match is not Match.NONE and commit.pull in pulls and any(approvals(pulls[commit.pull]))
    ]
    value = len(approved) / len(gate.commits)
    against = [each for pull in _deployed(gate) for each in pull.reviews if each.state == "CHANGES_REQUESTED"]
    people = [each for each in against if each.is_person and not each.is_ours]
    if people:
        value = 0.0
    elif against:
        value = min(value, OBJECTED)
    return replace(reading, state=State.KNOWN, value=value, words=_words(gate, len(approved), against))


def match(gate: GateEvidence, event: Event) -> Match:
    if not gate.commits:
        return Match.EXACT if known(gate, event) else Match.NONE
    return max((commit.match for commit in gate.commits), key=list(Match).index)


def approvals(pull: OriginPull) -> Iterator[ReviewState]:
    """The approvals that count: of the last commit, by people with write access who did not write it.

    Where not all are known who did, none counts.
    """
    if pull.cut:
        return
    authors = {login.casefold() for login in (pull.author, *pull.authors)}
    for each in pull.reviews:
        if each.state != "APPROVED" or not each.is_person or each.is_ours or not each.can_write:
            continue
        if each.author and each.author.casefold() not in authors and pull.head and each.commit == pull.head:
            yield each


def _deployed(gate: GateEvidence) -> Iterator[OriginPull]:
    numbers = {commit.pull for commit in gate.commits}
    return (pull for pull in gate.pulls if pull.number in numbers)


def _words(gate: GateEvidence, approved: int, against: list[ReviewState]) -> str:
    people = {each.author.casefold() for pull in _deployed(gate) for each in approvals(pull)}
    told = [f"approved by {len(people)}" if people else "approved by nobody"]
    if people and approved < len(gate.commits):
        told = [f"{approved} of {count(len(gate.commits), 'commit')} approved"]
    if any(each.is_person and not each.is_ours for each in against):
        told.append("changes requested")
    if any(each.is_ours for each in against):
        told.append("ours asks for changes")
    elif any(not each.is_person for each in against):
        told.append("a program asks for changes")
    return ", ".join(told)
