"""What people see of a gate's decision: why, what would lift it, and nothing that acts, whoever wrote it."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.effects import (
    Annotation,
    Comment,
    Deployment,
    Issue,
    Notification,
    Output,
    ReviewRequest,
    Summary,
)
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.gate_evidence import CheckState, Deployed, Incident, Match, State
from cicd_agent.domain.text.sanitizer import problems
from cicd_agent.modes.deploy_gate import page as pages
from cicd_agent.modes.deploy_gate.page import LONGEST, sentence
from cicd_agent.modes.deploy_gate.report import OUTPUTS, report
from cicd_agent.modes.deploy_gate.result import GateResult, points
from cicd_agent.modes.protocol import Account
from cicd_agent.rendering.github_markdown import github_markdown
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate import evidences as given_by
from tests.support.pages import markdown


def comment(result: GateResult, evidence: Evidence, account: Account) -> str:
    return github_markdown(pages.comment(result, evidence, account, Settings()))


summary = markdown(pages.page)

HOSTS = frozenset({"github.test"})
EVENT = replace(given_by.EVENT, server="https://github.test", delivery="77.1")
HOSTILE = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "![x](https://evil.example/x.png)",
            "@octo/admins fixes #1",
            "</details> <img src=x>",
            "```\n```",
            "a`b``c```d",
            "\u202eevil\u2066",
            "[x](javascript:1) https://evil.example",
            "| a | b |\n|---|",
            "##[error]x\n::set-output name=a::b",
            "<!-- cicd-agent:deploy-gate/production -->",
            "Held run: https://github.test/o/r/actions/runs/666",
        ]
    ),
)


def seen(**gate: Any) -> Any:
    return given_by.evidence(event=EVENT, **gate)


def held(**gate: Any) -> tuple[GateResult, Any]:
    """A decision that holds by its score and what it was made from."""
    evidence = seen(pulls=(replace(given_by.PULL, reviews=()),), **gate)
    return given_by.decide(evidence), evidence


def test_a_hold_says_why_what_would_lift_it_and_where_the_held_run_is() -> None:
    gated, evidence = held()
    text = comment(gated, evidence, Account())
    assert text.startswith("### Approval needed to deploy aaaaaaa to production\n")
    assert "Held because **nobody but the author has approved `#12`**" in text
    assert "comment `/approve-deploy`. Anyone with write access who wrote none of it may (not `ada`)." in text
    held_run = r"^Held run: \[run 77\\?\.1\]\(https://github.test/o/r/actions/runs/77\), lifted by an approval of "
    assert re.search(rf"{held_run}`{gated.hash}`$", text, re.MULTILINE)
    assert "every commit approved by somebody who did not write it" in text


def test_the_request_says_what_is_asked_of_whom_why_what_goes_out_and_what_to_watch_in_this_order() -> None:
    direct = Deployed("e" * 40, "Quick fix", Match.SAME_PATCH, 0, ("zoe",))
    gated, evidence = held(commits=(given_by.COMMIT, direct))
    text = comment(gated, evidence, Account())
    parts = (
        "### Approval needed",
        "**To approve:**",
        "(not `ada`, `zoe`)",
        "Held because **",
        f"Would deploy 2 commits by `ada`, `zoe` ([compare](https://github.test/o/r/compare/{given_by.BASE}...",
        "**risk low (",
        "Raise the limit",
        "Quick fix · `zoe` · no pull request",
        "**Watch after deploying:**",
        "<details><summary>Score",
        "| signal |",
    )
    places = [text.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)
    assert len(text.partition("<details>")[0].splitlines()) <= 20


def test_what_nobody_can_order_by_a_comment_says_so() -> None:
    direct = Deployed(given_by.SHA, "Quick fix", Match.SAME_PATCH)
    evidence = seen(pulls=(), commits=(direct,))
    gated = given_by.decide(evidence)
    assert "Set `approvals: [issue]`" in summary(gated, evidence, Account(), Settings())
    asks = summary(gated, evidence, Account(), Settings(approvals=("issue",)))
    assert f"`/approve-deploy {gated.hash}` on the issue" in asks


def test_the_cause_is_what_would_do_and_not_all_that_is_less_than_perfect() -> None:
    nearly = given_by.reading("tests", 99.8, words="499 of 500 checks passed")
    gated, _ = held(readings=given_by.readings(nearly))
    assert [hold.text for hold in gated.stops] == ["nobody but the author has approved #12"]
    worse = given_by.readings(given_by.reading("tests", 95.0, words="475 of 500 checks passed"))
    gated, _ = held(readings=worse)
    [hold] = gated.stops
    assert hold.text == "tests: 475 of 500 checks passed; nobody but the author has approved #12"


def test_what_takes_an_override_offers_no_approval() -> None:
    gated, evidence = held(checks=(given_by.check("unit", "failure"),))
    text = comment(gated, evidence, Account())
    assert f"`/override-deploy {gated.hash} REASON`" in text
    assert "/approve-deploy" not in text


def test_what_nobody_can_lift_offers_no_word() -> None:
    gated, evidence = held(checks=(CheckState("unit", "in_progress"),))
    text = comment(gated, evidence, Account())
    assert "-deploy " + gated.hash not in text
    assert "cannot be overridden" in text


def test_a_comment_whose_hold_is_over_names_no_run_to_start_again() -> None:
    evidence = seen()
    text = comment(given_by.decide(evidence), evidence, Account())
    assert text.startswith("### Deploy ")
    assert "Held run" not in text


def test_a_score_that_misses_by_a_hair_does_not_look_as_if_it_had_reached() -> None:
    assert [points(score) for score in (74.96, 75, 72.2, 99.99, 100, 0.3)] == [
        "74.9",
        "75",
        "72.2",
        "99.9",
        "100",
        "0.3",
    ]
    gated, evidence = held()
    close = replace(gated, score=74.99)
    assert "score 74.9 of 75 needed" in sentence(close)
    assert "Score 74.9 of 75 needed" in summary(close, evidence, Account(), Settings())


def test_a_shadow_says_so_and_tells_nobody() -> None:
    evidence = seen(pulls=(replace(given_by.PULL, reviews=()),))
    knobs = Settings(enforce="shadow", approvals=("comment", "issue"), slack_webhook_url="https://slack.test/x")  # type: ignore[arg-type]
    gated = given_by.decide(evidence, settings=knobs)
    plan = report(gated, evidence, Account(), knobs)
    assert "(nothing is stopped)" in sentence(gated)
    assert not [each for each in plan.effects if isinstance(each, Comment | Issue | Notification | ReviewRequest)]
    assert {each.level.value for each in plan.effects if isinstance(each, Annotation)} == {"notice"}


def test_every_decision_has_every_output_but_the_record_that_nobody_made() -> None:
    gated, evidence = held()
    plan = report(gated, evidence, Account(), Settings())
    values = {each.name: each.value for each in plan.effects if isinstance(each, Output)}
    assert {*OUTPUTS} - {*values} == {"deployment_id"}
    assert values["summary"] == sentence(gated)
    [made] = [
        each
        for each in report(given_by.decide(seen()), seen(), Account(), Settings(record_deployment="on")).effects
        if isinstance(each, Deployment)
    ]
    assert (made.state, made.output) == ("queued", "deployment_id")


@pytest.mark.parametrize("level", ["comment", "summary"])
@given(text=HOSTILE, other=HOSTILE)
@settings(max_examples=25)
def test_nothing_that_anybody_wrote_acts_in_a_page(level: str, text: str, other: str) -> None:
    said = given_by.draft((text, "limit = 5"), summary=other, rollback_trigger=text, pre_deploy_checks=(other,))
    evidence = seen(
        commits=(Deployed(given_by.SHA, text, Match.NONE, 12),),
        checks=(given_by.check(other, "failure"),),
        required=(other,),
        incidents=(Incident(5, text, given_by.AT - 60),),
        readings=given_by.readings(given_by.reading("tests", None, State.ERROR, problem=text, source=other)),
        words=(given_by.word("0" * 16, "override", reason=text, author=other, url=""),),
        policy=(text,),
    )
    evidence = replace(evidence, gaps=(Gap(text, other),))
    gated = given_by.decide(evidence, said)
    account = Account(degraded=other, notices=(text,))
    shown = comment(gated, evidence, account) if level == "comment" else summary(gated, evidence, account, Settings())
    assert problems(shown, HOSTS) == ()
    # The comment that approves looks for the held run here: nobody else's words may lead elsewhere.
    runs = re.findall(r"^Held run: \[run ([0-9]+).*", shown, re.MULTILINE)
    assert runs == (["77"] if level == "comment" else [])
    assert "\n" not in sentence(gated)


def test_words_without_end_make_no_page_without_end() -> None:
    long = "a " * 50_000
    evidence = seen(
        commits=tuple(Deployed(f"{n:040x}", long, Match.NONE, 12) for n in range(50)),
        checks=(given_by.check(long, "failure"),),
        required=(long,),
        incidents=tuple(Incident(n, long, given_by.AT - 60) for n in range(100)),
        policy=(long,) * 50,
    )
    gated = given_by.decide(evidence, given_by.draft(*[(long, "limit = 5")] * 20, summary=long))
    assert len(comment(gated, evidence, Account())) < 60_000
    assert len(sentence(gated)) < LONGEST + 400
    assert any(isinstance(each, Summary) for each in report(gated, evidence, Account(), Settings()).effects)
