"""One review of one pull request, measured: what it asked of GitHub and of the model, what it used, what it saw."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.lenient_github import LenientGitHub
from benchmarks.pull_requests import PullRequest
from benchmarks.reviewers import BODY, Ours, Reviewer, Site
from benchmarks.speaking_model import SpeakingServer, looks_for_problems, texts
from benchmarks.tokens import Counter
from cicd_agent.domain.text.quote import shown
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import Asked

CHILD = Path(__file__).with_name("child.py")
LONGEST = 900.0


class NotMeasured(Exception):
    """A reviewer did not get through; the message says how far."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A review in numbers. Tokens of `prompt` and `all_prompts` are of messages, `requests` has schemas and tools too.

    `seen` is the share of added lines of production code in prompts; `hidden` are the files of which a prompt lacks an
    added line, `listed` those of them that are named in what was published.
    """

    github_calls: int
    model_calls: int
    questions: int
    prompt: int
    largest: int
    all_prompts: int
    requests: int
    seconds: float
    megabytes: float
    seen: float
    hidden: frozenset[str]
    listed: frozenset[str]
    comments: int
    unknown: tuple[str, ...] = ()


def measure(reviewer: Reviewer, pull: PullRequest, directory: Path, counter: Counter, runs: int) -> Measured:
    """The last of several reviews, each on a fresh GitHub; its CPU seconds are their median, its memory their most."""
    made = [_review(reviewer, pull, directory / str(run), counter) for run in range(runs)]
    seconds = statistics.median(each.seconds for each in made)
    return replace(made[-1], seconds=seconds, megabytes=max(each.megabytes for each in made))


def _review(reviewer: Reviewer, pull: PullRequest, own: Path, counter: Counter) -> Measured:
    own.mkdir(parents=True)
    ours = isinstance(reviewer, Ours)
    hub: FakeGitHub = FakeGitHub() if ours else LenientGitHub()
    with hub, SpeakingServer(pull.planted, strict=ours) as model:
        hub.add_repo("o/r", pull.directory)
        posted = hub.add_pull(7, base="main", head="feature", title=pull.sample.title, body=BODY)
        site = Site(pull, hub.url, model.url, hub.token, own)
        seconds, megabytes = _spent(reviewer, site)
        published = "\n".join(
            [
                reviewer.written(site),
                *(each.body for each in posted.comments),
                *(each.body for each in posted.reviews),
                *(str(each.fields.get("body")) for each in posted.review_comments),
            ]
        )
        if model.refused or not model.asked:
            raise NotMeasured(
                f"{reviewer.name}: {len(model.asked)} requests to the model, {len(model.refused)} refused"
            )
        if not published.strip():
            raise NotMeasured(f"{reviewer.name} posted nothing; see {own}/log")
        return _numbers(pull, hub, model.asked, counter, published).with_use(
            seconds, megabytes, len(posted.review_comments)
        )


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What the servers saw of a review."""

    hub: FakeGitHub
    asked: Sequence[Asked]
    tokens: Sequence[int]
    forms: Sequence[int]
    seen: float
    hidden: frozenset[str]
    listed: frozenset[str]

    def with_use(self, seconds: float, megabytes: float, comments: int) -> Measured:
        """The same with what the process used."""
        main = [count for each, count in zip(self.asked, self.tokens, strict=True) if looks_for_problems(each)]
        return Measured(
            github_calls=len(self.hub.received),
            model_calls=len(self.asked),
            questions=len(main),
            prompt=sum(main),
            largest=max(main, default=0),
            all_prompts=sum(self.tokens),
            requests=sum(self.tokens) + sum(self.forms),
            seconds=seconds,
            megabytes=megabytes,
            seen=self.seen,
            hidden=self.hidden,
            listed=self.listed,
            comments=comments,
            unknown=tuple(self.hub.unknown) if isinstance(self.hub, LenientGitHub) else (),
        )


def _numbers(pull: PullRequest, hub: FakeGitHub, asked: Sequence[Asked], counter: Counter, published: str) -> _Numbers:
    prompts = ["\n".join(texts(each)) for each in asked]
    forms = [
        # As they are sent: without blanks.
        json.dumps(
            [each.body.get(name) for name in ("tools", "text", "response_format") if each.body.get(name)],
            separators=(",", ":"),
        )
        for each in asked
    ]
    counts = counter.count([*prompts, *forms])
    sent = "\n".join(prompts)
    production = [line for lines in pull.added(production=True).values() for line in lines]
    hidden = {
        path for path, lines in pull.added(production=False).items() if not all(_is_in(sent, line) for line in lines)
    }
    return _Numbers(
        hub=hub,
        asked=list(asked),
        tokens=counts[: len(prompts)],
        forms=counts[len(prompts) :],
        seen=sum(_is_in(sent, line) for line in production) / len(production),
        hidden=frozenset(hidden),
        listed=frozenset(path for path in hidden if path in published),
    )


def _is_in(sent: str, line: str) -> bool:
    """Whether a line was sent, be it with its secrets masked."""
    return line in sent or shown(line).strip() in sent


def _spent(reviewer: Reviewer, site: Site) -> tuple[float, float]:
    """CPU seconds and peak megabytes of the reviewer and its children."""
    shared = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(site.own), "LANG": "C.UTF-8"}
    use, log = site.own / "use.json", site.own / "log"
    command = [sys.executable, "-I", "-S", str(CHILD), str(use), *reviewer.command(site)]
    try:
        with log.open("wb") as out:
            ran = subprocess.run(
                command,
                cwd=site.pull.directory,
                env={**shared, **reviewer.environment(site)},
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=LONGEST,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"{reviewer.name} was not done after {LONGEST:.0f} s") from None
    if ran.returncode:
        tail = log.read_text("utf-8", "replace")[-2_000:]
        raise NotMeasured(f"{reviewer.name} ended with exit code {ran.returncode}:\n{tail}")
    told = json.loads(use.read_text())
    return told["seconds"], told["megabytes"]
