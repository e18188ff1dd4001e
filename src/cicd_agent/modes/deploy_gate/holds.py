"""What holds a deployment whatever its score is, each with what would mend it and who may lift it."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.finding import Finding, Severity
from cicd_agent.domain.gate_evidence import FACTS, SIGNALS, CheckState, GateEvidence, Match, Reading
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.text.words import clip, count
from cicd_agent.modes.deploy_gate.freezes import Calendar, Frozen
from cicd_agent.modes.deploy_gate.result import Hold, LiftedBy
from cicd_agent.modes.deploy_gate.score import FAULTS, Policy, Score, missing
from cicd_agent.modes.deploy_gate.signals.deployments import exempt
from cicd_agent.modes.deploy_gate.signals.reviews import approvals, match
from cicd_agent.settings.schema import Settings

PASSED = frozenset({"success", "neutral", "skipped"})
"""Conclusions of a check run that satisfy GitHub where the check is required."""
NEEDED = ("checks", "required", "origins", "deployments", "incidents")
"""Facts that somebody has to have looked for: that there are none is known only then."""
OWN_POLICY = "own-policy"

_MOST_NAMED = 5
_LONGEST = 200


def about_event(gate: GateEvidence, calendar: Calendar) -> Iterator[Hold]:
    """Nothing can be decided at all: no subject, or no policy to decide by."""
    if gate.unserved:
        yield Hold("event", gate.unserved, LiftedBy.NOBODY, "start it from an event that it serves")
    if not gate.sha:
        yield Hold("no-commit", "it is not known which commit would be deployed", LiftedBy.NOBODY, "set `sha`")
    if not gate.environment:
        yield Hold("no-environment", "it is not known where it would go", LiftedBy.NOBODY, "set `environment`")
    if problems := (*gate.policy, *calendar.problems):
        text = "; ".join(clip(each, _LONGEST) for each in problems[:_MOST_NAMED])
        yield Hold(
            "policy", text, LiftedBy.NOBODY, "mend the configuration on the branch that it is read from", about=problems
        )


def about_checks(gate: GateEvidence, policy: Policy) -> Iterator[Hold]:
    """The required checks that do not say yes."""
    states: dict[str, list[CheckState]] = {}
    for each in gate.checks:
        states.setdefault(each.name, []).append(each)
    required = _required(gate, policy)
    # One that goes on in the run that asks waits for us, or runs beside us: people may know that it is the gate's own.
    own = [name for name in required if any(each.own and _is_pending(each) for each in states.get(name, ()))]
    pending = [
        name
        for name in required
        if name not in own and name in states and any(_is_pending(each) for each in states[name])
    ]
    if pending:
        yield _stop("pending-check", pending, ("has not ended", "have not ended"), LiftedBy.NOBODY, "wait for the end")
    if own:
        remedy = "let the gate's job need it; the gate's own job cannot be a required check"
        yield _stop("pending-check", own, ("runs beside the gate", "run beside the gate"), LiftedBy.OVERRIDE, remedy)
    if red := red_checks(gate, policy):
        yield _stop("red-check", red, ("failed", "failed"), LiftedBy.OVERRIDE, "mend what it shows")
    if absent := [name for name in required if name not in states]:
        yield _stop(
            "missing-check", absent, ("was not run", "were not run"), LiftedBy.OVERRIDE, "run it on this commit"
        )


def red_checks(gate: GateEvidence, policy: Policy) -> tuple[str, ...]:
    failed = {each.name for each in gate.checks if not _is_pending(each) and each.conclusion not in PASSED}
    return tuple(name for name in _required(gate, policy) if name in failed)


def about_readings(gate: GateEvidence, policy: Policy, readings: Mapping[str, Reading]) -> Iterator[Hold]:
    """What could not be read, or not be believed; `readings` are those of the signals, sound."""
    names = {each.name for each in gate.readings}
    for name in dict.fromkeys((*SIGNALS, *FACTS, *(each.name for each in gate.readings))):
        if name in policy.not_applicable:
            continue
        reading = readings.get(name) or gate.reading(name)
        why = reading.problem if reading.state in FAULTS else ""
        if reading.state in FAULTS:
            why = f"{reading.state}: {why}" if why else f"its state is {reading.state}"
        elif name in NEEDED and name not in names:
            why = "nobody looked for it"
        elif name == "required" and gate.required is None:
            why = "it is not known which checks are required"
        elif name == "budget" and gate.error_budget is not None and not isfinite(gate.error_budget):
            why = "nonsense: it is no number"
        if why:
            text = f"`{name}` cannot be relied on: {clip(why, _LONGEST)}"
            yield Hold(
                f"fault-{name}", text, LiftedBy.APPROVAL, f"mend what `{name}` is read from", about=(reading.state,)
            )


def about_change(gate: GateEvidence, event: Event, policy: Policy, blocking: Sequence[Finding]) -> Iterator[Hold]:
    """What is wrong with what would be deployed itself."""
    if blocking:
        first = blocking[0]
        more = f", and {count(len(blocking) - 1, 'more finding')}" if len(blocking) > 1 else ""
        text = f"{first.severity}: {first.title} ({first.location.path}){more}"
        # Which findings these are is in the hash by itself.
        yield Hold("blocking-finding", text, LiftedBy.OVERRIDE, "resolve the finding")
    if "review" not in policy.not_applicable and match(gate, event) is Match.NONE:
        loose = [each for each in gate.commits if each.match is Match.NONE]
        text = (
            f"{count(len(loose), 'commit')} of {len(gate.commits)} {'was' if len(loose) == 1 else 'were'} not reviewed"
            f" as deployed: {', '.join(each.sha[:12] for each in loose[:_MOST_NAMED])}"
            if loose
            else "it is not known which commits this deployment brings"
        )
        # Where more of it runs already by then, or less, an approval of these commits is no longer one of all.
        about = tuple(each.sha for each in loose)
        yield Hold("unreviewed", text, LiftedBy.OVERRIDE, "bring it by a reviewed pull request", about=about)


def about_policy(gate: GateEvidence, event: Event, change: Change | None, config_file: str) -> Iterator[Hold]:
    """Whether the policy may be one that this very deployment brings: then it decides on what people approved, only.

    It is read at the event's base, else on the default branch; what runs now may have had another one.
    """
    if change is None or event.kind is EventKind.LOCAL or event.base.sha == change.base:
        return
    if not any(config_file in {file.path, file.old_path} for file in change.files):
        return
    approved = {pull.number for pull in gate.pulls if any(approvals(pull))}
    loose = [each for each in gate.commits if each.match is Match.NONE or each.pull not in approved]
    if loose or not gate.commits:
        text = f"`{config_file}` is changed by what would be deployed, and not every commit of that was approved"
        remedy = "have the policy approved by somebody who did not write it"
        yield Hold(OWN_POLICY, text, LiftedBy.APPROVAL, remedy, about=tuple(each.sha for each in loose))


def about_time(gate: GateEvidence, event: Event, frozen: Sequence[Frozen]) -> Iterator[Hold]:
    """Why this is no time to deploy."""
    if frozen:
        text = "; ".join(_frozen(each) for each in frozen[:_MOST_NAMED])
        ends = [each.until for each in frozen if each.until]
        remedy = f"wait until {ends[0]}" if len(ends) == len(frozen) == 1 else "wait for the end"
        yield Hold("freeze", text, LiftedBy.OVERRIDE, remedy, about=tuple(each.name for each in frozen))
    budget = gate.error_budget
    if budget is not None and budget <= 0 and not exempt(gate, event):
        yield Hold(
            "budget", f"the error budget is exhausted ({100 * budget:.3g} % left)", LiftedBy.OVERRIDE, "let it recover"
        )
    if gate.incidents:
        told = ", ".join(f"#{each.number} {clip(each.title, 80)}".strip() for each in gate.incidents[:_MOST_NAMED])
        numbers = tuple(f"#{each.number}" for each in gate.incidents)
        noun = count(len(numbers), "open incident")
        yield Hold("incident", f"{noun}: {told}", LiftedBy.APPROVAL, "close it when it is over", about=numbers)


def about_score(policy: Policy, score: Score, readings: Mapping[str, Reading]) -> Iterator[Hold]:
    """What the rules' own score does not reach, and whether it ever could."""
    needed = policy.threshold
    if not any(weight for name, weight in policy.weights.items() if name != "model"):
        yield Hold(
            "unreachable",
            "no signal of the rules has a weight: this policy can never proceed",
            LiftedBy.APPROVAL,
            "give one a weight, and declare not all of them as not applicable",
        )
    elif score.reachable < needed:
        costs = missing(policy, readings)
        told = " and ".join(f"{name} is missing ({points:.3g} points)" for name, points in costs.items())
        names = ", ".join(costs)
        yield Hold(
            "unreachable",
            f"this policy cannot reach {needed:g}: {told or 'nothing is missing'}; the best is {score.reachable:g}",
            LiftedBy.APPROVAL,
            f"declare `not-applicable: [{names}]` on the base branch, or bring what is missing",
            about=tuple(costs),
        )
    if not passes(score.without, policy):
        yield Hold(
            "score", f"the score is {score.without:g} and {needed:g} is needed", LiftedBy.APPROVAL, "see the signals"
        )


def about_model(settings: Settings, policy: Policy, score: Score, objection: str, *, heard: bool) -> Iterator[Hold]:
    """What a model holds; `objection` is why, "" when it does not object."""
    if not heard and settings.require_model == "on":
        yield Hold(
            "no-model", "no model was heard, and the policy requires one", LiftedBy.APPROVAL, "see why none answered"
        )
    if objection:
        yield Hold("model", objection, LiftedBy.APPROVAL, "look at what it says")
    if passes(score.without, policy) and not passes(score.score, policy):
        text = f"with the model the score is {score.score:g} and {policy.threshold:g} is needed"
        yield Hold("score", text, LiftedBy.APPROVAL, "look at what the model says")


def passes(score: float, policy: Policy) -> bool:
    return score >= policy.threshold


def blocking_of(findings: Sequence[Finding], settings: Settings) -> list[Finding]:
    """The findings that hold: from `fail-on` on, from high on where that is not set; worst first."""
    least = Severity.HIGH if settings.fail_on == "never" else Severity(settings.fail_on)
    found = [
        each for each in findings if each.severity.rank >= least.rank and each.confidence >= settings.min_confidence
    ]
    return sorted(found, key=lambda each: (-each.severity.rank, each.location.path, each.location.line, each.id))


def _required(gate: GateEvidence, policy: Policy) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*(gate.required or ()), *policy.required)))


def _is_pending(check: CheckState) -> bool:
    return check.status != "completed"


def _stop(name: str, checks: Sequence[str], ended: tuple[str, str], lift: LiftedBy, remedy: str) -> Hold:
    """A stop of required checks; `ended` says what became of one of them, and of several."""
    told = ", ".join(f"`{clip(check, 80)}`" for check in checks[:_MOST_NAMED])
    more = f" and {len(checks) - _MOST_NAMED} more" if len(checks) > _MOST_NAMED else ""
    text = f"the required {'check' if len(checks) == 1 else 'checks'} {told}{more} {ended[len(checks) > 1]}"
    return Hold(name, text, lift, remedy, about=tuple(checks))


def _frozen(each: Frozen) -> str:
    until = f" until {each.until}" if each.until else ""
    owner = f" ({each.owner})" if each.owner else ""
    return f"the freeze `{each.name}` holds{until}{owner}"
