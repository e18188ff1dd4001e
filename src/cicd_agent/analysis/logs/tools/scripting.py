"""What the tools of Perl, Lua, Julia, R and the editors print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_PERL = Tool(
    "perl",
    (
        Message(
            r"^\s*#\s+Failed (?:\(TODO\) )?test (?:'(?P<test>.*)'|\d+|at )|"
            r"^#\s+at (?P<path>\S+\.t) line (?P<line>\d+)\.",
            Kind.TEST_FAILURE,
            ("Failed test ", "#   at ", "Failed (TODO)"),
            goes_on=r"^\s*#(?!\s+(?:Failed test|Looks like|Subtest))",
            most=16,
            example="""\
#   Failed test 'adds what was ordered'
#   at t/bill.t line 13.
#          got: '4'
#     expected: '5'""",
        ),
        Message(
            r"^\s*# Looks like (?:you (?:failed|planned)|your test)",
            Kind.TEST_FAILURE,
            ("# Looks like you",),
            weight=0.6,
            example="# Looks like you failed 1 test of 12.",
        ),
        Message(
            r"^Test Summary Report$",
            Kind.TEST_FAILURE,
            ("Test Summary Report",),
            stops=r"^Files=",
            weight=0.6,
            most=14,
            example="""\
Test Summary Report
-------------------
t/bill.t (Wstat: 256 Tests: 12 Failed: 1)
  Failed test:  3
  Non-zero exit status: 1""",
        ),
        Message(
            r"^(?P<test>\S+\.t) \.{2,} (?!ok|skipped|\d+/|$)\S|^\s*Failed \d+/\d+ subtests|^(?:Dubious, test returned|"
            r"Result: FAIL|Failed \d+/\d+ test programs)|^Parse errors: ",
            Kind.TEST_FAILURE,
            (".t ..", "Failed ", "Dubious, test", "Result: FAIL", "Parse errors: "),
            weight=0.7,
            most=2,
            goes_on=r"^\s*Failed \d+/\d+ subtests",
            example="""\
t/bill.t .. Dubious, test returned 1 (wstat 256, 0x100)
Failed 1/12 subtests """,
        ),
        Message(
            r"^(?!\s*#|\w*Warning).{1,300} at (?P<path>\S+\.(?:p[lmh]|t|PL|cgi)|Makefile\.PL|\S+/bin/\S+|"
            r"-e) line (?P<line>\d+)(?:\.$|, <|, near )",
            Kind.UNKNOWN,
            (" line ",),
            goes_on=r"^BEGIN failed--|^Compilation failed in|^\s+\S|^Execution of",
            weight=0.85,
            most=6,
            example="""\
Can't locate Brick.pm in @INC (you may need to install the Brick module) at lib/Bill.pm line 3.
BEGIN failed--compilation aborted at lib/Bill.pm line 3.""",
        ),
        Message(
            r"^(?:BEGIN failed--|Compilation failed in require|! (?:Installing|Couldn't find|Bailing|Finding|"
            r"The following modules|Configure|Testing|Failed)|"
            r"FAIL$|.* -- (?:NOT OK|FAILED)|Warning: prerequisite \S+ .* not found)",
            Kind.DEPENDENCY,
            ("BEGIN failed", "Compilation failed in", "! ", "NOT OK", "Warning: prerequisite"),
            weight=0.8,
            example="! Installing the dependencies failed: Module 'Brick' is not installed",
        ),
        Message(
            r"\bat line (?P<line>\d+), column \d+\. +(?:See pages?? [\d,]+ of PBP|.*\(Severity: \d\))",
            Kind.LINT_ERROR,
            (", column ",),
            example="Code before strictures are enabled at line 3, column 1.  See page 429 of PBP.  (Severity: 5)",
        ),
    ),
    noise=(r"^\S+\.t \.+ ok$", r"^All tests successful"),
)

_LUA = Tool(
    "lua",
    (
        Message(
            r"^(?:Failure|Error) (?:→|->) (?P<path>\S+) @ (?P<line>\d+)",
            Kind.TEST_FAILURE,
            ("Failure →", "Error →", "Failure ->", "Error ->"),
            stops=r"^(?:Failure|Error|Pending) (?:→|->)|^$",
            most=16,
            example="""\
Failure → spec/bill_spec.lua @ 11
bill adds what was ordered
spec/bill_spec.lua:13: Expected objects to be the same.
Passed in:
(number) 4
Expected:
(number) 5""",
        ),
        Message(
            r"^(?:/\S*/)?(?:lua(?:jit)?[\d.]*|th): \S|^Error: (?:Failed (?:installing|building)|No results matching|"
            r"Could not satisfy|Build error|Rockspec)",
            Kind.UNKNOWN,
            ("lua", "th: ", "Error: "),
            goes_on=r"^\t|^stack traceback:|^\s+\[C\]|^\s+no (?:file|field)",
            weight=0.9,
            most=16,
            example="""\
lua: bill.lua:14: attempt to call a nil value (global 'totl')
stack traceback:
	bill.lua:14: in main chunk
	[C]: in ?""",
        ),
        Message(
            r"^\s+(?P<path>\S+\.lua):(?P<line>\d+):\d+: \(?(?P<code>[WE]\d+)?|^\d+ successes? / [1-9]\d* failures?",
            Kind.LINT_ERROR,
            (".lua:", " failure"),
            weight=0.8,
            example="    src/bill.lua:14:9: (W113) accessing undefined variable 'totl'",
        ),
    ),
    noise=(r" / 0 failures / 0 errors",),
)

_JULIA = Tool(
    "julia",
    (
        Message(
            r"^(?P<test>\S.*): (?:Test Failed|Error During Test) at (?P<path>\S+?):(?P<line>\d+)",
            Kind.TEST_FAILURE,
            ("Test Failed at ", "Error During Test at "),
            goes_on=r"^\s+\S|^Stacktrace:|^$",
            most=25,
            example="""\
bill: Test Failed at /src/test/runtests.jl:13
  Expression: total([2, 2]) == 5
   Evaluated: 4 == 5

Stacktrace:
 [1] macro expansion""",
        ),
        Message(
            r"^(?:\s*│\s*)?ERROR: (?:LoadError|UndefVarError|MethodError|ArgumentError|BoundsError|KeyError|TypeError|"
            r"ErrorException|"
            r"InitError|SystemError|IOError|DomainError|AssertionError|ParseError|Package |Some tests did not pass|"
            r"Unsatisfiable|"
            r"syntax: |expected package|could not open file|failed process|type \w+ has no field)|^┌ Error: \S",
            Kind.UNKNOWN,
            ("ERROR: ", "┌ Error: "),
            goes_on=r"^\s+\[?\S|^Stacktrace:|^│|^└|^in expression starting at|^during initialization",
            weight=0.75,
            most=16,
            example="""\
ERROR: LoadError: UndefVarError: `totl` not defined
Stacktrace:
 [1] top-level scope
in expression starting at /src/src/Bill.jl:14""",
        ),
    ),
)

_R = Tool(
    "R",
    (
        Message(
            r"^(?:── |-- )\d*\.? ?(?:Failure|Error|Failed) ?(?:\((?P<path>[^:()]+):(?P<line>\d+)(?::\d+)?\))?|^(?:── |"
            r"-- )(?:Failed tests|Failure|Error)",
            Kind.TEST_FAILURE,
            ("── ", "-- "),
            stops=r"^(?:── |-- |══ |== )|^\[ FAIL|^Error: Test failures|^Execution halted",
            most=25,
            example="""\
── Failure ('test-bill.R:13:3'): adds what was ordered ──
total(c(2, 2)) (`actual`) not equal to 5 (`expected`).

  `actual`: 4
`expected`: 5
""",
        ),
        Message(
            r"^(?:Error in \S.* ?:(?: |$)|Error: (?:object |unexpected |could not find function|there is no package)|"
            r"Execution halted$|ERROR: (?:dependenc|lazy loading|compilation failed|configuration failed|"
            r"package installation|vignette)|"
            r"Error: (?:package or namespace|processing vignette|Test failures))",
            Kind.UNKNOWN,
            ("Error", "Execution halted", "ERROR: "),
            goes_on=r"^\s+\S|^Calls: |^Execution halted|^(?:Error|ERROR)",
            weight=0.75,
            most=10,
            example="""\
Error in library(brick) : there is no package called 'brick'
Calls: suppressPackageStartupMessages -> library
Execution halted""",
        ),
        Message(
            r"^\* checking .* \.\.\. (?:\[\S+\] )?(?:ERROR|WARNING|NOTE)$|"
            r"^\s*(?:Found the following significant warnings|Running the tests in .* failed)",
            Kind.BUILD_ERROR,
            (
                " ... ERROR",
                " ... WARNING",
                " ... NOTE",
                "] ERROR",
                "] WARNING",
                "significant warnings",
                "Running the tests in",
            ),
            stops=r"^\* (?:checking|DONE)|^Status: ",
            weight=0.85,
            most=20,
            example="""\
* checking tests ... ERROR
  Running 'testthat.R'
Running the tests in 'tests/testthat.R' failed.
Last 13 lines of output:
  Error: Test failures""",
        ),
        Message(
            r"^Status: .*\b[1-9]\d* (?:ERROR|WARNING)|^\[ FAIL [1-9]|^Found \d+ (?:ERROR|WARNING)s?",
            Kind.TEST_FAILURE,
            ("Status: ", "[ FAIL ", "Found "),
            weight=0.4,
            example="Status: 1 ERROR, 1 NOTE",
        ),
    ),
    noise=(r"^Error: (?:Module|Cannot find module)",),
)

_EDITORS = Tool(
    "editors",
    (
        Message(
            r"^(?:Debugger entered--Lisp error:|signal\(\w|\S+\.el:\d+:\d+: (?:[Ee]rror|Warning)|Symbol's (?:value|"
            r"function definition)|Cannot open load file|Wrong (?:type argument|number of arguments))",
            Kind.UNKNOWN,
            ("Lisp error", "signal(", ".el:", "Symbol's ", "Cannot open load file", "Wrong "),
            goes_on=r"^\s+\S|^[\w:*%+/<>=-]+\(",
            most=40,
            example="""\
Debugger entered--Lisp error: (void-function bill-totl)
  bill-totl((2 2))
  bill-sum()""",
        ),
        Message(
            r"^\s+FAILED\s+\d+/\d+\s+(?P<test>\S+)|^Test (?P<name>\S+) (?:condition|backtrace):|"
            r"^\d+ unexpected results:",
            Kind.TEST_FAILURE,
            ("FAILED ", " condition:", " backtrace:", "unexpected results:"),
            goes_on=r"^\s{4,}\S|^   FAILED",
            most=25,
            example="""\
Test bill-test-total condition:
    (ert-test-failed
     ((should
       (= 5 4))))""",
        ),
        Message(
            r"^(?:Found errors in (?P<test>\w+)\(|From test_\S+\.vim:|Caught exception in )",
            Kind.TEST_FAILURE,
            ("Found errors in ", "From test_", "Caught exception in "),
            goes_on=r"^(?:Found errors|command line|function |Run |\s+\S)",
            most=10,
            example="""\
Found errors in Test_total():
command line..script test_bill.vim[31]..function RunTheTest[9]..Test_total line 4: Expected 5 but got 4""",
        ),
        Message(
            r"^(?:Error detected while processing|Vim(?:\(\w+\))?:E\d+|E\d{2,4}: |\s*\(X\) |Starting Vader:.*|"
            r"Success/Total: )",
            Kind.TEST_FAILURE,
            ("Error detected while", "Vim", "E1", "E4", "E5", "E6", "E7", "E8", "E9", "E2", "E3", "(X) "),
            goes_on=r"^line +\d+:|^E\d+: |^\s+>|^\s+- ",
            most=8,
            weight=0.9,
            example="""\
Error detected while processing /src/plugin/bill.vim:
line   14:
E117: Unknown function: bill#totl""",
        ),
    ),
)

_TCL = Tool(
    "tcl",
    (
        Message(
            r"^\s*(?:\[err\]: (?P<test>\S.*)|\[exception\]: \S.*|={4} \S.* FAILED|"
            r"!!! WARNING The following tests failed.*)$",
            Kind.TEST_FAILURE,
            ("[err]: ", "[exception]: ", " FAILED", "The following tests failed"),
            goes_on=r"^(?:Expected|==== Contents|---- |\s+\S|\*\*\* \[err\])",
            most=12,
            example="""\
[err]: adds what was ordered in tests/unit/bill.tcl
Expected '4' to be equal to '5' (context: type eval line 9 cmd {assert_equal $total 5})""",
        ),
    ),
)

SCRIPTING = (_PERL, _LUA, _JULIA, _R, _EDITORS, _TCL)
