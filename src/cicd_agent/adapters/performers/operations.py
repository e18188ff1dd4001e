"""Records what a gate decided in GitHub's own terms: one deployment of a commit, and the status that it has."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cicd_agent.adapters.github.channel import ACTIONS
from cicd_agent.adapters.performers.comments import Conversation
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Deployment, Output, Receipt, ReceiptState, Rerun, ReviewRequest
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import code
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.errors import ForgeRefused

MAX_DESCRIPTION = 140
"""Characters that GitHub takes of a status's description."""
CONFLICT = 409
NOT_BEGUN = frozenset({"", "queued"})
"""States in which nobody has begun with a deployment; it has none when the run that created it ended there."""
OPEN = NOT_BEGUN | {"pending", "waiting", "in_progress"}


@dataclass
class DeploymentPerformer:
    """Carries out deployments for the event of a conversation, as far as `grant` goes. `outputs` name them."""

    conversation: Conversation
    grant: EffectPolicy
    outputs: list[Output] = field(default_factory=list, init=False)
    _done: bool = field(default=False, init=False)

    def record(self, effect: Deployment) -> Receipt:
        """Add the status to the deployment that stands, or create one where there is none that waits."""
        conversation = self.conversation
        reason = self._not_permitted(effect) or _misdirected(effect, conversation.event)
        if not reason:
            if self._done:
                return conversation.record(effect, ReceiptState.SKIPPED, "one deployment is recorded already")
            if effect.state == "queued" and self.grant.withheld:
                # To whoever listens for deployments this is a yes.
                return conversation.record(
                    effect, ReceiptState.SKIPPED, f"nothing is let through: {self.grant.withheld}"
                )

        def act(forge: Forge) -> Receipt:
            self._done = True
            try:
                if effect.id:
                    return self._tell(forge, effect, PastDeployment(effect.id, effect.commit, "", 0))
                return self._begin(forge, effect)
            except ForgeRefused as refusal:
                if refusal.status != CONFLICT:
                    raise
                # The repository has something against this deployment: that is no outage.
                return Receipt(effect.key, effect.kind, ReceiptState.DEGRADED, str(refusal))

        return conversation.attempt(effect, reason, act)

    def _begin(self, forge: Forge, effect: Deployment) -> Receipt:
        """Only what goes ahead is created: those who listen for deployments hear of it before it has a status."""
        standing = _waiting(forge, effect)
        if standing is None and effect.state != "queued":
            why = "no deployment of this commit waits, and a hold creates none"
            return Receipt(effect.key, effect.kind, ReceiptState.SKIPPED, why)
        if standing is not None and (standing.state == effect.state or standing.state not in NOT_BEGUN):
            self._name(effect, standing)
            state = ReceiptState.UNCHANGED if effect.state == "queued" else ReceiptState.SKIPPED
            detail = f"deployment {standing.id} is {standing.state} already"
            return Receipt(effect.key, effect.kind, state, detail, standing.url)
        if standing is None:
            self._intend(effect, f"create, {effect.state}")
            standing = forge.gates.deploy(effect.commit, effect.environment, self._description(effect))
        return self._tell(forge, effect, standing)

    def _tell(self, forge: Forge, effect: Deployment, standing: PastDeployment) -> Receipt:
        self._name(effect, standing)
        self._intend(effect, f"deployment {standing.id}: {effect.state}")
        url = self.conversation.event.run_url
        forge.gates.tell_deployment(standing.id, effect.state, self._description(effect), url)
        return Receipt(effect.key, effect.kind, ReceiptState.DONE, f"deployment {standing.id}", standing.url)

    def _not_permitted(self, effect: Deployment) -> str:
        """Why nobody wants it: the plan may come from a file that others can write."""
        if not self.grant.deployment:
            return "this job does not ask for deployments to be recorded"
        if effect.environment != self.grant.deployment:
            return f"it names environment {effect.environment}, this job's is {self.grant.deployment}"
        commit = self.grant.commit or self.conversation.event.sha
        if not commit or effect.commit != commit:
            return f"it names commit {effect.commit}, this job decides on {commit or 'none'}"
        return ""

    def _name(self, effect: Deployment, standing: PastDeployment) -> None:
        if effect.output:
            self.outputs.append(Output(f"{effect.key}-number", effect.output, str(standing.id)))

    def _intend(self, effect: Deployment, detail: str) -> None:
        given = {"environment": effect.environment, "commit": effect.commit, "detail": detail}
        self.conversation.journal.intend(effect.key, effect.kind, given)

    def _description(self, effect: Deployment) -> str:
        text = self.conversation.redact(" ".join(effect.description.split()))
        return clip(visible_line(text), MAX_DESCRIPTION)


def _misdirected(effect: Deployment, event: Event) -> str:
    """Why a deployment that is named is not the event's."""
    about = event.deployment
    if not effect.id:
        return ""
    if about is None or about.id != effect.id:
        return f"it names deployment {effect.id}, the event is about {f'deployment {about.id}' if about else 'none'}"
    if (about.environment, about.sha) != (effect.environment, effect.commit):
        return f"deployment {about.id} is one of {about.sha[:7]} to {about.environment}"
    return ""


def _waiting(forge: Forge, effect: Deployment) -> PastDeployment | None:
    """The newest deployment of the environment if it is ours, of this commit, and has not ended."""
    newest = next(iter(forge.gates.deployments(effect.environment, 1)), None)
    if newest is None or newest.sha != effect.commit or newest.state not in OPEN:
        return None
    return newest if _plain(newest.creator) == _plain(forge.commits.login or ACTIONS) else None


def _plain(login: str) -> str:
    return login.removesuffix("[bot]").casefold()


MAX_ATTEMPTS = 20
"""Attempts after which approvals start a run no more."""


@dataclass
class RerunPerformer:
    """Carries out reruns for the event of a conversation, as far as `grant` goes."""

    conversation: Conversation
    grant: EffectPolicy
    _done: bool = field(default=False, init=False)

    def rerun(self, effect: Rerun) -> Receipt:
        """Run the failed jobs again, unless that was done before, by us or by anybody."""
        conversation = self.conversation
        if reason := self._not_permitted(effect):
            return conversation.record(effect, ReceiptState.SKIPPED, reason)

        def again(forge: Forge) -> Receipt:
            now = forge.runs.run(effect.run)
            if reason := _undecided(effect, now, conversation.event) or _unfit(effect, now):
                return Receipt(effect.key, effect.kind, ReceiptState.SKIPPED, reason)
            detail = {"run": str(effect.run), "detail": effect.reason}
            conversation.journal.intend(effect.key, effect.kind, detail)
            # Whatever becomes of the request: it may have been carried out.
            self._done = True
            forge.runs.rerun(effect.run)
            return Receipt(effect.key, effect.kind, ReceiptState.DONE, "its failed jobs are run again")

        return conversation.attempt(effect, _misdirected(effect, conversation.event), again)

    def _not_permitted(self, effect: Rerun) -> str:
        """Why nobody wants it, or not now."""
        if effect.reason not in self.grant.reruns:
            return f"this job does not let anything be run again for the reason `{effect.reason}`"
        kind = self.conversation.event.kind
        if effect.reason == "approval":
            if kind is not EventKind.ISSUE_COMMENT:
                return "an approval is a comment: that takes an `issue_comment` event"
        elif kind is not EventKind.WORKFLOW_RUN:
            return "a run that goes on cannot be run again: that takes a `workflow_run` event"
        elif effect.attempt != 1:
            return f"it was run again before: this was attempt {effect.attempt}"
        return "one run is run again already" if self._done else ""


def _misdirected(effect: Rerun, event: Event) -> str:
    """Why the run is not the event's: the plan may come from a file that others can write.

    A comment has no run of its own; which one it is about the mode has found out, and only its own plan counts.
    """
    if effect.reason == "approval":
        return ""
    run = event.run
    if run is None or run.id != effect.run or run.attempt != effect.attempt:
        about = f"run {run.id}, attempt {run.attempt}" if run else "no run"
        return f"it names run {effect.run}, attempt {effect.attempt}, the event is about {about}"
    return ""


def _unfit(effect: Rerun, now: RunState) -> str:
    """Why the run as it is now is not run again."""
    if now.attempt != 1 and effect.reason != "approval":
        return f"it was run again before: there is attempt {now.attempt}"
    if now.id != effect.run or now.status != "completed":
        return "it has not ended yet"
    return "it has passed" if now.conclusion == "success" else ""


def _undecided(effect: Rerun, now: RunState, event: Event) -> str:
    """Why a person's approval does not start the run as it is now."""
    if effect.reason != "approval":
        return ""
    if not now.repo or now.repo.casefold() != event.repo.casefold():
        return "it is a run of another repository"
    if now.attempt != effect.attempt:
        return f"the approval is of attempt {effect.attempt}, there is attempt {now.attempt}"
    return f"it has had {now.attempt} attempts" if now.attempt >= MAX_ATTEMPTS else ""


MAX_REVIEWERS = 15
"""Reviewers that GitHub lets a pull request have."""

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_TEAM = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,99})/([A-Za-z0-9][A-Za-z0-9_.-]{0,99})")


@dataclass(frozen=True, slots=True)
class _Reviewers:
    """Logins, slugs of teams of the repository's owner, and the names that are neither."""

    people: tuple[str, ...]
    teams: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReviewRequestPerformer:
    """Carries out review requests for the event of a conversation, as far as `grant` goes."""

    conversation: Conversation
    grant: EffectPolicy

    def request(self, effect: ReviewRequest) -> Receipt:
        """Ask them; who was asked before is not asked twice, which is GitHub's own doing."""
        conversation = self.conversation
        reviewers = _classify(effect.reviewers, conversation.event.repo.partition("/")[0])

        def act(forge: Forge) -> Receipt:
            # One of them whom GitHub does not take, and nobody is asked; the author is the likely one.
            author = forge.pull(effect.pull).pull.author.login.casefold()
            people = tuple(login for login in reviewers.people if login.casefold() != author)
            if not (people or reviewers.teams):
                why = "nobody is left to ask but the author" if reviewers.people else "nobody is left to ask"
                return Receipt(effect.key, effect.kind, ReceiptState.DEGRADED, f"{why}{_without(reviewers)}")
            detail = f"{count(len(people), 'account')} and {count(len(reviewers.teams), 'team')} asked"
            conversation.journal.intend(effect.key, effect.kind, {"pull": str(effect.pull), "detail": detail})
            forge.gates.ask_for_review(effect.pull, people, reviewers.teams)
            state = ReceiptState.DEGRADED if reviewers.unknown else ReceiptState.DONE
            return Receipt(effect.key, effect.kind, state, f"{detail}{_without(reviewers)}")

        return conversation.attempt(effect, self._objection(effect), act)

    def _objection(self, effect: ReviewRequest) -> str:
        """Why nobody wants it. A push knows no pull request: then it is one of those that it brings."""
        if not self.grant.reviewers:
            return "this job does not ask anybody for a review"
        if unknown := set(effect.reviewers) - self.grant.reviewers:
            return f"this job does not ask {', '.join(code(visible_line(name)) for name in sorted(unknown))}"
        about = self.conversation.event.pull
        if effect.pull not in ({about.number} if about else self.grant.pulls):
            target = f"pull request {about.number}" if about else "no pull request and brings none of that number"
            return f"it names pull request {effect.pull}, the event is about {target}"
        return f"more than {MAX_REVIEWERS} reviewers" if len(effect.reviewers) > MAX_REVIEWERS else ""


def _classify(names: Iterable[str], owner: str) -> _Reviewers:
    people, teams, unknown = [], [], []
    for name in dict.fromkeys(names):
        plain = name.strip().removeprefix("@")
        team = _TEAM.fullmatch(plain)
        if _LOGIN.fullmatch(plain):
            people.append(plain)
        elif team and team[1].casefold() == owner.casefold():
            teams.append(team[2])
        else:
            unknown.append(name)
    return _Reviewers(tuple(people), tuple(teams), tuple(unknown))


def _without(reviewers: _Reviewers) -> str:
    names = ", ".join(code(visible_line(name)) for name in reviewers.unknown)
    return f"; neither an account nor a team of this repository's owner: {names}" if names else ""
