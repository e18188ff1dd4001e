"""What the test frameworks of the JVM print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_JUNIT = Tool(
    "junit",
    (
        Message(
            r"^There (?:was|were) \d+ (?:failure|error)s?:",
            Kind.TEST_FAILURE,
            ("There was ", "There were "),
            stops=r"^(?:FAILURES!!!|Tests run:|--$)",
            weight=0.7,
            most=40,
            example="""\
There was 1 failure:
1) addsWhatWasOrdered(org.example.BillTest)
java.lang.AssertionError: expected:<5> but was:<4>
	at org.example.BillTest.addsWhatWasOrdered(BillTest.java:13)""",
        ),
        Message(
            r"^\s*\[junit\] (?:Testcase: .*(?:FAILED|Caused an ERROR)|Test \S+ FAILED)",
            Kind.TEST_FAILURE,
            ("[junit] ",),
            goes_on=r"^\s*\[junit\]\s(?!Testcase|Testsuite|Tests run)",
            most=25,
            example="""\
    [junit] Testcase: addsWhatWasOrdered(org.example.BillTest):	FAILED
    [junit] expected:<5> but was:<4>""",
        ),
        Message(
            r"^\s*[├└│╷].*\[X\]|^FAILED: (?P<test>\w+)(?:\(|$)|^\s*JUnit \w+:\S+ .*FAILED|^\s*MethodSource \[|^\s*=> ",
            Kind.TEST_FAILURE,
            ("[X]", "FAILED: ", "FAILED", "MethodSource [", "=> "),
            goes_on=r"^\s+(?:at |=>|\[\.\.\.\]|\S)|^java\.|^org\.",
            most=25,
            weight=0.9,
            example="""\
FAILED: addsWhatWasOrdered
java.lang.AssertionError: expected [5] but found [4]
	at org.example.BillTest.addsWhatWasOrdered(BillTest.java:13)""",
        ),
        Message(
            r"^Condition not satisfied:|^(?P<test>\S+ > .*) +FAILED$",
            Kind.TEST_FAILURE,
            ("Condition not satisfied:", " FAILED"),
            goes_on=r"^\s|^$|^[|\w(]",
            most=14,
            example="""\
Condition not satisfied:

bill.total == 5
|    |     |
|    4     false
org.example.Bill@1f2e""",
        ),
    ),
    noise=(r"\[X\]\(",),
)

_SCALATEST = Tool(
    "scalatest",
    (
        Message(
            r"^(?:\[info\]\s+)?(?P<test>\S.*?)\*{3} (?:FAILED|ABORTED) \*{3}",
            Kind.TEST_FAILURE,
            ("*** FAILED ***", "*** ABORTED ***"),
            goes_on=r"^\[info\]\s{3,}\S|^\s{2,}\S",
            most=20,
            example="""\
[info] - adds what was ordered *** FAILED ***
[info]   4 was not equal to 5 (BillTest.scala:13)""",
        ),
        Message(
            r"^\[(?:error|info)\]\s+x \S|^(?:\[error\] )?==> X \S|^\[error\]\s+!\s",
            Kind.TEST_FAILURE,
            ("x ", "==> X ", "!"),
            goes_on=r"^\[(?:error|info)\]\s{3,}\S|^\s{4,}\S",
            weight=0.85,
            most=16,
            example="""\
==> X org.example.BillTest.adds what was ordered  0.01s munit.ComparisonFailException: BillTest.scala:13
    assertEquals(bill.total, 5)""",
        ),
        Message(
            r"^\[(?:error|info)\] Tests?: (?:succeeded|run).*failed [1-9]|^\*\*\* [1-9]\d* TESTS? FAILED \*\*\*",
            Kind.TEST_FAILURE,
            ("failed ", "FAILED ***"),
            weight=0.4,
            example="[info] Tests: succeeded 11, failed 1, canceled 0, ignored 0, pending 0",
        ),
    ),
)

JVM_TESTS = (_JUNIT, _SCALATEST)
