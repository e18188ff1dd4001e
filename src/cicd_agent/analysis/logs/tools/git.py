"""What git and the clients of its hosts print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_GIT = Tool(
    "git",
    (
        Message(
            r"^(?:stderr: )?fatal: (?:unable to access|Could not read from remote|unable to connect|"
            r"the remote end hung up|early EOF|remote error|protocol error|unable to look up|index-pack failed)|"
            r"^error: RPC failed|^(?:ssh: connect to host|kex_exchange_identification|Connection (?:to|"
            r"closed by) \S+ )",
            Kind.INFRASTRUCTURE,
            ("fatal: ", "RPC failed", "ssh: connect", "kex_exchange", "Connection "),
            trouble=Trouble.NETWORK,
            goes_on=r"^(?:fatal|error|ssh): |^$|^Please make sure|^and the repository",
            most=6,
            example="""\
fatal: Could not read from remote repository.

Please make sure you have the correct access rights
and the repository exists.""",
        ),
        Message(
            r"^(?:stderr: |remote: )?(?:fatal: (?!error:|fork)\S|error: (?:pathspec|cannot |unable to|"
            r"The following untracked|object file|src refspec|"
            r"Could not (?:read|fetch)|insufficient permission|Untracked|invalid path|corrupt |refusing))",
            Kind.CONFIGURATION,
            ("fatal: ", "error: "),
            goes_on=r"^\s+\S|^$|^(?:To add an exception|Please |hint:|fatal: )",
            weight=0.7,
            most=6,
            example="""\
fatal: detected dubious ownership in repository at '/src'
To add an exception for this directory, call:

	git config --global --add safe.directory /src""",
        ),
        Message(
            r"^CONFLICT \([\w/ ]+\): |^Automatic merge failed|^error: (?:could not apply|Your local changes|"
            r"patch failed|Failed to merge|\S+: patch does not apply)|^Merge conflict",
            Kind.BUILD_ERROR,
            ("CONFLICT (", "Automatic merge failed", "error: ", "Merge conflict"),
            goes_on=r"^\s+\S|^CONFLICT|^Automatic merge|^hint:",
            weight=0.9,
            most=8,
            example="""\
CONFLICT (content): Merge conflict in src/bill.c
Automatic merge failed; fix conflicts and then commit the result.""",
        ),
        Message(
            r"^(?:Permission denied \(publickey|Host key verification failed|remote: (?:Invalid username|"
            r"Permission to|Repository not found|Support for password|HTTP Basic: Access denied|error: GH\d+|"
            r"Write access)|"
            r" ! \[(?:remote )?rejected\]|error: failed to push some refs)",
            Kind.CONFIGURATION,
            ("Permission denied (publickey", "Host key verification", "remote: ", " ! [", "failed to push"),
            goes_on=r"^hint:|^remote: |^error: |^fatal: ",
            most=8,
            example="""\
remote: Permission to example/bill.git denied to github-actions[bot].
fatal: unable to access 'https://github.com/example/bill/': The requested URL returned error: 403""",
        ),
        Message(
            r"^(?:Submodule path '.*' could not be|Unable to checkout '|Failed to clone '|"
            r"Server does not allow request for unadvertised|error: pathspec '|fatal: No url found for submodule|"
            r"Failed to recurse into submodule|"
            r"Error downloading object: |Smudge error: |batch response: |LFS: )",
            Kind.CONFIGURATION,
            (
                "Submodule path",
                "Unable to checkout",
                "Failed to ",
                "unadvertised",
                "pathspec",
                "submodule",
                "Error downloading object",
                "Smudge error",
                "batch response: ",
                "LFS: ",
            ),
            example="error: pathspec 'relase' did not match any file(s) known to git",
        ),
    ),
    noise=(r"\. Retry scheduled$", r"^fatal: (?:true|false)", r"^error: (?:0|none|null)$"),
)

_HOSTS = Tool(
    "hosts of git",
    (
        Message(
            r"Resource not accessible by integration|(?:GraphQL|gh): .*(?:HTTP 40[134]|Resource not accessible|"
            r"Could not resolve to)|^HttpError: |Bad credentials|\"message\": ?\"(?:API rate|Bad cred|Not Found|"
            r"Must have|Resource not|Validation Failed)|"
            r"RequestError \[HttpError\]|must have push access|GitHub Actions is not permitted to|"
            r"refusing to allow a(?:n)? (?:GitHub App|OAuth App|Personal Access Token)",
            Kind.CONFIGURATION,
            (
                "Resource not accessible",
                "GraphQL: ",
                "gh: ",
                "HttpError",
                "Bad credentials",
                '"message"',
                "push access",
                "is not permitted to",
                "refusing to allow",
            ),
            weight=0.95,
            example="HttpError: Resource not accessible by integration",
        ),
        Message(
            r"^(?:##\[error\]|Error: )?(?:Input required and not supplied: |(?:The |Missing |"
            r"Required )?(?:env(?:ironment)? var(?:iable)?|secret|input|token)s?\b.{0,80}(?:not (?:set|found|defined|"
            r"provided|supplied)|is (?:missing|required|empty|unset)|must be))|"
            r"^(?:Missing required (?:env|input|secret|parameter)|(?:You must|Please) (?:set|provide|"
            r"specify) .{0,40}(?:env|variable|token|secret|key))|KeyError: '[A-Z_]{4,}'",
            Kind.CONFIGURATION,
            ("not supplied", "ariable", "secret", "token", "input", "env", "KeyError: "),
            weight=0.9,
            example="Error: Input required and not supplied: token",
        ),
    ),
)

GIT = (_GIT, _HOSTS)
