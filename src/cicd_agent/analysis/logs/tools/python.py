"""What Python itself, its builders and its documentation tools print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_PYTHON = Tool(
    "python",
    (
        Message(
            r"^\s*Traceback \(most recent call last\):",
            Kind.UNKNOWN,
            ("Traceback (most recent call last)",),
            weight=0.9,
            closes=r"^\S|^\s+[\w.]+(?:Error|Exception|Exit|Interrupt|Expired|Failure)(?::|$)",
            says=r"^\s*(?P<code>[A-Za-z_][\w.]*)(?::\s|$)",
            most=60,
            example="""\
Traceback (most recent call last):
  File "manage.py", line 22, in <module>
    main()
  File "/srv/app/settings.py", line 9, in main
    import crispy
ModuleNotFoundError: No module named 'crispy'""",
        ),
        Message(
            r"^(?P<code>(?:\w+\.){0,8}(?:ModuleNotFoundError|ImportError)): ",
            Kind.DEPENDENCY,
            ("ModuleNotFoundError: ", "ImportError: "),
            example="ImportError: libfoo.so.3: cannot open shared object file: No such file or directory",
        ),
        Message(
            r"^(?!(?:java|javax|jakarta|org|com|net|io|eu|fr|de|scala|kotlin|groovy|hudson|sun)\.)"
            r"(?P<code>(?:[a-z_]\w*\.){0,8}[A-Z]\w*(?:Error|Exception|Expired|Interrupt)|"
            r"(?:[a-z_]\w*\.){1,8}(?:exceptions?|errors?)\.[A-Z]\w*)(?:: |$)",
            Kind.UNKNOWN,
            ("Error", "Exception", "Expired", "KeyboardInterrupt", ".exception", ".error"),
            weight=0.8,
            example="RuntimeError: cannot schedule new futures after shutdown",
        ),
        Message(
            r"^\s*(?:During handling of the above exception, another|The above exception was the direct cause of)",
            Kind.UNKNOWN,
            ("above exception",),
            weight=0.4,
            example="During handling of the above exception, another exception occurred:",
        ),
        Message(
            r'^\s{2}File "(?P<path>[^"]+)", line (?P<line>\d+)$',
            Kind.BUILD_ERROR,
            ('  File "',),
            weight=0.9,
            closes=r"^\s*\w*Error: ",
            says=r"^\s*(?P<code>\w*Error): ",
            most=5,
            example="""\
  File "setup.py", line 4
    print "building"
          ^
SyntaxError: Missing parentheses in call to 'print'""",
        ),
        Message(
            r"^\S*python[\d.]*: (?:can't open file|No module named|Error while finding)",
            Kind.CONFIGURATION,
            ("can't open file", "No module named", "Error while finding"),
            example="/usr/bin/python3: No module named nose",
        ),
        Message(
            r"^Fatal Python error: ",
            Kind.UNKNOWN,
            ("Fatal Python error: ",),
            goes_on=r'^(?:Current thread|Thread|Python runtime|Extension modules)|^\s+File "|^$',
            most=40,
            example="""\
Fatal Python error: Segmentation fault

Current thread 0x00007f1c2d5fe740 (most recent call first):
  File "/srv/app/codec.py", line 31 in decode""",
        ),
    ),
    noise=(r"\b(?:test_\w*(?:error|fail)\w*|errors?|exceptions?)\.py\b(?!:\d)",),
)

_DISTUTILS = Tool(
    "distutils",
    (
        Message(
            r"^error: (?:command '|Could not find suitable|can't (?:copy|create|find)|package directory|\[Errno)",
            Kind.BUILD_ERROR,
            ("error: ",),
            weight=0.7,
            example="error: command '/usr/bin/gcc' failed with exit code 1",
        ),
        Message(
            r"^(?:distutils|setuptools|pkg_resources)\.\w+(?:\.\w+)?: ",
            Kind.DEPENDENCY,
            ("distutils.", "setuptools.", "pkg_resources."),
            example="pkg_resources.DistributionNotFound: The 'idna' distribution was not found",
        ),
        Message(
            r"^error in \S+ setup command: |^error: Microsoft Visual C\+\+",
            Kind.CONFIGURATION,
            ("setup command: ", "Microsoft Visual C++"),
            example="error in brick setup command: use_2to3 is invalid.",
        ),
    ),
)

_SPHINX = Tool(
    "sphinx",
    (
        Message(
            r"^(?P<path>\S+?):(?P<line>\d+): \(?(?:ERROR|SEVERE|WARNING)(?:/\d\))?: ",
            Kind.BUILD_ERROR,
            (": ERROR: ", ": SEVERE: ", ": WARNING: ", "(ERROR/3", "(SEVERE/4"),
            weight=0.7,
            goes_on=r"^\s+\S",
            most=6,
            example='docs/usage.rst:41: ERROR: Unknown directive type "tabs".',
        ),
        Message(
            r"^(?:Warning, treated as error|(?:Sphinx|Extension|Theme|Configuration|reST markup) error):",
            Kind.BUILD_ERROR,
            ("Warning, treated as error", " error:"),
            goes_on=r"^\S",
            most=3,
            example="""\
Warning, treated as error:
/src/docs/api.rst:12:undefined label: install""",
        ),
        Message(
            r"^(?:build finished with problems|Aborted with \d+ warnings)",
            Kind.BUILD_ERROR,
            ("build finished with problems", "Aborted with "),
            weight=0.3,
            example="build finished with problems, 2 warnings (with warnings treated as errors).",
        ),
        Message(
            r"^(?:WARNING|ERROR)\s+-\s+\S|^Aborted with \d+ warnings in strict mode|^Config value: '",
            Kind.BUILD_ERROR,
            ("WARNING", "ERROR", "Aborted with ", "Config value: "),
            weight=0.6,
            example="WARNING -  Doc file 'index.md' contains a link 'setup.md', but the target is not found",
        ),
    ),
    noise=(r"^build succeeded",),
)

_COVERAGE = Tool(
    "coverage",
    (
        Message(
            r"Required test coverage of \d|is less than fail-under=|^Coverage failure: ",
            Kind.TEST_FAILURE,
            ("Required test coverage of ", "fail-under=", "Coverage failure: "),
            example="FAIL Required test coverage of 90% not reached. Total coverage: 86.41%",
        ),
        Message(
            r"^(?:CoverageException: |No data to (?:report|combine)|Couldn't (?:read|use) data file)",
            Kind.CONFIGURATION,
            ("CoverageException: ", "No data to ", "data file"),
            weight=0.7,
            example="No data to report.",
        ),
        Message(
            r"coverage threshold for \w+ \([\d.]+%\)(?: not met)?|^ERROR: Coverage for \w+ \([\d.]+%\)",
            Kind.TEST_FAILURE,
            ("coverage threshold for ", "ERROR: Coverage for "),
            example='Jest: "global" coverage threshold for branches (80%) not met: 78.5%',
        ),
        Message(
            r"^(?:Coverage \([\d.]+%\) is below|Line coverage \([\d.]+%\) is below|.{0,40}coverage is below|"
            r"Rule violated for (?:bundle|class|package))",
            Kind.TEST_FAILURE,
            (" is below", "Rule violated for "),
            example="Line coverage (81.20%) is below the expected minimum coverage (90.00%).",
        ),
    ),
)

_CODECOV = Tool(
    "codecov",
    (
        Message(
            r"^(?:Error: )?(?:Codecov|codecov): (?:Failed|failed|Error)|HTTP Error \d+.{0,40}codecov|"
            r"^\S* ?(?:\[error\]|error - \S+) .{0,80}(?:Codecov|upload|Commit creating)|Coveralls.{0,60}(?:error|"
            r"Bad response)",
            Kind.INFRASTRUCTURE,
            ("odecov", "Coveralls", "Commit creating"),
            weight=0.6,
            example="Error: Codecov: Failed to properly upload report: the process exited with code 1",
        ),
    ),
)

PYTHON = (_PYTHON, _DISTUTILS, _SPHINX, _COVERAGE, _CODECOV)
