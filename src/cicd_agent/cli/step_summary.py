"""What the commands on the audit log leave on a runner: outputs that say how it went, and a step summary."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

from cicd_agent.adapters.runner.workflow import step
from cicd_agent.app.session import Session
from cicd_agent.domain.audit_entry import chain_name
from cicd_agent.domain.text.markdown import fence
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.errors import AgentError, Exit

OUTPUTS: Final = ("conclusion", "summary")
_MAX_LINE: Final = 300


def summarized(function: Callable[..., int]) -> Callable[..., int]:
    """The same, after which all that was shown stands in the step summary; `repository` becomes the name of a chain."""

    @wraps(function)
    def run(session: Session, *, repository: str = "", **values: Any) -> int:
        if repository:
            values["repository"] = chain_name(repository, session.environment.server_url)
        try:
            code = function(session, **values)
        except AgentError as error:
            session.console.shown.append(session.console.redact(str(error)))
            _conclude(session, Conclusion.FAILURE)
            raise
        _conclude(session, Conclusion.SUCCESS if code == Exit.OK else Conclusion.FAILURE)
        return code

    return run


def _conclude(session: Session, conclusion: Conclusion) -> None:
    text = "\n".join(session.console.shown)
    if not session.environment.on_actions or not text:
        return
    workflow = step(session.environment, OUTPUTS)
    workflow.output("conclusion", conclusion, Path())
    workflow.output("summary", clip(text.partition("\n")[0], _MAX_LINE), Path())
    workflow.summary(f"### cicd-agent {session.options.command}\n\n{fence(text)}\n")
