"""What reviews of known bugs find, lose, claim in error and cost, stage by stage, with a strong and a weak model.

`python benchmarks/known_bugs/measure.py [--against REV] [--each] [--sections] [--seeds N] [--thresholds] [--pin]`

Each review is one of the real command line, with GitHub and the model as fakes on loopback; README.md beside this says
what the changes and the recorded answers are. Exit code 1 tells of a number that is worse than in pins.toml; goals that
are not met yet are printed.
"""

import argparse
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from benchmarks.gate_month import sources
from benchmarks.known_bugs.corpus import Change, corpus
from benchmarks.known_bugs.evidence import SECTIONS
from benchmarks.known_bugs.review import STAGES, Reviewed, review
from benchmarks.known_bugs.scripted_models import ScriptedModel, StrongModel, WeakModel

PINS = Path(__file__).with_name("pins.toml")
MODELS: Mapping[str, Callable[[Change], ScriptedModel]] = {"strong": StrongModel, "weak": WeakModel}
SEED = 1
TOKENS_SLACK = 1.02
"""By how much tokens may be more than pinned: words of a prompt are changed without a thought of this."""
_MORE_IS_BETTER = frozenset(
    {"true_located", "true_judged", "true_posted", "bugs_found", "clean_approved", "quotes_sent"}
)


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that shall hold."""

    what: str
    holds: bool
    figure: str


def numbers(reviews: Sequence[Reviewed]) -> dict[str, int]:
    """The figures of the corpus, as they are pinned."""
    figures = {f"true_{stage}": sum(len(each.true[stage]) for each in reviews) for stage in STAGES}
    figures |= {f"false_{stage}": sum(len(each.false[stage]) for each in reviews) for stage in STAGES}
    quoted = sum(quotes(each.change) for each in reviews)
    return figures | {
        "bugs_found": sum(len(each.found) for each in reviews),
        "false_approvals": sum(each.approves_in_error for each in reviews),
        "clean_approved": sum(each.decision == "approve" for each in reviews if not each.change.bugs),
        "quotes_sent": quoted - sum(len(each.unsent) for each in reviews),
        "requests": sum(each.requests for each in reviews),
        "input_tokens": sum(each.tokens.total() for each in reviews),
        "output_tokens": sum(each.output for each in reviews),
    }


def quotes(change: Change) -> int:
    """Lines that the strong answers quote."""
    passages = [part for each in change.strong.findings for part in (each, each.second) if part]
    return sum(len(each.quote.split("\n")) for each in passages)


def regressions(figures: Mapping[str, int], pinned: Mapping[str, int]) -> Iterator[str]:
    """What is worse than pinned."""
    for name, pin in pinned.items():
        limit = round(pin * TOKENS_SLACK) if name.endswith("tokens") else pin
        worse = figures[name] < limit if name in _MORE_IS_BETTER else figures[name] > limit
        if worse and not name.endswith("_proposed"):
            yield f"{name}: {figures[name]:,}, pinned are {pin:,}"


def goals(model: str, reviews: Sequence[Reviewed], seeds: int) -> Iterator[Goal]:
    """What is asked of reviews with such a model."""
    figures = numbers(reviews)
    bugs = seeds * sum(len(each.bugs) for each in corpus())
    yield Goal("no false approval", not figures["false_approvals"], f"{figures['false_approvals']}")
    if model == "strong":
        clean = sum(not each.bugs for each in corpus())
        found, approved = figures["bugs_found"], figures["clean_approved"]
        yield Goal("every bug is found", found == bugs, f"{found} of {bugs}")
        yield Goal("clean changes are approved", approved == clean, f"{approved} of {clean}")
        yield Goal("2.5 requests on average", figures["requests"] <= 2.5 * len(reviews), _average(reviews))
    else:
        share = figures["true_judged"] / figures["true_proposed"]
        yield Goal("95 % of the true claims survive", share >= 0.95, f"{share:.1%}")
        posted = figures["false_posted"]
        yield Goal("one false comment in ten changes", posted <= len(reviews) / 10, f"{posted} in {len(reviews)}")


def _average(reviews: Sequence[Reviewed]) -> str:
    return f"{sum(each.requests for each in reviews) / len(reviews):.2f}"


def measured(model: str, seed: int = SEED, source: Path | None = None, **inputs: str) -> list[Reviewed]:
    """The reviews of all changes, by the package in `source` or the one that is imported here."""
    with tempfile.TemporaryDirectory() as folder:

        def one(change: Change) -> Reviewed:
            player = WeakModel(change, seed) if model == "weak" else MODELS[model](change)
            return review(change, player, Path(folder) / change.name, source, **inputs)

        if source is None:
            return [*map(one, corpus())]
        with ThreadPoolExecutor(2) as pool:
            return [*pool.map(one, corpus())]


def table(columns: Mapping[str, Sequence[Reviewed]]) -> Iterator[str]:
    """The figures, a column for each model and version."""
    figures = {name: numbers(reviews) for name, reviews in columns.items()}
    yield f"{'':24}" + "".join(f"{name:>22}" for name in columns)
    for name in next(iter(figures.values())):
        yield f"{name.replace('_', ' '):24}" + "".join(f"{each[name]:>22,}" for each in figures.values())


def by_change(reviews: Sequence[Reviewed]) -> Iterator[str]:
    """A row for each change, and the reasons for which true claims were lost."""
    for each in reviews:
        true, false = ("/".join(str(len(kind[stage])) for stage in STAGES) for kind in (each.true, each.false))
        yield (
            f"  {each.change.name:24} {each.decision:16} true {true}  false {false}  bugs {len(each.found)} of "
            f"{len(each.change.bugs)}  {each.requests} requests, {each.tokens.total():,} tokens"
        )
        yield from (f"      lost: “{title}”: {reason[:150]}" for title, reason in each.lost.items())
        yield from (f"      not sent: {line}" for line in each.unsent)


def by_section(columns: Mapping[str, Sequence[Reviewed]]) -> Iterator[str]:
    """Where the input tokens go."""
    counts = {name: sum((each.tokens for each in reviews), Counter[str]()) for name, reviews in columns.items()}
    yield f"{'input tokens of':24}" + "".join(f"{name:>22}" for name in columns)
    for section in SECTIONS:
        cells = (f"{each[section]:>13,} ({each[section] / each.total():>4.0%})" for each in counts.values())
        yield f"  {section:22}" + "".join(f"{cell:>22}" for cell in cells)


def by_threshold(seeds: int) -> Iterator[str]:
    """What other defaults of two settings would post of the weak model's claims."""
    yield f"{'min-confidence':16}{'max-comments':>14}{'true posted':>14}{'false posted':>14}"
    for confidence in ("0.5", "0.6", "0.7", "0.75", "0.8", "0.9"):
        for comments in ("2", "3", "5"):
            reviews = [
                each
                for seed in range(SEED, SEED + seeds)
                for each in measured("weak", seed, min_confidence=confidence, max_comments=comments)
            ]
            figures = numbers(reviews)
            yield f"{confidence:16}{comments:>14}{figures['true_posted']:>14}{figures['false_posted']:>14}"


def pins() -> Mapping[str, Mapping[str, int]]:
    """What was true when it was last written, by model."""
    return tomllib.loads(PINS.read_text("utf-8"))


def _pin(columns: Mapping[str, Mapping[str, int]]) -> None:
    text = "# What reviews of the corpus come to; no figure may get worse. `measure.py --pin` writes this file.\n"
    for name, figures in columns.items():
        text += f"\n[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in figures.items())
    PINS.write_text(text, "utf-8")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default="", metavar="REV", help="the same with the package as of a commit")
    parser.add_argument("--each", action="store_true", help="a row for each change, and what became of lost claims")
    parser.add_argument("--sections", action="store_true", help="where the input tokens go")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="so many weak models")
    parser.add_argument("--thresholds", action="store_true", help="other defaults of min-confidence and max-comments")
    parser.add_argument("--pin", action="store_true", help="write the figures to pins.toml")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables and the goals; 1 when a figure is worse than its pin."""
    options = _arguments(argv)
    changes = corpus()
    clean = sum(not each.bugs for each in changes)
    bugs = sum(len(each.bugs) for each in changes)
    print(f"{len(changes) - clean} changes with {bugs} known bugs, {clean} clean ones; {options.seeds} weak model(s)\n")
    columns: dict[str, list[Reviewed]] = {}
    with sources(options.against) as versions:
        for version, place in versions.items():
            for model in MODELS:
                source = place if version == options.against else None
                count = options.seeds if model == "weak" else 1
                made = [each for n in range(count) for each in measured(model, SEED + n, source)]
                columns[model if source is None else f"{model}, {version}"] = made
    print(*table(columns), sep="\n")
    if options.each:
        print(*(row for name, reviews in columns.items() for row in ("", name, *by_change(reviews))), sep="\n")
    if options.sections:
        print("", *by_section(columns), sep="\n")
    if options.thresholds:
        print("", *by_threshold(options.seeds), sep="\n")
    print()
    for model in MODELS:
        for goal in goals(model, columns[model], options.seeds if model == "weak" else 1):
            print(f"{'PASS' if goal.holds else 'MISS'}  {model}: {goal.what}: {goal.figure}")
    return _held_against_pins(columns, options)


def _held_against_pins(columns: Mapping[str, Sequence[Reviewed]], options: argparse.Namespace) -> int:
    if options.seeds > 1:
        return 0
    figures = {model: numbers(columns[model]) for model in MODELS}
    if options.pin:
        _pin(figures)
        return 0
    worse = [f"{model}: {each}" for model in MODELS for each in regressions(figures[model], pins()[model])]
    for each in worse:
        print(f"WORSE  {each}")
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
