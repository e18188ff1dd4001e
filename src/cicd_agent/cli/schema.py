"""`cicd-agent schema`: the JSON Schemas of what the agent reads and writes."""

import json

import click

from cicd_agent.app.serialization import schema as document_schema
from cicd_agent.app.session import Session
from cicd_agent.cli.options import command
from cicd_agent.errors import Exit
from cicd_agent.settings.values import config_schema, organisation_schema

SCHEMAS = ("config", "organisation", "evidence", "decision", "report")


@command
@click.argument("kind", type=click.Choice(SCHEMAS))
def schema(session: Session, kind: str) -> int:
    settings = {"config": config_schema, "organisation": organisation_schema}
    published = settings[kind]() if kind in settings else document_schema(kind)
    session.console.print_json(json.dumps(published, indent=2))
    return Exit.OK
