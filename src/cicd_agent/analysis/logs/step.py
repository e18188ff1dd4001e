"""Which step of a job wrote a line: by the times of the steps, by the groups of the runner, by the folds of Travis."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MAX_NAME = 120
_GROUP = re.compile(r"(?:##\[group\]|::group::)(.{0,200})")
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

    A step's time says when it began to the second, its group says on which line: of the lines of that second, those
    before the group are of the step before.
    """

    def __init__(self, spans: Sequence[StepSpan]) -> None:
        self._spans = tuple(sorted((span for span in spans if span.started), key=lambda span: span.started))
        self._by_time = -1
        self._name = ""

    def step_of(self, text: str, time: float | None, opened: str | None) -> str:
        """The step of this line, "" outside of all; `opened` is what Travis has begun or ended on it."""
        group = _GROUP.match(text) if text[:2] in {"##", "::"} else None
        starts = group is not None and _STEP_GROUP.match(group[1]) is not None
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


class Travis:
    """Follows the folds and commands of a Travis log."""

    def __init__(self) -> None:
        self._fold = ""

    def opened(self, raw: str, shown: str) -> str | None:
        """The command or fold that begins on this line, "" when one ends, None when nothing does."""
        changed = None
        for fold in _FOLD.finditer(raw):
            self._fold = fold[2] if fold[1] == "start" else ""
            changed = self._fold
        if _SHELL.match(shown):
            return shown[:_MAX_NAME]
        return self._fold if changed is None and "travis_time:start" in raw else changed


def without_marks(text: str) -> str:
    """A line without the words of Travis' folds, which no terminal would show either."""
    return _TIMER.sub("", _FOLD.sub("", text))
