"""The process edge: arguments and environment in, exit code out."""

import os
import sys

from cicd_agent.cli import Options, parse
from cicd_agent.errors import ConfigError


def main() -> None:
    """Entry point of `cicd-agent` and of `python -m cicd_agent`."""
    try:
        options: Options | ConfigError = parse(sys.argv[1:])
    except ConfigError as error:
        options = error
    # Only now: `--help` and `--version` have left already, and pay for nothing of this.
    from cicd_agent.edge import Streams, run  # noqa: PLC0415

    sys.exit(run(options, os.environ, Streams(sys.stdout, sys.stderr)))


if __name__ == "__main__":
    main()
