"""A pull request of a small project whose tests miss what it brings, and what a model may say of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.jobs.pull_request import Job, Left
from tests.support.project_python import project_python
from tests.support.servers.openai.app import Asked, Canned, Step, answer
from tests.support.test_runners import sandbox

KEY = "sk-test-0123456789abcdef"
BEFORE = {
    "calc.py": 'def grade(points):\n    return "A" if points >= 90 else "B"\n',
    "tests/test_calc.py": 'from calc import grade\n\n\ndef test_best():\n    assert grade(95) == "A"\n',
    "conftest.py": "",
    # It is there for our own dependencies, and takes a fifth of a small run to load.
    "pytest.ini": "[pytest]\naddopts = -p no:anyio\n",
}
AFTER = {
    "calc.py": BEFORE["calc.py"]
    + '''

def parse(text):
    """The numbers of a text, with commas between them; no numbers of an empty text."""
    return [int(part) for part in text.split(",")]


def clamp(value, low, high):
    """Keep a value within limits.

    >>> clamp(0, 1, 3)
    1
    """
    if value < low:
        return low
    return min(value, high)
'''
}


def one(name: str, code: str, *, function: str, said: str = "") -> dict[str, Any]:
    """One test of a draft; `said` are words of the docstring that it goes by."""
    return {
        "name": name,
        "imports": [f"from calc import {function}"],
        "code": f"def {name}():\n    {code}\n",
        "expected_from": "docstring" if said else "code",
        "quote": said or None,
        "why": f"It holds on to {function}.",
    }


SPLITS = one("test_parse_splits", 'assert parse("1,2") == [1, 2]', function="parse")
EMPTY = one("test_parse_empty", 'assert parse("") == []', function="parse", said="no numbers of an empty text")
RUNS = one("test_clamp_runs", "assert True", function="clamp")
CLAMPS = one("test_clamp", "assert [clamp(one, 1, 3) for one in (1, 2, 4)] == [1, 2, 3]", function="clamp")


def draft(*tests: Mapping[str, Any]) -> dict[str, Any]:
    """A whole answer."""
    return {"tests": list(tests), "unreachable": [] if tests else [{"goal": "all", "reason": "Nothing is worth it."}]}


class Author:
    """Says of each function what it is given, one answer after another; its steps are for a server."""

    def __init__(self, **said: list[Mapping[str, Any]]) -> None:
        self.said = {function: list(drafts) for function, drafts in said.items()}

    @property
    def steps(self) -> list[Step]:
        """As many as there are answers."""
        return [self._step for drafts in self.said.values() for _ in drafts]

    def _step(self, asked: Asked) -> Canned:
        [function] = [name for name in self.said if f"open in {name}\\" in asked.text]
        return answer(self.said[function].pop(0))(asked)


def author() -> Author:
    """Keeps to the point: one test is sent back and mended, one finds a mistake."""
    return Author(parse=[draft(SPLITS, EMPTY)], clamp=[draft(RUNS), draft(CLAMPS)])


class GeneratingJob(Job):
    """The job of pull request 7, which changes `calc.py`."""

    def __init__(
        self,
        place: Path,
        before: Mapping[str, str] = BEFORE,
        after: Mapping[str, str | bytes] = AFTER,
        *,
        body: str = "",
    ) -> None:
        sandbox()  # skips where there is none
        super().__init__(place, before, after, body=body)

    def write(self, *argv: str, url: str = "", **inputs: str) -> Left:
        """Run gen-tests, or the command line that is given; with a `url` there is a model."""
        for name in ("output", "summary"):
            (self.temp / name).unlink(missing_ok=True)
        asked = {"base_url": url, "openai_api_key": KEY, "api": "chat", "model": "scripted"} if url else {}
        given = {"python": str(project_python()), "model": "off"}
        return self.run(*(argv or ("gen-tests", "--keep-evidence")), **(given | asked | inputs))

    @property
    def folder(self) -> Path:
        """Where the files of a run are."""
        return self.temp / "cicd-agent" / "gen-tests"

    @property
    def certificate(self) -> dict[str, Any]:
        """The certificate of the last run."""
        found: dict[str, Any] = json.loads((self.folder / "certificate.json").read_text())
        return found
