"""JavaScript and TypeScript, line by line: the shapes that are dangerous wherever they stand."""

import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.rule import Checks, Hit

_EVAL = re.compile(r"(?<![\w.$])eval\(\s*(?!['\"][^'\"]*['\"]\s*\))[^)\s]|\bnew Function\(\s*[^)\s]")
_TIMER = re.compile(r"\bset(?:Timeout|Interval)\(\s*(?:`[^`]*\$\{|['\"][^'\"]*['\"]\s*\+)")
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
_TLS = re.compile(r"\brejectUnauthorized\s*:\s*false\b|NODE_TLS_REJECT_UNAUTHORIZED['\"]?\]?\s*[=:]\s*['\"]?0")
_SQL = re.compile(
    r"\.(?:query|execute|raw|\$queryRawUnsafe|\$executeRawUnsafe)\(\s*(?:"
    r"`\s*(?:select|insert\s+into|update|delete\s+from)\s[^`]*\$\{"
    r"|['\"]\s*(?:select|insert\s+into|update|delete\s+from)\s[^'\"]*['\"]\s*\+)",
    re.IGNORECASE,
)
_DEBUGGER = re.compile(r"(?:^|[;{}\s])debugger\s*;?\s*(?:$|//)")


def _lines(context: FileContext, *patterns: re.Pattern[str]) -> Iterator[int]:
    for number, text in context.script:
        if any(pattern.search(text) for pattern in patterns):
            yield number


def _dynamic_code(context: FileContext) -> Iterator[Hit]:
    yield from map(Hit, _lines(context, _EVAL, _TIMER))


def _shell(context: FileContext) -> Iterator[Hit]:
    if context.head is None or "child_process" in context.head:
        yield from map(Hit, _lines(context, _EXEC))


def _html(context: FileContext) -> Iterator[Hit]:
    for number, text in context.script:
        match = _HTML.search(text) or _REACT_HTML.search(text)
        value = next((group for group in match.groups() if group is not None), "") if match else ""
        if value.strip() and not _SAFE_HTML.search(value):
            yield Hit(number)


def _tls(context: FileContext) -> Iterator[Hit]:
    yield from map(Hit, _lines(context, _TLS))


def _sql(context: FileContext) -> Iterator[Hit]:
    yield from map(Hit, _lines(context, _SQL))


def _debugger(context: FileContext) -> Iterator[Hit]:
    yield from map(Hit, _lines(context, _DEBUGGER))


CHECKS: Checks = {
    "js-dynamic-code": _dynamic_code,
    "js-shell-injection": _shell,
    "js-html-injection": _html,
    "js-tls-verification-off": _tls,
    "js-sql-injection": _sql,
    "js-debugger": _debugger,
}
