"""The facts of a decision that later runs may use."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from cicd_agent.app.decision import Decision
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.repository.change import ChangeSource
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.protocol import Mode

MAX_VALUE: Final = 500
"""Characters of a value."""


def extract_facts(
    mode: Mode[Any], decision: Decision, outputs: Mapping[str, str], repository: str, *, event_id: str, at: int
) -> tuple[Fact, ...]:
    """The facts of a run that came to a result: none of one that declined, or that is about uncommitted work.

    `outputs` are its step outputs. Values are as they were found: whoever stores them redacts them.
    """
    evidence = decision.evidence
    if decision.declined or evidence is None or decision.judgement is None or not repository:
        return ()
    if evidence.change is not None and evidence.change.source is ChangeSource.WORKTREE:
        return ()
    return tuple(
        replace(
            fact,
            repository=repository,
            at=at,
            mode=decision.mode,
            event_id=event_id,
            values={name: clip(value, MAX_VALUE) for name, value in fact.values.items() if value},
        )
        for fact in mode.facts(decision.judgement, evidence, outputs)
        if fact.subject and any(fact.values.values())
    )
