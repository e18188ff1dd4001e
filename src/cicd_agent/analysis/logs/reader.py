"""From raw bytes to the lines that a terminal would show, one at a time, however long a log or a line of it is."""

import calendar
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cicd_agent.domain.text.visible import visible

MAX_LINE = 4_000
"""Characters of a line that anything after this module sees. Lines that people point at are shorter than 3,000."""

MAX_SEARCHED = 1_000
"""Characters of a line on which patterns are tried: what matters stands at its beginning."""

_MAX_HEAD = 4 * MAX_LINE
"""Bytes of a raw line that are held: escapes and what was overwritten may take the most of them."""
_MAX_TAIL = 2 * MAX_LINE
"""Bytes at the end of a longer line that are held as well, when something in it was overwritten."""
_MAX_SEGMENTS = 16
"""Of what was written over one another on a line, the last so many decide what a terminal shows."""

_TIME = re.compile(r"(20\d\d-(?:0[1-9]|1[0-2])-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z ?")
# `gh run view --log` puts job and step before the time.
_PREFIX = re.compile("[^\t\n]{1,200}\t([^\t\n]{1,200})\t\ufeff?(?=\\d{4}-\\d\\d-\\d\\dT)")
_ERASE = re.compile(r"\x1b\[[012]?K")
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)?|[ -/]{1,4}[0-~]|[0-Z\\^-~])?"
)
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_MAX_NAME = 120
_GROUP = re.compile(r"(?:##\[group\]|::group::)(.{0,200})")
_MIN_LINES = 4
"""Lines that tell how those of a log end."""
_GROUP_MARKS = frozenset({"##", "::"})
_STEP_GROUP = re.compile(r"Run |Post |Pre |Complete |Set up job|Initialize containers|Stop containers|Build container")
_FOLD = re.compile(r"travis_fold:(start|end):([\w.:-]{1,80})")
_TIMER = re.compile(r"travis_time:(start|end):[\w:=,-]{0,200}")
_SHELL = re.compile(r"\$ (?=\S)")


@dataclass(frozen=True, slots=True)
class StepSpan:
    """A step of a job as the API tells it. Times are in seconds since 1970, 0 when it did not begin or end."""

    name: str
    started: float = 0.0
    ended: float = 0.0
    failed: bool = False


class StepTracker:
    """Follows a job through its steps.

    A step's time says when it began to the second, its group on which line: before that it is the step before.
    """

    def __init__(self, spans: Sequence[StepSpan]) -> None:
        self._spans = tuple(sorted((span for span in spans if span.started), key=lambda span: span.started))
        self._by_time = -1
        self._name = self._fold = ""

    def step_of(self, text: str, time: float | None, marked: str) -> str:
        """The step of this line, "" outside of all; `marked` is the line with the marks of Travis, "" without any."""
        group = _GROUP.match(text) if text[:2] in _GROUP_MARKS else None
        starts = group is not None and _STEP_GROUP.match(group[1]) is not None
        opened = self._opened(marked, text) if marked else None
        if self._spans and time is not None:
            self._follow(time, starts=starts)
        if self._by_time >= 0:
            return self._spans[self._by_time].name
        if starts and group:
            self._name = group[1].strip()[:_MAX_NAME]
        elif opened is not None:
            self._name = opened[:_MAX_NAME]
        return self._name

    def _follow(self, time: float, *, starts: bool) -> None:
        following = self._by_time + 1
        while following < len(self._spans) and time >= self._spans[following].started:
            current = self._spans[self._by_time] if self._by_time >= 0 else None
            # Within the second that both share, only the group tells them apart.
            if current and not starts and time < current.ended + 1:
                return
            self._by_time, starts = following, False
            following += 1

    def _opened(self, marked: str, text: str) -> str | None:
        """The command or fold of Travis that begins on this line, "" when one ends, None when nothing does."""
        changed = None
        for fold in _FOLD.finditer(marked):
            self._fold = changed = fold[2] if fold[1] == "start" else ""
        if _SHELL.match(text):
            return text
        return self._fold if changed is None and "travis_time:start" in marked else changed


class Line(NamedTuple):
    """A line as a terminal shows it, without its `time` (in seconds since 1970); `number` is 1-based in the raw log.

    `step` is the job's step or the command that wrote it; `cut`: characters beyond MAX_LINE are missing.
    A tuple, since logs have millions of them.
    """

    number: int
    text: str
    step: str = ""
    time: float | None = None
    cut: bool = False


def read(chunks: Iterable[bytes], *, steps: Sequence[StepSpan] = ()) -> Iterator[Line]:
    """The lines of a log that comes in pieces of any size, of which no more is held than one line as it is shown."""
    tracker, step = StepTracker(steps), ""
    for number, (raw, incomplete) in enumerate(_raw_lines(chunks), start=1):
        text = raw.decode("utf-8", "replace")
        if text[-1:] == "\r":
            text = text.rstrip("\r")
        if number == 1:
            text = text.removeprefix("\ufeff")
        prefixed = ""
        if "\t" in text and (prefix := _PREFIX.match(text)):
            prefixed, text = prefix[1], text[prefix.end() :]
        time = None
        if text[:2] == "20" and (stamp := _TIME.match(text)):
            time, text = _second(stamp[1]) + float(stamp[2] or 0), text[stamp.end() :]
        marked = text if "travis_" in text else ""
        if not (text.isascii() and (text.isprintable() or text.replace("\t", "").isprintable())):
            text = _render(text)
        cut = incomplete or len(text) > MAX_LINE
        if cut:
            text = text[:MAX_LINE]
        if marked:
            text = _TIMER.sub("", _FOLD.sub("", text))
        if not prefixed and (steps or marked or text[:2] in _GROUP_MARKS):
            step = tracker.step_of(text, time, marked)
        yield Line(number, text, prefixed or step, time, cut)


def _raw_lines(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each line without its end, and whether something in its middle was left out."""
    held, dropped = b"", 0
    for chunk in _with_line_feeds(chunks):
        first, *others = chunk.split(b"\n")
        held, dropped = _shorten(held + first, dropped)
        for piece in others:
            yield _ended(held, dropped) if dropped else (held, False)
            held, dropped = (piece, 0) if len(piece) <= _MAX_HEAD else _shorten(piece, 0)
    if held:
        yield _ended(held, dropped)


def _with_line_feeds(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The log as it is, but for one whose lines end by a carriage return alone."""
    left, head = iter(chunks), b""
    for chunk in left:
        head += chunk
        if len(head) >= _MAX_HEAD or b"\n" in chunk:
            break
    if not ends_by_returns(head):
        yield head
        yield from left
    else:
        yield head.replace(b"\r", b"\n")
        yield from (chunk.replace(b"\r", b"\n") for chunk in left)


def ends_by_returns(log: bytes) -> bool:
    """Whether its first lines end by a carriage return alone: what a progress bar overwrites is alike."""
    head = log[:_MAX_HEAD]
    if b"\n" in head or b"\r" not in head:
        return False
    lines = [line.strip() for line in head.translate(None, b"0123456789").split(b"\r") if line.strip()]
    return len(lines) >= _MIN_LINES and len(set(lines)) > len(lines) / 2


def _shorten(line: bytes, dropped: int) -> tuple[bytes, int]:
    """What is held of a line so far, and how many bytes in its middle are not."""
    excess = len(line) - _MAX_HEAD - _MAX_TAIL
    return (line, dropped) if excess <= 0 else (line[:_MAX_HEAD] + line[-_MAX_TAIL:], dropped + excess)


def _ended(line: bytes, dropped: int) -> tuple[bytes, bool]:
    # Without an overwrite the beginning of a line is what is shown of it, and nobody misses its end.
    is_overwritten = b"\r" in line[_MAX_HEAD:].rstrip(b"\r")
    return line if is_overwritten or not dropped else line[:_MAX_HEAD], dropped > 0


def _render(text: str) -> str:
    text = text.rstrip("\r")
    if "\r" in text:
        shown = ""
        for segment in [part for part in text.split("\r") if part][-_MAX_SEGMENTS:]:
            written = _strip(segment)
            shown = written if _ERASE.search(segment) else written + shown[len(written) :]
        return shown
    return _strip(text)


def _strip(text: str) -> str:
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
        if text.isascii() and text.isprintable():
            return text
    return visible(_UNSEEN.sub("", text)).replace("\r", " ")


@lru_cache(4_096)
def _second(stamp: str) -> int:
    """Of the runner's times, many share a second."""
    year, month, day = map(int, stamp[:10].split("-"))
    hour, minute, second = map(int, stamp[11:].split(":"))
    return calendar.timegm((year, month, day, hour, minute, second))
