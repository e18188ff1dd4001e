"""What a repository's own guidelines say of code and of reviews, in few words: a question is about the change."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cicd_agent.agent.prompt import estimate
from cicd_agent.domain.evidence import Exhibit

GUIDELINES = ("REVIEW.md", "AGENTS.md", ".github/copilot-instructions.md", "CONTRIBUTING.md")
"""Those that are written for reviewers and agents come first."""

MAX_BYTES = 200_000
"""Bytes of a file that is read at all."""

MAX_TOKENS = 600
"""Tokens of all of them together, by estimate."""

_FOR_PEOPLE = "CONTRIBUTING.md"
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*$")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,200})\]\([^()\n]{0,500}\)")
_OF_CODE = re.compile(
    r"\b(api|architect|check|code|coding|compatib|concurren|convention|database|dependenc|deprecat|design|error|exception|"
    r"guideline|invariant|lint|logging|migration|naming|pattern|perform|practice|principle|quality|review|rule|secur|"
    r"standard|style|test|thread|typ(?:e|ing)|valid)",
    re.IGNORECASE,
)
_OF_WORKING = re.compile(
    r"\b(bug report|build(?:ing)?|changelog|cla|clone|code of conduct|command|commit message|communit|contact|credit|"
    r"develop(?:er|ment) (?:environment|setup)|docs?|documentation|environment|feature request|fork|getting started|"
    r"install|issue|layout|licen[cs]e|overview|prerequisite|publish|pull request|question|releas|report(?:ing)?|"
    r"run(?:ning)?|set(?:ting)?[ -]?up|sign[ -]?off|structure|support|translat|workflow)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Section:
    """The text below a heading, up to the next one; `rank` is lower for what is shown first."""

    at: int
    rank: int
    text: str


def guideline_exhibits(texts: Mapping[str, str]) -> tuple[Exhibit, ...]:
    """What the GUIDELINES among `texts` (by path, of the base branch) say of code, packed after everything else."""
    available = MAX_TOKENS
    exhibits: list[Exhibit] = []
    for path in GUIDELINES:
        sections = list(_sections(texts.get(path, ""), for_people=path == _FOR_PEOPLE))
        shown = _fitting(sections, available)
        if shown:
            cut = "" if len(shown) == len(sections) else "[more is not shown]\n"
            text = "\n".join(each.text for each in sorted(shown, key=lambda each: each.at)) + f"\n{cut}"
            exhibits.append(Exhibit(f"guideline-{len(exhibits) + 1}", path, text))
            available -= estimate(text)
    return tuple(exhibits)


def _fitting(sections: Sequence[_Section], tokens: int) -> list[_Section]:
    """The first sections by rank that have room together; the one that is too long for it ends at a line."""
    shown: list[_Section] = []
    for each in sorted(sections, key=lambda section: (section.rank, section.at)):
        size = estimate(each.text)
        if size <= tokens:
            shown.append(each)
            tokens -= size
        elif part := _beginning(each, tokens):
            return [*shown, part]
    return shown


def _beginning(section: _Section, tokens: int) -> _Section | None:
    lines: list[str] = []
    for line in section.text.split("\n"):
        tokens -= estimate(f"{line}\n")
        if tokens < 0:
            break
        lines.append(line)
    # A heading alone says nothing.
    return _Section(section.at, section.rank, "\n".join([*lines, "…"])) if len(lines) > 1 else None


def _sections(text: str, *, for_people: bool) -> Iterator[_Section]:
    """The sections about code. What is written for people mostly tells how to work on the project."""
    chapters = list(_chapters(_without_comments(text)))
    for at, (heading, lines) in enumerate(chapters):
        of_code, of_working = bool(_OF_CODE.search(heading)), bool(_OF_WORKING.search(heading))
        # What stands above all headings, or in a file without any.
        is_whole = not heading and (len(chapters) == 1 or not for_people)
        wanted = is_whole or of_code or not (for_people or of_working)
        body = "\n".join(line.rstrip() for line in lines if line.strip())
        if wanted and body.strip():
            rank = 0 if of_code and not of_working else 1
            yield _Section(at, rank, _LINK.sub(r"\1", f"{heading}\n{body}" if heading else body))


def _without_comments(text: str) -> str:
    first, *others = text.split("<!--")
    return first + "".join(each.partition("-->")[2] for each in others)


def _chapters(text: str) -> Iterator[tuple[str, list[str]]]:
    """The headings and the lines below each, less examples of code: what is to be done is said in words."""
    heading, fence = "", ""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1] == fence else fence
        elif mark:
            fence = mark[1]
        elif found := _HEADING.match(line):
            yield heading, lines
            heading, lines = f"{found[1]} {found[2]}", []
        else:
            lines.append(line)
    yield heading, lines
