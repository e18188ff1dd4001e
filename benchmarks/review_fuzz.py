"""5,000 fuzzed reviews: not one may be refused by a GitHub that enforces its rules for places, and no claim be lost.

Each goes from claims through proof and report to the review that is posted: some with the real client over HTTP, the
others to the same fake without a socket. `--reviews`, `--http` and `--seed` say how many, and which.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.fuzzed import Posed, claims, diff, rows
from cicd_agent.adapters.github.forge import GitHubForge, inline
from cicd_agent.adapters.performers.comments import comment as post_comment
from cicd_agent.adapters.performers.context import EffectContext
from cicd_agent.adapters.performers.reviews import review as post_review
from cicd_agent.agent.messages import Answer
from cicd_agent.domain.effects import Comment, Review
from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding, Origin
from cicd_agent.domain.ports.forge import Forge, PullState
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.verdict import RiskLevel, Verdict
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.mode import MODE as REVIEW
from cicd_agent.modes.review.questions.draft import ReviewDraft
from cicd_agent.modes.review.verdict import verify
from cicd_agent.settings.schema import Settings
from tests.support.fakes.ports import FakeForge, FakeJournal
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.routes import Answer as Answered
from tests.support.servers.github.server import Received
from tests.support.servers.github.state import Pull, PullFile

REVIEWS = 5_000
OVER_HTTP = 500
CLAIMS = 8
HEAD = "a" * 40
SETTINGS = Settings.model_validate({"max-comments": 30, "min-confidence": 0, "min-severity": "low"})


@dataclass(slots=True)
class Tally:
    """What became of the reviews and claims, and everything that must not be."""

    reviews: int = 0
    comments: int = 0
    refused: int = 0
    made: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    standing: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    faults: list[str] = field(default_factory=list)


class Strict(FakeGitHub):
    """A GitHub that counts the reviews it refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.unprocessable: list[str] = []
        self.add_repo("o/r")

    def _respond(self, request: Received) -> Answered:
        self.rate_remaining = 1_000
        answer = super()._respond(request)
        if answer.status == 422:
            self.unprocessable.append(str(answer.body))
        return answer

    def take(self, number: int, review: Review) -> Answered:
        """The review, as the client would send it."""
        comments = [inline(comment) for comment in review.comments]
        body = {"commit_id": review.commit, "event": str(review.event), "body": review.body, "comments": comments}
        path = f"/repos/o/r/pulls/{number}/reviews"
        return self._respond(Received("POST", path, {}, {}, body, authorized=True, token=self.token))


@dataclass
class Direct(FakeForge):
    """Posts reviews to the hub without a socket."""

    hub: Strict = field(kw_only=True)

    def post_review(self, review: Review) -> str:
        """As the real client: a refusal is raised."""
        answer = self.hub.take(review.pull, review)
        if answer.status >= 400:
            raise ForgeRefused("GitHub refused the review", why=str(answer.body), status=answer.status)
        return str(answer.body["html_url"])


def run(seed: int, reviews: int = REVIEWS, over_http: int = OVER_HTTP) -> Tally:
    """So many reviews, the first of them over HTTP."""
    random, tally = Random(seed), Tally()  # noqa: S311  to be repeated, not to be unguessable
    with Strict() as hub:
        for number in range(1, reviews + 1):
            review(random, hub, number, tally, over_http=number <= over_http)
    return tally


def review(random: Random, hub: Strict, number: int, tally: Tally, *, over_http: bool) -> None:
    """One pull request: its change, claims about it, and all that becomes of them."""
    text = diff(random)
    pull = hub.add_pull(number, head_sha=HEAD, diff=text)
    posed = claims(random, pull.files, CLAIMS)
    forge: Forge
    if over_http:
        forge = GitHubForge(hub.token, "o/r", api_url=hub.url, sleep=lambda _: None)
        files, _ = forge.files(number)
    else:
        files = parse_diff(text)
        forge = Direct(hub=hub, pulls={number: PullState(PullRequest(number), Ref(), Ref(sha=HEAD))})
    verdict, posted = _post(forge, files, posed, number)
    refused, hub.unprocessable[:] = list(hub.unprocessable), []
    tally.reviews += 1
    tally.comments += len(pull.review_comments)
    tally.refused += len(refused)
    tally.faults += [f"refused: {each}" for each in refused]
    if len(pull.review_comments) != posted:
        tally.faults.append(f"{posted} comments were planned, {len(pull.review_comments)} stand")
    _judge(posed, verdict, pull, tally)


def _post(forge: Forge, files: tuple[FileDiff, ...], posed: Sequence[Posed], number: int) -> tuple[Verdict, int]:
    """The verdict on the claims, posted, and how many inline comments it has."""
    event = Event(EventKind.PULL_REQUEST, sha=HEAD, pull=PullRequest(number))
    evidence = Evidence(event, Change("b" * 40, HEAD, ChangeSource.API, files))
    draft = ReviewDraft(
        summary="",
        # The titles tell the claims apart in what comes out.
        findings=tuple(each.claim.model_copy(update={"title": f"claim {at}"}) for at, each in enumerate(posed)),
        risk_level=RiskLevel.LOW,
        confidence=0.5,
        escalate_to_human=False,
        escalation_reason=None,
    )
    verdict = verify(REVIEW.rules(evidence, SETTINGS), [Answer("review", draft)], evidence, SETTINGS)
    plan = REVIEW.report(verdict, evidence, Account(), SETTINGS)
    context, planned = EffectContext(forge, FakeJournal(), event, str), 0
    for effect in plan.effects:
        match effect:
            case Review():
                planned += len(effect.comments)
                post_review(context, effect)
            case Comment():
                post_comment(context, effect)
            case _:
                pass
    return verdict, planned


def _judge(posed: Sequence[Posed], verdict: Verdict, pull: Pull, tally: Tally) -> None:
    standing = {each.title: each for each in verdict.findings if each.origin is Origin.MODEL}
    standing |= {each.finding.title: each.finding for each in verdict.suppressed}
    merged = {each.claim.title: each.claim for each in verdict.merged}
    rejected = {each.claim.title for each in verdict.rejected}
    by_path = {file.filename: file for file in pull.files}
    for at, each in enumerate(posed):
        title = f"claim {at}"
        found = standing.get(title) or merged.get(title)
        tally.made[each.kind] += 1
        tally.standing[each.kind] += found is not None
        is_right = each.line is None or (found.location.line if found else 0) == each.line
        tally.right[each.kind] += is_right
        if not is_right:
            place = found.location.line if found else "nowhere"
            tally.faults.append(f"{each.kind}: stands {place}, not {each.line}: {each.claim.quote[:80]!r}")
        if (found is None) == (title not in rejected):
            tally.lost += 1
            tally.faults.append(f"{each.kind}: in {'no list' if found is None else 'two lists'}")
        if found is not None and not _is_at(found, by_path[found.location.path]):
            tally.faults.append(f"{each.kind}: outside of the diff: {found.location}")


def _is_at(found: Finding, file: PullFile) -> bool:
    """Whether every line of the place is in one hunk, on its side."""
    where = found.location
    there = {row.number: row.hunk for row in rows(file) if row.side == where.side}
    hunks = {there.get(line) for line in range(where.first, where.line + 1)}
    return len(hunks) == 1 and None not in hunks


def _share(tally: Tally, start: str) -> tuple[int, int]:
    kinds = [kind for kind in tally.made if kind.startswith(start) and not kind.endswith("repeated")]
    return sum(tally.right[kind] for kind in kinds), sum(tally.made[kind] for kind in kinds)


def main() -> int:
    """Print what became of them; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description="Post fuzzed reviews to a GitHub that enforces its rules.")
    parser.add_argument("--reviews", type=int, default=REVIEWS)
    parser.add_argument("--http", type=int, default=OVER_HTTP, help="how many of them with the real client")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tally = run(arguments.seed, arguments.reviews, arguments.http)
    print(f"{'claims':<36}{'made':>8}{'stand':>8}{'as they must':>14}")
    for kind, made in sorted(tally.made.items()):
        print(f"{kind:<36}{made:>8,}{tally.standing[kind]:>8,}{tally.right[kind]:>14,}")
    (one, shifted), (several, runs) = _share(tally, "shifted"), _share(tally, "several")
    fabricated, made_up = _share(tally, "fabricated")
    anchored = (one + several) / max(shifted + runs, 1)
    goals = {
        f"{tally.reviews:,} reviews, {tally.comments:,} comments, refused with 422: {tally.refused}": not tally.refused,
        f"claims lost: {tally.lost}": not tally.lost,
        f"quotes up to 20 lines off that stand where they must: {anchored:.2%}": anchored >= 0.99,
        f"fabricated claims that were rejected: {fabricated:,} of {made_up:,}": fabricated == made_up,
        f"other faults: {len(tally.faults)}": not tally.faults,
    }
    for told, holds in goals.items():
        print(f"{'PASS' if holds else 'FAIL'}  {told}")
    for fault in tally.faults[:20]:
        print(f"  {fault}")
    return 0 if all(goals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
