"""The process edge: arguments and environment in, exit code out."""

import os
import sys

from cicd_agent.cli import Options, parse
from cicd_agent.errors import ConfigError


def main() -> None:
    """Entry point of `cicd-agent` and of `python -m cicd_agent`."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        # They could point git at another repository than the one we are told to read.
        del os.environ[name]
    try:
        options: Options | ConfigError = parse(sys.argv[1:])
    except ConfigError as error:
        options = error
    # Only now: `--help` and `--version` have left already, and pay for nothing of this.
    from cicd_agent.edge import run  # noqa: PLC0415
    from cicd_agent.outlet import Streams  # noqa: PLC0415

    sys.exit(run(options, os.environ, Streams(sys.stdout, sys.stderr)))


if __name__ == "__main__":
    main()
