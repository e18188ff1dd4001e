"""What people discuss already at lines of the change."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.repository.diff import Anchors, FileDiff
from cicd_agent.domain.text.words import clip

MAX_CHARACTERS = 4_000
"""Characters of the whole: the change is what the question has its room for."""

_REMARK = 400
_SOURCE = "threads: what people discuss already at lines of this change, not to be told again"


def discussion_exhibit(threads: Sequence[Thread], shown: Iterable[FileDiff]) -> Exhibit | None:
    """The remarks of people at lines of the files that may be shown; None when there are none."""
    discussed = {thread.path for thread in threads if thread.remarks}
    anchors = {file.path: Anchors(file) for file in shown if file.path in discussed}
    remarks = [
        f"{thread.path}:{thread.line} ({thread.side}): {remark}"
        for thread in threads
        if thread.path in anchors and anchors[thread.path].allows(thread.side, thread.line)
        for remark in (clip(" ".join(each.text.split()), _REMARK) for each in thread.remarks)
        if remark
    ]
    if not remarks:
        return None
    sizes = accumulate(len(line) + 1 for line in remarks)
    lines = [line for line, size in zip(remarks, sizes, strict=True) if size <= MAX_CHARACTERS]
    if len(lines) < len(remarks):
        lines.append(f"[{len(remarks) - len(lines):,} more remarks are not shown]")
    return Exhibit("threads", _SOURCE, "\n".join(lines))
