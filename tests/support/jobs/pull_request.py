"""A pull request's job in this process: a repository, an event file, the runner's files, and what a run leaves."""

import atexit
import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.app.session import Invocation
from cicd_agent.cli.parser import parse
from cicd_agent.errors import ConfigError
from tests.support.repos import TempRepo
from tests.support.runner import parse_outputs

BEFORE = {"app.py": "import os\n\n\ndef go(name):\n    return name\n", "README.md": "An app.\n"}
AFTER = {"app.py": 'import os\n\n\ndef go(name):\n    os.system(f"echo {name}")\n    return name\n'}


def _checkout(place: Path, before: Mapping[str, str], after: Mapping[str, str | bytes]) -> tuple[TempRepo, str, str]:
    """A repository of two commits, and their ids: copied from the first of its kind, which took eight processes."""
    made = _made(tuple(before.items()), tuple(after.items()))
    shutil.copytree(made[0].path, place, symlinks=True)
    return made[0].moved(place), made[1], made[2]


@cache
def _made(before: tuple[tuple[str, str], ...], after: tuple[tuple[str, str | bytes], ...]) -> tuple[TempRepo, str, str]:
    kept = tempfile.mkdtemp(prefix="cicd-agent-checkout-")
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    repo = TempRepo(Path(kept) / "checkout", "--template=")
    base = repo.commit({name: text.encode() for name, text in before}, "Begin")
    repo.git("checkout", "--quiet", "-b", "topic")
    return (
        repo,
        base,
        repo.commit(dict(after), "Change"),
    )


@dataclass(frozen=True, slots=True)
class Left:
    """What a run left behind. `log` is everything printed, results and errors."""

    exit: int
    log: str
    outputs: Mapping[str, str]
    summary: str
    report: Mapping[str, Any]


class Job:
    """The job of pull request 7 of octo/app, whose checkout is in `place`; `variables` may be changed before a run.

    Without a `body`, its description, a model is not asked whether that is true.
    """

    def __init__(
        self,
        place: Path,
        before: Mapping[str, str] = BEFORE,
        after: Mapping[str, str | bytes] = AFTER,
        *,
        body: str = "",
    ) -> None:
        self.place = place
        self.body = body
        self.repo, self.base, self.head = _checkout(place / "checkout", before, after)
        self.temp = place / "temp"
        self.temp.mkdir()
        self.event = place / "event.json"
        self.event.write_text(json.dumps(self.payload()))
        self.variables = {
            "PATH": os.environ["PATH"],
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(self.event),
            "GITHUB_OUTPUT": str(self.temp / "output"),
            "GITHUB_REPOSITORY": "octo/app",
            "GITHUB_RUN_ID": "1",
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
            "GITHUB_WORKSPACE": str(self.repo.path),
            "RUNNER_TEMP": str(self.temp),
        }

    def payload(self) -> dict[str, Any]:
        """The event: pull request 7, opened."""
        repo = {"full_name": "octo/app", "default_branch": "main", "id": 1}
        return {
            "action": "opened",
            "number": 7,
            "repository": repo,
            "sender": {"login": "contributor", "type": "User"},
            "pull_request": {
                "number": 7,
                "title": "Change",
                "body": self.body,
                "state": "open",
                "draft": False,
                "user": {"login": "contributor", "type": "User"},
                "author_association": "CONTRIBUTOR",
                "base": {"ref": "main", "sha": self.base, "repo": repo},
                "head": {"ref": "topic", "sha": self.head, "repo": repo},
            },
        }

    def run(self, *argv: str, **inputs: str) -> Left:
        """Run the command line, by default `review`; inputs by keyword, `_` for `-`."""
        out = io.StringIO()
        given = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        try:
            asked: Invocation | ConfigError = _parsed(argv or ("review",))
        except ConfigError as error:
            asked = error
        code = run(asked, self.variables | given, Streams(out, out))
        # A walk does not mind what is removed meanwhile: a repository of ours goes when its finalizer runs.
        report = min(
            (Path(here, "report.json") for here, _, names in os.walk(self.temp) if "report.json" in names), default=None
        )
        return Left(
            exit=code,
            log=out.getvalue(),
            outputs=parse_outputs(_text(self.temp / "output")),
            summary=_text(self.temp / "summary"),
            report=json.loads(report.read_text())["body"] if report else {},
        )


@cache
def _parsed(argv: tuple[str, ...]) -> Invocation:
    """They never change, and to describe all commands takes longer than many a run."""
    return parse(argv)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
