"""What the test runners of JavaScript print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_JEST = Tool(
    "jest",
    (
        Message(
            r"^\s*● (?P<test>\S.*)$",
            Kind.TEST_FAILURE,
            ("● ",),
            goes_on=r"^(?!\s*● )(?:\s+\S|\s*$)",
            most=60,
            example="""\
  ● bill › adds what was ordered

    expect(received).toBe(expected) // Object.is equality

    Expected: 5
    Received: 4

      12 |   const bill = new Bill([2, 2])
    > 13 |   expect(bill.total).toBe(5)
         |                      ^

      at Object.toBe (test/bill.test.js:13:22)
""",
        ),
        Message(
            r"^\s*FAIL\s+(?:\S+ )?(?P<path>\S+\.(?:[cm]?[jt]sx?|vue|snap))\b",
            Kind.TEST_FAILURE,
            ("FAIL ",),
            weight=0.8,
            example="FAIL test/bill.test.js (11.4 s)",
        ),
        Message(
            r"^\s*(?:✕|✖|×) (?P<test>\S.*)$",
            Kind.TEST_FAILURE,
            ("✕ ", "✖ ", "× "),
            weight=0.75,
            goes_on=r"^\s+(?:→|AssertionError|Error)",
            most=3,
            example="    ✕ adds what was ordered (4 ms)",
        ),
        Message(
            r"^(?:Test Suites|Tests|Snapshots|Test Files): +.*\b\d{1,7} (?:failed|obsolete)|^ +(?:Test Files|"
            r"Tests) +\d+ failed",
            Kind.TEST_FAILURE,
            (" failed", " obsolete"),
            weight=0.4,
            example="Test Suites: 1 failed, 4 passed, 5 total",
        ),
        Message(
            r"(?:Exceeded|exceeded) timeout of \d+ ?ms|^\s*(?:thrown: \"|Timeout - Async callback was not invoked)|"
            r"Test timed out in \d+ms",
            Kind.TIMEOUT,
            ("xceeded timeout", "Async callback was not invoked", "Test timed out in"),
            trouble=Trouble.TIMEOUT,
            example='    thrown: "Exceeded timeout of 5000 ms for a test.',
        ),
        Message(
            r"^Jest did not exit|^\s*A worker process has failed to exit|^No tests found, exiting|"
            r"^\s*› \d+ snapshots? (?:failed|obsolete)",
            Kind.TEST_FAILURE,
            ("Jest did not exit", "worker process has failed", "No tests found", " snapshot"),
            weight=0.6,
            example="No tests found, exiting with code 1",
        ),
    ),
    noise=(r"^\s*✖ \d+ problems?", r"^\s*(?:✓|√|✔|PASS )", r"^Tests: +\d+ passed"),
)

_VITEST = Tool(
    "vitest",
    (
        Message(
            r"^\s*FAIL\s+(?:\|\S+\| )?(?P<path>\S+\.(?:test|spec)\.\w+)(?: > (?P<test>.*)| \[ \S+ \])?$",
            Kind.TEST_FAILURE,
            ("FAIL ",),
            stops=r"^⎯{5,}|^\s*FAIL ",
            most=40,
            example="""\
 FAIL  test/bill.test.ts > bill > adds what was ordered
AssertionError: expected 4 to be 5 // Object.is equality

- Expected
+ Received

- 5
+ 4

 ❯ test/bill.test.ts:13:22
     12|   const bill = new Bill([2, 2])
     13|   expect(bill.total).toBe(5)
       |                      ^""",
        ),
        Message(
            r"^⎯+ (?:Unhandled|Failed|Startup|Collect)",
            Kind.TEST_FAILURE,
            ("⎯ ",),
            weight=0.6,
            example="⎯⎯⎯⎯⎯⎯⎯ Failed Tests 1 ⎯⎯⎯⎯⎯⎯⎯",
        ),
    ),
)

_MOCHA = Tool(
    "mocha",
    (
        Message(
            r"^\s{0,3}\d{1,3}\) (?P<test>\S.*)$",
            Kind.TEST_FAILURE,
            tuple(f"{digit}) " for digit in range(10)),
            goes_on=r"^(?!\s*(?:[✓√✔]|ok|\d+\)) )(?:\s{3,}\S|\s*$)",
            says=r"^\s+(?P<code>\w*Error)\b",
            most=40,
            weight=0.9,
            example="""\
  1) bill
       adds what was ordered:

      AssertionError: expected 4 to equal 5
      + expected - actual

      -4
      +5

      at Context.<anonymous> (test/bill.js:13:22)
""",
        ),
        Message(
            r"^\s{4,20}\d{1,3}\) (?P<test>\S.*)$",
            Kind.TEST_FAILURE,
            tuple(f"{digit}) " for digit in range(10)),
            weight=0.65,
            example="    1) adds what was ordered",
        ),
        Message(
            r"^\s*(?:\d+ failing|✖ \d+ of \d+ tests? failed)",
            Kind.TEST_FAILURE,
            (" failing", " failed"),
            weight=0.5,
            example="  1 failing",
        ),
        Message(
            r"[Tt]imeout of \d+ms exceeded",
            Kind.TIMEOUT,
            ("ms exceeded",),
            trouble=Trouble.TIMEOUT,
            example="     Error: Timeout of 2000ms exceeded. Ensure the done() callback is being called in this test.",
        ),
    ),
    noise=(r"^\s*\d+ passing",),
)

_JASMINE = Tool(
    "jasmine",
    (
        Message(
            r"^\s*Message:$",
            Kind.TEST_FAILURE,
            ("Message:",),
            lead=1,
            goes_on=r"^\s+\S|^\s*Stack:$",
            most=20,
            example="""\
1) bill adds what was ordered
  Message:
    Expected 4 to be 5.
  Stack:
    Error: Expected 4 to be 5.
        at <Jasmine>
        at UserContext.<anonymous> (spec/bill.spec.js:13:22)""",
        ),
        Message(
            r"^\d+ (?:specs?|examples?), [1-9]\d* failures?",
            Kind.TEST_FAILURE,
            (" failure",),
            weight=0.4,
            example="12 specs, 1 failure",
        ),
    ),
)

_KARMA = Tool(
    "karma",
    (
        Message(
            r"^(?:\S+ )?(?P<browser>\w[\w .]*\([^)]*\)) (?P<test>.* )?FAILED$",
            Kind.TEST_FAILURE,
            (" FAILED",),
            goes_on=r"^\s+\S",
            most=25,
            example="""\
Chrome Headless 120.0 (Linux x86_64) bill adds what was ordered FAILED
	Expected 4 to be 5.
\t    at UserContext.<anonymous> (spec/bill.spec.js:13:22)""",
        ),
        Message(
            r"^(?:\S+ )?[\w .]+\([^)]*\)(?: ERROR|: Executed \d+ of \d+ .*(?:FAILED|DISCONNECTED|ERROR))",
            Kind.TEST_FAILURE,
            (") ERROR", ": Executed "),
            goes_on=r"^\s+\S",
            most=10,
            weight=0.7,
            example="Chrome 120.0 (Linux): Executed 12 of 12 (1 FAILED) (0.2 secs / 0.1 secs)",
        ),
        Message(
            r"ERROR \[(?:launcher|karma|plugin|preprocess\S*|config|karma-server)\]|^\S* ?Disconnected(?:,|"
            r" reconnect)|No captured browser",
            Kind.INFRASTRUCTURE,
            ("ERROR [", "Disconnected", "No captured browser"),
            most=6,
            goes_on=r"^\s+\S",
            example="02 08 2025 10:11:12.131:ERROR [launcher]: Cannot start Chrome",
        ),
    ),
)

_AVA = Tool(
    "ava",
    (
        Message(
            r"^\s*✖ (?:\[fail\]: )?(?P<test>\S.*?)(?: Error thrown in test| Rejected promise| Test finished|$)",
            Kind.TEST_FAILURE,
            ("✖ ",),
            weight=0.75,
            example="  ✖ [fail]: bill › adds what was ordered",
        ),
        Message(
            r"^\s+Difference(?: \(.*\))?:$|^\s+(?:Value is not|Error thrown in test|Rejected promise returned)",
            Kind.TEST_FAILURE,
            ("Difference", "Value is not", "Error thrown in test", "Rejected promise"),
            goes_on=r"^\s+\S|^$",
            most=14,
            example="""\
  Difference (- actual, + expected):

  - 4
  + 5
""",
        ),
        Message(
            r"^\s*\d+ (?:tests? failed|uncaught exceptions?|unhandled rejections?)",
            Kind.TEST_FAILURE,
            (" failed", " uncaught exception", " unhandled rejection"),
            weight=0.4,
            example="  1 test failed",
        ),
    ),
    noise=(r"^\s*✖ \d+ problems?",),
)

_TAP = Tool(
    "tap",
    (
        Message(
            r"^\s*not ok \d+(?: -)? ?(?P<test>[^#]*)$",
            Kind.TEST_FAILURE,
            ("not ok ",),
            goes_on=r"^(?!\s*(?:not )?ok )(?:\s+\S|#|\s*$)",
            most=30,
            example="""\
not ok 3 - adds what was ordered
  ---
  operator: equal
  expected: 5
  actual:   4
  at: Test.<anonymous> (/src/test/bill.js:13:5)
  ...""",
        ),
        Message(
            r"^Bail out!|^# (?:fail|failed) +[1-9]|^# failed \d+ ",
            Kind.TEST_FAILURE,
            ("Bail out!", "# fail"),
            weight=0.6,
            example="Bail out! The database did not start",
        ),
    ),
    noise=(r"^\s*not ok .*# (?:TODO|SKIP|todo|skip)", r"^\s*ok \d+"),
)

_BROWSERS = Tool(
    "browser tests",
    (
        Message(
            r"^\s+\d+\) \[[\w -]+\] › (?P<path>[^:\s]+):(?P<line>\d+):\d+ › ",
            Kind.TEST_FAILURE,
            ("] › ",),
            goes_on=r"^(?!\s+\d+\) \[)(?:\s{3,}\S|\s*$)",
            most=45,
            example="""\
  1) [chromium] › tests/bill.spec.ts:5:1 › adds what was ordered ──────────────

    Error: expect(received).toBe(expected) // Object.is equality

    Expected: 5
    Received: 4

       7 |   const bill = await page.locator('#total').count();
    >  8 |   expect(bill).toBe(5);
         |                ^
""",
        ),
        Message(
            r"^\s*(?:Cypress (?:failed to|could not|verification)|The Test Runner unexpectedly exited|"
            r"Timed out retrying after|CypressError: |Can't run because no spec files)",
            Kind.TEST_FAILURE,
            ("Cypress", "Test Runner unexpectedly", "Timed out retrying", "no spec files"),
            goes_on=r"^\s+at |^$",
            most=10,
            example="CypressError: Timed out retrying after 4000ms: Expected to find element: `#total`",
        ),
        Message(
            r"^.{0,40}(?:browserType\.launch: |Executable doesn't exist at|Failed to launch (?:the browser|chrome)|"
            r"Could not find (?:Chrome|expected browser)|SessionNotCreatedException|session not created: |"
            r"chrome not reachable)",
            Kind.INFRASTRUCTURE,
            (
                "browserType.launch",
                "Executable doesn't exist",
                "Failed to launch",
                "Could not find ",
                "ession",
                "not reachable",
            ),
            most=4,
            goes_on=r"^║|^╔|^╚",
            example="browserType.launch: Executable doesn't exist at /root/.cache/ms-playwright/chromium/chrome",
        ),
    ),
)

JAVASCRIPT_TESTS = (_JEST, _VITEST, _MOCHA, _JASMINE, _KARMA, _AVA, _TAP, _BROWSERS)
