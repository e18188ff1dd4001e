"""What people already discuss at lines of the change, so that a model does not tell them again."""

from collections.abc import Iterable, Sequence

from cicd_agent.domain.diff import Anchors, FileDiff
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.thread import Thread

MAX_CHARACTERS = 4_000
"""Characters of the whole: the change is what the question has its room for."""

_REMARK = 400
_SOURCE = "threads: what people discuss already at lines of this change, not to be told again"


def discussion_exhibit(threads: Sequence[Thread], shown: Iterable[FileDiff]) -> Exhibit | None:
    """The remarks of people at lines of the files that may be shown; None when there are none.

    It is packed after everything else, and what does not fit is counted in its last line.
    """
    discussed = {thread.path for thread in threads if thread.remarks}
    anchors = {file.path: Anchors(file) for file in shown if file.path in discussed}
    told = [
        f"{thread.path}:{thread.line} ({thread.side}): {remark}"
        for thread in threads
        if thread.path in anchors and anchors[thread.path].allows(thread.side, thread.line)
        for remark in (clip(" ".join(each.text.split()), _REMARK) for each in thread.remarks)
        if remark
    ]
    kept: list[str] = []
    room = MAX_CHARACTERS
    for line in told:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    if not told:
        return None
    if len(kept) < len(told):
        kept.append(f"[{len(told) - len(kept):,} more remarks are not shown]")
    return Exhibit("threads", _SOURCE, "\n".join(kept))
