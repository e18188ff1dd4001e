"""Foreign text inside our Markdown: nothing breaks out of its place, addresses anybody, links anywhere or hides."""

import hashlib
import html
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise
from urllib.parse import quote, urlsplit

from cicd_agent.domain.text.visible import visible, visible_line

ACTIVE = re.compile(
    r"@(?=[A-Za-z0-9])"  # mentions, e-mail addresses, user@sha
    r"|#(?=[0-9])|\bGH-(?=[0-9])"  # references to issues, which also closing keywords need
    r"|[a-z][a-z0-9+.-]{1,20}://|www\.|(?:mailto|xmpp):"  # links that need no brackets
    r"|:[a-z0-9_+-]{1,60}:"  # emoji, some of which are images
    r"|\$",  # mathematics
    re.IGNORECASE,
)
"""What GitHub acts on in the text it has rendered, where no escape helps: only a code span keeps it quiet."""

ACTIVE_LANGUAGES = frozenset({"geojson", "math", "mermaid", "stl", "topojson"})
"""Fences that GitHub draws instead of showing."""

_PUNCTUATION = re.compile(r"[\\`*_\[\]<>|~#&!^]")
_OPENS_BLOCK = re.compile(r"([-+=:]|[0-9]{1,9}(?=[.)]))")
_BACKTICKS = re.compile(r"`+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[^`]*\Z")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#._-]{1,30}")
_AMOUNT = re.compile(r"\(?\$[0-9]+(\.[0-9]+)?[).,;]*")
_DETAILS = "</details>"
_MARKER = re.compile(r"<!-- cicd-agent:([A-Za-z0-9._:/-]{1,120}) -->")


def escape(text: str) -> str:
    """Inline Markdown of one line that shows the text and does nothing; words that GitHub would act on become code."""
    return escape_opening(_escaped(text).strip(" "))


def escape_opening(line: str) -> str:
    """The line without what would make it a list or a heading, were it the first of its block."""
    opening = _OPENS_BLOCK.match(line)
    if opening and opening[0].isdigit():
        return f"{opening[0]}\\{line[opening.end() :]}"
    return f"\\{line}" if opening else line


def _token(token: str) -> str:
    # An amount alone opens no formula: what could close it is code.
    if ACTIVE.search(token) and not _AMOUNT.fullmatch(token):
        stem = token.rstrip(".,;!?")
        return code(stem) + _PUNCTUATION.sub(r"\\\g<0>", token[len(stem) :])
    return _PUNCTUATION.sub(r"\\\g<0>", token)


def prose(text: str) -> str:
    """As `escape`, but what stands between backticks is code: for our own messages, whatever they quote."""
    return escape_opening(inline(text).strip(" "))


def inline(text: str) -> str:
    """A part of a line of `prose`: a space at either end stays, and nothing is done about what opens a block."""
    parts = text.split("`")
    if len(parts) % 2 == 0 or "" in parts[1::2]:
        return _escaped(text)
    pieces = [code(part) if index % 2 else _escaped(part) for index, part in enumerate(parts)]
    # Two spans that touch would be one, or none.
    touch = any(one.endswith("`") and other.startswith("`") for one, other in pairwise(pieces))
    return _escaped(text) if touch else "".join(pieces)


def _escaped(text: str) -> str:
    words = visible_line(" ".join(re.split(r"[ \t\r\n]+", text))).split(" ")
    return " ".join(map(_token, words))


def code(text: str) -> str:
    line = visible_line(re.sub(r"\r\n|[\t\r\n]", " ", text)) or " "
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith(("`", " ")) or line.endswith(("`", " ")) else ""
    return f"{ticks}{pad}{line}{pad}{ticks}" if line.strip(" ") else f"{ticks}{line}{ticks}"


def fence(text: str, language: str = "") -> str:
    safe = _LANGUAGE.fullmatch(language) and language.lower() not in {*ACTIVE_LANGUAGES, "suggestion"}
    return _fenced(visible(text), language if safe else "")


def suggestion(text: str) -> str:
    """A block that replaces the commented lines at a click; what cannot be seen in full is only shown, not offered."""
    return _fenced(text, "suggestion") if visible(text) == text else fence(text)


def _fenced(text: str, info: str) -> str:
    ticks = "`" * max(3, _longest_run(text) + 1)
    body = text if not text or text.endswith("\n") else f"{text}\n"
    return f"{ticks}{info}\n{body}{ticks}\n"


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)


def link(label: str, url: str, hosts: Collection[str]) -> str:
    """A link around a label that is Markdown already; the label alone when the URL is not https to one of the hosts."""
    safe = quote(url, safe="/:?#@!$&*+,;=%~")
    return f"[{label}]({safe})" if is_allowed(url, hosts) else label


def is_allowed(url: str, hosts: Collection[str]) -> bool:
    """Whether the URL is https to exactly one of the hosts, without a user, a port or anything that needs a guess."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and not re.search(r"[\s\\<>\"`\x00-\x1f\x7f]", url)
    return plain and parts.scheme == "https" and parts.netloc.lower() in hosts and port is None


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in cells)} |\n" for cells in lines)


def _cell(markdown: str) -> str:
    line = " ".join(markdown.split("\n"))
    return re.sub(r"(\\*)\|", lambda bar: bar[0] if len(bar[1]) % 2 else f"{bar[1]}\\|", line)


def details(summary: str, body: str) -> str:
    """A folded section: `summary` is plain text, `body` is Markdown."""
    words = " ".join(visible(summary).split()).split(" ")
    shown = (f"<code>{html.escape(word)}</code>" if ACTIVE.search(word) else html.escape(word) for word in words)
    # Without the empty lines the body would be HTML.
    return f"<details><summary>{' '.join(shown)}</summary>\n\n{body.strip()}\n\n</details>\n"


def marker(key: str) -> str:
    """The hidden first line by which we know a comment of ours again."""
    found = _MARKER.fullmatch(f"<!-- cicd-agent:{key} -->")
    if not found or "--" in key:
        key = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"<!-- cicd-agent:{key} -->"


def find_marker(body: str) -> str:
    """The marker that is the body's first line, "" when it is not one. Further down it may be anybody's quotation."""
    first = body.partition("\n")[0].rstrip("\r")
    return first if _MARKER.fullmatch(first) else ""


def truncate(text: str, limit: int, size: Callable[[str], int] = len) -> str:
    """Markdown of at most `limit` (in what `size` counts), cut between lines with everything closed and a last word.

    A line that does not fit is left out whole, since half of an escape is none; in a fence it may be cut.
    """
    if size(text) <= limit:
        return text
    lines = text.split("\n")
    kept: list[str] = []
    closers: list[str] = []
    room = limit
    for line in lines:
        after = _open_after(line, closers)
        if size(f"{line}\n{_ending(after, len(lines), len(lines))}") > room:
            break
        kept.append(line)
        room -= size(f"{line}\n")
        closers = after
    ending = _ending(closers, len(lines) - len(kept), len(lines))
    if closers and closers[-1] != _DETAILS:
        kept.append(_head(lines[len(kept)], room - size(f"\n{ending}"), size))
    whole = "\n".join([*kept, ending])
    return whole if size(whole) <= limit else _head("Cut: too long.", limit, size)


def utf8_size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _open_after(line: str, closers: Sequence[str]) -> list[str]:
    """What would have to be closed, innermost last, if the text ended after this line."""
    if closers and closers[-1] != _DETAILS:
        closing = line.strip(" ")
        closes = len(closing) >= len(closers[-1]) and set(closing) == set(closers[-1])
        return list(closers[:-1] if closes else closers)
    if opening := _FENCE.match(line):
        return [*closers, opening[1]]
    opened = [*closers, *[_DETAILS] * line.count("<details>")]
    return opened[: max(0, len(opened) - line.count(_DETAILS))]


def _ending(closers: Sequence[str], cut: int, of: int) -> str:
    closing = "".join(f"\n{closer}\n" if closer == _DETAILS else f"{closer}\n" for closer in reversed(closers))
    return f"{closing}\n*Cut: {cut:,} of {of:,} lines did not fit.*"


def _head(line: str, limit: int, size: Callable[[str], int]) -> str:
    low, high = 0, max(0, min(len(line), limit))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(line[:middle]) <= limit else (low, middle - 1)
    return line[:low]
