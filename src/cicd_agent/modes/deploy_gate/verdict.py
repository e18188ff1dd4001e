"""Decides on a deployment: the score twice, the holds, and what people have lifted of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.risk.assessment import Floor
from cicd_agent.analysis.risk.inert import is_inert
from cicd_agent.analysis.risk.team_policy import affected_services
from cicd_agent.analysis.rules.run import RuleDraft, ruled
from cicd_agent.analysis.rules.suppression import graded, weighed
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.gate_evidence import RATE_LIMIT, TOKEN, GateEvidence, Match, Reading, State
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Conclusion, Ground, Reason, Risk, RiskLevel
from cicd_agent.modes.deploy_gate import advice, holds
from cicd_agent.modes.deploy_gate.approvals import ModelStance, apply_approvals, approval_hashes, check_approvals
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.facts import more_careful, review_holds
from cicd_agent.modes.deploy_gate.freezes import calendar
from cicd_agent.modes.deploy_gate.questions import GateDraft, prove
from cicd_agent.modes.deploy_gate.result import Band, GateDecision, GateResult, Hold, LiftedBy, Objection
from cicd_agent.modes.deploy_gate.score import Policy, Score, policy, scored, sound, targets
from cicd_agent.modes.deploy_gate.signals.bot_policy import rulings
from cicd_agent.modes.deploy_gate.signals.checks import red_checks
from cicd_agent.modes.deploy_gate.signals.deployments import UNKNOWN_BASE, Rollback, about_base, exempt, rollback
from cicd_agent.modes.deploy_gate.signals.reviews import match, review
from cicd_agent.modes.shared.change_reader import unanalysed
from cicd_agent.modes.shared.change_risk import change_risk
from cicd_agent.modes.shared.rollout import rollout
from cicd_agent.settings.schema import Settings

_UNITS = {"tests": " %", "coverage": " points", "failures": " %"}


@dataclass(frozen=True, slots=True)
class ModelOpinion:
    """What models said, the worst of it where several did: nothing here is a yes."""

    drafts: tuple[GateDraft, ...] = ()
    objections: tuple[Objection, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def confidence(self) -> float | None:
        """In proceeding, None when no model answered."""
        return min((draft.confidence_in_proceeding for draft in self.drafts), default=None)

    @property
    def level(self) -> RiskLevel:
        return max((RiskLevel(draft.risk_level) for draft in self.drafts), key=lambda each: each.rank)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What rules make of a deployment."""

    readings: Mapping[str, Reading]
    score: Score
    fingerprints: tuple[str, ...]
    holds: tuple[Hold, ...]
    rollback: Rollback | None


def rules(evidence: Evidence, settings: Settings) -> RuleDraft:
    return RuleDraft() if evidence.change is None else ruled(evidence.change, settings.config_file, settings.own_rules)


def possible_hashes(evidence: Evidence, settings: Settings) -> list[str]:
    """Every hash that an approval may name, whatever a model will say."""
    judged = _judged(rules(evidence, settings), evidence, settings, ModelOpinion())
    gate = evidence.get(GATE) or GateEvidence("", "", 0)
    return approval_hashes(gate, settings, judged.score, judged.fingerprints, judged.holds, stance=ModelStance.SILENT)


def verify(rules: RuleDraft, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> GateResult:
    """The decision. Whatever models say, it is at most as good as the rules alone make it."""
    gate = evidence.get(GATE) or GateEvidence("", "", 0)
    event, limits = evidence.event, policy(settings, gate.environment)
    opinion = _opinion(answers, evidence, settings)
    judged = _judged(rules, evidence, settings, opinion)
    readings, score, fingerprints, back = judged.readings, judged.score, judged.fingerprints, judged.rollback
    of_rules = judged.holds
    of_model = [*holds.about_model(settings, limits, score, _objection(opinion, limits), answered=bool(opinion.drafts))]
    stance = _stance(opinion, score, of_model)
    hashes = approval_hashes(gate, settings, score, fingerprints, of_rules, stance=stance)
    approvals = check_approvals(gate, event, hashes, settings.approval_hours)
    every = apply_approvals((*of_rules, *of_model), approvals)
    unlifted = [each for each in every if not each.lifted]
    decision = _decision(unlifted, back)
    if any(each.id in {holds.OWN_POLICY, UNKNOWN_BASE} for each in unlifted):
        # A deployment does not take the gate away from before itself.
        settings = settings if "enforce" in gate.told else settings.model_copy(update={"enforce": "fail"})
    risk = _risk(rules, evidence, opinion, settings)
    asks = decision is GateDecision.HOLD and all(each.lift is LiftedBy.APPROVAL for each in unlifted)
    result = GateResult(
        conclusion=_conclusion(decision, settings),
        decision=decision,
        environment=gate.environment,
        sha=gate.sha,
        score=score.score,
        score_without=score.without,
        threshold=limits.threshold,
        reachable=score.reachable,
        risk=risk,
        hash=hashes[0],
        confidence=opinion.confidence,
        factors=score.factors,
        stops=every,
        enforced=settings.enforce != "shadow",
        review_match=Match.NONE if gate.unknown_base else match(gate, event),
        rollback_to=back.to if back else "",
        objections=opinion.objections,
        dropped=opinion.dropped,
        remarks=tuple(each.summary for each in opinion.drafts if each.summary.strip()),
        blocking=fingerprints,
        heard=approvals,
        not_applicable=limits.not_applicable,
        would_proceed=tuple(_would_proceed(decision, unlifted, limits, readings, hashes[0])),
        escalate=tuple(_escalations(risk, opinion, evidence, asks=asks and settings.enforce != "shadow")),
        exempt=exempt(gate, event) if gate.error_budget is not None and gate.error_budget <= 0 else "",
        at=gate.at,
    )
    return _advised(result, opinion, evidence, gate, settings)


def _judged(rules: RuleDraft, evidence: Evidence, settings: Settings, opinion: ModelOpinion) -> _Judged:
    gate = evidence.get(GATE) or GateEvidence("", "", 0)
    limits = policy(settings, gate.environment)
    readings = _signals(gate, evidence, limits, opinion)
    score = scored(limits, readings)
    findings = list(graded(rules.findings))
    if evidence.change is not None:
        findings, _ = weighed(rules, evidence.change, settings)
    blocking = holds.blocking_of(findings, settings)
    back = rollback(gate, evidence.event, red_checks(gate, limits))
    of_rules = [*_rule_holds(evidence, limits, score, readings, blocking=blocking, settings=settings)]
    return _Judged(
        readings,
        score,
        tuple(sorted({each.fingerprint for each in blocking})),
        (*of_rules, *([back.hold] if back else [])),
        back,
    )


def _advised(
    result: GateResult, opinion: ModelOpinion, evidence: Evidence, gate: GateEvidence, settings: Settings
) -> GateResult:
    """The result with how to deploy, and what to do before and after."""
    level, inert = result.risk.level, evidence.change is not None and is_inert(evidence.change)
    plan = more_careful(rollout(level, settings, is_inert=inert), evidence, gate)
    # What repairs does not wait for a canary, whatever a route has requested when nobody knew that it was urgent.
    urgent = bool(exempt(gate, evidence.event))
    percentage = 0 if urgent else plan.percentage
    traffic = gate.traffic if gate.traffic is not None else settings.traffic_per_minute
    baseline, path_kinds = settings.baseline_error_rate, advice.touched(evidence.change)
    power = doubled = None
    if traffic:
        power = advice.canary_power(percentage, traffic, baseline, plan.minutes)
        doubled = advice.minutes_to_double(percentage, traffic, baseline)
    drafts = opinion.drafts
    return replace(
        result,
        strategy="hotfix" if urgent else plan.strategy,
        canary_percentage=percentage,
        monitor_minutes=plan.minutes,
        requires_approval=plan.approval if result.effective is GateDecision.PROCEED else result.can_be_approved,
        services=affected_services(evidence.change, settings, gate.environment),
        sight=power,
        rollback_trigger=advice.trigger(baseline, power, [each.rollback_trigger for each in drafts]),
        pre_deploy_checks=advice.checks(path_kinds, [text for each in drafts for text in each.pre_deploy_checks]),
        monitoring_focus=advice.focus(path_kinds, [text for each in drafts for text in each.monitoring_focus], doubled),
    )


def _opinion(answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> ModelOpinion:
    drafts = [(answer.draft, answer.lookups) for answer in answers if isinstance(answer.draft, GateDraft)]
    proofs = [prove(draft, evidence, settings, lookups) for draft, lookups in drafts]
    return ModelOpinion(
        tuple(draft for draft, _ in drafts),
        tuple(each for proved, _ in proofs for each in proved),
        tuple(each for _, dropped in proofs for each in dropped),
    )


def _signals(gate: GateEvidence, evidence: Evidence, limits: Policy, opinion: ModelOpinion) -> dict[str, Reading]:
    reviewed = review(gate, evidence.event, rulings(gate, evidence.change, limits))
    readings = {name: gate.reading(name) for name in limits.weights} | {"review": reviewed}
    if readings["model"].state in {State.KNOWN, State.MISSING}:
        confidence = opinion.confidence
        readings["model"] = (
            Reading("model", State.MISSING, problem="no model was used")
            if confidence is None
            else Reading("model", State.KNOWN, confidence, f"{confidence:.2f} confident in proceeding", "the model")
        )
    return {name: sound(each, limits, gate.at) for name, each in readings.items()}


def _rule_holds(
    evidence: Evidence,
    limits: Policy,
    score: Score,
    readings: Mapping[str, Reading],
    *,
    blocking: Sequence[Finding],
    settings: Settings,
) -> Iterator[Hold]:
    """The holds for which no model is needed."""
    gate, event = evidence.get(GATE) or GateEvidence("", "", 0), evidence.event
    dates = calendar(settings.freezes, gate.environment, gate.at)
    yield from holds.about_event(gate, dates)
    unasked = any(gate.reading(name).state is State.ERROR for name in (TOKEN, RATE_LIMIT))
    if gate.unserved or not gate.sha or not gate.environment or unasked:
        # Nobody has looked at anything else.
        return
    yield from about_base(gate, event)
    yield from holds.about_checks(gate, limits)
    yield from holds.about_trigger(gate, event)
    yield from holds.about_change(gate, event, limits, blocking)
    if "review" not in limits.not_applicable:
        yield from review_holds(evidence, gate)
    yield from holds.about_policy(gate, event, evidence.change, settings.config_file)
    yield from holds.about_time(gate, event, dates.frozen)
    if evidence.change is None:
        yield Hold("fault-change", "the change could not be read", LiftedBy.APPROVAL, "fetch the whole history")
    else:
        yield from holds.about_coverage(unanalysed(evidence.change, settings))
    yield from holds.about_readings(gate, limits, readings)
    yield from holds.about_stops(limits, readings)
    yield from holds.about_score(limits, score, readings)


def _objection(opinion: ModelOpinion, limits: Policy) -> str:
    """Why a model holds: proved words against a grave risk, or too little confidence, which needs no proof."""
    confidence, red = opinion.confidence, limits.bands["model"].red
    if confidence is None:
        return ""
    if opinion.objections and opinion.level.rank >= RiskLevel.HIGH.rank:
        return f"the model objects: {_line(opinion.objections[0].text)}"
    if confidence < red:
        return f"the model is {confidence:.2f} confident in proceeding, less than {red:g}"
    return ""


def _stance(opinion: ModelOpinion, score: Score, of_model: Sequence[Hold]) -> ModelStance:
    if not opinion.drafts:
        return ModelStance.SILENT
    if of_model:
        return ModelStance.OBJECTS
    model = next(each for each in score.factors if each.name == "model")
    return ModelStance.CONFIDENT if model.band in {Band.GREEN, Band.NOT_APPLICABLE} else ModelStance.UNSURE


def _decision(unlifted: Sequence[Hold], back: Rollback | None) -> GateDecision:
    if back is not None and back.to and any(each.id == back.hold.id for each in unlifted):
        return GateDecision.ROLLBACK
    return GateDecision.HOLD if unlifted else GateDecision.PROCEED


def _conclusion(decision: GateDecision, settings: Settings) -> Conclusion:
    if decision is GateDecision.PROCEED:
        return Conclusion.SUCCESS
    # Not neutral by default: GitHub takes a neutral check for one that has passed.
    return Conclusion.FAILURE if settings.enforce == "fail" else Conclusion.NEUTRAL


def _risk(rules: RuleDraft, evidence: Evidence, opinion: ModelOpinion, settings: Settings) -> Risk:
    """The rules' risk, raised to what a model sees where a quote of its proves a reason."""
    if evidence.change is None:
        return Risk(RiskLevel.CRITICAL, 100, (Reason("the change could not be read", 100, Ground.SHAPE),))
    objections = [
        Floor(opinion.level, f"the model: {_line(objection.text)}", Ground.FINDING)
        for objection in opinion.objections[:1]
    ]
    return change_risk(rules, evidence, settings, raised=objections)


def _would_proceed(
    decision: GateDecision, unlifted: Sequence[Hold], limits: Policy, readings: Mapping[str, Reading], approved: str
) -> Iterator[str]:
    if decision is GateDecision.PROCEED:
        return
    remedies = [(each.id, f"{each.id}: {each.remedy}") for each in unlifted if each.remedy]
    better: list[str] = []
    first: list[str] = []
    if any(each.id == "score" for each in unlifted):
        # What makes the score reachable is a way to reach it, and no hold beside it.
        better = [*_better(limits, readings), *(text for id_, text in remedies if id_ == "unreachable")]
        first = [", or ".join(better) or "score: more than one better signal"]
        remedies = [(id_, text) for id_, text in remedies if id_ not in {"score", "unreachable"}]
    if remedies:
        # Each of them holds by itself: only all of them together are enough.
        yield "; and ".join([*first, *(text for _, text in remedies)])
    else:
        yield from better
    if decision is not GateDecision.HOLD or any(each.lift is LiftedBy.NOBODY for each in unlifted):
        return
    if all(each.lift is LiftedBy.APPROVAL for each in unlifted):
        yield f"an approval of {approved}"
    else:
        yield f"an override of {approved}, with a reason"


def _better(limits: Policy, readings: Mapping[str, Reading]) -> Iterator[str]:
    """What each signal has to be so that the score is reached by it alone."""
    for name, value in targets(limits, readings).items():
        if name == "review":
            yield "every commit approved by somebody who did not write it, and no changes requested"
        else:
            there = "measured, at" if readings[name].state is State.MISSING else "at"
            yield f"{name} {there} {f'{value:g}'.replace('-', '−')}{_UNITS.get(name, '')} or better"


def _escalations(risk: Risk, opinion: ModelOpinion, evidence: Evidence, *, asks: bool) -> Iterator[str]:
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


def _line(text: str) -> str:
    return clip(visible_line(" ".join(text.split())), 300)
