"""A gate's decision as pages: the verdict, the points of each signal, what holds it, and what would lift that."""

from collections.abc import Iterator, Sequence

from cicd_agent.domain.chart import Pie, Slice
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.gate_evidence import GateEvidence, State
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.modes.deploy_gate.approval_requests import ARTICLES
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.facts import routes
from cicd_agent.modes.deploy_gate.result import Approval, Band, Factor, GateDecision, GateResult, Hold, LiftedBy, points
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.shared.blocks import account_blocks, details, gap_section, headline, model_parts, unproved
from cicd_agent.rendering.page import (
    Block,
    Bullets,
    Footnote,
    Inline,
    Page,
    Paragraph,
    Table,
    code,
    emphasis,
    joined,
    link,
    strong,
    struck,
    tone,
)
from cicd_agent.rendering.style import Tone
from cicd_agent.settings.schema import Settings

MAX_ROWS = 30
LONGEST = 200

_TONES: dict[GateDecision, Tone] = {
    GateDecision.PROCEED: "good",
    GateDecision.HOLD: "high",
    GateDecision.ROLLBACK: "critical",
}
_BANDS: dict[Band, Tone] = {
    Band.GREEN: "good",
    Band.AMBER: "medium",
    Band.RED: "high",
    Band.MISSING: "high",
    Band.FAULT: "critical",
}
_NAMES = {
    "tests": "tests",
    "coverage": "coverage",
    "review": "review",
    "failures": "failures, 7 days",
    "model": "model",
}


def sentence(result: GateResult) -> str:
    """The verdict as plain text in one line, for the log and the `summary` output."""
    parts = [f"{_word(result)} {result.environment or '(no environment)'} ← {result.sha[:7] or '?'}", _score(result)]
    standing = [stop for stop in result.stops if not stop.lifted]
    if standing:
        more = f" and {len(standing) - 1} more" if len(standing) > 1 else ""
        parts.append(f"{clip(standing[0].text, LONGEST)}{more}")
    return visible_line(" ".join(", ".join(parts).split()))


def page(result: GateResult, evidence: Evidence, account: Account, _settings: Settings) -> Page:
    """The whole decision."""
    blocks = [
        *headline(_heading(result, evidence), account, 2),
        _holds(result),
        _factors(result.factors, _gate(evidence).at),
        *_lifting(result, evidence.event),
        _risk(result),
        *_strategy(result, evidence),
        *_model_objections(result),
        _next(result),
        *_folded(result, evidence),
        *account_blocks(account),
        _footnote(result, evidence, account),
    ]
    return Page(blocks, evidence.event.hosts)


def comment(result: GateResult, evidence: Evidence, account: Account) -> Page:
    """What people are told who may lift the hold, and who read it when it is lifted."""
    event = evidence.event
    blocks = [
        *headline(_heading(result, evidence), account),
        _holds(result),
        *_lifting(result, event),
        _factors(result.factors, _gate(evidence).at),
        Bullets(_comments(result)),
    ]
    if result.decision is not GateDecision.PROCEED and event.run_url:
        blocks.append(Paragraph(("Held run: ", link(f"run {event.delivery}", event.run_url), *_order(result))))
    return Page([*blocks, _footnote(result, evidence, account)], event.hosts)


def pictures(result: GateResult) -> tuple[Pie, ...]:
    """The points by signal, and those that are missing."""
    slices = [Slice(_NAMES.get(each.name, each.name), round(each.points)) for each in result.factors]
    lost = 100 - sum(each.value for each in slices)
    return (Pie(f"{points(result.score)} of 100 points", (*slices, Slice("not reached", max(lost, 0)))),)


def _heading(result: GateResult, evidence: Evidence) -> Inline:
    sha = link(code(result.sha[:7] or "?"), evidence.event.commit_url(result.sha))
    environment = result.environment or "(no environment)"
    decision = tone(_word(result), _TONES[result.decision])
    return (decision, f" {environment} ← ", sha, f"  {_score(result)}")


def _footnote(result: GateResult, evidence: Evidence, account: Account) -> Footnote:
    """Where it was decided and what it cost."""
    event = evidence.event
    parts: list[Inline] = [f"commit {result.sha[:7] or '?'}", f"reviewed: {result.review_match.replace('_', ' ')}"]
    if event.run_url:
        parts.append(link(f"run {event.delivery}", event.run_url))
    return Footnote(joined([*parts, *model_parts(account)], " · "))


def ago(measured: int, now: int) -> str:
    """How old something is, in the largest unit that fits, "" when that is not known."""
    if not measured or measured > now:
        return ""
    minutes = (now - measured) // 60
    if minutes < 120:  # noqa: PLR2004  two hours
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


def capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def sentence_of(text: str) -> str:
    return f"{capital(text).rstrip('.')}."


def value(factor: Factor) -> str:
    if factor.band is Band.NOT_APPLICABLE and factor.state is not State.ABSENT:
        return "not applicable by policy"
    return factor.words or factor.state.value


def _word(result: GateResult) -> str:
    word = result.decision.value.upper()
    return word if result.enforced else f"{word} (shadow, nothing is stopped)"


def _score(result: GateResult) -> str:
    alone = f", {points(result.score_without)} without the model" if result.confidence is not None else ""
    approval = " · approval possible" if result.requires_approval else ""
    return f"score {points(result.score)} (needs {result.threshold:g}{alone}){approval}"


def _factors(factors: Sequence[Factor], now: int) -> Table:
    rows = [
        (
            _NAMES.get(each.name, each.name),
            tone(clip(value(each), LONGEST), _BANDS.get(each.band, "")),
            f"{each.weight:.0f}" if each.weight else "–",
            f"{each.points:.0f}" if each.weight else "–",
            ", ".join(filter(None, (each.source, ago(each.measured, now)))) or "–",
        )
        for each in factors
    ]
    return Table(("signal", "value", "weight", "points", "source, age"), rows)


def _holds(result: GateResult) -> Bullets:
    return Bullets([_hold(hold) for hold in result.stops[:MAX_ROWS]])


def _hold(hold: Hold) -> Inline:
    if hold.lifted:
        return (struck(hold.text), f" lifted: {hold.lifted}")
    who: dict[LiftedBy, Inline] = {
        LiftedBy.APPROVAL: "",
        LiftedBy.OVERRIDE: (" ", emphasis("(takes an override)")),
        LiftedBy.NOBODY: (" ", emphasis("(nobody can lift this)")),
    }
    remedy = f" {sentence_of(hold.remedy)}" if hold.remedy else ""
    return (strong(capital(hold.text)), who[hold.lift], ".", remedy)


def _lifting(result: GateResult, event: Event) -> Iterator[Block]:
    """What would make it proceed, and what a person may write."""
    if result.decision is GateDecision.ROLLBACK:
        back = link(code(result.rollback_to[:7]), event.commit_url(result.rollback_to))
        yield Paragraph((strong("Roll back to"), " ", back, ", the last deployment here that is known to be good."))
        return
    if result.decision is GateDecision.PROCEED:
        return
    if result.would_proceed:
        yield Paragraph(("Would proceed with: ", joined(result.would_proceed, "; or "), "."))
    if kind := _kind(result):
        reason = " REASON" if kind == "override" else ""
        who = "To lift this, somebody with write access who did not write the change comments "
        about = ". That is about exactly this commit, environment, policy and state of the signals."
        yield Paragraph((who, code(f"/{kind}-deploy {result.hash}{reason}"), about))


def _kind(result: GateResult) -> str:
    """Which order of a person lifts what holds, "" when none does."""
    standing = {hold.lift for hold in result.stops if not hold.lifted}
    if result.decision is not GateDecision.HOLD or not standing or LiftedBy.NOBODY in standing:
        return ""
    return "override" if LiftedBy.OVERRIDE in standing else "approve"


def _order(result: GateResult) -> Sequence[Inline]:
    """What approval_requests reads of our comment: how the run is lifted that is to be started again."""
    kind = _kind(result)
    return (f", lifted by {ARTICLES[kind]} of ", code(result.hash)) if kind else ()


def _risk(result: GateResult) -> Paragraph:
    risk = result.risk
    above = f", above {risk.percentile} % of the last {risk.among:,} changes" if risk.percentile is not None else ""
    reasons = "; ".join(reason.text for reason in risk.reasons[:4])
    return Paragraph((strong(f"Risk: {risk.level} ({risk.score}{above})."), f" {reasons}." if reasons else ""))


def _strategy(result: GateResult, evidence: Evidence) -> Iterator[Block]:
    """How it would go out, and what to watch."""
    first = f", {result.canary_percentage} % first" if result.canary_percentage else ""
    requested = [code(fact.sha[:7]) for fact in routes(evidence, _gate(evidence)) if fact.sha]
    careful: Inline = (". At least as careful as the route of ", joined(requested), " asked for") if requested else ""
    watched = f", watched for {result.monitor_minutes} minutes" if result.monitor_minutes else ""
    yield Paragraph((strong("Way out:"), f" {result.strategy.replace('_', '-')}{first}{watched}", careful))
    if result.sight is not None:
        power = result.sight
        yield Paragraph(
            f"A canary of {power.percentage} % at {power.per_minute:g} requests a minute sees a rise of errors from "
            f"{power.baseline:.2%} to {power.detectable:.2%} within {power.minutes} minutes."
        )
    if result.rollback_trigger:
        yield Paragraph(sentence_of(result.rollback_trigger))


def _model_objections(result: GateResult) -> Iterator[Block]:
    """The model's words, and what they rest on."""
    if result.remarks:
        yield Paragraph(("In the model's words: ", joined(result.remarks, " ")))
    elif result.objections:
        yield Paragraph("The model objects:")
    yield Bullets(
        [(one.text, " (", code(one.source), ": ", code(clip(one.quote, LONGEST)), ")") for one in result.objections]
    )


def _next(result: GateResult) -> Table:
    rows = [("before", each) for each in result.pre_deploy_checks] + [
        ("watch", each) for each in result.monitoring_focus
    ]
    return Table(("when", "what"), rows[:MAX_ROWS])


def _comments(result: GateResult) -> list[Inline]:
    return [_comment(each) for each in result.heard[:MAX_ROWS]]


def _comment(each: Approval) -> Inline:
    counts = f"does not count: {each.refused}" if each.refused else "counts"
    label: Inline = (f"{each.kind} by ", code(each.author), f" {counts}")
    return (link(label, each.url), f" (“{each.reason}”)" if each.reason else "")


def _folded(result: GateResult, evidence: Evidence) -> Iterator[Block]:
    sections: list[tuple[str, Sequence[Block]]] = []
    if result.heard:
        sections.append((f"{count(len(result.heard), 'word')} of people", [Bullets(_comments(result))]))
    if commits := _gate(evidence).commits:
        rows = [
            (code(each.sha[:7]), clip(each.subject, 100), f"{each.pull or '–'}", each.match.replace("_", " "))
            for each in commits[:MAX_ROWS]
        ]
        table = Table(("commit", "subject", "pull request", "reviewed as"), rows)
        sections.append((f"{count(len(commits), 'commit')} to deploy", [table]))
    if result.dropped:
        sections.append((unproved(len(result.dropped)), [Bullets(result.dropped)]))
    if evidence.gaps:
        sections.append(gap_section(evidence.gaps, MAX_ROWS))
    yield from details(sections)


def _gate(evidence: Evidence) -> GateEvidence:
    return evidence.get(GATE) or GateEvidence("", "", 0)
