"""On a commit and in an issue the plan's words stand once, at the event's own target, as far as the job asks for it."""

from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import CommitComment, Effect, Issue, Plan, PostedComment, ReceiptState
from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref
from cicd_agent.domain.text.markdown import marker
from cicd_agent.domain.text.redaction import MASK
from cicd_agent.rendering.dry_run import dry_run
from tests.support.samples.plans import KEY, LOCAL, SHA, Site, refusal

EVENT = Event(
    EventKind.PUSH,
    repo="o/r",
    default_branch="main",
    sha=SHA,
    head=Ref("main", SHA, "o/r"),
    server="https://github.test",
)
COMMENT = CommitComment("failure-7c1e", SHA, "It fails.")
ISSUE = Issue("failure-7c1e", "It fails", "It fails on main.")
EFFECTS = pytest.mark.parametrize("effect", [COMMENT, ISSUE], ids=["a comment", "an issue"])
HOSTILE = f"![x](https://evil.example/?q=1) @octocat <img src=x> {KEY}"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, event=EVENT, grant=EffectPolicy(commit_comment=True, issue=True))


def said(site: Site) -> list[str]:
    """The texts that stand."""
    standing = [*site.forge.noticed.on_commits.get(SHA, ()), *site.forge.noticed.opened]
    return [posted.body for posted in standing]


@EFFECTS
def test_it_is_said_once_journalled_first_and_edited_in_place(site: Site, effect: CommitComment | Issue) -> None:
    receipt = site.perform(effect, *LOCAL)[effect.key]
    assert receipt.state is ReceiptState.DONE
    assert receipt.url.startswith("https://github.test/")
    assert said(site) == [f"{marker(effect.key)}\n{effect.body}"]
    assert site.journal.entries[:2] == [("intent", effect.key), ("receipt", effect.key)]
    site.forge.noticed.calls.clear()
    assert site.perform(effect)[effect.key].state is ReceiptState.UNCHANGED
    assert len(site.forge.noticed.calls) == 1
    assert site.perform(replace(effect, body="It fails again."))[effect.key].detail == "edited"
    assert said(site) == [f"{marker(effect.key)}\nIt fails again."]
    site.assert_told()


@EFFECTS
def test_another_failure_is_another_text(site: Site, effect: CommitComment | Issue) -> None:
    site.perform(effect)
    site.perform(replace(effect, key="failure-0000"))
    assert len(said(site)) == 2


def test_another_title_alone_is_an_edit(site: Site) -> None:
    site.perform(ISSUE)
    assert site.perform(replace(ISSUE, title="It still fails"))[ISSUE.key].state is ReceiptState.DONE
    assert [one.title for one in site.forge.noticed.opened] == ["It still fails"]


@EFFECTS
def test_somebody_elses_marker_or_a_quotation_of_ours_is_not_edited(site: Site, effect: CommitComment | Issue) -> None:
    body = f"{marker(effect.key)}\nmine"
    site.forge.noticed.say(SHA, body, "mallory")
    site.forge.noticed.say(SHA, f"quoted:\n{body}")
    site.forge.noticed.opened += [
        PostedComment(1, body, "mallory", is_ours=False, title="t"),
        PostedComment(2, f"quoted:\n{body}", "us", is_ours=True, title="t"),
    ]
    before = said(site)
    assert site.perform(effect)[effect.key].detail in {"posted", "opened"}
    assert len(said(site)) == len(before) + 1
    assert {*before} < {*said(site)}


@EFFECTS
def test_what_the_job_does_not_ask_for_is_not_done(site: Site, effect: Effect) -> None:
    site.grant = EffectPolicy()
    receipt = site.perform(effect, *LOCAL)[effect.key]
    assert receipt.state is ReceiptState.FAILED
    assert "does not ask for" in receipt.detail
    assert site.forge.noticed.calls == []
    site.assert_told()


ELSEWHERE: dict[str, tuple[Effect, Event]] = {
    "another commit": (replace(COMMENT, commit="f" * 40), EVENT),
    "no commit": (replace(COMMENT, commit=""), replace(EVENT, sha="")),
    "a commit with a pull request": (COMMENT, replace(EVENT, pull=PullRequest(5))),
    "another branch": (ISSUE, replace(EVENT, head=Ref("topic", SHA, "o/r"))),
    "a branch of that name in a fork": (ISSUE, replace(EVENT, head=Ref("main", SHA, "mallory/r"))),
    "a pull request from such a branch": (ISSUE, replace(EVENT, pull=PullRequest(5))),
    "no branch at all": (ISSUE, replace(EVENT, head=Ref("", SHA, "o/r"), default_branch="")),
}


@pytest.mark.parametrize(("effect", "event"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_target_that_is_not_the_events_is_refused_without_a_call(site: Site, effect: Effect, event: Event) -> None:
    site.event = event
    assert site.perform(effect, *LOCAL)[effect.key].state is ReceiptState.FAILED
    assert site.forge.noticed.calls == []
    site.assert_told()


TAGGED = replace(EVENT, kind=EventKind.RELEASE, head=Ref("v2", SHA, "o/r"))


def test_a_held_deployment_opens_an_issue_whatever_the_event_is_about(site: Site) -> None:
    site.event, site.grant = TAGGED, EffectPolicy(held_issue=True)
    held = replace(ISSUE, key="deploy-gate-production")
    assert site.perform(held)[held.key].detail == "opened"
    assert site.perform(held)[held.key].state is ReceiptState.UNCHANGED


@pytest.mark.parametrize(
    ("key", "granted"),
    [
        ("failure-7c1e", EffectPolicy(held_issue=True)),
        ("failure-deploy-gate", EffectPolicy(held_issue=True, issue=True)),
        ("deploy-gate-production", EffectPolicy(issue=True)),
    ],
)
def test_only_that_and_only_where_it_is_asked_for(site: Site, key: str, granted: EffectPolicy) -> None:
    site.event, site.grant = TAGGED, granted
    assert site.perform(replace(ISSUE, key=key))[key].state is ReceiptState.FAILED
    assert site.forge.noticed.calls == []


@EFFECTS
@pytest.mark.parametrize("status", [401, 403, 404, 410, 422, 429, 502, 0])
def test_a_refusal_is_one_warning_and_everything_else_stands(site: Site, effect: Effect, status: int) -> None:
    for method in ("commit_comments", "issues"):
        site.forge.noticed.refusals[method] = refusal(status, "Resource not accessible")
    assert site.perform(effect, *LOCAL)[effect.key].state is ReceiptState.DEGRADED
    assert len(site.warnings) == 1
    assert "Resource not accessible" in site.summary
    site.assert_told()


def test_a_repository_without_issues_still_hears_of_the_commit(site: Site) -> None:
    site.forge.noticed.refusals["issues"] = refusal(410, "Issues has been disabled")
    receipts = site.perform(ISSUE, replace(COMMENT, key="c"))
    assert [one.state for one in receipts.values()] == [ReceiptState.DEGRADED, ReceiptState.DONE]


@EFFECTS
def test_without_a_connection_it_is_skipped(site: Site, effect: Effect) -> None:
    site.connected = False
    assert site.perform(effect)[effect.key].state is ReceiptState.SKIPPED


@EFFECTS
def test_secrets_are_masked_and_what_could_act_is_shown_as_source(site: Site, effect: CommitComment | Issue) -> None:
    site.perform(replace(effect, body=HOSTILE + " word" * 20_000))
    [body] = said(site)
    assert body.startswith(f"{marker(effect.key)}\n```\n")
    assert MASK in body
    assert KEY not in body
    assert len(body) <= 60_000


def test_a_title_is_one_plain_line_of_a_length_that_github_takes(site: Site) -> None:
    site.perform(replace(ISSUE, title=f"a\nb \u202e{KEY} " + "x" * 400))
    [issue] = site.forge.noticed.opened
    assert issue.title.startswith(f"a b <U+202E>{MASK} xxx")
    assert len(issue.title) <= 200


@pytest.mark.parametrize("title", ["", " \n"])
def test_a_title_that_says_nothing_gets_a_word(site: Site, title: str) -> None:
    site.perform(replace(ISSUE, title=title))
    assert [one.title for one in site.forge.noticed.opened] == ["cicd-agent"]


def test_a_dry_run_tells_of_both() -> None:
    told = dry_run(Plan((COMMENT, replace(ISSUE, title="It\u202e fails"))))
    for words in (
        f"comment `failure-7c1e` on commit {SHA}: edited, or posted",
        "issue `failure-7c1e`, It<U+202E> fails: edited, or opened",
        "    It fails on main.",
    ):
        assert words in told
