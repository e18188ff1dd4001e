"""What Rust's tools print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_RUSTC = Tool(
    "rustc",
    (
        Message(
            r"^\s*error\[(?P<code>E\d{4})\]: ",
            Kind.BUILD_ERROR,
            ("error[E",),
            stops=r"^\s*$",
            says=r"^\s*--> (?P<path>[^:]+):(?P<line>\d+)",
            most=40,
            example="""\
error[E0425]: cannot find function `totl` in this scope
  --> src/bill.rs:14:9
   |
14 |     totl(items)
   |     ^^^^ help: a function with a similar name exists: `total`""",
        ),
        Message(
            r"^error: (?!aborting|could not compile|build failed|test failed|process didn't|linking with|\d+ targets?|"
            r"command '|invalid (?:source|target)|Recipe `|the package|script \"|subprocess-|Uncaught|builder |"
            r"pathspec|externally)",
            Kind.BUILD_ERROR,
            ("error: ",),
            goes_on=r"^\s*(?:-->|\d* ?\||=|\.\.\.|::: |Caused by:)|^\s{2,}\S",
            weight=0.65,
            most=25,
            example="""\
error: unused variable: `sum`
  --> src/bill.rs:14:9
   |
14 |     let sum = 3;
   |         ^^^
   = note: `-D unused-variables` implied by `-D warnings`""",
        ),
        Message(
            r"^error: linking with `",
            Kind.BUILD_ERROR,
            ("error: linking with",),
            stops=r"^$|^error: (?:aborting|could)",
            most=14,
            example="""\
error: linking with `cc` failed: exit status: 1
  |
  = note: /usr/bin/ld: cannot find -lbrick: No such file or directory""",
        ),
        Message(
            r"^error: aborting due to ",
            Kind.BUILD_ERROR,
            ("error: aborting due to",),
            weight=0.4,
            example="error: aborting due to 2 previous errors",
        ),
        Message(
            r"^error: (?:internal compiler error|the compiler unexpectedly panicked)",
            Kind.BUILD_ERROR,
            ("compiler error", "unexpectedly panicked"),
            stops=r"^$",
            most=12,
            example="error: the compiler unexpectedly panicked. this is a bug.",
        ),
    ),
)

_CARGO = Tool(
    "cargo",
    (
        Message(
            r"^error: (?:failed to (?:select|parse|load|get|download|fetch|run|resolve|verify|read|compile|sync)|"
            r"no matching package|package `|the lock file|"
            r"unable to (?:get|update)|could not (?:find|download|load)|no such (?:sub)?command|environment variable|"
            r"toolchain '|package collision|"
            r"component '|rustup could not|the package `|spurious network)",
            Kind.DEPENDENCY,
            ("error: ",),
            stops=r"^(?:warning|error|The command )",
            most=16,
            example="""\
error: failed to select a version for the requirement `brick = "^9.1"`
candidate versions found which didn't match: 2.0.1, 1.4.0
location searched: crates.io index
required by package `bill v0.1.0 (/src)`""",
        ),
        Message(
            r"^error: failed to run custom build command for|^\s*--- stderr$",
            Kind.BUILD_ERROR,
            ("custom build command", "--- stderr"),
            stops=r"^(?:warning: build failed|error: )",
            most=45,
            example="""\
error: failed to run custom build command for `brick-sys v2.0.1`

Caused by:
  process didn't exit successfully: `/src/target/debug/build/brick-sys/build-script-build` (exit status: 101)
  --- stderr
  thread 'main' panicked at build.rs:9:5:
  libbrick is not installed""",
        ),
        Message(
            r"^(?:error: (?:could not compile|test failed|build failed|process didn't exit|\d+ targets? failed|"
            r"doctest failed)|"
            r"warning: build failed|Caused by:$|error: Could not compile)",
            Kind.BUILD_ERROR,
            ("error: ", "warning: build failed", "Caused by:"),
            goes_on=r"^\s{2,}\S",
            weight=0.4,
            most=8,
            example="error: could not compile `bill` (lib) due to 1 previous error",
        ),
    ),
)

_CARGO_TEST = Tool(
    "cargo test",
    (
        Message(
            r"^---- (?P<test>\S.*) stdout ----$",
            Kind.TEST_FAILURE,
            ("---- ",),
            stops=r"^---- .* ----$|^failures:$|^test result: ",
            most=50,
            example="""\
---- bill::tests::adds_what_was_ordered stdout ----

thread 'bill::tests::adds_what_was_ordered' panicked at src/bill.rs:31:9:
assertion `left == right` failed
  left: 4
 right: 5
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
""",
        ),
        Message(
            r"^\s*thread '[^']{1,200}'(?: \(\d+\))? panicked at ",
            Kind.TEST_FAILURE,
            ("panicked at ",),
            stops=r"^\s*$|^failures:|^test |^---- ",
            says=r"panicked at (?:.*', )?(?P<path>[^\s:,']+):(?P<line>\d+):",
            most=45,
            weight=0.95,
            example="""\
thread 'main' panicked at src/main.rs:9:26:
called `Result::unwrap()` on an `Err` value: ParseIntError { kind: Empty }
stack backtrace:
   0: rust_begin_unwind
             at /rustc/abc/library/std/src/panicking.rs:645:5
   1: bill::main""",
        ),
        Message(
            r"^test (?P<test>\S.*) \.\.\. FAILED",
            Kind.TEST_FAILURE,
            ("... FAILED",),
            weight=0.7,
            example="test bill::tests::adds_what_was_ordered ... FAILED",
        ),
        Message(
            r"^failures:$",
            Kind.TEST_FAILURE,
            ("failures:",),
            goes_on=r"^\s{4}\S|^$",
            weight=0.5,
            most=12,
            example="""\
failures:
    bill::tests::adds_what_was_ordered""",
        ),
        Message(
            r"^test result: FAILED\.",
            Kind.TEST_FAILURE,
            ("test result: FAILED",),
            weight=0.4,
            example="test result: FAILED. 11 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
        ),
        Message(
            r"^\s+(?:FAIL|SIGSEGV|SIGABRT|TIMEOUT|LEAK-FAIL|TRY \d+ FAIL) \[\s*>?[\d.]+s\]",
            Kind.TEST_FAILURE,
            ("FAIL [", "SIGSEGV [", "SIGABRT [", "TIMEOUT ["),
            weight=0.7,
            example="        FAIL [   0.012s] bill tests::adds_what_was_ordered",
        ),
    ),
    noise=(r"^test .* \.\.\. (?:ok|ignored)$", r"\b0 failed;"),
)

_RUSTFMT = Tool(
    "rustfmt",
    (
        Message(
            r"^Diff in (?P<path>\S+?)(?::| at line )(?P<line>\d+):?",
            Kind.LINT_ERROR,
            ("Diff in ",),
            goes_on=r"^[ +-]|^$",
            most=30,
            example="""\
Diff in /src/src/bill.rs:14:
 fn total() {
-  let a = 1;
+    let a = 1;
 }""",
        ),
    ),
)

RUST = (_RUSTC, _CARGO, _CARGO_TEST, _RUSTFMT)
