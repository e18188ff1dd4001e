"""What a workflow gives to the mode, and may expect of it."""

from cicd_agent.modes.contract import MODEL_INPUTS, RUN_INPUTS, Contract, Permission

CONTRACT = Contract(
    inputs=(
        *RUN_INPUTS,
        *MODEL_INPUTS,
        "environment",
        "sha",
        "threshold",
        "enforce",
        "signals-file",
        "test-reports",
        "coverage-reports",
        "base-coverage-reports",
    ),
    permissions=(
        Permission("actions", "read", "how often the workflows failed lately, and the coverage in their artifacts"),
        Permission("checks", "read", "whether the commit's checks passed"),
        Permission("contents", "read", "what would be deployed"),
        Permission("deployments", "read", "what runs there now"),
        Permission("issues", "read", "open incidents"),
        Permission(
            "pull-requests", "write", "reviews, and the comment that asks for an approval; `read` is enough without one"
        ),
        Permission("statuses", "read", "checks that come as commit statuses"),
        Permission("deployments", "write", "record the decision", "record-deployment: on"),
        Permission("issues", "write", "ask in an issue", "approvals: [issue]"),
    ),
    decisions=("proceed", "hold", "rollback"),
    history="what is deployed now, and the history that the risk is judged by",
)
