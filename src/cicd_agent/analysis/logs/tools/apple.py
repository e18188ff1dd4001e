"""What the tools of Apple's platforms print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_SWIFT = Tool(
    "swift",
    (
        Message(
            r"^(?P<path>/?[^\s:]+\.(?:swift|m|mm)):(?P<line>\d+):\d+: (?:fatal )?error: ",
            Kind.BUILD_ERROR,
            (".swift:", ".m:", ".mm:"),
            goes_on=r"^\s+\S|^\S.*[{};,)]$|^\s*\^|^\S+:\d+:\d+: note: ",
            most=6,
            example="""\
/src/Sources/Bill.swift:14:9: error: cannot find 'totl' in scope
        totl(items)
        ^~~~""",
        ),
        Message(
            r"^(?P<path>/?\S+\.(?:swift|m|mm)):(?P<line>\d+): error: (?P<test>.{1,300}?) : ",
            Kind.TEST_FAILURE,
            (": error: ",),
            example=(
                '/src/Tests/BillTests.swift:13: error: BillTests.testTotal : XCTAssertEqual failed: ("4") is not '
                'equal to ("5")'
            ),
        ),
        Message(
            r"❌\s+(?:(?P<path>/?[^\s:]+):(?P<line>\d+):\d+: )?\S|^\s*(?:⛔️|❌) \S",
            Kind.BUILD_ERROR,
            ("❌", "⛔️"),
            goes_on=r"^\s*\^|^\s{2,}\S|^$",
            weight=0.95,
            most=5,
            example="""\
❌  /src/Sources/Bill.swift:14:9: cannot find 'totl' in scope

        totl(items)
        ^~~~""",
        ),
        Message(
            r"^\s*(?:Test Case '.*' failed|✗ (?P<test>\S+),|Failing tests:|\*\* (?:BUILD|TEST|ARCHIVE|EXECUTE|"
            r"CLEAN) FAILED \*\*|The following build commands failed:|"
            r"✘ Test |Executed \d+ tests?, with [1-9]\d* failures?)",
            Kind.TEST_FAILURE,
            ("' failed", "✗ ", "Failing tests:", "FAILED **", "build commands failed", "✘ Test ", "failure"),
            goes_on=r"^\t\S|^\s{4,}\S|^\(\d+ failures?\)",
            weight=0.7,
            most=8,
            example="""\
The following build commands failed:
	CompileSwift normal x86_64 /src/Sources/Bill.swift
(1 failure)""",
        ),
        Message(
            r"^xcodebuild: error: |^xcrun: error: |^xcode-select: error|^\S+ xcodebuild\[\d+:\w+\] (?:Error|\[MT\])|"
            r"^Code Sign error|^(?:error|Error): .*(?:[Pp]rovisioning profile|signing certificate)",
            Kind.CONFIGURATION,
            (
                "xcodebuild",
                "xcrun: error",
                "xcode-select: error",
                "Code Sign error",
                "rovisioning profile",
                "signing certificate",
            ),
            goes_on=r"^\s+\S|^$",
            most=8,
            example="""\
xcodebuild: error: Unable to find a destination matching the provided destination specifier:
		{ platform:iOS Simulator, name:iPhone 99 }""",
        ),
        Message(
            r"^error: (?:dependency graph|unable to (?:resolve|spawn)|no such module|terminated|package at|"
            r"'\S+' \S+ (?:is using|doesn't)|fatalError|.{0,40}manifest|Exited with signal|the (?:package|manifest))",
            Kind.DEPENDENCY,
            ("error: ",),
            goes_on=r"^\s+\S",
            most=6,
            weight=0.9,
            example="error: the package at '/src' has unsupported layout; found loose source files",
        ),
    ),
    noise=(r"with 0 failures", r"^\s*⚠️"),
)

_COCOAPODS = Tool(
    "cocoapods",
    (
        Message(
            r"^\[!\] |^ *- ERROR \| |^\s*-> \S+ \(\S+\)$",
            Kind.DEPENDENCY,
            ("[!] ", "- ERROR | ", "-> "),
            goes_on=r"^\s{2,}\S|^$|^(?:None of|You have|\* |Note:|Specs)|^ *- (?:ERROR|NOTE|WARN)",
            most=20,
            example="""\
[!] CocoaPods could not find compatible versions for pod "Brick":
  In Podfile:
    Brick (~> 9.1)

None of your spec sources contain a spec satisfying the dependency: `Brick (~> 9.1)`.""",
        ),
        Message(
            r"^(?:A shell task \(.*\) failed|Failed to (?:read file or folder|check out|parse the Cartfile)|"
            r"Skipped (?:building|installing)|No available version for|"
            r"\[\d\d:\d\d:\d\d\]: (?:Exit status|fastlane finished with errors|.*[Ee]rror))",
            Kind.DEPENDENCY,
            ("A shell task (", "Failed to ", "No available version", "Exit status", "finished with errors", "rror"),
            goes_on=r"^\s{2,}\S|^fatal: |^error: ",
            weight=0.8,
            most=8,
            example='No available version for github "example/Brick" satisfies the requirement: ~> 9.1',
        ),
    ),
    noise=(r"^\[!\] This is a test version",),
)


APPLE = (_SWIFT, _COCOAPODS)
