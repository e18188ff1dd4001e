"""What models cost over a span of time: by mode, repository, model and day, exact to a billionth of a dollar."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from operator import attrgetter
from typing import Final

from cicd_agent.domain.audit_entry import Row
from cicd_agent.insights.cost.savings import Rates, Saved, Savings
from cicd_agent.insights.cost.spending import COUNTED, Part, Spent, Used, spent

_FIELDS: Final = attrgetter(*COUNTED)
_Counts = Sequence[tuple[int | None, ...]]
"""Of each count, in the order of COUNTED, what the parts of a run say."""
GROUPINGS: Final = ("mode", "repository", "model", "day")


@dataclass(frozen=True, slots=True)
class CostliestRun:
    repository: str
    seq: int
    cost: int


@dataclass(frozen=True, slots=True)
class Spending:
    """What the runs of one name used together; money is in billionths of a US dollar.

    `used` sums what is known, and `unreported` says of how many runs each count is not; `cost` leaves out the `unknown`
    runs, whose cost nobody knows. `median` and `p95` are of a run that asked and whose cost is known, None without one.
    """

    name: str
    runs: int = 0
    asked: int = 0
    used: Mapping[str, int] = field(default_factory=dict)
    unreported: Mapping[str, int] = field(default_factory=dict)
    cost: int = 0
    unknown: int = 0
    median: int | None = None
    p95: int | None = None
    dearest: CostliestRun | None = None


@dataclass(frozen=True, slots=True)
class CostReport:
    """All of it. `by` holds the groups of each grouping, the dearest first, days in their order.

    `unreadable` entries are not counted anywhere, `first_unreadable` is one of them; `duplicates` counts entries in
    which a later job of the same run repeats the same spending. `unknown` says why costs are not known, with how many
    runs.
    """

    total: Spending
    by: Mapping[str, tuple[Spending, ...]]
    saved: tuple[Saved, ...]
    unknown: tuple[tuple[str, int], ...] = ()
    unreadable: int = 0
    first_unreadable: str = ""
    duplicates: int = 0


def cost_report(rows: Iterable[Row], rates: Callable[[str], Rates | None]) -> CostReport:
    """Add up entries of runs; `rates` are what a model costs today, by its name. Memory grows with a number a run."""
    rates = cache(rates)
    total = _Tally()
    groups: dict[str, dict[str, _Tally]] = {grouping: defaultdict(_Tally) for grouping in GROUPINGS}
    savings = Savings(rates)
    unknown: Counter[str] = Counter()
    unreadable, first, duplicates = 0, "", 0
    seen: set[str] = set()
    for row in rows:
        run = spent(row)
        if run is None:
            unreadable, first = unreadable + 1, first or f"{row.repository}#{row.seq}"
            continue
        if run.duplicate_key:
            key = f"{run.repository}\n{run.mode}\n{run.duplicate_key}"
            if key in seen:
                duplicates += 1
                continue
            seen.add(key)
        day = datetime.fromtimestamp(run.at, UTC).date().isoformat()
        by_part = [_counts(part.used) for part in run.parts]
        counts = tuple(zip(*by_part, strict=True))
        total.add(run, counts, run.cost)
        for grouping, name in (("mode", run.mode), ("repository", run.repository), ("day", day)):
            groups[grouping][name].add(run, counts, run.cost)
        for part, own, share in zip(run.parts, by_part, shares(run, rates), strict=True):
            groups["model"][part.model].add(run, tuple((each,) for each in own), share)
        unknown[run.reason] += run.cost is None
        savings.add(run)
    by = {grouping: _sorted(grouping, found) for grouping, found in groups.items()}
    medians = {each.name: each.median for each in by["mode"]}
    return CostReport(
        total.result(""),
        by,
        savings.result(medians),
        tuple((reason, number) for reason, number in unknown.most_common() if number),
        unreadable,
        first,
        duplicates,
    )


def shares(run: Spent, rates: Callable[[str], Rates | None]) -> tuple[int | None, ...]:
    """The cost of a run divided between the models that it asked, by what their tokens cost today; the sum is exact.

    By their numbers of tokens, or of requests, where the former are not known.
    """
    if run.cost is None or len(run.parts) == 1:
        return (run.cost,) * len(run.parts)
    weighings: tuple[Callable[[Part], int | None], ...] = (
        lambda part: found.of(part.used) if (found := rates(part.model)) else None,
        lambda part: _plus(part.used.input, part.used.output),
        lambda part: part.used.requests,
        lambda _: 1,
    )
    weights: list[int] = []
    for weigh in weighings:
        weights = [weight for part in run.parts if (weight := weigh(part)) is not None]
        if len(weights) == len(run.parts) and any(weights):
            break
    whole = sum(weights)
    ends = [run.cost * sum(weights[: index + 1]) // whole for index in range(len(weights))]
    return tuple(end - start for start, end in pairwise([0, *ends]))


def _plus(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right


class _Tally:
    def __init__(self) -> None:
        self.runs = self.asked = self.cost = self.unknown = 0
        self.used = [0] * len(COUNTED)
        self.unreported = [0] * len(COUNTED)
        self.costs = array("q")
        self.dearest: CostliestRun | None = None

    def add(self, run: Spent, counts: _Counts, cost: int | None) -> None:
        self.runs += 1
        self.asked += run.asked
        for index, values in enumerate(counts):
            for value in values:
                if value is not None:
                    self.used[index] += value
            self.unreported[index] += None in values
        if cost is None:
            self.unknown += 1
            return
        self.cost += cost
        if run.asked:
            self.costs.append(cost)
            if self.dearest is None or cost > self.dearest.cost:
                self.dearest = CostliestRun(run.repository, run.seq, cost)

    def result(self, name: str) -> Spending:
        ordered = sorted(self.costs)
        return Spending(
            name,
            self.runs,
            self.asked,
            dict(zip(COUNTED, self.used, strict=True)),
            {each: number for each, number in zip(COUNTED, self.unreported, strict=True) if number},
            self.cost,
            self.unknown,
            (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2 if ordered else None,
            ordered[-(-len(ordered) * 95 // 100) - 1] if ordered else None,
            self.dearest,
        )


def _counts(used: Used) -> tuple[int | None, ...]:
    *known, spared_input, spared_output = _FIELDS(used)
    if used.from_cache == 0:
        # Who kept no answers has spared nothing, whether or not the entry is of a version that says so.
        spared_input, spared_output = spared_input or 0, spared_output or 0
    return (*known, spared_input, spared_output)


def _sorted(grouping: str, found: Mapping[str, _Tally]) -> tuple[Spending, ...]:
    groups = [tally.result(name) for name, tally in found.items()]
    if grouping == "day":
        return tuple(sorted(groups, key=lambda each: each.name))
    return tuple(sorted(groups, key=lambda each: (-each.cost, -each.runs, each.name)))
