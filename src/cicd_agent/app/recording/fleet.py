"""The line that a fleet's endpoint is sent on each run: what was decided and what it cost, nothing of the change."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from cicd_agent import __version__
from cicd_agent.adapters.telemetry.fleet_endpoint import post_line
from cicd_agent.app.recording.entry import decision_word
from cicd_agent.app.run_record import RunRecord
from cicd_agent.errors import NotifierRefused
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Settings

SCHEMA: Final = 1
FIELDS: Final[Mapping[str, str]] = {
    "schema_version": "number: of this table, 1; it changes when a field goes or means something else",
    "run_id": "text: GitHub's number of the run with its attempt, as the account book has it",
    "repository": "text: `owner/name`",
    "mode": "text",
    "event": "text: the kind of event, such as `pull_request`",
    "sha": "text: the commit that was decided on",
    "conclusion": "text: `success`, `failure`, `neutral` or `skipped`",
    "decision": "text: the word of the mode, such as `approve` or `hold`; `failed` without a result",
    "risk_level": "text: `low`, `medium`, `high` or `critical`",
    "exit": "number: the exit code",
    "degraded": "boolean: whether something was missing, such as a model",
    "model": "text: the model that answered",
    "requests": "number: requests to models",
    "tokens": "number: of all requests",
    "cost_usd": "number: US dollars",
    "seconds": "number: from the beginning of the program to this line",
    "version": "text: of cicd-agent",
}
"""The line's fields in their order. What is not known is null."""


def fleet_line(report: RunRecord, environment: Environment, seconds: float, redact: Callable[[str], str]) -> str:
    """One line of JSON."""
    event, run, account, told = report.event, environment.run, report.account, report.outputs
    number = f"{run.run_id}.{run.run_attempt or '1'}" if run.run_id else ""
    sha = getattr(report.result, "sha", "") or (event.sha if event else run.sha)
    values: dict[str, str | float | bool | None] = {
        "schema_version": SCHEMA,
        "run_id": number,
        "repository": (event.repo if event else "") or run.repository,
        "mode": report.mode,
        "event": event.kind.value if event else environment.event_name,
        "sha": sha,
        "conclusion": told.get("conclusion"),
        "decision": told.get("decision") or decision_word(report),
        "risk_level": told.get("risk_level"),
        "exit": int(report.exit),
        "degraded": bool(account.degraded or report.error),
        "model": account.model,
        "requests": account.usage.requests,
        "tokens": account.usage.total,
        "cost_usd": account.cost_usd,
        "seconds": round(seconds, 3),
        "version": __version__,
    }
    clean = {name: redact(value) or None if isinstance(value, str) else value for name, value in values.items()}
    return json.dumps({name: clean[name] for name in FIELDS}, separators=(",", ":"), allow_nan=False)


def tell_fleet(
    report: RunRecord,
    environment: Environment,
    settings: Settings,
    seconds: float,
    *,
    redact: Callable[[str], str],
    warn: Callable[[str], None],
) -> None:
    """Send the line where the input says; without one nothing is sent. What fails is a line of output."""
    url = settings.fleet_url.get_secret_value().strip()
    if not url:
        return
    line = fleet_line(report, environment, seconds, redact)
    try:
        post_line(url, line, f"cicd-agent/{__version__}", environment.ca_bundle)
    except NotifierRefused as error:
        warn(str(error))
