"""The words of a gate's decision: the verdict, the points of each signal, what stops it, and what would lift that."""

from collections.abc import Iterator, Sequence

from cicd_agent.domain.chart import Pie, Slice
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.gate_evidence import GateEvidence
from cicd_agent.domain.text.markdown import code, details, escape, link, prose, table
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.facts import routes
from cicd_agent.modes.deploy_gate.result import Band, Factor, Gated, GateDecision, Hold, LiftedBy, points
from cicd_agent.modes.protocol import Account

MOST_ROWS = 30
LONGEST = 200

_NAMES = {
    "tests": "tests",
    "coverage": "coverage",
    "review": "review",
    "failures": "failures, 7 days",
    "model": "model",
}


def heading(gated: Gated, evidence: Evidence) -> str:
    sha = link(code(gated.sha[:7] or "?"), evidence.event.commit_url(gated.sha), evidence.event.hosts)
    return f"## {_word(gated)} {escape(gated.environment) or '(no environment)'} ← {sha}  {prose(_score(gated))}"


def sentence(gated: Gated) -> str:
    """The verdict as plain text in one line, for the log and the `summary` output."""
    parts = [f"{_word(gated)} {gated.environment or '(no environment)'} ← {gated.sha[:7] or '?'}", _score(gated)]
    standing = [stop for stop in gated.stops if not stop.lifted]
    if standing:
        more = f" and {len(standing) - 1} more" if len(standing) > 1 else ""
        parts.append(f"{clip(standing[0].text, LONGEST)}{more}")
    return visible_line(" ".join(", ".join(parts).split()))


def summary(gated: Gated, evidence: Evidence, account: Account) -> str:
    """The whole decision as Markdown, for the step summary."""
    gate = _gate(evidence)
    parts = [
        heading(gated, evidence),
        _stops(gated),
        _factors(gated.factors, gate.at),
        *_lifting(gated, evidence.event),
        _risk(gated),
        _way(gated, evidence),
        _said(gated),
        _next(gated),
        *_folded(gated, evidence),
        *([f"**Degraded:** {prose(account.degraded)}"] if account.degraded else []),
        *(prose(notice) for notice in account.notices),
        foot(gated, evidence, account),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def comment(gated: Gated, evidence: Evidence, account: Account) -> str:
    """What people are told who may lift the hold, and who read it when it is lifted."""
    event = evidence.event
    parts = [heading(gated, evidence).replace("## ", "### ", 1), _stops(gated), *_lifting(gated, event)]
    parts += [_factors(gated.factors, _gate(evidence).at), *_heard(gated, event)]
    if gated.decision is not GateDecision.PROCEED and event.run_url:
        # Where the comment that approves finds the run that is to be started again.
        parts.append(f"Held run: {link(escape(f'run {event.delivery}'), event.run_url, event.hosts)}")
    parts.append(foot(gated, evidence, account))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def pictures(gated: Gated) -> tuple[Pie, ...]:
    """The points by signal, and those that are missing."""
    slices = [Slice(_NAMES.get(each.name, each.name), round(each.points)) for each in gated.factors]
    lost = 100 - sum(each.value for each in slices)
    return (Pie(f"{points(gated.score)} of 100 points", (*slices, Slice("not reached", max(lost, 0)))),)


def foot(gated: Gated, evidence: Evidence, account: Account) -> str:
    """Where it was decided and what it cost."""
    event = evidence.event
    parts = [f"commit {gated.sha[:7] or '?'}", f"reviewed: {gated.review_match.replace('_', ' ')}"]
    if event.run_url:
        parts.append(link(f"run {escape(event.delivery)}", event.run_url, event.hosts))
    if account.model:
        parts += [f"{escape(account.model)}, {account.usage.words}", account.price]
    else:
        parts.append("rules only, no model asked")
    return f"<sub>{' · '.join(parts)}</sub>"


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
    if factor.band is Band.NOT_APPLICABLE:
        return "not applicable by policy"
    return factor.words or factor.state.value


def _word(gated: Gated) -> str:
    word = gated.decision.value.upper()
    return word if gated.enforced else f"{word} (shadow, nothing is stopped)"


def _score(gated: Gated) -> str:
    alone = f", {points(gated.score_without)} without the model" if gated.confidence is not None else ""
    approval = " · approval possible" if gated.requires_approval else ""
    return f"score {points(gated.score)} (needs {gated.threshold:g}{alone}){approval}"


def _factors(factors: Sequence[Factor], now: int) -> str:
    rows = (
        (
            _NAMES.get(each.name, each.name),
            escape(clip(value(each), LONGEST)),
            f"{each.weight:.0f}" if each.weight else "–",
            f"{each.points:.0f}" if each.weight else "–",
            escape(", ".join(filter(None, (each.source, ago(each.measured, now))))) or "–",
        )
        for each in factors
    )
    return table(("signal", "value", "weight", "points", "source, age"), rows)


def _stops(gated: Gated) -> str:
    return "\n".join(_stop(stop) for stop in gated.stops[:MOST_ROWS])


def _stop(stop: Hold) -> str:
    remedy = f" {prose(sentence_of(stop.remedy))}" if stop.remedy else ""
    if stop.lifted:
        return f"- ~~{prose(stop.text)}~~ lifted: {prose(stop.lifted)}"
    who = {
        LiftedBy.APPROVAL: "",
        LiftedBy.OVERRIDE: " *(takes an override)*",
        LiftedBy.NOBODY: " *(nobody can lift this)*",
    }
    return f"- **{prose(capital(stop.text))}**{who[stop.lift]}.{remedy}"


def _lifting(gated: Gated, event: Event) -> Iterator[str]:
    """What would make it proceed, and what a person may write."""
    if gated.decision is GateDecision.ROLLBACK:
        back = link(code(gated.rollback_to[:7]), event.commit_url(gated.rollback_to), event.hosts)
        yield f"**Roll back to** {back}, the last deployment here that is known to be good."
        return
    if gated.decision is GateDecision.PROCEED:
        return
    if gated.would_proceed:
        yield f"Would proceed with: {'; or '.join(prose(each) for each in gated.would_proceed)}."
    standing = {stop.lift for stop in gated.stops if not stop.lifted}
    if standing and LiftedBy.NOBODY not in standing:
        verb, reason = ("override", " REASON") if LiftedBy.OVERRIDE in standing else ("approve", "")
        words = code(f"/{verb}-deploy {gated.hash}{reason}")
        yield (
            f"To lift this, somebody with write access who did not write the change comments {words}. That is about "
            "exactly this commit, environment, policy and state of the signals."
        )


def _risk(gated: Gated) -> str:
    risk = gated.risk
    above = f", above {risk.percentile} % of the last {risk.among:,} changes" if risk.percentile is not None else ""
    why = "; ".join(reason.text for reason in risk.reasons[:4])
    return f"**Risk: {risk.level} ({risk.score}{above}).** {prose(why)}{'.' if why else ''}"


def _way(gated: Gated, evidence: Evidence) -> str:
    """How it would go out, and what to watch."""
    lines = [f"**Way out:** {gated.strategy.replace('_', '-')}"]
    if gated.canary_percentage:
        lines[0] += f", {gated.canary_percentage} % first"
    asked = [code(fact.sha[:7]) for fact in routes(evidence, _gate(evidence)) if fact.sha]
    if asked:
        lines[0] += f". At least as careful as the route of {', '.join(asked)} asked for"
    if gated.sight is not None:
        sight = gated.sight
        lines.append(
            f"A canary of {sight.percentage} % at {sight.per_minute:g} requests a minute sees a rise of errors from "
            f"{sight.baseline:.2%} to {sight.detectable:.2%} within {sight.minutes} minutes."
        )
    if gated.rollback_trigger:
        lines.append(prose(sentence_of(gated.rollback_trigger)))
    return "\n\n".join(lines)


def _said(gated: Gated) -> str:
    """The model's words, and what they rest on."""
    lines = [f"- {prose(one.text)} ({code(one.source)}: {code(clip(one.quote, LONGEST))})" for one in gated.objections]
    remarks = " ".join(prose(each) for each in gated.remarks)
    head = f"In the model's words: {remarks}" if remarks else "The model objects:" if lines else ""
    return "\n".join([head, *lines]) if head else ""


def _next(gated: Gated) -> str:
    rows = [("before", each) for each in gated.pre_deploy_checks] + [("watch", each) for each in gated.monitoring_focus]
    return table(("when", "what"), ((when, prose(what)) for when, what in rows[:MOST_ROWS])) if rows else ""


def _heard(gated: Gated, event: Event) -> Iterator[str]:
    for each in gated.heard[:MOST_ROWS]:
        became = f"does not count: {each.refused}" if each.refused else "counts"
        said = f"{each.kind} by {code(each.author)} {prose(became)}"
        reason = f" (“{prose(each.reason)}”)" if each.reason else ""
        yield f"- {link(said, each.url, event.hosts) if each.url else said}{reason}"


def _folded(gated: Gated, evidence: Evidence) -> Iterator[str]:
    sections: list[tuple[str, str]] = []
    if gated.heard:
        sections.append((f"{count(len(gated.heard), 'word')} of people", "\n".join(_heard(gated, evidence.event))))
    commits = _gate(evidence).commits
    if commits:
        rows = (
            (code(each.sha[:7]), escape(clip(each.subject, 100)), f"{each.pull or '–'}", each.match.replace("_", " "))
            for each in commits[:MOST_ROWS]
        )
        title = f"{count(len(commits), 'commit')} to deploy"
        sections.append((title, table(("commit", "subject", "pull request", "reviewed as"), rows)))
    if gated.dropped:
        sections.append(
            (
                f"{count(len(gated.dropped), 'claim')} not proved",
                "\n".join(f"- {prose(each)}" for each in gated.dropped),
            )
        )
    if evidence.gaps:
        gap_rows = ((escape(gap.what) or "–", escape(gap.why)) for gap in evidence.gaps[:MOST_ROWS])
        sections.append((f"{len(evidence.gaps)} not looked at", table(("what", "why"), gap_rows)))
    if sections:
        yield details(" · ".join(title for title, _ in sections), "\n\n".join(body for _, body in sections))


def _gate(evidence: Evidence) -> GateEvidence:
    return evidence.get(GATE) or GateEvidence("", "", 0)
