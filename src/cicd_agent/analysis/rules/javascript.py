"""JavaScript and TypeScript, line by line: the shapes that are dangerous wherever they stand."""

import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import Look
from cicd_agent.analysis.rules.rule import NOT_OURS, Example, Hit, Rule
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.paths import PathKind

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


def _lines(look: Look, *patterns: re.Pattern[str]) -> Iterator[int]:
    for number, text in look.script:
        if any(pattern.search(text) for pattern in patterns):
            yield number


def _dynamic_code(look: Look) -> Iterator[Hit]:
    yield from map(Hit, _lines(look, _EVAL, _TIMER))


def _shell(look: Look) -> Iterator[Hit]:
    if look.head is None or "child_process" in look.head:
        yield from map(Hit, _lines(look, _EXEC))


def _html(look: Look) -> Iterator[Hit]:
    for number, text in look.script:
        found = _HTML.search(text) or _REACT_HTML.search(text)
        value = next((group for group in found.groups() if group is not None), "") if found else ""
        if value.strip() and not _SAFE_HTML.search(value):
            yield Hit(number)


def _tls(look: Look) -> Iterator[Hit]:
    yield from map(Hit, _lines(look, _TLS))


def _sql(look: Look) -> Iterator[Hit]:
    yield from map(Hit, _lines(look, _SQL))


def _debugger(look: Look) -> Iterator[Hit]:
    yield from map(Hit, _lines(look, _DEBUGGER))


JAVASCRIPT = (
    Rule(
        id="js-dynamic-code",
        since="0.1",
        title="Text is run as code",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="`eval`, `new Function`, timers given text that is put together",
        why="Whoever can influence the text runs code in this page or process.",
        remedy="Use `JSON.parse`, or a table of the functions that may be named.",
        bad=Example("calc.js", "export const total = (text) => eval(text);\n"),
        good=Example("calc.js", "export const total = (text) => JSON.parse(text);\n"),
        check=_dynamic_code,
        confidence=0.8,
    ),
    Rule(
        id="js-shell-injection",
        since="0.1",
        title="A shell runs a command put together from text",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="`exec` and `execSync` of child_process with a template or `+`",
        why="A `;` or `$(…)` in any part of the text is a command.",
        remedy="Use `execFile` with a list of arguments.",
        bad=Example(
            "pack.js", 'import { exec } from "child_process";\nexport const pack = (name) => exec(`tar cf ${name}`);\n'
        ),
        good=Example(
            "pack.js",
            'import { execFile } from "child_process";\nexport const pack = (name) => execFile("tar", ["cf", name]);\n',
        ),
        check=_shell,
        confidence=0.85,
    ),
    Rule(
        id="js-html-injection",
        since="0.1",
        title="Text becomes markup",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at="`innerHTML`, `document.write`, `dangerouslySetInnerHTML` with anything but a literal",
        why="Text of a user that contains markup becomes markup of the page, scripts too.",
        remedy="Use `textContent`, or sanitise the markup first.",
        bad=Example("page.js", "export const greet = (box, name) => { box.innerHTML = name; };\n"),
        good=Example("page.js", "export const greet = (box, name) => { box.textContent = name; };\n"),
        check=_html,
        confidence=0.7,
    ),
    Rule(
        id="js-tls-verification-off",
        since="0.1",
        title="Certificates are not checked",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="`rejectUnauthorized: false`, `NODE_TLS_REJECT_UNAUTHORIZED=0`",
        why="Anyone between the two ends can read and change everything, and nobody notices.",
        remedy="Give the client the right CA (`ca:`) instead of no check.",
        bad=Example("agent.js", "export const options = { rejectUnauthorized: false };\n"),
        good=Example("agent.js", "export const options = { rejectUnauthorized: true };\n"),
        check=_tls,
        confidence=0.95,
    ),
    Rule(
        id="js-sql-injection",
        since="0.1",
        title="SQL is put together from text",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="templates and `+` given to `query`, `execute`, `raw`",
        why="A quote in any part of the text ends the string and starts SQL.",
        remedy="Pass the values as parameters: `query(statement, values)`.",
        bad=Example("db.js", "export const user = (db, id) => db.query(`SELECT * FROM users WHERE id = ${id}`);\n"),
        good=Example("db.js", 'export const user = (db, id) => db.query("SELECT * FROM users WHERE id = ?", [id]);\n'),
        check=_sql,
        confidence=0.85,
    ),
    Rule(
        id="js-debugger",
        since="0.1",
        title="A debugger is left behind",
        severity=Severity.MEDIUM,
        category=Category.RELIABILITY,
        looks_at="`debugger` statements; `console.log` is no rule here, too many are meant",
        why="Every browser with open tools stops there.",
        remedy="Remove the statement.",
        bad=Example("job.js", "export const run = (job) => {\n  debugger;\n  return job();\n};\n"),
        good=Example("job.js", "export const run = (job) => {\n  return job();\n};\n"),
        check=_debugger,
        confidence=0.95,
        quiet_in=NOT_OURS | {PathKind.DOCS, PathKind.EXAMPLE},
    ),
)
