"""Which of a model's objections are proved: those whose quote stands in what it was shown."""

from collections.abc import Iterator

from cicd_agent.core.evidence import Evidence
from cicd_agent.core.gated import Objection
from cicd_agent.core.quote import SHORTEST, shown
from cicd_agent.modes.deploy_gate.draft import GateDraft


def prove(draft: GateDraft, evidence: Evidence) -> tuple[tuple[Objection, ...], tuple[str, ...]]:
    """The objections that stand, and those that do not, each with the reason."""
    texts = [" ".join(text.split()) for text in _texts(evidence)]
    standing: list[Objection] = []
    dropped: list[str] = []
    for each in draft.objections:
        quote = " ".join(each.quote.split())
        if len(quote) >= SHORTEST and any(quote in text for text in texts):
            standing.append(Objection(each.text, each.quote, each.source))
        else:
            dropped.append(f"{each.text}: its quote is in nothing that was shown")
    return tuple(standing), tuple(dropped)


def _texts(evidence: Evidence) -> Iterator[str]:
    for exhibit in evidence.exhibits:
        yield exhibit.text
    if evidence.change is not None:
        for file in evidence.change.files:
            for line in file.lines:
                yield line.text
                yield shown(line.text)
