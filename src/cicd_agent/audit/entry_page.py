"""One entry of the audit log as text for a person: the decision first, then its grounds, and what became of it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, assert_never

from cicd_agent.audit.summary import utc_text
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.text.json_view import Node
from cicd_agent.domain.text.words import count
from cicd_agent.rendering.money import dollars
from cicd_agent.rendering.style import Style, one_line

_MAX_ITEMS: Final = 15
_WIDTH: Final = 100
_RISKS: Final = frozenset({"critical", "high", "medium", "low"})


def render_entry(
    row: Row, data: Node, receipts: Sequence[Node], *, holds: bool, colour: bool = False, width: int = _WIDTH
) -> str:
    """The whole page; `receipts` are the texts of what became of it."""
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
                _asked(data, style),
                _spent(data),
                _done(data, receipts, style),
            )
        case Kind.RECEIPTS:
            parts = ([f"what became of #{one_line(data['of'].scalar, 20) or '?'}"], _done(data, [data], style))
        case Kind.PRUNE:
            first, last = data["first"].scalar, data["last"].scalar
            which = f"#{first} to #{last} were" if first != last else f"#{first} was"
            words = f"{which} removed on {utc_text(row.columns.at)}"
            broken = (f"#{each['seq']} {each['kind']}: {each['words']}" for each in data["broken"].objects)
            parts = ([one_line(words)], _section("what did not hold of them", broken, style))
        case never:
            assert_never(never)
    lines = [line for part in (*parts, _place(row, data, style, holds=holds)) for line in part]
    return "\n".join(lines) + "\n"


def _decision(row: Row, data: Node, style: Style) -> Iterator[str]:
    level = row.columns.risk_level
    risk = style.ink(one_line(level, 40), level) if level in _RISKS else one_line(level, 40)
    score = data["risk_score"].count
    parts = [
        style.ink(one_line(row.columns.decision, 80) or "(no decision)", "bold"),
        f"risk {risk}{f' ({score} of 100)' if score is not None else ''}" if level else "",
        f"{one_line(data['confidence'].scalar, 20)} sure" if data["confidence"].scalar else "",
        f"conclusion {one_line(data['conclusion'].scalar, 40)}" if data["conclusion"].scalar else "",
    ]
    yield "  ".join(part for part in parts if part)
    if error := data["error"].scalar:
        yield from style.wrapped(f"failed: {one_line(error, 600)}", "", "  ")
    if degraded := data["degraded"].scalar:
        yield from style.wrapped(f"degraded: {one_line(degraded, 600)}", "", "  ")


def _who(row: Row, data: Node) -> Iterator[str]:
    columns = row.columns
    event = " ".join(one_line(data[name].scalar, 60) for name in ("event", "action") if data[name].scalar)
    pull = f"pull request {columns.pull}" if columns.pull else ""
    ref, base = one_line(data["ref"].scalar, 200), one_line(data["base"].scalar, 200)[:12]
    rows = {
        "mode": " ".join(part for part in (one_line(columns.mode, 60), _stage(data)) if part),
        "event": ", ".join(part for part in (event, one_line(columns.event_id, 100)) if part),
        "by": one_line(data["actor"].scalar, 100),
        "when": utc_text(columns.at),
        "commit": one_line(columns.sha, 200) + (f", from {base}" if base else ""),
        "of": ", ".join(part for part in (pull, ref) if part),
        "with": one_line(data["tool"].scalar, 100),
    }
    yield from (f"  {name:<7} {text}" for name, text in rows.items() if text)


def _stage(data: Node) -> str:
    stage = one_line(data["stage"].scalar, 40)
    return f"(stage {stage})" if stage not in ("", "all") else ""


def _escalated(data: Node, style: Style) -> Iterator[str]:
    reasons = data["escalate"].texts
    if reasons or data["escalated"].flag:
        yield style.ink("a person should look", "high")
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


def _gate(gated: Node, style: Style) -> Iterator[str]:
    if not gated:
        return
    yield "  ".join(
        (
            f"{one_line(gated['environment'].scalar, 80) or '(no environment)'}",
            f"score {one_line(gated['score'].scalar, 20)} of {one_line(gated['threshold'].scalar, 20)} needed",
        )
    )
    factors = (
        f"{each['name']} · {each['points']} of {each['weight']} · {each['band']} · {each['words']}"
        for each in gated["factors"].objects
    )
    yield from _section("signals", factors, style)
    stops = (
        f"{'lifted' if each['lifted'].scalar else 'stop'} · {each['text']} · {each['lifted'].scalar or each['remedy']}"
        for each in gated["stops"].objects
    )
    yield from _section("stops", stops, style)


def _failure(diagnosis: Node, style: Style) -> Iterator[str]:
    if not diagnosis:
        return
    rung = one_line(diagnosis["rung"].scalar, 40).replace("_", " ")
    cause = one_line(diagnosis["cause"].scalar, 40).replace("_", " ") + (f" ({rung})" if rung else "")
    yield from style.wrapped(f"{cause}: {one_line(diagnosis['root_cause'].scalar, 600)}", "", "  ")
    yield from _section("failed", (each["title"].scalar for each in diagnosis["failures"].objects), style)
    yield from _section("grounds", (each["text"].scalar for each in diagnosis["grounds"].objects), style)
    if step := diagnosis["next_step"].scalar:
        yield from style.wrapped(f"next: {one_line(step, 600)}", "", "  ")


def _tests(generated: Node) -> Iterator[str]:
    if generated:
        cached, tried = len(generated["homes"].pairs), sum(1 for _ in generated["reports"].objects)
        yield f"{cached} of {count(tried, 'test')} kept"


def _route(routed: Node, style: Style) -> Iterator[str]:
    if not routed:
        return
    row = {name: one_line(routed["cells"][name].scalar, 40) for name in ("tests", "build", "strategy")}
    yield ", ".join(f"{name} {word}" for name, word in row.items() if word)
    yield from _section("in doubt", routed["doubts"].texts, style)


def _asked(data: Node, style: Style) -> Iterator[str]:
    prompts = ", ".join(f"{name} {version}" for name, version in data["prompts"].pairs[:_MAX_ITEMS])
    models = ", ".join(data["models"].texts[:_MAX_ITEMS])
    if models or prompts:
        versions = f"; prompts {one_line(prompts, 300)}" if prompts else ""
        yield from style.wrapped(f"asked {one_line(models, 300) or 'nobody'}{versions}", "", "  ")
    for each in islice(data["output"]["asked"].objects, _MAX_ITEMS):
        looked = sum(1 for _ in each["actions"].objects)
        parts = [
            each["question"].scalar,
            f"model {each['model']}" if each["model"].scalar else "",
            count(rounds, "round") if (rounds := each["rounds"].count) else "",
            count(looked, "look-up") if looked else "",
            f"failed: {each['failure']}" if each["failure"].scalar else "",
        ]
        yield from style.wrapped(one_line(", ".join(part for part in parts if part), 400), "  ", "  ")


def _spent(data: Node) -> Iterator[str]:
    usage = data["usage"]
    if not usage:
        return
    cost, requests, cached = data["cost_usd"].scalar, usage["requests"].count, usage["from_cache"].count
    spent = [
        "requests not known" if requests is None else count(requests, "request"),
        f"{_known(usage, 'input')} tokens in, {_known(usage, 'output')} out",
        f"{count(cached, 'answer')} from the cache" if cached else "",
        dollars(cost) or f"${one_line(cost, 20)}" if cost else "cost not known",
    ]
    if requests == 0 and not cached and not data["models"].texts:
        is_known = bool(cost) or not data["error"].scalar
        spent = ["no model was asked" if is_known else "what it spent is not known"]
    parts = [
        *spent,
        f"{one_line(data['seconds'].scalar, 20)} s" if data["seconds"].scalar else "",
    ]
    yield one_line(", ".join(part for part in parts if part), 300)


def _known(usage: Node, name: str) -> str:
    number = usage[name].count
    return "unknown" if number is None else f"{number:,}"


def _done(data: Node, receipts: Sequence[Node], style: Style) -> Iterator[str]:
    """What was to be done, each with what became of it."""
    became = {each["key"].scalar: each for entry in receipts for each in entry["receipts"].objects}
    planned = [(each["kind"].scalar, each["key"].scalar) for each in data["actions"].objects]
    planned += [(each["kind"].scalar, key) for key, each in became.items() if key not in {key for _, key in planned}]
    if planned:
        yield style.ink("actions", "bold")
    skipped: dict[str, list[str]] = {}
    for kind, key in planned[:_MAX_ITEMS]:
        each, name = became.get(key, Node()), kind if kind == key else f"{kind} {key}"
        state = each["state"].scalar or "not known to have been done"
        detail = " ".join(part for part in (each["detail"].scalar, each["url"].scalar) if part)
        if state == "skipped":
            skipped.setdefault(detail, []).append(name)
        else:
            yield from style.wrapped(one_line(f"{state} · {name} · {detail}".rstrip(" ·"), 600), "  ", "  ")
    for detail, names in skipped.items():
        words = f"skipped · {', '.join(names)} · {detail}".rstrip(" ·")
        yield from style.wrapped(one_line(words, 1_000), "  ", "  ")
    if len(planned) > _MAX_ITEMS:
        yield f"  and {len(planned) - _MAX_ITEMS:,} more: --format json"
    if not receipts:
        yield style.ink("it is not recorded what became of it: it was ended, or is still at work", "medium")


def _place(row: Row, data: Node, style: Style, *, holds: bool) -> Iterator[str]:
    tape = data["tape"]
    if tape["path"].scalar:
        yield f"tape {one_line(tape['path'].scalar, 400)}  sha256 {one_line(tape['sha256'].scalar, 80)}"
    word = style.ink("its hash holds", "good") if holds else style.ink("its hash does not hold", "critical")
    if not data:
        yield style.ink("what it says cannot be read", "critical")
    yield one_line(row.link.anchor, 400)
    yield f"  {word}; `cicd-agent audit verify` checks the chain"


def _location(each: Node) -> str:
    where = each["location"]
    line = where["line"].count
    return f"{where['path']}:{line}" if line else where["path"].scalar


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
