"""What the build tools and linters of the JVM print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_MAVEN = Tool(
    "maven",
    (
        Message(
            r"^\[ERROR\] (?P<path>/?\S[^:\[]*\.\w+):\[(?P<line>\d+),\d+\] ",
            Kind.BUILD_ERROR,
            ("[ERROR] ",),
            goes_on=(
                r"^(?:\[ERROR\])?\s+(?:symbol|location|required|found|reason|class|bad|Please|with|and|both|\(|where|"
                r"the )|^\s{2,}\S"
            ),
            most=10,
            example="""\
[ERROR] /src/main/java/org/example/Bill.java:[14,19] cannot find symbol
[ERROR]   symbol:   method totl(java.util.List)
[ERROR]   location: class org.example.Bill""",
        ),
        Message(
            r"<<< (?:FAILURE|ERROR)!",
            Kind.TEST_FAILURE,
            ("<<< FAILURE!", "<<< ERROR!"),
            stops=r"^$|^\[(?:INFO|WARNING)|^Running |^Tests run:|<<< (?:FAILURE|ERROR)!",
            says=r"^(?:\[ERROR\] )?(?P<test>[\w.$]+)(?=[\s(\[:]).{0,300}<<<",
            most=30,
            example="""\
[ERROR] org.example.BillTest.addsWhatWasOrdered  Time elapsed: 0.003 s  <<< FAILURE!
org.opentest4j.AssertionFailedError: expected: <5> but was: <4>
	at org.example.BillTest.addsWhatWasOrdered(BillTest.java:13)""",
        ),
        Message(
            r"^(?:\[ERROR\] )?(?:Failed tests|Failures|Tests in error|Errors):\s*(?P<test>\S.*)?$",
            Kind.TEST_FAILURE,
            ("Failed tests:", "Failures:", "Tests in error:", "Errors:"),
            goes_on=r"^\[ERROR\]\s{2,}\S|^\s{2,}\S",
            weight=0.8,
            most=20,
            example="""\
[ERROR] Failures:
[ERROR]   BillTest.addsWhatWasOrdered:13 expected: <5> but was: <4>""",
        ),
        Message(
            r"^\[ERROR\] Tests run: \d+, (?:Failures: [1-9]|Failures: 0, Errors: [1-9])|"
            r"^Tests run: \d+, (?:Failures: [1-9]|Failures: 0, Errors: [1-9])",
            Kind.TEST_FAILURE,
            ("Tests run: ",),
            weight=0.5,
            example="Tests run: 12, Failures: 1, Errors: 0, Skipped: 0",
        ),
        Message(
            r"^\[ERROR\] Failed to execute goal on project .*(?:Could not (?:resolve|find|collect)|Failed to (?:read|"
            r"collect))|"
            r"^\[(?:ERROR|FATAL)\] (?:Plugin \S+ or one of its dependencies|Non-resolvable|Failed to read artifact|"
            r"Could not (?:find|transfer|resolve)|"
            r"Unresolveable build extension|Error resolving|Failure to (?:find|transfer))|"
            r"Could not transfer artifact \S+ from/to",
            Kind.DEPENDENCY,
            ("[ERROR] ", "[FATAL] ", "Could not transfer artifact"),
            example=(
                "[ERROR] Failed to execute goal on project bill: Could not resolve dependencies for project "
                "org.example:bill:jar:1.0"
            ),
        ),
        Message(
            r"^\[ERROR\] Failed to execute goal ",
            Kind.BUILD_ERROR,
            ("[ERROR] Failed to execute goal",),
            goes_on=r"^\[ERROR\](?! Failed to execute goal)",
            weight=0.6,
            most=14,
            example="""\
[ERROR] Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin:3.2.5:test on project bill: Failures.
[ERROR]
[ERROR] Please refer to target/surefire-reports for the individual test results.
[ERROR] -> [Help 1]""",
        ),
        Message(
            r"^\[ERROR\] (?:The (?:build could not|project|goal|forked VM)|Could not|No (?:plugin|goals|compiler)|"
            r"Unknown lifecycle|Malformed POM|'\S+' is missing|"
            r"\[ERROR\]|Some problems were|Fatal error|Crashed tests|ExecutionException|Process Exit Code|"
            r"Error occurred)",
            Kind.CONFIGURATION,
            ("[ERROR] ",),
            goes_on=r"^\[(?:ERROR|FATAL)\]",
            most=12,
            weight=0.9,
            example="[ERROR] The forked VM terminated without properly saying goodbye. VM crash or System.exit called?",
        ),
        Message(
            r"^\[(?:WARNING|ERROR)\] Rule \d+: (?P<code>[\w.]+) failed",
            Kind.CONFIGURATION,
            ("] Rule ",),
            goes_on=r"^(?!\[)\S|^\s+\S|^Found ",
            most=12,
            example="""\
[WARNING] Rule 2: org.apache.maven.enforcer.rules.dependency.DependencyConvergence failed with message:
Dependency convergence error for org.example:mortar:jar:2.9""",
        ),
        Message(
            r"^\[(?:ERROR|WARN|WARNING)\] (?P<path>/?\S+\.\w+):(?P<line>\d+)(?::\d+)?: .*\[(?P<code>\w+)\]$|"
            r"^\[ERROR\] (?:src|/)\S+:\[\d+\]? \(",
            Kind.LINT_ERROR,
            ("[ERROR] ", "[WARN"),
            weight=0.9,
            example="[ERROR] src/main/java/org/example/Bill.java:14:5: Missing a comment. [MissingJavadocMethod]",
        ),
        Message(
            r"^\[INFO\] BUILD FAILURE|^\[INFO\] .* FAILURE \[",
            Kind.UNKNOWN,
            ("[INFO] BUILD FAILURE", " FAILURE ["),
            weight=0.2,
            example="[INFO] BUILD FAILURE",
        ),
        Message(
            r"^\[ERROR\] \S",
            Kind.UNKNOWN,
            ("[ERROR] ",),
            goes_on=r"^\[ERROR\]|^\s+at |^\s{2,}\S",
            weight=0.7,
            most=20,
            example="[ERROR] Some files do not have the expected license header",
        ),
    ),
    noise=(
        r"Tests run: \d+, Failures: 0, Errors: 0",
        r"^\[ERROR\] (?:Picked up|COMPILATION ERROR|To see the full stack|Re-run Maven|For more information)",
        r"^\[ERROR\] After correcting",
        r"^\[ERROR\] (?:\[Help|  mvn )",
        r"^\[ERROR\] (?:Tests are|WARNING:)",
    ),
)

_GRADLE = Tool(
    "gradle",
    (
        Message(
            r"^\* What went wrong:|^FAILURE: Build (?:failed|completed)",
            Kind.UNKNOWN,
            ("* What went wrong:", "FAILURE: Build "),
            stops=r"^\* (?:Try|Get more help|Exception is):|^={20,}|^BUILD FAILED",
            weight=0.6,
            most=25,
            example="""\
* What went wrong:
Execution failed for task ':bill:test'.
> There were failing tests. See the report at: file:///src/build/reports/tests/test/index.html
""",
        ),
        Message(
            r"^(?P<test>[\w.$]+ > .*) FAILED$",
            Kind.TEST_FAILURE,
            (" FAILED",),
            goes_on=r"^\s{2,}\S",
            most=30,
            example="""\
org.example.BillTest > addsWhatWasOrdered FAILED
    java.lang.AssertionError: expected:<5> but was:<4>
        at org.junit.Assert.fail(Assert.java:89)
        at org.example.BillTest.addsWhatWasOrdered(BillTest.java:13)""",
        ),
        Message(
            r"^(?:> Task )?:\S+ FAILED$",
            Kind.BUILD_ERROR,
            (" FAILED",),
            weight=0.5,
            most=14,
            goes_on=r"^(?!> Task|:\S|FAILURE|\* |BUILD|$)",
            example="> Task :bill:compileJava FAILED",
        ),
        Message(
            r"^\s*> (?:Could not (?:resolve|find|download|get|HEAD|GET)|No matching variant|Received status code|"
            r"Read timed out|Connect to )",
            Kind.DEPENDENCY,
            ("> Could not ", "> No matching variant", "> Received status", "> Read timed out", "> Connect to "),
            goes_on=r"^\s{2,}(?!>)\S",
            most=12,
            example="""\
> Could not resolve org.example:brick:9.1.
  Required by:
      project :bill""",
        ),
        Message(
            r"^\d+ tests completed, [1-9]\d* failed|^Gradle Test Executor \d+ .*(?:FAILED|failed)|^BUILD FAILED in ",
            Kind.TEST_FAILURE,
            (" tests completed, ", "Gradle Test Executor", "BUILD FAILED in "),
            weight=0.4,
            example="12 tests completed, 1 failed",
        ),
        Message(
            r"^(?:Gradle build daemon disappeared|Could not (?:determine java version|initialize class|"
            r"open \S+ generic class cache)|"
            r"Exception in thread \"main\" java\.\S+ at org\.gradle\.wrapper|"
            r"Error: Could not find or load main class org\.gradle)",
            Kind.INFRASTRUCTURE,
            ("daemon disappeared", "Could not ", "org.gradle"),
            example="Gradle build daemon disappeared unexpectedly (it may have been killed or may have crashed)",
        ),
    ),
    noise=(r"FAILED \(0\)",),
)

_ANT = Tool(
    "ant",
    (
        Message(
            r"^BUILD FAILED$",
            Kind.UNKNOWN,
            ("BUILD FAILED",),
            stops=r"^Total time|^$",
            weight=0.6,
            most=10,
            example="""\
BUILD FAILED
/src/build.xml:31: Compile failed; see the compiler error output for details.""",
        ),
    ),
)

_KTLINT = Tool(
    "ktlint",
    (
        Message(
            r"^(?:\[\w{1,20}\]\s*)?(?P<path>[^\s:]+\.kts?):(?P<line>\d+):\d+:? (?!error)(?:\S.*\((?P<code>[\w:-]+)\)|"
            r"\S.*\[(?P<rule>\w+)\])$",
            Kind.LINT_ERROR,
            (".kt:", ".kts:"),
            example="src/main/kotlin/Bill.kt:14:1: Unexpected indentation (4) (should be 8) (standard:indent)",
        ),
        Message(
            r"^Analysis failed with \d+ weighted issues|^(?:Lint found errors|Lint found \d+ errors)|"
            r"^\S+: Error: .* \[\w+\]$",
            Kind.LINT_ERROR,
            ("Analysis failed with", "Lint found", ": Error: "),
            goes_on=r"^\s+\S",
            most=6,
            weight=0.9,
            example="Analysis failed with 3 weighted issues.",
        ),
        Message(
            r"^The following files? had format violations:|^> The following files had format violations:",
            Kind.LINT_ERROR,
            ("had format violations:",),
            goes_on=r"^\s+\S",
            most=40,
            example="""\
The following files had format violations:
    src/main/java/org/example/Bill.java
        @@ -12,3 +12,3 @@
        -int·total(){
        +int·total()·{""",
        ),
    ),
)

JVM_BUILDS = (_MAVEN, _GRADLE, _ANT, _KTLINT)
