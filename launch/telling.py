"""What the launcher itself says to the runner: a line in the log, outputs that nothing can break out of, a summary."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

WHY_LIMIT = 400
CLOSED = {"deploy-gate": {"decision": "hold", "requires_approval": "false"}}
"""What a mode that fails closed says where nothing was decided."""


def inert(text: str, limit: int = WHY_LIMIT) -> str:
    """Foreign text as part of one log line: the runner finds no command in it."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line[:limit].replace("::", ": :").replace("##[", "## [")


def append(environ: Mapping[str, str], name: str, text: str) -> None:
    """Add to one of the runner's files, where there is one."""
    with Path(environ.get(name) or os.devnull).open("ab") as file:
        file.write(text.encode("utf-8", "replace"))


def tell_outputs(environ: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Set outputs; the delimiter is a fresh one, so that no value can end its own place."""
    for name, value in values.items():
        delimiter = f"cicd_agent_{secrets.token_hex(16)}"
        append(environ, "GITHUB_OUTPUT", f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


def refuse(environ: Mapping[str, str], problem: str, mode: str = "", what: str = "did not run") -> None:
    """Say in every place where somebody looks for a result that there is none, and why."""
    print(f"::error title=cicd-agent::cicd-agent: {problem.replace('%', '%25')}", flush=True)
    tell_outputs(
        environ, {"conclusion": "failure", "degraded": "true", "summary": problem, **CLOSED.get(mode.strip(), {})}
    )
    append(environ, "GITHUB_STEP_SUMMARY", f"**cicd-agent {what}:** {problem}\n")
