"""Decides on a deployment: the score twice, the stops, and what people have lifted of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.risk.assessment import Floor, assess, floors
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.analysis.rules.suppression import graded, weighed
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.gate_evidence import SIGNALS, GateEvidence, Reading, State
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Conclusion, Ground, Reason, Risk, RiskLevel
from cicd_agent.modes.deploy_gate import advice, holds
from cicd_agent.modes.deploy_gate import facts as previous_runs
from cicd_agent.modes.deploy_gate.advice import minutes_to_double, sight
from cicd_agent.modes.deploy_gate.approvals import Shown, Voice, hear, lifted
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.freezes import calendar
from cicd_agent.modes.deploy_gate.questions import GateDraft, prove
from cicd_agent.modes.deploy_gate.result import Band, Gated, GateDecision, Hold, LiftedBy, Objection
from cicd_agent.modes.deploy_gate.score import Policy, Score, digest, policy, scored, sound, targets
from cicd_agent.modes.deploy_gate.signals.deployments import Retreat, exempt, retreat
from cicd_agent.modes.deploy_gate.signals.reviews import match, review
from cicd_agent.settings.schema import Settings

_LONGEST = 300
_GRAVE = frozenset({RiskLevel.HIGH, RiskLevel.CRITICAL})
_UNITS = {"tests": " %", "coverage": " points", "failures": " %"}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What models said, the worst of it where several did: nothing here is a yes."""

    drafts: tuple[GateDraft, ...] = ()
    objections: tuple[Objection, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def confidence(self) -> float | None:
        """In proceeding, None when nobody was heard."""
        return min((draft.confidence_in_proceeding for draft in self.drafts), default=None)

    @property
    def level(self) -> RiskLevel:
        return max((RiskLevel(draft.risk_level) for draft in self.drafts), key=lambda each: each.rank)


def verify(rules: RuleDraft, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Gated:
    """The decision. Whatever models say, it is at most as good as the rules alone make it."""
    gate = evidence.get(GATE) or GateEvidence("", "", 0)
    event, judged = evidence.event, policy(settings)
    opinion = listen(answers, evidence, settings)
    readings = _signals(gate, evidence, judged, opinion)
    score = scored(judged, readings)
    standing, weighty = _findings(rules, evidence, settings)
    blocking = holds.blocking_of(standing, settings)
    going_back = retreat(gate, event, holds.red_checks(gate, judged))
    found = [*_ruled(evidence, judged, score, readings, blocking=blocking, settings=settings)]
    if going_back is not None:
        found.append(going_back.stop)
    objection = _objection(opinion, judged)
    spoken = [*holds.about_model(settings, judged, score, objection, heard=bool(opinion.drafts))]
    fingerprints = tuple(sorted({each.fingerprint for each in blocking}))
    shown = Shown(gate.sha, gate.environment, digest(settings), score.factors, fingerprints, tuple(found))
    voice = _voice(opinion, score, spoken)
    # Whoever approves in spite of what a model says approves it without that as well, and never the other way round:
    # so no answer of a model can make an approval count that would not count without one.
    hashes = [shown.hash(each) for each in Voice if each >= voice]
    words = hear(gate, event, hashes, settings.approval_hours)
    every = lifted((*found, *spoken), words)
    decision = _decision(every, going_back)
    if any(each.id == holds.OWN_POLICY and not each.lifted for each in every):
        # A deployment does not take the gate away from before itself.
        defaults = {"enforce": True, "on_hold": "fail"}
        settings = settings.model_copy(update={name: each for name, each in defaults.items() if name not in gate.told})
    risk = _risk(rules, evidence, weighty, opinion, settings)
    kinds_there = advice.touched(evidence.change)
    urgent = exempt(gate, event)
    own = previous_runs.Way(
        *advice.strategy(risk.level, settings, urgent=bool(urgent)), advice.monitor_minutes(risk.level, settings)
    )
    way = previous_runs.careful(own, evidence, gate)
    traffic = gate.traffic if gate.traffic is not None else settings.traffic_per_minute
    baseline = settings.baseline_error_rate
    seen = sight(way.percentage, traffic, baseline, way.minutes) if traffic else None
    doubled = minutes_to_double(way.percentage, traffic, baseline) if traffic else None
    asks = decision is GateDecision.HOLD and all(each.lift is LiftedBy.APPROVAL for each in every if not each.lifted)
    return Gated(
        conclusion=_conclusion(decision, settings),
        decision=decision,
        environment=gate.environment,
        sha=gate.sha,
        score=score.score,
        score_without=score.without,
        threshold=judged.threshold,
        reachable=score.reachable,
        risk=risk,
        hash=hashes[0],
        confidence=opinion.confidence,
        factors=score.factors,
        stops=every,
        requires_approval=asks,
        enforced=settings.enforce,
        review_match=match(gate, event),
        strategy=way.strategy,
        canary_percentage=way.percentage,
        sight=seen,
        rollback_trigger=advice.trigger(baseline, seen, [each.rollback_trigger for each in opinion.drafts]),
        rollback_to=going_back.to if going_back else "",
        pre_deploy_checks=advice.checks(
            kinds_there, [text for each in opinion.drafts for text in each.pre_deploy_checks]
        ),
        monitoring_focus=advice.focus(
            kinds_there, [text for each in opinion.drafts for text in each.monitoring_focus], doubled
        ),
        objections=opinion.objections,
        dropped=opinion.dropped,
        remarks=tuple(each.summary for each in opinion.drafts if each.summary.strip()),
        blocking=fingerprints,
        heard=words,
        not_applicable=judged.not_applicable,
        would_proceed=tuple(_would_proceed(decision, every, judged, readings, hashes[0])),
        escalate=tuple(_escalations(risk, opinion, evidence, asks=asks)),
        exempt=urgent if gate.error_budget is not None and gate.error_budget <= 0 else "",
        at=gate.at,
    )


def listen(answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Opinion:
    """What the answers say, and which of their objections are proved."""
    heard = [(answer.draft, answer.lookups) for answer in answers if isinstance(answer.draft, GateDraft)]
    proofs = [prove(draft, evidence, settings, lookups) for draft, lookups in heard]
    return Opinion(
        tuple(draft for draft, _ in heard),
        tuple(each for standing, _ in proofs for each in standing),
        tuple(each for _, dropped in proofs for each in dropped),
    )


def _signals(gate: GateEvidence, evidence: Evidence, judged: Policy, opinion: Opinion) -> dict[str, Reading]:
    found = {name: gate.reading(name) for name in SIGNALS}
    found["review"] = review(gate, evidence.event)
    if found["model"].state in {State.KNOWN, State.MISSING}:
        confidence = opinion.confidence
        found["model"] = (
            Reading("model", State.MISSING, problem="no model was heard")
            if confidence is None
            else Reading("model", State.KNOWN, confidence, f"{confidence:.2f} confident in proceeding", "the model")
        )
    return {name: sound(each, judged, gate.at) for name, each in found.items()}


def _findings(rules: RuleDraft, evidence: Evidence, settings: Settings) -> tuple[list[Finding], list[Finding]]:
    if evidence.change is None:
        found = list(graded(rules.findings))
        return found, found
    return weighed(rules, evidence.change, settings)


def _ruled(
    evidence: Evidence,
    judged: Policy,
    score: Score,
    readings: Mapping[str, Reading],
    *,
    blocking: Sequence[Finding],
    settings: Settings,
) -> Iterator[Hold]:
    """The stops for which no model is needed."""
    gate, event = evidence.get(GATE) or GateEvidence("", "", 0), evidence.event
    dates = calendar(settings.freezes, gate.environment, gate.at)
    yield from holds.about_event(gate, dates)
    if gate.unserved or not gate.sha or not gate.environment:
        # Nobody has looked at anything else.
        return
    yield from holds.about_checks(gate, judged)
    yield from holds.about_change(gate, event, judged, blocking)
    if "review" not in judged.not_applicable:
        yield from previous_runs.about_review(evidence, gate)
    yield from holds.about_policy(gate, event, evidence.change, settings.config_file)
    yield from holds.about_time(gate, event, dates.frozen)
    if evidence.change is None:
        yield Hold("fault-change", "the change could not be read", LiftedBy.APPROVAL, "fetch the whole history")
    yield from holds.about_readings(gate, judged, readings)
    yield from holds.about_score(judged, score, readings)


def _objection(opinion: Opinion, judged: Policy) -> str:
    """Why a model holds: proved words against a grave risk, or too little confidence, which needs no proof."""
    confidence, red = opinion.confidence, judged.bands["model"].red
    if confidence is None:
        return ""
    if opinion.objections and opinion.level in _GRAVE:
        return f"the model objects: {_line(opinion.objections[0].text)}"
    if confidence < red:
        return f"the model is {confidence:.2f} confident in proceeding, less than {red:g}"
    return ""


def _voice(opinion: Opinion, score: Score, spoken: Sequence[Hold]) -> Voice:
    if not opinion.drafts:
        return Voice.SILENT
    if spoken:
        return Voice.OBJECTS
    model = next(each for each in score.factors if each.name == "model")
    return Voice.CONFIDENT if model.band in {Band.GREEN, Band.NOT_APPLICABLE} else Voice.UNSURE


def _decision(every: Sequence[Hold], going_back: Retreat | None) -> GateDecision:
    standing = [each for each in every if not each.lifted]
    if going_back is not None and going_back.to and any(each.id == going_back.stop.id for each in standing):
        return GateDecision.ROLLBACK
    return GateDecision.HOLD if standing else GateDecision.PROCEED


def _conclusion(decision: GateDecision, settings: Settings) -> Conclusion:
    if decision is GateDecision.PROCEED:
        return Conclusion.SUCCESS
    return Conclusion.FAILURE if settings.enforce and settings.on_hold == "fail" else Conclusion.NEUTRAL


def _risk(
    rules: RuleDraft, evidence: Evidence, findings: Sequence[Finding], opinion: Opinion, settings: Settings
) -> Risk:
    """The rules' risk, raised to what a model sees where a quote of its proves a reason."""
    if evidence.change is None:
        return Risk(RiskLevel.CRITICAL, 100, (Reason("the change could not be read", 100, Ground.SHAPE),))
    floor = floors(rules.areas, findings, settings.min_confidence)
    if opinion.objections:
        floor.append(Floor(opinion.level, f"the model: {_line(opinion.objections[0].text)}", Ground.FINDING))
    return assess(evidence.change, floor, evidence.history, evidence.learnt)


def _would_proceed(
    decision: GateDecision, every: Sequence[Hold], judged: Policy, readings: Mapping[str, Reading], approved: str
) -> Iterator[str]:
    standing = [each for each in every if not each.lifted]
    if decision is GateDecision.PROCEED:
        return
    short = any(each.id == "score" for each in standing)
    # What makes the score reachable is a way to reach it, and no stop beside it.
    of_score = {"score", "unreachable"} if short else set()
    better = [*_better(judged, readings)] if short else []
    better += [f"{each.id}: {each.remedy}" for each in standing if each.id in of_score - {"score"}]
    mended = [f"{each.id}: {each.remedy}" for each in standing if each.id not in of_score and each.remedy]
    if mended:
        # Each of them holds by itself: only all of them together are enough.
        first = [", or ".join(better) or "score: more than one better signal"] if short else []
        yield "; and ".join([*first, *mended])
    else:
        yield from better
    if decision is not GateDecision.HOLD or any(each.lift is LiftedBy.NOBODY for each in standing):
        return
    if all(each.lift is LiftedBy.APPROVAL for each in standing):
        yield f"an approval of {approved}"
    else:
        yield f"an override of {approved}, with a reason"


def _better(judged: Policy, readings: Mapping[str, Reading]) -> Iterator[str]:
    """What each signal has to be so that the score is reached by it alone."""
    for name, value in targets(judged, readings).items():
        if name == "review":
            yield "every commit approved by somebody who did not write it, and no changes requested"
        else:
            there = "measured, at" if readings[name].state is State.MISSING else "at"
            yield f"{name} {there} {_number(value)}{_UNITS[name]} or better"


def _escalations(risk: Risk, opinion: Opinion, evidence: Evidence, *, asks: bool) -> Iterator[str]:
    if asks:
        yield "a person may approve what holds it"
    if risk.level is RiskLevel.CRITICAL:
        yield "the risk is critical"
    if any(draft.escalate_to_human for draft in opinion.drafts):
        yield "the model asks for a person"
    if len(opinion.dropped) > len(opinion.objections):
        claims = len(opinion.dropped) + len(opinion.objections)
        yield f"{len(opinion.dropped)} of the model's {claims} objections could not be proved"
    unread = [gap.what for gap in evidence.gaps if PathKind.SOURCE in kinds(gap.what)]
    if unread:
        yield f"{count(len(unread), 'source file')} could not be read"


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _line(text: str) -> str:
    return clip(visible_line(" ".join(text.split())), _LONGEST)
