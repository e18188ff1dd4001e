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
@click.option("--changed", is_flag=True, help="only what is not the default")
@location_options
def config(session: Session, _verb: str, *, changed: bool = False) -> int:
    options, environment, console = session.options, session.environment, session.console
    with ExitStack() as closing:
        loaded = prepare(None, options, environment, Path.cwd(), closing=closing).loaded
    rows = explain(loaded, inputs(options, environment).get("mode", ""))
    if changed:
        rows = tuple(row for row in rows if not row.origin.startswith("default"))
    console.print(table(rows) if rows else "Nothing is set: every value is the default.")
    for line in (*map(str, loaded.problems), *loaded.notices):
        console.warn(line)
    return Exit.OK
