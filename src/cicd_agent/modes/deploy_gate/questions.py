"""What a model is asked about a deployment: what speaks against it that no rule can see."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from cicd_agent.agent.messages import Answer, Question
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.deploy_gate.claims import GateDraft, complain
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.exhibits import exhibits
from cicd_agent.settings.schema import Provider, Settings


def questions(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Sequence[Question[Any]]:
    """One question, once; none about a comment, or about what the gate does not decide on at all."""
    gate = evidence.get(GATE)
    if answers or gate is None or gate.request or gate.unserved or settings.provider is Provider.NONE:
        return ()
    shown = exhibits(evidence, settings)
    return (
        Question(
            name="deployment",
            instructions=prompt(),
            evidence=shown,
            draft=GateDraft,
            check=lambda draft: complain(draft, evidence, settings),
        ),
    )


def prompt() -> str:
    return files(__package__).joinpath("prompt.md").read_text("utf-8")
