"""What a review costs and sees, ours beside any installed peer, on pull requests made of a package's releases.

`python benchmarks/review_overhead.py [--peer-venv DIR]… [--offline DIR]`

Nothing leaves the machine but the first download of the releases, which are kept in a cache outside of the repository.
GitHub and the model server are fakes on loopback; the model makes the same one finding for everybody. Without a peer
only our own goals are judged; exit code 1 tells of one that was missed.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.pull_requests import SAMPLES, PullRequest, build
from benchmarks.reviewers import PEERS, Ours, Reviewer, installed
from benchmarks.reviewing import Measured, NotMeasured, measure
from benchmarks.tokens import Counter, counter

WINDOW = 128_000
DEAR = Ours("responses", usd="5")
"""Reviews the largest once more: what is to be shown of it is bounded in tokens, which cost more than the default."""
OURS = ("responses", "chat")
MODEL_CALLS = 2.5
"""What a review asks a model at most, on average over the pull requests."""


@dataclass(frozen=True, slots=True)
class Result:
    """All reviews of one pull request, by reviewer, and how long its diff is."""

    pull: PullRequest
    raw: int
    numbered: int
    by: Mapping[str, Measured]

    @property
    def name(self) -> str:
        """As the table calls it."""
        return f"{self.pull.sample.title}, {len(self.pull.files)} files"


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that must hold, and what it was held against."""

    what: str
    holds: bool
    told: str


def table(result: Result) -> Iterator[str]:
    """Side by side, a row for each number."""
    measured = list(result.by.values())
    rows: dict[str, list[str]] = {
        "GitHub calls": [f"{each.github_calls}" for each in measured],
        "model calls": [f"{each.model_calls}" for each in measured],
        "of them look for problems": [f"{each.questions}" for each in measured],
        "prompt that looks for problems": [f"{each.prompt:,}" for each in measured],
        "  the largest of them": [f"{each.largest:,}" for each in measured],
        "all prompts": [f"{each.all_prompts:,}" for each in measured],
        "with schemas and tools": [f"{each.requests:,}" for each in measured],
        "CPU seconds": [f"{each.seconds:.2f}" for each in measured],
        "peak MB": [f"{each.megabytes:.0f}" for each in measured],
        "production lines seen": [f"{each.seen:.1%}" for each in measured],
        "files with unseen lines": [f"{len(each.hidden)}" for each in measured],
        "  of them named to readers": [f"{len(each.listed)}" for each in measured],
        "inline comments posted": [f"{each.comments}" for each in measured],
    }
    lines = result.pull.diff.split("\n")
    added, deleted = (sum(line[:1] == sign and line[:3] != sign * 3 for line in lines) for sign in "+-")
    yield f"{result.name}, +{added:,} -{deleted:,}: raw diff {result.raw:,} tokens, numbered {result.numbered:,}"
    yield f"  {'':<32}" + "".join(f"{name:>17}" for name in result.by)
    yield from (f"  {what:<32}" + "".join(f"{cell:>17}" for cell in cells) for what, cells in rows.items())


def goals(results: list[Result]) -> Iterator[Goal]:
    """What the issue asks for; against a peer only where it ran."""
    for result in results:
        size = result.pull.sample.size
        for dialect in OURS:
            ours = result.by[Ours(dialect).name]
            where = f"{result.name}, {dialect}"
            if size != "large":
                most = round(1.35 * result.numbered + 900)
                told = f"{ours.prompt:,} of {most:,} = 1.35 x {result.numbered:,} + 900"
                yield Goal(f"{where}: prompt", ours.prompt <= most, told)
            most = 12 if size == "large" else 8
            yield Goal(f"{where}: GitHub calls", ours.github_calls <= most, f"{ours.github_calls} of {most}")
            yield Goal(f"{where}: what is not seen is named", ours.hidden == ours.listed, _unnamed(ours))
            if theirs := result.by.get("pr-agent"):
                yield from _ahead(ours, theirs, where, size)
        if dear := result.by.get(DEAR.name):
            yield from _of_the_large(dear, f"{result.name}, max-cost-usd {DEAR.usd}")
    for dialect in OURS:
        asked = [each.by[Ours(dialect).name].model_calls for each in results]
        average = sum(asked) / len(asked)
        told = f"{average:.2g} of at most {MODEL_CALLS:g}"
        yield Goal(f"requests to the model on average, {dialect}", average <= MODEL_CALLS, told)
    calls = {each.by[Ours(dialect).name].github_calls for each in results for dialect in OURS}
    yield Goal("GitHub calls are the same for any number of files", len(calls) == 1, str(sorted(calls)))


def _of_the_large(ours: Measured, where: str) -> Iterator[Goal]:
    yield Goal(f"{where}: production lines seen", ours.seen >= 0.6, f"{ours.seen:.1%} of at least 60 %")
    yield Goal(f"{where}: prompts that look for problems", ours.prompt <= WINDOW, f"{ours.prompt:,} of {WINDOW:,}")


def _ahead(ours: Measured, theirs: Measured, where: str, size: str) -> Iterator[Goal]:
    for what, mine, other, share in (
        ("CPU", ours.seconds, theirs.seconds, 1 / 2 if size == "large" else 1 / 4),
        ("memory", ours.megabytes, theirs.megabytes, 1 / 3),
        ("GitHub calls", ours.github_calls, theirs.github_calls, 1 / 4),
        ("all prompts with schemas and tools", ours.requests, theirs.requests, 1.0),
        *((("prompt", ours.prompt, theirs.prompt, 1 / 2),) if size == "small" else ()),
    ):
        told = f"{mine:,.4g} / {other:,.4g} = {mine / other:.2f} of at most {share:.2f}"
        yield Goal(f"{where}: {what} beside pr-agent", mine <= share * other, told)


def _unnamed(ours: Measured) -> str:
    missing = sorted(ours.hidden - ours.listed)
    told = f"{len(ours.listed)} of {len(ours.hidden)} files"
    return f"{told}; not: {', '.join(missing[:3])}{' …' if missing[3:] else ''}" if missing else told


def results(
    reviewers: list[Reviewer], count: Counter, arguments: argparse.Namespace, directory: Path
) -> Iterator[Result]:
    """Each pull request, reviewed by everybody."""
    cache = arguments.offline or arguments.cache
    for number, sample in enumerate(each for each in SAMPLES if arguments.size in {None, each.size}):
        offline = arguments.offline is not None
        pull = build(sample, directory / f"{number}", cache, arguments.index, offline=offline)
        raw, numbered = count.count([pull.diff, pull.numbered])
        own = directory / f"runs-{number}"
        by: dict[str, Measured] = {}
        for each in [*reviewers, *([DEAR] if sample.size == "large" else [])]:
            try:
                by[each.name] = measure(each, pull, own / each.name, count, arguments.runs)
            except NotMeasured as failure:
                # A peer that fails has no column; we may not.
                if isinstance(each, Ours):
                    raise
                print(f"not measured: {sample.title}: {failure}")
        yield Result(pull, raw, numbered, by)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure reviews, ours and those of installed peers.")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--peer-venv", type=Path, action="append", default=[], help="a peer's virtual environment")
    parser.add_argument("--cache", type=Path, default=home / "cicd-agent-bench", help="where releases are kept")
    parser.add_argument("--offline", type=Path, help="a cache that was filled before; nothing is fetched")
    parser.add_argument("--index", default="", help="package index, by default pip's")
    parser.add_argument("--size", choices=["small", "medium", "large"], help="these pull requests alone")
    parser.add_argument("--runs", type=int, default=3, help="reviews of each, CPU is their median")
    return parser.parse_args()


def main() -> int:
    """Print the tables and the goals; 1 when a goal is missed."""
    arguments = _arguments()
    environments = [each.absolute() for each in arguments.peer_venv]
    peers, count = installed(environments), counter(environments)
    print(f"counts are {count.name}; CPU is user and system time of all processes, memory the peak of the largest")
    print(
        "a prompt is the messages of a request, for Chat with the schema that is printed in them; the formats and tools"
    )
    print("of requests are counted in a row of their own; the numbered diff has each line once, behind number and sign")
    for absent in (each for each in PEERS if not any(isinstance(peer, each) for peer in peers)):
        print(f"not measured: {absent.title}. Install it by `{absent.install}`, then name DIR with --peer-venv DIR")
    done: list[Result] = []
    with tempfile.TemporaryDirectory() as directory:
        for result in results([*(Ours(each) for each in OURS), *peers], count, arguments, Path(directory)):
            done.append(result)
            print("", *table(result), sep="\n", flush=True)
    judged = list(goals(done))
    print()
    for goal in judged:
        print(f"{'PASS' if goal.holds else 'FAIL'}  {goal.what}: {goal.told}")
    unknown = sorted({each for result in done for measured in result.by.values() for each in measured.unknown})
    for each in unknown:
        print(f"note: nobody answers {each}")
    return 1 if any(not goal.holds for goal in judged) else 0


if __name__ == "__main__":
    sys.exit(main())
