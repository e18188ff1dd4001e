"""What linters and formatters print of a change they do not accept."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_RUFF = Tool(
    "ruff and flake8",
    (
        Message(
            r"^(?:##\[error\])?(?P<path>[^\s:]+\.(?:pyi?|ipynb)):(?P<line>\d+):(?:\d+:)? "
            r"(?P<code>[A-Z]{1,4}\d{2,5})\b:? ",
            Kind.LINT_ERROR,
            (".py:", ".pyi:", ".ipynb:"),
            goes_on=r"^\s+\S|^\s*\^",
            most=4,
            example="src/bill.py:14:1: F401 'os' imported but unused",
        ),
        Message(
            r"^(?P<code>[A-Z]{1,4}\d{3,4}) (?:\[\*\] )?\S.*$",
            Kind.LINT_ERROR,
            tuple(
                f"{letter}{digit}"
                for letter in ("E", "F", "W", "I", "N", "D", "B", "S", "C", "P", "R", "A", "T", "G", "L")
                for digit in "0123456789"
            ),
            goes_on=r"^\s+-->|^\s*\d* ?\||^help: ",
            weight=0.7,
            most=10,
            example="""\
F401 [*] `os` imported but unused
 --> src/bill.py:1:8
  |
1 | import os
  |        ^^
  |
help: Remove unused import: `os`""",
        ),
        Message(
            r"^Found [1-9]\d* errors?(?: \(\d+ fixed|\.|$)|^\[\*\] \d+ fixable",
            Kind.LINT_ERROR,
            ("Found ", "[*] "),
            weight=0.4,
            example="Found 3 errors.",
        ),
        Message(
            r"^(?P<path>[^\s:]+\.py):(?P<line>\d+):? (?:in \S+|.*\b(?:at|on) .*: )[`\w ]+: (?P<code>D\d{3}|DAR\d+|"
            r"B\d{3})|^>> Issue: \[(?P<id>B\d+)",
            Kind.LINT_ERROR,
            (".py:", ">> Issue: ["),
            goes_on=r"^\s+\S",
            most=6,
            example="""\
>> Issue: [B602:subprocess_popen_with_shell_equals_true] subprocess call with shell=True identified.
   Severity: High   Confidence: High
   Location: src/bill.py:14:4""",
        ),
    ),
)

_PYLINT = Tool(
    "pylint",
    (
        Message(
            r"^(?P<path>[^\s:]+\.py):(?P<line>\d+):(?:\d+:)? (?:\[)?(?P<code>[CRWEF]\d{4})\b",
            Kind.LINT_ERROR,
            (".py:",),
            example="src/bill.py:14:4: E0602: Undefined variable 'totl' (undefined-variable)",
        ),
        Message(
            r"^(?P<code>[CRWEF]): *(?P<line>\d+), *\d+: ",
            Kind.LINT_ERROR,
            ("C:", "R:", "W:", "E:", "F:"),
            example="E: 14, 4: Undefined variable 'totl' (undefined-variable)",
        ),
        Message(
            r"^\*{10,} Module |^Your code has been rated at (?!10\.00)",
            Kind.LINT_ERROR,
            ("* Module ", "rated at "),
            weight=0.4,
            example="************* Module bill.sums",
        ),
    ),
)

_MYPY = Tool(
    "mypy and pyright",
    (
        Message(
            r"^(?:##\[error\])?(?P<path>[^\s:]+\.pyi?):(?P<line>\d+):(?:\d+:)? (?:error|"
            r"note): .*?(?:\[(?P<code>[\w-]+)\])?$",
            Kind.LINT_ERROR,
            (": error: ", ": note: "),
            goes_on=r"^\s+\S|^\S+\.pyi?:\d+:(?:\d+:)? note: ",
            most=6,
            example='src/bill.py:14: error: Name "totl" is not defined  [name-defined]',
        ),
        Message(
            r"^\s*(?P<path>/?[^\s:]+\.pyi?):(?P<line>\d+):\d+ - error: .*",
            Kind.LINT_ERROR,
            (" - error: ",),
            goes_on=r"^\s{4,}\S",
            most=5,
            example='  /src/bill.py:14:9 - error: "totl" is not defined (reportUndefinedVariable)',
        ),
        Message(
            r"^Found [1-9]\d* errors? in \d+ files?|^[1-9]\d* errors?, \d+ warnings?,? ",
            Kind.LINT_ERROR,
            ("Found ", " error"),
            weight=0.4,
            example="Found 3 errors in 2 files (checked 31 source files)",
        ),
    ),
    noise=(r"^0 errors,", r"^Success: no issues"),
)

_FORMATTERS = Tool(
    "formatters",
    (
        Message(
            r"^(?:would reformat|Would reformat:|ERROR: \S+ (?:Imports are|would)|error: cannot format|"
            r"--- (?:a/)?\S+\t.*(?:original|before)|\S+ would be reformatted)",
            Kind.LINT_ERROR,
            ("would reformat", "Would reformat", "ERROR: ", "error: cannot format", "--- ", "would be reformatted"),
            example="would reformat src/bill.py",
        ),
        Message(
            r"^(?:Oh no!|[1-9]\d* files? would be (?:re)?formatted|\[(?:error|warn)\] Code style issues|"
            r"Code style issues)",
            Kind.LINT_ERROR,
            ("Oh no!", " would be ", "Code style issues"),
            weight=0.5,
            example="2 files would be reformatted, 31 files would be left unchanged.",
        ),
        Message(
            r"^\[(?:warn|error)\] (?P<path>\S+\.\w+)(?:: (?P<code>\w+Error): |$)",
            Kind.LINT_ERROR,
            ("[warn] ", "[error] "),
            goes_on=r"^\[(?:warn|error)\] ",
            most=40,
            example="""\
[warn] src/bill.js
[warn] src/sums.js
[warn] Code style issues found in 2 files. Run Prettier with --write to fix.""",
        ),
        Message(
            r"^diff --git a/(?P<path>\S+) b/|^diff -\w+ |^--- (?:a/)?(?P<name>\S+)$",
            Kind.LINT_ERROR,
            ("diff --git ", "diff -", "--- "),
            goes_on=r"^(?:index |new file|deleted file|old mode|new mode|similarity|rename|[-+ @\\])|^$",
            weight=0.7,
            most=60,
            example="""\
diff --git a/src/bill.c b/src/bill.c
index 1f2e3d4..4d3e2f1 100644
--- a/src/bill.c
+++ b/src/bill.c
@@ -14,3 +14,3 @@ int total(void)
-  return 1 ;
+  return 1;""",
        ),
        Message(
            r"^(?P<path>\S+\.\w+):(?P<line>\d+):\d+: (?:error|warning): code should be clang-formatted|"
            r"^(?:The following files? (?:are|is) not (?:properly )?formatted|"
            r"(?:Some )?[Ff]iles? (?:are |is )?(?:not|need(?:s)?(?: to be)?) (?:properly )?(?:re)?format)",
            Kind.LINT_ERROR,
            ("clang-formatted", "format"),
            goes_on=r"^\s+\S|^\S+\.\w{1,5}$",
            most=20,
            example="src/bill.c:14:11: error: code should be clang-formatted [-Wclang-format-violations]",
        ),
        Message(
            r"^(?:M|\?\?|\s[MD]|A|D|modified:|\s+modified:) +(?P<path>\S+)$|^(?:Your|The) (?:working (?:tree|"
            r"directory)|local changes|branch|repository) .*(?:not clean|dirty|overwritten|uncommitted)|"
            r"\b(?:checkout|working tree|repo(?:sitory)?) (?:is )?(?:dirty|not clean)\b",
            Kind.LINT_ERROR,
            (" M ", "M ", "?? ", "modified:", "Your ", "The ", "dirty", "not clean"),
            weight=0.5,
            goes_on=r"^(?:M|\?\?|\s[MD]|A|D) +\S+$",
            most=20,
            example="The working directory is not clean after the code was generated",
        ),
    ),
    noise=(r"^\+ ", r"^0 files would be", r"^All \w+ files use"),
)

_PRE_COMMIT = Tool(
    "pre-commit",
    (
        Message(
            r"^(?P<test>\S.{0,200}?)(?<!\.)\.{3,}(?:\([^)]*\))?Failed$",
            Kind.LINT_ERROR,
            ("Failed",),
            stops=r"(?<!\.)\.{3,}(?:\([^)]*\))?(?:Passed|Failed|Skipped)$",
            most=30,
            example="""\
trim trailing whitespace.................................................Failed
- hook id: trailing-whitespace
- exit code: 1
- files were modified by this hook

Fixing src/bill.py
""",
        ),
        Message(
            r"^(?:An (?:unexpected )?error has occurred: |pre-commit hook\(s\) made changes|"
            r"\[ERROR\] Your pre-commit configuration)",
            Kind.LINT_ERROR,
            ("error has occurred: ", "made changes", "pre-commit configuration"),
            goes_on=r"^(?:return code|stdout|stderr|expected return code):|^\s+\S",
            most=14,
            example="pre-commit hook(s) made changes.",
        ),
    ),
)

LINTERS = (_RUFF, _PYLINT, _MYPY, _FORMATTERS, _PRE_COMMIT)
