"""What PHP, its test runners, analysers and its package manager print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_PHP = Tool(
    "php",
    (
        Message(
            r"^(?:\S{0,40} )?(?:PHP )?(?P<code>(?:Fatal|Parse|Catchable fatal|Recoverable fatal) error|"
            r"Uncaught \w+): +(?!exception )\S|^In \S+\.php line \d+:$",
            Kind.UNKNOWN,
            ("Fatal error", "fatal error", "Parse error", "Uncaught ", "In "),
            goes_on=r"^(?:Stack trace:|#\d+ |\s+thrown in|PHP Stack trace|PHP +\d+\. |Next )|^\s+\S|^$",
            says=r" in (?P<path>/?\S+\.php)(?: on line |:)(?P<line>\d+)",
            most=16,
            example="""\
PHP Fatal error:  Uncaught TypeError: total(): Argument #1 must be of type array, null given in /src/Bill.php:14
Stack trace:
#0 /src/index.php(9): total(NULL)
#1 {main}
  thrown in /src/Bill.php on line 14""",
        ),
        Message(
            r"^(?:PHP )?(?:Warning|Notice|Deprecated): .* in (?P<path>\S+\.php) on line (?P<line>\d+)|"
            r"^Errors parsing \S+\.php|^Could not open input file: ",
            Kind.UNKNOWN,
            (" on line ", "Errors parsing ", "Could not open input file"),
            weight=0.6,
            example="Errors parsing src/Bill.php",
        ),
        Message(
            r"^\s*\[(?P<code>(?:\w+\\){1,8}\w*(?:Exception|Error))\]|^(?:PHP )?\S*(?:Exception|Error) +in \S+\.php",
            Kind.UNKNOWN,
            ("Exception", "Error"),
            goes_on=r"^\s{2,}\S|^$|^Exception trace:",
            most=12,
            weight=0.9,
            example="""\
  [Symfony\\Component\\Console\\Exception\\CommandNotFoundException]
  Command "lint:yml" is not defined.
""",
        ),
        Message(
            r"^(?:FAIL|BORK|LEAK|XFAIL|WARN) (?P<test>.{1,200}) \[(?P<path>\S+\.phpt)\]",
            Kind.TEST_FAILURE,
            ("FAIL ", "BORK ", "LEAK "),
            weight=0.9,
            example="FAIL Bug #31 (total of an empty bill) [ext/standard/tests/bill.phpt]",
        ),
        Message(
            r"^={5,}DIFF={5,}$",
            Kind.TEST_FAILURE,
            ("=DIFF=",),
            closes=r"^={5,}DONE={5,}$",
            most=40,
            lead=1,
            example="""\
TEST 31/1200 [ext/standard/tests/bill.phpt]
========DIFF========
002+ int(4)
002- int(5)
========DONE========""",
        ),
        Message(
            r"^FAILED TEST SUMMARY",
            Kind.TEST_FAILURE,
            ("FAILED TEST SUMMARY",),
            stops=r"^={20,}$",
            most=20,
            weight=0.7,
            example="""\
FAILED TEST SUMMARY
---------------------------------------------------------------------
Bug #31 (total of an empty bill) [ext/standard/tests/bill.phpt]""",
        ),
    ),
    noise=(r"^No syntax errors detected", r"^WARN "),
)

_PHPUNIT = Tool(
    "phpunit",
    (
        Message(
            r"^\d+\) (?P<test>[\w\\]+::\S.*)$",
            Kind.TEST_FAILURE,
            ("::",),
            stops=(
                r"^\d+\) [\w\\]+::|^(?:FAILURES|ERRORS)!|^--$|^Tests: |^OK, but|^(?:Remaining|Other|Legacy|"
                r"Unsilenced) "
            ),
            most=35,
            example="""\
1) BillTest::testAddsWhatWasOrdered
Failed asserting that 4 matches expected 5.

/src/tests/BillTest.php:13
""",
        ),
        Message(
            r"^(?:FAILURES|ERRORS|WARNINGS)!$|^Tests: \d+, Assertions: \d+, .*(?:Failures|Errors|Warnings|"
            r"Risky): [1-9]",
            Kind.TEST_FAILURE,
            ("FAILURES!", "ERRORS!", "WARNINGS!", "Tests: "),
            goes_on=r"^Tests: ",
            weight=0.45,
            most=2,
            example="""\
FAILURES!
Tests: 12, Assertions: 31, Failures: 1.""",
        ),
        Message(
            r"^(?:\S+ deprecation notices|  \d+x: )|^(?:Remaining|Unsilenced|Legacy|"
            r"Other) (?:\w+ )?deprecation notices \(\d+\)",
            Kind.TEST_FAILURE,
            ("deprecation notices", "x: "),
            goes_on=r"^\s+\S|^$",
            weight=0.5,
            most=20,
            example="""\
Remaining direct deprecation notices (1)

  1x: Bill::sum() is deprecated since 2.0""",
        ),
        Message(
            r"^\s*(?:⨯|✘|FAILED|FAIL) +(?P<test>[A-Z]\w*\\\S*)(?: > |$| )|^\s+✘ \S",
            Kind.TEST_FAILURE,
            ("⨯ ", "✘ ", "FAILED ", "FAIL "),
            goes_on=r"^\s+\S|^$",
            weight=0.85,
            most=20,
            example="""\
   FAILED  Tests\\BillTest > adds what was ordered
  Failed asserting that 4 is identical to 5.

  at tests/BillTest.php:13
      9▕ it('adds what was ordered', function () {
  ➜  13▕     expect($bill->total)->toBe(5);""",
        ),
        Message(
            r"^\d+ (?:examples|steps) \(.*\b[1-9]\d{0,6} (?:failed|broken)|^\s+(?:\d+\s+)?✘ |^Fatal (?:Catch|"
            r"error) while running tests|^An error occurred inside PHPUnit",
            Kind.TEST_FAILURE,
            (" failed", " broken", "✘ ", "Fatal ", "inside PHPUnit"),
            weight=0.5,
            example="12 examples (11 passed, 1 failed)",
        ),
    ),
)

_COMPOSER = Tool(
    "composer",
    (
        Message(
            r"^Your requirements could not be resolved|^Your lock file does not contain a compatible|^\s*Problem \d+$",
            Kind.DEPENDENCY,
            ("Your requirements could not", "Your lock file", "Problem "),
            goes_on=r"^\s+\S|^$",
            most=20,
            example="""\
Your requirements could not be resolved to an installable set of packages.

  Problem 1
    - Root composer.json requires example/brick ^9.1, found example/brick[2.0, 2.1] but it does not match.""",
        ),
        Message(
            r"^\s*- (?:Root composer\.json requires|The requested (?:package|PHP extension)|"
            r"\S+ (?:dev-)?\S+ requires .* -> )",
            Kind.DEPENDENCY,
            ("- Root composer.json", "- The requested ", " requires "),
            weight=0.9,
            example="    - The requested package example/brick ^9.1 exists as example/brick[2.0] but not that.",
        ),
        Message(
            r"^(?:Script \S.* (?:handling the \S+ event )?returned with error code|"
            r"\s*The \"https?://\S+\" file could not be downloaded|"
            r"Could not (?:find (?:a matching version|package)|fetch|authenticate)|\s*\[Composer\\|"
            r"\"?\./composer\.json\"? does not match|"
            r"The (?:lock file|`url`)|Warning: The lock file is not up to date|Failed to download \S+ from)",
            Kind.DEPENDENCY,
            (
                "returned with error code",
                "could not be downloaded",
                "Could not ",
                "[Composer\\",
                "composer.json",
                "The ",
                "lock file",
                "Failed to download",
            ),
            goes_on=r"^\s{2,}\S|^$",
            weight=0.9,
            most=8,
            example='The "https://repo.packagist.org/packages.json" file could not be downloaded (HTTP/2 502 )',
        ),
    ),
)

_PHPSTAN = Tool(
    "phpstan",
    (
        Message(
            r"^\s*Line\s+(?P<path>\S+\.php)",
            Kind.LINT_ERROR,
            ("Line ",),
            stops=r"^\s*\[ERROR\]",
            most=40,
            example="""\
  Line   src/Bill.php
 ------ -------------------------------------------
  14     Method Bill::total() has no return type.
 ------ -------------------------------------------
""",
        ),
        Message(
            r"^\s+\[ERROR\] \S|^ERROR: (?P<code>[A-Z]\w+) - (?P<path>\S+\.php):(?P<line>\d+)",
            Kind.LINT_ERROR,
            ("[ERROR] ", "ERROR: "),
            goes_on=r"^\s{2,}\S",
            most=5,
            weight=0.8,
            example=(
                "ERROR: UndefinedFunction - src/Bill.php:14:9 - Function totl does not exist (see "
                "https://psalm.dev/021)"
            ),
        ),
        Message(
            r"^FILE: (?P<path>\S+)|^FOUND \d+ (?:ERROR|WARNING)S? (?:AND|AFFECTING)|^\s*\d+ \| (?:ERROR|WARNING)",
            Kind.LINT_ERROR,
            ("FILE: ", "FOUND ", " | ERROR", " | WARNING"),
            goes_on=r"^-{10,}$|^FOUND |^\s*\d+ \||^\s+\|",
            most=40,
            example="""\
FILE: /src/src/Bill.php
----------------------------------------------------------------------
FOUND 1 ERROR AFFECTING 1 LINE
----------------------------------------------------------------------
 14 | ERROR | [x] Expected 1 space after FUNCTION keyword; 0 found
----------------------------------------------------------------------""",
        ),
        Message(
            r"^\s+\d+\) \S+\.php(?: \(\w[\w, ]*\))?$|^Files? that were not fixed due to errors|"
            r"^Found [1-9]\d* of \d+ files that can be fixed",
            Kind.LINT_ERROR,
            (".php", "not fixed due", "that can be fixed"),
            goes_on=r"^\s{6,}-{3,}|^[ +@-]|^$",
            most=30,
            example="""\
   1) src/Bill.php (braces_position)
      ---------- begin diff ----------
--- src/Bill.php
+++ src/Bill.php
@@ -14,3 +14,4 @@
-    function total() {
+    function total()
+    {
      ----------- end diff -----------""",
        ),
    ),
    noise=(r"^\s*\[OK\]", r"^\[ERROR\] (?:Failed|COMPILATION|Tests|/)"),
)

PHP = (_PHPUNIT, _COMPOSER, _PHPSTAN, _PHP)
