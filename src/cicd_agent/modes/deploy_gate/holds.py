"""What holds a deployment whatever its score is, each with what would fix it and who may lift it."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite

from cicd_agent.analysis.rules.coverage import describe
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.finding import Finding, Severity
from cicd_agent.domain.gate_evidence import FACTS, RATE_LIMIT, SIGNALS, TOKEN, GateEvidence, Match, Reading, State
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.text.words import clip, count, first_names
from cicd_agent.modes.deploy_gate.freezes import ActiveFreeze, Calendar
from cicd_agent.modes.deploy_gate.result import Hold, LiftedBy
from cicd_agent.modes.deploy_gate.score import FAULTS, Policy, Score, below_red, missing
from cicd_agent.modes.deploy_gate.signals.checks import (
    PASSED,
    is_pending,
    is_red,
    red_checks,
    required_names,
    satisfying,
    still_running,
)
from cicd_agent.modes.deploy_gate.signals.deployments import exempt
from cicd_agent.modes.deploy_gate.signals.reviews import approvals, match
from cicd_agent.settings.schema import Settings

OWN_POLICY = "own-policy"

_NEEDED = ("checks", "required", "origins", "deployments", "incidents")
"""Facts that somebody has to have looked for: that there are none is known only then."""
_MAX_NAMED = 5
_MAX_LENGTH = 200


def about_event(gate: GateEvidence, calendar: Calendar) -> Iterator[Hold]:
    if gate.unserved:
        yield Hold("event", gate.unserved, LiftedBy.NOBODY, "start it from an event that it serves")
    if not gate.sha:
        yield Hold("no-commit", "it is not known which commit would be deployed", LiftedBy.NOBODY, "set `sha`")
    if (token := gate.reading(TOKEN)).state is State.ERROR:
        # One line in place of one for each thing that could not be asked.
        remedy = "pass `github-token: ${{ github.token }}` (at a terminal set GITHUB_TOKEN and GITHUB_REPOSITORY)"
        yield Hold("no-token", f"GitHub could not be asked: {token.problem}", LiftedBy.NOBODY, remedy)
    if (limit := gate.reading(RATE_LIMIT)).state is State.ERROR:
        # Likewise. Whoever could lift it could not be asked for either.
        remedy = f"run it again {limit.words}, or pass the token of a GitHub App, which has a limit of its own"
        yield Hold("rate-limit", f"GitHub could not be asked: {limit.problem}", LiftedBy.NOBODY, remedy)
    if not gate.environment:
        yield Hold("no-environment", "it is not known where it would go", LiftedBy.NOBODY, "set `environment`")
    if problems := (*gate.policy, *calendar.problems):
        text = "; ".join(clip(each, _MAX_LENGTH) for each in problems[:_MAX_NAMED])
        remedy = "fix the configuration on the branch that it is read from"
        yield Hold("policy", text, LiftedBy.NOBODY, remedy, about=problems)


def about_checks(gate: GateEvidence, policy: Policy) -> Iterator[Hold]:
    required = required_names(gate, policy)
    states = {name: satisfying(gate, name) for name in required}
    pending = [name for name in required if any(map(is_pending, states[name]))]
    # One that goes on in the run that asks waits for us, or runs beside us: people may know that it is the gate's own.
    own = [name for name in pending if any(each.own and is_pending(each) for each in states[name])]
    others = [name for name in pending if name not in own]
    absent = [name for name in required if not states[name]]
    running = [
        each for each in dict.fromkeys(each.name for each in still_running(gate, policy)) if each not in required
    ]
    beside = "let the gate's job need it; the gate's own job cannot be a required check"
    again = "wait for the end and run the gate again; name one that never ends in `ignore-checks`"
    red, run_it = red_checks(gate, policy), "run it on this commit"
    for name, noun, checks, one, several, lifted_by, remedy in (
        ("pending-check", "required ", others, "has not ended", "have not ended", LiftedBy.NOBODY, "wait for the end"),
        ("pending-check", "required ", own, "runs beside the gate", "run beside the gate", LiftedBy.OVERRIDE, beside),
        ("running-check", "", running, "is still running", "are still running", LiftedBy.APPROVAL, again),
        ("red-check", "required ", red, "failed", "failed", LiftedBy.OVERRIDE, "fix what it shows"),
        (
            "missing-check",
            "required ",
            absent,
            "was not run",
            "were not run",
            LiftedBy.OVERRIDE,
            run_it,
        ),
    ):
        if checks:
            names = first_names([_named(check, gate) for check in checks], _MAX_NAMED)
            kind, state = ("check", one) if len(checks) == 1 else ("checks", several)
            yield Hold(name, f"the {noun}{kind} {names} {state}", lifted_by, remedy, about=tuple(checks))


def _named(check: str, gate: GateEvidence) -> str:
    """The check, and the app that alone can satisfy it where another one has tried."""
    name = f"`{clip(check, 80)}`"
    apps = {app for required, app in gate.required_apps if required == check}
    others = {each.app or "a commit status" for each in gate.checks if each.name == check}
    if not apps or satisfying(gate, check) or not others:
        return name
    return f"{name} (of the app {', '.join(map(str, sorted(apps)))}; it came from {', '.join(sorted(others))})"


def about_trigger(gate: GateEvidence, event: Event) -> Iterator[Hold]:
    """The run whose end started the gate: unless it was run again and every check of it has passed by now."""
    run = event.run
    if event.kind is not EventKind.WORKFLOW_RUN or run is None or run.conclusion in PASSED:
        return
    now = [check for check in gate.checks if check.run == run.id and not check.deploys]
    if now and not any(is_pending(check) or is_red(check) for check in now):
        return
    text = f"the run of `{clip(run.name, 80)}` that started the gate ended with {run.conclusion or 'no conclusion'}"
    about = (str(run.id), run.conclusion)
    yield Hold("red-run", text, LiftedBy.OVERRIDE, "fix what it shows and run it again", about=about)


def about_readings(gate: GateEvidence, policy: Policy, readings: Mapping[str, Reading]) -> Iterator[Hold]:
    """What could not be read, or not be believed; `readings` are those of the signals, sound."""
    names = [each.name for each in gate.readings]
    for name in dict.fromkeys((*SIGNALS, *FACTS, *names)):
        reading = readings.get(name) or gate.reading(name)
        if name in policy.not_applicable:
            continue
        if reading.state in FAULTS:
            problem = f"{reading.state}: {reading.problem}" if reading.problem else f"its state is {reading.state}"
        elif name in _NEEDED and name not in names:
            problem = "nobody looked for it"
        elif name == "required" and gate.required is None:
            problem = "it is not known which checks are required"
        elif name == "budget" and gate.error_budget is not None and not isfinite(gate.error_budget):
            problem = "nonsense: it is no number"
        else:
            continue
        text = f"`{name}` cannot be relied on: {clip(problem, _MAX_LENGTH)}"
        remedy = f"fix what `{name}` is read from"
        yield Hold(f"fault-{name}", text, LiftedBy.APPROVAL, remedy, about=(reading.state,))


def about_stops(policy: Policy, readings: Mapping[str, Reading]) -> Iterator[Hold]:
    """The team's own signals that hold by themselves: below red, or where nobody knows."""
    for name in policy.stops:
        reading, limits = readings[name], policy.bands[name]
        if reading.state is State.KNOWN and reading.value is not None and not below_red(reading.value, limits):
            continue
        word = "below" if limits.green >= limits.red else "above"
        text = f"`{name}` is {reading.words}, {word} {limits.red:g}"
        if reading.state is not State.KNOWN:
            text = f"`{name}` is not known: {clip(reading.problem or reading.state, _MAX_LENGTH)}"
        remedy = f"bring it to {limits.red:g} or better"
        yield Hold(f"signal-{name}", text, LiftedBy.OVERRIDE, remedy, about=(reading.state,))


def about_change(gate: GateEvidence, event: Event, policy: Policy, blocking: Sequence[Finding]) -> Iterator[Hold]:
    if blocking:
        first = blocking[0]
        more = f", and {count(len(blocking) - 1, 'more finding')}" if len(blocking) > 1 else ""
        text = f"{first.severity}: {first.title} ({first.location.path}){more}"
        # Which findings these are is in the hash by itself.
        yield Hold("blocking-finding", text, LiftedBy.OVERRIDE, "resolve the finding")
    if "review" not in policy.not_applicable and match(gate, event) is Match.NONE:
        unmatched = [each for each in gate.commits if each.match is Match.NONE]
        text = "it is not known which commits this deployment brings"
        if unmatched:
            verb = "was" if len(unmatched) == 1 else "were"
            shas = ", ".join(each.sha[:12] for each in unmatched[:_MAX_NAMED])
            number = f"{count(len(unmatched), 'commit')} of {len(gate.commits)}"
            text = f"{number} {verb} not reviewed as deployed: {shas}"
        # Where more of it runs already by then, or less, an approval of these commits is no longer one of all.
        about = tuple(each.content for each in unmatched)
        yield Hold("unreviewed", text, LiftedBy.OVERRIDE, "bring it by a reviewed pull request", about=about)


def about_coverage(gaps: Sequence[Gap]) -> Iterator[Hold]:
    if gaps:
        text = f"not analysed: {describe(gaps)}"
        remedy = "commit it as text, or have somebody look at it who may approve the deployment"
        yield Hold("unanalysed", text, LiftedBy.APPROVAL, remedy, about=tuple(sorted(gap.what for gap in gaps)))


def about_policy(gate: GateEvidence, event: Event, change: Change | None, config_file: str) -> Iterator[Hold]:
    """Whether the policy may be one that this very deployment brings: then it decides on what people approved, only."""
    # It is read at the event's base, else on the default branch; what runs now may have had another one.
    if change is None or event.kind is EventKind.LOCAL or event.base.sha == change.base:
        return
    if not gate.is_policy_new and not any(config_file in {file.path, file.old_path} for file in change.files):
        return
    approved = {pull.number for pull in gate.pulls if any(approvals(pull))}
    rest = [each.content for each in gate.commits if each.match is Match.NONE or each.pull not in approved]
    if rest or not gate.commits:
        text = f"`{config_file}` is changed by what would be deployed, and not every commit of that was approved"
        remedy = "have the policy approved by somebody who did not write it"
        yield Hold(OWN_POLICY, text, LiftedBy.APPROVAL, remedy, about=tuple(rest))


def about_time(gate: GateEvidence, event: Event, frozen: Sequence[ActiveFreeze]) -> Iterator[Hold]:
    if frozen:
        texts = []
        for each in frozen[:_MAX_NAMED]:
            until, owner = f" until {each.until}" if each.until else "", f" ({each.owner})" if each.owner else ""
            texts.append(f"the freeze `{each.name}` holds{until}{owner}")
        remedy = f"wait until {frozen[0].until}" if len(frozen) == 1 and frozen[0].until else "wait for the end"
        about = tuple(each.name for each in frozen)
        yield Hold("freeze", "; ".join(texts), LiftedBy.OVERRIDE, remedy, about=about)
    budget = gate.error_budget
    if budget is not None and budget <= 0 and not exempt(gate, event):
        text = f"the error budget is exhausted ({100 * budget:.3g} % left)"
        yield Hold("budget", text, LiftedBy.OVERRIDE, "let it recover")
    if gate.incidents:
        titles = ", ".join(f"#{each.number} {clip(each.title, 80)}".strip() for each in gate.incidents[:_MAX_NAMED])
        text = f"{count(len(gate.incidents), 'open incident')}: {titles}"
        about = tuple(f"#{each.number}" for each in gate.incidents)
        yield Hold("incident", text, LiftedBy.APPROVAL, "close it when it is over", about=about)


def about_score(policy: Policy, score: Score, readings: Mapping[str, Reading]) -> Iterator[Hold]:
    needed = policy.threshold
    if not any(weight for name, weight in policy.weights.items() if name != "model"):
        text = "no signal of the rules has a weight: this policy can never proceed"
        remedy = "give one a weight, and declare not all of them as not applicable"
        yield Hold("unreachable", text, LiftedBy.APPROVAL, remedy)
    elif score.reachable < needed:
        costs = missing(policy, readings)
        reasons = " and ".join(f"{name} is missing ({points:.3g} points)" for name, points in costs.items())
        text = (
            f"this policy cannot reach {needed:g}: {reasons or 'nothing is missing'}; the best is {score.reachable:g}"
        )
        remedy = f"declare `not-applicable: [{', '.join(costs)}]` on the base branch, or bring what is missing"
        yield Hold("unreachable", text, LiftedBy.APPROVAL, remedy, about=tuple(costs))
    if score.without < needed:
        text = f"the score is {score.without:g} and {needed:g} is needed"
        text = "; ".join(_costly(score, needed)) or text
        yield Hold("score", text, LiftedBy.APPROVAL)


def _costly(score: Score, needed: float) -> list[str]:
    """What the signals say that cost most, as much as would do; what could not be read holds by itself."""
    costs = sorted((each.points - each.weight, each.name, each.words) for each in score.factors)
    faults = {each.name for each in score.factors if each.state in FAULTS} | {"model"}
    texts, gap = [], needed - score.without
    for lost, name, words in costs:
        if lost < 0 < gap and name not in faults:
            texts.append(words if name == "review" else f"{name}: {words}")
            gap += lost
    return texts


def about_model(settings: Settings, policy: Policy, score: Score, objection: str, *, answered: bool) -> Iterator[Hold]:
    """What a model holds; `objection` is why, "" when it does not object."""
    if not answered and settings.require_model == "on":
        text = "no model was used, and the policy requires one"
        yield Hold("no-model", text, LiftedBy.APPROVAL, "see why none answered")
    if objection:
        yield Hold("model", objection, LiftedBy.APPROVAL, "look at what it says")
    if score.score < policy.threshold <= score.without:
        text = f"with the model the score is {score.score:g} and {policy.threshold:g} is needed"
        yield Hold("score", text, LiftedBy.APPROVAL, "look at what the model says")


def blocking_of(findings: Sequence[Finding], settings: Settings) -> list[Finding]:
    """The findings that hold: from `fail-on` on, from high on where that is not set; worst first."""
    minimum = Severity.HIGH if settings.fail_on == "off" else Severity(settings.fail_on)
    blocking = [
        each for each in findings if each.severity.rank >= minimum.rank and each.confidence >= settings.min_confidence
    ]
    return sorted(blocking, key=lambda each: (-each.severity.rank, each.location.path, each.location.line, each.id))
