"""What memory checkers, and the system itself, print of a program that was killed."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_SANITIZERS = Tool(
    "sanitizers",
    (
        Message(
            r"^(?:==\d+==\s?)?(?:ERROR|WARNING): (?P<code>(?:Address|Leak|Thread|Memory|HWAddress)Sanitizer)",
            Kind.TEST_FAILURE,
            ("Sanitizer",),
            closes=r"^SUMMARY: ",
            most=50,
            example="""\
==4121==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 at pc 0x55d7
READ of size 4 at 0x602000000010 thread T0
    #0 0x55d7 in total /src/bill.c:14

SUMMARY: AddressSanitizer: heap-use-after-free /src/bill.c:14 in total""",
        ),
        Message(
            r"^(?P<path>[^\s:]+):(?P<line>\d+):\d+: runtime error: ",
            Kind.TEST_FAILURE,
            (": runtime error: ",),
            goes_on=r"^\s+#\d+ |^SUMMARY: ",
            most=16,
            example="""\
src/bill.c:14:9: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented in type 'int'
SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior src/bill.c:14:9""",
        ),
        Message(
            r"^SUMMARY: \w+Sanitizer: ",
            Kind.TEST_FAILURE,
            ("SUMMARY: ",),
            weight=0.7,
            example="SUMMARY: LeakSanitizer: 31 byte(s) leaked in 1 allocation(s).",
        ),
    ),
)

_VALGRIND = Tool(
    "valgrind",
    (
        Message(
            r"^==\d+== (?:Invalid (?:read|write|free)|Conditional jump|Use of uninitialised|Syscall param|"
            r"Mismatched free|Source and destination overlap|Process terminating|"
            r"[\d,]+ (?:\([^)]*\) )?bytes in [\d,]+ blocks are (?:definitely|possibly|indirectly))",
            Kind.TEST_FAILURE,
            (
                "== Invalid ",
                "== Conditional jump",
                "== Use of uninit",
                "== Syscall param",
                "== Mismatched",
                "== Source and",
                "== Process terminating",
                " blocks are ",
            ),
            goes_on=r"^==\d+==\s{2,}\S",
            most=20,
            example="""\
==4121== Invalid read of size 4
==4121==    at 0x1091A3: total (bill.c:14)
==4121==    by 0x1091F0: main (main.c:9)
==4121==  Address 0x4a4b044 is 0 bytes after a block of size 4 alloc'd""",
        ),
        Message(
            r"^==\d+== (?:ERROR SUMMARY: [1-9]|LEAK SUMMARY:|\s+definitely lost: [1-9])",
            Kind.TEST_FAILURE,
            ("ERROR SUMMARY: ", "LEAK SUMMARY:", "definitely lost: "),
            weight=0.5,
            example="==4121== ERROR SUMMARY: 1 errors from 1 contexts (suppressed: 0 from 0)",
        ),
    ),
    noise=(r"definitely lost: 0 bytes", r"ERROR SUMMARY: 0 errors"),
)

_SIGNALS = Tool(
    "signals",
    (
        Message(
            r"(?:^|[\s:])(?:(?:Segmentation fault|Aborted|Bus error|Illegal instruction|Floating point exception|"
            r"Trace/(?:BPT|breakpoint) trap|Stack overflow)(?::? \d+)?(?: +\(core dumped\))?(?: {2,}.*)?$|"
            r"(?:Segmentation fault|Aborted|Bus error|Illegal instruction).{0,3}\(core dumped\))",
            Kind.UNKNOWN,
            (
                "Segmentation fault",
                "Aborted",
                "Bus error",
                "Illegal instruction",
                "Floating point exception",
                "Trace/",
                "Stack overflow",
            ),
            weight=0.95,
            example="build.sh: line 14:  4121 Segmentation fault      (core dumped) ./bill",
        ),
        Message(
            r"(?:[Rr]eceived signal|terminated by signal|killed by signal|[Ss]ignal: |Exited with signal|"
            r"caught signal|(?:got|with|on) signal)[: ]{0,2}(?P<code>SIG[A-Z]{3,6}|\d+|[Ss]eg\w+|aborted|killed)|"
            r"(?:\(|crashed with |died with |code: |exit(?:ed)? with |: )SIG(?:SEGV|ABRT|BUS|ILL|FPE)\b(?!:)",
            Kind.UNKNOWN,
            ("ignal", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE"),
            weight=0.85,
            example="test_bill 1/1 failed! Received signal: SIGBUS",
        ),
        Message(
            r"^terminate called (?:after throwing|without an active|recursively)|^libc\+\+abi(?:\.dylib)?: |"
            r"^\*\*\* (?:stack smashing|buffer overflow|glibc detected|Error in `)|^(?:free|malloc|double free|"
            r"corrupted size|munmap_chunk|realloc)\(\w*\): |"
            r"^double free or corruption|^corrupted ",
            Kind.UNKNOWN,
            (
                "terminate called",
                "libc++abi",
                "*** ",
                "free(): ",
                "malloc(",
                "double free",
                "corrupted ",
                "munmap_chunk",
                "realloc(): ",
            ),
            goes_on=r"^\s+what\(\): |^Aborted",
            most=3,
            example="""\
terminate called after throwing an instance of 'std::out_of_range'
  what():  vector::_M_range_check: __n (which is 3) >= this->size() (which is 2)""",
        ),
        Message(
            r"^(?:\S*: )?(?P<path>[^\s:]+\.\w+):(?P<line>\d+): .*Assertion [`'‘].* failed|^Assertion failed: |"
            r"^(?:\S+: )?[Aa]ssertion [`\"'].*['\"] failed|^(?:\*\*|ERROR:?) ?\S*:?ERROR:\S+:\d+:",
            Kind.TEST_FAILURE,
            ("Assertion ", "assertion ", "ERROR:"),
            example="bill: src/bill.c:14: total: Assertion `n > 0' failed.",
        ),
        Message(
            r"^(?:Program (?:received|terminated with) signal|Thread \d+ .*received signal|"
            r"\* thread #\d+.*stop reason = )",
            Kind.UNKNOWN,
            ("Program ", "received signal", "stop reason"),
            goes_on=r"^#\d+ |^\s+\S|^\[Current|^\(gdb\)|^0x",
            most=25,
            example="""\
Program received signal SIGSEGV, Segmentation fault.
0x0000555555555149 in total (items=0x0) at src/bill.c:14
#0  0x0000555555555149 in total (items=0x0) at src/bill.c:14
#1  0x0000555555555171 in main () at src/main.c:9""",
        ),
        Message(
            r"^#0\s+(?:0x[0-9a-f]+ in )?\S.* (?:at|from) \S+",
            Kind.UNKNOWN,
            ("#0 ",),
            goes_on=r"^#\d+ |^\s+\S",
            weight=0.7,
            most=20,
            example="""\
#0  0x0000555555555149 in total (items=0x0) at src/bill.c:14
#1  0x0000555555555171 in main () at src/main.c:9""",
        ),
    ),
    noise=(r"^(?:Handling|Ignoring|Sending|trap)\b", r"Successfully"),
)

_MEMORY = Tool(
    "memory",
    (
        Message(
            r"^Killed(?: {2,}.*)?$|: (?:line \d+: +)?(?:\d+ )?Killed(?: {2,}.*)?$|fatal error: Killed|"
            r"[Oo]ut of memory(?::|\b)|Cannot allocate memory|\bOOM[- ]?[Kk]ill|oom-kill|std::bad_alloc|"
            r"virtual memory exhausted|^MemoryError\b|cc1plus.*[Kk]illed|signal 9\b|SIGKILL|"
            r"(?:exit(?:ed)?(?: with)?|returned)(?: non-zero)?(?: exit)?(?: code|status)? 137\b|memory exhausted|"
            r"ENOMEM|failed to map segment|LLVM ERROR: out of memory|CUDA out of memory",
            Kind.INFRASTRUCTURE,
            (
                "Killed",
                "ut of memory",
                "allocate memory",
                "OOM",
                "oom-kill",
                "bad_alloc",
                "memory exhausted",
                "MemoryError",
                "killed",
                "signal 9",
                "SIGKILL",
                "exit code 137",
                "code 137",
                "status 137",
                "with 137",
                "returned 137",
                "exit 137",
                "ENOMEM",
                "map segment",
            ),
            trouble=Trouble.MEMORY,
            weight=0.95,
            example="fatal: fork: Cannot allocate memory",
        ),
    ),
    noise=(r"\b(?:if|unless|when|avoid|prevent)\b.{0,40}(?:memory|[Kk]illed)", r"^\s*(?:#|//|/?\*)", r"\bkilled: 0\b"),
)

SANITIZERS = (_SANITIZERS, _VALGRIND, _SIGNALS, _MEMORY)
