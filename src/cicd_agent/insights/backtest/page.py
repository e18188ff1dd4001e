"""A backtest for people and for programs: how often, why, what to configure, and what went wrong afterwards."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Final

from cicd_agent.domain.text.words import count
from cicd_agent.insights.backtest.backtest import Backtest, Cause, Judged, causes, headline
from cicd_agent.modes.deploy_gate.result import points
from cicd_agent.rendering.style import Style, one_line

_MAX_CAUSES: Final = 10
_MAX_HARM: Final = 10


def render_backtest(backtest: Backtest, *, colour: bool = False, width: int = 100) -> str:
    style = Style(colour, width)
    ranked = causes(backtest)
    parts = (_head(backtest, style), _causes(ranked, style), _remedies(ranked, style), _harm(backtest, style))
    return "\n".join([*(line for part in parts for line in part), *_limits(backtest.limits, style)]) + "\n"


def document(backtest: Backtest) -> dict[str, object]:
    """The backtest as JSON."""
    return {
        "version": 1,
        "environment": backtest.environment,
        "since": backtest.since,
        "of": backtest.of,
        "found": backtest.found,
        "judged": len(backtest.judged),
        "held": len(backtest.held),
        "stopped": [_row(each) for each in backtest.stopped],
        "missed": [_row(each) for each in backtest.missed],
        "causes": [_cause(each) for each in causes(backtest)],
        "decisions": [_row(each) for each in backtest.judged],
        "limits": list(backtest.limits),
    }


def _row(each: Judged) -> dict[str, object]:
    gated = each.gated
    return {
        "sha": gated.sha,
        "url": each.url,
        "at": each.moment.at,
        "decision": str(gated.decision),
        "score": gated.score,
        "holds": [stop.id for stop in gated.stops if not stop.lifted],
        "harm": list(each.harm),
    }


def _cause(each: Cause) -> dict[str, object]:
    advice = remedy(each)
    return {
        "id": each.id,
        "times": each.times,
        "alone": each.alone,
        "text": each.text,
        "examples": [{"sha": one.gated.sha, "url": one.url} for one in each.examples],
        "remedy": advice["text"],
        "configure": advice.get("snippet", ""),
    }


def remedy(cause: Cause) -> Mapping[str, str]:
    """What to do against a cause: `text`, and `snippet` where something is to be written."""
    return _table().get(cause.id) or {"text": cause.remedy or "look at the examples"}


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    loaded: Mapping[str, Mapping[str, str]] = tomllib.loads(
        files("cicd_agent.insights.backtest").joinpath("remedies.toml").read_text("utf-8")
    )
    return loaded


def _head(backtest: Backtest, style: Style) -> Iterator[str]:
    yield style.ink(headline(backtest), "bold")
    if not backtest.judged:
        yield f"  nothing went there since {_day(backtest.since)}"
        return
    held, number = len(backtest.held), len(backtest.judged)
    yield f"  {number - held:>5,}  {(number - held) / number:>4.0%}  would have proceeded"
    yield f"  {held:>5,}  {held / number:>4.0%}  would have been held"


def _causes(ranked: Sequence[Cause], style: Style) -> Iterator[str]:
    if not ranked:
        return
    yield ""
    yield style.ink("why      held  only this", "bold")
    for each in ranked[:_MAX_CAUSES]:
        examples = ", ".join(one.gated.sha[:7] for one in each.examples)
        yield f"  {each.times:>9,}  {each.alone:>9,}  {each.id}"
        yield from style.wrapped(f"for example {examples}: {one_line(each.text, 200)}", " " * 25)
        if each.examples and each.examples[0].url:
            yield f"{' ' * 25}{each.examples[0].url}"
    if len(ranked) > _MAX_CAUSES:
        yield f"  and {count(len(ranked) - _MAX_CAUSES, 'more reason')}; `--format json` lists all"


def _remedies(ranked: Sequence[Cause], style: Style) -> Iterator[str]:
    if not ranked:
        return
    yield ""
    yield style.ink("what to configure (in .github/cicd-agent.yml, unless it says otherwise)", "bold")
    seen: set[str] = set()
    for each in ranked[:_MAX_CAUSES]:
        advice = remedy(each)
        yield from style.wrapped(f"{each.id}: {advice['text']}", "  ", "  ")
        snippet = advice.get("snippet", "")
        if snippet and snippet not in seen:
            seen.add(snippet)
            yield from (f"      {line}" for line in snippet.splitlines())


def _harm(backtest: Backtest, style: Style) -> Iterator[str]:
    harmed = len(backtest.stopped) + len(backtest.missed)
    if not backtest.judged:
        return
    yield ""
    if not harmed:
        yield "no deployment is known to have gone wrong within 7 days"
        return
    yield style.ink(f"of {count(harmed, 'deployment')} that went wrong within 7 days", "bold")
    for words, group in (("would have been held", backtest.stopped), ("would have been let through", backtest.missed)):
        yield f"  {len(group):>5,}  {words}"
        for each in group[:_MAX_HARM]:
            yield f"         {each.gated.sha[:7]}  {', '.join(each.harm)}, score {points(each.gated.score)}"


def _limits(limits: Sequence[str], style: Style) -> Iterator[str]:
    yield ""
    yield style.ink("what is not known", "faint")
    for limit in limits:
        yield from style.wrapped(limit, "  ", "  ")


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
