"""Learn what kind of failure a log is of: `kinds.py --data DIR` writes `analysis/logs/kind.toml`.

A softmax over five kinds with a weight for each feature, fitted to the labelled types by AdaGrad. Each weight is drawn
to a prior: what a tool's message is for speaks for that kind, and so do the kind's own words. The line to read first,
of which the features are, is the one that weights of the same logs choose: figures of unseen repositories are of two
models that saw no log of the repository.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from benchmarks.headlines.learn import RIDGE as HEADLINE_RIDGE
from benchmarks.headlines.learn import Example, choose, examples, parted
from benchmarks.headlines.learn import fit as fit_headline
from benchmarks.headlines.measure import confusion, labels, right_kind
from cicd_agent.analysis.logs import headline, kind
from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.analysis.logs.kind import KINDS, Features
from cicd_agent.analysis.logs.problems import led_by

OWN, WORD = 2.0, 1.0
"""Of the prior: for a message's own kind, and for a word in the first messages."""
STRONG = {Kind.INFRASTRUCTURE: 1.5, Kind.TIMEOUT: 2.0}
"""Of words for what strikes from outside, which tests and builds print as well."""
STEP_SHARE, NEAR_SHARE = 0.5, 0.3
"""What a word counts in the name of a step or in a wrapper's message, and in a line around the message."""
WORDS = {
    Kind.TEST_FAILURE: ("test", "asserts", "counts_tests"),
    Kind.BUILD_ERROR: ("compiles", "missing"),
    Kind.LINT_ERROR: ("lint", "rule"),
    Kind.TIMEOUT: ("limit",),
    Kind.INFRASTRUCTURE: ("network", "service", "machine"),
}
RIDGE, ROUNDS, STEP = 8.0, 60, 0.3
SMALLEST = 0.02
TARGET = Path(kind.__file__).with_name("kind.toml")

Weights = dict[Kind, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Sample:
    """A log by the features of its kind, with the type that its readers say."""

    group: str
    type: str
    features: Features


def prior() -> Weights:
    result: Weights = {}
    for each in KINDS:
        own = {f"first_{each}": OWN, f"vote_{each}": OWN}
        strength = WORD * STRONG.get(each, 1.0)
        for word in WORDS[each]:
            shares = {"says": 1.0, "step": STEP_SHARE, "wraps": STEP_SHARE, "near": NEAR_SHARE}
            own |= {f"{where}_{word}": share * strength for where, share in shares.items()}
        result[each] = own
    for finer in (Kind.DEPENDENCY, Kind.CONFIGURATION):
        result[Kind.BUILD_ERROR] |= {f"first_{finer}": OWN / 2, f"vote_{finer}": OWN / 2}
    result[Kind.TEST_FAILURE]["has_test"] = WORD
    result[Kind.INFRASTRUCTURE]["has_trouble"] = WORD
    return result


def sample(each: Example, weights: Sequence[float], types: Mapping[str, str]) -> Sample:
    at = choose(each, weights)
    ranked = each.ranked if at is None else led_by(each.lines[at], each.ranked)
    features = kind.features(each.lines, ranked) if ranked else {}
    # Sorted, so that sums do not differ between runs.
    return Sample(each.case.group, types[each.case.id], dict(sorted(features.items())))


def fit(some: Sequence[Sample]) -> Weights:
    size = Counter(each.group for each in some)
    drawn = prior()
    names = sorted({name for each in some for name in each.features})
    weights: Weights = {each: {name: own.get(name, 0.0) for name in names} for each, own in drawn.items()}
    squares: Weights = {each: dict.fromkeys(names, 1e-6) for each in KINDS}
    known = [each for each in some if each.type in {*KINDS}]
    for _ in range(ROUNDS):
        slopes = {
            each: {name: RIDGE * (own[name] - drawn[each].get(name, 0.0)) for name in names}
            for each, own in weights.items()
        }
        for each in known:
            share = 1 / sqrt(size[each.group])
            for name, chance in _chances(each.features, weights).items():
                error = share * (chance - (each.type == name))
                for feature, value in each.features.items():
                    slopes[name][feature] += error * value
        for name, own in slopes.items():
            for feature, slope in own.items():
                squares[name][feature] += slope * slope
                weights[name][feature] -= STEP * slope / sqrt(squares[name][feature])
    return weights


def _chances(features: Features, weights: Weights) -> dict[Kind, float]:
    sums = {each: sum(own.get(name, 0.0) * value for name, value in features.items()) for each, own in weights.items()}
    most = max(sums.values())
    chances = {each: exp(one - most) for each, one in sums.items()}
    total = sum(chances.values())
    return {each: one / total for each, one in chances.items()}


def predict(each: Sample, weights: Weights) -> str:
    chances = _chances(each.features, weights)
    return max(KINDS, key=lambda name: chances[name]) if each.features else "unknown"


def crossvalidated(some: Sequence[Example], folds: Sequence[Sequence[float]]) -> Iterator[tuple[Example, str, str]]:
    """Each log with its type and the kind that weights tell which have not seen its repository.

    `folds` are the weights of the line to read first, learnt from the same part of the repositories.
    """
    types = {name: label.type for name, label in labels("labels.jsonl").items()}
    for (learnt, unseen), line_weights in zip(parted(some, len(folds)), folds, strict=True):
        weights = fit([sample(each, line_weights, types) for each in learnt])
        for each in unseen:
            one = sample(each, line_weights, types)
            yield each, one.type, predict(one, weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a directory with index.jsonl and logs")
    parser.add_argument("--dry", action="store_true", help="write no weights")
    asked = parser.parse_args()
    names = sorted(headline.names())
    some = list(examples(asked.data, names))
    types = {name: label.type for name, label in labels("labels.jsonl").items()}
    lines = fit_headline(some, names, HEADLINE_RIDGE)
    samples = [sample(each, lines, types) for each in some]
    weights = fit(samples)
    pairs = [(one.type, predict(one, weights)) for one in samples]
    print(f"learnt: {sum(right_kind(*pair) for pair in pairs)} of {len(pairs)}")
    print(*confusion(pairs), sep="\n")
    if not asked.dry:
        TARGET.write_text("# Written by benchmarks/headlines/kinds.py.\n" + "\n".join(_tables(weights)), "utf-8")


def _tables(weights: Weights) -> Iterator[str]:
    for name, own in weights.items():
        rows = [f"{word} = {weight:.2f}" for word, weight in sorted(own.items()) if abs(weight) >= SMALLEST]
        yield f"[{name}]\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
