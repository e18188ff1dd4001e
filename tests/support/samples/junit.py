"""What runners write as JUnit XML, one failure each in their own shape, and the case that has to come of it."""

from dataclasses import dataclass

from cicd_agent.analysis.test_reports.cases import Outcome


@dataclass(frozen=True, slots=True)
class Sample:
    """A report, and of its one case that failed (or flaked) what is expected. `detail` is a part."""

    tool: str
    xml: str
    name: str
    suite: str
    message: str
    detail: str = ""
    file: str = ""
    line: int = 0
    outcome: Outcome = Outcome.FAILED
    flaked: bool = False
    error: str = ""
    cases: int = 2


SAMPLES = (
    Sample(
        "pytest xunit2",
        """<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="0"
        failures="1" skipped="0" tests="2" time="0.045" hostname="vm"><testcase classname="tests.test_a" name="test_ok"
        time="0.000" /><testcase classname="tests.test_a.TestB" name="test_sum[1-2]" time="0.001"><failure
        message="AssertionError: boom&#10;assert 1 == 2">def test_sum():
&gt;       assert 1 == 2, "boom"
E       AssertionError: boom

tests/test_a.py:11: AssertionError</failure></testcase></testsuite></testsuites>""",
        name="test_sum[1-2]",
        suite="tests.test_a.TestB",
        message="AssertionError: boom assert 1 == 2",
        detail="tests/test_a.py:11: AssertionError",
    ),
    Sample(
        "pytest xunit1, which counts lines from 0",
        """<testsuite name="pytest"><testcase classname="test_a" name="test_ok" file="test_a.py" line="7" time="0"/>
        <testcase classname="test_a" name="test_td" file="test_a.py" line="12" time="0.000"><error
        message="failed on teardown with &quot;ValueError: x&quot;">E  ValueError: x</error></testcase></testsuite>""",
        name="test_td",
        suite="test_a",
        message='failed on teardown with "ValueError: x"',
        detail="E  ValueError: x",
        file="test_a.py",
        line=13,
        outcome=Outcome.ERROR,
    ),
    Sample(
        "surefire",
        """<?xml version="1.0" encoding="UTF-8"?>
        <testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="com.acme.CalcTest" time="1,234.5"
          tests="2" failures="1"><properties><property name="java.version" value="21"/></properties>
        <testcase name="adds" classname="com.acme.CalcTest" time="0.004"/>
        <testcase name="divides" classname="com.acme.CalcTest" time="1,234.5">
          <failure message="expected: &lt;2&gt; but was: &lt;3&gt;" type="org.opentest4j.AssertionFailedError"><![CDATA[
org.opentest4j.AssertionFailedError: expected: <2> but was: <3>
	at com.acme.CalcTest.divides(CalcTest.java:17)
]]></failure>
          <rerunFailure message="again"><stackTrace>noise</stackTrace><system-out>noise</system-out></rerunFailure>
          <system-out><![CDATA[noise]]></system-out></testcase></testsuite>""",
        name="divides",
        suite="com.acme.CalcTest",
        message="expected: <2> but was: <3>",
        detail="at com.acme.CalcTest.divides(CalcTest.java:17)",
        error="org.opentest4j.AssertionFailedError",
    ),
    Sample(
        "surefire, passed in a rerun",
        """<testsuite name="com.acme.NetTest"><testcase name="ok" classname="com.acme.NetTest"/>
        <testcase name="connects" classname="com.acme.NetTest" time="0.1"><flakyError message="reset"
        type="java.net.SocketException"><stackTrace><![CDATA[java.net.SocketException: reset]]></stackTrace>
        <system-out>noise</system-out></flakyError></testcase></testsuite>""",
        name="connects",
        suite="com.acme.NetTest",
        message="reset",
        detail="java.net.SocketException: reset",
        outcome=Outcome.PASSED,
        flaked=True,
        error="java.net.SocketException",
    ),
    Sample(
        "gradle",
        """<testsuite name="com.acme.CalcTest" tests="2" skipped="1" failures="1" timestamp="2026-01-01T00:00:00"
        hostname="h" time="0.1"><properties/><testcase name="skips()" classname="com.acme.CalcTest" time="0"><skipped/>
        </testcase><testcase name="adds()" classname="com.acme.CalcTest" time="0.05"><failure
        message="java.lang.AssertionError" type="java.lang.AssertionError">java.lang.AssertionError
	at com.acme.CalcTest.adds(CalcTest.kt:9)</failure></testcase><system-out><![CDATA[noise]]></system-out>
        <system-err><![CDATA[]]></system-err></testsuite>""",
        name="adds()",
        suite="com.acme.CalcTest",
        message="java.lang.AssertionError",
        detail="CalcTest.kt:9",
        error="java.lang.AssertionError",
    ),
    Sample(
        "jest-junit",
        """<testsuites name="jest tests" tests="2" failures="1"><testsuite name="sum" errors="0" failures="1">
        <testcase classname="sum adds" name="sum adds" time="0.002" file="src/sum.test.js"></testcase>
        <testcase classname="sum fails" name="sum fails" time="0.003" file="src/sum.test.js">
        <failure>Error: expect(received).toBe(expected) // Object.is equality
    at Object.toBe (src/sum.test.js:8:21)</failure></testcase></testsuite></testsuites>""",
        name="sum fails",
        suite="sum fails",
        message="Error: expect(received).toBe(expected) // Object.is equality",
        detail="src/sum.test.js:8:21",
        file="src/sum.test.js",
    ),
    Sample(
        "mocha-junit-reporter",
        """<testsuites name="Mocha Tests" time="0.0" tests="2" failures="1"><testsuite name="Root Suite" tests="0"/>
        <testsuite name="Array" file="/home/runner/work/app/app/test/array.js" time="0.0" failures="1">
        <testcase name="Array ok" classname="ok"/><testcase name="Array fails" time="0.000" classname="fails">
        <failure message="-1 == 0" type="AssertionError"><![CDATA[AssertionError: -1 == 0
    at Context.<anonymous> (test/array.js:9:14)]]></failure></testcase></testsuite></testsuites>""",
        name="Array fails",
        suite="fails",
        message="-1 == 0",
        detail="test/array.js:9:14",
        file="/home/runner/work/app/app/test/array.js",
        error="AssertionError",
    ),
    Sample(
        "vitest",
        """<?xml version="1.0" encoding="UTF-8" ?><testsuites name="vitest tests" tests="2" failures="1" errors="0">
        <testsuite name="src/sum.test.ts" timestamp="2026-01-01T00:00:00Z" hostname="h" tests="2" failures="1">
        <testcase classname="src/sum.test.ts" name="sum &gt; adds" time="0.001"></testcase>
        <testcase classname="src/sum.test.ts" name="sum &gt; fails" time="0.004">
        <failure message="expected 3 to be 4 // Object.is equality" type="AssertionError">
AssertionError: expected 3 to be 4 // Object.is equality
 ❯ src/sum.test.ts:6:20</failure></testcase></testsuite></testsuites>""",
        name="sum > fails",
        suite="src/sum.test.ts",
        message="expected 3 to be 4 // Object.is equality",
        detail="src/sum.test.ts:6:20",
        error="AssertionError",
    ),
    Sample(
        "go-junit-report",
        """<testsuites><testsuite tests="2" failures="1" time="0.1" name="example.com/app/calc"><properties>
        <property name="go.version" value="go1.24"></property></properties>
        <testcase classname="calc" name="TestAdd" time="0.000"></testcase>
        <testcase classname="calc" name="TestDiv/zero" time="0.000"><failure message="Failed" type=""
        >    calc_test.go:12: got 1, want 2</failure></testcase></testsuite></testsuites>""",
        name="TestDiv/zero",
        suite="calc",
        message="calc_test.go:12: got 1, want 2",
        detail="calc_test.go:12",
    ),
    Sample(
        "gotestsum with reruns",
        """<testsuites tests="3" failures="1"><testsuite tests="3" failures="1" name="example.com/app/net"><properties>
        <property name="go.version" value="go1.24 linux/amd64"></property></properties>
        <testcase classname="example.com/app/net" name="TestOk" time="0.0"></testcase>
        <testcase classname="example.com/app/net" name="TestDial" time="0.1"><failure message="Failed" type=""
        >=== RUN   TestDial&#xA;    net_test.go:9: refused&#xA;--- FAIL: TestDial (0.10s)&#xA;</failure></testcase>
        <testcase classname="example.com/app/net" name="TestDial" time="0.1"></testcase></testsuite></testsuites>""",
        name="TestDial",
        suite="example.com/app/net",
        message="net_test.go:9: refused",
        detail="--- FAIL: TestDial",
        outcome=Outcome.PASSED,
        flaked=True,
    ),
    Sample(
        "cargo-nextest",
        """<testsuites name="nextest-run" tests="2" failures="1" errors="0" uuid="u" timestamp="t" time="0.1">
        <testsuite name="app::bin/app" tests="2" disabled="0" errors="0" failures="1">
        <testcase name="tests::ok" classname="app::bin/app" timestamp="t" time="0.004"></testcase>
        <testcase name="tests::fails" classname="app::bin/app" timestamp="t" time="0.004">
        <failure type="test failure with exit code 101"
        message="thread &apos;tests::fails&apos; panicked at src/main.rs:13:9">assertion failed</failure>
        <system-out>noise</system-out></testcase></testsuite></testsuites>""",
        name="tests::fails",
        suite="app::bin/app",
        message="thread 'tests::fails' panicked at src/main.rs:13:9",
        detail="assertion failed",
        error="test failure with exit code 101",
    ),
    Sample(
        "cargo-nextest, whose attempts may only have output",
        """<testsuites name="nextest-run"><testsuite name="app"><testcase name="ok" classname="app"/>
        <testcase name="tests::flaky" classname="app" time="5.0"><flakyFailure timestamp="t" time="2.0"
        type="test failure"><system-err>resource contention</system-err></flakyFailure></testcase></testsuite>
        </testsuites>""",
        name="tests::flaky",
        suite="app",
        message="resource contention",
        detail="resource contention",
        outcome=Outcome.PASSED,
        flaked=True,
        error="test failure",
    ),
    Sample(
        "phpunit",
        r"""<testsuites><testsuite name="app" tests="2" failures="1"><testsuite name="App\Tests\CalcTest"
        file="/app/tests/CalcTest.php" tests="2"><testcase name="testOk" class="App\Tests\CalcTest"
        classname="App.Tests.CalcTest" file="/app/tests/CalcTest.php" line="9" assertions="1" time="0.0"/>
        <testsuite name="App\Tests\CalcTest::testAdd" tests="1"><testcase name="testAdd with data set #1"
        class="App\Tests\CalcTest" classname="App.Tests.CalcTest" file="/app/tests/CalcTest.php" line="21"
        ><failure type="PHPUnit\Framework\ExpectationFailedException">App\Tests\CalcTest::testAdd with data set
Failed asserting that 3 matches expected 4.

/app/tests/CalcTest.php:24</failure></testcase></testsuite></testsuite></testsuite></testsuites>""",
        name="testAdd with data set #1",
        suite="App.Tests.CalcTest",
        message=r"App\Tests\CalcTest::testAdd with data set",
        detail="Failed asserting that 3 matches expected 4.",
        file="/app/tests/CalcTest.php",
        line=21,
        error=r"PHPUnit\Framework\ExpectationFailedException",
    ),
    Sample(
        "rspec_junit_formatter",
        """<testsuite name="rspec" tests="2" skipped="0" failures="1" errors="0" time="0.01"><properties>
        <property name="seed" value="1"/></properties><testcase classname="spec.calc_spec" name="Calc works"
        file="./spec/calc_spec.rb" time="0.0"></testcase><testcase classname="spec.calc_spec" name="Calc adds"
        file="./spec/calc_spec.rb" time="0.01"><failure message="expected: 4&#10;     got: 3"
        type="RSpec::Expectations::ExpectationNotMetError">Failure/Error: expect(3).to eq 4
./spec/calc_spec.rb:8:in `block`</failure></testcase></testsuite>""",
        name="Calc adds",
        suite="spec.calc_spec",
        message="expected: 4 got: 3",
        detail="./spec/calc_spec.rb:8",
        file="./spec/calc_spec.rb",
        error="RSpec::Expectations::ExpectationNotMetError",
    ),
    Sample(
        "ctest, which says it in the output",
        """<testsuite name="Linux-c++" tests="3" failures="1" disabled="0" skipped="1" hostname="h" time="0">
        <testcase name="ok" classname="ok" time="0.01" status="run"><system-out>fine</system-out></testcase>
        <testcase name="off" classname="off" time="0" status="disabled"><skipped message="Disabled"/>
        </testcase><testcase name="parse" classname="parse" time="0.02" status="fail"><failure message="Failed"/>
        <properties/><system-out>parse.cpp:40: expected 1, got 2
</system-out></testcase></testsuite>""",
        name="parse",
        suite="parse",
        message="parse.cpp:40: expected 1, got 2",
        detail="parse.cpp:40",
        cases=3,
    ),
    Sample(
        "googletest",
        """<testsuites tests="3" failures="1" disabled="1" errors="0" name="AllTests"><testsuite name="Calc" tests="3">
        <testcase name="Ok" file="/src/calc_test.cc" line="5" status="run" result="completed" classname="Calc" />
        <testcase name="DISABLED_No" file="/src/calc_test.cc" line="9" status="notrun" classname="Calc"/>
        <testcase name="Adds" file="/src/calc_test.cc" line="11" status="run" time="0." classname="Calc">
        <failure message="/src/calc_test.cc:12&#x0A;Expected equality&#x0A;  1&#x0A;  2"><![CDATA[first]]></failure>
        <failure message="/src/calc_test.cc:13" type=""><![CDATA[second]]></failure></testcase></testsuite>
        </testsuites>""",
        name="Adds",
        suite="Calc",
        message="/src/calc_test.cc:12 Expected equality 1 2",
        detail="first\n\nsecond",
        file="/src/calc_test.cc",
        line=11,
        cases=3,
    ),
    Sample(
        "catch2",
        """<testsuites><testsuite name="app" errors="1" failures="0" tests="2"><properties><property name="random-seed"
        value="1"/></properties><testcase classname="app.global" name="ok" time="0.0" status="run"/><testcase
        classname="app.global" name="throws/deep" time="0.0" status="run"><error message="{Unknown expression}"
        type="TEST_CASE">FAILED:
due to unexpected exception with message: boom
at /src/tests.cpp:21</error></testcase><system-out/><system-err/></testsuite></testsuites>""",
        name="throws/deep",
        suite="app.global",
        message="{Unknown expression}",
        detail="at /src/tests.cpp:21",
        outcome=Outcome.ERROR,
        error="TEST_CASE",
    ),
    Sample(
        "JUnit logger of dotnet",
        """<testsuites><testsuite name="Acme.Tests.dll" tests="2" failures="1"><testcase classname="Acme.Tests.Calc"
        name="Ok" time="0.0001"/><testcase classname="Acme.Tests.Calc" name="Divides(n: 1)" time="0.1"><failure
        type="failure" message="Assert.Equal() Failure&#xD;&#xA;Expected: 2">   at Acme.Tests.Calc.Divides() in
/src/Calc.cs:line 42</failure></testcase><system-out>Test Framework Informational Messages:</system-out></testsuite>
        </testsuites>""",
        name="Divides(n: 1)",
        suite="Acme.Tests.Calc",
        message="Assert.Equal() Failure Expected: 2",
        detail="/src/Calc.cs:line 42",
        error="failure",
    ),
    Sample(
        "swift test",
        """<testsuites><testsuite name="TestResults" errors="0" tests="2" failures="1" skipped="0" time="0.2">
        <testcase classname="AppTests.CalcTests" name="testOk" time="0.1"></testcase>
        <testcase classname="AppTests.CalcTests" name="testAdd"><failure message="failed"></failure></testcase>
        </testsuite></testsuites>""",
        name="testAdd",
        suite="AppTests.CalcTests",
        message="failed",
    ),
    Sample(
        "bats",
        """<testsuites time="0.1"><testsuite name="calc.bats" tests="2" failures="1" errors="0" skipped="0" time="0.1">
        <testcase classname="calc.bats" name="ok" time="0.01" /><testcase classname="calc.bats" name="adds" time="0.01">
        <failure type="failure">(in test file test/calc.bats, line 7)
  `[ &quot;$result&quot; -eq 5 ]&#39; failed</failure></testcase></testsuite></testsuites>""",
        name="adds",
        suite="calc.bats",
        message="(in test file test/calc.bats, line 7)",
        detail='[ "$result" -eq 5 ]',
        error="failure",
    ),
    Sample(
        "bazel",
        """<testsuites><testsuite name="pkg/calc_test" tests="1" failures="0" errors="1"><testcase name="pkg/calc_test"
        status="run" duration="3" time="3"><error message="exited with error code 1"></error></testcase>
        <system-out>Generated test.log: <![CDATA[calc.cc:3: Check failed]]></system-out></testsuite></testsuites>""",
        name="pkg/calc_test",
        suite="pkg/calc_test",
        message="exited with error code 1",
        detail="calc.cc:3: Check failed",
        outcome=Outcome.ERROR,
        cases=1,
    ),
    Sample(
        "minitest-reporters",
        """<testsuites><testsuite name="CalcTest" filepath="test/calc_test.rb" skipped="0" failures="1" errors="0"
        tests="2" assertions="2" time="0.01"><testcase name="test_ok" lineno="5" classname="CalcTest" assertions="1"
        time="0.0" file="test/calc_test.rb"/><testcase name="test_adds" lineno="9" classname="CalcTest" assertions="1"
        time="0.0"><failure type="Minitest::Assertion" message="Expected: 4&#10;  Actual: 3">
Failure:
test_adds(CalcTest) [test/calc_test.rb:10]</failure></testcase></testsuite></testsuites>""",
        name="test_adds",
        suite="CalcTest",
        message="Expected: 4 Actual: 3",
        detail="[test/calc_test.rb:10]",
        file="test/calc_test.rb",
        line=9,
        error="Minitest::Assertion",
    ),
)
