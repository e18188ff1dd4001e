"""What went wrong in a job, the most decisive first: what its tools say, and where none is known, what stands out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from cicd_agent.analysis.logs.extract import Frame, Kind, Problem
from cicd_agent.analysis.logs.headline import headline
from cicd_agent.analysis.logs.matcher import Block
from cicd_agent.analysis.logs.reader import MAX_SEARCHED, Line
from cicd_agent.analysis.logs.score import LineScore, indentation
from cicd_agent.analysis.logs.template import Templates, coarse_fingerprint, strict_fingerprint
from cicd_agent.domain.text.patterns import load_patterns

_PATTERNS = load_patterns(__package__, "problems")

MAX_PROBLEMS = 60

_UNKNOWN_TOOL = 0.7
_MIN_TROUBLE = 0.3
_BESIDE = 0.3
"""What only looks like trouble is named beside something more decisive from this share of its score on."""
_CONTEXT = 25
_CHAINED = 0.8
_GUESSES = load_patterns(__package__, "guesses")
_FRAMES = load_patterns(__package__, "frames")
MAX_FRAMES = 20


def problems(
    lines: Sequence[Line], blocks: Sequence[Block], scores: Sequence[LineScore], green: Templates | None
) -> tuple[Problem, ...]:
    """The problems of a log: first the one with the line to read first, then the others by rank."""
    ranked = rank(lines, blocks, scores, green)
    chosen = headline(lines, blocks, scores, ranked) if ranked else None
    return ranked if chosen is None else led_by(lines[chosen], ranked)


def led_by(line: Line, ranked: Sequence[Problem]) -> tuple[Problem, ...]:
    """With the problem first that this line is part of, or with one made of the line."""
    own = next((each for each in ranked if each.line == line.number), None)
    around = own or next((each for each in ranked if each.first <= line.number <= each.last), None)
    top, text = ranked[0].score, line.text.strip()
    if around is None:
        first = Problem("", _kind_of(text), line.number, line.number, line.number, text, top, line.step)
        first = replace(first, strict=strict_fingerprint("", text), loose=coarse_fingerprint("", text))
    elif around is own or around.trouble:
        # Of trouble outside of the code the tool's own words are the proof.
        first = replace(around, score=top)
    else:
        first = replace(around, line=line.number, text=text, score=top, own=around.text)
    return first, *(each for each in ranked if each is not around)


def rank(
    lines: Sequence[Line], blocks: Sequence[Block], scores: Sequence[LineScore], green: Templates | None
) -> tuple[Problem, ...]:
    """The problems by their tools' weights and places. Those that say the same are one, counted."""
    every = [*_of_messages(lines, blocks, scores), *_of_unknown_tools(lines, blocks, scores)]
    ranked = sorted(every, key=lambda problem: (-problem.score, problem.line, problem.last))
    distinct: dict[tuple[str, str], Problem] = {}
    min_score = _BESIDE * ranked[0].score if ranked else 0.0
    for each in _without_nested(each for each in ranked if each.tool or each.score >= min_score):
        strict = strict_fingerprint(each.tool, each.text)
        key = (each.tool, strict or each.text)
        if key in distinct:
            distinct[key] = replace(distinct[key], count=distinct[key].count + 1)
        elif green is not None and each.text in green:
            distinct[key] = replace(each, novel=False)
        else:
            distinct[key] = replace(each, strict=strict, loose=coarse_fingerprint(each.tool, each.text))
    texts = {line.number: line.text for line in lines}
    result = list(distinct.values())
    for rank, each in enumerate(result[:MAX_PROBLEMS]):
        within = (texts[number] for number in range(each.first, each.last + 1) if number in texts)
        # The frame that its own line names is the first.
        result[rank] = replace(each, frames=tuple(dict.fromkeys((*each.frames, *find_frames(within)))))
    return tuple(result)


def _without_nested(ranked: Iterable[Problem]) -> Sequence[Problem]:
    """Without what is said within a more decisive problem, which takes its trouble if it could not fetch something."""
    outer: list[Problem] = []
    owners: dict[int, int] = {}
    for each in ranked:
        if (owner := owners.get(each.line)) is None:
            owners.update((number, len(outer)) for number in range(each.first, each.last + 1) if number not in owners)
            outer.append(each)
        elif each.trouble and not outer[owner].trouble and outer[owner].kind is Kind.DEPENDENCY:
            outer[owner] = replace(outer[owner], trouble=each.trouble)
    return outer


def _of_messages(lines: Sequence[Line], blocks: Sequence[Block], scores: Sequence[LineScore]) -> Iterator[Problem]:
    for block in blocks:
        headline = lines[block.headline]
        named = block.groups
        number = named.get("line", "")
        frame = Frame(relative(named["path"]), int(number) if number.isdecimal() else 0) if "path" in named else None
        is_chained = any(_PATTERNS["chain"].search(line.text) for line in lines[block.last + 1 : block.last + 4])
        weight = block.weight * (_CHAINED if is_chained else 1)
        yield Problem(
            tool=block.tool.name,
            kind=block.kind,
            line=headline.number,
            first=lines[block.first].number,
            last=lines[block.last].number,
            text=headline.text.strip(),
            score=_score(weight, block.headline, scores),
            step=headline.step,
            trouble=block.message.trouble,
            wraps=block.tool.wraps,
            test=named.get("test", ""),
            code=named.get("code", ""),
            frames=(frame,) if frame else (),
        )


def _of_unknown_tools(lines: Sequence[Line], blocks: Sequence[Block], scores: Sequence[LineScore]) -> Iterator[Problem]:
    """Lines that look like trouble and are no message of a tool that we know."""
    explained = {block.headline for block in blocks}
    for block in blocks:
        if block.weight > _MIN_TROUBLE:
            explained.update(range(block.first, block.last + 1))
    for index, line in enumerate(lines):
        trouble, score = scores[index].features.trouble, scores[index]
        if index in explained or score.echo or trouble < _MIN_TROUBLE or score.features.frame:
            continue
        yield Problem(
            tool="",
            kind=_kind_of(line.text),
            line=line.number,
            first=line.number,
            last=lines[_end(lines, index)].number,
            text=line.text.strip(),
            score=_score(_UNKNOWN_TOOL * trouble, index, scores),
            step=line.step,
        )


def _kind_of(text: str) -> Kind:
    return Kind(next((kind for kind, pattern in _GUESSES.items() if pattern.search(text)), "unknown"))


def _end(lines: Sequence[Line], index: int) -> int:
    base, last = indentation(lines[index].text), index
    while last + 1 < len(lines) and last - index < _CONTEXT and lines[last + 1].number == lines[last].number + 1:
        text = lines[last + 1].text
        if not text.strip() or indentation(text) <= base:
            break
        last += 1
    return last


def _score(weight: float, index: int, scores: Sequence[LineScore]) -> float:
    return round(min(1.0, weight * scores[index].factor), 4)


def find_frames(texts: Iterable[str]) -> tuple[Frame, ...]:
    """The places that these lines name, each once: those in the repository first, then those of libraries."""
    frames: dict[Frame, None] = {}
    for text in texts:
        frames.update(dict.fromkeys(_frames_in(text[:MAX_SEARCHED])))
        if len(frames) > 4 * MAX_FRAMES:
            break

    def is_outside(frame: Frame) -> bool:
        return frame.path.startswith("/") or _PATTERNS["library"].search(frame.path) is not None

    return tuple(sorted(frames, key=is_outside))[:MAX_FRAMES]


def relative(path: str) -> str:
    path = path.replace("\\", "/")
    workspace = _PATTERNS["workspace"].match(path)
    return (path[workspace.end() :] if workspace else path).removeprefix("./")


def _frames_in(text: str) -> Iterator[Frame]:
    spans: list[tuple[int, int]] = []
    text = text.replace("file://", "")
    for form in _FRAMES.values():
        for match in form.finditer(text):
            start, end = match.span()
            if any(start < other_end and other < end for other, other_end in spans):
                continue
            spans.append((start, end))
            path = match["path"]
            if path.startswith("//") or _PATTERNS["address"].search(path):
                continue
            folder = match.groupdict().get("name")
            if folder and "." in folder:
                path = f"{folder.rpartition('.')[0].rpartition('/')[2].replace('.', '/')}/{path}"
            yield Frame(relative(path), int(match["line"]))
