"""A scripted, OpenAI-compatible model server on 127.0.0.1, for people who try their own set-up without a key."""

import time
from collections.abc import Callable
from pathlib import Path

from cicd_agent.errors import Exit
from cicd_agent.fake_model.script import load_script
from cicd_agent.fake_model.server import serving

__all__ = ["load_script", "serve", "serving"]


def serve(script: Path, port: int, say: Callable[[str], None]) -> Exit:
    """Answer until somebody says stop (Ctrl-C, SIGTERM); a line for the address and one for each request."""
    with serving(load_script(script), say, port=port) as model:
        try:
            say(f"serving {script} at {model.url}")
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            say(f"ended, {model.unused} steps of the script were not asked for")
    return Exit.OK
