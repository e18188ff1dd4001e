"""How well the model of risk orders changes that it has not seen, beside what the size alone does.

`python benchmarks/risk_model.py --data DIR` (or JIT_DATA=DIR) reads every `*.csv` and `*.csv.gz` there: one project
each, a commit a row, with the columns of just-in-time defect prediction (date, bug, ns, nd, nf, entropy, la, ld, fix,
ndev, age, nuc, exp, rexp, sexp). The first 80 % by date are learnt from, the last 20 % are judged; many a bug is found
late, so that the newest changes look better than they are. What is learnt of strangers is learnt of the other projects.
It ends with 1 and a line for each goal that is missed. `--write` prints weights fitted to all of the projects.
"""

import csv
import gzip
import sys
import zlib
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import groupby
from math import ceil, inf, isfinite, log1p
from operator import itemgetter
from os import environ
from pathlib import Path
from statistics import median

from cicd_agent.analysis.risk.calibration import LEARNT_FROM, learn, objection
from cicd_agent.analysis.risk.discrimination import auc, calibration_error
from cicd_agent.analysis.risk.logistic import fit, probability
from cicd_agent.analysis.risk.model import (
    INTERCEPT,
    OF_THE_DIFF,
    QUANTILES,
    WEIGHTS,
    Thresholds,
    ascending,
    log_odds,
    score,
)
from cicd_agent.cli.calibrate import MAX_CHANGES
from cicd_agent.domain.repository.history import Experience, Measures
from cicd_agent.domain.repository.risk_file import RiskFile

LOOKED_AT = 0.2
BUCKETS = (10, 30, 100, 500, 1000)
"""Lines changed at which the usual labels XS, S, M, L, XL and XXL part."""
STRANGERS = 3
"""A fit to fewer projects says more of them than of one that they have not seen: the shipped weights stand instead."""
FEW_NUMBERS = 20.0
"""The ridge of eight weights that are learnt from ten thousand changes."""

BASELINE, COLD, OWN = "lines added", "cold start, of the other projects", "own history"
ADOPTED = "what calibrate leaves"
GOALS = (
    (OWN, "auc", 0.757),
    (COLD, "auc", 0.741),
    (OWN, "deciles", 0.64),
    (COLD, "deciles", 0.62),
    (OWN, "recall", 0.42),
)
BELOW_BASELINE = 0.005
BEFORE = RiskFile(intercept=-2.96, weights={"la": 0.4142, "ld": 0.0695, "nf": 0.1949, "ns": 0.2992, "fix": 1.323})
"""What was shipped until now, fitted to OpenStack, Qt, Go and the Eclipse platform."""


@dataclass(frozen=True, slots=True)
class Project:
    """The commits of a project, oldest first, and whether each later needed a repair."""

    name: str
    changes: tuple[Measures, ...]
    bugs: tuple[bool, ...]

    @property
    def cut(self) -> int:
        """How many are learnt from."""
        return int(LEARNT_FROM * len(self.changes))


@dataclass(frozen=True, slots=True)
class Result:
    """How well one way of scoring does on the newest part of a project; None where one outcome is missing."""

    auc: float | None
    recall: float | None
    deciles: float | None
    calibration_error: float | None


NUMBERS = ("date", "ns", "nd", "nf", "la", "ld", "fix", "ndev", "age", "nuc", "exp", "rexp", "sexp")

ABSENT = (
    "risk_model: there is no data; give --data DIR or JIT_DATA=DIR, a folder of NAME.csv.gz with the columns of "
    "just-in-time defect prediction"
)

Scorer = Callable[[Project, Sequence[Project]], list[float]]
"""The log-odds of the judged changes of a project; the others may be learnt from."""


def recall_at(scores: Sequence[float], labels: Sequence[bool], share: float = 0.2) -> float | None:
    """The share of all Trues among the highest scores, which are `share` of all, rounded up.

    Of scores that tie at the end, a part counts as that part of what they hold. None without a True.
    """
    positives = sum(1 for label in labels if label)
    if not positives:
        return None
    room = min(len(labels), ceil(round(share * len(labels), 6)))
    found = 0.0
    ranked = sorted(zip(scores, labels, strict=True), key=itemgetter(0), reverse=True)
    for _, tied in groupby(ranked, key=itemgetter(0)):
        kinds = [label for _, label in tied]
        taken = min(room, len(kinds))
        found += sum(1 for label in kinds if label) * taken / len(kinds)
        room -= taken
        if not room:
            break
    return found / positives


def main() -> int:
    parser = ArgumentParser(description="Measure the model of risk on published data.")
    parser.add_argument("--data", type=Path, default=environ.get("JIT_DATA"), help="a folder of *.csv and *.csv.gz")
    parser.add_argument("--write", action="store_true", help="print weights fitted to all projects")
    options = parser.parse_args()
    if options.data is None:
        print(ABSENT, file=sys.stderr)
        return 2
    try:
        projects = [read(path) for path in sorted(options.data.iterdir()) if path.name.endswith((".csv", ".csv.gz"))]
    except (OSError, ValueError, EOFError, zlib.error) as error:
        print(f"risk_model: {error}", file=sys.stderr)
        return 2
    if not projects:
        print(f"risk_model: {options.data} holds no *.csv and no *.csv.gz", file=sys.stderr)
        return 2
    if options.write:
        print(written(strangers(projects), projects))
        return 0
    table = {
        name: [judge(project, scorer(project, [one for one in projects if one is not project])) for project in projects]
        for name, scorer in SCORERS.items()
    }
    print(render(projects, table))
    missed = list(misses(projects, table))
    print("\n".join(missed) if missed else "All goals are met.")
    return 1 if missed else 0


def read(path: Path) -> Project:
    """One project. Raises ValueError where it is not of the form."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    try:
        rows = sorted(map(_row, csv.DictReader(StringIO(text))), key=lambda row: row[0])
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, csv.Error) as error:
        raise ValueError(f"{path} is not of the form: {error!r}") from error
    if len(rows) < 2 / (1 - LEARNT_FROM):
        raise ValueError(f"{path} has too few rows")
    return Project(path.name.partition(".")[0], tuple(row[1] for row in rows), tuple(row[2] for row in rows))


def _row(row: dict[str, str]) -> tuple[float, Measures, bool]:
    value = {name: float(row[name]) for name in NUMBERS}
    # The published files misspell it.
    entropy = float(row["entrophy"] if "entrophy" in row else row["entropy"])
    if not all(map(isfinite, (*value.values(), entropy))):
        raise ValueError("a number is not finite")
    measures = Measures(
        subsystems=int(value["ns"]),
        directories=int(value["nd"]),
        files=int(value["nf"]),
        entropy=entropy,
        added=int(value["la"]),
        deleted=int(value["ld"]),
        is_fix=value["fix"] > 0,
        experience=Experience(*(value[name] for name in ("ndev", "age", "nuc", "exp", "rexp", "sexp"))),
    )
    return value["date"], measures, row["bug"].strip().lower() in {"1", "1.0", "true"}


def size(value: Callable[[Measures], float]) -> Scorer:
    """One number alone; its log-odds are fitted to the project, so that its calibration can be compared."""

    def scores(project: Project, _others: Sequence[Project]) -> list[float]:
        early = [(value(change),) for change in project.changes[: project.cut]]
        found = fit(early, project.bugs[: project.cut], nonnegative=(0,))
        # A number that speaks for the opposite still orders as it did: it is judged as people use it.
        weight = found.weights[0] or 1e-9
        return [found.intercept + weight * value(change) for change in project.changes[project.cut :]]

    return scores


def by(model: Callable[[Project, Sequence[Project]], RiskFile | None]) -> Scorer:
    """The log-odds of a model."""

    def scores(project: Project, others: Sequence[Project]) -> list[float]:
        learnt = model(project, others)
        return [log_odds(change, learnt) for change in project.changes[project.cut :]]

    return scores


def strangers(projects: Sequence[Project]) -> RiskFile:
    """Weights of the diff alone for a project that nobody knows; the shipped ones where there are too few others.

    Each project is fitted by itself: how often its changes go wrong, and who finds out, is its own affair. Of a weight
    the median is taken, so that no project's oddity is handed on. No part of a change's size or spread speaks for it:
    what does in one project speaks against it in the next.
    """
    if len(projects) < STRANGERS:
        return RiskFile(intercept=INTERCEPT, weights=dict(WEIGHTS))
    of_the_diff = partial(learn, features=OF_THE_DIFF, nonnegative=OF_THE_DIFF, half_life=inf)
    fitted = [of_the_diff(one.changes, one.bugs, start={}, ridge=FEW_NUMBERS) for one in projects]
    weights = {name: median(each.weights[name] for each in fitted) for name in OF_THE_DIFF}
    # With the weights all but fixed, the intercept alone is fitted.
    bases = [of_the_diff(one.changes, one.bugs, start=weights, ridge=1e12) for one in projects]
    return RiskFile(intercept=median(each.intercept or 0.0 for each in bases), weights=weights)


def own(project: Project, others: Sequence[Project]) -> RiskFile:
    """Weights of the project's own past, drawn to those of strangers: what `cicd-agent calibrate` learns."""
    start = strangers(others).weights
    return learn(project.changes[: project.cut], project.bugs[: project.cut], start=start)


def adopted(project: Project, others: Sequence[Project]) -> RiskFile:
    """The weights that `cicd-agent calibrate` leaves at the end of the learnt part: own ones, or those of strangers."""
    known = slice(max(0, project.cut - MAX_CHANGES), project.cut)
    changes, bugs = project.changes[known], project.bugs[known]
    shipped = strangers(others)
    if objection(changes, bugs, shipped):
        return shipped
    early = int(LEARNT_FROM * len(changes))
    return learn(changes[:early], bugs[:early], start=shipped.weights)


def _bucket(change: Measures) -> int:
    return sum(change.added + change.deleted >= edge for edge in BUCKETS)


SCORERS: dict[str, Scorer] = {
    "size buckets": size(_bucket),
    "lines added and deleted": size(lambda change: log1p(change.added + change.deleted)),
    BASELINE: size(lambda change: log1p(change.added)),
    "the version before, which knew them all": by(lambda _project, _others: BEFORE),
    "shipped, which knows them all": by(lambda _project, _others: None),
    COLD: by(lambda _project, others: strangers(others)),
    OWN: by(own),
    ADOPTED: by(adopted),
}


def judge(project: Project, scores: Sequence[float]) -> Result:
    bugs, changes = project.bugs[project.cut :], project.changes[project.cut :]
    return Result(
        auc(scores, bugs),
        recall_at(scores, bugs, LOOKED_AT),
        inside_deciles(scores, bugs, [change.added for change in changes]),
        calibration_error(list(map(probability, scores)), bugs),
    )


def inside_deciles(scores: Sequence[float], bugs: Sequence[bool], sizes: Sequence[int]) -> float | None:
    """The mean AUC among changes of about the same size: what a score knows beside it."""
    order = sorted(range(len(sizes)), key=lambda index: sizes[index])
    tenths = [order[len(order) * tenth // 10 : len(order) * (tenth + 1) // 10] for tenth in range(10)]
    return mean([auc([scores[index] for index in tenth], [bugs[index] for index in tenth]) for tenth in tenths])


def mean(values: Sequence[float | None]) -> float | None:
    """Of those that are known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


MEASURED = ("auc", "recall", "deciles", "calibration_error")


def _averaged(results: Sequence[Result], measured: str) -> float | None:
    return mean([getattr(result, measured) for result in results])


def render(projects: Sequence[Project], table: dict[str, list[Result]]) -> str:
    """One block for each thing that is measured: a line for each way of scoring, a column for each project."""
    titles = {
        "auc": "AUC",
        "recall": f"Recall in the highest {LOOKED_AT:.0%}",
        "deciles": "AUC inside deciles of lines added (mean)",
        "calibration_error": "Expected calibration error, 10 bins",
    }
    lines = [f"{project.name}: {len(project.bugs):,} changes, {sum(project.bugs):,} repaired" for project in projects]
    for measured in MEASURED:
        lines += ["", f"{titles[measured]:<42}" + "".join(f"{one.name[:10]:>11}" for one in projects) + f"{'mean':>11}"]
        for name, results in table.items():
            cells = [*(getattr(result, measured) for result in results), _averaged(results, measured)]
            lines.append(f"  {name:<40}" + "".join(f"{'–' if cell is None else f'{cell:.4f}':>11}" for cell in cells))
    return "\n".join([*lines, ""])


def misses(projects: Sequence[Project], table: dict[str, list[Result]]) -> Iterator[str]:
    """A line for each goal that is missed."""
    for name, measured, goal in GOALS:
        reached = _averaged(table[name], measured)
        if reached is None or reached < goal:
            yield f"MISSED: {name}, mean {measured}: {reached} where {goal} was the goal"
    for ours, theirs in ((OWN, BASELINE), (COLD, BASELINE), (ADOPTED, BASELINE), (ADOPTED, COLD)):
        for project, one, other in zip(projects, table[ours], table[theirs], strict=True):
            if one.auc is None or other.auc is None:
                yield f"MISSED: {project.name} has changes of one outcome only, nothing can be measured"
            elif one.auc < other.auc - BELOW_BASELINE:
                yield f"MISSED: {project.name}: {ours} {one.auc:.4f} is below {theirs} {other.auc:.4f}"


def written(learnt: RiskFile, projects: Sequence[Project]) -> str:
    """As it stands in analysis/risk/model.toml: the weights, and the quantiles of what they make of all the changes."""
    rounded = {name: float(f"{weight:.4g}") for name, weight in learnt.weights.items()}
    intercept = float(f"{learnt.intercept:.4g}")
    borders = quantiles(projects, RiskFile(intercept=intercept, weights=rounded))
    weights = [f"{name} = {weight:g}" for name, weight in rounded.items()]
    return "\n".join([f"intercept = {intercept:g}", f"thresholds = {list(borders)}", "", "[weights]", *weights])


def quantiles(projects: Sequence[Project], learnt: RiskFile) -> Thresholds:
    """Where the levels begin over the changes of all projects, each of which weighs the same."""
    weighed = sorted((score(change, learnt), 1 / len(one.changes)) for one in projects for change in one.changes)
    below = 0.0
    borders: list[int] = []
    for reached, weight in weighed:
        below += weight / len(projects)
        while len(borders) < len(QUANTILES) and below >= QUANTILES[len(borders)]:
            borders.append(reached + 1)
    return ascending([*borders, 100, 100, 100][: len(QUANTILES)])


if __name__ == "__main__":
    raise SystemExit(main())
