"""The process edge: arguments and environment in, exit code out."""

import gc
import os
import sys

from click.exceptions import Exit

from cicd_agent.app.session import Invocation
from cicd_agent.cli.parser import parse
from cicd_agent.errors import ConfigError

_OBJECTS = 100_000
"""So many new objects make it worth looking for cycles among them: a run ends soon, and leaves few of these."""


def main() -> None:
    """Entry point of `cicd-agent` and of `python -m cicd_agent`."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        # They could point git at another repository than the one we are told to read.
        del os.environ[name]
    # When it is imported, GitPython would run the first `git` of PATH for its version, be it the repository's own.
    os.environ.update(GIT_PYTHON_REFRESH="quiet", GIT_PYTHON_GIT_EXECUTABLE=os.devnull)
    gc.set_threshold(_OBJECTS)
    try:
        invocation: Invocation | ConfigError = parse(sys.argv[1:])
    except ConfigError as error:
        invocation = error
    except Exit as done:
        sys.exit(done.exit_code)
    # Only now: `--help` and `--version` have left already, and pay for nothing of this.
    from cicd_agent.app.console import Streams  # noqa: PLC0415
    from cicd_agent.app.main import run  # noqa: PLC0415

    sys.exit(run(invocation, os.environ, Streams(sys.stdout, sys.stderr)))


if __name__ == "__main__":
    main()
