"""The second question: each proven claim is judged against the code it quotes, and what is not defended is dropped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from importlib.resources import files
from typing import Annotated, Any

from pydantic import Field

from cicd_agent.agent.messages import Answer, Question, Share, Tier
from cicd_agent.agent.prompt import left_out_of
from cicd_agent.analysis.rules.suppression import capped
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.finding import Finding, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import DiffLine, FileDiff, Side
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.verdict import Draft, Rejected
from cicd_agent.modes.review.claims import Proof
from cicd_agent.modes.shared.change_reader import showable
from cicd_agent.modes.shared.diff_exhibits import gutter
from cicd_agent.settings.schema import Settings

UNSURE = 0.5
"""The most confidence that is left to a claim which the judge can neither defend nor refute."""

_AROUND = 30
"""Lines of the diff before and after a claim that the judge is shown."""


class Ruling(StrEnum):
    """What becomes of a claim."""

    KEEP = "keep"
    DROP = "drop"
    UNSURE = "unsure"


class Judged(Draft):
    """What the judge says of one claim."""

    id: Annotated[str, Field(description="C1, C2, …")]
    ruling: Ruling
    reason: str
    severity: Severity | None
    confidence: Share | None


class JudgeDraft(Draft):
    """The answer to the question that judges."""

    rulings: tuple[Judged, ...]


def question(proof: Proof, change: Change, settings: Settings) -> Question[JudgeDraft] | None:
    shown = {file.path: file for file in showable(change, settings)}
    claims = {name: claim for name, claim in _named(proof.findings).items() if claim.location.path in shown}
    if not claims:
        return None
    claims_of = [[claim for claim in claims.values() if claim.location.path == path] for path in shown]
    numbered = enumerate(zip(shown.values(), claims_of, strict=True), 1)
    excerpts = (_excerpt(f"E{number}", file, claimed) for number, (file, claimed) in numbered if claimed)
    return Question(
        name="judge",
        instructions=files(__package__).joinpath("judge.md").read_text("utf-8"),
        evidence=(*(_claimed(name, claim) for name, claim in claims.items()), *excerpts),
        draft=JudgeDraft,
        check=lambda _: None,
        tier=Tier.FAST if settings.judge == "fast" else Tier.JUDGEMENT,
        optional=True,
    )


def apply_judgement(proof: Proof, answers: Sequence[Answer[Any]]) -> Proof:
    """The claims after the judge: fewer or weaker ones, never others. What it says nothing valid of stays as it is."""
    outcomes = judge_outcomes(proof, answers)
    return replace(
        proof,
        findings=tuple(each for each in outcomes if isinstance(each, Finding)),
        dropped=tuple(each for each in outcomes if isinstance(each, Rejected)),
    )


def judge_outcomes(proof: Proof, answers: Sequence[Answer[Any]]) -> tuple[Finding | Rejected, ...]:
    claims = _named(proof.findings)
    rulings = dict(_rulings(claims, answers))
    return tuple(_outcome(claim, rulings[name]) if name in rulings else claim for name, claim in claims.items())


def _outcome(claim: Finding, ruling: Judged) -> Finding | Rejected:
    if ruling.ruling is Ruling.DROP:
        return Rejected(claim, f"not defended: {' '.join(ruling.reason.split())}")
    limit = UNSURE if ruling.ruling is Ruling.UNSURE else 1.0
    confidence = min(claim.confidence, limit, 1.0 if ruling.confidence is None else ruling.confidence)
    severity = min(claim.severity, ruling.severity or claim.severity, key=lambda each: each.rank)
    return replace(claim, confidence=confidence, severity=capped(severity, confidence))


def _rulings(claims: Mapping[str, Finding], answers: Sequence[Answer[Any]]) -> Iterator[tuple[str, Judged]]:
    """The rulings that count: one on its claim, with a reason if it drops it, by a judge that saw the code."""
    for answer in answers:
        if not isinstance(answer.draft, JudgeDraft):
            continue
        ids = [ruling.id for ruling in answer.draft.rulings]
        for ruling in answer.draft.rulings:
            if ruling.id not in claims or ids.count(ruling.id) > 1:
                continue
            path = visible_line(claims[ruling.id].location.path)
            unseen = any(left_out_of(each, {path}) for each in answer.left_out)
            if not unseen and (ruling.ruling is not Ruling.DROP or ruling.reason.strip()):
                yield ruling.id, ruling


def _named(claims: Sequence[Finding]) -> dict[str, Finding]:
    return {f"C{number}": claim for number, claim in enumerate(claims, 1)}


def _claimed(name: str, claim: Finding) -> Exhibit:
    """The claim in its author's words, which came of foreign text: it is fenced like everything else."""
    where = claim.location
    side = "new" if where.side is Side.RIGHT else "old"
    lines = [
        f"{side} lines {where.first} to {where.line}",
        f"{claim.severity} {claim.category}, confidence {claim.confidence:.2f}",
        f"quote: {claim.quote}",
        f"title: {claim.title}",
        f"explanation: {claim.message}",
    ]
    return Exhibit(name, where.path, "\n".join(lines), priority=1 + claim.severity.rank)


def _excerpt(name: str, file: FileDiff, claims: Sequence[Finding]) -> Exhibit:
    lines = list(file.lines)
    claimed = [index for index, line in enumerate(lines) if any(_claims(claim, line) for claim in claims)]
    near = {number for index in claimed for number in range(index - _AROUND, index + _AROUND + 1)}
    part = [line for index, line in enumerate(lines) if index in near]
    return Exhibit(
        name,
        file.path,
        "\n".join(line.text.rstrip("\r") for line in part),
        priority=1 + max(claim.severity.rank for claim in claims),
        gutter=tuple(map(gutter, part)),
    )


def _claims(claim: Finding, line: DiffLine) -> bool:
    number = line.new if claim.location.side is Side.RIGHT else line.old
    return number is not None and claim.location.first <= number <= claim.location.line
