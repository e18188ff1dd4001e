"""What JavaScript's runtimes, compilers and bundlers print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_NODE = Tool(
    "node",
    (
        Message(
            r"^(?P<path>(?:/|\w:[\\/]|node:|internal/|file:|[\w-]+\.)[^:\s]*(?:\.[cm]?[jt]sx?|_\w+)?):(?P<line>\d+)$",
            Kind.UNKNOWN,
            (".js:", ".ts:", ".mjs:", ".cjs:", "node:internal", ".jsx:", ".tsx:"),
            stops=r"^\s+at |^npm ",
            says=r"^(?P<code>\w*Error)\b",
            most=8,
            weight=0.9,
            example="""\
/src/tasks/serve.js:31
  console.log(`listening`, );
                           ^

SyntaxError: Unexpected token )""",
        ),
        Message(
            r"^\s*(?:Uncaught |Unhandled |\[\w+\] )?(?:\(in promise\) )?(?P<code>"
            r"Error(?=: (?:Cannot find module|E[A-Z]{4,}\b|spawn |listen |connect |read |write |getaddrinfo|"
            r"Command failed|Module |Failed to load|timeout of|Request failed))|"
            r"ReferenceError|RangeError|URIError|AggregateError|"
            r"AssertionError(?=: expected| \[)|[A-Z]\w*Error(?= \[\w+\])|"
            r"TypeError(?=: (?:Cannot|.{1,200} is not (?:a |iterable|defined|an )|Class extends|Assignment to|"
            r"fetch failed|undefined is))|"
            r"SyntaxError(?=: (?:Unexpected|Invalid or unexpected|missing [)]|Identifier '|Cannot use import|await is|"
            r"The requested)))"
            r"(?: \[\w+\])?: \S",
            Kind.UNKNOWN,
            ("Error: ", "Error ["),
            goes_on=r"^\s+at |^\s+(?:code|errno|syscall|path|requireStack|cause)\b|^Require stack:|^- /|^\s*[{}\]],?$",
            most=30,
            weight=0.85,
            example="""\
Error: Cannot find module 'brickwork'
Require stack:
- /src/build.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1077:15)
    at Module._load (node:internal/modules/cjs/loader:922:27) {
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '/src/build.js' ]
}""",
        ),
        Message(
            r"^\s+at (?:.{1,200} \()?(?:file://|webpack|node:|/|\w:\\)?[^\s()]{1,300}\.[cm]?[jt]sx?:\d+:\d+\)?$",
            Kind.UNKNOWN,
            (".js:", ".ts:", ".mjs:", ".cjs:", ".jsx:", ".tsx:"),
            lead=1,
            goes_on=r"^\s+at |^$",
            weight=0.5,
            most=16,
            example="""\
Error: the bill is not open
    at Bill.total (/src/bill.js:14:9)
    at main (/src/main.js:9:3)""",
        ),
        Message(
            r"^\(node:\d+\) (?:UnhandledPromiseRejectionWarning|\[DEP0018\])|^\[UnhandledPromiseRejection|"
            r"triggerUncaughtException",
            Kind.UNKNOWN,
            ("UnhandledPromiseRejection", "triggerUncaughtException"),
            goes_on=r"^\s+at ",
            most=15,
            weight=0.7,
            example="""\
(node:4121) UnhandledPromiseRejectionWarning: Error: socket closed
    at Socket.emit (events.js:198:13)""",
        ),
        Message(
            r"^(?:<--- (?:Last few GCs|JS stacktrace) --->|FATAL ERROR: .{0,120}(?:heap|allocation|memory))|"
            r"JavaScript heap out of memory",
            Kind.INFRASTRUCTURE,
            ("<--- ", "FATAL ERROR: ", "JavaScript heap out of memory"),
            trouble=Trouble.MEMORY,
            example="FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        ),
        Message(
            r"^(?:error: Uncaught|error: Module not found|error: (?:TS\d+|Import)|error: Could not resolve: )",
            Kind.UNKNOWN,
            ("error: ",),
            goes_on=r"^\s+\S",
            most=15,
            example="""\
error: Uncaught (in promise) TypeError: total is not a function
    at file:///src/main.ts:3:7""",
        ),
    ),
    noise=(r"\bDeprecationWarning\b", r"^npm (?:WARN|warn) ", r"\bno-(?:throw|ex-assign|unused)\b.{0,20}: off"),
)

_TSC = Tool(
    "tsc",
    (
        Message(
            r"^(?:##\[error\]|ERROR in |\[\w{1,20}\] |\s{0,20})(?P<path>[^\s()]+)(?:\((?P<line>\d+),\d+\)|"
            r":\d+:\d+)(?: -)?:? (?:error )?"
            r"(?P<code>TS\d+)\b",
            Kind.BUILD_ERROR,
            ("TS1", "TS2", "TS3", "TS4", "TS5", "TS6", "TS7", "TS8", "TS9"),
            goes_on=r"^\s+\S|^$|^\d+\s",
            most=14,
            example="""\
src/bill.ts:14:9 - error TS2322: Type 'string' is not assignable to type 'number'.

14   const total: number = '12';
           ~~~~~""",
        ),
        Message(
            r"^(?:##\[error\])?error (?P<code>TS\d+): ",
            Kind.CONFIGURATION,
            ("error TS",),
            goes_on=r"^\s+\S",
            most=6,
            example="error TS18003: No inputs were found in config file '/src/tsconfig.json'.",
        ),
        Message(
            r"^(?:\[at-loader\]|TSError: |ERROR in \[|TypeScript error in )",
            Kind.BUILD_ERROR,
            ("[at-loader]", "TSError: ", "ERROR in [", "TypeScript error in "),
            goes_on=r"^\s{2,}\S|^\S+ \(\d+,\d+\)",
            weight=0.85,
            most=10,
            example="TSError: ⨯ Unable to compile TypeScript:",
        ),
        Message(
            r"^Found \d+ errors?(?: in .{1,200})?\.$",
            Kind.BUILD_ERROR,
            ("Found ",),
            weight=0.4,
            example="Found 3 errors in 2 files.",
        ),
    ),
    noise=(r"^Found 0 errors",),
)

_WEBPACK = Tool(
    "webpack",
    (
        Message(
            r"^\s*(?:ERROR in (?:\./|\S+)|Module (?:not found|build failed|parse failed|Error)|"
            r"ModuleNotFoundError: Module|Field 'browser')",
            Kind.BUILD_ERROR,
            ("ERROR in ", "Module ", "ModuleNotFoundError"),
            stops=r"^(?:npm |Child |webpack \d|ERROR in |Process |\s*at processTicks)",
            most=16,
            example="""\
ERROR in ./src/index.js 3:0-28
Module not found: Error: Can't resolve './totals' in '/src/src'
 @ ./src/index.js 3:0-28""",
        ),
        Message(
            r"^(?:Failed to compile\.?|Build failed with errors?|webpack .{0,60}compiled with \d+ errors?|"
            r"✖ ｢wdm｣|Error occurred prerendering page|> Build error occurred)",
            Kind.BUILD_ERROR,
            ("Failed to compile", "Build failed with", "compiled with", "wdm", "prerendering", "Build error occurred"),
            weight=0.6,
            stops=r"^npm |^error Command",
            most=12,
            example="""\
Failed to compile.

./src/App.js
  Line 4:  'total' is not defined  no-undef""",
        ),
        Message(
            r"^\s*(?:Treating warnings as errors because process\.env\.CI|TypeScript error|Type error: )",
            Kind.BUILD_ERROR,
            ("Treating warnings as errors", "Type error: "),
            stops=r"^npm |^error Command",
            most=12,
            example="""\
Type error: Property 'sum' does not exist on type 'Bill'.

  12 |   const bill = load()
> 13 |   return bill.sum
     |               ^""",
        ),
    ),
)

_BUNDLERS = Tool(
    "bundlers",
    (
        Message(
            r"^\s*(?:\[!\] (?:\(|\w*Error)|\(!\) Plugin |✘ \[ERROR\] |error during build:|\[vite\]|\[rollup|"
            r"RollupError: |"
            r"✗ Build failed|🚨)",
            Kind.BUILD_ERROR,
            (
                "[!] ",
                "(!) Plugin ",
                "[ERROR] ",
                "error during build",
                "[vite",
                "[rollup",
                "RollupError",
                "Build failed",
                "🚨",
            ),
            goes_on=r"^\s|^$|^\d+:|^\S+ \(\d+:\d+\)|^file: |^Error: |^\w*Error",
            most=18,
            example="""\
[!] (plugin commonjs) RollupError: Could not resolve "./totals" from "src/index.js"
src/index.js (3:0)
1: export default 3
   ^""",
        ),
        Message(
            r"^\s*(?:\[BABEL\] |SyntaxError: \S+: |\S*Error: \[BABEL\]|.{0,30}Parsing error: )",
            Kind.BUILD_ERROR,
            ("[BABEL]", "SyntaxError: ", "Parsing error: "),
            goes_on=r"^\s*(?:>\s*)?\d+ \||^\s+\||^$|^\s+at ",
            most=20,
            example="""\
SyntaxError: /src/src/bill.js: Unexpected token (3:12)

  1 | import a from 'a'
> 3 | const total == 3
    |             ^""",
        ),
        Message(
            r"^\[\d\d:\d\d:\d\d\] (?:'[^']+' errored after|Task (?:never defined|'[^']+' is not in)|Error\b|"
            r"No gulpfile found|Local gulp not)",
            Kind.BUILD_ERROR,
            (" errored after", "Task ", "] Error", "No gulpfile", "Local gulp"),
            goes_on=r"^\s+at |^\s{2,}\S|^\[\d\d:\d\d:\d\d\] (?:\w*Error|Please|To list)|^\w*Error",
            most=16,
            example="""\
[02:22:53] 'styles' errored after 31 ms
[02:22:53] Error: File not found with singular glob: /src/main.scss
    at Glob.<anonymous> (/src/node_modules/glob-stream/index.js:34:30)""",
        ),
        Message(
            r"^(?:>> |Warning: |Fatal error: |Aborted due to warnings|Loading \"\S+\" tasks\.\.\.ERROR)"
            r"(?=.*(?:Use --force|Unable to|not found|failed|ERROR|rror)|due to)",
            Kind.BUILD_ERROR,
            (">> ", "Warning: ", "Fatal error: ", "Aborted due to warnings", "...ERROR"),
            weight=0.8,
            example='Warning: Task "jshint:src" failed. Use --force to continue.',
        ),
        Message(
            r"^(?:Error: )?(?:Invalid CSS after|Undefined (?:variable|mixin)|File to import not found|"
            r".{0,80}: Invalid CSS after|"
            r"Error: expected |Error: Can't find stylesheet)|^\s+(?:on line \d+|╷)|^ERROR: Detected \d+ broken",
            Kind.BUILD_ERROR,
            (
                "Invalid CSS",
                "Undefined ",
                "File to import",
                "Error: expected",
                "stylesheet",
                "on line ",
                "╷",
                "Detected ",
            ),
            goes_on=r"^\s+(?:on line|[│╷╵]|\d+ │|\S+ \d+:\d+|>>)|^\s*\d+ │",
            most=8,
            weight=0.9,
            example="""\
Error: expected "{".
  ╷
3 │ .total
  │       ^
  ╵
  main.scss 3:7  root stylesheet""",
        ),
    ),
)

_ELM = Tool(
    "elm",
    (
        Message(
            r"^-- (?P<code>[A-Z][A-Z' ]+) -{3,} (?P<path>\S+)$|^-- [A-Z][A-Z' ]+ -{10,}",
            Kind.BUILD_ERROR,
            ("-- ",),
            stops=r"^-- [A-Z ]+ -|^(?:npm|make|Detected)\b",
            most=25,
            example="""\
-- TYPE MISMATCH ------------------------------------------------- src/Bill.elm

The 2nd argument to `total` is not what I expect:

12|     total 3 "4"
                ^^^
This argument is a string of type:

    String""",
        ),
        Message(
            r"^↓ [A-Z][\w.]*$|^✗ \S",
            Kind.TEST_FAILURE,
            ("↓ ", "✗ "),
            goes_on=r"^(?:↓|✗|\s)|^$",
            most=20,
            weight=0.9,
            example="""\
↓ BillTest
✗ adds what was ordered

    3
    ╷
    │ Expect.equal
    ╵
    4
""",
        ),
        Message(
            r"^\s*(?:Error in \S+ at|Type error|Error found:|\[ERR\] |error\[E\d+\])|^Error \d+ of \d+:",
            Kind.BUILD_ERROR,
            ("Error in ", "Error found:", "Error 1 of", "Error 2 of"),
            goes_on=r"^\s|^$|^in module ",
            most=12,
            weight=0.8,
            example="""\
Error found:
in module Bill
  at src/Bill.purs:3:9 - 3:12 (line 3, column 9)

  Could not match type String with type Int""",
        ),
    ),
)

JAVASCRIPT = (_NODE, _TSC, _WEBPACK, _BUNDLERS, _ELM)
