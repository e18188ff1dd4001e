"""A gate's decision as pages: the verdict, the points of each signal, what holds it, and what would lift that."""

from collections.abc import Iterator, Sequence

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.gate_evidence import Deployed, GateEvidence, OriginPull, State
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import capital, clip, count, first_names
from cicd_agent.modes.deploy_gate.approval_requests import ARTICLES
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.facts import routes
from cicd_agent.modes.deploy_gate.result import Approval, Band, Factor, GateDecision, GateResult, Hold, LiftedBy, points
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.shared.blocks import (
    account_blocks,
    bullets,
    details,
    gap_section,
    headline,
    model_parts,
    unproved,
)
from cicd_agent.modes.shared.services import services_block
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
    plain,
    strong,
    struck,
    tone,
)
from cicd_agent.rendering.style import Tone
from cicd_agent.settings.schema import Settings

MAX_ROWS = 30
LONGEST = 200
_MAX_COMMITS, _MAX_NAMES, _MAX_WATCHED, _MAX_HEARD = 5, 5, 3, 3
"""What is above the fold: it all has to fit on one screen."""

_VERBS = {
    GateDecision.PROCEED: ("Deploy", "to"),
    GateDecision.HOLD: ("Hold", "for"),
    GateDecision.ROLLBACK: ("Roll back", "on"),
}
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
    parts = [plain(_action(result, result.sha[:7] or "?")), _score(result)]
    standing = [stop for stop in result.stops if not stop.lifted]
    if standing:
        more = f" and {len(standing) - 1} more" if len(standing) > 1 else ""
        parts.append(f"{clip(standing[0].text, LONGEST)}{more}")
    return visible_line(" ".join(", ".join(parts).split()))


def page(result: GateResult, evidence: Evidence, account: Account, settings: Settings) -> Page:
    """The whole decision: what is asked and of whom, why, what would go out, what to watch, and the rest below."""
    held = result.decision is not GateDecision.PROCEED
    factors = _factors(result.factors, _gate(evidence).at)
    blocks = [
        *headline(_heading(result, evidence), account, 2),
        *_order_paragraph(result, evidence, settings),
        *_reasons(result, evidence.event),
        *(() if held else [factors]),
        *_content(result, evidence),
        *services_block(result.services),
        *_strategy(result, evidence),
        *_model_objections(result),
        *_next(result),
        *_folded(result, evidence, [(_share(result), [factors, *_ways(result)])] if held else []),
        *account_blocks(account),
        _footnote(result, evidence, account),
    ]
    return Page(blocks, evidence.event.hosts)


def comment(
    result: GateResult, evidence: Evidence, account: Account, settings: Settings, *, on_pull: bool = True
) -> Page:
    """What people are told who may lift the hold, and who read it when it is lifted; not `on_pull` it is an issue."""
    event = evidence.event
    factors = _factors(result.factors, _gate(evidence).at)
    blocks = [
        *headline(_heading(result, evidence), account),
        *_order_paragraph(result, evidence, settings, here="pull" if on_pull else "issue"),
        *_reasons(result, event),
        *_content(result, evidence),
        *_watched(result),
        *details([(_share(result), [factors, *_ways(result), *_held_run(result, event)])]),
    ]
    return Page([*blocks, _footnote(result, evidence, account)], event.hosts)


def _held_run(result: GateResult, event: Event) -> Iterator[Block]:
    """Which run an approval starts again: approval_requests reads it back."""
    if result.decision is not GateDecision.PROCEED and event.run_url:
        yield Paragraph(("Held run: ", link(f"run {event.delivery}", event.run_url), *_order(result)))


def request_lines(result: GateResult, evidence: Evidence) -> tuple[str, tuple[str, ...]]:
    """The request for a chat: its one line, and those below it. No order stands in it: there it would be a command."""
    standing = [hold.text for hold in result.stops if not hold.lifted]
    because = f": {clip(standing[0], LONGEST)}" if standing else ""
    writers, kind = _writers(evidence), order_kind(result)
    out = f"{count(len(_gate(evidence).commits), 'commit')}{' by ' * bool(writers)}{first_names(writers)}"
    not_they = f" (not {first_names(writers)})" if writers else ""
    risk, reasons = result.risk, "; ".join(reason.text for reason in result.risk.reasons[:2])
    lines = (
        f"Anyone with write access who wrote none of it may {kind} it on GitHub{not_they}." if kind else "",
        *standing[1:4],
        f"and {len(standing) - 4} more reasons to hold" if len(standing) > 4 else "",  # noqa: PLR2004  those shown
        f"{out} · risk {risk.level} ({risk.score}){': ' * bool(reasons)}{reasons}",
        f"Watch: {'; '.join(result.monitoring_focus[:_MAX_WATCHED])}" if result.monitoring_focus else "",
    )
    text = f"{_request(result)}{because}" if result.decision is GateDecision.HOLD else sentence(result)
    return visible_line(" ".join(text.split())), tuple(clip(line, LONGEST * 2) for line in lines if line)


def _heading(result: GateResult, evidence: Evidence) -> Inline:
    if result.decision is GateDecision.HOLD and result.enforced:
        return tone(_request(result), _TONES[result.decision])
    sha = link(code(result.sha[:7] or "?"), evidence.event.commit_url(result.sha))
    return (_action(result, sha), f" · {_score(result)}")


def _request(result: GateResult) -> str:
    """What is asked of people, as a heading."""
    environment, sha = result.environment or "(no environment)", result.sha[:7] or "(no commit)"
    if kind := order_kind(result):
        return f"{capital(ARTICLES[kind].split()[-1])} needed to deploy {sha} to {environment}"
    return f"Held: {sha} will not be deployed to {environment}"


def _share(result: GateResult) -> str:
    return f"Score {points(result.score)} of {result.threshold:g} needed"


def _footnote(result: GateResult, evidence: Evidence, account: Account) -> Footnote:
    """Where it was decided and what it cost."""
    event = evidence.event
    parts: list[Inline] = [f"commit {result.sha[:7] or '?'}"]
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


def sentence_of(text: str) -> str:
    return f"{capital(text).rstrip('.')}."


def value(factor: Factor) -> str:
    if factor.band is Band.NOT_APPLICABLE and factor.state is not State.ABSENT:
        return "not applicable by policy"
    return factor.words or factor.state.value


def _action(result: GateResult, sha: Inline) -> Inline:
    """What the gate decided, or in shadow would have."""
    verb, preposition = _VERBS[result.decision]
    action: Inline = (tone(verb if result.enforced else f"would {verb.lower()}", _TONES[result.decision]), " ", sha)
    ending = f" {preposition} {result.environment or '(no environment)'}"
    return (action, ending) if result.enforced else ("Shadow: ", action, ending, " (nothing is stopped)")


def _score(result: GateResult) -> str:
    alone = f", {points(result.score_without)} without the model" if result.confidence is not None else ""
    approval = ", approval possible" if result.can_be_approved else ""
    return f"score {points(result.score)} of {result.threshold:g} needed{alone}{approval}"


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


def _order_paragraph(result: GateResult, evidence: Evidence, settings: Settings, here: str = "") -> Iterator[Block]:
    """Of whom what is asked: the order, where it is given, and who may give it; `here` is what the page stands on."""
    event, kind = evidence.event, order_kind(result)
    if not kind or not result.enforced or event.kind is EventKind.LOCAL:
        return
    pull = next(iter(_gate(evidence).pulls), None)
    if here:
        where: Inline = ""
    elif pull is not None and "comment" in settings.approvals:
        where = (" on ", link(f"pull request {pull.number}", pull.url))
    elif "issue" in settings.approvals:
        where = " on the issue that the gate opens for it"
    else:
        remedy = "Set `approvals: [issue]`, or let the required reviewers of an environment decide."
        yield Paragraph(f"No comment can lift it: no pull request with these commits is known. {remedy}")
        return
    # Where one is held, nobody has to copy a hash; an issue does not say when its text has changed.
    bare = kind == "approve" and (here == "pull" or (not here and bool(pull)))
    order = f"/{kind}-deploy" + ("" if bare else f" {result.hash}") + (" REASON" if kind == "override" else "")
    writers = [code(each) for each in _writers(evidence)]
    others: Inline = (" (not ", joined(writers[:_MAX_NAMES]), ")") if writers else ""
    who = (". Anyone with write access who wrote none of it may", others, ".")
    asked = [code(each) for each in settings.approvers[:_MAX_NAMES]]
    named: Inline = (" Asked: ", joined(asked), ".") if asked else ""
    yield Paragraph((strong(f"To {kind}:"), " comment ", code(order), where, *who, named))


def _reasons(result: GateResult, event: Event) -> Iterator[Block]:
    """Why it is held, and what became of what was lifted."""
    standing = [hold for hold in result.stops if not hold.lifted]
    if result.decision is GateDecision.ROLLBACK:
        back = link(code(result.rollback_to[:7]), event.commit_url(result.rollback_to))
        yield Paragraph((strong("Roll back to"), " ", back, ", the last known good deployment here."))
    if len(standing) == 1:
        yield Paragraph(("Held because ", _hold(standing[0])))
    elif standing:
        yield Paragraph(f"Held for {len(standing)} reasons:")
        yield bullets([_hold(hold, in_list=True) for hold in standing], MAX_ROWS)
    yield Bullets([_hold(hold) for hold in result.stops if hold.lifted][:MAX_ROWS])
    yield Bullets([_comment(each) for each in result.heard[-_MAX_HEARD:]])


def _hold(hold: Hold, *, in_list: bool = False) -> Inline:
    if hold.lifted:
        return (struck(hold.text), f" lifted: {hold.lifted}")
    who: dict[LiftedBy, Inline] = {
        LiftedBy.APPROVAL: "",
        LiftedBy.OVERRIDE: (" ", emphasis("(needs an override)")),
        LiftedBy.NOBODY: (" ", emphasis("(cannot be overridden)")),
    }
    remedy = f" {sentence_of(hold.remedy)}" if hold.remedy else ""
    return (strong(capital(hold.text) if in_list else hold.text), who[hold.lift], ".", remedy)


def _ways(result: GateResult) -> Iterator[Block]:
    if result.would_proceed:
        yield Paragraph(("Would proceed with: ", joined(result.would_proceed, "; or "), "."))


def _content(result: GateResult, evidence: Evidence) -> Iterator[Block]:
    """What would go out: commits with who wrote them, where to compare, and the risk."""
    gate, event = _gate(evidence), evidence.event
    writers, pulls = _writers(evidence), {pull.number: pull for pull in gate.pulls}
    by: Inline = (" by ", joined([code(each) for each in writers[:_MAX_NAMES]])) if writers else ""
    compare = event.compare_url(gate.base, result.sha)
    compared: Inline = (" (", link("compare", compare), ")") if compare and gate.commits else ""
    risk = result.risk
    above = f", above {risk.percentile} % of the last {risk.among:,} changes" if risk.percentile is not None else ""
    reasons = "; ".join(reason.text for reason in risk.reasons[:2])
    verb = "Deploys" if result.decision is GateDecision.PROCEED else "Would deploy"
    yield Paragraph(
        (
            f"{verb} {count(len(gate.commits), 'commit')}",
            by,
            compared,
            " · ",
            strong(f"risk {risk.level} ({risk.score}{above})"),
            f": {reasons}." if reasons else "",
        )
    )
    yield bullets([_commit(each, pulls.get(each.pull), event) for each in gate.commits], _MAX_COMMITS)


def _commit(commit: Deployed, pull: OriginPull | None, event: Event) -> Inline:
    writers = [code(each) for each in (commit.authors or ((pull.author,) if pull else ())) if each]
    number: Inline = (" · ", link(f"pull request {pull.number}", pull.url)) if pull else " · no pull request"
    by: Inline = (" · ", joined(writers[:_MAX_NAMES])) if writers else ""
    sha = link(code(commit.sha[:7]), event.commit_url(commit.sha))
    return (sha, " ", clip(commit.subject.removesuffix(f" (#{commit.pull})"), 100), by, number)


def _writers(evidence: Evidence) -> list[str]:
    """Who wrote what would go out."""
    gate = _gate(evidence)
    names = [*(name for pull in gate.pulls for name in (pull.author, *pull.authors))]
    names += [name for commit in gate.commits for name in commit.authors]
    return list(dict.fromkeys(name for name in names if name))


def _watched(result: GateResult) -> Iterator[Block]:
    if result.monitoring_focus and result.decision is not GateDecision.ROLLBACK:
        yield Paragraph((strong("Watch after deploying:"), f" {'; '.join(result.monitoring_focus[:_MAX_WATCHED])}."))


def order_kind(result: GateResult) -> str:
    """Which order of a person lifts what holds, "" when none does."""
    standing = {hold.lift for hold in result.stops if not hold.lifted}
    if result.decision is not GateDecision.HOLD or not standing or LiftedBy.NOBODY in standing:
        return ""
    return "override" if LiftedBy.OVERRIDE in standing else "approve"


def _order(result: GateResult) -> Sequence[Inline]:
    """What approval_requests reads of our comment: how the run is lifted that is to be started again."""
    kind = order_kind(result)
    return (f", lifted by {ARTICLES[kind]} of ", code(result.hash)) if kind else ()


def _strategy(result: GateResult, evidence: Evidence) -> Iterator[Block]:
    """How it would go out, and what to watch."""
    first = f", {result.canary_percentage} % first" if result.canary_percentage else ""
    requested = [code(fact.sha[:7]) for fact in routes(evidence, _gate(evidence)) if fact.sha]
    careful: Inline = (", at least as careful as planned by route for ", joined(requested)) if requested else ""
    watched = f", watched for {result.monitor_minutes} minutes" if result.monitor_minutes else ""
    yield Paragraph((strong("Deployment strategy:"), f" {result.strategy.replace('_', '-')}{first}{watched}", careful))
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
        yield Paragraph(("The model's assessment: ", joined(result.remarks, " ")))
    elif result.objections:
        yield Paragraph("The model objects:")
    yield Bullets(
        [(one.text, " (", code(one.source), ": ", code(clip(one.quote, LONGEST)), ")") for one in result.objections]
    )


def _next(result: GateResult) -> Iterator[Block]:
    for title, items in (("Before deploying:", result.pre_deploy_checks), ("Watch:", result.monitoring_focus)):
        if items:
            yield Paragraph((strong(title), f" {'; '.join(items[:MAX_ROWS])}."))


def _comment(each: Approval) -> Inline:
    counts = f"does not count: {each.refused}" if each.refused else "counts"
    label: Inline = (f"{capital(ARTICLES[each.kind].split()[-1])} by ", code(each.author), f" {counts}")
    return (link(label, each.url), f" (“{each.reason}”)" if each.reason else "")


def _folded(
    result: GateResult, evidence: Evidence, first: Sequence[tuple[str, Sequence[Block]]] = ()
) -> Iterator[Block]:
    sections = [*first]
    if len(result.heard) > _MAX_HEARD:
        comments = [_comment(each) for each in result.heard[:MAX_ROWS]]
        sections.append((f"{count(len(result.heard), 'approval comment')}", [Bullets(comments)]))
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
