"""What the package managers of JavaScript print, of themselves and of the scripts they run."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_NPM = Tool(
    "npm",
    (
        Message(
            r"^npm (?:ERR!|error) code (?P<code>ERESOLVE|E404|ETARGET|ENOTFOUND|EINTEGRITY|EBADENGINE|ENOLOCK|EUSAGE|"
            r"E40[13]|EBADPLATFORM|ENEEDAUTH|EJSONPARSE|ENOVERSIONS|EPEERINVALID|ENOAUDIT)",
            Kind.DEPENDENCY,
            ("npm ERR! code E", "npm error code E"),
            goes_on=r"^npm (?:ERR!|error)(?! A complete log)",
            most=25,
            example="""\
npm ERR! code ERESOLVE
npm ERR! ERESOLVE unable to resolve dependency tree
npm ERR! Found: brick@2.0.0
npm ERR! Could not resolve dependency:
npm ERR! peer brick@"^9.1" from bill@1.0.0""",
        ),
        Message(
            r"^npm (?:ERR!|error) (?:code (?P<code>ECONN\w+|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|ERR_SOCKET_TIMEOUT|E50\d|"
            r"E429|FETCH_ERROR)|network |registry error|.*(?:socket hang up|cb\(\) never called))",
            Kind.INFRASTRUCTURE,
            ("npm ERR! ", "npm error "),
            trouble=Trouble.REGISTRY,
            goes_on=r"^npm (?:ERR!|error)(?! A complete log)",
            most=12,
            example="""\
npm ERR! code ECONNRESET
npm ERR! network read ECONNRESET
npm ERR! network This is a problem related to network connectivity.""",
        ),
        Message(
            r"^npm (?:ERR!|error) (?:(?:Missing|missing) script|Cannot read|404|notarget|`npm ci`|cipm|Invalid|"
            r"invalid|enoent|peer(?:inval)?|extraneous|not ok code|Unexpected|"
            r"shasum|Refusing|engine|notsup|could not|Could not|Tarball|git |fatal|Error: |syscall|sha512|missing:)",
            Kind.DEPENDENCY,
            ("npm ERR! ", "npm error "),
            goes_on=r"^npm (?:ERR!|error)(?! A complete log)",
            weight=0.9,
            most=14,
            example="""\
npm ERR! Missing script: "tset"
npm ERR! Did you mean this?""",
        ),
        Message(
            r"^npm (?:WARN|warn) EBADENGINE|^Error: This (?:version|package|module) .*requires? .*[Nn]ode",
            Kind.CONFIGURATION,
            ("EBADENGINE", "This "),
            weight=0.5,
            example="npm WARN EBADENGINE Unsupported engine {",
        ),
    ),
    noise=(r"^npm (?:ERR!|error) code (?:ELIFECYCLE|\d+)", r"EACCES"),
)

_NPM_SCRIPT = Tool(
    "npm scripts",
    (
        Message(
            r"^(?:npm ERR!|npm error) (?:code (?:ELIFECYCLE|\d+)|errno \d+|Test failed|Lifecycle script|path |"
            r"command (?:failed|sh)|workspace |location |Exit status|This is probably not|"
            r"Failed at the|[^\s@]+@\S+ [\w:-]+: `|A complete log|$)",
            Kind.UNKNOWN,
            ("npm ERR!", "npm error"),
            goes_on=r"^npm (?:ERR!|error)",
            weight=0.15,
            most=14,
            example="""\
npm ERR! code ELIFECYCLE
npm ERR! errno 1
npm ERR! bill@1.0.0 test: `jest`
npm ERR! Exit status 1""",
        ),
        Message(
            r"^error Command failed(?: with (?:exit code|signal)|\.)|^ ELIFECYCLE |^\s*ERR_PNPM_RECURSIVE_RUN|"
            r"^\S* ?exited with code [1-9]|^lerna ERR! |^ *(?:NX|✖|ERROR) +(?:Ran target|run failed)|"
            r"^ ?ERROR  (?:\S+#\S+: )?command .* exited|^The command failed for workspaces|^\$ .* exited with code|"
            r"^error: script \"\S+\" exited",
            Kind.UNKNOWN,
            (
                "error Command failed",
                "ELIFECYCLE",
                "ERR_PNPM_RECURSIVE_RUN",
                "exited with code",
                "lerna ERR!",
                "Ran target",
                "run failed",
                ") exited",
                "command failed for workspaces",
                "error: script",
                " exited (",
            ),
            weight=0.15,
            example="error Command failed with exit code 1.",
        ),
    ),
    wraps=True,
)

_YARN = Tool(
    "yarn",
    (
        Message(
            r"^error (?!Command failed|during|: )(?:An unexpected error|Couldn't find|Found incompatible|"
            r"Your lockfile|Received|Command \"|\"?https?:|@?[^\s@]+@[^\s:]+:|Failed|No license|"
            r"Package|Integrity|Extracting|Incorrect|There are|Workspaces|\S+: )",
            Kind.DEPENDENCY,
            ("error ",),
            goes_on=r"^(?:Exit code|Command|Arguments|Directory|Output):|^\s+\S",
            most=14,
            example="""\
error /src/node_modules/brick: Command failed.
Exit code: 1
Command: node install.js
Arguments:
Directory: /src/node_modules/brick
Output:
    at Module._compile (module.js:653:30)""",
        ),
        Message(
            r"^➤ (?P<code>YN\d{4}): .*(?:[Ee]rror|[Ff]ailed|could ?n[o']t|can't|not (?:found|allowed)|would have been|"
            r"couldn't|invalid|No candidates)",
            Kind.DEPENDENCY,
            ("➤ YN",),
            example="➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.",
        ),
        Message(
            r"^(?:Usage Error: |Internal Error: |error Couldn't|\s*error\s+An unexpected error occurred)",
            Kind.DEPENDENCY,
            ("Usage Error: ", "Internal Error: ", "error"),
            goes_on=r"^\s+at |^\$ ",
            most=6,
            example='Usage Error: Couldn\'t find a script named "tset".',
        ),
    ),
)

_PNPM = Tool(
    "pnpm",
    (
        Message(
            r"^\s*(?P<code>ERR_PNPM_(?!RECURSIVE_RUN)\w+)",
            Kind.DEPENDENCY,
            ("ERR_PNPM_",),
            goes_on=r"^$|^\s*(?:Note|This|The|If|In|Failure|└|├)\b|^\s+\S",
            most=10,
            example="""\
 ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with "frozen-lockfile" because pnpm-lock.yaml is not up to date

Note that in CI environments this setting is true by default.""",
        ),
        Message(
            r"^gyp ERR! ",
            Kind.DEPENDENCY,
            ("gyp ERR! ",),
            goes_on=r"^gyp ERR!",
            weight=0.8,
            most=16,
            example="""\
gyp ERR! configure error
gyp ERR! stack Error: Can't find Python executable "python", you can set the PYTHON env variable.""",
        ),
        Message(
            r"^error: (?:No version matching|\S+ failed to resolve|GET http\S+ - \d|lockfile had changes|"
            r".*FileNotFound|Script not found)|^bower\s+\S+\s+(?:\S+\s+)?E[A-Z]{3,}",
            Kind.DEPENDENCY,
            ("error: ", "bower "),
            example="error: lockfile had changes, but lockfile is frozen",
        ),
    ),
)

NODE_PACKAGES = (_NPM, _YARN, _PNPM, _NPM_SCRIPT)
