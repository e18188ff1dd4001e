"""The commands that look into the account book; none of them asks a model."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from cicd_agent.adapters.runner.workflow import step
from cicd_agent.app.reporter import Outlet
from cicd_agent.cli.account_parser import Options
from cicd_agent.domain.audit_entry import chain_name
from cicd_agent.domain.text.markdown import fence
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.errors import AgentError, Exit
from cicd_agent.settings.environment import Environment

OUTPUTS: Final = ("conclusion", "summary")
_LONGEST = 300


def account(options: Options, environment: Environment, outlet: Outlet, now: Callable[[], float]) -> int:
    """Do it; on a runner, what was shown stands in the step summary, too, and outputs say how it went."""
    if options.repository:
        options = replace(options, repository=chain_name(options.repository, environment.server_url))
    if options.command == "calibrate":
        return _looked(options, environment, outlet, now)
    try:
        code = _looked(options, environment, outlet, now)
    except AgentError as error:
        outlet.shown.append(outlet.redact(str(error)))
        _conclude(options, environment, outlet, Conclusion.FAILURE)
        raise
    _conclude(options, environment, outlet, Conclusion.SUCCESS if code == Exit.OK else Conclusion.FAILURE)
    return code


def _conclude(options: Options, environment: Environment, outlet: Outlet, conclusion: Conclusion) -> None:
    text = "\n".join(outlet.shown)
    if not environment.on_actions or not text:
        return
    workflow = step(environment, OUTPUTS)
    workflow.output("conclusion", conclusion, Path())
    workflow.output("summary", clip(text.partition("\n")[0], _LONGEST), Path())
    workflow.summary(f"### cicd-agent {options.command}\n\n{fence(text)}\n")


def _looked(options: Options, environment: Environment, outlet: Outlet, now: Callable[[], float]) -> int:
    match options.command:
        case "audit":
            from cicd_agent.cli.audit import audit  # noqa: PLC0415  each pays for itself

            return audit(options, environment, outlet, now)
        case "metrics":
            from cicd_agent.cli.metrics import metrics  # noqa: PLC0415

            return metrics(options, environment, outlet, now)
        case "accuracy":
            from cicd_agent.cli.accuracy import accuracy  # noqa: PLC0415

            return accuracy(options, environment, outlet, now)
        case "calibrate":
            from cicd_agent.cli.calibrate import calibrate  # noqa: PLC0415

            return calibrate(options, environment, outlet, now)
        case "cost":
            from cicd_agent.cli.cost import cost  # noqa: PLC0415

            return cost(options, environment, outlet, now)
        case command:
            raise AssertionError(command)
