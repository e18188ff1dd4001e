"""What is known of a commit and where it would go: one answer to each question, from facts, from GitHub, or from both.

GitHub answers most of it by itself. A fact that earlier runs have left takes the place of its answer where it is
fresher and nobody but us could have written it; where GitHub has none, any fact is told, with what it is worth.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from cicd_agent.domain.fact_trust import believed, commit, level, measure
from cicd_agent.domain.facts import Fact, FactKind, Known
from cicd_agent.domain.gate_evidence import GateEvidence, Reading, State
from cicd_agent.domain.text.words import clip, count

GITHUB: Final = "GitHub"
_LONGEST = 200


class Topic(StrEnum):
    """What is asked of a commit before it goes out, in the order of the table that people see."""

    TESTS = "tests"
    COVERAGE = "coverage"
    REVIEW = "review"
    FAILURES = "failures"
    RISK = "risk"
    ROUTE = "route"
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True)
class Answered:
    """What is known on one topic. `value` is in the unit of the gate's signal: percent, points, 0 to 1; else None.

    `word` is the decision or level in one word, `words` all of it for a person, "" when nothing is known: then
    `problem` says why. `at` is in seconds since the epoch, 0 when that is not known. `trusted` is whether nobody but
    GitHub, or who holds a secret, could have said it.
    """

    topic: Topic
    words: str = ""
    value: float | None = None
    word: str = ""
    source: str = ""
    at: int = 0
    trusted: bool = True
    problem: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is an answer."""
        return bool(self.words)

    def age(self, now: float) -> float | None:
        """Seconds since it was so, None when nobody knows."""
        return max(0.0, now - self.at) if self.at else None


@dataclass(frozen=True, slots=True)
class PipelineState:
    """One answer for each topic, as of `at` (seconds since the epoch). `limits` are what could not be read."""

    sha: str
    environment: str
    at: int
    answers: tuple[Answered, ...] = ()
    limits: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, sha: str, environment: str, known: Known, gate: GateEvidence | None = None, *, repository: str, at: int
    ) -> "PipelineState":
        """The state of a commit by facts of its repository, and by what GitHub said where it was asked (`gate`)."""
        facts = believed(known, repository, at)
        answers = tuple(_better(_of_github(topic, gate), _of_facts(topic, facts, sha, environment)) for topic in Topic)
        return cls(sha, environment, at, answers, known.limits)

    def answer(self, topic: Topic) -> Answered:
        """The answer on one topic."""
        found = next((each for each in self.answers if each.topic is topic), None)
        return found or Answered(topic, problem="nobody has looked")


def _better(told: Answered, fact: Answered) -> Answered:
    """The answer that counts: GitHub's, unless there is none or a fact that is to be trusted is fresher."""
    if not fact.is_known:
        return told
    if not told.is_known or (fact.trusted and told.at and fact.at > told.at):
        return fact
    return told


def _of_github(topic: Topic, gate: GateEvidence | None) -> Answered:
    if gate is None:
        return Answered(topic, problem="nothing was found in the account book, and GitHub was not asked")
    match topic:
        case Topic.TESTS | Topic.COVERAGE | Topic.REVIEW | Topic.FAILURES:
            return _of_reading(topic, gate.reading(topic.value), gate.at)
        case Topic.DEPLOYMENT:
            return _of_deployments(gate)
        case Topic.RISK | Topic.ROUTE:
            return Answered(topic, problem="no run of ours has left it, and GitHub does not know it")


def _of_reading(topic: Topic, reading: Reading, now: int) -> Answered:
    if reading.state is not State.KNOWN or reading.value is None:
        return Answered(topic, source=reading.source, problem=reading.problem or f"it is {reading.state}")
    words = reading.words or f"{reading.value:g}"
    return Answered(topic, words, reading.value, "", reading.source or GITHUB, reading.measured or now)


def _of_deployments(gate: GateEvidence) -> Answered:
    reading = gate.reading("deployments")
    if reading.state is not State.KNOWN:
        return Answered(Topic.DEPLOYMENT, source=reading.source, problem=reading.problem)
    last = next((each for each in gate.deployments if not each.held), None)
    if last is None:
        return Answered(Topic.DEPLOYMENT, problem=f"GitHub has no deployment to {gate.environment}")
    state = last.state or "no status yet"
    return Answered(Topic.DEPLOYMENT, f"{last.sha[:7]}: {state}", None, state, GITHUB, last.ended or last.created)


def _of_facts(topic: Topic, known: Known, sha: str, environment: str) -> Answered:
    nothing = Answered(topic)
    found = next(iter(sorted(_facts(topic, known, sha, environment), key=lambda fact: -fact.at)), None)
    if found is None:
        return nothing
    words, value, word = _READ[topic](found)
    run = f" of run {found.event_id}" if found.event_id else ""
    source = clip(f"{found.mode or 'a run'}{run}", _LONGEST)
    return Answered(topic, clip(words, _LONGEST), value, word, source, found.at, known.trusted)


def _facts(topic: Topic, known: Known, sha: str, environment: str) -> Iterator[Fact]:
    """The facts that answer it and make sense."""
    subject = environment if topic is Topic.DEPLOYMENT else sha
    kinds = _KINDS[topic]
    for kind in kinds:
        for fact in known.of(kind, subject) if subject else ():
            if _READ[topic](fact)[0]:
                yield fact


Told = tuple[str, float | None, str]
"""What a fact says: words ("" for nothing), a value, a word."""


def _tests(fact: Fact) -> Told:
    percent = measure(fact.values.get("percent", ""), 0, 100)
    passed, failed = (measure(fact.values.get(name, ""), 0, 1e9) for name in ("passed", "failed"))
    if passed is not None and failed is not None and passed + failed:
        return f"{passed:,.0f} of {count(int(passed + failed), 'test')} passed", 100 * passed / (passed + failed), ""
    return (f"{percent:g} % passed", percent, "") if percent is not None else ("", None, "")


def _coverage(fact: Fact) -> Told:
    delta = measure(fact.values.get("delta", ""), -100, 100)
    shares = [measure(fact.values.get(name, ""), 0, 100) for name in ("before", "after", "changed_after")]
    before, after, changed = shares
    about = " of the files that it touches" if fact.mode == "gen-tests" else " of lines"
    parts = []
    if before is not None and after is not None:
        parts.append(f"{before:.1f} % → {after:.1f} %{about}")
    elif delta is not None:
        parts.append(f"{delta:+.1f} points")
    if changed is not None:
        parts.append(f"{changed:.1f} % of the changed lines")
    return ", ".join(parts), delta, ""


def _review(fact: Fact) -> Told:
    decision = fact.values.get("decision", "")
    if decision not in _DECISIONS:
        return "", None, ""
    blocking = measure(fact.values.get("blocking", ""), 0, 1e6)
    parts = [decision.replace("_", " ")]
    if (risk := level(fact.values.get("risk_level", ""))) is not None:
        parts.append(f"risk {risk}")
    if blocking:
        parts.append(f"{count(int(blocking), 'finding')} that block")
    return ", ".join(parts), None, decision


def _risk(fact: Fact) -> Told:
    risk, score = level(fact.values.get("risk_level", "")), measure(fact.values.get("risk_score", ""), 0, 100)
    if risk is None:
        return "", None, ""
    return f"{risk} ({score:.0f})" if score is not None else risk.value, score, risk.value


def _route(fact: Fact) -> Told:
    tests, strategy = fact.values.get("tests", ""), fact.values.get("strategy", "")
    if tests not in _SCOPES or strategy not in _STRATEGIES:
        return "", None, ""
    share = measure(fact.values.get("canary_percentage", ""), 1, 100)
    minutes = measure(fact.values.get("monitor_minutes", ""), 1, 100_000)
    out = strategy.replace("_", " ") + (f" at {share:.0f} %" if share and strategy == "canary" else "")
    watch = f", watched for {count(int(minutes), 'minute')}" if minutes else ""
    return f"tests {tests}, {out}{watch}", None, strategy


def _deployment(fact: Fact) -> Told:
    decision, sha = fact.values.get("decision", ""), commit(fact.sha)
    if decision not in _GATED or not sha:
        return "", None, ""
    shadow = " (shadow)" if fact.values.get("enforced") == "false" else ""
    return f"{sha[:7]}: the gate said {decision}{shadow}", None, decision


def _nothing(_fact: Fact) -> Told:
    return "", None, ""


_DECISIONS = frozenset({"approve", "comment", "request_changes"})
_SCOPES = frozenset({"none", "affected", "full", "extended"})
_STRATEGIES = frozenset({"rolling", "canary", "blue_green", "direct"})
_GATED = frozenset({"proceed", "hold", "rollback"})
_KINDS: Mapping[Topic, tuple[FactKind, ...]] = MappingProxyType(
    {
        Topic.TESTS: (FactKind.TESTS,),
        Topic.COVERAGE: (FactKind.COVERAGE,),
        Topic.REVIEW: (FactKind.REVIEW,),
        Topic.FAILURES: (),
        Topic.RISK: (FactKind.REVIEW, FactKind.ROUTE),
        Topic.ROUTE: (FactKind.ROUTE,),
        Topic.DEPLOYMENT: (FactKind.DEPLOYMENT,),
    }
)
_READ: Mapping[Topic, Callable[[Fact], Told]] = MappingProxyType(
    {
        Topic.TESTS: _tests,
        Topic.COVERAGE: _coverage,
        Topic.REVIEW: _review,
        Topic.FAILURES: _nothing,
        Topic.RISK: _risk,
        Topic.ROUTE: _route,
        Topic.DEPLOYMENT: _deployment,
    }
)
