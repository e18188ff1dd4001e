"""What a workflow gives to the mode, and may expect of it."""

from cicd_agent.modes.contract import MODEL_INPUTS, RUN_INPUTS, Contract, Permission

CONTRACT = Contract(
    inputs=(
        *RUN_INPUTS,
        *MODEL_INPUTS,
        "test-command",
        "python",
        "deliver",
        "detect-flaky",
        "allow-unsandboxed",
        "comment",
        "pull-request",
    ),
    permissions=(
        Permission("contents", "read", "the change"),
        Permission("pull-requests", "write", "the comment; without it the step summary has it all"),
        Permission("contents", "write", "the commit", "deliver: commit"),
        Permission("contents", "write", "the branch of the pull request", "deliver: pull-request"),
    ),
    decisions=("success", "failure", "neutral", "skipped"),
    history="the merge base has to be there",
)
