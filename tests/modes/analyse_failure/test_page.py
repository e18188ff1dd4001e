"""What people see of a diagnosis: short, linked to what was looked at, and inert whatever anybody wrote."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.domain.effects import Annotation, CheckRun, Comment, CommitComment, Issue, Notification, Output, Rerun
from cicd_agent.domain.events.event import EventKind, WorkflowRun
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.text.sanitizer import problems
from cicd_agent.domain.trials.patch_trial import Step, TrialReport
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.modes.analyse_failure import page as pages
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, Role
from cicd_agent.modes.analyse_failure.page import MAX_LINES
from cicd_agent.modes.analyse_failure.report import report
from cicd_agent.modes.analyse_failure.result import (
    CascadeStep,
    Cited,
    Diagnosis,
    Dropped,
    Failure,
    Ground,
    Overlap,
    Suspect,
)
from cicd_agent.modes.protocol import Account
from cicd_agent.settings.schema import Settings
from tests.modes.analyse_failure.model_builders import PATCH, diagnosis, evidence
from tests.support.pages import markdown

comment = markdown(pages.comment)
summary = markdown(pages.page)

HOSTS = frozenset({"github.test"})
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
            "<!-- cicd-agent:failure-1 -->",
            "$$x$$ :+1: www.evil.example",
        ]
    ),
)


def world() -> Evidence:
    found = evidence()
    return replace(found, event=replace(found.event, server="https://github.test", sha="h" * 40))


@st.composite
def diagnoses(draw: st.DrawFn) -> Diagnosis:
    text = HOSTILE
    cited = Cited(draw(st.integers(1, 10**6)), draw(text), draw(text), draw(text), "https://github.test/o/r/runs/1")
    failure = Failure(
        draw(st.sampled_from(Kind)),
        draw(text),
        tool=draw(text),
        test=draw(text),
        job=draw(text),
        step=draw(text),
        siblings=tuple(draw(st.lists(text, max_size=9))),
        decisive=(cited,) * draw(st.integers(0, 9)),
        strict="f" * 16,
    )
    return Diagnosis(
        conclusion=Conclusion.SUCCESS,
        kind=failure.kind,
        cause=draw(st.sampled_from(Cause)),
        rung=draw(st.sampled_from(CascadeStep)),
        confidence=draw(st.floats(0, 1)),
        root_cause=draw(text),
        failures=(failure,) * draw(st.integers(0, 3)),
        grounds=tuple(
            Ground(draw(text), draw(st.sampled_from(["", "https://evil.example", "https://github.test/a"])))
            for _ in range(draw(st.integers(0, 5)))
        ),
        meetings=(Overlap(draw(text) or "a", draw(st.integers(0, 9)), 5, via=draw(text), sha="a" * 40),),
        suspects=(Suspect("a" * 40, draw(text), 0.5),),
        responsible=draw(st.sampled_from(["", "a" * 40])),
        affected=(draw(text),),
        next_step=draw(text),
        dropped=(Dropped(draw(text), draw(text)),),
        trial=draw(
            st.none()
            | st.builds(TrialReport, st.just("k"), st.sampled_from(Step), text, st.just(PATCH) | text, st.just(("a",)))
        ),
        escalate=tuple(draw(st.lists(text, max_size=2))),
        rerun=draw(st.booleans()),
        rerun_kind=draw(st.sampled_from(["", "flaky", "infrastructure"])),
        innocent=draw(st.booleans()),
    )


@given(diagnoses())
@settings(max_examples=150, deadline=None)
def test_whatever_anybody_wrote_is_inert_and_short(found: Diagnosis) -> None:
    seen, account = world(), Account(model="m", degraded="`x` @y")
    for body in (comment(found, seen, account), summary(found, seen, account, Settings())):
        assert problems(body, HOSTS) == ()
    shown = re.sub(r"<details>.*?</details>", "", comment(found, seen, account), flags=re.DOTALL)
    assert len(shown.rstrip().splitlines()) <= MAX_LINES


def test_a_line_of_a_log_is_one_line_of_the_comment_whoever_wrote_it() -> None:
    found = diagnosis()
    broken = replace(found.failures[0], decisive=(Cited(1, "one\ntwo\x0bthree\u2028four", "unit"),) * 4)
    body = comment(replace(found, failures=(broken,)), world(), Account())
    assert body.splitlines().count("one two three four") == 4


@given(diagnoses(), st.sampled_from(["off", "infrastructure", "flaky"]))
@settings(max_examples=100, deadline=None)
def test_whatever_is_concluded_the_plan_keeps_its_promises(found: Diagnosis, rerun: str) -> None:
    plan = report(found, world(), Account(), Settings.model_validate({"rerun": rerun}))
    assert not [each for each in plan.effects if isinstance(each, Rerun | Notification | CommitComment | Issue)]
    assert len([each for each in plan.effects if isinstance(each, Comment)]) == bool(found.failures)
    outputs = {each.name: each.value for each in plan.effects if isinstance(each, Output)}
    assert outputs["is_flaky"] in ({"true"} if found.cause is Cause.FLAKY else {"", "false"})
    notes = [each for each in plan.effects if isinstance(each, Annotation)]
    assert not notes or found.cause is Cause.CHANGE


@pytest.mark.parametrize(
    ("cause", "kind", "rerun", "asked", "expected"),
    [
        (Cause.INFRASTRUCTURE, "infrastructure", True, "infrastructure", True),
        (Cause.INFRASTRUCTURE, "infrastructure", True, "flaky", True),
        (Cause.INFRASTRUCTURE, "infrastructure", True, "off", False),
        (Cause.FLAKY, "flaky", True, "infrastructure", False),
        (Cause.FLAKY, "flaky", True, "flaky", True),
        (Cause.UNKNOWN, "flaky", True, "flaky", True),
        (Cause.CHANGE, "flaky", True, "flaky", False),
        (Cause.FLAKY, "flaky", False, "flaky", False),
    ],
)
def test_failed_jobs_are_run_again_where_the_setting_and_the_cause_allow_it(
    cause: Cause, kind: str, *, rerun: bool, asked: str, expected: bool
) -> None:
    seen = world()
    event = replace(seen.event, kind=EventKind.WORKFLOW_RUN, run=WorkflowRun(99))
    found = replace(diagnosis(cause), rerun=rerun, rerun_kind=kind)
    plan = report(found, replace(seen, event=event), Account(), Settings.model_validate({"rerun": asked}))
    assert any(isinstance(each, Rerun) for each in plan.effects) == expected


def test_with_a_check_run_the_annotations_stand_in_it() -> None:
    found = replace(diagnosis(Cause.CHANGE), meetings=(Overlap("src/retry.py", 2, 102, exact=True),))
    plan = report(found, world(), Account(), Settings.model_validate({"check-run": "on"}))
    [check] = [each for each in plan.effects if isinstance(each, CheckRun)]
    assert (check.name, check.conclusion) == ("cicd-agent failure", Conclusion.NEUTRAL)
    assert [(note.path, note.line) for note in check.annotations] == [("src/retry.py", 2)]
    assert not [each for each in plan.effects if isinstance(each, Annotation)]


def test_a_patch_that_could_not_be_tried_is_shown_with_the_reason_and_the_remedy() -> None:
    untried = TrialReport("k", Step.CANNOT_BE_TRIED, "it says (exit 1): listen tcp", PATCH, ("src/retry.py",))
    found = diagnosis(trial=replace(untried, remedy="Install bubblewrap; or run `make test` by hand with the patch"))
    text = summary(found, world(), Account(), Settings())
    assert "Suggested patch below (not verified, because it cannot be tried here: it says (exit 1): listen tcp)" in text
    assert "Install bubblewrap; or run" in text
    assert "Patch for 1 file" in text
    part = replace(untried, step=Step.PARTLY_VERIFIED, detail="2 tests fail here with and without it")
    text = summary(diagnosis(trial=part), world(), Account(), Settings())
    assert "Suggested patch below (verified in part: 2 tests fail here with and without it)." in text


def test_what_was_not_looked_at_is_named() -> None:
    seen = world()
    assert seen.get(FAILED_RUN) is not None
    job = seen[FAILED_RUN].jobs[0]
    fallen = replace(job, job=replace(job.job, name="later"), role=Role.UNREACHED)
    failed = replace(seen[FAILED_RUN], jobs=(*seen[FAILED_RUN].jobs, fallen))
    seen = replace(seen, gaps=(Gap("log of x", "it is gone"),)).put(FAILED_RUN, failed)
    text = summary(diagnosis(), seen, Account(), Settings())
    assert "`later` (skipped because a job they need failed)" in text
    assert "it is gone" in text
