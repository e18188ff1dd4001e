"""What the tests of the tape share: a clock, a recorder on a scripted model, and the lines that it wrote."""

import json
from pathlib import Path
from typing import Any

from cicd_agent.adapters.tape import Recorder, begin
from tests.support.fakes.scripted_model import ScriptedModel, Step

AT = 1_790_000_000.0


class Ticking:
    """A clock that is two seconds later each time it is read."""

    def __init__(self) -> None:
        self.read = -2.0

    def __call__(self) -> float:
        self.read += 2
        return self.read


def recorder(path: Path, *steps: Step, redact: Any = str, name: str = "scripted") -> Recorder:
    begin(path, {"mode": "review"}, fence="ab", redact=redact)
    return Recorder(ScriptedModel(*steps, name=name), path, redact, clock=Ticking(), now=lambda: AT)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
