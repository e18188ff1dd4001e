"""What the test frameworks of C++ and the tools that only run compilers print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_MAKE = Tool(
    "make",
    (
        Message(
            r"^(?:\S*/)?(?:g?make|mingw32-make|bmake|rake)(?:\.exe)?(?:\[\d+\])?: (?:\*\*\* \[.*\] (?:Error \d+|\w.*)|"
            r"\*\*\* (?:Waiting|Deleting)|stopped)|^\*\*\* \[.*\] Error \d+",
            Kind.UNKNOWN,
            (": *** [", "*** [", ": *** ", "stopped"),
            weight=0.1,
            example="make: *** [Makefile:24: test] Error 2",
        ),
        Message(
            r"^(?:FAILED: (?!\S+ (?:::|- ))\S|ninja: (?:build stopped|error: ))",
            Kind.BUILD_ERROR,
            ("FAILED: ", "ninja: "),
            weight=0.3,
            example="ninja: build stopped: subcommand failed.",
        ),
        Message(
            r"^(?:Command exited with non-zero status|error: Recipe `|task: Failed to run task|just: |scons: \*\*\*|"
            r"\S+ failed with exit code \d|Build did NOT complete successfully|Build failed$)",
            Kind.UNKNOWN,
            (
                "non-zero status",
                "error: Recipe",
                "Failed to run task",
                "just: ",
                "scons: ***",
                " failed with exit code",
                "Build did NOT",
                "Build failed",
            ),
            weight=0.15,
            example="error: Recipe `test` failed on line 9 with exit code 1",
        ),
    ),
    wraps=True,
    noise=(r"Error \d+ \(ignored\)",),
)

_MAKEFILE = Tool(
    "makefile",
    (
        Message(
            r"^(?:\S*/)?(?:g?make|mingw32-make)(?:\[\d+\])?: (?:\*\*\* (?:No rule|missing|No targets|"
            r"commands commence|target pattern|multiple target|"
            r"unterminated|Recursive)|\S+: (?:Command|No such|Permission)|Makefile:|Nothing to be done for 'test')|"
            r"^(?P<path>[Mm]akefile\S*):(?P<line>\d+): \*\*\* ",
            Kind.CONFIGURATION,
            (": *** ", "make: ", "make[", "akefile"),
            example="make: *** No rule to make target 'tset'.  Stop.",
        ),
    ),
)

_BAZEL = Tool(
    "bazel",
    (
        Message(
            r"^ERROR: (?P<path>/?\S+):(?P<line>\d+):\d+: |^ERROR: (?:no such (?:package|target)|"
            r"An error occurred during|Analysis of target|error loading package|"
            r"Error computing|Skipping '|Evaluation of query)",
            Kind.BUILD_ERROR,
            ("ERROR: ",),
            stops=r"^(?:INFO|FAILED|Target|WARNING|Use --|\[[\d,]+ / )",
            most=20,
            example="""\
ERROR: /src/bill/BUILD:14:11: Compiling bill/bill.cc failed: (Exit 1): gcc failed: error executing command
bill/bill.cc:9:3: error: 'totl' was not declared in this scope""",
        ),
        Message(
            r"^(?P<test>//\S+)\s+(?:FAILED|TIMEOUT|FLAKY|NO STATUS)",
            Kind.TEST_FAILURE,
            ("FAILED in ", "TIMEOUT in ", "FLAKY", "NO STATUS", "FAILED TO BUILD"),
            goes_on=r"^\s{2}/",
            most=3,
            weight=0.7,
            example="//bill:bill_test                                     FAILED in 0.3s",
        ),
        Message(
            r"^FAIL: (?P<test>//\S+)",
            Kind.TEST_FAILURE,
            ("FAIL: //",),
            weight=0.7,
            example="FAIL: //bill:bill_test (see /root/.cache/bazel/testlogs/bill/bill_test/test.log)",
        ),
        Message(
            r"^(?:FAILED: Build did NOT|Build failed, not running tests|BUILD FAILED: |Buck encountered)",
            Kind.BUILD_ERROR,
            ("FAILED: Build", "Build failed", "BUILD FAILED", "Buck encountered"),
            weight=0.3,
            example="FAILED: Build did NOT complete successfully (3 packages loaded)",
        ),
    ),
)

_GTEST = Tool(
    "googletest",
    (
        Message(
            r"^(?:\d+: )?(?P<path>(?:\w:)?[^\s:()]+\.\w+)(?::(?P<line>\d+):|\((?P<at>\d+)\):) (?:Failure|error: |"
            r"Failed)\b",
            Kind.TEST_FAILURE,
            ("Failure", ": Failed", "): error: "),
            stops=r"^(?:\d+: )?\[ +(?:FAILED|RUN|OK) +\]|^$|^(?:\d+: )?\S+:\d+: Failure",
            most=16,
            example="""\
test/bill_test.cc:13: Failure
Expected equality of these values:
  bill.total()
    Which is: 4
  5""",
        ),
        Message(
            r"^(?:\d+: )?\[\s+FAILED\s+\] (?P<test>[\w/]+\.[\w/]+)",
            Kind.TEST_FAILURE,
            ("FAILED  ]",),
            weight=0.75,
            example="[  FAILED  ] BillTest.AddsWhatWasOrdered (0 ms)",
        ),
        Message(
            r"^(?:\d+: )?\[\s+(?:FAILED|DEATH)\s+\] \d+ tests?|^ *\d+ FAILED TESTS?",
            Kind.TEST_FAILURE,
            ("FAILED  ]", "DEATH", "FAILED TEST"),
            weight=0.4,
            example="[  FAILED  ] 1 test, listed below:",
        ),
    ),
)

_CTEST = Tool(
    "ctest",
    (
        Message(
            r"^\s*\d+/\d+ +Test +#\d+: (?P<test>\S+) [. ]*(?:\*{3}|.{0,20}(?:Failed|Timeout|Not Run|Exception))",
            Kind.TEST_FAILURE,
            ("***", "Failed", "Timeout", "Not Run"),
            weight=0.8,
            example=" 3/12 Test  #3: bill_test ........................***Failed    0.03 sec",
        ),
        Message(
            r"^The following tests FAILED:|^\d+% tests passed, [1-9]\d* tests? failed|^Errors while running CTest",
            Kind.TEST_FAILURE,
            ("The following tests FAILED", " tests passed, ", "Errors while running CTest"),
            goes_on=r"^\s+\d+ - ",
            weight=0.6,
            most=20,
            example="""\
The following tests FAILED:
\t  3 - bill_test (Failed)""",
        ),
        Message(
            r"^(?:FAIL|ERROR|XPASS): (?P<test>[\w./-]+)(?: \d+(?: - .*)?)?$|^# (?:FAIL|ERROR): +[1-9]|"
            r"^See (?:\S+/)?test-suite\.log",
            Kind.TEST_FAILURE,
            ("FAIL: ", "ERROR: ", "XPASS: ", "test-suite.log"),
            weight=0.7,
            example="FAIL: tests/bill.sh",
        ),
    ),
    noise=(r"\b100% tests passed", r"^# (?:FAIL|ERROR): +0"),
)

_CATCH = Tool(
    "catch2",
    (
        Message(
            r"^(?P<path>(?:\w:)?[^\s:()]+\.\w+)(?::(?P<line>\d+)|\((?P<at>\d+)\)): FAILED:?|^\S+\(\d+\): (?:error|"
            r"fatal error): in \"|^\S+\.(?:c|cc|cpp|cxx|h|hpp|mm?):\d+: ERROR: ",
            Kind.TEST_FAILURE,
            (": FAILED", ": ERROR", "error: in "),
            stops=r"^(?:=|-|\.){20,}$|^\S+:\d+: (?:FAILED|PASSED)",
            most=14,
            example="""\
test/bill_test.cpp:13: FAILED:
  REQUIRE( bill.total() == 5 )
with expansion:
  4 == 5
""",
        ),
        Message(
            r"^(?:test cases: +\d+ .*\b[1-9]\d{0,6} failed|\*{3} [1-9]\d* failures? (?:is|are) detected|"
            r"assertions: .* failed|\[doctest\] Status: FAILURE)",
            Kind.TEST_FAILURE,
            (" failed", " detected", "Status: FAILURE"),
            weight=0.4,
            example="test cases: 12 | 11 passed | 1 failed",
        ),
        Message(
            r"^FAIL!  : (?P<test>\S+)|^QFATAL : ",
            Kind.TEST_FAILURE,
            ("FAIL!  : ", "QFATAL : "),
            goes_on=r"^\s{2,}\S",
            most=5,
            example="""\
FAIL!  : BillTest::addsWhatWasOrdered() Compared values are not the same
   Actual   (bill.total()): 4
   Expected (5)           : 5
   Loc: [test/bill_test.cpp(13)]""",
        ),
    ),
)

C_BUILDS = (_GTEST, _CATCH, _CTEST, _BAZEL, _MAKEFILE, _MAKE)
