"""One entry of the audit log as text for a person: the decision first, then its grounds, and what became of it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, assert_never

from cicd_agent.audit.summary import utc_text
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.text.json_view import Node
from cicd_agent.domain.text.words import count
from cicd_agent.rendering.money import dollars
from cicd_agent.rendering.style import LEVELS, Style, one_line

_MAX_ITEMS: Final = 15
_WIDTH: Final = 100


def render_entry(
    row: Row, data: Node, receipts: Sequence[Node], *, holds: bool, colour: bool = False, width: int = _WIDTH
) -> str:
    style = Style(colour, width)
    output = data["output"]
    parts: tuple[Iterable[str], ...]
    match row.columns.kind:
        case Kind.RUN:
            parts = (
                _decision(row, data, style),
                _who(row, data),
                _escalated(data, style),
                _review(output["verdict"], style),
                _gate(output["gated"], style),
                _failure(output["diagnosis"], style),
                _tests(output["generated"]),
                _route(output["routed"], style),
                _requests(data, style),
                _spent(data),
                _done(data, receipts, style),
            )
        case Kind.RECEIPTS:
            parts = ([f"what became of #{_text(data['of'], 20) or '?'}"], _done(data, [data], style))
        case Kind.PRUNE:
            first, last = data["first"].scalar, data["last"].scalar
            which = f"#{first} to #{last} were" if first != last else f"#{first} was"
            summary = f"{which} removed on {utc_text(row.columns.at)}"
            broken = (f"#{each['seq']} {each['kind']}: {each['words']}" for each in data["broken"].objects)
            parts = ([one_line(summary)], _section("what did not hold of them", broken, style))
        case never:
            assert_never(never)
    lines = [line for part in (*parts, _position(row, data, style, holds=holds)) for line in part]
    return "\n".join(lines) + "\n"


def _decision(row: Row, data: Node, style: Style) -> Iterator[str]:
    level, score = one_line(row.columns.risk_level, 40), data["risk_score"].count
    risk = style.ink(level, LEVELS.get(level, ""))
    yield _joined(
        style.ink(one_line(row.columns.decision, 80) or "(no decision)", "bold"),
        level and f"risk {risk}{'' if score is None else f' ({score} of 100)'}",
        data["confidence"] and f"confidence {_text(data['confidence'], 20)}",
        data["conclusion"] and f"conclusion {_text(data['conclusion'], 40)}",
        separator="  ",
    )
    for name, label in (("error", "failed"), ("degraded", "degraded")):
        if data[name].scalar:
            yield from style.wrapped(f"{label}: {_text(data[name], 600)}", "", "  ")


def _who(row: Row, data: Node) -> Iterator[str]:
    columns = row.columns
    event = _joined(*(_text(data[name], 60) for name in ("event", "action")), separator=" ")
    stage = _text(data["stage"], 40)
    base = _text(data["base"], 200)[:12]
    rows = {
        "mode": _joined(one_line(columns.mode, 60), stage not in ("", "all") and f"(stage {stage})", separator=" "),
        "event": _joined(event, one_line(columns.event_id, 100)),
        "by": _text(data["actor"], 100),
        "when": utc_text(columns.at),
        "commit": one_line(columns.sha, 200) + (f", from {base}" if base else ""),
        "of": _joined(columns.pull and f"pull request {columns.pull}", _text(data["ref"], 200)),
        "with": _text(data["tool"], 100),
    }
    yield from (f"  {name:<7} {text}" for name, text in rows.items() if text)


def _escalated(data: Node, style: Style) -> Iterator[str]:
    reasons = data["escalate"].texts
    if reasons or data["escalated"].flag:
        yield style.ink("human review is needed", "high")
    yield from _items(reasons, style)


def _review(verdict: Node, style: Style) -> Iterator[str]:
    reasons = (f"{each['points'].scalar or '?'} points: {each['text']}" for each in verdict["risk"]["reasons"].objects)
    yield from _section("risk", reasons, style)
    findings = [
        f"{each['severity']} · {_location(each)} · {each['title']} ({each['id']})"
        for each in islice(verdict["findings"].objects, _MAX_ITEMS + 1)
    ]
    yield from _section("findings", findings, style)
    rejected = (
        f"{_location(each['claim'])} · {each['claim']['title']}: {each['reason']}"
        for each in verdict["rejected"].objects
    )
    yield from _section("rejected", rejected, style)


def _gate(gate: Node, style: Style) -> Iterator[str]:
    if not gate:
        return
    environment, score, needed = (_text(gate[name], 80) for name in ("environment", "score", "threshold"))
    yield f"{environment or '(no environment)'}  score {score} of {needed} needed"
    factors = (
        f"{each['name']} · {each['points']} of {each['weight']} · {each['band']} · {each['words']}"
        for each in gate["factors"].objects
    )
    yield from _section("signals", factors, style)
    stops = (
        f"{'lifted' if each['lifted'].scalar else 'stop'} · {each['text']} · {each['lifted'].scalar or each['remedy']}"
        for each in gate["stops"].objects
    )
    yield from _section("stops", stops, style)


def _failure(diagnosis: Node, style: Style) -> Iterator[str]:
    if not diagnosis:
        return
    rung = _text(diagnosis["rung"], 40).replace("_", " ")
    cause = _text(diagnosis["cause"], 40).replace("_", " ") + (f" ({rung})" if rung else "")
    yield from style.wrapped(f"{cause}: {_text(diagnosis['root_cause'], 600)}", "", "  ")
    yield from _section("failed", (each["title"].scalar for each in diagnosis["failures"].objects), style)
    yield from _section("grounds", (each["text"].scalar for each in diagnosis["grounds"].objects), style)
    if step := diagnosis["next_step"].scalar:
        yield from style.wrapped(f"next: {one_line(step, 600)}", "", "  ")


def _tests(generated: Node) -> Iterator[str]:
    if generated:
        cached, tried = len(generated["homes"].pairs), sum(1 for _ in generated["reports"].objects)
        yield f"{cached} of {count(tried, 'test')} kept"


def _route(route: Node, style: Style) -> Iterator[str]:
    if not route:
        return
    row = {name: _text(route["cells"][name], 40) for name in ("tests", "build", "strategy")}
    yield ", ".join(f"{name} {word}" for name, word in row.items() if word)
    yield from _section("in doubt", route["doubts"].texts, style)


def _requests(data: Node, style: Style) -> Iterator[str]:
    prompts = ", ".join(f"{name} {version}" for name, version in data["prompts"].pairs[:_MAX_ITEMS])
    models = ", ".join(data["models"].texts[:_MAX_ITEMS])
    if models or prompts:
        versions = f"; prompts {one_line(prompts, 300)}" if prompts else ""
        yield from style.wrapped(f"asked {one_line(models, 300) or 'nobody'}{versions}", "", "  ")
    for each in islice(data["output"]["asked"].objects, _MAX_ITEMS):
        looked = sum(1 for _ in each["actions"].objects)
        line = _joined(
            each["question"].scalar,
            each["model"] and f"model {each['model']}",
            (rounds := each["rounds"].count) and count(rounds, "round"),
            looked and count(looked, "look-up"),
            each["failure"] and f"failed: {each['failure']}",
        )
        yield from style.wrapped(one_line(line, 400), "  ", "  ")


def _spent(data: Node) -> Iterator[str]:
    usage = data["usage"]
    if not usage:
        return
    cost, requests, cached = data["cost_usd"].scalar, usage["requests"].count, usage["from_cache"].count
    tokens = [usage[name].count for name in ("input", "output")]
    sent, received = ("unknown" if number is None else f"{number:,}" for number in tokens)
    spent = _joined(
        "requests not known" if requests is None else count(requests, "request"),
        f"{sent} tokens in, {received} out",
        cached and f"{count(cached, 'answer')} from the cache",
        dollars(cost) or f"${one_line(cost, 20)}" if cost else "cost not known",
    )
    if requests == 0 and not cached and not data["models"].texts:
        spent = "no model was asked" if cost or not data["error"].scalar else "what it spent is not known"
    yield one_line(_joined(spent, data["seconds"] and f"{_text(data['seconds'], 20)} s"), 300)


def _done(data: Node, receipts: Sequence[Node], style: Style) -> Iterator[str]:
    became = {each["key"].scalar: each for entry in receipts for each in entry["receipts"].objects}
    planned = [(each["kind"].scalar, each["key"].scalar) for each in data["actions"].objects]
    planned += [(each["kind"].scalar, key) for key, each in became.items() if key not in {key for _, key in planned}]
    if planned:
        yield style.ink("actions", "bold")
    skipped: dict[str, list[str]] = {}
    for kind, key in planned[:_MAX_ITEMS]:
        each, name = became.get(key, Node()), kind if kind == key else f"{kind} {key}"
        state = each["state"].scalar or "not known to have been done"
        detail = _joined(each["detail"].scalar, each["url"].scalar, separator=" ")
        if state == "skipped":
            skipped.setdefault(detail, []).append(name)
        else:
            yield from style.wrapped(one_line(f"{state} · {name} · {detail}".rstrip(" ·"), 600), "  ", "  ")
    for detail, names in skipped.items():
        summary = f"skipped · {', '.join(names)} · {detail}".rstrip(" ·")
        yield from style.wrapped(one_line(summary, 1_000), "  ", "  ")
    if len(planned) > _MAX_ITEMS:
        yield f"  and {len(planned) - _MAX_ITEMS:,} more: --format json"
    if not receipts:
        yield style.ink("it is not recorded what became of it: it was ended, or is still at work", "medium")


def _position(row: Row, data: Node, style: Style, *, holds: bool) -> Iterator[str]:
    tape = data["tape"]
    if tape["path"].scalar:
        yield f"tape {_text(tape['path'], 400)}  sha256 {_text(tape['sha256'], 80)}"
    word = style.ink("its hash holds", "good") if holds else style.ink("its hash does not hold", "critical")
    if not data:
        yield style.ink("what it says cannot be read", "critical")
    yield one_line(row.link.anchor, 400)
    yield f"  {word}; `cicd-agent audit verify` checks the chain"


def _location(each: Node) -> str:
    where = each["location"]
    line = where["line"].count
    return f"{where['path']}:{line}" if line else where["path"].scalar


def _text(node: Node, limit: int) -> str:
    return one_line(node.scalar, limit)


def _joined(*parts: object, separator: str = ", ") -> str:
    """The parts that are not empty."""
    return separator.join(str(part) for part in parts if part)


def _section(heading: str, items: Iterable[str], style: Style) -> Iterator[str]:
    few = [*islice(items, _MAX_ITEMS + 1)]
    if few:
        yield style.ink(heading, "bold")
    yield from _items(few, style)


def _items(items: Sequence[str], style: Style) -> Iterator[str]:
    for item in items[:_MAX_ITEMS]:
        yield from style.wrapped(one_line(item, 600), "  ", "    ")
    if len(items) > _MAX_ITEMS:
        yield "  and more: --format json"
