"""Whether what is deployed is what was reviewed: each commit beside the pull request that it came from."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.gate_evidence import Deployed, Match, OriginPull
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.text.words import clip
from cicd_agent.errors import ConfigError

LONGEST_SUBJECT = 200


def matched(
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
        together = tuple(run)
        match, why = {commit.sha: Match.NONE for commit in together}, ""
        if number:
            try:
                match, why = _of_one_pull(tuple(match), origins[together[0].sha], repository, token)
            except ConfigError as error:
                why = str(error).rstrip(".")
        if why:
            gaps.append(Gap("", f"what became of pull request {number} could not be compared with it: {why}"))
        for each in together:
            wrote = origins[each.sha].authors if not number and each.sha in origins else ()
            deployed.append(Deployed(each.sha, _line(each.subject), match[each.sha], number, wrote))
    return tuple(deployed), tuple(gaps)


def _of_one_pull(
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
    if why := repository.ensure((before, pull.head), token):
        return none, why
    reviewed = repository.patch_id(repository.change(before, pull.head).base, pull.head)
    if not reviewed or repository.patch_id(before, shas[0]) != reviewed:
        return none, ""
    is_merge = len(shas) == 1 and repository.parents(shas[0])[1:] == (pull.head,)
    return dict.fromkeys(shas, Match.EXACT if is_merge else Match.SAME_PATCH), ""


def _line(subject: str) -> str:
    return clip(" ".join(shown(subject).split()), LONGEST_SUBJECT)
