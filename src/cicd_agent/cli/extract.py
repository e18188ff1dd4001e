"""`cicd-agent extract`: the lines of a log file that matter, for a person or a program, without a network or a key."""

import json
from dataclasses import asdict
from typing import IO

from cicd_agent.adapters.runner.log_file import chunks
from cicd_agent.analysis.logs.extract import Extract
from cicd_agent.analysis.logs.reduction import passed, reduce
from cicd_agent.app.reporter import Outlet
from cicd_agent.cli.parser import Options
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.rendering.log_excerpt import render

_MOST_TOKENS = 1_000_000


def extract(options: Options, outlet: Outlet, standard_input: IO[bytes]) -> int:
    """Print the extract of the log that the options name, which may be what is piped in; the exit code."""
    if not 1 <= options.tokens <= _MOST_TOKENS:
        raise ConfigError(f"--tokens {options.tokens} is out of range", remedy=f"Give 1 to {_MOST_TOKENS:,}")
    green = passed(chunks(options.green, standard_input)) if options.green else None
    found = reduce(chunks(options.logs[0], standard_input), tokens=options.tokens, green=green)
    if options.format == "json":
        outlet.print_json(json.dumps(document(found), indent=1))
    else:
        outlet.print(render(found, colour=outlet.coloured))
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
