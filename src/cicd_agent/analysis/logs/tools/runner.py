"""What the services that run jobs print: their own troubles, and that something they ran has failed."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_GITHUB = Tool(
    "github runner",
    (
        Message(
            r"(?:The runner has received a shutdown signal|lost communication with the server|"
            r"The hosted runner (?:encountered|lost)|The self-hosted runner|The job was not acquired by Runner|"
            r"runner (?:was )?(?:deleted|lost)|"
            r"No hosted parallelism|The agent: .* lost communication|We stopped hearing from agent|"
            r"pod failed to come online|Failed to initialize container|Job is about to exit because|"
            r"The runner of this job)",
            Kind.INFRASTRUCTURE,
            (
                "shutdown signal",
                "lost communication",
                "hosted runner",
                "not acquired by Runner",
                "runner ",
                "hosted parallelism",
                "stopped hearing from",
                "pod failed",
                "Failed to initialize container",
                "about to exit",
                "The runner of",
            ),
            trouble=Trouble.RUNNER,
            example=(
                "##[error]The runner has received a shutdown signal. This can happen when the runner service is "
                "stopped."
            ),
        ),
        Message(
            r"^(?:##\[error\]|Error: )?(?:The operation was cancel+ed|received SIG(?:INT|TERM)|The run was canceled|"
            r"Canceling since a higher priority|The job was canceled)",
            Kind.INFRASTRUCTURE,
            ("was cancel", "received SIG", "Canceling since"),
            trouble=Trouble.CANCELLED,
            example="##[error]The operation was canceled.",
        ),
        Message(
            r"^(?:##\[error\]|Error: )?(?:Unable to (?:resolve action|download artifact|find any artifacts)|"
            r"Can't find 'action\.yml'|Failed to (?:CreateArtifact|FinalizeArtifact|download action|restore|save|"
            r"queue)|Artifact (?:not found|has expired)|"
            r"An action could not be found|Missing download info|The (?:template|workflow|action) is not valid|"
            r"Invalid workflow file|No files were found with the provided path|Cache service responded|"
            r"This request has been automatically failed because it uses a deprecated)",
            Kind.CONFIGURATION,
            (
                "Unable to ",
                "action.yml",
                "Failed to ",
                "Artifact ",
                "An action could not",
                "Missing download info",
                "is not valid",
                "Invalid workflow file",
                "No files were found",
                "Cache service",
                "automatically failed",
            ),
            example="##[error]Unable to download artifact(s): Artifact not found for name: wheels",
        ),
        Message(
            r"^##\[error\](?!Process completed with exit code|The process .* failed with exit code|\s*$)\S",
            Kind.UNKNOWN,
            ("##[error]",),
            weight=0.85,
            goes_on=r"^##\[error\](?!Process completed)|^\s+at ",
            most=12,
            example="##[error]src/bill.py: the total is not what was ordered",
        ),
        Message(
            r"^::error(?: (?:file=(?P<path>[^,:]+))?[^:]*)?::\S",
            Kind.UNKNOWN,
            ("::error",),
            weight=0.85,
            example="::error file=src/bill.py,line=14::the total is not what was ordered",
        ),
    ),
    noise=(r"^##\[error\](?:No|Node\.js \d+ actions are deprecated)$",),
)

_WRAPPERS = Tool(
    "runner's exit",
    (
        Message(
            r"^(?:##\[error\]|Error: )?(?:Process completed with exit code|The process '.*' failed with exit code|"
            r"Bash exited with code|PowerShell exited with code) '?\d|^##\[error\]Cmd\.exe exited",
            Kind.UNKNOWN,
            ("exit code", "exited with code"),
            weight=0.1,
            example="##[error]Process completed with exit code 1.",
        ),
        Message(
            r"^The command \".*?\"? ?(?:failed and )?exited with (?!0\b)-?\d+|^Your build has been stopped|"
            r"^Done\. Your build exited with (?!0\b)|^The command .{0,2000}exited with (?!0\b)\d+\.",
            Kind.UNKNOWN,
            ("exited with ", "Your build has been stopped", "Your build exited"),
            weight=0.15,
            most=1,
            example='The command "make test" exited with 2.',
        ),
        Message(
            r"^Finished: (?:FAILURE|ABORTED|UNSTABLE)|^Build step '.*' (?:marked build as|"
            r"changed build result to) (?:failure|FAILURE|UNSTABLE)|^ERROR: script returned exit code \d+",
            Kind.UNKNOWN,
            ("Finished: ", "Build step '", "script returned exit code"),
            weight=0.1,
            example="Build step 'Execute shell' marked build as failure",
        ),
        Message(
            r"^(?:ERROR: Job failed: |Exited with code (?:exit status )?[1-9]|Command exited with code [1-9]|"
            r"ERROR: Build failed|Cleaning up (?:file based variables|project directory)|Build FAILURE|Step failed|"
            r"script failed with)",
            Kind.UNKNOWN,
            (
                "Job failed: ",
                "xited with code ",
                "Build failed",
                "Cleaning up ",
                "Build FAILURE",
                "Step failed",
                "script failed with",
            ),
            weight=0.1,
            example="ERROR: Job failed: exit code 1",
        ),
    ),
    wraps=True,
    noise=(r"exited with 0\b", r"exit code 0\b", r"^Cleaning up"),
)

_JENKINS = Tool(
    "jenkins",
    (
        Message(
            r"^(?:ERROR|FATAL): (?:Error (?:cloning|fetching)|Step ‘|Couldn't find any|Maximum checkout|Unable to|"
            r"Could not|No such|Build step|command execution failed|java\.|null|Connection was broken|"
            r"missing workspace|Failed to)|"
            r"^(?:hudson|jenkins|org\.jenkinsci)\.[\w.$]+(?:Exception|Error)",
            Kind.INFRASTRUCTURE,
            ("ERROR: ", "FATAL: ", "hudson.", "jenkins.", "org.jenkinsci."),
            goes_on=r"^\s*at |^(?:hudson|jenkins|Caused by|stdout|stderr|Also: |java\.)|^\s+\S|^$",
            most=25,
            weight=0.9,
            example="""\
ERROR: Error cloning remote repo 'origin'
hudson.plugins.git.GitException: Command "git fetch origin" returned status code 128:
stdout:
stderr: fatal: unable to access 'https://git.example.org/bill.git/'
	at org.jenkinsci.plugins.gitclient.CliGitAPIImpl.launchCommandIn(CliGitAPIImpl.java:2681)""",
        ),
        Message(
            r"^(?:Slave went offline|Agent went offline|Cannot contact \S+: |Build was aborted|Aborted by |"
            r"Sending interrupt signal|wrapper script does not seem to be touching)",
            Kind.INFRASTRUCTURE,
            (
                "went offline",
                "Cannot contact",
                "Build was aborted",
                "Aborted by ",
                "interrupt signal",
                "wrapper script",
            ),
            trouble=Trouble.RUNNER,
            example="Cannot contact node-7: java.lang.InterruptedException",
        ),
    ),
)

_TRAVIS = Tool(
    "travis",
    (
        Message(
            r"^(?:An error occurred while generating the build script|We were unable to find a|Could not (?:find|"
            r"download|fetch) .*(?:ruby|php|node|perl|python|jdk)|No script (?:section|set)|Sorry, .* (?:is|has) |"
            r"\S+ is not installed\. Installing)|"
            r"^(?:Error: No builds? .*|The language: .* is|key script is missing|Unable to (?:download|install) )",
            Kind.CONFIGURATION,
            (
                "An error occurred while generating",
                "We were unable to",
                "Could not ",
                "No script ",
                "Sorry, ",
                "is not installed",
                "Error: No build",
                "key script is missing",
                "Unable to ",
            ),
            weight=0.8,
            example="Unable to install node 99",
        ),
        Message(
            r"^The log length has exceeded the limit of|^This job has been (?:terminated|stopped)|"
            r"^The job has been (?:terminated|cancelled)|^I'm sorry but your (?:test|build) run exceeded|"
            r"^The build has been terminated|^Something went wrong while|^The machine .* (?:is gone|was lost)|"
            r"^An unexpected error occurred in",
            Kind.INFRASTRUCTURE,
            (
                "log length",
                "This job has been",
                "The job has been",
                "I'm sorry but",
                "The build has been terminated",
                "Something went wrong",
                "The machine ",
                "An unexpected error",
            ),
            trouble=Trouble.RUNNER,
            most=3,
            goes_on=r"^This usually means|^The (?:job|build) has been",
            example="""\
The log length has exceeded the limit of 4 MB (this usually means that the tests are raising the same exception).
The job has been terminated""",
        ),
    ),
)

RUNNER = (_GITHUB, _JENKINS, _TRAVIS, _WRAPPERS)
