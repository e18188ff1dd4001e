"""What the tools of Elixir, Erlang, Haskell and OCaml print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_ELIXIR = Tool(
    "elixir",
    (
        Message(
            r"^\s+\d+\) (?:test|property|doctest|feature) (?P<test>.+) \((?P<module>[\w.]+)\)$",
            Kind.TEST_FAILURE,
            (") test ", ") property ", ") doctest ", ") feature "),
            goes_on=r"^(?!\s+\d+\) )\s{3,}\S|^\s*$",
            most=30,
            example="""\
  1) test adds what was ordered (BillTest)
     test/bill_test.exs:11
     Assertion with == failed
     code:  assert total([2, 2]) == 5
     left:  4
     right: 5
     stacktrace:
       test/bill_test.exs:13: (test)
""",
        ),
        Message(
            r"^\*\* \((?P<code>[\w.]+|EXIT[^)]*)\) ",
            Kind.UNKNOWN,
            ("** (",),
            goes_on=r"^\s+\S|^$",
            most=16,
            example="""\
** (Mix) Could not compile dependency :brick, "mix compile" failed.
    lib/mix/tasks/deps.compile.ex:14: Mix.Tasks.Deps.Compile.run/1""",
        ),
        Message(
            r"^(?:== Compilation error in file (?P<path>\S+) ==|\s{4}error: \S.*|"
            r"Unchecked dependencies for environment|could not compile dependency)$",
            Kind.BUILD_ERROR,
            ("== Compilation error", "    error: ", "Unchecked dependencies", "could not compile"),
            goes_on=r"^\*\* \(|^\s*(?:│|└|\d+ │)|^\s+\S|^\* ",
            weight=0.9,
            most=14,
            example="""\
== Compilation error in file lib/bill.ex ==
** (CompileError) lib/bill.ex:14: undefined function totl/1
    (elixir 1.15.0) lib/kernel/parallel_compiler.ex:377""",
        ),
        Message(
            r"^\d+ (?:tests?|doctests?|properties), .*\b[1-9]\d{0,6} failures?|^\*\* \(Mix\) mix format failed|"
            r"^mix format failed",
            Kind.TEST_FAILURE,
            (" failure", "mix format failed"),
            weight=0.5,
            most=12,
            goes_on=r"^\s+\* ",
            example="12 tests, 1 failure",
        ),
        Message(
            r"^┃ \[[WRCFD]\] |^┃\s+\S+\.exs?:\d+",
            Kind.LINT_ERROR,
            ("┃ ",),
            goes_on=r"^┃",
            most=20,
            example="""\
┃ [R] ↗ Modules should have a @moduledoc tag.
┃       lib/bill.ex:1:11 #(Bill)""",
        ),
        Message(
            r"^(?:(?P<path>\S+\.(?:ex|erl)):(?P<line>\d+)(?::\d+)?:\w*$|done \(warnings were emitted\)|"
            r"Total errors: [1-9])",
            Kind.LINT_ERROR,
            (".ex:", ".erl:", "done (warnings", "Total errors: "),
            goes_on=r"^(?!_{5,})\S",
            weight=0.7,
            most=10,
            example="""\
lib/bill.ex:14:no_return
Function total/1 has no local return.""",
        ),
    ),
    noise=(r"\b0 failures\b",),
)

_ERLANG = Tool(
    "erlang",
    (
        Message(
            r"^(?:(?:===> )?(?P<path>\S+\.(?:erl|hrl)):(?P<line>\d+)(?::\d+)?: (?!Warning)\S|"
            r"===> (?:Compiling .* failed|.*(?:[Ff]ailed|[Ee]rror|not found|Unable|Dependency failure|"
            r"Verification failed)))",
            Kind.BUILD_ERROR,
            (".erl:", ".hrl:", "===> "),
            goes_on=r"^\s+\S",
            most=8,
            example="src/bill.erl:14: function totl/1 undefined",
        ),
        Message(
            r"^(?:(?P<test>[\w:. '-]{1,300}?)\.\.\.(?:\[[\d.]+ s\] )?)?\*failed\*",
            Kind.TEST_FAILURE,
            ("*failed*",),
            goes_on=r"^(?:in (?:function|call)|\*\*|\s+\S|  output)",
            most=20,
            example="""\
bill_tests: total_test...*failed*
in function bill_tests:'-total_test/0-fun-0-'/0 (test/bill_tests.erl, line 13)
**error:{assertEqual,[{module,bill_tests},
              {line,13},
              {expected,5},
              {value,4}]}""",
        ),
        Message(
            r"^%%% (?P<test>\S+ ==> .*): FAILED|^FAILED (?:\S+: )?\d|^\S+: FAILED$|^  (?:Failed|Skipped): [1-9]|"
            r"^Failed \d+ tests",
            Kind.TEST_FAILURE,
            ("FAILED", "Failed", " failed"),
            goes_on=r"^%%% ",
            weight=0.8,
            most=20,
            example="""\
%%% bill_SUITE ==> total: FAILED
%%% bill_SUITE ==> {{badmatch,4},[{bill_SUITE,total,1,[{file,"bill_SUITE.erl"},{line,13}]}]}""",
        ),
        Message(
            r"^(?:=(?:ERROR|CRASH) REPORT=+|\{\"init terminating in do_boot\"|escript: exception|"
            r"Crash dump is being written|ERROR: (?:compile|eunit|ct|get-deps) failed|Uncaught error in rebar)",
            Kind.UNKNOWN,
            (
                "=ERROR REPORT=",
                "=CRASH REPORT=",
                "init terminating",
                "escript: exception",
                "Crash dump",
                "ERROR: ",
                "Uncaught error",
            ),
            goes_on=r"^\s+\S|^\*\*",
            most=10,
            weight=0.6,
            example="escript: exception error: undefined function rebar3:main/1",
        ),
    ),
)

_HASKELL = Tool(
    "ghc",
    (
        Message(
            r"^(?:\S+ +> )?(?P<path>/?[^\s:]+\.(?:l?hs|hsc|x|y|cabal)):(?P<line>\d+):\d+(?:-\d+)?:(?: (?:fatal "
            r")?error:?(?: \[(?P<code>[\w-]+)\])?| Error|$)",
            Kind.BUILD_ERROR,
            (".hs:", ".lhs:", ".hsc:", ".x:", ".y:", ".cabal:"),
            goes_on=r"^\s*(?:\d+ )?\||^\s{2,}\S|^(?:\S+ +> )\s",
            most=25,
            example="""\
src/Bill.hs:14:9: error: [GHC-88464]
    Variable not in scope: totl :: [Int] -> Int
   |
14 |   sum = totl items
   |         ^^^^""",
        ),
        Message(
            r"^(?:cabal(?:\.exe|-[\d.]+)?: |Error: \[?(?:Cabal|S)-?\d*\]?|Error: (?:cabal|While constructing)|"
            r"Could not resolve dependencies|While constructing the build plan|rejecting: |stack: |ghc(?:-[\d.]+)?: )",
            Kind.DEPENDENCY,
            ("cabal", "Error: ", "Could not resolve", "While constructing", "rejecting: ", "stack: ", "ghc"),
            goes_on=r"^\[__\d+\]|^\s+\S|^(?:Could not|conflict|After|server is|Perhaps|trying|rejecting|fail|Backjump)",
            most=16,
            example="""\
cabal: Could not resolve dependencies:
[__0] trying: bill-0.1 (user goal)
[__1] next goal: brick (dependency of bill)
[__1] rejecting: brick-2.0 (conflict: bill => brick>=9)""",
        ),
        Message(
            r"^--  While building package \S+|^Process exited with code: ExitFailure|^Some build failures|"
            r"^Failed to build \S+|^ExitFailure \d|^Test suite \S+: FAIL$|^\d+ of \d+ test (?:suites|cases)",
            Kind.BUILD_ERROR,
            ("While building package", "ExitFailure", "build failures", "Failed to build", ": FAIL", " of "),
            goes_on=r"^\s{6,}\S",
            weight=0.5,
            most=6,
            example="Test suite spec: FAIL",
        ),
        Message(
            r"^\s*(?P<path>[^\s:]+\.hs):(?P<line>\d+):(?:\d+:?)? ?$|^\s{2}(?:\d+\)) \S",
            Kind.TEST_FAILURE,
            (".hs:",),
            goes_on=r"^\s{2,}\S|^$",
            most=14,
            example="""\
  test/BillSpec.hs:13:18:
  1) Bill.total adds what was ordered
       expected: 5
        but got: 4
""",
        ),
        Message(
            r"^\s{2,}(?P<test>\S.*):\s+FAIL(?: \([\d.]+s\))?$|^\s*\S.* FAILED \[\d+\]$|^\d+ out of \d+ tests failed",
            Kind.TEST_FAILURE,
            (" FAIL", " failure", "tests failed"),
            goes_on=r"^\s{4,}\S",
            most=12,
            weight=0.9,
            example="""\
  adds what was ordered: FAIL
      test/BillSpec.hs:13:
      expected: 5
       but got: 4""",
        ),
        Message(
            r"^\s*\*\*\* Failed! |^\s*(?:Falsifiable|✗ \S.* failed)",
            Kind.TEST_FAILURE,
            ("*** Failed! ", "Falsifiable", " failed"),
            goes_on=r"^\s*\S",
            most=6,
            example="""\
*** Failed! Falsifiable (after 3 tests and 1 shrink):
[2,2]""",
        ),
    ),
    noise=(r"^\S+\.hs:[\d:]+ warning", r"^Test suite \S+: PASS"),
)

_OCAML = Tool(
    "ocaml",
    (
        Message(
            r'^\s*File "(?P<path>[^"]+)", lines? (?P<line>\d+)(?:-\d+)?(?:, characters [\d-]+)?:',
            Kind.BUILD_ERROR,
            ('File "',),
            goes_on=r"^\s*\d+ \||^\s+\S|^(?:Error|Warning|Alert|Hint)|^\.{3}",
            most=14,
            example="""\
File "src/bill.ml", line 14, characters 8-12:
14 |   let s = totl items in
             ^^^^
Error: Unbound value totl
Hint: Did you mean total?""",
        ),
        Message(
            r"^\[ERROR\] (?:The compilation of|Package |No (?:package|agreement|solution)|Sorry|The sources|Could not|"
            r"\w+ not)|^\s*(?:∗|\*) (?:Missing dependency|No agreement)|^#=== ERROR while",
            Kind.DEPENDENCY,
            ("[ERROR] ", "Missing dependency", "No agreement", "#=== ERROR while"),
            goes_on=r"^#|^\s+[-\w∗]",
            most=20,
            example="""\
#=== ERROR while compiling brick.9.1 ==========================================#
# path        ~/.opam/5.1/.opam-switch/build/brick.9.1
# exit-code   1
### output ###
# ocamlfind: Package `mortar' not found""",
        ),
        Message(
            r"^(?:\[FAIL\]|│ \[FAIL\]|>? ?\[FAIL\])\s+(?P<test>\S.*)|^ocamlfind: |^Fatal error: exception |"
            r"^Error: No implementations? provided",
            Kind.TEST_FAILURE,
            ("[FAIL]", "ocamlfind: ", "Fatal error: exception", "No implementation"),
            goes_on=r"^(?:Raised at|Called from|Re-raised)|^│",
            weight=0.9,
            most=12,
            example="""\
Fatal error: exception Failure("no bill")
Raised at Stdlib.failwith in file "stdlib.ml", line 29, characters 17-33
Called from Dune__exe__Main in file "main.ml", line 9, characters 2-10""",
        ),
    ),
)

FUNCTIONAL = (_ELIXIR, _ERLANG, _HASKELL, _OCAML)
