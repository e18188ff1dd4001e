"""Records what a gate decided in GitHub's own terms: one deployment of a commit, and the status that it has."""

from dataclasses import dataclass, field

from cicd_agent.adapters.github.channel import ACTIONS
from cicd_agent.adapters.performers.comments import Conversation
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Deployment, Output, Receipt, ReceiptState
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
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
