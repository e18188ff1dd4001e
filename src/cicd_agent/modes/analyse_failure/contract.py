"""What a workflow gives to the mode, and may expect of it."""

from cicd_agent.modes.contract import MODEL_INPUTS, RUN_INPUTS, Contract, Permission

CONTRACT = Contract(
    inputs=(
        *RUN_INPUTS,
        *MODEL_INPUTS,
        "run-id",
        "rerun",
        "verify-command",
        "python",
        "allow-unsandboxed",
        "comment",
        "pull-request",
    ),
    permissions=(
        Permission("actions", "read", "the logs"),
        Permission("checks", "read", "what GitHub noted on the jobs, such as a runner that was lost"),
        Permission("contents", "read", "the change"),
        Permission("pull-requests", "write", "one comment; without it the step summary has it all"),
        Permission("actions", "write", "run failed jobs again", "rerun"),
        Permission("contents", "write", "a comment on the commit", "commit-comment: on"),
        Permission("issues", "write", "an issue for each failure of the default branch", "failure-issue: on"),
    ),
    decisions=("change", "flaky", "infrastructure", "pre_existing", "unknown"),
    history="who wrote which line since the last run that passed",
)
