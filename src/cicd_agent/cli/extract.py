"""`cicd-agent extract`: the lines of a log file that matter, without a network or a key."""

import sys
from collections.abc import Iterator
from dataclasses import asdict, replace

import click

from cicd_agent.adapters.runner.log_file import chunks
from cicd_agent.analysis.logs.extract import Elision, Extract, Problem
from cicd_agent.analysis.logs.reduction import passed, reduce
from cicd_agent.app.session import Session
from cicd_agent.cli.options import command, format_option
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.text.redaction import mask
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.rendering.style import Style

_MAX_TOKENS = 1_000_000
_MAX_PROBLEMS = 10
_MAX_GROUPS = 3
_BAD = 0.7
"""Score from which a line is shown as bad."""


@command
@click.argument("log", metavar="LOG")
@click.option("--green", "reference", metavar="LOG", help="a log of the same job that passed")
@click.option("--tokens", metavar="N", type=int, help="how much to print (default: 2000)")
@format_option()
def extract(session: Session, log: str, reference: str = "", tokens: int = 2_000) -> int:
    """LOG is a log file, also compressed by gzip; - for the standard input."""
    console, standard_input = session.console, sys.stdin.buffer
    if not 1 <= tokens <= _MAX_TOKENS:
        raise ConfigError(f"--tokens {tokens} is out of range", remedy=f"Give 1 to {_MAX_TOKENS:,}")
    limits: list[str] = []
    green = passed(chunks(reference, standard_input, limits.append)) if reference else None
    result = reduce(chunks(log, standard_input, limits.append), tokens=tokens, green=green)
    result = replace(result, notes=(*result.notes, *limits))
    console.print_result(document(result), lambda: render(result, colour=console.coloured))
    return Exit.OK


def document(extract: Extract) -> dict[str, object]:
    """The extract as JSON: counts, lines, elisions, problems, and the limits that were met."""
    return {
        "kind": extract.kind,
        "total": extract.total,
        "bytes": extract.bytes,
        "tokens": extract.tokens,
        "lines": [
            {name: getattr(line, name) for name in ("number", "text", "score", "step", "tool", "times")}
            for line in extract.kept
        ],
        "elisions": [asdict(gap) for gap in extract.elisions],
        "problems": [asdict(problem) for problem in extract.problems],
        "tests": asdict(extract.tests),
        "notes": list(extract.notes),
        "passed": extract.passed.number if extract.passed else None,
    }


def render(extract: Extract, *, colour: bool = False) -> str:
    """Its problems, the most decisive first, then its lines, each gap with its size."""
    if not extract.total:
        return "the log is empty\n"
    style = Style(colour, 100)
    lines = count(extract.total, "line")
    parts = [f"{count(len(extract.kept), 'line')} of {lines} shown, about {extract.tokens:,} tokens"]
    if extract.passed:
        last = extract.passed
        parts.append(f"no failure in this log: its job passed, says line {last.number:,} ({_line(last.text)})")
    else:
        parts += _problems(extract, style)
    if extract.kept:
        parts.append("")
    parts += _lines(extract, style)
    parts += map(_line, extract.notes)
    return "\n".join(parts) + "\n"


def _problems(extract: Extract, style: Style) -> Iterator[str]:
    if extract.tests.count > 1:
        yield f"{count(extract.tests.count, 'test')} failed"
    for group in extract.tests.alike[:_MAX_GROUPS]:
        names = ", ".join(_line(test.name) for test in group.first)
        yield f"     {_line(group.message)} · {count(group.count, 'test')}, first: {names}"
    for rank, problem in enumerate(extract.problems[:_MAX_PROBLEMS], start=1):
        yield from _problem(rank, problem, style)
    if len(extract.problems) > _MAX_PROBLEMS:
        yield count(len(extract.problems) - _MAX_PROBLEMS, "more problem")


def _problem(rank: int, problem: Problem, style: Style) -> Iterator[str]:
    facts = [
        f"line {problem.line:,}",
        _line(problem.step),
        f"{problem.count} times" if problem.count > 1 else "",
        "" if problem.novel else "also in the green log",
    ]
    kind = " ".join(filter(None, (_line(problem.tool), problem.kind, _line(problem.code))))
    details = style.ink(" · ".join(filter(None, facts)), "faint")
    yield f"{rank:>3}. {style.ink(kind, 'bold')} {problem.score:.2f}  {details}"
    yield f"     {style.ink(_line(problem.text), 'high')}"
    if problem.frames:
        frames = [_line(f"{frame.path}:{frame.line}" if frame.line else frame.path) for frame in problem.frames[:3]]
        yield f"     {style.ink('at ' + ', '.join(frames), 'faint')}"


def _lines(extract: Extract, style: Style) -> Iterator[str]:
    step = ""
    for row in extract.rows:
        if isinstance(row, Elision):
            folded = f", {row.folded:,} of them like lines that are shown" if row.folded else ""
            yield style.ink(f"              … {count(row.lines, 'line')}{folded}", "faint")
            continue
        if row.step != step:
            step = row.step
            yield style.ink(f"              {_line(step) or 'no step'}:", "bold")
        repeats = style.ink(f"  (×{row.times:,})", "faint") if row.times > 1 else ""
        gutter = style.ink(f"{row.number:>7,} {row.score:.2f} │ ", "faint")
        text = shown(row.text).expandtabs(4).replace("\n", " ")
        yield gutter + (style.ink(text, "high") if row.score >= _BAD else text) + repeats


def _line(text: str) -> str:
    return clip(visible_line(mask(" ".join(text.split()))), 300)
