"""What of a change was looked at, in words: nothing that was left out is only counted."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.text.markdown import code, escape, table
from cicd_agent.domain.text.words import count
from cicd_agent.modes.shared.change_reader import changed

MOST_NAMED = 3
"""Files that are named in the line itself; of more, the line counts them by reason and a folded table names them."""
_MOST_ROWS = 100
_MOST_LINES = 500


def nothing_found(evidence: Evidence, *, asked: bool, shown: bool, weak: bool) -> str:
    """The line in place of findings. It claims no more than was looked at, by those who looked.

    `asked` whether a model was heard, `shown` whether it was shown all that was read, `weak` whether there are findings
    below the thresholds.
    """
    files = len(changed(evidence).files)
    read = files - len(unread(evidence))
    if files and not read:
        return "Nothing of the change was looked at."
    subject = "Nothing found" if asked else "The rules found nothing"
    where = "" if read == files else f" in {read} of {count(files, 'file')}: the rest was not looked at"
    where = where or ("" if shown or not asked else " in what the model was shown, which is not the whole change")
    bar = " that reaches the thresholds" if weak else ""
    return f"{subject}{bar}{where}."


def left_out(evidence: Evidence) -> str:
    """The files that were not looked at, a few by name, many by number; "" when there are none."""
    gaps = unread(evidence)
    if not gaps:
        return ""
    if len(gaps) <= MOST_NAMED:
        listed = ", ".join(f"{code(gap.what)} ({escape(gap.why)})" for gap in gaps)
    else:
        reasons = Counter(gap.why for gap in gaps).most_common()
        listed = ", ".join(f"{number} ({escape(why)})" for why, number in reasons)
    return f" Not looked at: {listed}."


def not_shown(parts: Sequence[str]) -> str:
    """What the model was not shown of what was looked at, a few by name; "" when it was shown everything."""
    if not parts:
        return ""
    few = ", ".join(map(code, parts)) if len(parts) <= MOST_NAMED else f"parts of {len(parts):,} files, named above"
    return f" Not shown to the model, which has no room for more: {few}."


def folded(evidence: Evidence, parts: Sequence[str]) -> Iterator[tuple[str, Iterator[str]]]:
    """The titles and the lists of the files that the line does not name; `parts` are what the model was not shown."""
    gaps = unread(evidence)
    if len(gaps) > MOST_NAMED:
        yield f"{len(gaps)} not looked at", iter([_table(gaps)])
    if len(parts) > MOST_NAMED:
        yield f"{len(parts):,} not shown to the model", iter([_list(parts)])


def unread(evidence: Evidence) -> Sequence[Gap]:
    """The gaps that are files of the change, each once."""
    paths = {file.path for file in changed(evidence).files}
    return tuple({gap.what: gap for gap in evidence.gaps if gap.what in paths}.values())


def _list(parts: Sequence[str]) -> str:
    lines = [f"- {code(each)}" for each in parts[:_MOST_LINES]]
    if len(parts) > _MOST_LINES:
        lines.append(f"- {len(parts) - _MOST_LINES:,} more in the JSON report")
    return "\n".join(["Not shown to the model:", "", *lines])


def _table(gaps: Sequence[Gap]) -> str:
    rows = [(code(gap.what), escape(gap.why)) for gap in gaps[:_MOST_ROWS]]
    if len(gaps) > _MOST_ROWS:
        rows.append((f"{len(gaps) - _MOST_ROWS:,} more", "in the JSON report"))
    return table(("not looked at", "why"), rows)
