"""What a gate does on GitHub, each only as far as this job's policy goes: deployments, reruns, requests for review."""

import re

from cicd_agent.adapters.performers.context import EffectContext, Outcome
from cicd_agent.domain.effects import Deployment, Output, Receipt, ReceiptState, Rerun, ReviewRequest
from cicd_agent.domain.events.event import ACTIONS, Event, EventKind, same_login
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import code
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.errors import ForgeRefused

MAX_DESCRIPTION = 140
"""Characters that GitHub takes of a status's description."""
CONFLICT = 409
NOT_BEGUN = frozenset({"", "queued"})
"""States in which nobody has begun with a deployment; it has none when the run that created it ended there."""
OPEN = NOT_BEGUN | {"pending", "waiting", "in_progress"}
MAX_ATTEMPTS = 20
"""Attempts after which approvals start a run no more."""
MAX_REVIEWERS = 15
"""Reviewers that GitHub lets a pull request have."""
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_TEAM = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,99})/([A-Za-z0-9][A-Za-z0-9_.-]{0,99})")


def deploy(run: EffectContext, effect: Deployment) -> Receipt:
    """Add the status to the deployment that stands, or create one where there is none that waits."""
    objection = _deployment_objection(run, effect)
    if not objection and run.tried[effect.kind]:
        return run.record(effect, ReceiptState.SKIPPED, "one deployment is recorded already")
    if not objection and effect.state == "queued" and run.policy.withheld:
        # To whoever listens for deployments this is a yes.
        return run.record(effect, ReceiptState.SKIPPED, f"nothing is let through: {run.policy.withheld}")

    def act(forge: Forge) -> Outcome:
        run.tried[effect.kind] += 1
        try:
            if effect.id:
                return _set_status(run, forge, effect, PastDeployment(effect.id, effect.commit, "", 0))
            return _begin(run, forge, effect)
        except ForgeRefused as refusal:
            if refusal.status != CONFLICT:
                raise
            # The repository has something against this deployment: that is no outage.
            return Outcome(ReceiptState.DEGRADED, str(refusal))

    return run.attempt(effect, objection, act)


def _deployment_objection(run: EffectContext, effect: Deployment) -> str:
    """Why the deployment is not this job's: the plan may come from a file that others can write."""
    environment, about = run.policy.deployment, run.event.deployment
    commit = run.policy.commit or run.event.sha
    if not environment:
        return "this job does not ask for deployments to be recorded"
    if effect.environment != environment:
        return f"it names environment {effect.environment}, this job's is {environment}"
    if not commit or effect.commit != commit:
        return f"it names commit {effect.commit}, this job decides on {commit or 'none'}"
    if effect.id and (about is None or about.id != effect.id):
        return f"it names deployment {effect.id}, the event is about {f'deployment {about.id}' if about else 'none'}"
    if effect.id and about and (about.environment, about.sha) != (effect.environment, effect.commit):
        return f"deployment {about.id} is one of {about.sha[:7]} to {about.environment}"
    return ""


def _begin(run: EffectContext, forge: Forge, effect: Deployment) -> Outcome:
    """Only what goes ahead is created: those who listen for deployments hear of it before it has a status."""
    existing = _waiting(forge, effect)
    if existing is None and effect.state != "queued":
        return Outcome(ReceiptState.SKIPPED, "no deployment of this commit waits, and a hold creates none")
    if existing is not None and (existing.state == effect.state or existing.state not in NOT_BEGUN):
        _set_output(run, effect, existing)
        state = ReceiptState.UNCHANGED if effect.state == "queued" else ReceiptState.SKIPPED
        return Outcome(state, f"deployment {existing.id} is {existing.state} already", existing.url)
    if existing is None:
        run.intend(effect, f"create, {effect.state}", environment=effect.environment, commit=effect.commit)
        existing = forge.gates.deploy(effect.commit, effect.environment, _description(run, effect))
    return _set_status(run, forge, effect, existing)


def _waiting(forge: Forge, effect: Deployment) -> PastDeployment | None:
    """The newest deployment of the environment if it is ours, of this commit, and has not ended."""
    newest = next(iter(forge.gates.deployments(effect.environment)), None)
    if newest is None or newest.sha != effect.commit or newest.state not in OPEN:
        return None
    return newest if same_login(newest.creator, forge.commits.login or ACTIONS, is_bot=True) else None


def _set_status(run: EffectContext, forge: Forge, effect: Deployment, existing: PastDeployment) -> Outcome:
    _set_output(run, effect, existing)
    detail = f"deployment {existing.id}: {effect.state}"
    run.intend(effect, detail, environment=effect.environment, commit=effect.commit)
    forge.gates.set_deployment_status(existing.id, effect.state, _description(run, effect), run.event.run_url)
    return Outcome(ReceiptState.DONE, f"deployment {existing.id}", existing.url)


def _set_output(run: EffectContext, effect: Deployment, existing: PastDeployment) -> None:
    if effect.output:
        run.outputs.append(Output(f"{effect.key}-number", effect.output, str(existing.id)))


def _description(run: EffectContext, effect: Deployment) -> str:
    return clip(visible_line(run.redact(" ".join(effect.description.split()))), MAX_DESCRIPTION)


def rerun(run: EffectContext, effect: Rerun) -> Receipt:
    """Run failed jobs again, once: those of the run that the event reports, or of one that a person has approved."""
    if reason := _rerun_refusal(run, effect):
        return run.record(effect, ReceiptState.SKIPPED, reason)

    def act(forge: Forge) -> Outcome:
        now = forge.runs.run(effect.run)
        if reason := _unfit(effect, now, run.event):
            return Outcome(ReceiptState.SKIPPED, reason)
        run.intend(effect, effect.reason, run=str(effect.run))
        # Whatever becomes of the request: it may have been carried out.
        run.tried[effect.kind] += 1
        forge.runs.rerun(effect.run)
        return Outcome(ReceiptState.DONE, "its failed jobs are run again")

    # A comment has no run of its own; which one it is about the mode has found out, and only its own plan counts.
    about, objection = run.event.run, ""
    known = (about.id, about.attempt) if about else None
    if effect.reason != "approval" and known != (effect.run, effect.attempt):
        name = f"run {about.id}, attempt {about.attempt}" if about else "no run"
        objection = f"it names run {effect.run}, attempt {effect.attempt}, the event is about {name}"
    return run.attempt(effect, objection, act)


def _rerun_refusal(run: EffectContext, effect: Rerun) -> str:
    """Why this job does not run it again, or not now."""
    if effect.reason not in run.policy.reruns:
        return f"this job does not let anything be run again for the reason `{effect.reason}`"
    if effect.reason == "approval":
        if run.event.kind is not EventKind.ISSUE_COMMENT:
            return "an approval is a comment: that takes an `issue_comment` event"
    elif run.event.kind is not EventKind.WORKFLOW_RUN:
        return "a run that goes on cannot be run again: that takes a `workflow_run` event"
    elif effect.attempt != 1:
        return f"it was run again before: this was attempt {effect.attempt}"
    return "one run is run again already" if run.tried[effect.kind] else ""


def _unfit(effect: Rerun, now: RunState, event: Event) -> str:
    """Why the run as it is now is not run again; a person approves one attempt of a run of this repository."""
    approved = effect.reason == "approval"
    reasons = (
        (
            approved and (not now.repo or now.repo.casefold() != event.repo.casefold()),
            "it is a run of another repository",
        ),
        (
            approved and now.attempt != effect.attempt,
            f"the approval is of attempt {effect.attempt}, there is attempt {now.attempt}",
        ),
        (approved and now.attempt >= MAX_ATTEMPTS, f"it has had {now.attempt} attempts"),
        (not approved and now.attempt != 1, f"it was run again before: there is attempt {now.attempt}"),
        (now.id != effect.run or now.status != "completed", "it has not ended yet"),
        (now.conclusion == "success", "it has passed"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def request_review(run: EffectContext, effect: ReviewRequest) -> Receipt:
    """Ask those whom this job's settings name; who was asked before is not asked twice, which is GitHub's own doing."""
    people, teams, unknown = _classified(effect.reviewers, run.event.repo.partition("/")[0])
    names = ", ".join(code(visible_line(name)) for name in unknown)
    left_out = f"; neither an account nor a team of this repository's owner: {names}" if unknown else ""

    def act(forge: Forge) -> Outcome:
        # One of them whom GitHub does not take, and nobody is asked; the author is the likely one.
        author = forge.pull(effect.pull).pull.author.login.casefold()
        others = [login for login in people if login.casefold() != author]
        if not (others or teams):
            reason = "nobody is left to ask but the author" if people else "nobody is left to ask"
            return Outcome(ReceiptState.DEGRADED, f"{reason}{left_out}")
        detail = f"{count(len(others), 'account')} and {count(len(teams), 'team')} asked"
        run.intend(effect, detail, pull=str(effect.pull))
        forge.gates.ask_for_review(effect.pull, others, teams)
        return Outcome(ReceiptState.DEGRADED if unknown else ReceiptState.DONE, f"{detail}{left_out}")

    return run.attempt(effect, _request_objection(run, effect), act)


def _request_objection(run: EffectContext, effect: ReviewRequest) -> str:
    """Why the request is not this job's. A push knows no pull request: then it is one of those that it brings."""
    if not run.policy.reviewers:
        return "this job does not ask anybody for a review"
    if unknown := set(effect.reviewers) - run.policy.reviewers:
        return f"this job does not ask {', '.join(code(visible_line(name)) for name in sorted(unknown))}"
    about = run.event.pull
    if effect.pull not in ({about.number} if about else run.policy.pulls):
        target = f"pull request {about.number}" if about else "no pull request and brings none of that number"
        return f"it names pull request {effect.pull}, the event is about {target}"
    return f"more than {MAX_REVIEWERS} reviewers" if len(effect.reviewers) > MAX_REVIEWERS else ""


def _classified(names: tuple[str, ...], owner: str) -> tuple[list[str], list[str], list[str]]:
    """Logins, slugs of teams of the repository's owner, and the names that are neither."""
    people, teams, unknown = list[str](), list[str](), list[str]()
    for name in dict.fromkeys(names):
        plain = name.strip().removeprefix("@")
        team = _TEAM.fullmatch(plain)
        if _LOGIN.fullmatch(plain):
            people.append(plain)
        elif team and team[1].casefold() == owner.casefold():
            teams.append(team[2])
        else:
            unknown.append(name)
    return people, teams, unknown
