"""What of a change was looked at, in words and pictures: nothing that was left out is only counted."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cicd_agent.agent.prompt import left_out_of
from cicd_agent.domain.chart import Pie, Slice
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.verdict import Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.shared.change_reader import changed, is_for_rules, unshown
from cicd_agent.rendering.page import Block, Bullets, Inline, Paragraph, Table, code, joined

MAX_NAMED = 3
"""Files that are named in the line itself; of more, the line counts them by reason and a folded table names them."""
_MAX_ROWS = 100
_MAX_LINES = 500
_MIN_FINDINGS = 3
"""Findings that are worth a picture."""


def left_out(evidence: Evidence) -> Inline:
    """The files that were not looked at, a few by name, many by number; "" when there are none."""
    gaps = unread(evidence)
    if not gaps:
        return ""
    if len(gaps) <= MAX_NAMED:
        listed: list[Inline] = [(code(gap.what), f" ({gap.why})") for gap in gaps]
    else:
        listed = [f"{number} ({why})" for why, number in Counter(gap.why for gap in gaps).most_common()]
    return (" Not looked at: ", joined(listed), ".")


def not_shown(parts: Sequence[str]) -> Inline:
    """What the model was not shown of what was looked at, a few by name; "" when it was shown everything."""
    if not parts:
        return ""
    few: Inline = f"parts of {len(parts):,} files, named above"
    if len(parts) <= MAX_NAMED:
        few = joined([code(part) for part in parts])
    return (" Not shown to the model, which has no room for more: ", few, ".")


def sections(evidence: Evidence, parts: Sequence[str]) -> Iterator[tuple[str, Sequence[Block]]]:
    """The files that the line does not name, titled; `parts` are what the model was not shown."""
    gaps = unread(evidence)
    if len(gaps) > MAX_NAMED:
        rows: list[Sequence[Inline]] = [(code(gap.what), gap.why) for gap in gaps[:_MAX_ROWS]]
        if len(gaps) > _MAX_ROWS:
            rows.append((f"{len(gaps) - _MAX_ROWS:,} more", "in the JSON report"))
        yield f"{len(gaps)} not looked at", [Table(("not looked at", "why"), rows)]
    if len(parts) > MAX_NAMED:
        lines: list[Inline] = [code(each) for each in parts[:_MAX_LINES]]
        if len(parts) > _MAX_LINES:
            lines.append(f"{len(parts) - _MAX_LINES:,} more in the JSON report")
        yield f"{len(parts):,} not shown to the model", [Paragraph("Not shown to the model:"), Bullets(lines)]


def unread(evidence: Evidence) -> Sequence[Gap]:
    """The files of the change that neither the rules nor a model have looked at."""
    return tuple(gap for gap, by_rules in _gaps(evidence) if not by_rules)


def by_rules(evidence: Evidence) -> Inline:
    """How many files the rules have looked at and no model, "" when there are none."""
    reasons = Counter(gap.why for gap, by_rules in _gaps(evidence) if by_rules)
    listed = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    return f" Looked at by the rules alone: {listed}." if listed else ""


def _gaps(evidence: Evidence) -> Iterator[tuple[Gap, bool]]:
    """The gaps of files, each once, and whether it is one for the model only."""
    files = {file.path: file for file in changed(evidence).files}
    for gap in {gap.what: gap for gap in evidence.gaps if gap.what in files}.values():
        yield gap, gap.why == unshown(files[gap.what]) and is_for_rules(files[gap.what])


def pictures(verdict: Verdict, evidence: Evidence, account: Account) -> Iterator[Pie]:
    """How much of the change was looked at, when not all of it was, and where the findings are, when in many places."""
    reasons = {gap.what: f"not looked at, {gap.why}" for gap in evidence.gaps if gap.what}
    files = changed(evidence).files
    shown = {visible_line(file.path): file.path for file in files}
    for source in account.left_out:
        if name := left_out_of(source, shown):
            reasons.setdefault(shown[name], "looked at by rules only" if name == source else "in files not shown whole")
    lines: Counter[str] = Counter()
    for file in files:
        lines[reasons.get(file.path, "looked at")] += file.added_count
    seen = lines.pop("looked at", 0)
    if lines.total():
        yield Pie("Added lines", (Slice("looked at", seen), *(Slice(name, size) for name, size in lines.most_common())))

    folders = Counter(_folder(finding.location.path) for finding in verdict.findings)
    themes = Counter(str(finding.category) for finding in verdict.findings)
    title, counts = ("Findings by folder", folders) if len(folders) > 1 else ("Findings by category", themes)
    if len(counts) > 1 and len(verdict.findings) >= _MIN_FINDINGS:
        yield Pie(title, tuple(Slice(name, number) for name, number in counts.most_common()))


def _folder(path: str) -> str:
    folder, slash, _ = path.partition("/")
    return f"{folder}/" if slash else "(top)"
