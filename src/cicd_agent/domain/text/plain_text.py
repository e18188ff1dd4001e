"""What of a comment is plain text of its author's: all that may give an order.

Quotations, code, formulas, what is struck or hidden, tables, footnotes and the content of HTML elements are not. This
reads GitHub's Markdown in time linear in its length; where it is in doubt, text is not plain.
"""

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate

from cicd_agent.domain.text.patterns import load_patterns

HIDDEN = "\0"
"""In place of a character that is not shown, or stands in a block that is not plain."""
SHOWN = "`"
"""In place of a character within a paragraph that is shown, but not as plain text: code, struck, a formula."""

_MAX_DEPTH = 50
"""Quotations and lists in one another; below that nothing is plain."""
_MAX_LINES = 20_000
"""Lines that are read; after those nothing is plain."""
_TAB = 4
_PATTERNS = load_patterns(__package__, "plain_text")
_ENDS = {"!--": "-->", "?": "?>", "![CDATA[": "]]>", "!": ">"}
"""What ends each kind of HTML that is no element."""


def mask_markup(body: str) -> str:
    """The comment with a line feed for each line end, and HIDDEN or SHOWN for each character that is not plain text."""
    text = re.sub(r"\r\n?", "\n", body.replace(HIDDEN, "\N{REPLACEMENT CHARACTER}"))
    comment, root, start = _Comment(text), _Block(_Kind.QUOTATION), 0
    for number, line in enumerate(text.split("\n")):
        if number == _MAX_LINES:
            comment.hide(start, len(text))
            break
        root.add(_Line(start, line))
        start += len(line) + 1
    comment.read_blocks(root.blocks)
    return comment.masked()


class _Kind(Enum):
    PARAGRAPH = "paragraph"
    CODE = "code"
    HTML = "HTML"
    QUOTATION = "quotation"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, or what is left of it within a quotation or an item, and where that begins in the comment."""

    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def is_blank(self) -> bool:
        return not self.text.strip(" \t")

    def without(self, characters: int) -> "_Line":
        return _Line(self.start + characters, self.text[characters:])


@dataclass(slots=True)
class _Block:
    """Lines of one kind, or of a quotation or an item the blocks in it.

    `until` ends code and HTML; an item's lines are indented by `indent` columns; `depth` counts the blocks around it.
    """

    kind: _Kind
    lines: list[_Line] = field(default_factory=list)
    blocks: list["_Block"] = field(default_factory=list)
    until: re.Pattern[str] | None = None
    indent: int = 0
    depth: int = 0
    is_over: bool = False

    def add(self, line: _Line) -> None:
        """Put a line of this quotation or item, without its marks, where it belongs."""
        if self.blocks and self.blocks[-1].takes(line):
            return
        if not line.is_blank:
            self.blocks.append(_begin(line, self.depth + 1) or _Block(_Kind.PARAGRAPH, [line]))

    def takes(self, line: _Line) -> bool:
        """Whether the block goes on with this line, which is in it then."""
        if self.is_over:
            return False
        if self.kind in {_Kind.QUOTATION, _Kind.ITEM}:
            return self.goes_on(line)
        if self.until is not None:
            self.is_over = self.until.search(line.text) is not None
        elif line.is_blank or (self.kind is _Kind.PARAGRAPH and _begin(line, 0)):
            self.is_over = True
            return False
        self.lines.append(line)
        return True

    def goes_on(self, line: _Line) -> bool:
        """The same for a quotation or an item."""
        cut = -1
        if self.kind is _Kind.QUOTATION:
            mark = _PATTERNS["quoted"].match(line.text)
            cut = mark.end() if mark else -1
        elif line.is_blank or _blanks(line.text)[0] >= self.indent:
            cut = _blanks(line.text, 0, self.indent)[1]
        if cut >= 0:
            self.add(line.without(cut))
        # A line that goes on with a paragraph may stand farther to the left than it.
        elif not self.blocks or self.blocks[-1].kind in {_Kind.CODE, _Kind.HTML} or not self.blocks[-1].takes(line):
            return False
        self.lines.append(line)
        return True


def _begin(line: _Line, depth: int) -> _Block | None:
    """The block that begins with this line, None for a paragraph; `depth` is 0 where it may go on with one."""
    text = line.text
    if match := _PATTERNS["fence"].match(text):
        return _Block(_Kind.CODE, [line], until=re.compile(rf"^ {{0,3}}{match[1]}{match[1][0]}*[ \t]*$"))
    if match := _PATTERNS["quoted"].match(text):
        return _container(_Block(_Kind.QUOTATION, [line], depth=depth), line.without(match.end()))
    if depth and _PATTERNS["indented"].match(text):
        return _Block(_Kind.CODE, [line], is_over=True)
    return _begin_html(line, in_paragraph=not depth) or _begin_text(line, depth)


def _begin_text(line: _Line, depth: int) -> _Block | None:
    """A heading, a rule or an item."""
    if _PATTERNS["single"].match(line.text):
        return _Block(_Kind.PARAGRAPH, [line], is_over=True)
    if match := _PATTERNS["item" if depth else "item_in_paragraph"].match(line.text):
        mark = match[0].rstrip(" \t")
        blanks = _blanks(match[0][len(mark) :], len(mark))[0]
        indent = len(mark) + (blanks if 1 <= blanks <= _TAB else 1)
        cut = len(mark) + _blanks(match[0][len(mark) :], len(mark), indent - len(mark))[1]
        return _container(_Block(_Kind.ITEM, [line], indent=indent, depth=depth), line.without(cut))
    return None


def _container(block: _Block, content: _Line) -> _Block:
    """The quotation or item with its first line in it, unless it is only asked for, or too deep in others."""
    if 0 < block.depth <= _MAX_DEPTH:
        block.add(content)
    return block


def _begin_html(line: _Line, *, in_paragraph: bool) -> _Block | None:
    text = line.text.lower()
    if match := _PATTERNS["html_until"].match(text):
        ending = f"</{match['text']}>" if match["text"] else _ENDS[match["mark"].upper()]
        until = re.compile(re.escape(ending), re.IGNORECASE)
        return _Block(_Kind.HTML, [line], until=until, is_over=until.search(text) is not None)
    if match := _PATTERNS["html_block"].match(text):
        tag = _PATTERNS["tag"].match(text, text.index("<"))
        is_alone = tag is not None and not text[tag.end() :].strip(" \t")
        if _PATTERNS["blocks"].fullmatch(match["name"]) or (is_alone and not in_paragraph):
            return _Block(_Kind.HTML, [line])
    return None


def _blanks(text: str, column: int = 0, limit: int | None = None) -> tuple[int, int]:
    """The columns and the characters of the blanks that a text at `column` begins with; up to `limit` columns."""
    at, taken = column, 0
    for char in text:
        if char not in " \t" or (limit is not None and at - column >= limit):
            break
        at += 1 if char == " " else _TAB - at % _TAB
        taken += 1
    return at - column, taken


@dataclass(slots=True)
class _Comment:
    """A comment that is read.

    `opened` counts the elements of HTML that are open, `depth` altogether, and `inner` those that began in the same
    container; the outermost begins at `since`. `pairs` is where each mark that waits for its second one stands.
    `changes` maps an offset to how many more, or less, reasons there are from there on to mask the text with HIDDEN or
    SHOWN.
    """

    text: str
    opened: Counter[str] = field(default_factory=Counter)
    inner: Counter[str] = field(default_factory=Counter)
    depth: int = 0
    since: int = 0
    pairs: dict[str, int] = field(default_factory=dict)
    changes: dict[str, Counter[int]] = field(default_factory=lambda: {HIDDEN: Counter(), SHOWN: Counter()})

    def masked(self) -> str:
        if self.depth:
            self.hide(self.since, len(self.text), SHOWN)
        hidden, shown = (
            accumulate(map(self.changes[mark].__getitem__, range(len(self.text)))) for mark in (HIDDEN, SHOWN)
        )
        marks = zip(self.text, hidden, shown, strict=True)
        return "".join(char if char == "\n" else HIDDEN if h else SHOWN if s else char for char, h, s in marks)

    def hide(self, start: int, end: int, mark: str = HIDDEN) -> None:
        self.changes[mark][start] += 1
        self.changes[mark][end] -= 1

    def read_blocks(self, blocks: Sequence[_Block]) -> None:
        for block in blocks:
            start, end = block.lines[0].start, block.lines[-1].end
            if block.kind is _Kind.PARAGRAPH:
                _Paragraph(self, start, end).read()
            elif block.kind is _Kind.HTML:
                self.read_html(start, end)
            elif block.depth > _MAX_DEPTH:
                self.hide(start, len(self.text))
            elif block.kind is not _Kind.CODE:
                # What is opened in a quotation and not closed lasts on; it closes nothing from before it.
                outer, pairs, self.inner, self.pairs = self.inner, self.pairs, Counter(), {}
                self.read_blocks(block.blocks)
                self.inner, self.pairs = outer + self.inner, pairs
            if block.kind not in {_Kind.PARAGRAPH, _Kind.ITEM}:
                self.hide(start, end)

    def read_html(self, start: int, end: int) -> None:
        """Raw HTML, in which no Markdown is read. A tag that does not end there takes what follows with it."""
        at = start
        while match := _PATTERNS["raw"].search(self.text, at, end):
            at = self.read_tag(match.start(), end)
            if at == match.start():
                self.hide(at, len(self.text))
                return

    def read_tag(self, start: int, end: int) -> int:
        """The end of the tag, or of what else of HTML begins at `start`; that itself where nothing does."""
        if match := _PATTERNS["no_element"].match(self.text, start, end):
            ending = _ENDS[match[1]]
            close = self.text.find(ending, match.end(), end)
            if close < 0:
                return start
            inside = self.text[match.end() : close]
            # Browsers have ends of their own for these: what stands behind one is HTML to them.
            is_clear = match[1] == "!--" and not inside.startswith((">", "->")) and "--!>" not in inside
            self.hide(start, close + len(ending) if is_clear or "<" not in inside else len(self.text))
            return close + len(ending)
        tag = _PATTERNS["tag"].match(self.text, start, end)
        if tag is None:
            return start
        self.hide(start, tag.end())
        name = tag["name"].lower()
        if not _PATTERNS["void"].fullmatch(name) and any(
            _PATTERNS[each].fullmatch(name) for each in ("blocks", "phrases")
        ):
            self.open_or_close(name, tag)
        return tag.end()

    def open_or_close(self, name: str, tag: re.Match[str]) -> None:
        if not tag["close"]:
            self.since = self.since if self.depth else tag.end()
            change = 1
        elif self.inner[name]:
            change = -1
        else:
            return
        self.inner[name] += change
        self.depth += change
        if not self.depth:
            self.hide(self.since, tag.start(), SHOWN)


def _nothing() -> deque[int]:
    return deque()


@dataclass(slots=True)
class _Paragraph:
    """One paragraph that is read: where brackets are open, and where so many backticks in a row stand."""

    comment: _Comment
    start: int
    end: int
    brackets: list[int] = field(default_factory=list)
    ticks: dict[int, deque[int]] = field(default_factory=lambda: defaultdict(_nothing))

    def read(self) -> None:
        text, start, end = self.comment.text, self.start, self.end
        for run in re.finditer("`+", text[start:end]):
            self.ticks[len(run[0])].append(start + run.start())
        readers: Mapping[str, Callable[[re.Match[str]], int]] = {
            "`": self.read_code,
            "<": self.read_angle,
            "~": self.read_pair,
            "$": self.read_pair,
            "!": self.open_bracket,
            "[": self.open_bracket,
            "]": self.close_bracket,
            "\\": re.Match.end,
        }
        at = start
        while match := _PATTERNS["inline"].search(text, at, end):
            at = readers[match[0][0]](match)
        # Two of them also have an effect across paragraphs, or are meant to have.
        self.comment.pairs = {mark: at for mark, at in self.comment.pairs.items() if len(mark) > 1}
        for row in _PATTERNS["table"].finditer(text, start, end):
            if {"|", "-"} <= set(row[0]):
                self.comment.hide(max(start, text.rfind("\n", start, max(row.start() - 1, start))), end)
        if definition := _PATTERNS["definition"].search(text, start, end):
            self.comment.hide(definition.start(), end)

    def read_code(self, match: re.Match[str]) -> int:
        """As many backticks end it; without those it is none."""
        closing = self.ticks[len(match[0])]
        while closing and closing[0] < match.end():
            closing.popleft()
        if not closing:
            return match.end()
        end = closing[0] + len(match[0])
        self.comment.hide(match.start(), end, SHOWN)
        return end

    def read_angle(self, match: re.Match[str]) -> int:
        end = self.comment.read_tag(match.start(), self.end)
        if end == match.start() and self.comment.text.startswith("<!--", end):
            # It is meant to hide something, whether it does or not.
            self.comment.hide(end, len(self.comment.text))
        return max(end, match.end())

    def read_pair(self, match: re.Match[str]) -> int:
        """A mark that strikes text or makes a formula of it, from the one before on."""
        comment, mark, after = self.comment, match[0], match.end()
        is_single, pairs, mark = len(mark) == 1, comment.pairs, mark[:2]
        follows = comment.text[after : after + 1]
        closes = not is_single or not (
            comment.text[match.start() - 1 : match.start()] == " " or (mark == "$" and follows.isdecimal())
        )
        if mark in pairs and closes:
            comment.hide(pairs.pop(mark), after, SHOWN)
            if len(match[0]) > len(mark):
                pairs[mark] = match.start()
        elif not (is_single and follows == " "):
            pairs.setdefault(mark, match.start())
        return after

    def open_bracket(self, match: re.Match[str]) -> int:
        self.brackets.append(match.start())
        return match.end()

    def close_bracket(self, match: re.Match[str]) -> int:
        """The end of a link. What is plain of it is its text, if that is of one line and no image's."""
        text, at = self.comment.text, match.end()
        if not self.brackets:
            return at
        start = self.brackets.pop()
        if text[start] == "!" or text.find("\n", start, at) >= 0:
            self.comment.hide(start, at, SHOWN)
        if not text.startswith("(", at, self.end):
            return at
        if target := _PATTERNS["target"].match(text, at, self.end):
            return target.end()
        end = text.rfind(")", at, self.end) + 1
        if end:
            self.comment.hide(at, end, SHOWN)
        return max(at, end)
