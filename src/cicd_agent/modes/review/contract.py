"""What a workflow gives to the mode, and may expect of it."""

from cicd_agent.modes.contract import MODEL_INPUTS, RUN_INPUTS, Contract, Permission

CONTRACT = Contract(
    inputs=(
        *RUN_INPUTS,
        *MODEL_INPUTS,
        "comment",
        "review-event",
        "fail-on",
        "sarif-files",
        "pull-request",
    ),
    permissions=(
        Permission("contents", "read", "the change"),
        Permission("pull-requests", "write", "the review; without it, as on forks, annotations and a step summary"),
        Permission("contents", "write", "resolve the threads of findings that are fixed", optional=True),
        Permission("checks", "write", "a check run of its own", "check-run: on"),
        Permission("issues", "write", "make a label that is not there yet", "labels: on"),
    ),
    decisions=("approve", "comment", "request_changes", "answer", "help", "note"),
    history="the merge base has to be there, and the history that the risk is judged by",
)
