"""What the checks of a commit say: which of them are required, which still run, and what share of them passed."""

import re
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from cicd_agent.domain.gate_evidence import CheckState, GateEvidence, Reading, State
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import clip, count, first_names
from cicd_agent.modes.deploy_gate.score import Policy

PASSED = frozenset({"success", "neutral", "skipped"})
"""Conclusions of a check run that satisfy GitHub where the check is required."""
UNCOUNTED = frozenset({"", "neutral", "skipped"})
"""Conclusions of checks that say neither yes nor no."""

_WAITS = "waiting"
"""A job that somebody has to let into its environment."""
_ABOUT_ELSE = frozenset(
    {
        "branch_protection_rule", "deployment", "deployment_status", "discussion", "discussion_comment", "fork",
        "gollum", "issue_comment", "issues", "label", "milestone", "page_build", "public", "pull_request_review",
        "pull_request_review_comment", "registry_package", "release", "schedule", "status", "watch",
    }
)  # fmt: skip
"""Events whose runs GitHub shows on the newest commit of the default branch although they do not check it."""
_TEST = re.compile(r"(?:^|[^a-z])(?:unit|e2e|(?:py|unit)?tests?|tox|specs?|integration)(?:$|[^a-z])", re.IGNORECASE)
_MAX_NAMED = 5


def required_names(gate: GateEvidence, policy: Policy) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*(gate.required or ()), *policy.required)))


def satisfying(gate: GateEvidence, name: str) -> list[CheckState]:
    """The checks that count for a required one: where an app is named, those of another app and statuses do not."""
    apps = {app for required, app in gate.required_apps if required == name}
    return [check for check in gate.checks if check.name == name and (not apps or check.app_id in apps)]


def red_checks(gate: GateEvidence, policy: Policy) -> tuple[str, ...]:
    return tuple(name for name in required_names(gate, policy) if any(map(is_red, satisfying(gate, name))))


def is_red(check: CheckState) -> bool:
    return not is_pending(check) and check.conclusion not in PASSED


def is_pending(check: CheckState) -> bool:
    return check.status != "completed"


def still_running(gate: GateEvidence, policy: Policy) -> list[CheckState]:
    """The checks that may still say no, required or not.

    Left out are jobs that deploy or wait for an environment, and what would wait for the gate as it waits for them: its
    own job, other gates, and what else its run has not begun. Two runs of its workflow do not wait for each other.
    Which job is a gate, the change under judgement has no say in (gate_jobs): it could give a test job the same name.
    """
    pending = [check for check in gate.checks if is_pending(check) and check.status != _WAITS and not check.deploys]
    own = [check for check in pending if check.own and check.status == "in_progress"]
    # One of them is the gate's own: with a single one there is nothing beside it.
    beside = own if len(own) > 1 and not all(check.is_gate for check in own) else []
    workflows = {check.workflow for check in gate.checks if check.own and check.workflow}
    required = set(required_names(gate, policy))
    others = [
        check
        for check in pending
        if not check.own
        and (check.name in required or check.event not in _ABOUT_ELSE)
        and check.workflow not in workflows
        and not check.is_gate
    ]
    return [check for check in (*others, *beside) if check.name in required or not is_ignored(check, policy)]


def is_ignored(check: CheckState, policy: Policy) -> bool:
    return any(fnmatchcase(check.name, pattern) for pattern in policy.ignored)


def share_of_checks(gate: GateEvidence, read: Reading, policy: Policy, change: Change | None) -> Reading:
    """Percent of the checks that passed, `read` being how the reading of the checks went.

    Tests that all were skipped are no tests, where more than documents is changed. Deployments are none either: one
    that failed is what the next one is for. What may fail by its workflow does not count, unless that file is changed.
    """
    if read.state is not State.KNOWN:
        return replace(read, name="tests")
    changed = {path for file in (change.files if change else ()) for path in (file.path, file.old_path)}
    required = set(required_names(gate, policy))
    counted = [
        check
        for check in gate.checks
        if not (check.own and is_pending(check))
        and not check.deploys
        and (check.name in required or not is_ignored(check, policy))
    ]
    pending = sum(map(is_pending, counted))
    skipped = _skipped_tests(counted, required) if _needs_tests(change) else []
    if skipped and not pending:
        names = first_names([f"`{clip(name, 80)}`" for name in skipped], _MAX_NAMED)
        verb = "was" if len(skipped) == 1 else "were"
        return Reading("tests", State.MISSING, problem=f"no test ran: {names} {verb} skipped or cancelled")
    allowed = [
        check for check in counted if check.may_fail and check.name not in required and check.workflow not in changed
    ]
    ended = [check for check in counted if check.conclusion not in UNCOUNTED and check not in allowed]
    if not ended:
        none = "every check was skipped or may fail"
        problem = "no check of this commit has ended" if pending or not counted else none
        return Reading("tests", State.MISSING, problem=problem)
    passed = sum(1 for check in ended if check.conclusion == "success")
    summary = f"{passed:,} of {count(len(ended), 'check')} passed"
    if allowed:
        summary += f", {len(allowed)} failed that may (`continue-on-error`)"
    reading = Reading("tests", State.KNOWN, 100 * passed / len(ended), summary, "checks of the commit")
    going_on = f"{summary}, {pending} going on" if pending else summary
    return replace(reading, words=going_on, measured=max(check.ended for check in ended))


def _needs_tests(change: Change | None) -> bool:
    """Whether anything but documents is changed: pipelines skip the tests of these."""
    return change is None or not change.files or any(PathKind.DOCS not in kinds(file.path) for file in change.files)


def _skipped_tests(checks: Sequence[CheckState], required: set[str]) -> list[str]:
    """The checks by name that run tests, or else are required, if not one of them came to a result."""
    tests = [check for check in checks if _TEST.search(check.name)] or [one for one in checks if one.name in required]
    if any(check.conclusion not in {"skipped", "neutral", "cancelled"} for check in tests):
        return []
    return list(dict.fromkeys(check.name for check in tests))
