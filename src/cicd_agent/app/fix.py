"""`--fix`: what a decision changes in the working tree."""

import os
from collections.abc import Iterator
from pathlib import Path

from cicd_agent.adapters.files import NOFOLLOW, replace_text
from cicd_agent.domain.text.visible import visible
from cicd_agent.errors import ConfigError
from cicd_agent.modes.protocol import Edits
from cicd_agent.settings.environment import Environment


def require_working_tree(base: str, head: str, environment: Environment) -> None:
    """Raise ConfigError unless what is reviewed is the working tree of somebody at a terminal."""
    if environment.on_actions:
        raise ConfigError("--fix is for a terminal", why="a job does not change what it reviews", remedy="Leave it out")
    if not base or head:
        why = "what is reviewed is not the working tree"
        raise ConfigError("--fix has nothing to change", why=why, remedy="Say `--base main`, without --head")


def apply(edits: Edits, top: Path) -> Iterator[str]:
    """Write the edits below `top`; lines for each, and for what is left out."""
    if not edits.edits and not edits.left_out:
        yield edits.nothing
    for edit in edits.edits:
        problem = (
            _create(top, edit.path, edit.after)
            if edit.before is None
            else replace_text(top, edit.path, edit.before, edit.after)
        )
        yield from (f"{line}: {problem}" for line in edit.failed) if problem else edit.done
    yield from edits.left_out


def diff(edits: Edits) -> tuple[str, tuple[str, ...]]:
    """What `apply` would do, as a unified diff, and a line for whatever it leaves out."""
    text = visible(edits.patch)
    return text, edits.left_out if text or edits.left_out else (edits.nothing,)


def _create(top: Path, path: str, text: str) -> str:
    """Write a file that is not there yet; why that was not possible, "" when it was."""
    file = top / path
    try:
        if not file.parent.resolve().is_relative_to(top.resolve()):
            return "it lies outside of the working tree"
        file.parent.mkdir(parents=True, exist_ok=True)
        # A link or a file that came meanwhile is not written over.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW, 0o644)
    except OSError as error:
        return error.strerror or str(error)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(text.encode())
    return ""
