"""The small question: whether the pull request's own words say something else than its code does."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Annotated, Any

from pydantic import Field

from cicd_agent.agent.turns import Answer, Draft, Question, Tier
from cicd_agent.core.change import Change
from cicd_agent.core.event import Event
from cicd_agent.core.evidence import Exhibit
from cicd_agent.core.text import visible

MOST = 5
"""More contradictions than these tell a reader nothing new."""

_BODY = 8_000
_FILES = 300
_LONGEST = 300
"""Characters of a claim, and of what is said against it, that are shown."""


class Contradiction(Draft):
    """One thing that is said of the change and is not so."""

    claim: Annotated[str, Field(description="A few words of the title or the body, copied character for character.")]
    but: Annotated[str, Field(description="What the change does instead, as one clause: `the change also …`.")]
    path: Annotated[str, Field(description="A file of the list that shows it, exactly as it is given.")]


class DescriptionDraft(Draft):
    """The answer to the question that compares words with code."""

    contradictions: Annotated[tuple[Contradiction, ...], Field(description="Empty when the words fit, as most do.")]


def question(event: Event, change: Change, summaries: Sequence[str]) -> Question[DescriptionDraft] | None:
    """What is asked about a pull request that describes itself; None about everything else."""
    pull = event.pull
    if pull is None or not pull.title.strip() or not pull.body.strip():
        return None
    return Question(
        name="description",
        instructions=files(__package__).joinpath("describe.md").read_text("utf-8"),
        evidence=(
            Exhibit("title", "the pull request's title", pull.title, priority=2),
            Exhibit("files", "the files of the change", "\n".join(_listed(change)), priority=1),
            Exhibit("summary", "what a reviewer read from the code alone", "\n".join(summaries), priority=2),
            Exhibit("body", "the pull request's description", pull.body[:_BODY], priority=2),
        ),
        draft=DescriptionDraft,
        check=lambda _: None,
        tier=Tier.FAST,
        optional=True,
    )


def contradictions(answers: Sequence[Answer[Any]], event: Event, change: Change) -> tuple[str, ...]:
    """One sentence for each contradiction whose words stand in the title or body and whose file is in the change."""
    drafts = [answer.draft for answer in answers if isinstance(answer.draft, DescriptionDraft)]
    told = (_sentence(each, event, change) for draft in drafts for each in draft.contradictions)
    return tuple(dict.fromkeys(filter(None, told)))[:MOST]


def _sentence(said: Contradiction, event: Event, change: Change) -> str:
    claim, but = _folded(said.claim), _folded(said.but).rstrip(".")
    paths = {path for file in change.files for path in (file.path, file.old_path)}
    if event.pull is None or not claim or not but or said.path not in paths:
        return ""
    for name, text in (("title", event.pull.title), ("description", event.pull.body)):
        # What was shown had its hidden characters spelt out, and may be quoted so.
        if claim in _folded(text) or claim in _folded(visible(text)):
            return f"The {name} says “{_clipped(claim)}”; {_clipped(but)} ({said.path})."
    return ""


def _listed(change: Change) -> Iterator[str]:
    for file in change.files[:_FILES]:
        moved = f" from {file.old_path}" if file.old_path != file.path else ""
        yield f"{file.kind} {file.path}{moved}: +{sum(1 for _ in file.added)} -{sum(1 for _ in file.deleted)}"
    if len(change.files) > _FILES:
        yield f"and {len(change.files) - _FILES} more"


def _folded(text: str) -> str:
    return " ".join(text.split())


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
