"""What a plan of a gate may do beyond comments is what this job's own settings and event say, and no other mode's."""

from dataclasses import replace

import pytest

from cicd_agent.app.context import RunContext
from cicd_agent.app.security.effect_policy import GATE, effect_policy
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.events.event import Comment, Deployment, Event, EventKind, PullRequest
from cicd_agent.modes import modes
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.loader import load

PUSH = Event(EventKind.PUSH)
DEPLOYMENT = replace(PUSH, kind=EventKind.DEPLOYMENT, deployment=Deployment(12, "staging", "a" * 40))
COMMENT = replace(PUSH, kind=EventKind.ISSUE_COMMENT, comment=Comment(7, issue=5))
FILE = """
record-deployment: on
approvals: [comment, issue, review-request]
approvers: [ada, org/on-call]
"""


def granted(
    event: Event = PUSH, file: str = FILE, *, is_own: bool = True, mode: str = GATE, **inputs: str
) -> EffectPolicy:
    loaded = load(inputs, file)
    assert loaded.problems == ()
    return effect_policy(RunContext(event, loaded, Ports()), is_own=is_own, mode=mode)


def test_a_gate_by_itself_may_do_nothing_of_it() -> None:
    assert granted(file="", environment="production") == granted(file="", mode="review")


@pytest.mark.parametrize("mode", [name for name in modes() if name != GATE])
def test_no_other_mode_may_do_any_of_it(mode: str) -> None:
    mine = granted(COMMENT, mode=mode, environment="production")
    assert (mine.deployment, mine.reviewers, mine.held_issue, mine.reruns) == ("", frozenset(), False, frozenset())


def test_a_deployment_is_recorded_to_the_jobs_environment_before_the_events() -> None:
    assert granted(environment="production").deployment == "production"
    assert granted(DEPLOYMENT).deployment == "staging"
    assert granted(DEPLOYMENT, environment="production").deployment == "production"
    assert granted(PUSH).deployment == ""
    assert granted(DEPLOYMENT, "record-deployment: off").deployment == ""


def test_the_commit_is_the_one_that_the_job_names() -> None:
    assert granted(sha="b" * 40).commit == "b" * 40
    assert granted().commit == ""


def test_people_are_asked_by_a_plan_of_this_very_run() -> None:
    assert granted().reviewers == {"ada", "org/on-call"}
    assert granted(is_own=False).reviewers == frozenset()
    assert granted(file="approvers: [ada]").reviewers == frozenset()


def test_an_approval_starts_a_run_by_a_comment_and_a_plan_of_this_very_run() -> None:
    assert granted(COMMENT).reruns == {"approval"}
    assert granted(COMMENT, is_own=False).reruns == frozenset()
    assert granted(PUSH).reruns == frozenset()
    assert granted(COMMENT, rerun="infrastructure").reruns == {"infrastructure", "approval"}


def test_a_held_deployment_opens_an_issue_where_issues_are_asked_for_and_never_for_a_fork() -> None:
    assert granted().held_issue
    assert not granted().issue
    assert not granted(file="approvals: [comment]").held_issue
    assert not granted(replace(PUSH, pull=PullRequest(5, from_fork=True))).held_issue


def test_a_verdict_is_given_by_the_run_that_read_the_change_and_never_for_a_fork() -> None:
    own, fork = (replace(PUSH, pull=PullRequest(5, from_fork=from_fork)) for from_fork in (False, True))
    assert granted(own, "", mode="review").withheld == ""
    assert granted(fork, "", mode="review").withheld == "the pull request comes from a fork"
    assert "read the change itself" in granted(own, "", mode="review", is_own=False).withheld
