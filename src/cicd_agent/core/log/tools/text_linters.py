"""What the linters of scripts, styles, documents and commit messages print."""

from cicd_agent.core.log.kind import Kind
from cicd_agent.core.log.tool import Message, Tool

_ESLINT = Tool(
    "eslint",
    (
        Message(
            r"^\s+(?P<line>\d+):\d+\s+(?:✖|×|⚠|error|warning|Error|Warning)\s+\S",
            Kind.LINT_ERROR,
            ("error ", "warning ", "✖ ", "× ", "Error ", "Warning "),
            lead=1,
            goes_on=r"^\s+\d+:\d+\s+(?:✖|×|⚠|error|warning|Error|Warning)\s|^\s{10,}\S",
            says=r"^\s+(?P<line>\d+):\d+\s+(?:✖|×|error|Error)\s+\S(?:.*\s(?P<code>[\w@/-]+)$)?",
            most=40,
            example="""\
/src/src/bill.js
  14:9   error    'totl' is not defined         no-undef
  21:1   warning  Unexpected console statement  no-console""",
        ),
        Message(
            r"^✖ [1-9]\d* problems? \((?!0 errors)|^\s*[1-9]\d* problems? \([1-9]",
            Kind.LINT_ERROR,
            (" problem",),
            weight=0.5,
            example="✖ 2 problems (1 error, 1 warning)",
        ),
        Message(
            r"^(?P<path>/?[^\s:]+\.(?:[cm]?[jt]sx?|vue|svelte)): (?:line (?P<line>\d+), col \d+|(?:line )?\d+)",
            Kind.LINT_ERROR,
            (": line ",),
            example="src/bill.js: line 14, col 9, 'totl' is not defined. (W117)",
        ),
        Message(
            r"^\s*(?P<path>/?[^\s:]+\.(?:[cm]?[jt]sx?|es6|vue|coffee|css|scss|"
            r"less)):(?P<line>\d+):\d+:? (?!error TS)(?:error |warning )?[A-Z'\"]",
            Kind.LINT_ERROR,
            (
                ".js:",
                ".ts:",
                ".jsx:",
                ".tsx:",
                ".mjs:",
                ".cjs:",
                ".vue:",
                ".css:",
                ".scss:",
                ".less:",
                ".coffee:",
                ".es6:",
            ),
            goes_on=r"^\s+\S|^\S.*;$",
            weight=0.9,
            most=4,
            example="  /src/src/bill.js:14:9: Extra semicolon.",
        ),
        Message(
            r"^(?:standard|semistandard|xo): (?:Use|Unexpected|Run)|^Oops! Something went wrong! :\(|"
            r"^\S+ used undefined rules?|^ESLint (?:couldn't|found too many)|^(?:ERROR|"
            r"WARNING): (?P<path>[^\s:]+\.ts)[:\[](?P<line>\d+)",
            Kind.LINT_ERROR,
            ("standard: ", "xo: ", "Oops! ", "undefined rule", "ESLint ", "ERROR: ", "WARNING: "),
            goes_on=r"^\s+\S",
            weight=0.8,
            most=6,
            example="ERROR: src/bill.ts:14:9 - Missing semicolon",
        ),
        Message(
            r"^\s+(?:at )?(?:line )?\d+ \| |^Code style issues? .*|^(?P<path>\S+\.(?:jsx?|css|"
            r"scss)): [1-9]\d* (?:errors?|problems?)",
            Kind.LINT_ERROR,
            (" | ", "Code style issue", " error", " problem"),
            weight=0.3,
            goes_on=r"^\s+\d+ \|",
            most=6,
            example="src/bill.css: 2 errors",
        ),
    ),
    noise=(r"\(0 errors", r"\b0 problems"),
)

_STYLELINT = Tool(
    "stylelint",
    (
        Message(
            r"^(?P<path>\S+\.(?:s?css|less|sass|styl|html?))(?::(?P<line>\d+))?(?::\d+)? \[(?P<code>[EW])\] ",
            Kind.LINT_ERROR,
            ("[E] ", "[W] "),
            example="css/bill.scss:14 [E] PropertySortOrder: Properties should be ordered",
        ),
        Message(
            r"^\"?file:\S+\"?:(?P<line>\d+)\.\d+-\d+\.\d+: (?:error|info warning)|"
            r"^(?P<path>\S+\.html?)[: ](?:\[L)?\d+.*(?:error|Error|not allowed|Bad value|Stray|Unclosed)",
            Kind.LINT_ERROR,
            ("file:", ".html", ".htm"),
            example='"file:/src/bill.html":14.9-14.31: error: Attribute "totl" not allowed on element "div".',
        ),
    ),
)

_RUBOCOP = Tool(
    "rubocop",
    (
        Message(
            r"^(?:== )?(?P<path>[^\s:]+(?:\.\w+|file)):(?P<line>\d+):\d+: (?P<code>[CWEFR]): ",
            Kind.LINT_ERROR,
            (": C: ", ": W: ", ": E: ", ": F: ", ": R: "),
            goes_on=r"^\s*\^|^(?!Offenses|\S+:\d+|\d+ files).*$",
            closes=r"^\s*\^",
            most=4,
            example="""\
lib/bill.rb:14:3: C: [Correctable] Style/StringLiterals: Prefer single-quoted strings.
  "total"
  ^^^^^^^""",
        ),
        Message(
            r"^\d+ files? inspected, [1-9]\d* offen[cs]es? detected",
            Kind.LINT_ERROR,
            (" inspected, ",),
            weight=0.5,
            example="31 files inspected, 2 offenses detected",
        ),
    ),
)

_SHELLCHECK = Tool(
    "shellcheck",
    (
        Message(
            r"^In (?P<path>\S+) line (?P<line>\d+):$",
            Kind.LINT_ERROR,
            ("In ",),
            stops=r"^$|^For more information|^In \S+ line",
            says=r"\^-+\^? (?P<code>SC\d+)",
            most=10,
            example="""\
In build.sh line 14:
rm -rf $target
       ^-----^ SC2086 (info): Double quote to prevent globbing and word splitting.""",
        ),
        Message(
            r"^(?P<path>\S+?):(?P<line>\d+):(?:\d+:)? (?:error|warning|note|info|style): .*\[(?P<code>SC\d+)\]|"
            r"^(?P<script>\S+):(?P<at>\d+) (?P<rule>DL\d+|SC\d+) |^(?P<file>\S+\.(?:sh|bash)):\d+:\d+: ",
            Kind.LINT_ERROR,
            ("[SC", " DL", " SC", ".sh:", ".bash:"),
            example="Dockerfile:14 DL3008 warning: Pin versions in apt get install.",
        ),
    ),
)

_DOCUMENTS = Tool(
    "documents",
    (
        Message(
            r"^(?P<path>\S+\.(?:md|markdown|mdx|rst|txt|adoc)):(?P<line>\d+)(?!\d|:? \(?(?:ERROR|WARNING|"
            r"SEVERE))(?::\d+)?:? ?(?P<code>MD\d+|[\w-]+/\w+)?",
            Kind.LINT_ERROR,
            (".md:", ".markdown:", ".mdx:", ".rst:", ".txt:", ".adoc:"),
            weight=0.9,
            example="README.md:14:81 MD013/line-length Line length [Expected: 80; Actual: 92]",
        ),
        Message(
            r"^\s*(?:\[(?P<code>[45]\d\d)\]|\[✖\]|✖(?= http)|(?P<status>[45]\d\d)) +(?:https?://|/|\./|\S+\.(?:md|"
            r"html))",
            Kind.LINT_ERROR,
            ("] http", "✖", "[✖]", "[4", "[5", "404 ", "403 ", "500 ", "503 "),
            example="[404] https://example.org/bricks",
        ),
        Message(
            r"^\s*\d+\. \[L\d+\] \d{3} http|^> Links$|^ERROR: [1-9]\d* dead links? found|^- .* \*  ?(?:internally|"
            r"External|linking)|^HTML-Proofer found [1-9]|^(?:Found|Detected) \d+ (?:broken|dead)",
            Kind.LINT_ERROR,
            ("[L", "> Links", "dead link", "linking", "HTML-Proofer found", "broken", " dead"),
            goes_on=r"^\s*\d+\. \[L\d+\]|^> |^\s+\S",
            most=30,
            example="""\
> Links
  1. [L296] 301 https://example.org/a → https://example.org/b
> Dupes
  None ✓""",
        ),
        Message(
            r"^\s+(?P<line>\d+):\d+\s+(?:error|warning)\s+.*\((?P<code>[\w-]+)\)$|"
            r"^(?P<path>[^\s:]+\.ya?ml):(?P<at>\d+):\d+: \S",
            Kind.LINT_ERROR,
            ("error ", "warning ", ".yml:", ".yaml:"),
            goes_on=r"^\s+\d* ?\||^\s+\d+:\d+\s+(?:error|warning)",
            most=12,
            example="  14:1      error    wrong indentation: expected 4 but found 2  (indentation)",
        ),
        Message(
            r"^✖\s+(?:subject|type|header|body|scope|footer)\b.*\[(?P<code>[\w-]+)\]|^(?:⧗|✖) +(?:input|found)|"
            r"^Commit (?:message|title|subject) .*(?:must|should|does not|is not)|^.{0,60}(?:Signed-off-by|"
            r"DCO)\b.{0,40}(?:missing|not found|required)",
            Kind.LINT_ERROR,
            ("✖ ", "⧗ ", "Commit ", "Signed-off-by", "DCO"),
            example="✖   subject may not be empty [subject-empty]",
        ),
        Message(
            r"^(?P<path>[^\s:]+):(?P<line>\d+):(?:\d+:)? ?(?:.*==> \S|Line longer than \d|"
            r".*(?:[Tt]railing whitespace|misspell|No newline at end of file))|^\s*Unknown word \(",
            Kind.LINT_ERROR,
            (
                "==> ",
                "trailing whitespace",
                "misspell",
                "Unknown word",
                "Line longer than",
                "Trailing whitespace",
                "No newline at end",
            ),
            weight=0.9,
            example="docs/bill.md:14: recieve ==> receive",
        ),
        Message(
            r"^\^-{3,} (?:failure generated from|the above) ",
            Kind.LINT_ERROR,
            ("failure generated from", "^---- the above"),
            lead=10,
            most=11,
            weight=0.9,
            example="""\
src/bill.h seems to be missing the expected include guard:
  #ifndef BILL_H
  #define BILL_H
  ...
  #endif // BILL_H

a second line
a third
a fourth

^---- failure generated from test/lint/guards.sh""",
        ),
        Message(
            r"^>>> Lint for |^\s*(?:Error|Warning|Advice) \((?P<code>\w+)\) \S",
            Kind.LINT_ERROR,
            (">>> Lint for ", "Error (", "Warning (", "Advice ("),
            goes_on=r"^\s+\S|^$",
            most=20,
            weight=0.95,
            example="""\
>>> Lint for src/bill.py:

  Error (FLAKE8) F401
    'os' imported but unused

    >>>   1  |import os""",
        ),
        Message(
            r"^\S+: (?:missing|seems to be missing|doesn't (?:have|contain)|does not (?:have|contain)|"
            r"lacks) .*(?:license|licence|copyright|header|guard|newline|include)|"
            r"^(?:.{0,80}(?:[Ll]icen[cs]e|[Cc]opyright) headers? .{0,40}(?:missing|not found|invalid|incorrect|wrong))",
            Kind.LINT_ERROR,
            ("missing", "doesn't ", "does not ", "lacks ", "header"),
            most=4,
            example="src/bill.h: missing licence header",
        ),
    ),
)

TEXT_LINTERS = (_ESLINT, _STYLELINT, _RUBOCOP, _SHELLCHECK, _DOCUMENTS)
