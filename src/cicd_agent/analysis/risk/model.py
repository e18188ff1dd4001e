"""How likely a change of some shape is to need a repair: the weights that are shipped, or those of the repository.

The model is just-in-time defect prediction: the log-odds that a later commit has to repair a change are a weighted sum
of ln(1 + feature). The shipped weights know the diff alone. They were fitted to several open-source projects; their
form, fitted without the project that it is judged by, orders the changes of four projects with a mean area under the
ROC curve of .739, where lines added alone reach .731 (`benchmarks/risk_model.py`). A project's own past, with authors,
ages and experience, reaches .755 (`calibration.learn`). To strangers these say little: they point in different
directions in different projects, and made weights from elsewhere worse (.725), so that none of them is shipped.

Added lines never lower the result, whoever wrote the weights: theirs is never negative, and that of the entropy, which
the same lines change, stays between 0 and theirs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log1p

from cicd_agent.analysis.risk.logistic import probability
from cicd_agent.domain.repository.history import Experience, Measures
from cicd_agent.domain.repository.risk_file import RiskFile
from cicd_agent.domain.text.words import count

FEATURES = ("la", "ld", "nf", "nd", "ns", "entropy", "fix", "lt", "ndev", "age", "nuc", "exp", "rexp", "sexp")
"""The names of the features, as the field calls them: the keys of `RiskFile.weights`."""
OF_THE_DIFF = FEATURES[:7]

NEVER_LOWER = ("la", "entropy")
"""The features whose weights are never negative: more added lines are never less risky."""

# What `benchmarks/risk_model.py --write` prints: fitted to four open-source projects of the same weight (OpenStack, Qt,
# Go, the Eclipse platform; 76,712 changes).
INTERCEPT = -2.96
WEIGHTS: Mapping[str, float] = {
    "la": 0.4142,
    "ld": 0.0695,
    "nf": 0.1949,
    "nd": 0,
    "ns": 0.2992,
    "entropy": 0,
    "fix": 1.323,
}

_NO_LINE = Measures(subsystems=1, directories=1, files=1)

Thresholds = tuple[int, int, int]

SHIPPED_THRESHOLDS: Thresholds = (22, 48, 69)

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
    values = {
        "la": measures.added,
        "ld": measures.deleted,
        "nf": measures.files,
        "nd": measures.directories,
        "ns": measures.subsystems,
        "entropy": measures.entropy,
        "fix": float(measures.is_fix),
        "lt": measures.lines_before,
        "ndev": past.developers,
        "age": past.age,
        "nuc": past.last_changes,
        "exp": past.commits,
        "rexp": past.recent_commits,
        "sexp": past.subsystem_commits,
    }
    # Clocks go wrong: an age may be below nothing.
    return {name: None if value is None else log1p(max(0.0, value)) for name, value in values.items()}


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
        Term(f"{count(measures.added, 'line')} added", part("la")),
        Term(f"{count(measures.deleted, 'line')} deleted", part("ld")),
        Term(f"spread over {count(measures.files, 'file')}{among}", part("nf", "nd", "ns", "entropy")),
        Term("its commits say that it repairs something", part("fix")),
        Term(f"its files had {count(round(measures.lines_before or 0), 'line')} before", part("lt")),
        Term(_files(measures.experience), part("ndev", "age", "nuc")),
        Term(author, part("exp", "rexp", "sexp")),
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


def thresholds_of(scores: Iterable[int]) -> Thresholds:
    """Where medium, high and critical begin, so that no more than their share of these scores reaches each."""
    ordered = sorted(scores)
    if not ordered:
        return ascending((1, 1, 1))
    return ascending([ordered[max(0, ceil(share * len(ordered)) - 1)] + 1 for share in QUANTILES])


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
    bounded = {"la": lines, "entropy": min(max(0.0, weights.get("entropy", 0.0)), lines)}
    return _Model(learnt.intercept, weights | bounded, learnt.typical)


def _files(past: Experience) -> str:
    parts = []
    if past.developers is not None:
        people = round(past.developers)
        parts.append(f"{'1 person has' if people == 1 else f'{people:,} people have'} changed its files before")
    if past.age is not None:
        parts.append(f"they last changed {count(round(past.age), 'day')} ago on average")
    return ", ".join(parts) or "the past of its files"
