"""What analysers of types, security and size print of a change they do not accept."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_FLOW = Tool(
    "flow",
    (
        Message(
            r"^Error [┈-]{3,} (?P<path>[^\s:]+):(?P<line>\d+):\d+",
            Kind.LINT_ERROR,
            ("Error ┈", "Error --"),
            stops=r"^Error [┈-]{3,}|^Found \d+ errors?",
            most=20,
            example="""\
Error ┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈ src/bill.js:14:9

Cannot call `totl` because it is not defined [incompatible-call].

     14| const sum = totl(items);
""",
        ),
    ),
)

_CPP = Tool(
    "cppcheck and cpplint",
    (
        Message(
            r"^\[(?P<path>[^\s:\]]+):(?P<line>\d+)\]: \((?P<code>\w+)\) ",
            Kind.LINT_ERROR,
            ("]: (",),
            example="[src/bill.c:14]: (error) Array index out of bounds: items",
        ),
        Message(
            r"^(?P<path>[^\s:]+):(?P<line>\d+):  .*\[(?P<code>\w+/\w+)\] \[\d\]$",
            Kind.LINT_ERROR,
            ("] [",),
            example="src/bill.cc:14:  Missing space before {  [whitespace/braces] [5]",
        ),
        Message(
            r"^Total errors found: [1-9]",
            Kind.LINT_ERROR,
            ("Total errors found: ",),
            weight=0.4,
            example="Total errors found: 3",
        ),
    ),
)

_HLINT = Tool(
    "hlint",
    (
        Message(
            r"^(?P<path>[^\s:]+\.hs):(?P<line>\d+):\d+(?:-\d+)?: (?:Error|Warning|Suggestion): ",
            Kind.LINT_ERROR,
            (": Error: ", ": Warning: ", ": Suggestion: "),
            goes_on=r"^(?:Found|Perhaps|Why not|Note):|^\s+\S",
            most=8,
            example="""\
src/Bill.hs:14:9: Warning: Use sum
Found:
  foldr (+) 0
Perhaps:
  sum""",
        ),
    ),
)

_STYLE = Tool(
    "jscs and coffeelint",
    (
        Message(
            r"^\S.* at (?P<path>\./\S+) ?:$",
            Kind.LINT_ERROR,
            (" at ./",),
            goes_on=r"^\s*\d+ \||^-{3,}\^",
            most=8,
            example="""\
Missing space after keyword at ./src/bill.js :
    13 |
    14 |if(total) {
----------^""",
        ),
        Message(
            r"^\s+✗ #(?P<line>\d+): ",
            Kind.LINT_ERROR,
            ("✗ #",),
            lead=1,
            example="""\
  ✗ src/bill.coffee
     ✗ #14: Line exceeds maximum allowed length. Length is 92, max is 80.""",
        ),
    ),
)

_AUDITS = Tool(
    "audits",
    (
        Message(
            r"^(?:found [1-9]\d* (?:\w+ severity )?vulnerabilit|[1-9]\d* (?:\w+ severity )?vulnerabilit(?:y|ies)|"
            r"error: [1-9]\d* vulnerabilit|"
            r"Found [1-9]\d* known vulnerabilit|Vulnerabilities found!|✗ (?:Critical|High|Medium|Low) severity|"
            r"Total: [1-9]\d* \([A-Z]+: \d)",
            Kind.DEPENDENCY,
            ("ulnerabilit", " severity", "Total: "),
            weight=0.6,
            example="Found 1 known vulnerability in 1 package",
        ),
        Message(
            r"^(?:ID|Crate|Name|Advisory): +(?:RUSTSEC-|CVE-|GHSA-)|^(?P<code>(?:RUSTSEC|CVE|GHSA|PYSEC)-[\w-]+)\b",
            Kind.DEPENDENCY,
            ("RUSTSEC-", "CVE-", "GHSA-", "PYSEC-"),
            goes_on=r"^(?:Solution|Title|URL|Date|Version|Severity|Criticality|Dependency tree|ID):",
            weight=0.7,
            most=8,
            example="""\
ID:        RUSTSEC-2099-0001
URL:       https://example.org/advisories/RUSTSEC-2099-0001
Solution:  Upgrade to >=9.1""",
        ),
        Message(
            r"^\s*Package size limit has exceeded by|^\s*FAIL\s+\S+: [\d.]+ ?\w?B .*(?:>|maximum|max)|"
            r"^.{0,80}exceeded maximum budget|QUALITY GATE STATUS: FAILED|"
            r"^(?:Budget|Bundle size|Size) .{0,80}(?:exceed|larger)|^(?:Error: )?bundle \w+ exceeded",
            Kind.LINT_ERROR,
            ("size limit", "FAIL", "maximum budget", "QUALITY GATE", "Budget", "Bundle size", "Size ", "exceeded"),
            weight=0.95,
            goes_on=r"^\s+(?:Package size|Size limit|Size|Limit):? ",
            most=4,
            example="""\
  Package size limit has exceeded by 3.1 kB
  Size limit: 28 kB
  Size:       31.1 kB""",
        ),
    ),
    noise=(r"^found 0 vulnerabilit",),
)

ANALYSERS = (_FLOW, _CPP, _HLINT, _STYLE, _AUDITS)
