"""What the step summary shows as pictures, each only where it says more than the words beside it."""

from collections import Counter
from collections.abc import Iterator

from cicd_agent.agent.prompt import left_out_of
from cicd_agent.domain.chart import Pie, Slice
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.verdict import Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.shared.change_reader import changed

_FEWEST = 3
"""Findings that are worth a picture."""


def pictures(verdict: Verdict, evidence: Evidence, account: Account) -> tuple[Pie, ...]:
    """How much of the change was looked at, when not all of it was, and where the findings are, when in many places."""
    return (*_coverage(evidence, account), *_areas(verdict))


def _coverage(evidence: Evidence, account: Account) -> Iterator[Pie]:
    why = {gap.what: f"not looked at, {gap.why}" for gap in evidence.gaps if gap.what}
    files = changed(evidence).files
    shown = {visible_line(file.path): file.path for file in files}
    for said in account.left_out:
        if name := left_out_of(said, shown):
            why.setdefault(shown[name], "looked at by rules only" if name == said else "in files not shown whole")
    lines: Counter[str] = Counter()
    for file in files:
        lines[why.get(file.path, "looked at")] += sum(1 for _ in file.added)
    seen = lines.pop("looked at", 0)
    if lines.total():
        yield Pie("Added lines", (Slice("looked at", seen), *(Slice(name, most) for name, most in lines.most_common())))


def _areas(verdict: Verdict) -> Iterator[Pie]:
    if len(verdict.findings) < _FEWEST:
        return
    folders = Counter(_folder(finding.location.path) for finding in verdict.findings)
    themes = Counter(str(finding.category) for finding in verdict.findings)
    title, found = ("Findings by folder", folders) if len(folders) > 1 else ("Findings by category", themes)
    if len(found) > 1:
        yield Pie(title, tuple(Slice(name, number) for name, number in found.most_common()))


def _folder(path: str) -> str:
    folder, slash, _ = path.partition("/")
    return f"{folder}/" if slash else "(top)"
