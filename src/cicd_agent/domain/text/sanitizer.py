"""Stored Markdown is hostile until looked at again: what is not certainly inert is shown as source, not rendered."""

import html
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

from cicd_agent.domain.text.markdown import ACTIVE_LANGUAGES, fence, is_allowed
from cicd_agent.domain.text.visible import visible

_FENCE = re.compile(r"(`{3,})([^`]*)")
# Quotes and lists may stand before anything that starts a block.
_LOOKS_FENCED = re.compile(r"[\s>*+\-0-9.)]*(?:```[^`]*\Z|~~~)")
_HTML_BLOCK = re.compile(r"[\s>*+\-0-9.)]*(?:</?(?:details|summary)\b|</?(?:sub|br|code)>\s*\Z)", re.IGNORECASE)
_COMMENT = re.compile(r"[\s>*+\-0-9.)]*<!--")
_TABLE = re.compile(r"(?=.*-)(?=.*[|:])[ \t>|:-]+")
_BAR = re.compile(r"(?<!\\)(?:\\\\)*\|")
_TAG = re.compile(r"</?(?:details|summary|sub|br|code)>|<!-- cicd-agent:[A-Za-z0-9._:/-]{1,120} -->")
_ESCAPE = r"\\[!-/:-@\[-`{-~]"
_SPAN = re.compile(rf"{_ESCAPE}|(`+)|<")
_BRACKET = re.compile(rf"{_ESCAPE}|(!\[)|\]\(([^\s()<>]*)\)|(\](?=[(:\[]))")
_REACHES_PEOPLE = re.compile(r"@(?=[A-Za-z0-9])")
_REFERS = re.compile(r"#(?=[0-9])|\bGH-(?=[0-9])", re.IGNORECASE)
_BARE_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}://|www\.|(?:mailto|xmpp):)\S*", re.IGNORECASE)
_MATHEMATICS = re.compile(r"\$\$|\$`|\$\S(?:[^$]*\S)?\$(?![0-9])")


def inert(markdown: str, hosts: Collection[str]) -> str:
    """The Markdown as it is when `problems` has none, otherwise as a fenced block."""
    return fence(markdown) if problems(markdown, hosts) else markdown


def problems(markdown: str, hosts: Collection[str]) -> tuple[str, ...]:
    """What in this Markdown could act or reach out, each once, with its first line; `hosts` may be linked to.

    It is stricter than Markdown: what it cannot follow with certainty is a problem too.
    """
    found: dict[str, int] = {}
    for number, what in _problems(markdown, hosts):
        found.setdefault(what, number)
    return tuple(f"line {number}: {what}" for what, number in found.items())


@dataclass(frozen=True, slots=True)
class _Line:
    """A line outside of fences; `problem` when there is a fence about it that cannot be followed."""

    number: int
    text: str
    is_html: bool = False
    problem: str = ""


def _problems(markdown: str, hosts: Collection[str]) -> Iterator[tuple[int, str]]:
    if visible(markdown) != markdown:
        yield 1, "hidden characters"
    end = _Line(0, "")
    in_table = False
    for line, following in pairwise([*_rendered(markdown), end]):
        in_table = bool(line.text.strip()) and (in_table or _TABLE.fullmatch(following.text) is not None)
        if line.problem:
            yield line.number, line.problem
        elif line.is_html:
            yield from ((line.number, what) for what in _html_problems(line.text))
        else:
            yield from ((line.number, what) for what in _line_problems(line.text, hosts, in_table=in_table))


def _rendered(markdown: str) -> Iterator[_Line]:
    closing, in_html, number = "", False, 0
    for number, line in enumerate(markdown.replace("\r\n", "\n").split("\n"), start=1):
        if closing:
            bare = line.strip(" \t")
            if len(bare) >= len(closing) and set(bare) == {"`"} and re.match(r" {0,3}`", line):
                closing = ""
            continue
        in_html = bool(line.strip()) and (in_html or _HTML_BLOCK.match(line) is not None)
        fenced = _FENCE.fullmatch(line)
        if fenced and not in_html:
            closing = fenced[1]
            draws = fenced[2].strip().split(" ")[0].lower() in ACTIVE_LANGUAGES
            yield _Line(number, "", problem="a drawing" if draws else "")
        elif _LOOKS_FENCED.match(line):
            yield _Line(number, "", problem="a fence out of place")
        else:
            yield _Line(number, line, is_html=in_html or _COMMENT.match(line) is not None)
    if closing:
        yield _Line(number, "", problem="a fence that is not closed")


def _html_problems(line: str) -> Iterator[str]:
    """Of a line in an HTML block, where there are neither code spans nor escapes, nor links of Markdown's."""
    text = _TAG.sub("\0", line)
    if "<" in text:
        yield "raw HTML"
    # Code keeps quiet here too, when it is written as HTML.
    yield from _text_problems(html.unescape(re.sub("<code>[^<]*</code>", "\0", line)), ())


def _line_problems(line: str, hosts: Collection[str], *, in_table: bool) -> Iterator[str]:
    """Of a line of Markdown: first what binds closest, code spans and tags, then the brackets between them."""
    text: list[str] = []
    at = 0
    while token := _SPAN.search(line, at):
        text.append(line[at : token.start()])
        at = token.end()
        if token[1]:
            span = re.compile(rf"(?<!`){token[1]}(?!`)").search(line, at)
            if span is None:
                yield "a code span that is not closed"
            elif in_table and _BAR.search(line, at, span.start()):
                yield "a bar that may end a cell inside code"
            at = span.end() if span else at
            text.append("\0")
        elif token[0] == "<":
            tag = _TAG.match(line, token.start())
            if tag is None:
                yield "raw HTML"
            at = tag.end() if tag else at
        else:
            text.append(token[0])
    text.append(line[at:])
    yield from _bracket_problems("".join(text), hosts)


def _bracket_problems(line: str, hosts: Collection[str]) -> Iterator[str]:
    text: list[str] = []
    at = 0
    for token in _BRACKET.finditer(line):
        text.append(line[at : token.start()])
        at = token.end()
        image, url, other = token.groups()
        if image:
            yield "an image"
        elif other:
            yield "a link that is not plain"
        elif url is not None:
            if not is_allowed(url, hosts):
                yield "a link to elsewhere"
        else:
            # Escapes do not keep GitHub from looking at the text, but an escaped & begins no entity.
            text.append(token[0][1:].replace("&", "&\0"))
    text.append(line[at:])
    yield from _text_problems(html.unescape("".join(text)), hosts)


def _text_problems(text: str, hosts: Collection[str]) -> Iterator[str]:
    if _REACHES_PEOPLE.search(text):
        yield "a mention"
    if _REFERS.search(text):
        yield "a reference"
    if any(not is_allowed(bare[0], hosts) for bare in _BARE_LINK.finditer(text)):
        yield "a link to elsewhere"
    if _MATHEMATICS.search(text):
        yield "mathematics"
