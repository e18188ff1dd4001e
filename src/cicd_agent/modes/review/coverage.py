"""What of a change was looked at, in words: nothing that was left out is only counted."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cicd_agent.core.evidence import Evidence, Gap
from cicd_agent.core.markdown import code, escape, table
from cicd_agent.core.words import count
from cicd_agent.modes.changes import changed

MOST_NAMED = 3
"""Files that are named in the line itself; of more, the line counts them by reason and a folded table names them."""
_MOST_ROWS = 100


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


def folded(evidence: Evidence) -> Iterator[tuple[str, Iterator[str]]]:
    """The title and the table of the files that the line does not name."""
    gaps = unread(evidence)
    if len(gaps) > MOST_NAMED:
        yield f"{len(gaps)} not looked at", iter([_table(gaps)])


def unread(evidence: Evidence) -> Sequence[Gap]:
    """The gaps that are files of the change, each once."""
    paths = {file.path for file in changed(evidence).files}
    return tuple({gap.what: gap for gap in evidence.gaps if gap.what in paths}.values())


def _table(gaps: Sequence[Gap]) -> str:
    rows = [(code(gap.what), escape(gap.why)) for gap in gaps[:_MOST_ROWS]]
    if len(gaps) > _MOST_ROWS:
        rows.append((f"{len(gaps) - _MOST_ROWS:,} more", "in the JSON report"))
    return table(("not looked at", "why"), rows)
