"""What a decision means for the process and for later jobs: its exit code, its outputs, and the report of both."""

from collections.abc import Mapping
from pathlib import PurePath

from cicd_agent.agent.budget import Budget
from cicd_agent.app.decision import Decision, Report, outputs, report
from cicd_agent.domain.effects import Artifact, Output, Plan, Receipt
from cicd_agent.domain.event import Event
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.errors import Exit
from cicd_agent.modes.protocol import Account

REPORT = "report.json"


def exit_of(decision: Decision) -> Exit:
    """What the verdict means for the process."""
    result = decision.result
    return Exit.STOP if result is not None and result.conclusion is Conclusion.FAILURE else Exit.OK


def all_outputs(decision: Decision, folder: PurePath, unproved: Mapping[str, str]) -> dict[str, str]:
    """Every step output, the risk first; `unproved` are those that the mode has where it came to no result."""
    common = outputs(decision, str(folder / REPORT)) | ({} if decision.judgement else dict(unproved))
    return common | own_outputs(decision.plan, folder)


def written_report(
    decision: Decision, folder: PurePath, receipts: tuple[Receipt, ...], tape: str, unproved: Mapping[str, str]
) -> Report:
    """The report of a decision whose files are in `folder`."""
    values = all_outputs(decision, folder, unproved)
    return report(decision, exit_code=exit_of(decision), outputs=values, receipts=receipts, tape=tape)


def as_effects(values: Mapping[str, str]) -> tuple[Output, ...]:
    """The outputs as parts of a plan."""
    return tuple(Output(f"output-{name}", name, value) for name, value in values.items())


def own_outputs(plan: Plan, folder: PurePath) -> dict[str, str]:
    """The mode's own outputs, as they stand in the report."""
    found: dict[str, str] = {}
    for effect in plan.effects:
        if isinstance(effect, Output):
            found[effect.name] = effect.value
        elif isinstance(effect, Artifact) and effect.output:
            found[effect.output] = str(folder / effect.name)
    return found


def spent(budget: Budget | None) -> Account:
    """What a run has spent that came to nothing, as far as it asked anybody."""
    if budget is None:
        return Account(cost_usd=0.0)  # it did not come to the point where somebody could have been asked
    if not budget.usage.requests:
        return Account()  # a request may have been under way
    return Account(usage=budget.usage, cost_usd=budget.cost_usd)


def nothing_decided(event: Event) -> Decision:
    """What there is before anything was decided."""
    return Decision("", event, Account())
