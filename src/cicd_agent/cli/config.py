"""`cicd-agent config explain`: each value of the configuration in force, and where it is from."""

import click

from cicd_agent.app.session import Session
from cicd_agent.app.stages import explain_config
from cicd_agent.cli.options import command, place_options


@command
@click.argument("verb", type=click.Choice(["explain"]))
@place_options
def config(session: Session, verb: str) -> int:
    assert verb == "explain"  # noqa: S101  the only one there is
    return explain_config(session)
