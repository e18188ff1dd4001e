"""Learn which line of a failed log to read first: `learn.py --data DIR` writes `analysis/logs/headline.toml`.

A softmax over the candidates of a log, with one weight for each feature of form and place, fitted to the labelled
lines by AdaGrad. 272 logs of 96 repositories are few: the sign of most weights is given (a place is never a reason for
a line, a message never one against it), and some are drawn to a value of PRIOR instead of to nothing. Figures of unseen
repositories are of weights that saw no log of the repository. `--nested` also chooses without it how strongly weights
are drawn there, which takes several times as long.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from benchmarks.headlines.measure import NO_TOOL, Label, Labelled, labelled, labels, shares, tool_of
from cicd_agent.analysis.logs import headline
from cicd_agent.analysis.logs.extract import Problem
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.problems import rank
from cicd_agent.analysis.logs.reader import Line, read
from cicd_agent.analysis.logs.reduction import relevance, select_lines
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.analysis.logs.score import score_lines

# fmt: off
FOR = frozenset((
    "announces", "exception", "caused", "e_line", "compiler", "lint", "assertion", "missing", "refuses", "network",
    "test", "sentence", "quoted", "has_test", "has_path", "has_code", "weight", "block", "trouble", "problem",
    "problem_score", "problem_first", "step", "score", "exit_step", "exit_near", "exit_first", "first_of_message",
    "first_form", "strong", "strong_first", "strong_last", "strong_leads", "length", "inside_test", "inside_weight",
    "below_frame", "below_place", "below_compares", "below_names_place", "below_excerpt", "below_wrapper",
    "below_inner", "above_test", "above_heading", "above_place", "above_ruler", "above_excerpt",
))
AGAINST = frozenset((
    "counter", "wrapper", "inner", "see_more", "warning", "passing", "harmless", "compares",
    "heading", "cut", "excerpt", "code_line", "json", "cleanup", "wraps", "exits", "after_exits", "retried",
    "exit_distance", "exit_steps", "end", "nth_of_message", "repeats", "indented", "deep", "one_word", "two_words",
    "short", "long", "nth_form", "exception_alone", "above_announces", "above_exception", "strong_nth",
    "strong_above", "retries", "below_exception", "below_e_line", "below_heading", "head_passing", "head_command",
))
PRIOR = {
    "counter": -2.0, "wrapper": -2.0, "inner": -1.0, "passing": -1.0, "harmless": -1.0, "heading": -0.5,
    "warning": -0.5, "announces": 0.5, "exception": 0.5, "sentence": 0.5, "compiler": 0.5, "e_line": 1.0,
    "caused": 1.0, "strong": 0.5, "strong_leads": 0.5, "exit_step": 0.5, "step": 1.0, "score": 1.0, "weight": 1.0,
    "problem_first": 1.0,
}
"""What is believed of a feature before any log is read; of the others, that it does not matter."""
# fmt: on
RIDGES = (0.35, 0.7, 1.4)
RIDGE = 0.7
FOLDS, EPOCHS, STEP, FINE = 10, 40, 0.15, 0.3
SMALLEST = 0.02
TARGET = Path(headline.__file__).with_name("headline.toml")


@dataclass(frozen=True, slots=True)
class Example:
    """A log: of each candidate its features, its class, its index among the lines and the tool whose message it is."""

    case: Labelled
    rows: Sequence[Sequence[tuple[int, float]]]
    classes: Sequence[str]
    at: Sequence[int]
    tools: Sequence[str]
    lines: Sequence[Line]
    ranked: Sequence[Problem]


def examples(data: Path, names: Sequence[str]) -> Iterator[Example]:
    matcher, known = Matcher(load_tools()), labels("labels.jsonl")
    index = {name: at for at, name in enumerate(names)}
    for case in labelled(data):
        lines = select_lines(read([case.log()]), lambda text: relevance(text, matcher)).lines
        blocks = list(matcher.blocks(lines))
        scores = score_lines(lines, blocks, None, frozenset())
        ranked = rank(lines, blocks, scores, None)
        found = headline.candidates(lines, blocks, scores, ranked)
        rows = [sorted((index[name], value) for name, value in features.items() if value) for _, features in found]
        yield Example(
            case,
            rows,
            _classes(known[case.id], {line.number: line.text for line in lines}, [lines[at].number for at, _ in found]),
            [at for at, _ in found],
            [tool_of(lines[at].number, ranked) for at, _ in found],
            lines,
            ranked,
        )


def _classes(label: Label, texts: Mapping[int, str], numbers: Sequence[int]) -> Sequence[str]:
    """By number, and for the fit by text too: what is printed twice is as good in both places."""
    best, fine = ({texts.get(number, "").strip() for number in some} for some in (label.best, label.fine))
    by_text = (
        "best" if texts[number].strip() in best else "fine" if texts[number].strip() in fine else ""
        for number in numbers
    )
    return [name or label.judge(number) for name, number in zip(by_text, numbers, strict=True)]


def fit(some: Sequence[Example], names: Sequence[str], ridge: float) -> list[float]:
    size = Counter(each.case.group for each in some)
    prior = [PRIOR.get(name, 0.0) for name in names]
    weights, squares, mean = list(prior), [1e-6] * len(names), [0.0] * len(names)
    lowest = [0.0 if name in FOR else -9.0 for name in names]
    highest = [0.0 if name in AGAINST else 9.0 for name in names]
    order = [each for each in some if {"best", "fine"} & {*each.classes}]
    shuffle = random.Random(1)  # noqa: S311  an order is no secret
    for epoch in range(EPOCHS):
        shuffle.shuffle(order)
        for each in order:
            gradient = _gradient(each, weights)
            share = 1 / sqrt(size[each.case.group])
            for at, value in gradient.items():
                slope = share * value + ridge * (weights[at] - prior[at]) / len(order)
                squares[at] += slope * slope
                weights[at] = min(highest[at], max(lowest[at], weights[at] - STEP * slope / sqrt(squares[at])))
        if epoch >= EPOCHS // 2:
            mean = [one + each for one, each in zip(mean, weights, strict=True)]
    return [each / (EPOCHS - EPOCHS // 2) for each in mean]


def _gradient(each: Example, weights: Sequence[float]) -> dict[int, float]:
    sums = [sum(weights[at] * value for at, value in row) for row in each.rows]
    most = max(sums)
    chances = [exp(one - most) for one in sums]
    wanted = [
        chance * {"best": 1.0, "fine": FINE}.get(name, 0.0) for chance, name in zip(chances, each.classes, strict=True)
    ]
    total, right = sum(chances), sum(wanted) or 1.0
    gradient: dict[int, float] = {}
    for row, chance, want in zip(each.rows, chances, wanted, strict=True):
        slope = chance / total - want / right
        if abs(slope) > 1e-4:
            for at, value in row:
                gradient[at] = gradient.get(at, 0.0) + slope * value
    return gradient


def choice(each: Example, weights: Sequence[float]) -> str:
    """The class of the candidate that these weights put first."""
    return each.classes[best] if (best := _best(each, weights)) is not None else "none"


def choose(each: Example, weights: Sequence[float]) -> int | None:
    """The index of its line."""
    return each.at[best] if (best := _best(each, weights)) is not None else None


def chosen_tool(each: Example, weights: Sequence[float]) -> str:
    return each.tools[best] if (best := _best(each, weights)) is not None else NO_TOOL


def _best(each: Example, weights: Sequence[float]) -> int | None:
    sums = [sum(weights[at] * value for at, value in row) for row in each.rows]
    return sums.index(max(sums)) if sums else None


def parted(some: Sequence[Example], parts: int, seed: int = 0) -> Iterator[tuple[list[Example], list[Example]]]:
    """Learnt and unseen logs; all of a repository are on one side."""
    groups = sorted({each.case.group for each in some})
    random.Random(seed).shuffle(groups)  # noqa: S311  folds are no secret
    for part in range(parts):
        unseen = {*groups[part::parts]}
        yield [one for one in some if one.case.group not in unseen], [one for one in some if one.case.group in unseen]


def of_folds(
    some: Sequence[Example], names: Sequence[str], *, nested: bool = False, seed: int = 0
) -> list[list[float]]:
    """The weights of each fold, which have not seen the repositories that it leaves out."""
    weights = []
    for learnt, _ in parted(some, FOLDS, seed):
        ridge = RIDGE
        if nested:
            ridge = max(RIDGES, key=lambda ridge: _right(learnt, names, ridge))
            print(f"  ridge {ridge}", file=sys.stderr)
        weights.append(fit(learnt, names, ridge))
    return weights


def crossvalidated(
    some: Sequence[Example], folds: Sequence[Sequence[float]], seed: int = 0
) -> Iterator[tuple[Example, str, str]]:
    """Each log with the tool and the class of the line that weights choose which have not seen its repository."""
    for (_, unseen), weights in zip(parted(some, len(folds), seed), folds, strict=True):
        yield from ((each, chosen_tool(each, weights), choice(each, weights)) for each in unseen)


def _right(some: Sequence[Example], names: Sequence[str], ridge: float) -> float:
    chosen = (
        choice(each, fit_)
        for learnt, unseen in parted(some, 3, 7)
        for fit_ in [fit(learnt, names, ridge)]
        for each in unseen
    )
    return sum({"best": 1.0, "fine": 1.0}.get(name, 0.0) for name in chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a directory with index.jsonl and logs")
    parser.add_argument("--nested", action="store_true", help="choose the ridge anew for each fold; takes some minutes")
    parser.add_argument("--seeds", type=int, default=1, help="how many ways to part the repositories into folds")
    parser.add_argument("--dry", action="store_true", help="write no weights")
    asked = parser.parse_args()
    names = sorted(headline.names())
    some = list(examples(asked.data, names))
    missing = sum({"best", "fine"}.isdisjoint(each.classes) for each in some)
    print(f"no right line among the candidates: {missing} of {len(some)}")
    for seed in range(asked.seeds):
        outcomes = crossvalidated(some, of_folds(some, names, nested=asked.nested, seed=seed), seed)
        rows_ = shares("unseen repositories", [(one.case.corpus, name) for one, _, name in outcomes])
        print(*rows_, sep="\n", flush=True)
    weights = fit(some, names, RIDGE)
    print(*shares("learnt", [(one.case.corpus, choice(one, weights)) for one in some]), sep="\n")
    if not asked.dry:
        rows = [
            f"{name} = {weight:.2f}" for name, weight in zip(names, weights, strict=True) if abs(weight) >= SMALLEST
        ]
        TARGET.write_text("# Written by benchmarks/headlines/learn.py.\n[weights]\n" + "\n".join(rows) + "\n", "utf-8")


if __name__ == "__main__":
    main()
