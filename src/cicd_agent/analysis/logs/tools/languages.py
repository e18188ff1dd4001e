"""What the tools of smaller languages, and of TeX, print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_DART = Tool(
    "dart",
    (
        Message(
            r"^\s*(?:error|warning|info|ERROR|WARNING|INFO) (?:•|-|\|) .* (?:•|-|\|"
            r") (?P<path>\S+\.dart):(?P<line>\d+):\d+ (?:•|-|\|) (?P<code>\w+)$",
            Kind.LINT_ERROR,
            (" • ", ".dart:"),
            example="  error • Undefined name 'totl' • lib/bill.dart:14:9 • undefined_identifier",
        ),
        Message(
            r"^(?P<path>[\w./-]+\.dart):(?P<line>\d+):\d+: Error: ",
            Kind.BUILD_ERROR,
            (": Error: ",),
            goes_on=r"^\s+\S|^\S.*;$",
            most=5,
            example="""\
lib/bill.dart:14:9: Error: Method not found: 'totl'.
    var s = totl(items);
            ^^^^""",
        ),
        Message(
            r"^\d\d:\d\d (?:\+\d+ )(?:~\d+ )?-\d+: (?P<test>.*) \[E\]$",
            Kind.TEST_FAILURE,
            (" [E]",),
            goes_on=r"^\s+\S|^$",
            most=14,
            example="""\
00:01 +3 -1: adds what was ordered [E]
  Expected: <5>
    Actual: <4>
  test/bill_test.dart 13:5  main.<fn>""",
        ),
        Message(
            r"^══╡ EXCEPTION CAUGHT BY|^Because .* version solving failed\.|^The Dart VM|^pub get failed|"
            r"^Some tests failed\.|^\[!\] (?:Flutter|Android)|^Gradle task \S+ failed",
            Kind.TEST_FAILURE,
            (
                "EXCEPTION CAUGHT BY",
                "version solving failed",
                "pub get failed",
                "Some tests failed",
                "[!] ",
                "Gradle task ",
            ),
            stops=r"^═{20,}$",
            weight=0.8,
            most=16,
            example="""\
══╡ EXCEPTION CAUGHT BY FLUTTER TEST FRAMEWORK ╞══
The following TestFailure was thrown running a test:
Expected: exactly one matching candidate""",
        ),
    ),
)

_NIM = Tool(
    "nim, crystal and D",
    (
        Message(
            r"^(?P<path>\S+\.(?:nims?|d|di|cr|zig|v|pas|adb|ads|hx))\((?P<line>\d+)(?:,\s?\d+)?\):? (?:Error|error|"
            r"Fatal|Deprecation: .*Error):? ",
            Kind.BUILD_ERROR,
            (") Error", "): Error", ") error", "): error", ") Fatal"),
            goes_on=r"^\s+\S|^\S+\(\d+(?:,\s?\d+)?\):\s{2,}",
            most=6,
            example="src/bill.nim(14, 9) Error: undeclared identifier: 'totl'",
        ),
        Message(
            r"^(?:In (?P<path>\S+\.cr):(?P<line>\d+):\d+|Error in (?:\S+\.cr:\d+|line \d+): |Showing last frame\.)",
            Kind.BUILD_ERROR,
            (".cr:", "Error in ", "Showing last frame"),
            goes_on=r"^\s|^$|^Error: ",
            most=12,
            example="""\
In src/bill.cr:14:9

 14 | totl(items)
      ^---
Error: undefined method 'totl' for top-level""",
        ),
        Message(
            r"^\s*\[(?:FAILED|Suite FAILED)\] (?P<test>\S.*)$|^core\.exception\.\w+@(?P<path>\S+)\((?P<line>\d+)\)|"
            r"^Error: unhandled exception: |^\S+ ld returned|^.*\.d\(\d+\): \[unittest\]",
            Kind.TEST_FAILURE,
            ("[FAILED] ", "core.exception.", "unhandled exception: ", "[unittest]"),
            goes_on=r"^\s+\S|^-{10,}",
            most=10,
            example="core.exception.AssertError@source/bill.d(13): 4 != 5",
        ),
        Message(
            r"^(?P<path>\S+\.zig):(?P<line>\d+):\d+: error: .*|^\S+\.hx:\d+: (?:characters|lines) [\d-]+ : |"
            r"^error: the following (?:build )?command|^\d+/\d+ .*\.\.\.FAIL",
            Kind.BUILD_ERROR,
            (": error: ", ".hx:", "error: the following", "FAIL"),
            goes_on=r"^\s+\S",
            most=6,
            example="""\
src/bill.zig:14:9: error: use of undeclared identifier 'totl'
    return totl(items);
           ^~~~""",
        ),
    ),
)

_FORTRAN = Tool(
    "fortran",
    (
        Message(
            r"^\s*(?:Error: |Fatal Error: )(?P<text>.* at \(\d\)|Can't open|Cannot open|Symbol|Syntax)",
            Kind.BUILD_ERROR,
            ("Error: ",),
            lead=4,
            most=6,
            goes_on=r"^f951: |^compilation terminated",
            example="""\
src/bill.f90:14:9:

   14 |   s = totl(items)
      |         1
Error: Symbol 'totl' at (1) has no IMPLICIT type""",
        ),
        Message(
            r"^(?:At line (?P<line>\d+) of file (?P<path>\S+)|Fortran runtime error: |(?:ERROR|STOP) STOP)",
            Kind.UNKNOWN,
            ("At line ", "Fortran runtime error", " STOP"),
            goes_on=r"^Fortran runtime error: |^Error termination|^$|^#\d",
            most=6,
            example="""\
At line 14 of file src/bill.f90
Fortran runtime error: Index '3' of dimension 1 of array 'items' above upper bound of 2""",
        ),
    ),
)

_TEX = Tool(
    "tex",
    (
        Message(
            r"^! (?!=|Installing |Couldn't find|Bailing|Finding|Configure|Testing|Failed |The following)\S",
            Kind.BUILD_ERROR,
            ("! ",),
            stops=r"^(?:\)|\[\d+\]|Output written|Here is how much)",
            closes=r"^l\.\d+",
            most=12,
            example="""\
! Undefined control sequence.
<recently read> \\totl

l.14 The sum is \\totl""",
        ),
        Message(
            r"^(?P<path>\./?\S+\.\w+):(?P<line>\d+): (?!error|warning|note|fatal)[A-Z]\S.*$",
            Kind.BUILD_ERROR,
            (".tex:", ".sty:", ".cls:", ".bib:"),
            closes=r"^l\.\d+",
            most=8,
            example="""\
./bill.tex:14: Undefined control sequence.
l.14 The sum is \\totl""",
        ),
        Message(
            r"^(?:!  ?==> Fatal error occurred|Latexmk: (?:Errors|Nonzero|If appropriate|applying)|"
            r"Collected error summary|Rule '\w*latex'|latex failed|I (?:couldn't open|found no) )|"
            r"^(?:LaTeX|Package \w+|Class \w+) Error: |^\S+: (?:command not found: )?(?:pdf|xe|lua)latex",
            Kind.BUILD_ERROR,
            (
                "==> Fatal error",
                "Latexmk: ",
                "Collected error summary",
                "Rule '",
                "I couldn't",
                "I found no",
                " Error: ",
                "latex",
            ),
            goes_on=r"^\s+\S",
            weight=0.7,
            most=5,
            example="Latexmk: Errors, so I did not complete making targets",
        ),
    ),
    noise=(r"^! ?$",),
)

_TEXT = Tool(
    "data formats",
    (
        Message(
            r"(?:found character that cannot start any token|did not find expected |mapping values are not allowed|"
            r"could not find expected ':'|block sequence entries are not allowed|"
            r"found undefined (?:tag|alias)|could not determine a constructor|(?:yaml|YAML)(?:\.\w+)*(?:Exception|"
            r"Error|error|SyntaxError)\b|found duplicate key|while (?:scanning|parsing) a (?:block|simple|flow|quoted|"
            r"node))",
            Kind.CONFIGURATION,
            (
                "found character",
                "did not find expected",
                "mapping values",
                "could not find expected",
                "block sequence",
                "found undefined",
                "determine a constructor",
                "yaml",
                "YAML",
                "found duplicate key",
                "while scanning",
                "while parsing",
            ),
            goes_on=r'^\s+in "|^\s+(?:could not|found|expected|did not)',
            weight=0.9,
            most=5,
            example="(docs/bill.md): did not find expected key while parsing a block mapping at line 3 column 1",
        ),
        Message(
            r"(?:Unexpected (?:token .{1,20} in JSON|end of JSON input|string in JSON)|JSONDecodeError: |(?:json|"
            r"JSON)(?:\.\w+|::)?\w*(?:ParserError|ParseError)|Expecting (?:value|property name|',' delimiter): line|"
            r"invalid character .{1,6} (?:looking for|after)|parse error: Invalid|toml\S*(?:Error|error)|"
            r"TOML parse error|TOMLDecodeError|Error parsing (?:JSON|YAML|TOML|file)|jq: error)",
            Kind.CONFIGURATION,
            (
                "JSON",
                "json",
                "Expecting ",
                "invalid character",
                "parse error",
                "toml",
                "TOML",
                "Error parsing",
                "jq: error",
            ),
            weight=0.85,
            example="SyntaxError: Unexpected token } in JSON at position 31",
        ),
        Message(
            r"^\S+:(?P<line>\d+):(?:\d+:)? parser error : |^xmllint: |not well-formed|XML(?:Syntax|Parse)\w*Error|"
            r"SAXParseException|: element \w+: (?:Schemas validity|validity) error",
            Kind.CONFIGURATION,
            (
                "parser error : ",
                "xmllint: ",
                "not well-formed",
                "XMLSyntax",
                "XMLParse",
                "SAXParseException",
                "validity error",
            ),
            weight=0.9,
            most=3,
            goes_on=r"^<|^\s*\^",
            example="""\
bill.xml:14: parser error : Opening and ending tag mismatch: sum line 9 and bill
</bill>
       ^""",
        ),
    ),
)

LANGUAGES = (_DART, _NIM, _FORTRAN, _TEX, _TEXT)
