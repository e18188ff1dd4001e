"""The small question: whether the pull request's own words say something else than its code does."""

from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Annotated, Any

from pydantic import Field

from cicd_agent.agent.messages import Answer, Question, Tier
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.domain.text.visible import visible
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Draft

MAX_CONTRADICTIONS = 5
"""More contradictions than these tell a reader nothing new."""

_BODY = 8_000
_FILES = 30
_FOLDERS = 12
"""Files that are listed, the largest, and folders in which the others are counted."""
_COMMITS = 30
_MESSAGE = 600
_MAX_CLAIM = 300
"""Characters of a claim, and of what is said against it, that are shown."""


class Contradiction(Draft):
    """One thing that is said of the change and is not so."""

    claim: str
    but: Annotated[str, Field(description="`the change also …`")]
    path: str


class DescriptionDraft(Draft):
    """The answer to the question that compares words with code."""

    contradictions: tuple[Contradiction, ...]


def question(event: Event, change: Change, summaries: Sequence[str]) -> Question[DescriptionDraft] | None:
    pull = event.pull
    if pull is None or not pull.title.strip() or not pull.body.strip():
        return None
    return Question(
        name="description",
        instructions=files(__package__).joinpath("description_check.md").read_text("utf-8"),
        evidence=(
            Exhibit("title", "the pull request's title", pull.title, priority=2),
            Exhibit("files", "the files of the change", "\n".join(_listed(change)), priority=1),
            Exhibit("summary", "what a reviewer read from the code alone", "\n".join(summaries), priority=2),
            Exhibit("body", "the pull request's description", pull.body[:_BODY], priority=2),
            *_commits(change),
        ),
        draft=DescriptionDraft,
        check=lambda _: None,
        tier=Tier.FAST,
        optional=True,
        looks=False,
    )


def contradictions(answers: Sequence[Answer[Any]], event: Event, change: Change) -> tuple[str, ...]:
    """One sentence for each contradiction whose words stand in what the author says, and whose file in the change."""
    drafts = [answer.draft for answer in answers if isinstance(answer.draft, DescriptionDraft)]
    sentences = (_sentence(each, event, change) for draft in drafts for each in draft.contradictions)
    return tuple(dict.fromkeys(filter(None, sentences)))[:MAX_CONTRADICTIONS]


def _sentence(contradiction: Contradiction, event: Event, change: Change) -> str:
    claim, but = " ".join(contradiction.claim.split()), " ".join(contradiction.but.split()).rstrip(".")
    paths = {path for file in change.files for path in (file.path, file.old_path)}
    if event.pull is None or not claim or not but or contradiction.path not in paths:
        return ""
    messages = "\n\n".join(_message(each) for each in change.commits[:_COMMITS])
    for name, text in (("title", event.pull.title), ("description", event.pull.body), ("commit message", messages)):
        # What was shown had its hidden characters spelt out, and may be quoted so.
        if any(claim in " ".join(each.split()) for each in (text, visible(text))):
            return f"The {name} says “{clip(claim, _MAX_CLAIM)}”; {clip(but, _MAX_CLAIM)} ({contradiction.path})."
    return ""


def _listed(change: Change) -> Iterator[str]:
    sizes = {file.path: file.added_count + file.deleted_count for file in change.files}
    listed = set(sorted(sizes, key=lambda path: -sizes[path])[:_FILES])
    others: Counter[str] = Counter()
    for file in change.files:
        if file.path in listed:
            moved = f" from {file.old_path}" if file.old_path != file.path else ""
            yield f"{file.kind} {file.path}{moved}: +{file.added_count} -{file.deleted_count}"
        else:
            others[f"{file.kind} in {file.path.rpartition('/')[0]}/"] += 1
    folders = others.most_common()
    yield from (f"{count(number, 'smaller file')} {where}" for where, number in folders[:_FOLDERS])
    if rest := sum(number for _, number in folders[_FOLDERS:]):
        yield f"and {count(rest, 'more file')}"


def _commits(change: Change) -> Iterator[Exhibit]:
    """What the commits say of themselves, where that can be more than the title: one commit's subject is the title."""
    messages = [_message(each) for each in change.commits[:_COMMITS]]
    if len(messages) > 1 or any("\n" in each for each in messages):
        if more := len(change.commits) - len(messages):
            messages.append(f"and {more} more")
        yield Exhibit("commits", "the messages of its commits", "\n\n".join(messages))


def _message(commit: Commit) -> str:
    body = commit.body.strip()
    return clip(f"{commit.subject}\n{body}" if body else commit.subject, _MESSAGE)
