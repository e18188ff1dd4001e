"""JavaScript and TypeScript, line by line: the shapes that are dangerous wherever they stand."""

import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.rule import Checks, Hit

_EXEC = re.compile(
    r"(?<![\w.])(?:child_process\.|cp\.)?exec(?:Sync)?\(\s*(?:`[^`]*\$\{|['\"][^'\"]*['\"]\s*\+|[\w.]+\s*\+\s*['\"])"
)
_HTML = re.compile(
    r"\.(?:inner|outer)HTML\s*\+?=(?!=)\s*(.*)$|\bdocument\.write(?:ln)?\((.*)$|\.insertAdjacentHTML\([^,]*,(.*)$"
)
_REACT_HTML = re.compile(r"dangerouslySetInnerHTML\s*=\s*\{\{\s*__html:\s*(.*)$")
_SAFE_HTML = re.compile(
    r"""^\s*(?:(['"])[^'"]*\1|`[^`$]*`)\s*(?:\+\s*)?[;),}]*\s*\}*\s*[/>]*\s*(?://.*)?$|(?i:sanitize|purify|escape|trusted)"""
)


def _shell(context: FileContext) -> Iterator[Hit]:
    if context.head is None or "child_process" in context.head:
        yield from (Hit(number) for number, text in context.script if _EXEC.search(text))


def _html(context: FileContext) -> Iterator[Hit]:
    for number, text in context.script:
        match = _HTML.search(text) or _REACT_HTML.search(text)
        value = next((group for group in match.groups() if group is not None), "") if match else ""
        if value.strip() and not _SAFE_HTML.search(value):
            yield Hit(number)


CHECKS: Checks = {
    "js-shell-injection": _shell,
    "js-html-injection": _html,
}
