"""`cicd-agent serve-fake-model`: a scripted model on 127.0.0.1."""

from pathlib import Path

import click

from cicd_agent.adapters.fake_model import serve
from cicd_agent.app.session import Session
from cicd_agent.cli.options import command


@command
@click.option("--script", metavar="FILE", required=True, help="its answers, in YAML or JSON")
@click.option("--port", metavar="N", type=int, help="port to listen on (default: any that is free)")
def serve_fake_model(session: Session, script: str, port: int = 0) -> int:
    return serve(Path(script), port, session.console.print)
