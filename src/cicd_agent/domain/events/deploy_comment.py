"""What a comment asks of the gate: one line approves or overrides a deployment, if it is plain text of its author's."""

import re
from typing import Literal

from cicd_agent.domain.text.plain_text import mask_markup

LONGEST_REASON = 500
SHORT_HASH = re.compile(r"[0-9a-f]{8,64}")
"""What may stand for a hash: that it names one, and only one, is for its reader to find out."""
_COMMAND = re.compile(r"^(/(approve|override)-deploy)(?![^ \t\n])[ \t]*((\S*)[ \t]*(.*))$", re.MULTILINE)
_LONGEST_WORD = 80


def deploy_command(body: str) -> tuple[Literal["approve", "override"], str, str] | None:
    """What the first line that asks for something asks for, its hash, and the reason after it; None where none does.

    The line begins with the slash, in a paragraph that is shown as such: nothing that is quoted, struck, hidden, code
    or within an element of HTML asks for anything. The hash is "" where nothing stands there, or the reason does; what
    stands after an approval and is no SHORT_HASH is given as it is, so that it can be answered, and names nothing. The
    reason is at most 500 printable characters.
    """
    text = re.sub(r"\r\n?", "\n", body)
    matches = list(_COMMAND.finditer(text))
    plain = mask_markup(body) if matches else ""
    for match in matches:
        if not plain.startswith(match[1], match.start()):
            continue
        kind: Literal["approve", "override"] = "approve" if match[2] == "approve" else "override"
        word, reason = match[4], match[5]
        if SHORT_HASH.fullmatch(word.lower()):
            if not plain.startswith(word, match.start(4)):
                continue
            word = word.lower()
        elif kind == "override":
            word, reason = "", match[3]
        return kind, _printable(word, _LONGEST_WORD), _printable(reason, LONGEST_REASON)
    return None


def _printable(text: str, limit: int) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:limit]).strip()
