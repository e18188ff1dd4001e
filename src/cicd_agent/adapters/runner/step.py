"""The runner as a tool sees it that has no plan to carry out, but outputs and a page of its own."""

import sys
from collections.abc import Collection
from pathlib import Path
from typing import TextIO

from cicd_agent.adapters.runner.workflow import Workflow
from cicd_agent.settings.environment import Environment


def step(environment: Environment, names: Collection[str], stream: TextIO | None = None) -> Workflow:
    """The step of this job, with these outputs; its commands go to the standard output unless a stream is given."""
    return Workflow(
        stream or sys.stdout,
        output_file=Path(environment.output_file) if environment.output_file else None,
        summary_file=Path(environment.summary_file) if environment.summary_file else None,
        names=names,
        spoken=environment.on_actions,
    )
