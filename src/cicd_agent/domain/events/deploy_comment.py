"""What a comment says to the gate: one line approves or overrides a deployment, and nothing that is quoted does."""

import re
from collections.abc import Iterator
from typing import Literal

LONGEST_REASON = 500
COMMAND = re.compile(r"/(approve|override)-deploy[ \t]+([0-9a-f]{12,64})\b[ \t]*(.*)")
QUOTED = re.compile(r" {0,3}>")
HTML = re.compile(r"<(pre|blockquote|details|script|style|textarea|template)\b", re.IGNORECASE)
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


def deploy_command(body: str) -> tuple[Literal["approve", "override"], str, str] | None:
    """What the first line that says something asks for, its hash, and the reason that follows; None where none does.

    The line begins with the slash. What stands in a quotation, in a code fence, in a block of HTML that quotes or in a
    comment of HTML is shown or hidden, not said. The reason is at most 500 printable characters.
    """
    for line in _own_lines(body):
        if match := COMMAND.fullmatch(line):
            kind: Literal["approve", "override"] = "approve" if match[1] == "approve" else "override"
            reason = "".join(char if char.isprintable() else " " for char in match[3][:LONGEST_REASON])
            return kind, match[2], reason.strip()
    return None


def _own_lines(body: str) -> Iterator[str]:
    """The lines outside of code fences, quotations and HTML comments; one that is left open lasts to the end."""
    fence, hidden, quoting, shown = "", False, False, ""
    for line in re.split(r"\r\n|\r|\n", body):
        # Without an empty line between, what follows a quotation is a part of it.
        quoting = bool(line.strip()) and (quoting or QUOTED.match(line) is not None)
        block = HTML.search(line)
        if not fence and not hidden and not shown and block is not None:
            shown = block[1].lower()
        if shown:
            shown = "" if f"</{shown}" in line.lower() else shown
            continue
        opening = FENCE.fullmatch(line)
        if hidden:
            hidden = "-->" not in line
        elif fence:
            closes = opening is not None and opening[1].startswith(fence) and not opening[2].strip()
            fence = "" if closes else fence
        elif opening is not None and not (opening[1][0] == "`" and "`" in opening[2]):
            fence = opening[1]
        else:
            hidden = "<!--" in line and "-->" not in line[line.rfind("<!--") :]
            if not quoting:
                yield line
