"""Keeps what is proven of what rules and models claim, and judges the change by it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.rules import coverage
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.analysis.rules.suppression import graded, silence
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.finding import Finding, Location, Origin, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.verdict import ClaimStatus, Conclusion, Rejected, Risk, RiskLevel, Verdict
from cicd_agent.modes.review.claims import Prover, claims_of, positives
from cicd_agent.modes.review.evidence import THREADS
from cicd_agent.modes.review.incremental_state import load_state
from cicd_agent.modes.review.merging import merge
from cicd_agent.modes.review.questions.description_check import contradictions
from cicd_agent.modes.review.questions.draft import ReviewDraft
from cicd_agent.modes.review.questions.judge import apply_judgement
from cicd_agent.modes.review.suggestion import prove_suggestions
from cicd_agent.modes.review.threads import fixed, suppress_resolved
from cicd_agent.modes.review.tool_findings import merge_same
from cicd_agent.modes.shared.change_reader import changed, unanalysed
from cicd_agent.modes.shared.change_risk import change_risk
from cicd_agent.settings.schema import Settings


def verify(rules: RuleDraft, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Verdict:
    """The verdict on a change. Every finding and every claim that goes in is in exactly one list of what comes out."""
    change = changed(evidence)
    main = [answer for answer in answers if not answer.optional]
    fresh = [answer.draft for answer in main if isinstance(answer.draft, ReviewDraft)]
    recalled = load_state(evidence, settings)
    prover = Prover(change, (each for answer in main for each in answer.lookups))
    proof = prover.prove(claim for answer in main for claim in claims_of(answer))
    proof = apply_judgement(proof, answers, prover)
    # In this order the run after this takes them over.
    proof = proof.joined(recalled.proved(prover))
    drafts = [*fresh, *recalled.answers]
    open_findings, suppressed = silence(graded(rules.findings), change, settings)
    open_findings, echoes = merge_same(open_findings, settings)
    fresh_claims, merged, known = merge(proof.findings, open_findings, suppressed)
    merged = [*echoes, *merged]
    claims_left, hushed = silence(fresh_claims, change, settings)
    open_findings = sorted([*open_findings, *claims_left], key=attrgetter("location.path", "location.line", "id"))
    open_findings.sort(key=lambda each: (-each.severity.rank, -each.confidence))
    open_findings, settled = suppress_resolved(open_findings, evidence.get(THREADS) or ())
    suppressed = [*suppressed, *known, *hushed, *settled]
    open_findings = prove_suggestions(open_findings, change, proof.whole)
    well, unproved = positives(drafts, change, open_findings)
    # What the author of the change silences is not shown, but the risk does not fall by it.
    weighty = [*open_findings, *(each.finding for each in suppressed if each.weighs), *(each.claim for each in merged)]
    missed = unanalysed(change, settings)
    risk = change_risk(rules, evidence, settings, weighty)
    strong = [finding for finding in open_findings if reaches(finding, settings)]
    blocking = [finding for finding in open_findings if blocks(finding, settings)]
    unseen = any(answer.left_out for answer in main) or not recalled.whole
    model_answered = len(fresh) == len(main) and bool(drafts) and not unseen
    unread = [gap.what for gap in evidence.gaps if PathKind.SOURCE in kinds(gap.what)]
    rejected = tuple(_with_status(each, change, settings) for each in (*proof.rejected, *proof.dropped))
    # Approval needs rules and a model that both found nothing, not even something unsure, in a change read whole.
    # What is silenced in the change itself, or settled in a thread, counts: that may have been the author.
    undecided = [each.claim for each in rejected if each.status is ClaimStatus.UNDECIDED]
    silent = [each.finding for each in suppressed if each.weighs]
    concerns = [*open_findings, *silent, *(each.claim for each in merged), *undecided]
    doubts = [finding for finding in concerns if _forbids_approval(finding, settings)]
    decision = "approve" if model_answered and not (unread or missed or doubts) else "comment"
    if any(must_be_fixed(finding, settings) for finding in strong):
        decision = "request_changes"
    claims = [*open_findings, *(each.finding for each in suppressed), *(each.claim for each in (*merged, *rejected))]
    return Verdict(
        conclusion=_conclusion(strong, blocking, settings, is_analysed=not missed, is_shown=not unseen),
        decision=decision,
        confidence=_confidence(decision, strong, drafts if model_answered else []),
        risk=risk,
        findings=tuple(open_findings),
        rejected=(*rejected, *unproved),
        merged=tuple(merged),
        suppressed=tuple(suppressed),
        escalate=tuple(_escalations(risk, drafts, proof.rejected, missed)),
        blocking=tuple(finding.fingerprint for finding in blocking),
        remarks=tuple(draft.summary for draft in drafts if draft.summary.strip()),
        contradictions=contradictions(recalled.joined(answers), evidence.event, change),
        fixed=tuple(fixed(evidence, claims, model_answered=model_answered)),
        strengths=well,
        recalled=recalled.shown,
    )


def _conclusion(
    strong: Sequence[Finding], blocking: Sequence[Finding], settings: Settings, *, is_analysed: bool, is_shown: bool
) -> Conclusion:
    """`fail-on` asks for findings that nobody could have made where source was not analysed."""
    if blocking or (settings.fail_on != "off" and not is_analysed):
        return Conclusion.FAILURE
    return Conclusion.SUCCESS if is_analysed and is_shown and not strong else Conclusion.NEUTRAL


def reaches(finding: Finding, settings: Settings) -> bool:
    return finding.severity.rank >= settings.min_severity.rank and finding.confidence >= settings.min_confidence


def must_be_fixed(finding: Finding, settings: Settings) -> bool:
    """Whether it is a reason to request changes."""
    return finding.severity.rank >= Severity.HIGH.rank and reaches(finding, settings)


def blocks(finding: Finding, settings: Settings) -> bool:
    if settings.fail_on == "off" or (finding.origin is Origin.MODEL and not settings.fail_on_model):
        return False
    return finding.severity.rank >= Severity(settings.fail_on).rank and finding.confidence >= settings.min_confidence


def _forbids_approval(finding: Finding, settings: Settings) -> bool:
    """How severe its own claim is, a model may be wrong about, too: none of them is too small to count."""
    return finding.origin is Origin.MODEL or finding.severity.rank >= settings.min_severity.rank


def _with_status(rejected: Rejected, change: Change, settings: Settings) -> Rejected:
    """The claim with what is known of it: a quote without a place disproves nothing."""
    claim = rejected.claim
    if rejected.status is ClaimStatus.REFUTED or not (claim.title or claim.message.strip()):
        return rejected
    # Its line is not proved: no comment there can silence it, but the config can.
    _, silenced = silence([replace(claim, location=Location(claim.location.path))], change, settings)
    return rejected if silenced else replace(rejected, status=ClaimStatus.UNDECIDED)


def _confidence(decision: str, strong: Sequence[Finding], drafts: Sequence[ReviewDraft]) -> float | None:
    if decision == "request_changes":
        return max(finding.confidence for finding in strong)
    return min((draft.confidence for draft in drafts), default=None)


def _escalations(
    risk: Risk, drafts: Sequence[ReviewDraft], rejected: Sequence[Rejected], missed: Sequence[Gap]
) -> Iterable[str]:
    if risk.level is RiskLevel.CRITICAL:
        yield "the risk is critical"
    for draft in drafts:
        if draft.escalate_to_human:
            yield f"the model asks for human review: {draft.escalation_reason or 'it gives no reason'}"
    claims = sum(len(draft.findings) for draft in drafts)
    if len(rejected) * 2 > claims:
        yield f"{len(rejected)} of the model's {claims} claims could not be proven"
    if missed:
        yield f"not analysed: {coverage.describe(missed)}"
