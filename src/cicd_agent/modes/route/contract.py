"""What a workflow gives to the mode, and may expect of it."""

from cicd_agent.modes.contract import RUN_INPUTS, Contract, Permission

CONTRACT = Contract(
    inputs=(*RUN_INPUTS, "cache-dir", "pull-request"),
    permissions=(Permission("contents", "read", "the change and the history"),),
    decisions=("none", "affected", "full", "extended"),
    history="without the history the plan is the full one",
)
