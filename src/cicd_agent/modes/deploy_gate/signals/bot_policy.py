"""`bot-policy`: pull requests of dependency bots, and of lock files alone, that need no person's approval."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from cicd_agent.analysis.rules.run import ruled
from cicd_agent.analysis.rules.sources import reads_sources
from cicd_agent.analysis.rules.suppression import graded
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.gate_evidence import Deployed, GateEvidence, Match, OriginPull, PullContent, State
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.errors import ConfigError
from cicd_agent.modes.deploy_gate.score import Policy
from cicd_agent.modes.deploy_gate.signals.checks import share_of_checks, still_running
from cicd_agent.modes.deploy_gate.signals.reviews import Ruling, approvals, same_patch
from cicd_agent.modes.shared.change_reader import DEPENDENCY_BOTS
from cicd_agent.settings.schema import Settings

_MAX_PULLS = 50
"""Pull requests of one deployment whose content is read."""
_ALL = 100.0
"""Percent of the checks."""
_FILE = "100644"
"""The git mode of a file that is no program and no link."""


def rulings(gate: GateEvidence, change: Change | None, policy: Policy) -> dict[int, Ruling]:
    """What the policy says, by number, of each pull request of a bot or of lock files alone that nobody has approved.

    This is no approval: of a policy that a deployment brings along, a person has to think well.
    """
    if policy.bot_policy == "off":
        return {}
    red = _not_green(gate, change, policy)
    results = {}
    for pull in gate.pulls:
        kind, refusal = _kind(pull)
        if not kind or any(approvals(pull)):
            continue
        if pull.content is None or any(each.match is Match.NONE for each in gate.commits if each.pull == pull.number):
            refusal = refusal or "it could not be compared with what goes out"
        problem = refusal or (pull.content.problem if pull.content else "") or red
        text = f"{kind}, rules and checks are green: bot-policy"
        if problem:
            text = f"bot-policy does not release #{pull.number} ({problem})"
        results[pull.number] = Ruling(not problem, text)
    return results


def _kind(pull: OriginPull) -> tuple[str, str]:
    """What the policy takes a pull request for, "" for anything else, and why that does not hold."""
    if pull.content is not None and pull.content.locks_only:
        return f"only lock files in #{pull.number}", ""
    author = pull.author.casefold()
    if not pull.by_app or author not in DEPENDENCY_BOTS:
        return "", ""
    name = author.removesuffix("[bot]")
    refusal = "" if _is_all_by(author, pull) else f"not all of its commits are {name}'s own, signed by GitHub"
    return f"{name}'s pull request #{pull.number}", refusal


def _is_all_by(bot: str, pull: OriginPull) -> bool:
    """Whether a bot alone wrote what goes out. What follows has merged the base branch, and brought nothing itself."""
    commits = pull.commits
    if pull.cut or not commits or commits[-1].sha != pull.head:
        return False
    last = next((at for at, each in enumerate(commits) if each.same_patch), len(commits) - 1)
    return all(len(each.parents) > 1 for each in commits[last + 1 :]) and all(
        each.signed and len(each.parents) == 1 and [login.casefold() for login in each.authors] == [bot]
        for each in commits[: last + 1]
    )


def _not_green(gate: GateEvidence, change: Change | None, policy: Policy) -> str:
    """Which of the checks is not green, "" when all are and at least one has passed."""
    reading = share_of_checks(gate, gate.reading("checks"), policy, change)
    if reading.state is not State.KNOWN:
        return reading.problem or "the checks are not known"
    if running := still_running(gate, policy):
        return f"the check `{clip(running[0].name, 80)}` goes on"
    return "" if reading.value == _ALL else reading.words


def with_contents(
    commits: Sequence[Deployed], pulls: Mapping[int, OriginPull], repository: Repository | None, settings: Settings
) -> tuple[dict[int, OriginPull], tuple[Gap, ...]]:
    """The pull requests with what the rules see in each by itself, where nobody has approved it and the policy asks."""
    judged, gaps = dict(pulls), list[Gap]()
    if settings.bot_policy == "off" or repository is None:
        return judged, ()
    for number, line in _lines(commits, pulls):
        if len(gaps) + sum(each.content is not None for each in judged.values()) >= _MAX_PULLS:
            gaps.append(Gap("", f"bot-policy: only {_MAX_PULLS} pull requests were read"))
            break
        try:
            judged[number] = _with_content(pulls[number], line, repository, settings)
        except ConfigError as error:
            gaps.append(Gap("", f"bot-policy: pull request {number} could not be read: {error}".rstrip(".")))
    return judged, tuple(gaps)


def _lines(commits: Sequence[Deployed], pulls: Mapping[int, OriginPull]) -> Iterator[tuple[int, tuple[Deployed, ...]]]:
    """The commits, newest first, of each pull request to be judged, where they lie side by side as they were merged."""
    runs = [(number, tuple(run)) for number, run in groupby(commits, key=lambda commit: commit.pull)]
    numbers = [number for number, _ in runs]
    for number, run in runs:
        is_whole = numbers.count(number) == 1 and all(each.match is not Match.NONE for each in run)
        if number in pulls and is_whole and not any(approvals(pulls[number])):
            yield number, run


def _with_content(pull: OriginPull, line: Sequence[Deployed], repository: Repository, settings: Settings) -> OriginPull:
    """The pull request with what it changes, and which commit has the same patch where its base was merged later."""
    before = next(iter(repository.parents(line[-1].sha)), "")
    if not before:
        raise ConfigError(f"the commit before {line[-1].sha[:7]} is not in this clone")
    content = _content(repository.change(before, line[0].sha), settings)
    commits, merges = list(pull.commits), 0
    while merges < len(commits) and len(commits[-1 - merges].parents) > 1:
        merges += 1
    if pull.by_app and 0 < merges < len(commits):
        at = len(commits) - 1 - merges
        same = same_patch(line, [commits[at].sha], repository, settings.github_token.get_secret_value())
        commits[at] = replace(commits[at], same_patch=commits[at].sha in same)
    return replace(pull, commits=tuple(commits), content=content)


def _content(change: Change, settings: Settings) -> PullContent:
    return PullContent(bool(change.files) and all(map(_is_lock, change.files)), next(_problems(change, settings), ""))


def _problems(change: Change, settings: Settings) -> Iterator[str]:
    """What stands against a change by the rules alone: what they did not read, and the worst that they found."""
    if change.incomplete or not change.files:
        yield change.incomplete or "it changes nothing"
    for file in change.files:
        if file.omitted or file.is_submodule:
            yield f"`{visible_line(clip(file.path, 100))}` was not read ({file.omitted or 'submodule'})"
    draft = ruled(change, settings.config_file, settings.own_rules)
    found = [each for each in graded(draft.findings) if each.severity.rank >= Severity.MEDIUM.rank]
    for each in sorted(found, key=lambda one: -one.severity.rank)[:1]:
        yield f"{each.severity}: {each.title} ({visible_line(clip(each.location.path, 100))})"


def _is_lock(file: FileDiff) -> bool:
    """Whether a file was a lock file and still is one, of a format whose addresses a rule reads."""
    is_file = file.kind is ChangeKind.MODIFIED and {file.old_mode, file.new_mode} == {_FILE}
    return is_file and all(_is_lock_name(path) for path in (file.path, file.old_path))


def _is_lock_name(path: str) -> bool:
    found = kinds(path)
    return PathKind.LOCK_FILE in found and PathKind.VENDORED not in found and reads_sources(path)
