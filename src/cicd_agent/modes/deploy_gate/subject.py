"""What would be deployed and where to: the commit, the environment, and what that changes there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.gate_evidence import GateEvidence, Match, PastDeployment
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.errors import ConfigError
from cicd_agent.modes.deploy_gate.signals.deployments import earlier_deployments, running, succeeded_at, successes
from cicd_agent.modes.deploy_gate.signals.reviews import approvals
from cicd_agent.modes.shared.self_triggered import own_run
from cicd_agent.settings.schema import Settings

SERVED = (
    EventKind.PUSH,
    EventKind.DEPLOYMENT,
    EventKind.WORKFLOW_DISPATCH,
    EventKind.SCHEDULE,
    EventKind.WORKFLOW_RUN,
    EventKind.RELEASE,
    EventKind.LOCAL,
)

_MAX_COMMITS = 300
"""Commits whose origin is looked up."""
_MAX_COMPARED = 20
"""Commits, and earlier deployments, whose patches are compared."""
_REMEDY = "put actions/checkout with `fetch-depth: 0` before this step"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a deployment brings. `base` is where it begins, "" when that is not known; `commits` are newest first.

    `problem` is why the commits cannot all be vouched for, "" when they can. `unknown` is why it is not known what runs
    now, so that `base` is but where the event's change begins; "" when it is, and for a first deployment. `reverted`
    are the commits that a later one takes back, and those later ones.
    """

    base: str = ""
    change: Change | None = None
    commits: tuple[Commit, ...] = ()
    gaps: tuple[Gap, ...] = ()
    problem: str = ""
    unknown: str = ""
    reverted: frozenset[str] = frozenset()


def unserved(event: Event, settings: Settings) -> str:
    """Why no deployment is decided on for this event, "" when one is."""
    if event.kind not in SERVED:
        served = ", ".join(kind for kind in SERVED if kind is not EventKind.LOCAL)
        return f"deploy-gate does not serve the event `{event.name or event.kind}`: use {served}"
    if event.kind is EventKind.WORKFLOW_RUN and event.action != "completed":
        return (
            f"the run of the event was {event.action or 'touched'}, and only one that has ended leads to a deployment"
        )
    if event.kind is EventKind.PUSH and not event.sha and not settings.sha:
        return f"the push deletes {event.head.name or 'a branch or tag'}, and nothing is left to deploy"
    return own_run(event)


def read_subject(
    sha: str, event: Event, deployed: str, repository: Repository | None, settings: Settings, *, unread: str = ""
) -> Subject:
    """What lies between what runs now (`deployed`, "" when nothing is known to) and the commit.

    `unread` is why nobody could say what runs now, "" when it was read.
    """
    gaps: list[Gap] = []
    unknown = unread if not deployed and event.kind is not EventKind.LOCAL else ""
    try:
        if repository is None:
            return _unread(f"there is no checkout: {_REMEDY}", deployed, unknown=unknown)
        base, reason = _base(sha, event, deployed, repository, settings)
        since = base[:7] or "then"
        if deployed and base != deployed:
            unknown = f"what runs now ({deployed[:7]}) is not in this clone ({reason})"
            gaps.append(Gap("", f"{unknown}; what has changed since {since} was looked at instead"))
        elif not deployed:
            gaps.append(Gap("", f"it is not known what runs now: only what has changed since {since} was looked at"))
        if not base:
            reason = f" ({reason})" if reason else ""
            problem = f"it is not known what the commit is to be compared with{reason}: {_REMEDY}"
            return _unread(problem, gaps=gaps, unknown=unknown)
        change = repository.change(base, sha)
        commits = repository.between(base, sha, _MAX_COMMITS + 1)
        is_cut = len(commits) > _MAX_COMMITS
        commits = _without_reverted(commits[:_MAX_COMMITS], repository)
        if repository.between(sha, base, 1):
            gaps.append(Gap("", f"commits that run now are not in {sha[:7]}: deploying it takes them back"))
    except ConfigError as error:
        return _unread(str(error).rstrip("."), gaps=gaps, unknown=unknown)
    problem = ""
    if is_cut:
        problem = f"more than {_MAX_COMMITS} commits would be deployed, and only the newest ones were looked up"
    return Subject(base, change, commits, tuple(gaps), problem, unknown, _reverted(commits, repository))


def _without_reverted(commits: Sequence[Commit], repository: Repository) -> tuple[Commit, ...]:
    """The commits of a first-parent line, newest first, less what was taken back before it went out.

    Where the files are again what they were before, whatever lies between brings nothing: neither a held commit nor
    its revert.
    """
    before = repository.parents(commits[-1].sha)[:1] if commits else ()
    if not before:
        return tuple(commits)
    oldest_first = commits[::-1]
    trees = repository.tree_ids((*before, *(commit.sha for commit in oldest_first)))
    last = {tree: index for index, tree in enumerate(trees)}
    lasting: list[Commit] = []
    index = last[trees[0]]
    while index < len(oldest_first):
        lasting.append(oldest_first[index])
        index = last[trees[index + 1]]
    return tuple(reversed(lasting))


def _reverted(commits: Sequence[Commit], repository: Repository) -> frozenset[str]:
    """Of the commits, newest first, each with the later one that gives exactly its files the content of before.

    By their content, whatever a message says, and as long as the files have had no other change that stays: such a
    pair can be left out, and all the others change the same as with it. None where that cannot be read.
    """
    shas = [commit.sha for commit in commits]
    if not shas[1:]:
        return frozenset()
    try:
        changes = dict(zip(shas, repository.file_changes(shas), strict=True))
    except ConfigError:
        return frozenset()
    gone: set[str] = set()
    touched: dict[str, list[str]] = {}
    for sha in reversed(shas):
        change = changes[sha]
        (*others, earlier) = {(touched.get(path) or [""])[-1] for path in change} or {""}
        inverse = {path: (after, before) for path, (before, after) in change.items()}
        if earlier and not others and changes[earlier] == inverse:
            gone |= {earlier, sha}
            for path in change:
                touched[path].pop()
        else:
            for path in change:
                touched.setdefault(path, []).append(sha)
    return frozenset(gone)


def is_policy_new(event: Event, base: str, repository: Repository | None, settings: Settings) -> bool:
    """Whether a push is judged by another policy than that of what runs now.

    It is read at the commit before the push, which may have been held: what takes it back again takes no trace of it
    from the change.
    """
    if event.kind is not EventKind.PUSH or repository is None or not base or event.base.sha in {"", base}:
        return False
    try:
        texts = [repository.blob(commit, settings.config_file) for commit in (event.base.sha, base)]
    except ConfigError:
        return True
    return texts[0] != texts[1]


def with_patches(
    gate: GateEvidence, subject: Subject, event: Event, repository: Repository | None, settings: Settings
) -> GateEvidence:
    """With ids of what it changes: they stay the same when it is rebased, and with them an approval of it.

    The whole is compared with what ran before the commit first came there, so that a second run of it is the same.
    What cannot be compared has no id, and an approval of it is one of the commits.
    """
    past = earlier_deployments(gate.deployments, event)
    before = running([each for each in past if each.sha != gate.sha])
    if repository is None or before is None or subject.unknown or subject.problem:
        return gate
    approved = {pull.number for pull in gate.pulls if any(approvals(pull))}
    rest = [each for each in gate.commits if each.match is Match.NONE or each.pull not in approved][:_MAX_COMPARED]
    try:
        if repository.ensure((before.sha, gate.sha), settings.github_token.get_secret_value()):
            return gate
        patch = repository.patch_id(before.sha, gate.sha)
        ids = {each.sha: _own_patch(each.sha, repository) for each in rest}
    except ConfigError:
        return gate
    commits = tuple(replace(each, patch=ids.get(each.sha, "")) for each in gate.commits)
    deployed = _patch_deployed(gate, patch, past, repository) if patch and gate.words else 0
    return replace(gate, commits=commits, patch=patch, patch_deployed=deployed)


def _own_patch(sha: str, repository: Repository) -> str:
    before = repository.parents(sha)[:1]
    return repository.patch_id(before[0], sha) if before else ""


def _patch_deployed(gate: GateEvidence, patch: str, past: Sequence[PastDeployment], repository: Repository) -> int:
    """When another commit last brought the same patch since somebody gave an order, 0 for never.

    In seconds since the epoch. What cannot be compared counts as the same: an approval that is given again is newer.
    """
    since = min(each.created for each in gate.words)
    others = [
        (old, new) for old, new in pairwise(successes(past)) if new.sha != gate.sha and succeeded_at(new) >= since
    ]
    for number, (before, after) in enumerate(reversed(others)):
        try:
            if number == _MAX_COMPARED or repository.patch_id(before.sha, after.sha) == patch:
                return succeeded_at(after)
        except ConfigError:
            return succeeded_at(after)
    return 0


def _unread(problem: str, base: str = "", gaps: Sequence[Gap] = (), unknown: str = "") -> Subject:
    return Subject(base, gaps=(*gaps, Gap("the change", problem)), problem=problem, unknown=unknown)


def _base(sha: str, event: Event, deployed: str, repository: Repository, settings: Settings) -> tuple[str, str]:
    """What the commit is compared with, and why that is not what runs now, "" when nothing stands against it."""
    token = settings.github_token.get_secret_value()
    problem = ""
    for candidate in filter(None, dict.fromkeys((deployed, event.base.sha))):
        reason = repository.ensure((candidate, sha), token)
        if not reason:
            return candidate, problem
        problem = problem or reason
    if repository.ensure((sha,), token):
        return "", problem
    return next(iter(repository.parents(sha)), ""), problem
