"""`cicd-agent extract`: the lines of a log file that matter, for a person or a program, without a network or a key."""

import json
import sys
from dataclasses import asdict

import click

from cicd_agent.adapters.runner.log_file import chunks
from cicd_agent.analysis.logs.extract import Extract
from cicd_agent.analysis.logs.reduction import passed, reduce
from cicd_agent.app.session import Session
from cicd_agent.cli.log_excerpt import render
from cicd_agent.cli.options import command, format_option
from cicd_agent.errors import ConfigError, Exit

_MAX_TOKENS = 1_000_000


@command
@click.argument("log", metavar="LOG")
@click.option("--green", "reference", metavar="LOG", help="a log of the same job that passed")
@click.option("--tokens", metavar="N", type=int, help="how much to print (default: 2000)")
@format_option()
def extract(session: Session, log: str, reference: str = "", tokens: int = 2_000) -> int:
    """LOG is a log file, also compressed by gzip; - for the standard input."""
    console, standard_input = session.console, sys.stdin.buffer
    if not 1 <= tokens <= _MAX_TOKENS:
        raise ConfigError(f"--tokens {tokens} is out of range", remedy=f"Give 1 to {_MAX_TOKENS:,}")
    green = passed(chunks(reference, standard_input)) if reference else None
    found = reduce(chunks(log, standard_input), tokens=tokens, green=green)
    if session.options.format == "json":
        console.print_json(json.dumps(document(found), indent=1))
    else:
        console.print(render(found, colour=console.coloured))
    return Exit.OK


def document(extract: Extract) -> dict[str, object]:
    """The extract as JSON: counts, lines, elisions, problems, and the limits that were met."""
    return {
        "total": extract.total,
        "bytes": extract.bytes,
        "tokens": extract.tokens,
        "lines": [
            {
                "number": line.number,
                "text": line.text,
                "score": line.score,
                "step": line.step,
                "tool": line.tool,
                "times": line.times,
            }
            for line in extract.kept
        ],
        "elisions": [asdict(gap) for gap in extract.elisions],
        "problems": [asdict(problem) for problem in extract.problems],
        "notes": list(extract.notes),
    }
