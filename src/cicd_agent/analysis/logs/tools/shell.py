"""What shells and the smallest programs print when they cannot do what they were told."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_SHELL = Tool(
    "shell",
    (
        Message(
            r"^(?P<path>\S+): (?:line )?(?P<line>\d+): (?!error|warning|note|Error|Failure)\S.*(?:command not found|"
            r"[Nn]o such file|Permission denied|unbound variable|syntax error|not found|cannot|bad substitution|"
            r"unexpected|ambiguous redirect|Is a directory|"
            r"parameter (?:not set|null)|Argument list too long|Bad substitution|operator expected|arguments|readonly|"
            r"declare:|Text file busy|Exec format)",
            Kind.CONFIGURATION,
            (
                "command not found",
                "o such file",
                "Permission denied",
                "unbound variable",
                "syntax error",
                "not found",
                "cannot",
                "ad substitution",
                "unexpected",
                "ambiguous redirect",
                "Is a directory",
                "parameter ",
                "Argument list",
                "operator expected",
                "arguments",
                "readonly",
                "declare:",
                "Text file busy",
                "Exec format",
            ),
            goes_on=r"^\S+: (?:line )?\d+: ",
            weight=0.85,
            most=3,
            example="""\
build.sh: line 14: syntax error near unexpected token `fi'
build.sh: line 14: `fi'""",
        ),
        Message(
            r"^(?:/\S*/)?(?:ba|da|z|k|a|c|tc|fi)?sh: (?:\d+: )?(?:line \d+: )?\S.*|^env: .*(?:No such file|"
            r"unterminated)|^(?:\S+: )?command not found: \S+|^/usr/bin/env: |^fish: ",
            Kind.CONFIGURATION,
            ("sh: ", "env: ", "command not found: "),
            weight=0.9,
            example="/bin/sh: 1: gmake: not found",
        ),
        Message(
            r"^(?:(?:/\S*/)?(?:cp|mv|rm|ls|cat|cd|mkdir|rmdir|chmod|chown|ln|find|grep|sed|awk|gawk|tee|touch|stat|"
            r"install|sudo|su|xargs|diff|cmp|sort|tar|zip|rsync|scp|ssh|which|source|kill|date|head|tail|test|patch|"
            r"cut|tr|bc|timeout|strip|ar|pkg-config|python[\d.]*|"
            r"node|nohup|dos2unix|readlink|realpath|mktemp|docker-compose|systemctl|service|start|mysql|psql|"
            r"redis-cli|convert|dot|doxygen|rename|pushd|popd|perl|ruby|swift|java|php|phpenv|rvm|nvm|nvs|sh|"
            r"tail)): (?!warning)\S.*"
            r"(?:No such file|cannot|[Pp]ermission denied|not found|[Ii]nvalid|missing|unrecognized|illegal|unknown|"
            r"[Ff]ailed|fatal|error|not a|not exist|not permitted|not installed|must|unable|[Oo]peration|omitting|no |"
            r"File exists|too many|Is a directory|differ)",
            Kind.CONFIGURATION,
            (
                "o such file",
                "cannot",
                "ermission denied",
                "not found",
                "nvalid",
                "missing",
                "unrecognized",
                "illegal",
                "unknown",
                "ailed",
                "fatal",
                "error",
                "not a",
                "not exist",
                "not permitted",
                "not installed",
                "must",
                "unable",
                "peration",
                "omitting",
                ": no ",
                "File exists",
                "too many",
                "Is a directory",
                "differ",
            ),
            weight=0.85,
            example="cp: cannot stat 'dist/bill.js': No such file or directory",
        ),
        Message(
            r"^(?:The program '\S+' (?:is currently not installed|can be found)|Command '\S+' not found|"
            r"'\S+' is not recognized as an internal|The system cannot find the (?:path|file)|Access is denied\.|"
            r"\S+: (?:command not found|Command not found\.?|not found|No such file or directory|Permission denied|"
            r"cannot execute(?: binary file)?|is not installed)$)",
            Kind.CONFIGURATION,
            (
                "The program '",
                "Command '",
                "is not recognized",
                "The system cannot find",
                "Access is denied",
                "ommand not found",
                "not found",
                "No such file",
                "Permission denied",
                "cannot execute",
                "not installed",
            ),
            goes_on=r"^(?:sudo )?apt|^but can be installed|^operable program",
            weight=0.9,
            most=3,
            example=(
                "The program 'brick' is currently not installed. To run 'brick' please ask your administrator to "
                "install the package 'brick-cli'"
            ),
        ),
        Message(
            r"^(?:\S+: )?(?:unrecognized (?:option|arguments?|command)|(?:unknown|invalid|illegal|bad|"
            r"ambiguous) (?:option|switch|argument|flag|command|subcommand|target|shorthand flag)|"
            r"option requires an argument|missing (?:operand|argument)|too (?:many|few) arguments)|"
            r"^(?:Error|error): (?:unknown|unrecognized|Unknown|Unrecognized|[Nn]o such|[Ii]nvalid|Got unexpected|"
            r"[Mm]issing|Unexpected|found argument|the following (?:required )?arguments?)|^(?:Illegal|Invalid|"
            r"Unknown|Unrecognized|Unsupported) (?:option|switch|argument|flag|command|parameter)",
            Kind.CONFIGURATION,
            (
                "unrecognized ",
                "unknown ",
                "invalid ",
                "illegal ",
                "bad ",
                "ambiguous ",
                "option requires",
                "missing ",
                "too many",
                "too few",
                "rror: ",
                "Illegal ",
                "Invalid ",
                "Unknown ",
                "Unrecognized ",
                "Unsupported ",
            ),
            weight=0.8,
            example="Illegal switch 'j' specified!",
        ),
        Message(
            r"^(?:ERROR|FAILED|FAILURE|Error|FATAL|Fatal|FAIL|Failure|CRITICAL)(?:!+|:| -| \|)\s+\S",
            Kind.UNKNOWN,
            ("ERROR", "FAILED", "FAILURE", "Error", "FATAL", "Fatal", "FAIL", "Failure", "CRITICAL"),
            weight=0.6,
            goes_on=r"^\s+\S",
            most=6,
            example="ERROR: the bill does not add up",
        ),
        Message(
            r"^(?:An|Some|One or more|\d+|There (?:were|was)|Something|Could not|Couldn't|Cannot|Can't|Unable to|"
            r"Failed to)\b.{0,160}(?:error|fail|wrong|not|unable|invalid|missing|exist|open|find|load|read|write|"
            r"connect|install|resolve|start|create|build)\w*\b",
            Kind.UNKNOWN,
            (
                "An ",
                "Some ",
                "One or more",
                "There w",
                "Something ",
                "Could not",
                "Couldn't",
                "Cannot ",
                "Can't ",
                "Unable to",
                "Failed to",
            ),
            weight=0.45,
            example="Some checks were not successful.",
        ),
    ),
    noise=(
        r"shell_session_update: command not found",
        r"^\S+: line \d+: warning",
        r"\b0 (?:errors|failed|failures)\b",
        r"^(?:Error|ERROR|FAILED|Failures?|Errors?): 0\b",
        r"Cannot find module 'fsevents'",
        r"^(?:ERROR|FAILED): +(?:Job failed|InvocationError|Build |script returned)",
    ),
)

_BATS = Tool(
    "bats",
    (
        Message(
            r"^\s*✗ (?P<test>\S.*)$",
            Kind.TEST_FAILURE,
            ("✗ ",),
            goes_on=r"^\s{3,}\S",
            most=14,
            example="""\
 ✗ adds what was ordered
   (in test file test/bill.bats, line 13)
     `[ "$output" -eq 5 ]' failed""",
        ),
        Message(
            r"^# \(in test file (?P<path>\S+), line (?P<line>\d+)\)",
            Kind.TEST_FAILURE,
            ("# (in test file ",),
            goes_on=r"^#",
            lead=1,
            most=14,
            example="""\
not ok 3 adds what was ordered
# (in test file test/bill.bats, line 13)
#   `[ "$output" -eq 5 ]' failed""",
        ),
        Message(
            r"^ASSERT:|^(?:Assertion|assertion) failed|^\s*FAILED: |^\[FAIL(?:ED)?\]:? |^(?P<test>.{1,200}?)(?:[ :\t]|"
            r"\.{2,200})\s{0,40}(?:\[ ?)?(?:FAIL|FAILED|KO)(?: ?\])?$",
            Kind.TEST_FAILURE,
            ("ASSERT:", "ssertion failed", "FAILED: ", "[FAIL", "FAIL", "KO"),
            weight=0.55,
            goes_on=r"^\s{2,}\S",
            most=8,
            example="ASSERT:expected:<5> but was:<4>",
        ),
    ),
    noise=(
        r"\b0 FAIL",
        r"^FAILED: Build ",
        r"^(?:Result|Test suite|BUILD|> Task|:\S+ FAILED|test |Rails build)",
        r"^\[(?:INFO|info)",
    ),
)

SHELL = (_SHELL, _BATS)
