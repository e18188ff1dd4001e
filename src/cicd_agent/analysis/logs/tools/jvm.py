"""What the compilers and runtimes of the JVM print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_JAVA = Tool(
    "java",
    (
        Message(
            r'^(?:\[\w{1,20}\] ?)?(?:Exception in thread "[^"]{0,200}" |Caused by: |Error: )?'
            r"(?P<code>(?:(?:java|javax|jakarta|org|com|net|io|eu|fr|de|scala|kotlin|groovy|hudson|sun|"
            r"\w{1,60}\.\w{1,60})\.)(?:\w{1,60}\.){0,12}[A-Z][\w$]*(?:Exception|Error|Failure|Failed|Throwable|"
            r"Timeout))\b(?::|"
            r"$)",
            Kind.UNKNOWN,
            ("Exception", "Error", "Failure", "Failed", "Throwable", "Timeout"),
            goes_on=r"^(?:\[?\w*\]?)\s*(?:at [\w.$<>/]|\.{3} \d+ |Caused by: |Suppressed: )|^\s+\S",
            most=35,
            weight=0.85,
            example="""\
Exception in thread "main" java.lang.IllegalStateException: no bill is open
	at org.example.Bill.total(Bill.java:31)
	at org.example.Main.main(Main.java:9)
Caused by: java.io.IOException: stream closed
	... 2 more""",
        ),
        Message(
            r"^Error: (?:Could not find or load main class|Unable to access jarfile|Main method not found|A JNI error)|"
            r"^Error occurred during initialization of VM|^Unrecognized (?:VM )?option:? |"
            r"^Could not create the Java Virtual Machine|"
            r"UnsupportedClassVersionError|^JAVA_HOME is (?:not set|set to an invalid)|^ERROR: JAVA_HOME ",
            Kind.CONFIGURATION,
            (
                "Error: ",
                "Error occurred",
                "Unrecognized ",
                "Could not create",
                "UnsupportedClassVersionError",
                "JAVA_HOME ",
            ),
            example="Error: Could not find or load main class org.example.Main",
        ),
        Message(
            r"java\.lang\.OutOfMemoryError|GC overhead limit exceeded|"
            r"There is insufficient memory for the Java Runtime|"
            r"Native memory allocation \(\w+\) failed|^The Daemon will expire immediately since the JVM garbage "
            r"collector",
            Kind.INFRASTRUCTURE,
            (
                "OutOfMemoryError",
                "GC overhead limit",
                "insufficient memory",
                "Native memory allocation",
                "The Daemon will expire",
            ),
            trouble=Trouble.MEMORY,
            example="java.lang.OutOfMemoryError: Java heap space",
        ),
        Message(
            r"^# A fatal error has been detected by the Java Runtime Environment",
            Kind.UNKNOWN,
            ("A fatal error has been detected",),
            goes_on=r"^#",
            most=14,
            example="""\
# A fatal error has been detected by the Java Runtime Environment:
#
#  SIGSEGV (0xb) at pc=0x00007f5d, pid=31, tid=32""",
        ),
    ),
)

_JAVAC = Tool(
    "javac",
    (
        Message(
            r"^(?:\s*\[\w+\]\s*|e: |w: )?(?P<path>[^\s:]*\w\.(?:java|groovy|kt|kts)):(?P<line>\d+): (?:error|err): ",
            Kind.BUILD_ERROR,
            (": error: ", ": err: "),
            goes_on=r"^\s*(?:\[\w+\]\s*)?(?:symbol|location|required|found|reason): |^\s+\S|^\s*(?:\[\w+\]\s*)?\^",
            most=8,
            example="""\
src/main/java/org/example/Bill.java:14: error: cannot find symbol
        int sum = totl(items);
                  ^
  symbol:   method totl(List<Item>)
  location: class Bill""",
        ),
        Message(
            r"^\d+ errors?$|^error: (?:warnings found and -Werror|invalid (?:flag|source|target)|release version|"
            r"unmappable|"
            r"no source files|file not found|cannot access|Source option|Target option)",
            Kind.BUILD_ERROR,
            (" error", "error: "),
            weight=0.8,
            example="error: invalid source release: 21",
        ),
    ),
)

_KOTLIN = Tool(
    "kotlinc",
    (
        Message(
            r"^(?:\[ERROR\] )?e: (?:file://)?(?P<path>\S+?\.kts?):(?: \()?(?P<line>\d+)[:,]",
            Kind.BUILD_ERROR,
            ("e: ",),
            example="e: file:///src/main/kotlin/Bill.kt:14:9 Unresolved reference: totl",
        ),
        Message(
            r"^(?:\[ERROR\] )?e: \S",
            Kind.BUILD_ERROR,
            ("e: ",),
            weight=0.9,
            example="e: warnings found and -Werror specified",
        ),
    ),
)

_SCALA = Tool(
    "sbt",
    (
        Message(
            r"^\[error\] (?:-- .*Error: |\[E\d+\] )?(?P<path>\S+\.(?:scala|sbt|java)):(?P<line>\d+)(?::\d+)?",
            Kind.BUILD_ERROR,
            ("[error] ",),
            goes_on=r"^\[error\](?! \S+\.(?:scala|sbt|java):\d+)(?! \()",
            most=14,
            example="""\
[error] /src/main/scala/Bill.scala:14:9: not found: value totl
[error]   val sum = totl(items)
[error]             ^""",
        ),
        Message(
            r"^\[error\] (?:Test .*failed|x |\s*\S+: )|^\[error\] (?:Failed tests|Error during tests|Failed: Total|"
            r"Passed: Total|Error: Total):?",
            Kind.TEST_FAILURE,
            ("[error] ",),
            goes_on=r"^\[error\] (?:\t|\s{4}|    at )",
            most=20,
            weight=0.85,
            example="""\
[error] Test org.example.BillTest.addsWhatWasOrdered failed: expected:<5> but was:<4>, took 0.01 sec
[error]     at org.example.BillTest.addsWhatWasOrdered(BillTest.scala:13)""",
        ),
        Message(
            r"^\[error\] \(.{1,200}\) ",
            Kind.UNKNOWN,
            ("[error] (",),
            goes_on=r"^\[error\] (?:\(|Total time)",
            weight=0.5,
            most=6,
            example="""\
[error] (core / Compile / compileIncremental) Compilation failed
[error] Total time: 31 s, completed Aug 2, 2025 8:51:01 PM""",
        ),
        Message(
            r"^\[(?:error|warn)\]\s*(?:sbt\.\w*\.?(?:librarymanagement\.)?ResolveException|"
            r".*(?:UNRESOLVED DEPENDENCIES|unresolved dependency|Error downloading|"
            r"not found: http|FAILED DOWNLOADS))|^sbt\.ResolveException",
            Kind.DEPENDENCY,
            (
                "ResolveException",
                "UNRESOLVED DEPENDENCIES",
                "unresolved dependency",
                "Error downloading",
                "not found: http",
                "FAILED DOWNLOADS",
            ),
            goes_on=r"^\[(?:error|warn)\]|^\tat ",
            most=20,
            example="""\
[error] sbt.librarymanagement.ResolveException: Error downloading org.example:brick_3:9.1
[error]   Not found
[error]   not found: https://repo1.maven.org/maven2/org/example/brick_3/9.1/brick_3-9.1.pom""",
        ),
        Message(
            r"^\[error\] \S",
            Kind.UNKNOWN,
            ("[error] ",),
            goes_on=r"^\[error\]",
            weight=0.7,
            most=20,
            example="""\
[error] Not a valid command: ci-release
[error] ci-release
[error]   ^""",
        ),
        Message(
            r"^-- (?:\[(?P<code>E\d+)\] )?[\w ]*Error: (?P<path>\S+?):(?P<line>\d+)",
            Kind.BUILD_ERROR,
            ("Error: ",),
            goes_on=r"^\s*\d* ?\|",
            most=12,
            example="""\
-- [E006] Not Found Error: src/Bill.scala:14:9 ---------
14 |  val sum = totl(items)
   |            ^^^^
   |            Not found: totl""",
        ),
    ),
    noise=(r"^\[error\] (?:Picked up|WARNING|Warning|warning|SLF4J)",),
)

_CLOJURE = Tool(
    "clojure",
    (
        Message(
            r"^(?:FAIL|ERROR) in (?P<test>\(.*\)|\S+) \((?P<path>[^:\s()]+):(?P<line>\d+)\)",
            Kind.TEST_FAILURE,
            ("FAIL in ", "ERROR in "),
            stops=r"^(?:lein test|Testing|Ran \d|FAIL in|ERROR in|[\d.]+ failures)",
            most=25,
            example="""\
FAIL in (test-total) (bill_test.clj:9)
adds what was ordered
expected: (= 5 (total [2 2]))
  actual: (not (= 5 4))
""",
        ),
        Message(
            r"^(?:Syntax error |Execution error|Could not (?:find|transfer|resolve) (?:artifact|the following)|"
            r"Error building classpath|"
            r"Tests failed\.|Subprocess failed|Error encountered performing task)",
            Kind.BUILD_ERROR,
            (
                "Syntax error ",
                "Execution error",
                "Could not ",
                "Error building classpath",
                "Tests failed",
                "Subprocess failed",
                "Error encountered",
            ),
            goes_on=r"^(?:Could not|This could be|If you are|No such|\S+Exception|Full report|/tmp/)|^\s+\S",
            most=12,
            weight=0.9,
            example="""\
Could not find artifact org.example:brick:jar:9.1 in central (https://repo1.maven.org/maven2/)
Could not find artifact org.example:brick:jar:9.1 in clojars (https://repo.clojars.org/)
This could be due to a typo in :dependencies, file system permissions, or network issues.
If you are behind a proxy, try setting the 'http_proxy' environment variable.""",
        ),
        Message(
            r"^[1-9]\d* failures?, \d+ errors?\.|^\d+ failures?, [1-9]\d* errors?\.",
            Kind.TEST_FAILURE,
            (" failure",),
            weight=0.4,
            example="1 failures, 0 errors.",
        ),
    ),
)

JVM = (_JAVA, _JAVAC, _KOTLIN, _SCALA, _CLOJURE)
