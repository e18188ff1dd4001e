"""CPU time of the loop for each turn, without the model's: a scripted model, then a loopback server in both dialects.

The baseline of the first is the script and the tools alone, of the others the SDK sending what the loop sent. Only this
thread's time counts, the server has its own. `--check` makes a missed goal an error.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import openai
from pydantic import Field

from cicd_agent.adapters.models.client import connect
from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.agent.messages import Model, Question
from cicd_agent.agent.tools.tool import Tool
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.domain.verdict import Draft
from tests.support.fakes.scripted_model import ScriptedModel, calling
from tests.support.servers.openai import app as fake

GOAL = 5.0
RUNS = 7
ROUNDS = 12
LINES = "".join(f"    total_{number} = sum(row.amount for row in rows if row.is_open)\n" for number in range(400))
KEY = "sk-benchmark-0123456789abcdef"


class Note(Draft):
    """The answer."""

    summary: str
    confidence: float = Field(ge=0, le=1)


class ReadFile(Draft):
    """Arguments of the tool."""

    path: str


ANSWER = {"summary": "fine", "confidence": 0.9}
TOOL = Tool("read_file", "Read a file.", ReadFile, lambda arguments: f"# {arguments.path}\n{LINES[:4_000]}")
QUESTION: Question[Note] = Question(
    "benchmark", "Look.", (Exhibit("E1", "a.py", LINES),), Note, lambda _: None, (TOOL,)
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds of CPU for each turn: all of it, and what the same costs without the loop."""

    what: str
    whole: float
    baseline: float
    beside: str

    @property
    def own(self) -> float:
        """What the loop adds."""
        return self.whole - self.baseline


def put(model: Model) -> None:
    """The question, to its end."""
    budget = Budget(requests=100, input_tokens=10_000_000, seconds=600, clock=time.monotonic)
    answer = ask(QUESTION, model, budget, key=b"key", redact=Redactor([KEY]).redact, max_rounds=ROUNDS)
    if answer.draft is None or answer.rounds != ROUNDS:
        raise AssertionError(answer)


def per_turn(work: Callable[[], object]) -> float:
    """Milliseconds of this thread's CPU for each turn, the median of some runs."""
    spent = []
    work()
    for _ in range(RUNS):
        gc.collect()
        begun = time.thread_time()
        work()
        spent.append((time.thread_time() - begun) * 1e3 / ROUNDS)
    return statistics.median(spent)


def scripted() -> Measured:
    """The loop with a model that costs nothing."""
    replies = [calling(("read_file", {"path": f"{number}.py"})) for number in range(ROUNDS - 1)]

    def bare() -> None:
        for number in range(ROUNDS - 1):
            TOOL.run(ReadFile(path=f"{number}.py"))

    whole = per_turn(lambda: put(ScriptedModel(*replies, json.dumps(ANSWER))))
    return Measured("scripted model", whole, per_turn(bare), "the look-ups alone")


def served(dialect: str) -> Measured:
    """The loop with the adapter and a real server, beside the SDK with the same bodies."""
    steps = [fake.tool_call("read_file", json.dumps({"path": f"{number}.py"})) for number in range(ROUNDS - 1)]
    steps.append(fake.answer(ANSWER))
    with fake.OpenAIServer() as server:
        model = connect(api_key=KEY, model="m", base_url=server.url, api=dialect)

        def asked() -> None:
            server.steps[:] = steps
            put(model)

        whole = per_turn(asked)
        # Not streamed: the SDK would return before it has read anything.
        bodies: list[Any] = [
            {key: value for key, value in each.body.items() if key not in {"stream", "stream_options"}}
            for each in server.asked[-ROUNDS:]
        ]
        with openai.OpenAI(api_key=KEY, base_url=server.url, max_retries=0) as client:
            create: Any = client.responses.create if dialect == "responses" else client.chat.completions.create

            def sent() -> None:
                server.steps[:] = steps
                for body in bodies:
                    create(**body)

            return Measured(f"loopback server, {dialect}", whole, per_turn(sent), "the SDK sending the same")


def measured() -> Iterator[Measured]:
    """All rows."""
    yield scripted()
    yield served("responses")
    yield served("chat")


def main(arguments: list[str]) -> int:
    """Print the table; 1 with `--check` when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    rows = list(measured())
    print(f"CPU of the loop for each of {ROUNDS} turns, median of {RUNS}; goal: {GOAL:g} ms")
    for row in rows:
        mark = "ok" if row.own <= GOAL else "MISSED"
        print(f"  {row.what:28} {row.own:6.2f} ms  = {row.whole:6.2f} - {row.baseline:5.2f} {row.beside}  {mark}")
    return int(check and any(row.own > GOAL for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
