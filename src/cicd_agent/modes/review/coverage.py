"""What of a change was looked at, in words."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.modes.shared.change_reader import changed, is_for_rules, unshown
from cicd_agent.rendering.page import Block, Bullets, Inline, Paragraph, Table, code, joined

MAX_NAMED = 3
"""Files that are named in the line itself; of more, the line counts them by reason and a folded table names them."""
_MAX_ROWS = 100
_MAX_LINES = 500


def left_out(evidence: Evidence) -> Inline:
    """The files that were not looked at, a few by name, many by number; "" when there are none."""
    gaps = unread(evidence)
    if not gaps:
        return ""
    if len(gaps) <= MAX_NAMED:
        listed: list[Inline] = [(code(gap.what), f" ({gap.why})") for gap in gaps]
    else:
        listed = [f"{number} ({why})" for why, number in Counter(gap.why for gap in gaps).most_common()]
    return ("Not analysed: ", joined(listed), ".")


def not_shown(parts: Sequence[str]) -> Inline:
    """What the model was not shown of what was looked at, a few by name; "" when it was shown everything."""
    if not parts:
        return ""
    few: Inline = f"parts of {len(parts):,} files, named above"
    if len(parts) <= MAX_NAMED:
        few = joined([code(part) for part in parts])
    return ("Not shown to the model for lack of room: ", few, ".")


def sections(evidence: Evidence, parts: Sequence[str]) -> Iterator[tuple[str, Sequence[Block]]]:
    """The files that the line does not name, titled; `parts` are what the model was not shown."""
    gaps = unread(evidence)
    if len(gaps) > MAX_NAMED:
        rows: list[Sequence[Inline]] = [(code(gap.what), gap.why) for gap in gaps[:_MAX_ROWS]]
        if len(gaps) > _MAX_ROWS:
            rows.append((f"{len(gaps) - _MAX_ROWS:,} more", "in the JSON report"))
        yield f"{len(gaps)} not analysed", [Table(("not analysed", "why"), rows)]
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
    return f"Analysed by the rules alone: {listed}." if listed else ""


def _gaps(evidence: Evidence) -> Iterator[tuple[Gap, bool]]:
    """The gaps of files, each once, and whether it is one for the model only."""
    files = {file.path: file for file in changed(evidence).files}
    for gap in {gap.what: gap for gap in evidence.gaps if gap.what in files}.values():
        yield gap, gap.why == unshown(files[gap.what]) and is_for_rules(files[gap.what])
