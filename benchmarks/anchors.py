"""5,000 claims about random changes, most of them wrong: none may end outside the diff, none may be lost."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from cicd_agent.agent.messages import Answer
from cicd_agent.domain.effects import Review
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding, Origin
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.verdict import RiskLevel, Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.mode import MODE as REVIEW
from cicd_agent.modes.review.questions.draft import ReviewDraft
from cicd_agent.modes.review.verdict import verify
from cicd_agent.settings.schema import Settings

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.samples.generators import Posed, anchors, change, claims

SOURCES = Path(__file__).resolve().parent.parent / "src"
CLAIMS = 5_000
PER_CHANGE = 40
EVENT = Event(EventKind.PULL_REQUEST, sha="h" * 40, pull=PullRequest(1))


@dataclass(slots=True)
class Tally:
    """What became of the claims, by the way in which they were made, and everything that must not be."""

    made: Counter[str] = field(default_factory=Counter)
    standing: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def run(seed: int, count: int = CLAIMS) -> Tally:
    """Judge `count` claims, so many to a change."""
    random, tally = Random(seed), Tally()  # noqa: S311  to be repeated, not to be unguessable
    while tally.made.total() < count:
        subject = change(random, SOURCES)
        _judge(subject, list(claims(random, subject, min(PER_CHANGE, count - tally.made.total()))), tally)
    return tally


def _judge(subject: Change, posed: Sequence[Posed], tally: Tally) -> None:
    # The titles tell the claims apart in what comes out; the empty and the endless ones are rubbish of their own.
    named = [
        replace(each, claim=each.claim.model_copy(update={"title": f"{number}: {each.claim.title}"[:150]}))
        if each.claim.title
        else each
        for number, each in enumerate(posed)
    ]
    evidence, config = Evidence(EVENT, subject), Settings.model_validate({"max-comments": 30, "min-confidence": 0})
    draft = ReviewDraft(
        summary="",
        findings=tuple(each.claim for each in named),
        risk_level=RiskLevel.LOW,
        confidence=0.5,
        escalate_to_human=False,
        escalation_reason=None,
    )
    verdict = verify(REVIEW.rules(evidence, config), [Answer("review", draft)], evidence, config)
    plan = REVIEW.report(verdict, evidence, Account(), config)
    standing = {finding.title: finding for finding in verdict.findings if finding.origin is Origin.MODEL}
    merged = {each.claim.title: each.claim for each in verdict.merged}
    tally.made.update(each.kind for each in named)
    tally.standing.update(each.kind for each in named if _title(each) in standing or _title(each) in merged)
    tally.faults += _lost(verdict, len(named))
    tally.faults += _misplaced(subject, named, standing | merged)
    places = anchors(subject)
    for review in (effect for effect in plan.effects if isinstance(effect, Review)):
        for comment in review.comments:
            ends = {where for where in places if where[:3] == (comment.path, comment.side, comment.line)}
            starts = {(*where[:2], comment.start or comment.line, where[3]) for where in ends}
            if not starts & places or comment.start >= comment.line:
                tally.faults.append(f"a comment on {comment.path}:{comment.start}-{comment.line} {comment.side}")


def _lost(verdict: Verdict, made: int) -> Iterator[str]:
    models = [finding for finding in verdict.findings if finding.origin is Origin.MODEL]
    silent = [each for each in verdict.suppressed if each.finding.origin is Origin.MODEL]
    kept = len(models) + len(verdict.rejected) + len(verdict.merged) + len(silent)
    if kept != made:
        yield f"{made} claims went in, {kept} came out"
    yield from (f"rejected without a reason: {each.claim.title}" for each in verdict.rejected if not each.reason)


def _misplaced(subject: Change, named: Sequence[Posed], kept: dict[str, Finding]) -> Iterator[str]:
    places = {where[:3] for where in anchors(subject)}
    for each in named:
        finding = kept.get(_title(each))
        if finding is None:
            if each.line and each.claim.title:
                yield f"a true claim was rejected: {each.claim.path}:{each.line} {each.claim.quote!r}"
            continue
        where = finding.location
        lines = range(where.first, where.line + 1)
        if any((where.path, where.side, line) not in places for line in lines):
            yield f"outside the diff: {where}"
        if each.line is not None and each.line != where.line:
            yield f"{each.kind}: claimed {each.line}, stands on {where.line}: {each.claim.quote!r}"
        if "".join(each.claim.quote.split()) not in "".join(_text(subject, finding).split()):
            yield f"its quote is not where it stands: {where}"


def _text(subject: Change, finding: Finding) -> str:
    where = finding.location
    lines = [line for file in subject.files if file.path == where.path for line in file.lines]
    numbered = [(line.old if where.side == "LEFT" else line.new, line.text) for line in lines]
    return "\n".join(text for number, text in numbered if number and where.first <= number <= where.line)


def _title(posed: Posed) -> str:
    return " ".join(posed.claim.title.split())


def main() -> int:
    """Print what became of the claims; 1 when anything is at fault."""
    tally = run(seed=1)
    print(f"{'claims':<20}{'made':>8}{'stand':>8}")
    for kind, made in sorted(tally.made.items()):
        print(f"{kind:<20}{made:>8,}{tally.standing[kind]:>8,}")
    print(f"{'all':<20}{tally.made.total():>8,}{tally.standing.total():>8,}")
    print(f"anchors outside the diff, findings lost or misplaced: {len(tally.faults)}")
    for fault in tally.faults[:20]:
        print(f"  {fault}")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
