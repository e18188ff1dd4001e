"""A thread of a review on the diff: what became of it, and what a comment of ours in it was about."""

import re
from dataclasses import dataclass

from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.words import clip

LONGEST_REMARK = 1_000

MOST_RESOLVED = 20

_LONGEST_LINE = 2_000
_LONGEST_TITLE = 200
_KEY = re.compile(r"<!-- cicd-agent:([A-Za-z0-9._:/-]{1,120}) -->")
_GRADE = re.compile(r"\*\*(?:[^\sa-z]\s)?[a-z]{1,20} · [a-z]{1,20}\*\* — ")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|(?<!`)(`+)(?!`) ?(.+?) ?(?<!`)\2(?!`)")
_SILENCED_BY = re.compile(r"<sub>rule `.*(?<!`)(`+) ?cicd-agent: ignore\[([^\]]{1,200})\] reason ?\1</sub>")


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person said in a thread: foreign text, cut."""

    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread. `id` is GitHub's node id; `line` counts in the head under review, 0 when the thread is outdated.

    `key` is that of our own comment which began it, "" when we did not: judged by the author and the marker together.
    `resolved_by_person`: somebody else than this account closed it, or nobody knows who did. `answered`: a person has
    said something in it. Of our own: `rule` is the id of the finding that it is about, "" for a model's; `title` is its
    first line in plain words; `text` is the line of code that it was begun on, "" when that is not known.
    """

    id: str
    path: str
    line: int
    side: Side
    key: str = ""
    resolved: bool = False
    resolved_by_person: bool = False
    answered: bool = False
    outdated: bool = False
    url: str = ""
    title: str = ""
    rule: str = ""
    text: str = ""
    remarks: tuple[Remark, ...] = ()

    @property
    def fingerprint(self) -> str:
        return self.key.rpartition("-")[0]


def key_of(body: str) -> str:
    """The key in the marker that is a comment's first line, "" when that is none."""
    found = _KEY.fullmatch(body.partition("\n")[0].rstrip("\r"))
    return found[1] if found else ""


def line_of(hunk: str) -> str:
    """The line that a thread stands on, the last of its hunk, as `folded` has it; "" when there is none."""
    lines = [line for line in hunk.rstrip("\r\n").split("\n") if not line.startswith(("\\", "@@"))]
    return folded(lines[-1][1:]) if lines else ""


def folded(line: str) -> str:
    """A line of code without what its layout is made of, cut: how lines are compared."""
    return " ".join(line[:_LONGEST_LINE].split())


def title_of(body: str) -> str:
    """The first visible line of a finding's comment as plain text: without its grade, its escapes undone, cut."""
    lines = (line.strip() for line in body.splitlines())
    first = next((line for line in lines if line and not line.startswith(("<!--", "```"))), "")[:_LONGEST_LINE]
    return clip(_ESCAPED.sub(lambda found: found[1] or found[3], _GRADE.sub("", first, count=1)), _LONGEST_TITLE)


def rule_of(body: str) -> str:
    """The id of a rule's or a tool's finding, which the last line of its comment names; "" when it names none."""
    last = body.rstrip().rpartition("\n")[2].rstrip("\r")
    found = _SILENCED_BY.fullmatch(last[:_LONGEST_LINE])
    return found[2] if found else ""
