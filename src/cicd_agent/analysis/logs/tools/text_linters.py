"""What the linters of scripts and styles print."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_ESLINT = Tool(
    "eslint",
    (
        Message(
            r"^\s+(?P<line>\d+):\d+\s+(?:✖|×|error|Error)\s+\S(?:.*\s(?P<code>[\w@/-]+)$)?",
            Kind.LINT_ERROR,
            ("error ", "✖ ", "× ", "Error "),
            lead=1,
            goes_on=r"^\s+\d+:\d+\s+(?:✖|×|⚠|error|warning|Error|Warning)\s|^\s{10,}\S",
            most=40,
            example="""\
/src/src/bill.js
  14:9   error    'totl' is not defined         no-undef
  21:1   warning  Unexpected console statement  no-console""",
        ),
        Message(
            r"^\s+(?P<line>\d+):\d+\s+(?:⚠|warning|Warning)\s+\S",
            Kind.LINT_ERROR,
            ("warning ", "⚠ ", "Warning "),
            lead=1,
            goes_on=r"^\s+\d+:\d+\s+(?:⚠|warning|Warning)\s",
            weight=0.45,
            most=20,
            example="""\
/src/src/bill.js
  21:1  warning  Unexpected console statement  no-console""",
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
            r"^(?P<path>\S+\.(?:jsx?|css|scss)): [1-9]\d* (?:errors?|problems?)$",
            Kind.LINT_ERROR,
            (" error", " problem"),
            weight=0.5,
            example="src/bill.css: 2 errors",
        ),
    ),
    noise=(r"\(0 errors", r"\b0 problems"),
)

_TSLINT = Tool(
    "tslint",
    (
        Message(
            r"^(?:\((?:error|warning)\) )?(?P<path>[^\s\[]+\.tsx?)\[(?P<line>\d+), ?\d+\]: ",
            Kind.LINT_ERROR,
            (".ts[", ".tsx["),
            example="src/bill.ts[14, 9]: missing semicolon",
        ),
    ),
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
            r"^(?P<script>\S+):(?P<at>\d+) (?P<rule>DL\d+|SC\d+) |^(?P<file>\S+\.(?:sh|bash|vim|fish|pp|"
            r"ps1)):\d+:\d+: ",
            Kind.LINT_ERROR,
            ("[SC", " DL", " SC", ".sh:", ".bash:", ".vim:", ".fish:", ".pp:", ".ps1:"),
            example="Dockerfile:14 DL3008 warning: Pin versions in apt get install.",
        ),
    ),
)

TEXT_LINTERS = (_ESLINT, _TSLINT, _STYLELINT, _RUBOCOP, _SHELLCHECK)
