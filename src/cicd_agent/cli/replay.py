"""`cicd-agent replay`: a recorded run, judged again."""

from pathlib import Path

import click

from cicd_agent.app import replay as recorded
from cicd_agent.app.session import Session
from cicd_agent.cli.options import command, input_option


@command
@click.argument("tape", metavar="TAPE")
@click.option("--evidence", metavar="FILE", help="what the run had read (default: evidence.json beside TAPE)")
@click.option("--config", metavar="FILE", help="a config file that overrides the run's settings")
@input_option("override a setting; may be repeated")
@click.option("--output-dir", metavar="DIR", help="where the report goes (default: replay beside TAPE)")
def replay(session: Session, tape: str, evidence: str = "", config: str = "") -> int:
    return recorded.replay(Path(tape), session.options, session.console, evidence=evidence, config=config)
