"""Runs one after the other on the same pull request, and what the directory of answers remembers between them."""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cicd_agent.adapters.cache.incremental_state import StateCache
from cicd_agent.app.cache import CacheConfig
from cicd_agent.app.model_router import open_router
from cicd_agent.modes import modes
from cicd_agent.settings.loader import load
from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.diff import split
from tests.support.servers.github.state import Pull
from tests.support.servers.openai.app import OpenAIServer, Step, answer

KEY = "sk-test-0123456789abcdefghij"
NAMES = ("alpha", "beta", "gamma")
BEFORE = {f"{name}.py": "".join(f"{name}_{number} = {number}\n" for number in range(60)) for name in NAMES}
AFTER = {
    path: text + f"\n\ndef {path[:-3]}_last(rows):\n    return rows[{len(path)}]\n" for path, text in BEFORE.items()
}


def claim(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "path": f"{name}.py",
        "side": "new",
        "line": 64,
        "quote": f"return rows[{len(name) + 3}]",
        "severity": "high",
        "category": "reliability",
        "confidence": 0.75,
        "title": f"It fails without rows in {name}",
        "explanation": "There may be fewer rows than that.",
        "advice": None,
        "suggestion": None,
        **fields,
    }


def draft(*claims: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "summary": "Returns a row.",
        "findings": claims,
        "risk_level": "medium",
        "confidence": 0.9,
        "escalate_to_human": False,
        "escalation_reason": None,
        **fields,
    }


def rulings(*words: str) -> Step:
    """What the judge says of the claims, in their order."""
    said = [
        {"id": f"C{number}", "ruling": word, "reason": "Line 63 decides it.", "quote": "_last(rows):"}
        | {"severity": None, "confidence": None}
        for number, word in enumerate(words, 1)
    ]
    return answer({"rulings": said})


@dataclass
class Site:
    """A pull request, the servers, and the job that runs again and again.

    Whole answers that are kept beside the memory are removed before each run: what is not asked is remembered.
    """

    job: Job
    hub: FakeGitHub
    server: OpenAIServer
    pull: Pull
    cache: Path
    notes: list[str] = field(default_factory=list)

    def run(self, *steps: Step, **inputs: str) -> Left:
        """A run that may ask for exactly these answers."""
        return self._ran("--keep-evidence", steps, inputs)

    def dry_run(self, *steps: Step, **inputs: str) -> Left:
        """The same, of which nothing may be left."""
        return self._ran("--dry-run", steps, inputs)

    def _ran(self, option: str, steps: Sequence[Step], inputs: Mapping[str, str]) -> Left:
        self.forget_answers()
        before = self.server.requests
        self.server.steps[:] = steps
        for name in ("output", "summary"):
            (self.job.temp / name).unlink(missing_ok=True)
        left = self.job.run("review", option, **{**self.given, **inputs})
        assert left.exit == 0, left.log
        assert self.server.requests - before == len(steps), left.log
        return left

    @property
    def given(self) -> dict[str, str]:
        """The inputs of each run."""
        own = {"base_url": self.server.url, "openai_api_key": KEY, "github_token": self.hub.token}
        return own | {"cache_dir": str(self.cache)}

    def forget_answers(self) -> None:
        """Remove the answers that are kept, and leave what is remembered."""
        for path in self.cache.glob("*.json"):
            if re.fullmatch(r"[0-9a-f]{64}\.json", path.name):
                path.unlink()

    def asked(self, back: int = 1) -> str:
        """What was sent in the last request but some."""
        return self.server.asked[-back].text

    @property
    def body(self) -> str:
        (comment,) = self.pull.comments
        return comment.body

    @property
    def files(self) -> list[Path]:
        """Everything that is remembered, of whatever pull request."""
        return sorted(self.cache.glob("memory-*"))

    @property
    def memory(self) -> Path:
        """The only memory that there is."""
        (path,) = self.files
        return path

    def store(self, key: str = KEY) -> StateCache:
        """Where a run with this key would look."""
        loaded = load({"openai-api-key": key, "base-url": self.server.url}, "")
        cache = CacheConfig(self.cache, time.time, self.notes.append)
        store = open_router(modes()["review"], loaded, None, time.monotonic, str, cache=cache).incremental_state.store
        assert store is not None
        return store

    def remembered(self, about: str = "octo/app#7") -> tuple[str, ...]:
        """The lines that the next run will find."""
        return self.store().read(about)

    def push(self, files: Mapping[str, str], message: str = "Push") -> None:
        self.job.head = self.job.repo.commit({name: text.encode() for name, text in files.items()}, message)
        self._moved()

    def rebase(self, files: Mapping[str, str]) -> None:
        """The base branch gets a commit, and the topic is put on top of it."""
        repo = self.job.repo
        repo.git("checkout", "--quiet", "main")
        self.job.base = repo.commit({name: text.encode() for name, text in files.items()}, "Meanwhile")
        repo.git("checkout", "--quiet", "topic")
        repo.git("rebase", "--quiet", "main")
        self.job.head = repo.git("rev-parse", "HEAD").strip()
        self._moved()

    def _moved(self) -> None:
        self.job.event.write_text(json.dumps(self.job.payload()))
        self.pull.force_push(self.job.head, split(self.job.repo.git("diff", "main...topic") + "\n"))


@contextmanager
def site(place: Path, *, body: str = "", before: Mapping[str, str] = BEFORE) -> Iterator[Site]:
    job = Job(place, before, AFTER, body=body)
    with FakeGitHub() as hub, OpenAIServer() as server:
        hub.add_repo("octo/app", job.repo.path)
        job.variables["GITHUB_API_URL"] = hub.url
        yield Site(job, hub, server, hub.add_pull(7, base="main", head="topic"), place / "cache")


def model_findings(left: Left) -> dict[str, Any]:
    """The model's findings by their file."""
    found = [each for each in left.report["verdict"]["findings"] if each["origin"] == "model"]
    return {each["location"]["path"]: each for each in found}
