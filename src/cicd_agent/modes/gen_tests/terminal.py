"""Generated tests as text for a person at a terminal: what was kept, what it may have found, what is still open."""

from collections.abc import Iterator
from itertools import islice
from typing import Unpack

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import count
from cicd_agent.domain.trials.candidate import Hurdle
from cicd_agent.modes.gen_tests.result import Generated
from cicd_agent.rendering.style import Cost, Shape, Style, one_line, page

_MAX = 15


def render_tests(generated: Generated, evidence: Evidence, cost: Cost, **shape: Unpack[Shape]) -> str:
    """The whole result."""

    def parts(style: Style) -> tuple[Iterator[str], ...]:
        return (
            _state(generated, style),
            _bugs(generated, style),
            _kept(generated, style),
            _stopped(generated, style),
            _open(generated, style),
            _flaky(generated, style),
            _limits(generated, evidence, style),
        )

    return page(parts, cost, shape)


def _state(generated: Generated, style: Style) -> Iterator[str]:
    suite = generated.suite
    if not suite.can_judge:
        yield style.ink(f"no tests were written: the project's tests are {suite.state}", "high")
        yield from style.wrapped(suite.detail, "  ")
        return
    retained = len(generated.kept)
    text = f"{count(retained, 'test')} kept of {len(generated.reports)}"
    yield style.ink(text if generated.reports else "no new tests", "bold")


def _bugs(generated: Generated, style: Style) -> Iterator[str]:
    for bug in islice(generated.bugs, _MAX):
        location = f"{bug.candidate.path}:{bug.line}" if bug.line else bug.candidate.path
        where = style.linked(one_line(location), bug.candidate.path, bug.line)
        yield f"{where}  {style.ink('possible bug', 'high')}  {one_line(bug.candidate.function)}"
        yield from style.wrapped(f"{bug.candidate.name} fails: {bug.fails_with}", "  ", "  ")
        if bug.said:
            yield from style.wrapped(f"it is said: {bug.said}", "  ", "  ")
        else:
            yield "  it was otherwise before the change"


def _kept(generated: Generated, style: Style) -> Iterator[str]:
    words = {mutant.id: f"{mutant.words} line {mutant.line}" for mutant in generated.suite.mutants}
    for report in islice(generated.kept, 3 * _MAX):
        candidate = report.candidate
        home = generated.homes.get(candidate.key, "")
        yield f"{style.ink('kept', 'added')}  {style.linked(one_line(f'{home}::{candidate.name}'), home, 0)}"
        parts = [str(report.label)] if report.label else []
        parts += [f"notices {', '.join(words.get(kill, kill) for kill in report.kills[:3])}"] if report.kills else []
        parts.append(f"{report.passed} of {report.runs} runs")
        yield from style.wrapped(" · ".join(parts), "      ", "  ")


def _stopped(generated: Generated, style: Style) -> Iterator[str]:
    rejected = [each for each in generated.reports if not (each.stands and each.settled)]
    for report in rejected[:_MAX]:
        at = report.stopped or Hurdle.TRIED
        yield from style.wrapped(f"not kept ({at})  {report.candidate.name}: {report.reason}", "", "  ")
    if len(rejected) > _MAX:
        yield f"and {len(rejected) - _MAX} more not kept, see the report"


def _open(generated: Generated, style: Style) -> Iterator[str]:
    if not generated.open:
        return
    yield style.ink(f"open in {count(len(generated.open), 'place')}", "medium")
    for each in generated.open[:_MAX]:
        line = each.lines[0] if each.lines else each.line
        yield f"  {style.linked(one_line(f'{each.path}:{line}'), each.path, line)}"
        yield from style.wrapped(each.advice, "    ")


def _flaky(generated: Generated, style: Style) -> Iterator[str]:
    hunt = generated.hunt
    if hunt is None:
        return
    yield f"{count(len(hunt.found), 'flaky test')} in {count(hunt.runs, 'run')} of {count(hunt.tests, 'test')}"
    for each in hunt.found[:_MAX]:
        yield from style.wrapped(f"{each.nodeid}: {each.kind.replace('_', ' ')}. {each.shown_by}", "  ", "  ")
        if each.advice:
            yield from style.wrapped(each.advice, "    ")


def _limits(generated: Generated, evidence: Evidence, style: Style) -> Iterator[str]:
    for gap in evidence.gaps[:_MAX]:
        yield from style.wrapped(f"not looked at: {f'{gap.what}: ' if gap.what else ''}{gap.why}", "", "  ")
    for note in generated.suite.notes:
        yield from style.wrapped(note, "")
