"""A piece of what a recorded run says, so that a page shows a real result and never an older one."""

from pathlib import Path

SCENARIOS = Path(__file__).resolve().parents[2] / "tests/scenarios"


def excerpt(case: str, count: str) -> str:
    """The first lines of the step summary of a case, such as `review/model-findings`."""
    lines = (SCENARIOS / case / "expected/summary.md").read_text("utf-8").split("\n")[: int(count)]
    shown = "\n".join(line.rstrip() for line in lines).rstrip()
    return f"From the step summary of a recorded run:\n\n````markdown\n{shown}\n````"
