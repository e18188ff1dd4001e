"""Whether what is deployed is what was reviewed, and what reviewers said of it, as a number."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.gate_evidence import Deployed, GateEvidence, Match, OriginPull, Reading, ReviewState, State
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.text.words import clip, count, first_names
from cicd_agent.errors import ConfigError
from cicd_agent.modes.deploy_gate.signals.deployments import known


class Ruling(NamedTuple):
    """Whether a policy releases a pull request that nobody has approved, and what is to be said of it."""

    released: bool
    text: str


_MAX_COMPARED = 5
"""Earlier commits of a pull request whose patch is compared with what goes out."""
_MAX_MERGES = 20
"""Merges of the base branch into one pull request that are made again."""
_MAX_OBJECTED = 0.5
"""The most that a review is worth where a program asks for changes: it counts against, and never for."""


def review(gate: GateEvidence, event: Event, rulings: Mapping[int, Ruling] | None = None) -> Reading:
    """The reading `review` with its value: 1 when each commit comes from a pull request with an approval that counts.

    One that a policy has released by `rulings` needs none. A person with write access who asks for changes makes it 0,
    and so does one commit that nobody has approved: the others that go out with it do not make up for that.
    """
    reading = gate.reading("review")
    if reading.state not in {State.KNOWN, State.MISSING}:
        return reading
    reading = replace(reading, source=reading.source or "the reviews of the pull requests")
    if not gate.commits and (reason := known(gate, event)):
        return replace(reading, state=State.KNOWN, value=1.0, words=reason)
    if reading.state is State.MISSING or not any(commit.pull for commit in gate.commits):
        problem = reading.problem or "it comes from no pull request"
        return replace(reading, state=State.MISSING, value=None, problem=problem)
    numbers = {commit.pull for commit in gate.commits}
    pulls = [pull for pull in gate.pulls if pull.number in numbers]
    approvers = {pull.number: {each.author.casefold() for each in approvals(pull)} for pull in pulls}
    rulings = {number: ruling for number, ruling in (rulings or {}).items() if not approvers.get(number)}
    released = {number for number, ruling in rulings.items() if ruling.released}
    reviewed = released.union(number for number, logins in approvers.items() if logins)
    value = float(all(commit.match is not Match.NONE and commit.pull in reviewed for commit in gate.commits))
    by = len(frozenset().union(*approvers.values()))
    lacking = _lacking(gate, [pull for pull in pulls if pull.number not in released])
    parts = lacking or ([f"approved by {by}"] if by else [])
    parts += [ruling.text for number, ruling in rulings.items() if number in numbers]
    asking = [each for pull in pulls for each in pull.reviews if each.state == "CHANGES_REQUESTED"]
    # Anybody may ask for changes of a public repository; a program has no say of its own, and costs half.
    against = [each for each in asking if each.can_write or each.is_ours or not each.is_person]
    if against:
        value = min(value, _MAX_OBJECTED)
    if people := [each.author for each in against if each.is_person and not each.is_ours]:
        value = 0.0
        parts.append(f"{first_names(people)} requested changes")
    if any(each.is_ours for each in against):
        parts.append("ours asks for changes")
    elif not all(each.is_person for each in against):
        parts.append("a program asks for changes")
    if len(against) < len(asking):
        parts.append("somebody without write access asks for changes")
    return replace(reading, state=State.KNOWN, value=value, words=", ".join(parts))


def _lacking(gate: GateEvidence, pulls: Sequence[OriginPull]) -> list[str]:
    """What has no approval that counts, as clauses."""
    lacking = [pull for pull in pulls if not any(approvals(pull))]
    rest = [f"#{pull.number}" for pull in lacking if not pull.cut and not any(_approvals_ever(pull))]
    parts = [f"nobody but the author has approved {first_names(rest)}"] if rest else []
    parts += sorted(f"#{pull.number} {why}" for pull in lacking if not pull.cut and (why := _change_since(pull)))
    parts += [
        f"not all who wrote #{pull.number} are known, so that no approval of it counts" for pull in lacking if pull.cut
    ]
    if parts:
        return parts
    if direct := sum(1 for commit in gate.commits if not commit.pull):
        parts.append(f"{count(direct, 'commit')} of {len(gate.commits)} came by no pull request")
    if other := sum(1 for commit in gate.commits if commit.pull and commit.match is Match.NONE):
        parts.append(f"{count(other, 'commit')} of {len(gate.commits)} differ from what was reviewed")
    return parts


def match(gate: GateEvidence, event: Event) -> Match:
    if not gate.commits:
        return Match.EXACT if known(gate, event) else Match.NONE
    return max((commit.match for commit in gate.commits), key=list(Match).index)


def _change_since(pull: OriginPull) -> str:
    """What has changed since people approved it, so that no approval counts; "" where nobody has."""
    changed = [_is_of_head(pull, each) for each in _approvals_ever(pull)]
    if not any(changed):
        return "has changed since it was approved" if changed else ""
    return f"was approved for another base branch than {clip(shown(pull.base), 80)}: approve it again"


def approvals(pull: OriginPull) -> Iterator[ReviewState]:
    """The approvals that count: of the last commit or the same patch, by people with write access who wrote none.

    What was approved before the base branch was another is another diff, of the same commit as well.
    """
    for each in _approvals_ever(pull):
        if _is_of_head(pull, each) and _base_of(pull, each) == pull.base and not pull.cut:
            yield each


def _is_of_head(pull: OriginPull, review: ReviewState) -> bool:
    return bool(pull.head) and (review.commit == pull.head or review.same_patch)


def _base_of(pull: OriginPull, review: ReviewState) -> str:
    """The base branch that a pull request had when it was reviewed, "" for unknown; both may be of the same second."""
    later = [each for each in pull.base_changes if each.created >= review.submitted]
    return min(later, key=lambda change: change.created).previous if later else pull.base


def _approvals_ever(pull: OriginPull) -> Iterator[ReviewState]:
    """Those of any commit, by people who may approve it."""
    authors = {"", *(login.casefold() for login in (pull.author, *pull.authors))}
    for each in pull.reviews:
        may_approve = each.is_person and not each.is_ours and each.can_write and each.author.casefold() not in authors
        if each.state == "APPROVED" and may_approve:
            yield each


def match_pulls(
    commits: Sequence[Commit], origins: Mapping[str, OriginPull], repository: Repository | None, token: str
) -> tuple[tuple[Deployed, ...], dict[int, OriginPull], tuple[Gap, ...]]:
    """What would be deployed, the pull requests that it came from by number, and what could not be compared."""
    pulls = {pull.number: pull for each in commits if (pull := origins.get(each.sha)) and pull.number}
    if repository is None:
        return (), pulls, ()
    deployed, unmatched = match_commits(commits, origins, repository, token)
    written = [without_mergers(pull, deployed, repository, token) for pull in pulls.values()]
    compared, unlike = with_earlier_approvals(deployed, written, repository, token)
    return deployed, {pull.number: pull for pull in compared}, (*unmatched, *unlike)


def match_commits(
    commits: Sequence[Commit], origins: Mapping[str, OriginPull], repository: Repository, token: str
) -> tuple[tuple[Deployed, ...], tuple[Gap, ...]]:
    """The commits of a first-parent line, newest first, with the pull request of each; and what could not be compared.

    A commit that nothing can be said of is unreviewed. What a merge commit has brought is covered by that.
    """
    if len(origins) > 1:
        # One fetch for all. Where that is not to be had, each is fetched when its turn comes, and says why not.
        repository.ensure(tuple(dict.fromkeys(pull.head for pull in origins.values() if pull.head)), token)
    deployed: list[Deployed] = []
    gaps: list[Gap] = []
    for number, run in groupby(commits, key=lambda commit: origins[commit.sha].number if commit.sha in origins else 0):
        group = tuple(run)
        matches, problem = {commit.sha: Match.NONE for commit in group}, ""
        if number:
            try:
                matches, problem = _match_pull(tuple(matches), origins[group[0].sha], repository, token)
            except ConfigError as error:
                problem = str(error).rstrip(".")
        if problem:
            gaps.append(Gap("", f"what became of pull request {number} could not be compared with it: {problem}"))
        for each in group:
            authors = origins[each.sha].authors if not number and each.sha in origins else ()
            subject = clip(" ".join(shown(each.subject).split()), 200)
            deployed.append(Deployed(each.sha, subject, matches[each.sha], number, authors))
    return tuple(deployed), tuple(gaps)


def _match_pull(
    shas: Sequence[str], pull: OriginPull, repository: Repository, token: str
) -> tuple[dict[str, Match], str]:
    """How each of a pull request's neighbouring commits (newest first) matches it, and why that is not known."""
    none = dict.fromkeys(shas, Match.NONE)
    if pull.head in shas:
        # Its branch as it was: what lies below the reviewed commit was reviewed with it.
        return none | dict.fromkeys(shas[shas.index(pull.head) :], Match.EXACT), ""
    before = next(iter(repository.parents(shas[-1])), "")
    if not before:
        return none, f"the commit before {shas[-1][:7]} is not in this clone"
    if problem := repository.ensure((before, pull.head), token):
        return none, problem
    reviewed = repository.patch_id(repository.change(before, pull.head).base, pull.head)
    if not reviewed or repository.patch_id(before, shas[0]) != reviewed:
        return none, ""
    is_merge = len(shas) == 1 and repository.parents(shas[0])[1:] == (pull.head,)
    return dict.fromkeys(shas, Match.EXACT if is_merge else Match.SAME_PATCH), ""


def without_mergers(pull: OriginPull, commits: Sequence[Deployed], repository: Repository, token: str) -> OriginPull:
    """The pull request without the authors who have but merged its base branch ("Update branch"), and wrote nothing.

    Only what git makes of the same parents by itself was written by nobody; who made what cannot be compared wrote it.
    """
    lines = [tuple(run) for number, run in groupby(commits, key=lambda commit: commit.pull) if number == pull.number]
    own = pull.author.casefold()
    merges = [
        each
        for each in pull.commits
        if each.parents[1:] and any(login.casefold() not in {"", own} for login in each.authors)
    ]
    if pull.cut or len(lines) != 1 or not merges:
        return pull
    try:
        before = next(iter(repository.parents(lines[0][-1].sha)), "")
        if not before or repository.ensure((before, pull.head), token):
            return pull
        clean = {each.sha for each in merges[-_MAX_MERGES:] if repository.is_clean_merge(each.sha, before)}
    except ConfigError:
        return pull
    mergers = {login.casefold() for each in pull.commits if each.sha in clean for login in each.authors}
    wrote = {login.casefold() for each in pull.commits if each.sha not in clean for login in each.authors} | {own}
    return replace(pull, authors=tuple(each for each in pull.authors if each.casefold() not in mergers - wrote))


def with_earlier_approvals(
    commits: Sequence[Deployed], pulls: Iterable[OriginPull], repository: Repository, token: str
) -> tuple[tuple[OriginPull, ...], tuple[Gap, ...]]:
    """The pull requests with each approval of an earlier commit marked whose own patch is what goes out of it.

    So an approval outlives a merge of the base branch and a rebase, and nothing that either has changed itself.
    """
    runs = [(number, tuple(run)) for number, run in groupby(commits, key=lambda commit: commit.pull)]
    found: list[OriginPull] = []
    gaps: list[Gap] = []
    for pull in pulls:
        lines = [line for number, line in runs if number == pull.number]
        earlier = dict.fromkeys(each.commit for each in _approvals_ever(pull) if each.commit != pull.head)
        if len(lines) == 1 and earlier and all(each.match is not Match.NONE for each in lines[0]):
            try:
                same = same_patch(lines[0], tuple(earlier)[-_MAX_COMPARED:], repository, token)
            except ConfigError as error:
                same, why = frozenset(), f"could not be compared with what goes out: {error}".rstrip(".")
                gaps.append(Gap("", f"an earlier approval of pull request {pull.number} {why}"))
            marked = (replace(each, same_patch=True) if each.commit in same else each for each in pull.reviews)
            found.append(replace(pull, reviews=tuple(marked)))
        else:
            found.append(pull)
    return tuple(found), tuple(gaps)


def same_patch(line: Sequence[Deployed], approved: Sequence[str], repository: Repository, token: str) -> frozenset[str]:
    """Those of the approved commits whose patch since they left the base branch is that of the line."""
    before = next(iter(repository.parents(line[-1].sha)), "")
    patch = repository.patch_id(before, line[0].sha) if before else ""
    same = set()
    for commit in filter(None, approved):
        if problem := repository.ensure((before, commit), token):
            raise ConfigError(problem)
        if patch and repository.patch_id(repository.change(before, commit).base, commit) == patch:
            same.add(commit)
    return frozenset(same)
