"""Reads whether a comment speaks to the reviewer, and which command it gives: by code alone, never by a model."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cicd_agent.domain.text.plain_text import HIDDEN, mask_markup

_NAME = re.compile(
    r"""(?:^|(?<=[\s(\[{"',;:*_]))     # not within an address, a path or another word
        [@/][Cc][Ii][Cc][Dd]-[Aa][Gg][Ee][Nn][Tt](?:\[bot\])?
        (?![\w@/-]|\.\w)""",  # @cicd-agents, @cicd-agent/team, @cicd-agent.example
    re.VERBOSE,
)
_AFTER = " \t,:"
_REVIEW_OF = re.compile(r"review[ \t]+([0-9a-f]{7,64})")


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

    Only plain text counts, not what is quoted, struck, hidden, code or within an element of HTML. Only the name at the
    very beginning makes a command, and only when its line holds one command and nothing else; the name alone asks for
    help.
    """
    text = mask_markup(body).replace(HIDDEN, "").strip()
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
