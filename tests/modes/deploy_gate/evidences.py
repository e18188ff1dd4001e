"""What a gate saw, as the tests write it: a deployment that proceeds with 100, and whatever else could be seen."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.events.event import Actor, Event, EventKind
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.finding import Category, Finding, Location, Severity
from cicd_agent.domain.gate_evidence import (
    FACTS,
    SIGNALS,
    ApprovalComment,
    CheckState,
    Deployed,
    GateEvidence,
    Incident,
    Match,
    OriginPull,
    PastDeployment,
    Reading,
    ReviewState,
    State,
)
from cicd_agent.domain.repository.change import Change
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.questions import GateDraft
from cicd_agent.modes.deploy_gate.result import GateResult
from cicd_agent.modes.deploy_gate.verdict import verify
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

AT = 1_790_000_000
"""A Monday in September 2026, when every gate of the tests looks."""
SHA, BASE, HEAD, OLDER = "a" * 40, "b" * 40, "c" * 40, "d" * 40
ENVIRONMENT = "production"
CHANGE = change_of(("src/client.py", "limit = 3\n", "limit = 5\n"))
EVENT = Event(EventKind.PUSH, "push", repo="o/r", default_branch="main", sha=SHA, actor=Actor("pusher"))
APPROVED = ReviewState("rita", "APPROVED", HEAD, AT - 7_200)
PULL = OriginPull(12, "ada", "main", HEAD, SHA, "Raise the limit", (), ("ada",), (APPROVED,))
COMMIT = Deployed(SHA, "Raise the limit (#12)", Match.SAME_PATCH, 12)
GREEN = {"tests": 100.0, "coverage": 0.5, "failures": 2.0}
WORSE = (State.MISSING, State.ERROR, State.TIMEOUT, State.STALE, State.NONSENSE)


def reading(name: str, value: float | None = None, state: State = State.KNOWN, **fields: Any) -> Reading:
    """One reading of a minute ago."""
    known = {"source": "a test", "measured": AT - 60, "problem": "" if state is State.KNOWN else "it is said so"}
    return Reading(name, state, value, **{**known, **fields})


def readings(*others: Reading) -> tuple[Reading, ...]:
    """All that is read, green, less what `others` say by the same name."""
    told = {each.name: each for each in others}
    clean = [*(reading(name, GREEN.get(name)) for name in SIGNALS if name != "model"), *map(reading, FACTS)]
    own = [each for each in others if each.name not in {known.name for known in clean}]
    return (*(told.get(each.name, each) for each in clean), *own)


def check(name: str, conclusion: str = "success", **fields: Any) -> CheckState:
    """A check run that has ended."""
    return CheckState(name, "completed", conclusion, **{"ended": AT - 300, "app": "github-actions", **fields})


def deployment(sha: str, state: str = "success", **fields: Any) -> PastDeployment:
    """A deployment of an hour ago."""
    return PastDeployment(**{"id": 7, "sha": sha, "ref": "main", "created": AT - 3_600, "ended": AT - 3_000,
                             "state": state, **fields})  # fmt: skip


def word(hash_: str, kind: str = "approve", **fields: Any) -> ApprovalComment:
    """A comment of somebody who may say so."""
    known = {"id": 1, "kind": kind, "hash": hash_, "reason": "", "author": "rita", "permission": "write",
             "created": AT - 60}  # fmt: skip
    return ApprovalComment(**{**known, **fields})


def evidence(
    *,
    event: Event = EVENT,
    change: Change | None = CHANGE,
    exhibits: Sequence[Exhibit] = (),
    **gate: Any,
) -> Evidence:
    """A deployment that proceeds with 100, less what is said of its `gate`."""
    clean: dict[str, Any] = {
        "sha": SHA,
        "environment": ENVIRONMENT,
        "at": AT,
        "base": BASE,
        "ref": "main",
        "readings": readings(),
        "checks": (check("unit"), check("lint")),
        "required": ("unit",),
        "commits": (COMMIT,),
        "pulls": (PULL,),
        "deployments": (deployment(BASE),),
    }
    return Evidence(event, change, tuple(exhibits)).put(GATE, GateEvidence(**{**clean, **gate}))


def with_reading(seen: Evidence, *others: Reading) -> Evidence:
    """The evidence with other readings in the place of those of their names."""
    assert seen.get(GATE) is not None
    kept = [each for each in seen[GATE].readings if each.name not in {other.name for other in others}]
    return with_gate(seen, readings=(*kept, *others))


def with_gate(seen: Evidence, **fields: Any) -> Evidence:
    """The evidence with something else in its gate."""
    assert seen.get(GATE) is not None
    return seen.put(GATE, replace(seen[GATE], **fields))


def draft(*objections: tuple[str, str], **fields: Any) -> GateDraft:
    """What a model says: objections as (text, quote), of the file that the clean evidence changes."""
    known: dict[str, Any] = {
        "objections": [{"text": text, "quote": quote, "source": "src/client.py"} for text, quote in objections],
        "risk_level": "low",
        "confidence_in_proceeding": 0.9,
        "pre_deploy_checks": (),
        "monitoring_focus": (),
        "rollback_trigger": "",
        "summary": "",
        "escalate_to_human": False,
    }
    return GateDraft.model_validate({**known, **fields})


def answer(said: GateDraft | None) -> Answer[GateDraft]:
    """An answer with a draft, or without one."""
    return Answer("deploy-gate", said)


def finding(severity: Severity = Severity.HIGH, rule: str = "sql-injection", **fields: Any) -> Finding:
    """A finding of a rule in the change."""
    known: dict[str, Any] = {
        "title": "SQL from text",
        "message": "",
        "category": Category.SECURITY,
        "location": Location("src/client.py", 1),
        "quote": "limit = 5",
    }
    return Finding(rule, severity=severity, **{**known, **fields})


def decide(
    seen: Evidence, *said: GateDraft, found: Sequence[Finding] = (), settings: Settings | None = None, **knobs: Any
) -> GateResult:
    """The decision on it; `knobs` are settings."""
    rules = RuleDraft(findings=tuple(found))
    return verify(rules, [answer(each) for each in said], seen, settings or Settings(**knobs))


def stops(gated: GateResult) -> set[str]:
    """The names of what holds."""
    return {each.id for each in gated.stops if not each.lifted}


def generated(random: Random) -> Evidence:
    """Anything that could be seen, mostly near what proceeds."""

    def rare() -> bool:
        return random.random() < 0.12

    measured = [
        reading(name, random.uniform(*limits), random.choice(WORSE) if rare() else State.KNOWN)
        for name, limits in _RANGES.items()
        if random.random() < 0.6
    ]
    facts = [reading(name, state=random.choice(WORSE)) for name in FACTS if random.random() < 0.03]
    harms = rare()
    runs_there = (deployment(SHA, random.choice(["failure", "success", "error"])), deployment(OLDER, id=6))
    return evidence(
        readings=readings(*measured, *facts),
        commits=() if rare() else tuple(_commit(random, number) for number in range(random.randint(1, 3))),
        pulls=() if rare() else (replace(PULL, reviews=tuple(_reviews(random))),),
        checks=tuple(check(name, _conclusion(random)) for name in ("unit", "lint")),
        required=random.choice([None, (), ("absent",)]) if rare() else ("unit",),
        deployments=runs_there if harms else (deployment(BASE),),
        incidents=(Incident(5, "It is down", AT - random.choice([60, 60_000])),) if harms or rare() else (),
        unknown_base="what runs now (bbbbbbb) is not in this clone" if random.random() < 0.02 else "",
        is_first=random.random() < 0.02,
        error_budget=random.choice([-0.1, 0.0, 0.4]) if rare() else None,
        traffic=random.choice([None, 120.0, 1e9]),
        unserved="deploy-gate does not serve the event `schedule`" if random.random() < 0.02 else "",
        policy=("`treshold` is no key",) if random.random() < 0.02 else (),
        change=None if random.random() < 0.03 else CHANGE,
    )


_RANGES = {"tests": (96.0, 100.0), "coverage": (-4.0, 1.0), "failures": (0.0, 15.0)}


def _commit(random: Random, number: int) -> Deployed:
    if random.random() < 0.85:
        return COMMIT
    match = random.choice([Match.EXACT, Match.SAME_PATCH, Match.SAME_PATCH, Match.NONE])
    return Deployed(f"{number:040x}", random.choice(["Add it", 'Revert "Add it"']), match, random.choice([12, 0]))


def _reviews(random: Random) -> Iterator[ReviewState]:
    if random.random() < 0.85:
        yield APPROVED
    for _ in range(random.randint(0, 1)):
        state = random.choice(["APPROVED", "CHANGES_REQUESTED", "DISMISSED"])
        author, commit = random.choice(["rob", "ada", "ours"]), random.choice([HEAD, BASE])
        yield ReviewState(author, state, commit, is_person=random.random() < 0.9, is_ours=author == "ours")


def _conclusion(random: Random) -> str:
    return random.choice(["failure", "", "skipped"]) if random.random() < 0.08 else "success"


def evidences() -> st.SearchStrategy[Evidence]:
    """Anything that could be seen, for Hypothesis."""
    return st.randoms(use_true_random=False).map(generated)
