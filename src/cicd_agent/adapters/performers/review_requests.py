"""Asks the people and teams that this job's own settings name to look at what is to be deployed, and nobody else."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cicd_agent.adapters.performers.comments import Conversation
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Receipt, ReceiptState, ReviewRequest
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import code
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count

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
