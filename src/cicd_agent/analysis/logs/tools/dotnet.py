"""What the tools of .NET and PowerShell print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_DOTNET = Tool(
    "dotnet",
    (
        Message(
            r"^(?:##\[error\])?\s*(?:\d+>)?(?P<path>(?!\s)(?:\w:)?[^():]{1,300})(?:\((?P<line>\d+),\d+(?:,\d+,\d+)?\))"
            r"?\s?: "
            r"error (?P<code>[A-Z]{1,8}\d{2,5})\s?: ",
            Kind.BUILD_ERROR,
            (": error ",),
            goes_on=r"^\s{4,}\S",
            most=5,
            example=(
                "/src/Bill.cs(14,9): error CS0103: The name 'totl' does not exist in the current context "
                "[/src/Bill.csproj]"
            ),
        ),
        Message(
            r"^\s*(?:error|fatal error) ?:? ?(?P<code>(?:NU|CS|MSB|NETSDK|FS|BC)\d{2,5}): |^Unable to resolve '\S+|"
            r"^\s*(?:NU\d{4}|error: (?:NU\d|Unable to load))|^Unable to find (?:version|package)",
            Kind.DEPENDENCY,
            ("error", "Unable to ", "NU1"),
            goes_on=r"^\s{2,}- ",
            most=5,
            example="error: NU1101: Unable to find package Brick. No packages exist with this id in source(s): nuget",
        ),
        Message(
            r"^(?:Build FAILED\.|\s+[1-9]\d* Error\(s\)|The build failed\.|MSBUILD : error|"
            r"It was not possible to find any compatible framework|"
            r"A compatible (?:installed )?\.NET SDK|The framework '|An error occu?rr?ed while installing|"
            r"An error occured when executing task)",
            Kind.BUILD_ERROR,
            (
                "Build FAILED",
                "Error(s)",
                "The build failed",
                "MSBUILD : error",
                "compatible",
                "The framework '",
                "An error occu",
            ),
            weight=0.5,
            goes_on=r"^Error: |^\s{2,}- ",
            most=5,
            example="Build FAILED.",
        ),
        Message(
            r"^(?:Unhandled [Ee]xception[:.]|Unhandled Exception:$|(?:System|Microsoft|NuGet)\.[\w.]+Exception: |"
            r"\[ERROR\] FATAL UNHANDLED EXCEPTION|\s*---> System\.)",
            Kind.UNKNOWN,
            ("nhandled ", "Exception: ", "UNHANDLED EXCEPTION", "---> System."),
            goes_on=r"^\s+at |^\s*---|^\s+\S|^System\.",
            most=20,
            weight=0.9,
            example="""\
Unhandled exception. System.IO.FileNotFoundException: Could not load file or assembly 'Brick'
   at Bill.Program.Main(String[] args) in /src/Program.cs:line 9""",
        ),
    ),
    noise=(r"\b0 Error\(s\)", r": warning \w+:"),
)

_DOTNET_TEST = Tool(
    "dotnet test",
    (
        Message(
            r"^\s*(?:Failed|X|✗) +(?P<test>(?! )[\w.+<>()\", ]{1,400}?) \[[<\d][^\]]*\]$|"
            r"^Failed +(?P<name>\w+(?:\.\w+)+)$",
            Kind.TEST_FAILURE,
            ("Failed ", "X ", "✗ "),
            goes_on=(
                r"^\s+(?!Passed |Skipped |Failed )\S|^\s*(?:Error Message|Stack Trace|Standard Output|Expected|Actual|"
                r"But was):?"
            ),
            most=25,
            example="""\
  Failed Bill.Tests.BillTest.AddsWhatWasOrdered [12 ms]
  Error Message:
   Assert.Equal() Failure
Expected: 5
Actual:   4
  Stack Trace:
     at Bill.Tests.BillTest.AddsWhatWasOrdered() in /src/BillTest.cs:line 13""",
        ),
        Message(
            r"^(?:\[xUnit\.net \S+\] +)?\s*(?P<test>[\w.+]{3}[^\[]*) \[FAIL\]$",
            Kind.TEST_FAILURE,
            (" [FAIL]",),
            stops=r"\[(?:FAIL|SKIP|PASS)\]$|^$|^\s*(?:Finished|Discover|=== TEST)",
            most=25,
            example="""\
    Bill.Tests.BillTest.AddsWhatWasOrdered [FAIL]
      Assert.Equal() Failure
      Expected: 5
      Actual:   4
      Stack Trace:
        /src/BillTest.cs(13,0): at Bill.Tests.BillTest.AddsWhatWasOrdered()""",
        ),
        Message(
            r"^\s*\d+\) (?:Failed|Error|Invalid) : (?P<test>\S+)|^Errors, Failures and Warnings|^Errors and Failures:",
            Kind.TEST_FAILURE,
            (") Failed : ", ") Error : ", ") Invalid : ", "Errors"),
            stops=r"^$|^Run Settings|^Test Run Summary",
            most=16,
            example="""\
1) Failed : Bill.Tests.BillTest.AddsWhatWasOrdered
  Expected: 5
  But was:  4
at Bill.Tests.BillTest.AddsWhatWasOrdered() in /src/BillTest.cs:line 13""",
        ),
        Message(
            r"^(?:Test Run Failed|Failed! +- Failed: +[1-9]|Total tests: .*Failed: [1-9]|\s+Failed: +[1-9]|"
            r"The active test run was aborted|.* Total: \d+, Errors: \d+, Failed: [1-9])",
            Kind.TEST_FAILURE,
            ("Test Run Failed", "Failed: ", "test run was aborted"),
            weight=0.4,
            example=(
                "Failed!  - Failed:     1, Passed:    11, Skipped:     0, Total:    12, Duration: 31 ms - "
                "Bill.Tests.dll"
            ),
        ),
    ),
    noise=(r"\bFailed: +0\b(?!.*(?:Errors|Failed): [1-9])",),
)

_POWERSHELL = Tool(
    "powershell",
    (
        Message(
            r"^\s*(?:At (?P<path>\S.*):(?P<line>\d+) char:\d+|\+ CategoryInfo +: |\+ FullyQualifiedErrorId : )",
            Kind.UNKNOWN,
            (" char:", "CategoryInfo", "FullyQualifiedErrorId"),
            lead=1,
            goes_on=r"^\s*\+ |^\s+\S|^$",
            most=9,
            example="""\
Execution of { dotnet test } failed with exit code 1
At /src/build.psm1:31 char:9
+         throw $message
+         ~~~~~~~~~~~~~~
    + CategoryInfo          : OperationStopped: (Execution of { dotnet test }:String) [], RuntimeException
    + FullyQualifiedErrorId : Execution of { dotnet test } failed with exit code 1""",
        ),
        Message(
            r"^(?P<code>[A-Z]\w+-[A-Z]\w+|(?:ParameterBinding|CommandNotFound|MethodInvocation|Runtime|"
            r"ItemNotFound)Exception|ParserError)\s?: (?:\S|$)",
            Kind.UNKNOWN,
            (
                "Get-",
                "Set-",
                "New-",
                "Invoke-",
                "Import-",
                "Install-",
                "Write-",
                "Start-",
                "Remove-",
                "Copy-",
                "Move-",
                "Test-",
                "Add-",
                "Out-",
                "Find-",
                "Exception: ",
                "ParserError: ",
            ),
            goes_on=r"^\s*(?:Line \||\d* \||\|)|^\s+\+|^At ",
            weight=0.9,
            most=10,
            example="""\
Import-Module: /src/build.ps1:9
Line |
   9 |  Import-Module Brick
     |  ~~~~~~~~~~~~~~~~~~~
     | The specified module 'Brick' was not loaded.""",
        ),
        Message(
            r"^\s*\[-\] (?P<test>\S.*)$",
            Kind.TEST_FAILURE,
            ("[-] ",),
            goes_on=r"^\s*(?:at |Expected|Actual|But was|\d+: |<ScriptBlock>)|^\s{4,}(?!\[)\S",
            most=20,
            example="""\
  [-] adds what was ordered 12ms
    Expected 5, but got 4.
    at <ScriptBlock>, /src/Bill.Tests.ps1: line 13""",
        ),
        Message(
            r"^(?:The term '\S+' is not recognized as|Tests (?:Passed|completed).*Failed: [1-9])",
            Kind.CONFIGURATION,
            ("The term '", "Failed: "),
            example=(
                "The term 'choco' is not recognized as the name of a cmdlet, function, script file, or operable "
                "program."
            ),
        ),
        Message(
            r"^(?:ERROR: )?(?:The package was not found with the source|Chocolatey (?:installed|"
            r"upgraded) \d+/\d+ packages?\. [1-9]\d* packages? failed|The install of \S+ was NOT successful)|"
            r"^Unable to resolve dependency '",
            Kind.DEPENDENCY,
            (
                "The package was not found",
                "packages failed",
                "package failed",
                "was NOT successful",
                "Unable to resolve dependency",
            ),
            example="The install of brick was NOT successful.",
        ),
    ),
    noise=(r"^Write-(?:Host|Verbose|Output)\b",),
)

DOTNET = (_DOTNET_TEST, _DOTNET, _POWERSHELL)
