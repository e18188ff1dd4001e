"""What the test runners of Python print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_PYTEST = Tool(
    "pytest",
    (
        Message(
            r"^_{3,} (?:ERROR (?:at (?:setup|teardown) of|collecting) )?(?P<test>\S.*?) _{3,}$",
            Kind.TEST_FAILURE,
            ("___ ",),
            stops=r"^_{3,} .* _{3,}$|^={3,} |^-{3,} Captured ",
            most=120,
            example="""\
______________________________ test_total_of_two _______________________________

    def test_total_of_two():
>       assert total(2, 2) == 5
E       assert 4 == 5
E        +  where 4 = total(2, 2)

tests/test_total.py:9: AssertionError""",
        ),
        Message(
            r"^E\s{2,}\S",
            Kind.TEST_FAILURE,
            ("E  ",),
            goes_on=r"^E(?:\s{2,}|$)",
            most=40,
            weight=0.95,
            example="""\
E       AssertionError: assert 'a' == 'b'
E         - b
E         + a""",
        ),
        Message(
            r"^(?P<path>\S+\.py):(?P<line>\d+): (?P<code>\w*(?:Error|Exception|Failed|Interrupt))$",
            Kind.TEST_FAILURE,
            (".py:",),
            weight=0.9,
            example="tests/test_total.py:9: AssertionError",
        ),
        Message(
            r"^-{3,} Captured (?:stdout|stderr|log) (?:call|setup|teardown) -{3,}$",
            Kind.TEST_FAILURE,
            (" Captured ",),
            weight=0.5,
            stops=r"^_{3,} .* _{3,}$|^={3,} |^-{3,} Captured ",
            most=20,
            example="""\
----------------------------- Captured stdout call -----------------------------
connecting to 127.0.0.1""",
        ),
        Message(
            r"^(?:FAILED|ERROR) (?P<test>\S+(?:::|\.py).*?)(?: - .*)?$",
            Kind.TEST_FAILURE,
            ("FAILED ", "ERROR "),
            weight=0.75,
            example="FAILED tests/test_total.py::test_total_of_two - assert 4 == 5",
        ),
        Message(
            r"^(?:\[gw\d+\]\s+(?:\[\s*\d+%\] )?)?(?:FAILED|ERROR) \S+::|"
            r"^(?P<test>[^\s:]+::\S+)(?: .{0,200})? (?:FAILED|ERROR)\b",
            Kind.TEST_FAILURE,
            (" FAILED", " ERROR", "] FAILED"),
            weight=0.6,
            example="tests/test_total.py::test_total_of_two FAILED                              [ 50%]",
        ),
        Message(
            r"^=+ (?:.*, )?\d+ (?:failed|errors?)\b.* =+$|^\d+ failed\b.* in [\d.]+s",
            Kind.TEST_FAILURE,
            (" failed", " error"),
            weight=0.4,
            example="=================== 1 failed, 12 passed in 0.31s ===================",
        ),
        Message(
            r"^!{3,} .* !{3,}$",
            Kind.TEST_FAILURE,
            ("!!! ",),
            weight=0.95,
            example="!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!",
        ),
        Message(
            r"^INTERNALERROR> ",
            Kind.TEST_FAILURE,
            ("INTERNALERROR>",),
            goes_on=r"^INTERNALERROR>",
            says=r"^INTERNALERROR> (?P<code>[\w.]+(?:Error|Exception))\b",
            most=60,
            example="""\
INTERNALERROR> Traceback (most recent call last):
INTERNALERROR> PermissionError: [Errno 13] Permission denied: '.pytest_cache'""",
        ),
        Message(
            r"^(?:ERROR: |\S*(?:pytest|py\.test)(?:\.py)?: error: )"
            r"(?:usage:|(?:file or directory )?not found:|file not found|unrecognized arguments|argument |"
            r"\w+ requires)",
            Kind.CONFIGURATION,
            ("ERROR: ", "error: "),
            most=4,
            goes_on=r"^\S*(?:pytest|py\.test)(?:\.py)?: error:|^\s+(?:inifile|rootdir):|^\(no name",
            example="""\
ERROR: usage: pytest [options] [file_or_dir] [file_or_dir] [...]
pytest: error: unrecognized arguments: --cov=src
  inifile: /src/setup.cfg
  rootdir: /src""",
        ),
        Message(
            r"^(?:ERROR|ImportError) (?:collecting|while (?:loading conftest|importing test module))|"
            r"^E?\s*fixture '\w+' not found",
            Kind.TEST_FAILURE,
            ("conftest", "importing test module", "fixture '", "collecting"),
            goes_on=r"^\S+:\d+: in |^\s{4}\S|^E\s",
            most=20,
            example="""\
ImportError while loading conftest '/src/tests/conftest.py'.
tests/conftest.py:3: in <module>
    import requests_mock
E   ModuleNotFoundError: No module named 'requests_mock'""",
        ),
        Message(
            r"^(?:\[gw\d+\] node down: |replacing crashed worker gw|worker 'gw\d+' crashed while running)",
            Kind.TEST_FAILURE,
            ("node down: ", "crashed worker", "crashed while running"),
            weight=0.9,
            example="worker 'gw1' crashed while running 'tests/test_io.py::test_large'",
        ),
        Message(
            r"^E?\s*Failed: Timeout (?:\(?>|>)|^\+{5,} Timeout \+{5,}$",
            Kind.TIMEOUT,
            ("Timeout",),
            trouble=Trouble.TIMEOUT,
            stops=r"^\+{5,} Timeout \+{5,}$|^={3,} ",
            most=25,
            example="""\
+++++++++++++++++++++++++++++++++++ Timeout ++++++++++++++++++++++++++++++++++++
~~~~~~~~~~~~~~~~~~~~~ Stack of MainThread (139871263) ~~~~~~~~~~~~~~~~~~~~~
  File "/src/tests/test_wait.py", line 8, in test_wait
    lock.acquire()""",
        ),
    ),
    noise=(
        r"^[^\s:]+::\S+ (?:PASSED|SKIPPED|XFAIL|XPASS)\b",
        r"^=+ \d+ passed",
        r"--(?:maxfail|exitfirst|last-failed|failed-first)\b",
    ),
)

_UNITTEST = Tool(
    "unittest",
    (
        Message(
            r"^(?:FAIL|ERROR): (?P<test>\w[\w.]* \([\w.]+\)|setUp\w+ \([\w.]+\)|\w+(?:\.\w+){2,}|Failure: \w+)",
            Kind.TEST_FAILURE,
            ("FAIL: ", "ERROR: "),
            stops=r"^={30,}$|^Ran \d+ tests?",
            says=r"^(?:FAIL|ERROR): (?P<test>\S+ ?(?:\([\w.]+\))?)",
            most=80,
            example="""\
FAIL: test_total (tests.test_bill.BillTest)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/src/tests/test_bill.py", line 14, in test_total
    self.assertEqual(bill.total, 12)
AssertionError: 11 != 12
""",
        ),
        Message(
            r"^(?P<test>\w+ \([\w.]+\)|[\w.: ]{1,200}) \.\.\. (?:FAIL|ERROR)$",
            Kind.TEST_FAILURE,
            ("... FAIL", "... ERROR"),
            weight=0.6,
            example="test_total (tests.test_bill.BillTest) ... FAIL",
        ),
        Message(
            r"^FAILED \((?:failures|errors|skipped|unexpected successes)=",
            Kind.TEST_FAILURE,
            ("FAILED (",),
            weight=0.4,
            example="FAILED (failures=1, errors=2)",
        ),
    ),
    noise=(r"^Ran \d+ tests? in ", r" \.\.\. ok$"),
)

_DOCTEST = Tool(
    "doctest",
    (
        Message(
            r'^File "(?P<path>[^"]+)", line (?P<line>\d+), in (?P<test>[\w.]+)$',
            Kind.TEST_FAILURE,
            ('File "',),
            stops=r"^\*{20,}$|^-{20,}$",
            most=30,
            example="""\
File "src/units.py", line 12, in units.metres
Failed example:
    metres(3)
Expected:
    3.0
Got:
    3""",
        ),
        Message(
            r"^\*{3}Test Failed\*{3} \d+ failures?|^\d+ items? had failures:",
            Kind.TEST_FAILURE,
            ("***Test Failed***", " had failures:"),
            weight=0.4,
            example="***Test Failed*** 1 failures.",
        ),
    ),
)

_TOX = Tool(
    "tox",
    (
        Message(
            r"^(?:\s*ERROR: +(?:InvocationError|InvocationError for command|[\w.-]+: commands failed)|"
            r"\s*[\w.-]+: (?:FAIL code \d+|exit -?\d+ \()|\s*[\w.-]+: failed(?: with| \()|\s*evaluation failed)",
            Kind.UNKNOWN,
            ("InvocationError", "commands failed", ": FAIL code", ": exit ", ": failed", "evaluation failed"),
            weight=0.1,
            example="ERROR: InvocationError for command /src/.tox/py312/bin/pytest (exited with code 1)",
        ),
        Message(
            r"^nox > (?:Command .* failed with exit code|Session \S+ (?:failed|raised))",
            Kind.UNKNOWN,
            ("nox > ",),
            weight=0.1,
            example="nox > Session tests-3.12 failed.",
        ),
    ),
    wraps=True,
)

_TOX_SETUP = Tool(
    "tox set-up",
    (
        Message(
            r"^ERROR: +(?:could not install deps|unknown environment|InterpreterNotFound|invocation failed|tox\.ini)",
            Kind.DEPENDENCY,
            ("could not install deps", "unknown environment", "InterpreterNotFound", "invocation failed", "tox.ini"),
            weight=0.6,
            example="ERROR: could not install deps [pytest, hypothesis]; v = InvocationError",
        ),
    ),
)

PYTHON_TESTS = (_PYTEST, _UNITTEST, _DOCTEST, _TOX, _TOX_SETUP)
