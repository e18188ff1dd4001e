"""What a comment asks of the gate: one line approves or overrides a deployment, if it is plain text of its author's."""

import re
from typing import Literal

from cicd_agent.domain.text.plain_text import mask_markup

LONGEST_REASON = 500
COMMAND = re.compile(r"^(/(approve|override)-deploy[ \t]+([0-9a-f]{12,64})\b)[ \t]*(.*)$", re.MULTILINE)


def deploy_command(body: str) -> tuple[Literal["approve", "override"], str, str] | None:
    """What the first line that asks for something asks for, its hash, and the reason after it; None where none does.

    The line begins with the slash, in a paragraph that is shown as such: nothing that is quoted, struck, hidden, code
    or within an element of HTML asks for anything. The reason is at most 500 printable characters.
    """
    text = re.sub(r"\r\n?", "\n", body)
    matches = list(COMMAND.finditer(text))
    plain = mask_markup(body) if matches else ""
    for match in matches:
        if plain.startswith(match[1], match.start()):
            kind: Literal["approve", "override"] = "approve" if match[2] == "approve" else "override"
            reason = "".join(char if char.isprintable() else " " for char in match[4][:LONGEST_REASON])
            return kind, match[3], reason.strip()
    return None
