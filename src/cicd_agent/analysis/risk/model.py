"""How likely a change of some shape is to need a repair: the weights that are shipped, or those of the repository.

The model is just-in-time defect prediction: the log-odds that a later commit has to repair a change are a weighted sum
of ln(1 + feature). The shipped weights, in model.toml, know the diff alone: each is the mean of what single open-source
projects teach. `benchmarks/risk_model.py` measures them on projects that they were not fitted to, beside own weights of
a project's past, with authors, ages and experience (`calibration.learn`). To strangers these say little: they point in
different directions in different projects, so that none of them is shipped.

Added lines never lower the result, whoever wrote the weights: theirs are never negative, and that of the entropy, which
the same lines change, stays between 0 and theirs.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from math import floor, log1p

from cicd_agent.analysis.risk.logistic import probability
from cicd_agent.domain.repository.history import Experience, Measures
from cicd_agent.domain.repository.risk_file import RiskFile
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel

FEATURES = ("la", "ld", "nf", "nd", "ns", "entropy", "fix", "adds", "ndev", "age", "old", "nuc", "rexp", "sexp")
"""The names of the features, most of them as the field calls them: the keys of `RiskFile.weights`.

`adds` is whether any line is added, `old` the part of `age` beyond a month. The count of an author's commits (exp) is
none of them: it grows with the project, and what was learnt of it yesterday is wrong tomorrow.
"""
OF_THE_DIFF = FEATURES[:8]

NEVER_LOWER = ("la", "entropy", "adds")
"""The features whose weights are never negative: more added lines are never less risky."""

Thresholds = tuple[int, int, int]

_SHIPPED = tomllib.loads(files(__package__).joinpath("model.toml").read_text("utf-8"))
INTERCEPT: float = _SHIPPED["intercept"]
WEIGHTS: Mapping[str, float] = _SHIPPED["weights"]
TEST_LINE: float = _SHIPPED["test_line"]
_MEDIUM, _HIGH, _CRITICAL = _SHIPPED["thresholds"]
SHIPPED_THRESHOLDS: Thresholds = (_MEDIUM, _HIGH, _CRITICAL)

_NO_LINE = Measures(subsystems=1, directories=1, files=1)

_MONTH = log1p(30)

QUANTILES = (0.50, 0.85, 0.97)
"""The shares of a repository's own changes that are below medium, high and critical."""
RIDGE = 200.0
"""How strongly weights that are learnt are drawn to those that they start from, as `logistic.fit` counts it."""
MATURED = 200
"""Labels that are old enough to be believed, without which no probability is spoken of."""


@dataclass(frozen=True, slots=True)
class Term:
    """A part of the log-odds, in words."""

    text: str
    value: float


@dataclass(frozen=True, slots=True)
class _Model:
    """`typical` is what a feature is taken for where it is not known."""

    intercept: float
    weights: Mapping[str, float]
    typical: Mapping[str, float]

    def parts(self, measures: Measures) -> dict[str, float]:
        known = logs(measures)
        values = {name: self.typical.get(name, 0.0) if known[name] is None else known[name] for name in self.weights}
        return {name: weight * (values[name] or 0.0) for name, weight in self.weights.items()}

    def log_odds(self, measures: Measures) -> float:
        return self.intercept + sum(self.parts(measures).values())


def logs(measures: Measures) -> dict[str, float | None]:
    """ln(1 + feature) by the feature's name, None for what is not known."""
    past = measures.experience
    age = None if past.age is None else log1p(max(0.0, past.age))
    values = {
        "la": measures.added - (1 - TEST_LINE) * measures.added_in_tests,
        "ld": measures.deleted,
        "nf": measures.files,
        "nd": measures.directories,
        "ns": measures.subsystems,
        "entropy": measures.entropy,
        "fix": float(measures.is_fix),
        "adds": float(measures.added > 0),
        "ndev": past.developers,
        "nuc": past.last_changes,
        "rexp": past.recent_commits,
        "sexp": past.subsystem_commits,
    }
    # Clocks go wrong: an age may be below nothing, and so may what is reckoned from it.
    known = {name: None if value is None else log1p(max(0.0, value)) for name, value in values.items()}
    return known | {"age": age, "old": None if age is None else max(0.0, age - _MONTH)}


def log_odds(measures: Measures, learnt: RiskFile | None = None) -> float:
    """The weighted sum, with the repository's own weights where it has learnt some."""
    return _model(learnt).log_odds(measures)


def score(measures: Measures, learnt: RiskFile | None = None) -> int:
    """The log-odds on a scale from 0 (the smallest change there is, or less) to 100: it ranks, it is no probability."""
    if not measures.files:
        return 0
    model = _model(learnt)
    floor, reached = (probability(model.log_odds(each)) for each in (_NO_LINE, measures))
    return max(0, round(100 * (reached - floor) / (1 - floor))) if floor < 1 else 0


def terms(measures: Measures, learnt: RiskFile | None = None) -> list[Term]:
    """What sets a change apart from the smallest one there is, feature by feature or a few that go together."""
    model = _model(learnt)
    smallest = model.parts(_NO_LINE)
    apart = {name: part - smallest[name] for name, part in model.parts(measures).items()}

    def part(*names: str) -> float:
        return sum(apart.get(name, 0.0) for name in names)

    among = f" in {measures.subsystems} top-level directories" if measures.subsystems > 1 else ""
    commits = measures.experience.commits
    author = "its author's experience"
    if commits is not None:
        author = f"its author has made {count(round(commits), 'commit')} here before"
    results = [
        Term(_added(measures), part("la", "adds")),
        Term(f"{count(measures.deleted, 'line')} deleted", part("ld")),
        Term(f"spread over {count(measures.files, 'file')}{among}", part("nf", "nd", "ns", "entropy")),
        Term("its commits say that it repairs something", part("fix")),
        Term(_files(measures.experience), part("ndev", "age", "old", "nuc")),
        Term(author, part("rexp", "sexp")),
    ]
    return [term for term in results if term.value]


def unknown(measures: Measures, learnt: RiskFile | None = None) -> tuple[str, ...]:
    known = logs(measures)
    return tuple(name for name, weight in _model(learnt).weights.items() if weight and known[name] is None)


def chance(measures: Measures, learnt: RiskFile | None) -> float | None:
    """The probability that the change needs a repair.

    None unless the repository has calibrated on enough outcomes of its own and everything that has a weight is known.
    """
    if learnt is None or learnt.slope is None or learnt.offset is None or learnt.matured < MATURED:
        return None
    if unknown(measures, learnt):
        return None
    return probability(learnt.slope * log_odds(measures, learnt) + learnt.offset)


def thresholds_of(scores: Sequence[int], floors: Sequence[RiskLevel] = ()) -> Thresholds:
    """Where medium, high and critical begin, so that no more than their share of these changes reaches each.

    What a floor (one for each score, if any is given) lifts to a level takes of its share. Where floors lift too many,
    of the others only as large a part gets there as belongs into the level above.
    """
    if not scores:
        return ascending((1, 1, 1))
    ranks = [level.rank for level in floors] or [0] * len(scores)
    borders: list[int] = []
    for rank, (below, below_next) in enumerate(pairwise((*QUANTILES, 1.0)), 1):
        others = sorted(reached for reached, lifted in zip(scores, ranks, strict=True) if lifted < rank)
        left = (1 - below) * len(scores) - (len(scores) - len(others))
        room = floor(round(max(left, (1 - below_next) * len(others)), 6))
        borders.append(others[-room - 1] + 1 if others else 1)
    return ascending(borders)


def ascending(thresholds: Sequence[int]) -> Thresholds:
    """Three thresholds as they have to be, whatever somebody wrote: between 1 and 100, each above the one before."""
    medium, high, critical = thresholds
    medium = min(max(medium, 1), 98)
    high = min(max(high, medium + 1), 99)
    return medium, high, min(max(critical, high + 1), 100)


def _model(learnt: RiskFile | None) -> _Model:
    """The weights to go by; those of a file that lacks a part of them are not believed by halves."""
    if learnt is None or learnt.intercept is None or not learnt.weights:
        return _Model(INTERCEPT, WEIGHTS, {})
    weights = {name: learnt.weights[name] for name in FEATURES if name in learnt.weights}
    lines = max(0.0, weights.get("la", 0.0))
    adds = max(0.0, weights.get("adds", 0.0))
    bounded = {"la": lines, "adds": adds, "entropy": min(max(0.0, weights.get("entropy", 0.0)), lines)}
    return _Model(learnt.intercept, weights | bounded, learnt.typical)


def _added(measures: Measures) -> str:
    lines = f"{count(measures.added, 'line')} added"
    if not measures.added_in_tests:
        return lines
    return f"{lines}, {'all' if measures.added_in_tests == measures.added else f'{measures.added_in_tests:,}'} in tests"


def _files(past: Experience) -> str:
    parts = []
    if past.developers is not None:
        people = round(past.developers)
        parts.append(f"{'1 person has' if people == 1 else f'{people:,} people have'} changed its files before")
    if past.age is not None:
        parts.append(f"they last changed {count(round(past.age), 'day')} ago on average")
    return ", ".join(parts) or "the past of its files"
