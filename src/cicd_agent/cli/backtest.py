"""`cicd-agent deploy-gate --backtest 30d`: how often the gate would have held what was deployed, and why."""

import json
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from cicd_agent.adapters.files import save_file
from cicd_agent.app.context import first_settings, inputs
from cicd_agent.app.run_folder import HIDDEN
from cicd_agent.app.session import Session
from cicd_agent.cli.init import FOLDER, default_branch
from cicd_agent.cli.outcome_sources import OpenSources, open_sources
from cicd_agent.domain.period import moment
from cicd_agent.domain.text.json_redaction import redact_json
from cicd_agent.domain.text.json_view import as_repo
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.insights.backtest.backtest import Subject, run_backtest
from cicd_agent.insights.backtest.page import document, render_backtest
from cicd_agent.modes.deploy_gate.mode import MODE
from cicd_agent.settings.loader import load

RECORD: Final = f"{HIDDEN}/backtest.json"
"""Where the last one is left in the checkout, by which `doctor` knows that there was one."""
_GATE: Final = re.compile(r"cicd-agent/deploy-gate@|call-deploy-gate\.yml|mode: *[\"']?deploy-gate\b")
_SHADOW: Final = re.compile(r"(?m)^[^#\n]*\benforce: *[\"']?(?:shadow|false)\b")
_MAX_BYTES: Final = 100_000


def untested_gate(top: Path) -> str:
    """What a checkout has whose workflows hold a gate that was never backtested here, "" where there is none."""
    if (top / RECORD).is_file():
        return ""
    files = (path for path in sorted((top / FOLDER).glob("*.y*ml")) if path.is_file() and not path.is_symlink())
    gates = [
        text
        for path in files
        if path.stat().st_size <= _MAX_BYTES and _GATE.search(text := path.read_text("utf-8", "replace"))
    ]
    if not gates:
        return ""
    state = "is in shadow" if any(map(_SHADOW.search, gates)) else "enforces"
    return f"the gate {state}, and was never judged by what was deployed before"


def backtest(session: Session, *, sources_of: OpenSources = open_sources) -> int:
    """Nothing is written but the record in the checkout; exit code 0, whatever the gate would have done.

    Raises ConfigError where a token or a name is missing, ForgeRefused where GitHub does not say what was deployed.
    """
    options, environment, console = session.options, session.environment, session.console
    now = int(session.now())
    since = _since(options.backtest, now)
    early = first_settings(options, environment)
    if not early.environment:
        raise ConfigError("nobody says which environment to judge", remedy="Give `--input environment=production`")
    with ExitStack() as closing:
        sources = sources_of(options, environment, closing)
        if sources.gates is None or sources.repository is None or sources.top is None:
            token, name = early.github_token.get_secret_value(), environment.run.repository
            lacking = [each for each, value in (("GITHUB_TOKEN", token), ("GITHUB_REPOSITORY", name)) if not value]
            why = f"there is no {' and no '.join(lacking)}" if lacking else "; ".join(sources.notices)
            remedy = "Set GITHUB_TOKEN (to read) and GITHUB_REPOSITORY=owner/name, in a clone with its history"
            raise ConfigError("past deployments cannot be judged", why=why, remedy=remedy)
        repository = sources.repository
        text = repository.blob(repository.resolve("HEAD") or "", early.config_file)
        known = {*MODE.rule_ids, "model"}
        loaded = load(
            inputs(options, environment),
            text,
            early.config_file,
            fallbacks=environment.fallbacks,
            known_rules=known,
            mode=MODE.name,
        )
        subject = Subject(
            repository,
            sources,
            loaded.settings,
            as_repo(environment.run.repository),
            default_branch(repository, sources.top),
            environment.server_url,
            tuple(map(str, loaded.problems)),
        )
        found = run_backtest(subject, sources.gates, since, now, console.progress)
    console.progress("")
    shown = document(found)
    if not environment.on_actions:
        record = redact_json(json.dumps({"at": now, **shown}, indent=1), console.redact)
        save_file(sources.top / RECORD, f"{record}\n", "Make the checkout writable")
    console.print_result(shown, lambda: render_backtest(found, colour=console.coloured, width=console.width))
    return Exit.OK


def _since(text: str, now: int) -> int:
    try:
        return moment(text, now)
    except ValueError:
        remedy = "Write it as `30d`, `12h`, or a date such as 2026-11-01"
        raise ConfigError("--backtest is no time", why=text[:50], remedy=remedy) from None
