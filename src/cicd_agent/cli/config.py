"""`cicd-agent config explain`: each value of the configuration in force, and where it is from."""

from contextlib import ExitStack
from pathlib import Path

import click

from cicd_agent.app.context import inputs, prepare
from cicd_agent.app.session import Session
from cicd_agent.cli.options import command, location_options
from cicd_agent.errors import Exit
from cicd_agent.settings.explain import explain, table


@command
@click.argument("_verb", metavar="explain", type=click.Choice(["explain"]))
@location_options
def config(session: Session, _verb: str) -> int:
    options, environment, console = session.options, session.environment, session.console
    with ExitStack() as closing:
        loaded = prepare(None, options, environment, Path.cwd(), closing=closing).loaded
    console.print(table(explain(loaded, inputs(options, environment).get("mode", ""))))
    for line in (*map(str, loaded.problems), *loaded.notices):
        console.warn(line)
    return Exit.OK
