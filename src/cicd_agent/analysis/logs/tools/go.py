"""What Go's tools print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_GO_TEST = Tool(
    "go test",
    (
        Message(
            r"^\s*--- FAIL: (?P<test>\S+)",
            Kind.TEST_FAILURE,
            ("--- FAIL: ",),
            goes_on=r"^(?:\s{4,}|\t)(?!--- (?:PASS|SKIP)|=== )\S|^\s+--- FAIL",
            most=40,
            example="""\
--- FAIL: TestTotal (0.00s)
    bill_test.go:13: total of two items: got 4, want 5
        items: [2 2]""",
        ),
        Message(
            r"^\s+(?P<path>\w+_test\.go):(?P<line>\d+): ?",
            Kind.TEST_FAILURE,
            ("_test.go:",),
            goes_on=r"^\s{8,}\S|^ {0,8}\t\s*\S",
            weight=0.7,
            most=25,
            example="""\
    bill_test.go:13: unexpected total
        got:  4
        want: 5""",
        ),
        Message(
            r"^FAIL\t(?P<path>\S+)(?:\t[\d.]+s| \[(?:build|setup) failed\])|^FAIL\s+\S+ \[(?:build|setup) failed\]",
            Kind.TEST_FAILURE,
            ("FAIL\t", "build failed]", "setup failed]"),
            weight=0.5,
            example="FAIL\texample.org/bill\t0.012s",
        ),
        Message(
            r"^panic: test timed out after ",
            Kind.TIMEOUT,
            ("panic: test timed out",),
            trouble=Trouble.TIMEOUT,
            stops=r"^goroutine \d+ \[(?!running)",
            most=25,
            example="""\
panic: test timed out after 10m0s
running tests:
	TestWait (9m58s)""",
        ),
        Message(
            r"^# \S+$",
            Kind.BUILD_ERROR,
            ("# ",),
            goes_on=r"^[^\s:]+\.go:\d+",
            weight=0.3,
            most=12,
            example="# example.org/bill",
        ),
        Message(
            r"^\s*• (?:Failure|\[FAILED\]|\[PANICKED\]|\[TIMEDOUT\])|^\s*\[(?:Fail|FAIL|FAILED)\] |"
            r"^Summarizing \d+ [Ff]ailure",
            Kind.TEST_FAILURE,
            ("• Failure", "• [", "[Fail]", "[FAIL]", "[FAILED]", "Summarizing "),
            stops=r"^-{20,}|^Ran \d+ of",
            most=25,
            example="""\
• [FAILED] [0.003 seconds]
Bill [It] adds what was ordered
/src/bill_test.go:13

  Expected
      <int>: 4
  to equal
      <int>: 5""",
        ),
        Message(
            r"^(?:FAIL|PANIC): (?P<path>\S+\.go):(?P<line>\d+): (?P<test>\S+)",
            Kind.TEST_FAILURE,
            ("FAIL: ", "PANIC: "),
            stops=r"^-{20,}|^OOPS: |^(?:FAIL|PANIC): ",
            most=30,
            example="""\
FAIL: bill_test.go:13: BillSuite.TestTotal

bill_test.go:15:
    c.Assert(total, Equals, 5)
... obtained int = 4
... expected int = 5
""",
        ),
    ),
    noise=(r"^ok\s+\S+", r"^\?\s+\S+\s+\[no test files\]", r"^# (?:Step|Using|Note|The|This|See|To)\b"),
)

_GO = Tool(
    "go",
    (
        Message(
            r"^(?!\s+\w+_test\.go:\d+: )(?:##\[error\]|vet: "
            r"|\s*)(?P<path>(?:\.{0,2}/)?[\w@./~+-]{1,300}\.go):(?P<line>\d+)(?::\d+)?: \S",
            Kind.BUILD_ERROR,
            (".go:",),
            goes_on=r"^\t\S|^\s+(?:have|want) ",
            most=6,
            weight=0.9,
            example="./bill.go:14:9: undefined: totl",
        ),
        Message(
            r"^panic: ",
            Kind.UNKNOWN,
            ("panic: ",),
            stops=r"^goroutine \d+ \[(?!running)|^(?:FAIL|ok)\s|^exit status",
            most=30,
            example="""\
panic: runtime error: index out of range [3] with length 2

goroutine 7 [running]:
example.org/bill.total(...)
	/src/bill.go:14 +0x1d""",
        ),
        Message(
            r"^(?:fatal error: (?:all goroutines are asleep|concurrent map|unexpected signal|stack overflow|runtime)|"
            r"runtime: goroutine stack exceeds)",
            Kind.UNKNOWN,
            ("fatal error: ", "runtime: "),
            stops=r"^(?:FAIL|ok)\s|^exit status",
            most=25,
            example="""\
fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
main.main()
	/src/main.go:9 +0x2a""",
        ),
        Message(
            r"^WARNING: DATA RACE",
            Kind.TEST_FAILURE,
            ("WARNING: DATA RACE",),
            closes=r"^={10,}$",
            most=40,
            example="""\
WARNING: DATA RACE
Read at 0x00c00001c0a8 by goroutine 8:
  example.org/bill.(*Bill).Total()
      /src/bill.go:21 +0x3b

Previous write at 0x00c00001c0a8 by goroutine 7:
  example.org/bill.(*Bill).Add()
      /src/bill.go:15 +0x5d
==================""",
        ),
        Message(
            r"^(?:go: (?!downloading|finding|extracting|added|upgraded|creating|to add|warning)|go(?:\.mod|"
            r"\.sum)?:\d+: |go (?:build|get|list|mod|install|vet)\b.*: |"
            r"verifying \S+: |missing go\.sum entry|package \S+ is not in (?:GOROOT|std)|no required module provides|"
            r"cannot find (?:package|module)|"
            r"can't load package|build (?:constraints exclude|\S+: cannot)|imports \S+: )",
            Kind.DEPENDENCY,
            (
                "go: ",
                "go:",
                "go.mod:",
                "go build",
                "go get",
                "go list",
                "go mod",
                "go install",
                "go vet",
                "verifying ",
                "missing go.sum",
                "is not in ",
                "no required module",
                "cannot find ",
                "can't load package",
                "build ",
                "imports ",
            ),
            goes_on=r"^\t\S|^\s{2,}\S",
            most=10,
            weight=0.9,
            example="""\
go: example.org/brick@v0.9.1: reading example.org/brick/go.mod at revision v0.9.1: unknown revision
	server response: not found""",
        ),
        Message(
            r"^(?:.{0,120}\bgo\.(?:mod|sum)\b.{0,60}(?:not up[ -]to[ -]date|updates to go\.mod needed|not tidy|"
            r"inconsistent vendoring)|"
            r"go: (?:inconsistent vendoring|updates to go))",
            Kind.DEPENDENCY,
            ("go.mod", "go.sum", "inconsistent vendoring"),
            goes_on=r"^\t\S",
            most=8,
            example="go: updates to go.mod needed; to update it: go mod tidy",
        ),
        Message(
            r"^(?:exit status [1-9]\d*$|FAIL$)",
            Kind.UNKNOWN,
            ("exit status ", "FAIL"),
            weight=0.1,
            example="exit status 1",
        ),
    ),
    noise=(
        r"^\s*(?:if|echo|\+\+?) ",
        r"^\s*\w+_test\.go:\d+: (?:PASS|SKIP)",
        r"^go: (?:downloading|finding|extracting)",
    ),
)

_GOFMT = Tool(
    "gofmt",
    (
        Message(
            r"^diff (?:-u )?(?P<path>\S+\.go)(?:\.orig)? \S+\.go",
            Kind.LINT_ERROR,
            ("diff ",),
            goes_on=r"^[ +@\\-]|^$|^---|^\t",
            most=40,
            example="""\
diff -u bill.go.orig bill.go
--- bill.go.orig
+++ bill.go
@@ -12,3 +12,3 @@
-  return total
+	return total""",
        ),
        Message(
            r"(?:gofmt|goimports|gofumpt)(?:'d|ed)?\b.{0,80}(?:following|need|not|differ|must|run|fix|files)",
            Kind.LINT_ERROR,
            ("gofmt", "goimports", "gofumpt"),
            goes_on=r"^\S+\.go$",
            weight=0.8,
            most=20,
            example="""\
gofmt needs running on the following files:
bill/bill.go
bill/item.go""",
        ),
    ),
    noise=(r"^\s*[+$] ",),
)

_GOLANGCI = Tool(
    "golangci-lint",
    (
        Message(
            r"^(?:##\[error\])?(?P<path>[\w./-]+\.go):(?P<line>\d+):(?:\d+:)? .* \((?P<code>[\w-]+)\)$",
            Kind.LINT_ERROR,
            (".go:",),
            goes_on=r"^\t|^\s+\^|^ ",
            most=5,
            example="""\
bill/bill.go:14:9: Error return value of `f.Close` is not checked (errcheck)
	f.Close()
\t       ^""",
        ),
        Message(
            r"^level=(?:error|fatal) msg=|^ERRO |^(?:Error: )?(?:can't load config|Running error|"
            r"Failed executing command)",
            Kind.LINT_ERROR,
            ("level=", "ERRO ", "can't load config", "Running error", "Failed executing"),
            weight=0.9,
            example='level=error msg="Running error: context loading failed: no go files to analyze"',
        ),
    ),
    noise=(r"level=(?:warning|info)",),
)

GO = (_GO_TEST, _GOLANGCI, _GO, _GOFMT)
