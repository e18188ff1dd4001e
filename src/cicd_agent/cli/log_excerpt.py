"""An extract of a log as text: its problems, the most decisive first, then its lines, each gap with its size."""

from collections.abc import Iterator

from cicd_agent.analysis.logs.extract import Elision, Extract, Problem
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.text.redaction import mask
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count

_MOST_PROBLEMS = 10
_BOLD, _RED, _FAINT = "1", "31", "2"
_BAD = 0.7


def render(extract: Extract, *, colour: bool = False) -> str:
    """The whole extract. With `colour` it is set for a terminal; without, for a file or another log."""
    parts = [_heading(extract)]
    for rank, problem in enumerate(extract.problems[:_MOST_PROBLEMS], start=1):
        parts += _problem(rank, problem, colour=colour)
    if more := len(extract.problems) - _MOST_PROBLEMS:
        parts += [f"{count(more, 'more problem')}"] if more > 0 else []
    if extract.kept:
        parts.append("")
    parts += _lines(extract, colour=colour)
    parts += [_line(note) for note in extract.notes]
    return "\n".join(parts) + "\n"


def _heading(extract: Extract) -> str:
    if not extract.total:
        return "the log is empty"
    lines = count(extract.total, "line")
    return f"{count(len(extract.kept), 'line')} of {lines} shown, about {extract.tokens:,} tokens"


def _problem(rank: int, problem: Problem, *, colour: bool) -> Iterator[str]:
    facts = [
        f"line {problem.line:,}",
        *([_line(problem.step)] if problem.step else []),
        *([f"{problem.count} times"] if problem.count > 1 else []),
        *(["also in the green log"] if not problem.novel else []),
    ]
    kind = " ".join(filter(None, (_line(problem.tool), problem.kind, _line(problem.code))))
    yield f"{rank:>3}. {_ink(kind, _BOLD, on=colour)} {problem.score:.2f}  {_ink(' · '.join(facts), _FAINT, on=colour)}"
    yield f"     {_ink(_line(problem.text), _RED, on=colour)}"
    if problem.frames:
        places = [_line(f"{frame.path}:{frame.line}" if frame.line else frame.path) for frame in problem.frames[:3]]
        yield f"     {_ink('at ' + ', '.join(places), _FAINT, on=colour)}"


def _lines(extract: Extract, *, colour: bool) -> Iterator[str]:
    step = ""
    for row in extract.rows:
        if isinstance(row, Elision):
            yield _ink(_gap(row), _FAINT, on=colour)
            continue
        if row.step != step:
            step = row.step
            yield _ink(f"              {_line(step) or 'no step'}:", _BOLD, on=colour)
        repeats = _ink(f"  (×{row.times:,})", _FAINT, on=colour) if row.times > 1 else ""
        gutter = _ink(f"{row.number:>7,} {row.score:.2f} │ ", _FAINT, on=colour)
        text = shown(row.text).expandtabs(4).replace("\n", " ")
        yield gutter + (_ink(text, _RED, on=colour) if row.score >= _BAD else text) + repeats


def _gap(gap: Elision) -> str:
    folded = f", {gap.folded:,} of them like lines that are shown" if gap.folded else ""
    return f"              … {count(gap.lines, 'line')}{folded}"


def _line(text: str) -> str:
    return clip(visible_line(mask(" ".join(text.split()))), 300)


def _ink(text: str, code: str, *, on: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if on else text
