"""What went wrong in a job, the most decisive first: what its tools say, and where none is known, what stands out."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cicd_agent.analysis.logs.extract import Frame, Problem
from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.features import indent
from cicd_agent.analysis.logs.frames import frames, relative
from cicd_agent.analysis.logs.messages import Block
from cicd_agent.analysis.logs.reader import Line
from cicd_agent.analysis.logs.score import Weighed
from cicd_agent.analysis.logs.template import Templates, loose, strict

MOST = 60
"""Problems that an extract has: more are counted in its notes."""

_FALLBACK = 0.7
_WORTH_NAMING = 0.3
_BESIDE = 0.3
"""What only looks like trouble is named beside something more decisive from this share of its score on."""
_CONTEXT = 25
_CHAINED = 0.8
_CHAIN = re.compile(r"^\s*(?:During handling of the above exception|The above exception was the direct cause)")
_GUESSES = (
    (Kind.TIMEOUT, re.compile(r"tim(?:ed|e)[ -]?out|deadline exceeded", re.IGNORECASE)),
    (Kind.TEST_FAILURE, re.compile(r"\btests?\b|\bassert|\bexpected\b|\bspecs?\b", re.IGNORECASE)),
    (Kind.DEPENDENCY, re.compile(r"\b(?:package|dependenc\w{1,5}|module|artifact|lock ?file)\b", re.IGNORECASE)),
    (Kind.BUILD_ERROR, re.compile(r"\b(?:compil\w{1,8}|syntax|link(?:er|ing)|undefined|undeclared)\b", re.IGNORECASE)),
)


def problems(
    lines: Sequence[Line], blocks: Sequence[Block], weighed: Weighed, green: Templates | None
) -> tuple[Problem, ...]:
    """The problems of a log, ranked. Those that say the same are one, counted."""
    found = [*_told(lines, blocks, weighed), *_standing_out(lines, blocks, weighed)]
    ranked = sorted(found, key=lambda problem: (-problem.score, problem.line, problem.last))
    one: dict[tuple[str, str], Problem] = {}
    least = _BESIDE * ranked[0].score if ranked else 0.0
    for each in _apart(each for each in ranked if each.tool or each.score >= least):
        known = green is not None and each.text in green
        key = strict(each.tool, each.text)
        same = (each.tool, key or each.text)
        if same in one:
            one[same] = replace(one[same], count=one[same].count + 1)
        else:
            other = loose(each.tool, each.text)
            one[same] = replace(each, novel=not known, strict="" if known else key, loose="" if known else other)
    texts = {line.number: line.text for line in lines}
    return tuple(_placed(each, texts) if rank < MOST else each for rank, each in enumerate(one.values()))


def _placed(problem: Problem, texts: Mapping[int, str]) -> Problem:
    """The problem with the places that its lines name; the one that its own line names is the first."""
    within = (texts[number] for number in range(problem.first, problem.last + 1) if number in texts)
    named = problem.frames
    return replace(problem, frames=(*named, *(frame for frame in frames(within) if frame not in named)))


def _apart(ranked: Iterable[Problem]) -> Sequence[Problem]:
    """Without what is said within the block of a more decisive problem: two tools may know the same words.

    Of what could not be fetched, the trouble that stands in its block is the reason.
    """
    kept: list[Problem] = []
    owners: dict[int, int] = {}
    for each in ranked:
        if (owner := owners.get(each.line)) is None:
            owners.update((number, len(kept)) for number in range(each.first, each.last + 1) if number not in owners)
            kept.append(each)
        elif each.trouble and not kept[owner].trouble and kept[owner].kind is Kind.DEPENDENCY:
            kept[owner] = replace(kept[owner], trouble=each.trouble)
    return kept


def _told(lines: Sequence[Line], blocks: Sequence[Block], weighed: Weighed) -> Iterator[Problem]:
    for block in blocks:
        says = lines[block.says]
        named = {name: value.strip() for name, value in block.found.groupdict().items() if value}
        number = named.get("line", "")
        frame = Frame(relative(named["path"]), int(number) if number.isdecimal() else 0) if "path" in named else None
        own = block.weight * (_CHAINED if _is_chained(lines, block) else 1)
        yield Problem(
            tool=block.form.tool.name,
            kind=block.form.kind,
            line=says.number,
            first=lines[block.first].number,
            last=lines[block.last].number,
            text=says.text.strip(),
            score=_score(own, block.says, weighed),
            step=says.step,
            trouble=block.form.message.trouble,
            wraps=block.form.tool.wraps,
            test=named.get("test", ""),
            code=named.get("code", ""),
            frames=(frame,) if frame else (),
        )


def _is_chained(lines: Sequence[Line], block: Block) -> bool:
    """Whether another exception came of this one: it is the other that ended the program."""
    return any(_CHAIN.search(line.text) for line in lines[block.last + 1 : block.last + 4])


def _standing_out(lines: Sequence[Line], blocks: Sequence[Block], weighed: Weighed) -> Iterator[Problem]:
    """Lines that look like trouble in no tool's words that we know."""
    told = {block.says for block in blocks}
    for block in blocks:
        if block.weight > _WORTH_NAMING:
            told.update(range(block.first, block.last + 1))
    for index, line in enumerate(lines):
        trouble = weighed.signs[index].trouble
        if index in told or weighed.echoed[index] or trouble < _WORTH_NAMING or weighed.signs[index].frame:
            continue
        kind = next((kind for kind, words in _GUESSES if words.search(line.text)), Kind.UNKNOWN)
        yield Problem(
            tool="",
            kind=kind,
            line=line.number,
            first=line.number,
            last=lines[_end(lines, index)].number,
            text=line.text.strip(),
            score=_score(_FALLBACK * trouble, index, weighed),
            step=line.step,
        )


def _end(lines: Sequence[Line], index: int) -> int:
    """The last line that goes on about this one: indented below it."""
    base, last = indent(lines[index].text), index
    while last + 1 < len(lines) and last - index < _CONTEXT and lines[last + 1].number == lines[last].number + 1:
        text = lines[last + 1].text
        if not text.strip() or indent(text) <= base:
            break
        last += 1
    return last


def _score(own: float, index: int, weighed: Weighed) -> float:
    """A problem's score from its own weight and from where it stands."""
    return round(min(1.0, own * weighed.places[index]), 4)
