"""Makes one finding of what says the same, and keeps apart what only stands at the same line."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cicd_agent.domain.finding import Finding, Origin, Passage
from cicd_agent.domain.verdict import Rejected, Suppressed
from cicd_agent.modes.review.claims import MAX_ELSEWHERE

_SHARED = 0.25
"""The share of the fewer words of two problems that they have in common when they are one."""
_FEWEST = 2
_STEM = 5
_WORD = re.compile(r"[^\W\d_]{3,}")
_SAYS_NOTHING = re.compile(
    r"about|after|again|all|and|any|are|because|been|before|but|can|change|could|does|each|every|for|from|had|has|have|"
    r"instead|into|its|may|more|must|never|not|only|other|should|than|that|the|their|them|then|there|these|they|this|"
    r"those|use|was|when|where|which|while|will|with|without|would"
)


def merge(
    claims: Iterable[Finding], open_findings: Sequence[Finding], suppressed: Sequence[Suppressed]
) -> tuple[list[Finding], list[Rejected], list[Suppressed]]:
    """The claims that are new, those that say what a finding says, and those that say what somebody silenced."""
    new: list[Finding] = []
    merged: list[Rejected] = []
    known: list[Suppressed] = []
    for claim in sorted(claims, key=lambda each: -each.confidence):
        twin = next((each for each in (*open_findings, *new) if _is_same(each, claim)), None)
        silent = next((each for each in suppressed if _is_same(each.finding, claim)), None)
        again = next((at for at, each in enumerate(new) if _has_same_cause(each, claim)), None)
        if twin is not None:
            merged.append(_merged(claim, twin))
        elif silent is not None:
            known.append(replace(silent, finding=claim))
        elif again is not None:
            merged.append(_merged(claim, new[again]))
            new[again] = _with_location(new[again], Passage(claim.location, claim.quote))
        else:
            new.append(claim)
    return new, merged, known


def _merged(claim: Finding, twin: Finding) -> Rejected:
    return Rejected(claim, f"says what `{twin.id}` says at {twin.location.path}:{twin.location.line}")


def _with_location(finding: Finding, passage: Passage) -> Finding:
    known = {each.location for each in finding.elsewhere}
    if passage.location in known or len(known) >= MAX_ELSEWHERE:
        return finding
    return replace(finding, elsewhere=(*finding.elsewhere, passage))


def _is_same(one: Finding, other: Finding) -> bool:
    """Whether two findings are about one problem of the same lines; where that is not clear both are shown."""
    if one.category != other.category or not one.location.meets(other.location):
        return False
    return _says_the_same(one, other)


def _has_same_cause(one: Finding, other: Finding) -> bool:
    """Whether a model says of like code at another place what it has said already."""
    first, second = _stems(one.quote), _stems(other.quote)
    is_alike = len(first & second) * 2 >= max(len(first), len(second))
    return is_alike and one.category == other.category and _normalized(one) == _normalized(other)


def _normalized(finding: Finding) -> tuple[str, str]:
    return " ".join(finding.title.casefold().split()), " ".join(finding.advice.casefold().split())


def _says_the_same(one: Finding, other: Finding) -> bool:
    # Two models' claims have the names of the line in common whatever they say of it; the words of a rule are general.
    by_models = one.origin is other.origin is Origin.MODEL
    quoted = _stems(f"{one.quote} {other.quote}") if by_models else frozenset()
    first, second = (_stems(f"{each.title} {each.advice}") - quoted for each in (one, other))
    shared, fewer = first & second, min(len(first), len(second))
    return _normalized(one) == _normalized(other) or len(shared) >= max(min(_FEWEST, fewer), fewer * _SHARED, 1)


def _stems(text: str) -> frozenset[str]:
    words = _WORD.findall(text.casefold())
    return frozenset(word[:_STEM] for word in words if not _SAYS_NOTHING.fullmatch(word))
