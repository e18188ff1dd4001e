"""How results are written for a person at a terminal, whatever the mode: colours, widths, links, and harmless text."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Required, TextIO, TypeAlias, TypedDict
from urllib.parse import quote

from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.text.redaction import mask
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.usage import Usage
from cicd_agent.rendering.cell_width import fold

_NUMBER = re.compile(r"[0-9][0-9,]*")
_SOME_SECONDS = 3
Tone: TypeAlias = Literal["critical", "high", "medium", "low", "good", "bold", "faint", ""]
LEVELS: dict[str, Tone] = {"critical": "critical", "high": "high", "medium": "medium", "low": "low"}
"""The tone of a risk level; a text that is none has no tone."""
_INK: dict[Tone, str] = {
    "critical": "1;31",
    "high": "31",
    "medium": "33",
    "low": "36",
    "good": "32",
    "bold": "1",
    "faint": "2",
}


class Cost(Protocol):
    """What the answers cost: the part of a run's account that is shown."""

    @property
    def model(self) -> str:
        """The model that answered, "" when none was asked."""
        ...

    @property
    def usage(self) -> Usage:
        """Requests and tokens."""
        ...

    @property
    def price(self) -> str:
        """Dollars, or that they are not known."""
        ...


class Shape(TypedDict, total=False):
    """How a page is to look: the arguments that all of them take.

    `report` is the path of the JSON report, `outputs` the step outputs. `links` is the `file:` address of the checkout,
    which places lead to; "" for none.
    """

    report: Required[str]
    outputs: Mapping[str, str]
    colour: bool
    width: int
    links: str


@dataclass(frozen=True, slots=True)
class Style:
    """What the terminal can do."""

    colour: bool
    width: int
    links: str = ""
    """Address of the checkout, `file:///…`."""

    def ink(self, text: str, tone: Tone) -> str:
        """The text in a colour or weight, plain where there is none."""
        return f"\x1b[{_INK[tone]}m{text}\x1b[0m" if self.colour and tone else text

    def wrapped(self, text: str, indent: str, hanging: str = "") -> Iterator[str]:
        """Foreign text made harmless, in lines that fit; all but the first of each paragraph are indented by more."""
        for line in shown(text).split("\n"):
            yield from fold(line, self.width, indent, hanging)

    def linked(self, text: str, path: str, line: int) -> str:
        """The text as a link to a line of a file of the checkout, where there is one and the terminal knows links."""
        if not self.links:
            return text
        target = f"{self.links.rstrip('/')}/{quote(path, errors='replace')}" + (f"#{line}" if line else "")
        return f"\x1b]8;;{target}\x1b\\{text}\x1b]8;;\x1b\\"


def make_style(shape: Shape) -> Style:
    return Style(shape.get("colour", False), max(shape.get("width", 100), 40), shape.get("links", ""))


def output_lines(outputs: Mapping[str, str]) -> Iterator[str]:
    """The step outputs, a line each."""
    if not outputs:
        return
    # Not cut at the width: a path has to be copied whole.
    yield "step outputs"
    longest = max(map(len, outputs))
    for name, value in outputs.items():
        yield f"  {name:<{longest}}  {one_line(value, 200)}".rstrip()


def one_line(text: str, room: int = 1_000) -> str:
    return clip(visible_line(mask(" ".join(text.split()))), room)


def closing(report: str, cost: Cost) -> str:
    """The end of every page: where the report lies, and what it cost."""
    return " · ".join([f"report {one_line(report)}", *_price(cost)])


def _price(cost: Cost) -> Iterator[str]:
    """Who was asked and what that cost; nothing when nobody was."""
    if cost.usage.requests or cost.usage.from_cache:
        yield f"{one_line(cost.model)}, {cost.usage.words}"
        yield cost.price


def progress(stream: TextIO, *, enabled: bool = True, width: Callable[[], int] = lambda: 80) -> Callable[[str], None]:
    """A function that says what is being done: on a terminal in one line that it rewrites, elsewhere in lines.

    An empty text clears the line before something else is printed. `width` is asked for each time: a window changes.
    """
    if not enabled:
        return _stay_silent
    return _LiveLine(stream, width) if stream.isatty() else _lines(stream)


def _stay_silent(text: str) -> None:
    del text


def _lines(stream: TextIO) -> Callable[[str], None]:
    """One line each, but for one that only counts on from the line before it."""
    before = ""

    def say(text: str) -> None:
        nonlocal before
        text = visible_line(text)
        if text and (kind := _NUMBER.sub("", text)) != before:
            before = kind
            stream.write(f"{text} …\n")
            stream.flush()

    return say


class _LiveLine:
    """A line that is rewritten, with the seconds that it has stood there when these are some."""

    def __init__(self, stream: TextIO, width: Callable[[], int]) -> None:
        self._stream, self._width = stream, width
        self._lock = threading.Lock()
        self._text, self._since, self._ticks = "", 0.0, False

    def __call__(self, text: str) -> None:
        with self._lock:
            self._text, self._since = visible_line(text), time.monotonic()
            self._draw(0)
            if text and not self._ticks:
                self._ticks = True
                threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self) -> None:
        """Ends with the text: a thread that nobody needs keeps no terminal busy."""
        while True:
            time.sleep(1)
            with self._lock:
                if not self._text:
                    self._ticks = False
                    return
                self._draw(int(time.monotonic() - self._since))

    def _draw(self, seconds: int) -> None:
        stood = f" · {seconds:,} s" if seconds >= _SOME_SECONDS else ""
        # A line that wraps could not be rewritten.
        shown = f"{clip(self._text, self._width() - 3 - len(stood))}{stood} …" if self._text else ""
        self._stream.write(f"\r\x1b[K{shown}")
        self._stream.flush()
