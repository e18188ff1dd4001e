"""Labels, check runs and verdicts on GitHub's own terms, through the real client."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.effects import Annotation, CheckRun, Level, Review, ReviewEvent
from cicd_agent.domain.ports.forge import PostedCheck
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.errors import ForgeRefused
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account
from tests.support.servers.github.state import CheckRun as Standing
from tests.support.servers.github.state import Review as StandingReview

SHA = "a" * 40
BOT = Account("github-actions[bot]")
NOTES = tuple(Annotation(f"n{at}", Level.WARNING, "t", f"m{at}", "a.py", at + 2, at + 1) for at in range(50))
CHECK = CheckRun("cicd-agent:k", SHA, Conclusion.NEUTRAL, "risk high", "all of it", NOTES)


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r").labels |= {"risk: low", "risk: high"}
        hub.add_pull(7, head_sha=SHA, labels=("bug", "risk: low"))
        yield hub


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    token = hub.add_token("ghs_all", pull_requests="write", checks="write")
    with GitHubForge(token, "o/r", api_url=hub.url, timeout=1, sleep=lambda _: None) as forge:
        yield forge


def test_labels_are_listed_put_on_and_taken_off(hub: FakeGitHub, forge: GitHubForge) -> None:
    pull = hub.repos["o/r"].pulls[7]
    assert forge.marks.labels(7) == ("bug", "risk: low")
    forge.marks.add_label(7, "risk: high")
    forge.marks.remove_label(7, "risk: low")
    forge.marks.remove_label(7, "risk: low")
    assert pull.labels == ("bug", "risk: high")


def test_a_label_that_is_to_be_created_needs_a_permission_that_is_named(hub: FakeGitHub, forge: GitHubForge) -> None:
    with pytest.raises(ForgeRefused, match="by hand, or add `issues: write`") as caught:
        forge.marks.add_label(7, "risk: critical")
    assert caught.value.status == 403
    token = hub.add_token("ghs_issues", issues="write", pull_requests="write")
    with GitHubForge(token, "o/r", api_url=hub.url) as other:
        other.marks.add_label(7, "risk: critical")
    assert "risk: critical" in hub.repos["o/r"].pulls[7].labels


def test_a_label_without_the_permission_is_refused_by_its_name(hub: FakeGitHub) -> None:
    with GitHubForge(hub.read_only, "o/r", api_url=hub.url) as forge:
        with pytest.raises(ForgeRefused, match="lacks `pull-requests: write`"):
            forge.marks.add_label(7, "risk: high")
        with pytest.raises(ForgeRefused, match="lacks `pull-requests: write`"):
            forge.marks.remove_label(7, "risk: low")


def test_a_check_run_is_made_found_and_extended(hub: FakeGitHub, forge: GitHubForge) -> None:
    assert forge.marks.find_check(CHECK) is None
    made = forge.marks.start_check(CHECK)
    assert forge.marks.find_check(CHECK) == made
    more = replace(CHECK, conclusion=Conclusion.FAILURE, annotations=(replace(NOTES[0], level=Level.ERROR, start=0),))
    assert forge.marks.extend_check(made, more).annotations == 51
    [standing] = hub.repos["o/r"].check_runs
    assert (standing.name, standing.external_id, standing.conclusion) == ("cicd-agent review", CHECK.key, "failure")
    assert standing.annotations[0] == {
        "path": "a.py",
        "start_line": 1,
        "end_line": 2,
        "annotation_level": "warning",
        "title": "t",
        "message": "m0",
    }
    assert standing.annotations[50]["annotation_level"] == "failure"
    assert standing.annotations[50]["start_line"] == 2


@pytest.mark.parametrize(
    "other",
    [
        Standing(1, "another-app", SHA, CHECK.name, CHECK.key, "success", {}),
        Standing(1, "github-actions", SHA, "build", CHECK.key, "success", {}),
        Standing(1, "github-actions", SHA, CHECK.name, "other findings", "success", {}),
        Standing(1, "github-actions", "c" * 40, CHECK.name, CHECK.key, "success", {}),
    ],
    ids=["app", "name", "key", "commit"],
)
def test_a_check_run_that_is_not_this_one_is_left_alone(hub: FakeGitHub, forge: GitHubForge, other: Standing) -> None:
    hub.repos["o/r"].check_runs.append(other)
    assert forge.marks.find_check(CHECK) is None


def test_a_check_run_that_a_newer_one_has_replaced_is_not_brought_back(hub: FakeGitHub, forge: GitHubForge) -> None:
    forge.marks.start_check(CHECK)
    forge.marks.start_check(replace(CHECK, key="other findings"))
    assert forge.marks.find_check(CHECK) is None
    hub.repos["o/r"].check_runs.append(Standing(9_999, "another-app", SHA, CHECK.name, CHECK.key, "success", {}))
    assert forge.marks.find_check(replace(CHECK, key="other findings")) is not None


def test_a_check_run_without_the_permission_is_refused_by_its_name(hub: FakeGitHub) -> None:
    with GitHubForge(hub.token, "o/r", api_url=hub.url) as forge:
        for work in (forge.marks.find_check, forge.marks.start_check):
            with pytest.raises(ForgeRefused, match=r"lacks `checks: (read|write)`"):
                work(CHECK)


def start(forge: GitHubForge) -> PostedCheck:
    return forge.marks.start_check(CHECK)


def extend(forge: GitHubForge) -> PostedCheck:
    return forge.marks.extend_check(start(forge), CHECK)


@pytest.mark.parametrize(
    "fault",
    [{"status": 502}, {"status": 502, "acts": True}, {}, {"acts": True}],
    ids=["502", "502 after acting", "dropped", "dropped after acting"],
)
@pytest.mark.parametrize("work", [(start, "POST", 50), (extend, "PATCH", 100)], ids=["start", "extend"])
def test_without_an_answer_it_is_looked_for_and_no_annotation_is_given_twice(
    hub: FakeGitHub,
    forge: GitHubForge,
    work: tuple[Callable[[GitHubForge], PostedCheck], str, int],
    fault: dict[str, Any],
) -> None:
    act, method, count = work
    (hub.fail if "status" in fault else hub.drop)(method, "/check-runs", **fault)
    assert act(forge).annotations == count
    [standing] = hub.repos["o/r"].check_runs
    assert len(standing.annotations) == count


def test_a_request_that_may_still_be_under_way_is_not_sent_again(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.fail("POST", "/check-runs", 504)
    with pytest.raises(ForgeRefused, match="may have been done all the same"):
        forge.marks.start_check(CHECK)
    assert len(hub.of("POST", "/check-runs")) == 1


def test_submitted_reviews_are_found_by_marker_and_author_oldest_first(hub: FakeGitHub, forge: GitHubForge) -> None:
    pull = hub.repos["o/r"].pulls[7]
    pull.reviews += [
        StandingReview(1, BOT, "<!-- cicd-agent:review-1 -->", "APPROVED", SHA),
        StandingReview(2, Account("mallory", "User"), "<!-- cicd-agent:review-2 -->", "CHANGES_REQUESTED", SHA),
        StandingReview(3, BOT, "looks good", "APPROVED", SHA),
        *(StandingReview(10 + at, BOT, "x", "COMMENTED", SHA) for at in range(250)),
        StandingReview(300, BOT, "<!-- cicd-agent:review-3 -->", "CHANGES_REQUESTED", "c" * 40),
    ]
    found = forge.posted_reviews(7, "<!-- cicd-agent:")
    assert [(one.id, one.state, one.commit, one.is_ours) for one in found] == [
        (1, "APPROVED", SHA, True),
        (2, "CHANGES_REQUESTED", SHA, False),
        (300, "CHANGES_REQUESTED", "c" * 40, True),
    ]


@pytest.mark.parametrize("fault", [{}, {"acts": True}])
def test_a_review_is_dismissed_once(hub: FakeGitHub, forge: GitHubForge, fault: dict[str, bool]) -> None:
    pull = hub.repos["o/r"].pulls[7]
    pull.reviews.append(StandingReview(1, BOT, "m", "CHANGES_REQUESTED", SHA))
    hub.drop("PUT", "/dismissals$", **fault)
    forge.dismiss(7, 1, "It no longer holds.")
    assert pull.reviews[0].state == "DISMISSED"


def test_a_dismissal_that_the_branch_does_not_allow_is_refused(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.repos["o/r"].lets_dismiss = False
    hub.repos["o/r"].pulls[7].reviews.append(StandingReview(1, BOT, "m", "APPROVED", SHA))
    with pytest.raises(ForgeRefused, match="protected branch"):
        forge.dismiss(7, 1, "It no longer holds.")


def test_where_no_setting_lets_a_workflow_approve_the_remedy_names_it(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.repos["o/r"].lets_bots_approve = False
    with pytest.raises(ForgeRefused, match="Settings, Actions, General"):
        forge.post_review(Review("r", 7, SHA, ReviewEvent.APPROVE, "said", ()))
