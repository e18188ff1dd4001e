"""One entry of the audit log as text for a person: the decision first, then its grounds, and what became of it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, assert_never

from cicd_agent.audit.summary import utc_text
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.text.json_view import Loose
from cicd_agent.domain.text.words import count
from cicd_agent.rendering.money import dollars
from cicd_agent.rendering.style import Style, one_line

_MAX_ITEMS: Final = 15
_WIDTH: Final = 100
_RISKS: Final = frozenset({"critical", "high", "medium", "low"})


def render_entry(
    row: Row, data: Loose, receipts: Sequence[Loose], *, holds: bool, colour: bool = False, width: int = _WIDTH
) -> str:
    """The whole page; `receipts` are the texts of what became of it."""
    style = Style(colour, width)
    output = data.inner("output")
    parts: tuple[Iterable[str], ...]
    match row.columns.kind:
        case Kind.RUN:
            parts = (
                _decision(row, data, style),
                _who(row, data),
                _escalated(data, style),
                _review(output.inner("verdict"), style),
                _gate(output.inner("gated"), style),
                _failure(output.inner("diagnosis"), style),
                _tests(output.inner("generated")),
                _route(output.inner("routed"), style),
                _asked(data, style),
                _spent(data),
                _done(data, receipts, style),
            )
        case Kind.RECEIPTS:
            parts = ([f"what became of #{one_line(data.word('of'), 20) or '?'}"], _done(data, [data], style))
        case Kind.PRUNE:
            first, last = data.word("first"), data.word("last")
            which = f"#{first} to #{last} were" if first != last else f"#{first} was"
            words = f"{which} removed on {utc_text(row.columns.at)}"
            broken = (f"#{each.word('seq')} {each.word('kind')}: {each.word('words')}" for each in data.each("broken"))
            parts = ([one_line(words)], _section("what did not hold of them", broken, style))
        case never:
            assert_never(never)
    lines = [line for part in (*parts, _place(row, data, style, holds=holds)) for line in part]
    return "\n".join(lines) + "\n"


def _decision(row: Row, data: Loose, style: Style) -> Iterator[str]:
    level = row.columns.risk_level
    risk = style.ink(one_line(level, 40), level) if level in _RISKS else one_line(level, 40)
    score = data.number("risk_score")
    parts = [
        style.ink(one_line(row.columns.decision, 80) or "(no decision)", "bold"),
        f"risk {risk}{f' ({score} of 100)' if score is not None else ''}" if level else "",
        f"{one_line(data.word('confidence'), 20)} sure" if data.word("confidence") else "",
        f"conclusion {one_line(data.word('conclusion'), 40)}" if data.word("conclusion") else "",
    ]
    yield "  ".join(part for part in parts if part)
    if error := data.word("error"):
        yield from style.wrapped(f"failed: {one_line(error, 600)}", "", "  ")
    if degraded := data.word("degraded"):
        yield from style.wrapped(f"degraded: {one_line(degraded, 600)}", "", "  ")


def _who(row: Row, data: Loose) -> Iterator[str]:
    columns = row.columns
    event = " ".join(one_line(data.word(name), 60) for name in ("event", "action") if data.word(name))
    pull = f"pull request {columns.pull}" if columns.pull else ""
    ref, base = one_line(data.word("ref"), 200), one_line(data.word("base"), 200)[:12]
    rows = {
        "mode": " ".join(part for part in (one_line(columns.mode, 60), _stage(data)) if part),
        "event": ", ".join(part for part in (event, one_line(columns.event_id, 100)) if part),
        "by": one_line(data.word("actor"), 100),
        "when": utc_text(columns.at),
        "commit": one_line(columns.sha, 200) + (f", from {base}" if base else ""),
        "of": ", ".join(part for part in (pull, ref) if part),
        "with": one_line(data.word("tool"), 100),
    }
    yield from (f"  {name:<7} {text}" for name, text in rows.items() if text)


def _stage(data: Loose) -> str:
    stage = one_line(data.word("stage"), 40)
    return f"(stage {stage})" if stage not in ("", "all") else ""


def _escalated(data: Loose, style: Style) -> Iterator[str]:
    reasons = data.words("escalate")
    if reasons or data.flag("escalated"):
        yield style.ink("a person should look", "high")
    yield from _items(reasons, style)


def _review(verdict: Loose, style: Style) -> Iterator[str]:
    reasons = (
        f"{each.word('points') or '?'} points: {each.word('text')}" for each in verdict.inner("risk").each("reasons")
    )
    yield from _section("risk", reasons, style)
    findings = [
        f"{each.word('severity')} · {_location(each)} · {each.word('title')} ({each.word('id')})"
        for each in islice(verdict.each("findings"), _MAX_ITEMS + 1)
    ]
    yield from _section("findings", findings, style)
    rejected = (
        f"{_location(each.inner('claim'))} · {each.inner('claim').word('title')}: {each.word('reason')}"
        for each in verdict.each("rejected")
    )
    yield from _section("rejected", rejected, style)


def _gate(gated: Loose, style: Style) -> Iterator[str]:
    if not gated:
        return
    yield "  ".join(
        (
            f"{one_line(gated.word('environment'), 80) or '(no environment)'}",
            f"score {one_line(gated.word('score'), 20)} of {one_line(gated.word('threshold'), 20)} needed",
        )
    )
    factors = (
        f"{each.word('name')} · {each.word('points')} of {each.word('weight')} · "
        f"{each.word('band')} · {each.word('words')}"
        for each in gated.each("factors")
    )
    yield from _section("signals", factors, style)
    stops = (
        f"{'lifted' if each.word('lifted') else 'stop'} · {each.word('text')} · "
        f"{each.word('lifted') or each.word('remedy')}"
        for each in gated.each("stops")
    )
    yield from _section("stops", stops, style)


def _failure(diagnosis: Loose, style: Style) -> Iterator[str]:
    if not diagnosis:
        return
    rung = one_line(diagnosis.word("rung"), 40).replace("_", " ")
    cause = one_line(diagnosis.word("cause"), 40).replace("_", " ") + (f" ({rung})" if rung else "")
    yield from style.wrapped(f"{cause}: {one_line(diagnosis.word('root_cause'), 600)}", "", "  ")
    yield from _section("failed", (each.word("title") for each in diagnosis.each("failures")), style)
    yield from _section("grounds", (each.word("text") for each in diagnosis.each("grounds")), style)
    if step := diagnosis.word("next_step"):
        yield from style.wrapped(f"next: {one_line(step, 600)}", "", "  ")


def _tests(generated: Loose) -> Iterator[str]:
    if generated:
        cached, tried = len(generated.pairs("homes")), sum(1 for _ in generated.each("reports"))
        yield f"{cached} of {count(tried, 'test')} kept"


def _route(routed: Loose, style: Style) -> Iterator[str]:
    if not routed:
        return
    row = {name: one_line(routed.inner("cells").word(name), 40) for name in ("tests", "build", "strategy")}
    yield ", ".join(f"{name} {word}" for name, word in row.items() if word)
    yield from _section("in doubt", routed.words("doubts"), style)


def _asked(data: Loose, style: Style) -> Iterator[str]:
    prompts = ", ".join(f"{name} {version}" for name, version in data.pairs("prompts")[:_MAX_ITEMS])
    models = ", ".join(data.words("models")[:_MAX_ITEMS])
    if models or prompts:
        versions = f"; prompts {one_line(prompts, 300)}" if prompts else ""
        yield from style.wrapped(f"asked {one_line(models, 300) or 'nobody'}{versions}", "", "  ")
    for each in islice(data.inner("output").each("asked"), _MAX_ITEMS):
        looked = sum(1 for _ in each.each("actions"))
        parts = [
            each.word("question"),
            f"model {each.word('model')}" if each.word("model") else "",
            count(rounds, "round") if (rounds := each.number("rounds")) else "",
            count(looked, "look-up") if looked else "",
            f"failed: {each.word('failure')}" if each.word("failure") else "",
        ]
        yield from style.wrapped(one_line(", ".join(part for part in parts if part), 400), "  ", "  ")


def _spent(data: Loose) -> Iterator[str]:
    usage = data.inner("usage")
    if not usage:
        return
    cost, requests, cached = data.word("cost_usd"), usage.number("requests"), usage.number("from_cache")
    spent = [
        "requests not known" if requests is None else count(requests, "request"),
        f"{_known(usage, 'input')} tokens in, {_known(usage, 'output')} out",
        f"{count(cached, 'answer')} from the cache" if cached else "",
        dollars(cost) or f"${one_line(cost, 20)}" if cost else "cost not known",
    ]
    if requests == 0 and not cached and not data.words("models"):
        is_known = bool(cost) or not data.word("error")
        spent = ["no model was asked" if is_known else "what it spent is not known"]
    parts = [
        *spent,
        f"{one_line(data.word('seconds'), 20)} s" if data.word("seconds") else "",
    ]
    yield one_line(", ".join(part for part in parts if part), 300)


def _known(usage: Loose, name: str) -> str:
    number = usage.number(name)
    return "unknown" if number is None else f"{number:,}"


def _done(data: Loose, receipts: Sequence[Loose], style: Style) -> Iterator[str]:
    """What was to be done, each with what became of it."""
    became = {each.word("key"): each for entry in receipts for each in entry.each("receipts")}
    planned = [(each.word("kind"), each.word("key")) for each in data.each("actions")]
    planned += [(each.word("kind"), key) for key, each in became.items() if key not in {key for _, key in planned}]
    if planned:
        yield style.ink("actions", "bold")
    skipped: dict[str, list[str]] = {}
    for kind, key in planned[:_MAX_ITEMS]:
        each, name = became.get(key, Loose()), kind if kind == key else f"{kind} {key}"
        state = each.word("state") or "not known to have been done"
        detail = " ".join(part for part in (each.word("detail"), each.word("url")) if part)
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


def _place(row: Row, data: Loose, style: Style, *, holds: bool) -> Iterator[str]:
    tape = data.inner("tape")
    if tape.word("path"):
        yield f"tape {one_line(tape.word('path'), 400)}  sha256 {one_line(tape.word('sha256'), 80)}"
    word = style.ink("its hash holds", "good") if holds else style.ink("its hash does not hold", "critical")
    if not data:
        yield style.ink("what it says cannot be read", "critical")
    yield one_line(row.link.anchor, 400)
    yield f"  {word}; `cicd-agent audit verify` checks the chain"


def _location(each: Loose) -> str:
    where = each.inner("location")
    line = where.number("line")
    return f"{where.word('path')}:{line}" if line else where.word("path")


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
