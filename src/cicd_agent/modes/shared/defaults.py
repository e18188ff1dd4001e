"""What a mode does that tries nothing out, hands nothing over and remembers nothing: the steps that it leaves out."""

from collections.abc import Callable, Sequence
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes import World
from cicd_agent.settings.schema import Settings


class TriesNothing:
    """Its result is proved by what was read."""

    def experiment(
        self,
        _answers: Sequence[Answer[Any]],
        evidence: Evidence,
        _world: World,
        _settings: Settings,
        _progress: Callable[[str], None],
        *,
        last: bool,  # noqa: ARG002  a step of the mode
    ) -> Evidence:
        """The evidence as it is."""
        return evidence

    def hand_over(self, _answers: Sequence[Answer[Any]], _evidence: Evidence) -> Evidence | None:
        """Nothing: nobody else has to do anything about the answers."""
        return None

    def remember(self, _answers: Sequence[Answer[Any]], _evidence: Evidence, _settings: Settings) -> Sequence[str]:
        """Nothing: each run goes by what is true when it is made."""
        return ()
