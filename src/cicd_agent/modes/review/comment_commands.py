"""Reads whether a comment speaks to the reviewer, and which command it gives: by code alone, never by a model."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_NAME = re.compile(
    r"""(?:^|(?<=[\s(\[{"',;:*_]))     # not within an address, a path or another word
        [@/][Cc][Ii][Cc][Dd]-[Aa][Gg][Ee][Nn][Tt](?:\[bot\])?
        (?![\w@/-]|\.\w)""",  # @cicd-agents, @cicd-agent/team, @cicd-agent.example
    re.VERBOSE,
)
_AFTER = " \t,:"
_REVIEW_OF = re.compile(r"review[ \t]+([0-9a-f]{7,64})")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_QUOTED = re.compile(r" {0,3}>")
_INDENTED = re.compile(r" {4}| {0,3}\t")
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_CODE = "`"
"""What stands for a code span: a character that neither begins a mention nor lets one begin after it."""


class Command(StrEnum):
    """What is asked for."""

    REVIEW = "review"
    HELP = "help"
    TALK = "talk"
    """Anything in a person's own words."""


@dataclass(frozen=True, slots=True)
class ParsedComment:
    """How a comment speaks to the reviewer. `leads`: the name is the first thing it says.

    `commit` is the beginning of the id of the commit that a command is about, "" when it names none.
    """

    command: Command
    leads: bool
    commit: str = ""


def parse_comment(body: str) -> ParsedComment | None:
    """How the comment speaks to us, None when it does not.

    What GitHub shows as a quotation or as code, and what it does not show, counts for nothing. Only the name at the
    very beginning makes a command, and only when its line holds one command and nothing else; the name alone asks for
    help.
    """
    text = _own_text(body).strip()
    match = next(_names(text), None)
    if match is None:
        return None
    if match.start() > 0:
        return ParsedComment(Command.TALK, leads=False)
    # The name said twice is the name.
    rest = text[match.end() :].lstrip(_AFTER)
    while again := next((name for name in _names(rest) if name.start() == 0), None):
        rest = rest[again.end() :].lstrip(_AFTER)
    line = rest.partition("\n")[0].strip().rstrip(".!").lower()
    if named := _REVIEW_OF.fullmatch(line):
        return ParsedComment(Command.REVIEW, leads=True, commit=named[1])
    commands = {"review": Command.REVIEW, "help": Command.HELP} if rest.strip() else {"": Command.HELP}
    return ParsedComment(commands.get(line, Command.TALK), leads=True)


def _names(text: str) -> Iterator[re.Match[str]]:
    """Where the name stands; followed by a mark or something invisible it is another name that looks like it."""
    for match in _NAME.finditer(text):
        if unicodedata.category(text[match.end() : match.end() + 1] or " ") not in {"Mn", "Mc", "Me", "Cf"}:
            yield match


def _own_text(body: str) -> str:
    """The body without quotations, code, comments and tags. In doubt too much is taken away, never too little."""
    text = "\n".join(_plain(body.replace("\r\n", "\n").split("\n")))
    return _TAG.sub("", _without_code(_HIDDEN.sub("", text)))


def _plain(lines: list[str]) -> Iterator[str]:
    closing = ""
    for line in lines:
        fence = _FENCE.match(line)
        if closing:
            if fence and fence[1].startswith(closing) and not line.strip().strip(closing[0]):
                closing = ""
            yield ""
        elif fence:
            closing = fence[1]
            yield ""
        else:
            yield "" if _QUOTED.match(line) or _INDENTED.match(line) else line


def _without_code(text: str) -> str:
    """Runs of as many backticks open and close a span; one that is never closed is a run of plain backticks."""
    tokens = re.split(r"(`+)", text)
    last = {run: at for at, run in enumerate(tokens) if at % 2}
    parts: list[str] = []
    at = 0
    while at < len(tokens):
        parts.append(_CODE if at % 2 else tokens[at])
        if at % 2 and last[tokens[at]] > at:
            at = tokens.index(tokens[at], at + 2)
        at += 1
    return "".join(parts)
