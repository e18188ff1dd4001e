"""Reviewers that can be measured: how each is installed, pointed at servers on loopback, and told to review."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from benchmarks.overhead import payload
from benchmarks.pull_requests import PullRequest

ROOT = Path(__file__).resolve().parent.parent
KEY = "sk-benchmark-0123456789abcdef"
BODY = "What has changed between two releases of the package, fixes and documents included."


@dataclass(frozen=True, slots=True)
class Site:
    """Where a reviewer works: the pull request's checkout, the servers, its token, a directory of its own."""

    pull: PullRequest
    github: str
    model: str
    token: str
    own: Path


class Reviewer(Protocol):
    """A program that reviews pull request 7 of o/r."""

    @property
    def name(self) -> str:
        """What heads its column."""
        ...

    def command(self, site: Site) -> tuple[str, ...]:
        """What is run, in the checkout."""
        ...

    def environment(self, site: Site) -> Mapping[str, str]:
        """Everything that it is told."""
        ...

    def written(self, site: Site) -> str:
        """What it left for readers beside what it posted."""
        ...


@dataclass(frozen=True, slots=True)
class Ours:
    """This project with its defaults, but for the dialect, and the dollars that it may spend where they are given."""

    api: str
    usd: str = ""

    @property
    def name(self) -> str:
        """It with its dialect."""
        return f"ours, {f'${self.usd}' if self.usd else self.api}"

    def command(self, _: Site) -> tuple[str, ...]:
        """As the action runs it."""
        return (sys.executable, "-m", "cicd_agent", "review")

    def environment(self, site: Site) -> Mapping[str, str]:
        """As the runner sets it."""
        event = payload(site.pull.base, site.pull.head)
        event["pull_request"] |= {"title": site.pull.sample.title, "body": BODY}  # type: ignore[operator]
        place = site.own / "event.json"
        place.write_text(json.dumps(event))
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": site.github,
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(place),
            "GITHUB_OUTPUT": str(site.own / "output"),
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_STEP_SUMMARY": str(site.own / "summary"),
            "GITHUB_WORKSPACE": str(site.pull.directory),
            "INPUT_API": self.api,
            "INPUT_BASE_URL": site.model,
            "INPUT_GITHUB_TOKEN": site.token,
            "INPUT_MAX_COST_USD": self.usd,
            "INPUT_OPENAI_API_KEY": KEY,
            "PYTHONPATH": str(ROOT / "src"),
            "RUNNER_TEMP": str(site.own),
        }

    def written(self, site: Site) -> str:
        """The step summary."""
        summary = site.own / "summary"
        return summary.read_text() if summary.exists() else ""


@dataclass(frozen=True, slots=True)
class PrAgent:
    """pr-agent's command `review`, with its defaults."""

    environment_directory: Path
    install: ClassVar = "python3.12 -m venv DIR && DIR/bin/pip install 'pr-agent[github]==0.49.0'"
    program: ClassVar = "pr-agent"
    title: ClassVar = "pr-agent"

    @property
    def name(self) -> str:
        """Its name."""
        return self.title

    def command(self, _: Site) -> tuple[str, ...]:
        """Its address is parsed only: requests go to GITHUB.BASE_URL."""
        return (str(self.environment_directory / "bin/pr-agent"), "--pr_url=https://github.com/o/r/pull/7", "review")

    def environment(self, site: Site) -> Mapping[str, str]:
        """Its settings by the environment; prices and the tokenizer's table are those of its wheels: no network."""
        wheels = self.environment_directory.glob("lib/python*/site-packages/litellm/litellm_core_utils/tokenizers")
        return {
            "TIKTOKEN_CACHE_DIR": str(next(wheels, "")),
            "GITHUB__BASE_URL": site.github,
            "GITHUB__DEPLOYMENT_TYPE": "user",
            "GITHUB__USER_TOKEN": site.token,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "OPENAI__API_BASE": site.model,
            "OPENAI__KEY": KEY,
        }

    def written(self, _: Site) -> str:
        """Nothing but what it posts."""
        return ""


@dataclass(frozen=True, slots=True)
class XaiReview:
    """xai-review's command `run`, with its defaults."""

    environment_directory: Path
    install: ClassVar = "python3.12 -m venv DIR && DIR/bin/pip install xai-review==1.4.0"
    program: ClassVar = "ai-review"
    title: ClassVar = "xai-review"

    @property
    def name(self) -> str:
        """Its name."""
        return self.title

    def command(self, _: Site) -> tuple[str, ...]:
        """Inline comments, then a summary."""
        return (str(self.environment_directory / "bin/ai-review"), "run")

    def environment(self, site: Site) -> Mapping[str, str]:
        """Its settings by the environment."""
        return {
            "LLM__HTTP_CLIENT__API_TOKEN": KEY,
            "LLM__HTTP_CLIENT__API_URL": site.model,
            "LLM__META__MODEL": "gpt-4o-mini",
            "LLM__PROVIDER": "OPENAI",
            "VCS__HTTP_CLIENT__API_TOKEN": site.token,
            "VCS__HTTP_CLIENT__API_URL": site.github,
            "VCS__PIPELINE__OWNER": "o",
            "VCS__PIPELINE__PULL_NUMBER": "7",
            "VCS__PIPELINE__REPO": "r",
            "VCS__PROVIDER": "GITHUB",
        }

    def written(self, _: Site) -> str:
        """Nothing but what it posts."""
        return ""


PEERS = (PrAgent, XaiReview)


def installed(environments: list[Path]) -> list[Reviewer]:
    """The peers that the virtual environments hold."""
    return [peer(each) for each in environments for peer in PEERS if os.access(each / "bin" / peer.program, os.X_OK)]
