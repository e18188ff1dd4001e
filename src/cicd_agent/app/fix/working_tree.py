"""What `--fix` does once a decision is there: deliver it, and change the working tree."""

from typing import Any

from cicd_agent.app.context import Scene
from cicd_agent.app.decision import Decision
from cicd_agent.app.fix import generated_tests as putting
from cicd_agent.app.fix.review import apply, diff
from cicd_agent.app.options import RunOptions
from cicd_agent.app.outputs import exit_of
from cicd_agent.app.reporter import Outlet
from cicd_agent.modes import Mode


def deliver_and_change(mode: Mode[Any], decision: Decision, here: Scene, options: RunOptions, outlet: Outlet) -> int:
    """Deliver, then change the working tree; in a dry run show only what would be changed."""
    if not options.dry_run:
        code = outlet.deliver(mode, decision, here)
        change = putting.put if decision.generated is not None else apply
        lines = list(change(decision, here.top)) if here.top else []
    else:
        code = exit_of(decision)
        text, lines = putting.diff(decision) if decision.generated is not None else diff(decision)
        outlet.progress("")
        if text:
            outlet.print(text)
    for line in lines:
        outlet.warn(line)
    return code
