"""What earlier reviews of the pull request mean for this one: what stays silent, stands already, or is fixed."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from cicd_agent.analysis.rules import RULES
from cicd_agent.domain.events.thread import Thread, folded
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding, Location, Origin
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, Side
from cicd_agent.domain.verdict import Suppressed, SuppressedBy
from cicd_agent.modes.review.evidence import THREADS
from cicd_agent.modes.shared.change_reader import changed


def keys(findings: Sequence[Finding], threads: Sequence[Thread]) -> tuple[str, ...]:
    """The key under which each finding is, or would be, commented on: its fingerprint and a number.

    The same text twice in a file: the second, by its line, is another comment, and known again as the second. A number
    whose thread we have resolved ourselves is used up: the issue is back, and that is said anew.
    """
    used_up = {thread.key for thread in threads if thread.key and thread.resolved and not thread.resolved_by_person}
    last: dict[str, int] = defaultdict(int)
    keyed = [""] * len(findings)
    for index in sorted(range(len(findings)), key=lambda each: findings[each].location.line):
        fingerprint = findings[index].fingerprint
        last[fingerprint] += 1
        while f"{fingerprint}-{last[fingerprint]}" in used_up:
            last[fingerprint] += 1
        keyed[index] = f"{fingerprint}-{last[fingerprint]}"
    return tuple(keyed)


def suppress_resolved(findings: Sequence[Finding], threads: Sequence[Thread]) -> tuple[list[Finding], list[Suppressed]]:
    settled = [thread for thread in threads if thread.key and thread.resolved and thread.resolved_by_person]
    open_keys = {thread.key for thread in threads if not thread.resolved}
    unresolved: list[Finding] = []
    suppressed: list[Suppressed] = []
    for finding, key in zip(findings, keys(findings, threads), strict=True):
        thread = None if key in open_keys else _about(finding, key, settled)
        if thread is None:
            unresolved.append(finding)
        else:
            suppressed.append(Suppressed(finding, SuppressedBy.THREAD, "its thread was resolved", url=thread.url))
    return unresolved, suppressed


def unpublished(
    findings: Sequence[Finding], suppressed: Sequence[Suppressed], threads: Sequence[Thread]
) -> Iterator[tuple[Finding, str, bool]]:
    """Each finding with its key, and whether it has still to be said: no thread of ours that stands open is about it.

    `findings` and `suppressed` are all that the verdict has, as the numbers in the keys need.
    """
    known = [*findings, *(each.finding for each in suppressed if each.by is SuppressedBy.THREAD)]
    unresolved = [thread for thread in threads if thread.key and not thread.resolved]
    for finding, key in zip(findings, keys(known, threads), strict=False):
        yield finding, key, _about(finding, key, unresolved) is None


def fixed(evidence: Evidence, claims: Collection[Finding], *, model_answered: bool) -> Iterator[Thread]:
    """Our open threads whose issue is provably gone. `claims` is all that was claimed this time, rejected ones too.

    That a model has seen the whole change (`model_answered`) and is silent proves nothing by itself: the line of its
    earlier finding must be gone from the file, too. (GitHub calls a thread outdated also after a rebase.)
    """
    change = changed(evidence)
    alive = {finding.fingerprint for finding in claims}
    tools = {finding.id.partition("/")[0] for finding in evidence.findings}
    unread = {gap.what for gap in evidence.gaps}
    ids = {rule.id for rule in RULES}
    paths = {path for file in change.files for path in (file.path, file.old_path)}
    whole = {*change.texts, *(file.path for file in change.files if file.kind is ChangeKind.DELETED)}
    for thread in evidence.get(THREADS) or ():
        if not thread.key or thread.resolved or thread.fingerprint in alive:
            continue
        if thread.rule:
            checked = thread.rule in ids or thread.rule.partition("/")[0] in tools
            proved = checked and (thread.outdated or thread.path in whole)
        else:
            proved = model_answered and thread.outdated and not _stands(thread, change)
        is_gone = thread.path not in paths and (change.source is ChangeSource.GIT or thread.outdated)
        if (proved and thread.path not in unread) or is_gone:
            yield thread


def _about(finding: Finding, key: str, threads: Sequence[Thread]) -> Thread | None:
    """The thread that says this finding already."""
    for thread in threads:
        if thread.key == key:
            return thread
    for thread in threads:
        here = finding.location.meets(Location(thread.path, thread.line, side=thread.side))
        if finding.origin is Origin.MODEL and here and thread.line and not thread.outdated:
            return thread
    return None


def _stands(thread: Thread, change: Change) -> bool:
    """Whether the line that a thread was begun on is in the file as it was: in its text, else in its diff."""
    after = thread.side is Side.RIGHT
    texts = change.texts if after else change.old_texts
    lines = texts.get(thread.path, "").split("\n")
    for file in change.files:
        if thread.path in (file.path, file.old_path):
            lines += [line.text for line in file.lines if (line.new if after else line.old) is not None]
    return bool(thread.text) and any(folded(line) == thread.text for line in lines)
