"""The question that answers a person in a thread of ours, and the proof of the code that the answer rests on."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Annotated, Any

from pydantic import Field

from cicd_agent.agent.messages import Answer, Question
from cicd_agent.domain.effects import PostedComment
from cicd_agent.domain.events.event import Comment
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import DiffLine, FileDiff, Side
from cicd_agent.domain.text.quote import SHORTEST, Quotes, QuoteSpan, lines_with, shown
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.verdict import Backing, Draft
from cicd_agent.modes.shared.change_reader import changed, is_hidden, showable
from cicd_agent.modes.shared.diff_exhibits import gutter
from cicd_agent.settings.schema import Settings

MAX_ANSWER = 2_000
MAX_QUOTES = 5
MAX_QUOTE_LINES = 12

_AROUND = 40
"""Lines of the diff before and after the thread's that are shown."""
_WHOLE = 400
"""Lines of the diff that are shown when the thread's line is not in it any more."""
_EARLIER = 20
_MAX_COMMENT = 4_000
"""Comments of the thread before the one that is answered, and characters of each, that are shown."""
_DIFF = "E1"


class Quoted(Draft):
    """Code that the answer rests on."""

    exhibit: Annotated[str, Field(description="The exhibit that it is copied from: E1, or a look-up such as L1.")]
    quote: Annotated[str, Field(description="One to five lines, character for character, without the gutter.")]


class ReplyDraft(Draft):
    """The answer to a person."""

    answer: Annotated[str, Field(description="What to tell the person: plain text, at most six sentences.")]
    stands: Annotated[bool, Field(description="Whether the finding stands after what the person said.")]
    quotes: Annotated[tuple[Quoted, ...], Field(description="The code that shows it; empty when none is needed.")]


def exhibits(
    thread: Sequence[PostedComment], addressed: Comment, change: Change, settings: Settings
) -> tuple[Exhibit, ...]:
    earlier = [comment for comment in thread[1:] if comment.id < addressed.id][-_EARLIER:]
    return (
        Exhibit("T1", "the finding", _body(thread[0].body), priority=8),
        *(
            Exhibit(f"T{number}", f"said by {comment.author or 'somebody'}", _body(comment.body), priority=4)
            for number, comment in enumerate(earlier, 2)
        ),
        # As it was when its author's rights were looked at: it may have been edited by somebody else since.
        Exhibit(
            "Q", f"said by {addressed.author.login or 'somebody'}, to be answered", _body(addressed.body), priority=9
        ),
        *_code(addressed, change, settings),
    )


def question(evidence: Evidence, settings: Settings) -> Question[ReplyDraft]:
    house_rules = Exhibit("house-rules", "what this repository asks of reviews", settings.instructions, priority=1)
    change, comment = changed(evidence), evidence.event.comment
    path = comment.path if comment else ""
    return Question(
        name="reply",
        instructions=files(__package__).joinpath("reply.md").read_text("utf-8"),
        evidence=(*([house_rules] if settings.instructions else []), *evidence.exhibits),
        draft=ReplyDraft,
        check=lambda draft: complain(draft, change, path),
    )


def complain(draft: ReplyDraft, change: Change, path: str) -> str | None:
    """What to tell the model about its answer, None when it holds. Look-ups are compared afterwards, by `prove`."""
    wrong = [f"- {reason}" for _, reason in _judged(draft, change, path, None) if reason]
    if not draft.answer.strip():
        wrong.append("- `answer` is empty.")
    if not draft.stands and not draft.quotes:
        wrong.append("- `stands` is false, and no code is quoted that shows it.")
    return "\n".join(["This cannot be kept:", *wrong, "Answer again, whole."]) if wrong else None


def prove(
    draft: ReplyDraft, answer: Answer[Any], change: Change, path: str
) -> tuple[tuple[Backing, ...], tuple[str, ...]]:
    judged = tuple(_judged(draft, change, path, answer.lookups))
    return tuple(backing for backing, _ in judged if backing), tuple(reason for _, reason in judged if reason)


def _judged(
    draft: ReplyDraft, change: Change, path: str, lookups: Sequence[Exhibit] | None
) -> Iterator[tuple[Backing | None, str]]:
    file = next((file for file in change.files if path in {file.path, file.old_path}), None)
    for number, each in enumerate(draft.quotes, 1):
        name = clip(" ".join(each.exhibit.split()), 20)
        result = next((one for one in lookups or () if one.id == name), None)
        backing: Backing | str | None
        if number > MAX_QUOTES or each.quote.count("\n") >= MAX_QUOTE_LINES:
            backing = f"more than {MAX_QUOTES} quotes of {MAX_QUOTE_LINES} lines each"
        elif name == _DIFF:
            backing = _in_diff(each.quote, file)
        elif lookups is None:
            backing = None if name.startswith("L") else "there is no such exhibit of code"
        else:
            backing = _in_tool_result(each.quote, result) if result else "it was not looked up"
        yield (None, f"quote {number} of {name}: {backing}.") if isinstance(backing, str) else (backing, "")


def _in_diff(quote: str, file: FileDiff | None) -> Backing | str:
    if file is None:
        return "its file is not in the change"
    longer = False
    for side in (Side.RIGHT, Side.LEFT):
        location = Quotes(file, side).locate(quote, 0)
        if isinstance(location, QuoteSpan):
            return Backing(f"{file.path}:{location.last}", shown(location.text))
        longer |= location.longer
    return "it stands at several places, quote more" if longer else "it is not in the diff"


def _in_tool_result(quote: str, result: Exhibit) -> Backing | str:
    if max(map(len, quote.split("\n"))) < SHORTEST:
        return "it quotes no code"
    if lines_with(result.text.split("\n"), quote):
        return Backing(result.source, shown(quote.strip("\n")))
    return "it is not in what was looked up"


def _code(addressed: Comment, change: Change, settings: Settings) -> Iterator[Exhibit]:
    """The diff around the thread's line, or all of the file's and what the thread was about; nothing that is hidden."""
    file = next((file for file in showable(change, settings) if addressed.path in {file.path, file.old_path}), None)
    at = None
    if file is not None:
        lines = list(file.lines)
        at = next((index for index, line in enumerate(lines) if _is_at(line, addressed)), None)
        part = lines[:_WHOLE] if at is None else lines[max(at - _AROUND, 0) : at + _AROUND + 1]
        text = "\n".join(line.text.rstrip("\r") for line in part)
        yield Exhibit(_DIFF, file.path, text, priority=7, gutter=tuple(map(gutter, part)))
    if at is None and addressed.diff_hunk and not is_hidden(addressed.path, change, settings):
        yield Exhibit("D1", f"{addressed.path} when the thread began", addressed.diff_hunk[-_MAX_COMMENT:], priority=5)


def _is_at(line: DiffLine, addressed: Comment) -> bool:
    number = line.old if addressed.side == Side.LEFT else line.new
    return addressed.line > 0 and number == addressed.line


def _body(text: str) -> str:
    if text.startswith("<!-- cicd-agent:"):
        text = text.partition("\n")[2]
    return text[:_MAX_COMMENT]
