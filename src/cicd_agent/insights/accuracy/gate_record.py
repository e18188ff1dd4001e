"""What a deployment gate has done so far, and how often it was wrong: counted from its reports and what came later."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import sqrt

from cicd_agent.analysis.risk.outcome_labels import Source
from cicd_agent.domain.gate_evidence import State
from cicd_agent.modes.deploy_gate.result import Band, Gated, GateDecision

OUTCOME_DAYS = 7
"""What has not shown so long after a deployment is not laid at its door."""

_NORMAL = 1.959963984540054
"""The standard normal's .975 quantile: 95 % lie within this many standard deviations."""


class Fate(StrEnum):
    """What became of a commit in its environment."""

    UNKNOWN = "unknown"
    """Nobody could say: no deployment of it is known, or it is too young."""
    FINE = "fine"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class DeploymentOutcome:
    """What is known of a commit after a gate decided on it.

    `deployed` is whether a deployment of it to that environment is on record, None when the record was not read.
    `sources` say how it went wrong within OUTCOME_DAYS days.
    """

    deployed: bool | None = None
    fate: Fate = Fate.UNKNOWN
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """So many of `n`, and where the true share lies with a confidence of 95 % (None when there is nothing to count)."""

    times: int
    n: int
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, times: int, n: int) -> "Share":
        """Wilson's interval, which holds for few and for none, too.

        E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927).
        """
        if not n:
            return cls(times, n)
        z2 = _NORMAL**2
        middle = (times + z2 / 2) / (n + z2)
        reach = _NORMAL / (n + z2) * sqrt(times * (n - times) / n + z2 / 4)
        # Rounding must not keep the ends from what was seen.
        return cls(times, n, max(middle - reach, 0.0) if times else 0.0, middle + reach if times < n else 1.0)


@dataclass(frozen=True, slots=True)
class GateRecord:
    """The counts. `stops` and `signals` are sorted by how often they stood in the way, then by name.

    `decisions` are by word. `shadowed` were not enforced, `lifted` proceeded because a person said so. `signals` count
    the decisions in which a signal was red, missing or at fault. `repeated` are reports of a decision that is counted
    already. `false_holds` are of the holds in shadow that were deployed all the same and whose fate is known; `misses`
    are of the decisions to proceed whose fate is known.
    """

    n: int
    decisions: Mapping[str, int] = field(default_factory=dict)
    shadowed: int = 0
    lifted: int = 0
    repeated: int = 0
    stops: tuple[tuple[str, int], ...] = ()
    signals: tuple[tuple[str, int], ...] = ()
    false_holds: Share = field(default_factory=lambda: Share.of(0, 0))
    misses: Share = field(default_factory=lambda: Share.of(0, 0))
    missed_by: tuple[tuple[str, int], ...] = ()
    """How what was missed went wrong; one deployment may have done so in several ways."""
    undecided: int = 0
    """Decisions whose fate is not known."""


def gate_record(decided: Sequence[Gated], outcomes: Mapping[tuple[str, str], DeploymentOutcome]) -> GateRecord:
    """Count what was decided; `outcomes` are by commit and environment."""
    # The same commit, environment, grounds and result in two reports is one decision.
    once = {_identity(gated): gated for gated in decided}.values()
    fates = [(gated, outcomes.get((gated.sha, gated.environment), DeploymentOutcome())) for gated in once]
    # A hold that was lifted is no proceeding of the gate's: a person took it over.
    proceeded = [outcome for gated, outcome in fates if gated.decision is GateDecision.PROCEED and not is_lifted(gated)]
    passed = [outcome for outcome in proceeded if outcome.fate is not Fate.UNKNOWN]
    missed = [outcome for outcome in passed if outcome.fate is Fate.BAD]
    held = [
        outcome
        for gated, outcome in fates
        if gated.decision is not GateDecision.PROCEED and not gated.enforced
        if outcome.deployed and outcome.fate is not Fate.UNKNOWN
    ]
    return GateRecord(
        n=len(once),
        decisions={word: sum(gated.decision is word for gated in once) for word in GateDecision},
        shadowed=sum(not gated.enforced for gated in once),
        lifted=sum(is_lifted(gated) for gated in once),
        repeated=len(decided) - len(once),
        stops=_ranked(Counter(stop.id for gated in once for stop in {s.id: s for s in gated.stops}.values())),
        signals=_ranked(Counter(name for gated in once for name in _weak(gated))),
        false_holds=Share.of(sum(outcome.fate is Fate.FINE for outcome in held), len(held)),
        misses=Share.of(len(missed), len(passed)),
        missed_by=_ranked(Counter(source for outcome in missed for source in outcome.sources)),
        undecided=sum(outcome.fate is Fate.UNKNOWN for _, outcome in fates),
    )


def _identity(gated: Gated) -> tuple[str, str, str, str, bool]:
    return gated.sha, gated.environment, gated.hash, gated.decision, is_lifted(gated)


def is_lifted(gated: Gated) -> bool:
    return gated.decision is GateDecision.PROCEED and any(stop.lifted for stop in gated.stops)


def _weak(gated: Gated) -> frozenset[str]:
    """The signals that stood in the way."""
    bands = {Band.RED, Band.MISSING, Band.FAULT}
    faults = set(State) - {State.KNOWN, State.MISSING}
    return frozenset(factor.name for factor in gated.factors if factor.band in bands or factor.state in faults)


def _ranked(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
