"""The second question: each proven claim is judged against the code it quotes, and what is not defended is dropped."""

from collections import Counter
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
from cicd_agent.domain.text import quote
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.verdict import ClaimStatus, Draft, Rejected
from cicd_agent.modes.review.claims import Proof, Prover, one_line
from cicd_agent.modes.shared.change_reader import showable
from cicd_agent.modes.shared.diff_exhibits import gutter
from cicd_agent.settings.schema import Settings

UNSURE = 0.5
"""The most confidence that is left to a claim which the judge can neither defend nor refute."""

SURE = 0.8
"""Confidence from which one claim alone in a small change is not judged."""

SMALL = 200
"""Lines added and deleted of such a change."""

_AROUND = 30
"""Lines of the diff before and after a claim that the judge is shown."""


class Ruling(StrEnum):
    """What becomes of a claim."""

    KEEP = "keep"
    DROP = "drop"
    UNSURE = "unsure"


class Amended(Draft):
    """A claim that is right, in words that are."""

    title: str
    explanation: str
    advice: str | None
    quote: str


class Judged(Draft):
    """What the judge says of one claim."""

    id: Annotated[str, Field(description="C1, C2, …")]
    ruling: Ruling
    reason: str
    quote: str = ""
    amended: Amended | None = None
    severity: Severity | None
    confidence: Share | None


class JudgeDraft(Draft):
    """The answer to the question that judges."""

    rulings: tuple[Judged, ...]


def is_needed(proof: Proof, change: Change, settings: Settings) -> bool:
    """Whether claims are worth a judge: a sure one that stands alone in a small change speaks for itself."""
    if settings.judge == "off" or not proof.findings:
        return False
    lines = sum(file.added_count + file.deleted_count for file in change.files)
    alone = len(proof.findings) == 1 and not proof.rejected
    return not (alone and proof.findings[0].confidence >= SURE and lines <= SMALL)


def question(
    proof: Proof, change: Change, settings: Settings, lookups: Sequence[Exhibit] = ()
) -> Question[JudgeDraft] | None:
    """`lookups` are what the claims were made from, so that nothing is looked up again."""
    shown = {file.path: file for file in showable(change, settings)}
    claims = {name: claim for name, claim in _named(proof.findings).items() if claim.location.path in shown}
    if not claims:
        return None
    claims_of = [[claim for claim in claims.values() if claim.location.path == path] for path in shown]
    numbered = enumerate(zip(shown.values(), claims_of, strict=True), 1)
    excerpts = (_excerpt(f"E{number}", file, claimed) for number, (file, claimed) in numbered if claimed)
    known = (replace(each, id=f"R{number}", priority=0) for number, each in enumerate(lookups, 1))
    return Question(
        name="judge",
        instructions=files(__package__).joinpath("judge.md").read_text("utf-8"),
        evidence=(*(_claimed(name, claim) for name, claim in claims.items()), *excerpts, *known),
        draft=JudgeDraft,
        check=lambda draft: complain(draft, claims),
        tier=Tier.FAST if settings.judge == "fast" else Tier.JUDGEMENT,
        optional=True,
    )


def complain(draft: JudgeDraft, claims: Mapping[str, Finding]) -> str | None:
    """What does not fit of an answer: each claim is ruled on once, by its id, and no ruling is without a quote."""
    given = Counter(ruling.id for ruling in draft.rulings)
    wrong = [f"- {clip(name, 20)!r} is no claim." for name in given if name not in claims]
    wrong += [f"- {name} has {'no ruling' if not given[name] else 'several'}." for name in claims if given[name] != 1]
    wrong += [
        f"- {each.id}: `{each.ruling}` without a `quote`."
        for each in draft.rulings
        if each.id in claims and each.ruling is not Ruling.UNSURE and not each.quote.strip()
    ]
    return "\n".join(("This cannot be kept:", *wrong[:20], "Answer again, whole.")) if wrong else None


def apply_judgement(proof: Proof, answers: Sequence[Answer[Any]], prover: Prover) -> Proof:
    """The claims after the judge: fewer, weaker or amended ones, never others.

    What it proves with no code that it saw, it is unsure of; what it says nothing valid of stays as it is.
    """
    outcomes = judge_outcomes(proof, answers, prover)
    return replace(
        proof,
        findings=tuple(each for each in outcomes if isinstance(each, Finding)),
        dropped=tuple(each for each in outcomes if isinstance(each, Rejected)),
    )


def judge_outcomes(proof: Proof, answers: Sequence[Answer[Any]], prover: Prover) -> tuple[Finding | Rejected, ...]:
    claims = _named(proof.findings)
    rulings = {ruling.id: (ruling, answer) for answer in answers for ruling in _rulings(claims, answer)}
    return tuple(
        _outcome(claim, *rulings[name], prover) if name in rulings else claim for name, claim in claims.items()
    )


def _outcome(claim: Finding, ruling: Judged, answer: Answer[Any], prover: Prover) -> Finding | Rejected:
    proved = _own_proof(ruling, claim) and _is_in_evidence(ruling.quote, answer)
    if ruling.ruling is Ruling.DROP and proved:
        reason = f"refuted on second look: {' '.join(ruling.reason.split())}"
        return Rejected(claim, reason, ClaimStatus.REFUTED)
    limit = 1.0 if ruling.ruling is Ruling.KEEP and proved else UNSURE
    confidence = min(claim.confidence, limit, 1.0 if ruling.confidence is None else ruling.confidence)
    severity = min(claim.severity, ruling.severity or claim.severity, key=lambda each: each.rank)
    amended = _amended(claim, ruling.amended, prover) if ruling.ruling is Ruling.KEEP else claim
    return replace(amended, confidence=confidence, severity=capped(severity, confidence))


def _amended(claim: Finding, words: Amended | None, prover: Prover) -> Finding:
    """The claim in the judge's words, where their quote stands in the same file; else as it was."""
    if words is None or not words.title.strip() or not words.explanation.strip():
        return claim
    where = claim.location
    passage = prover.locate(where.path, words.quote or claim.quote, side=where.side, line=where.line)
    if isinstance(passage, str):
        return claim
    return replace(
        claim,
        title=one_line(words.title),
        message=words.explanation,
        advice=words.advice or "",
        location=passage.location,
        quote=quote.shown(passage.quote),
        # It was made for the lines and the problem as they were claimed.
        suggestion=claim.suggestion if passage.location == where else "",
    )


def _own_proof(ruling: Judged, claim: Finding) -> bool:
    """Whether a ruling quotes what the claim does not: that the quoted code is there was known before."""
    claimed = "".join(claim.quote.split())
    lines = ("".join(line.split()) for line in ruling.quote.split("\n"))
    return any(len(line) >= quote.SHORTEST and line not in claimed for line in lines)


def _is_in_evidence(text: str, answer: Answer[Any]) -> bool:
    """Whether a judge quotes code that it was shown or has looked up, and not the words of a claim."""
    code = (each for each in (*answer.evidence, *answer.lookups) if not each.id.startswith("C"))
    return any(quote.lines_with(each.text.split("\n"), text) for each in code)


def _rulings(claims: Mapping[str, Finding], answer: Answer[Any]) -> Iterator[Judged]:
    """The rulings that count: one on its claim, with a reason if it drops it, by a judge that saw the code."""
    if not isinstance(answer.draft, JudgeDraft):
        return
    given = Counter(ruling.id for ruling in answer.draft.rulings)
    for ruling in answer.draft.rulings:
        if ruling.id not in claims or given[ruling.id] > 1:
            continue
        path = visible_line(claims[ruling.id].location.path)
        unseen = any(left_out_of(each, {path}) for each in answer.left_out)
        if not unseen and (ruling.ruling is not Ruling.DROP or ruling.reason.strip()):
            yield ruling


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
        *(f"elsewhere: {each.location.path}:{each.location.line}: {each.quote}" for each in claim.elsewhere),
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
