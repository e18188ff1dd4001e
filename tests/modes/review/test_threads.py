"""What earlier reviews said: silent where a person settled it, not said twice, fixed where that is proved."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.effects import Comment, Effect, Resolve, Review
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.events.thread import MOST_RESOLVED, Thread
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.sanitizer import problems
from cicd_agent.domain.verdict import Conclusion, Risk, RiskLevel, SuppressedBy, Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.evidence import THREADS
from cicd_agent.modes.review.report import report
from cicd_agent.modes.review.threads import fixed, keys, suppress_resolved, unpublished
from cicd_agent.modes.review.verdict import verify
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

CHANGE = change_of(("app.py", "import os\n", "import os\nrun(1)\nrun(2)\nrun(1)\n"), ("gone.py", "x = 1\n", None))
EVENT = Event(EventKind.PULL_REQUEST, repo="o/r", sha=CHANGE.head, pull=PullRequest(7), server="https://github.example")
RULE = RULES[0].id
URL = "https://github.example/o/r/pull/7#discussion_r1"


def finding(line: int = 2, **fields: Any) -> Finding:
    return Finding(
        **{
            "id": "model",
            "title": "it runs",
            "message": "why",
            "severity": Severity.HIGH,
            "category": Category.SECURITY,
            "location": Location("app.py", line),
            "quote": "run(1)",
            "confidence": 0.9,
            "origin": Origin.MODEL,
            **fields,
        }
    )


def rule(line: int = 2, id: str = RULE, **fields: Any) -> Finding:  # noqa: A002  the field's name
    return finding(line, id=id, origin=Origin.RULE, confidence=1.0, **fields)


FIRST = finding()
KEY = f"{FIRST.fingerprint}-1"


def thread(key: str = KEY, line: int = 2, **fields: Any) -> Thread:
    return Thread(**{"id": "T1", "path": "app.py", "line": line, "side": Side.RIGHT, "key": key, "url": URL, **fields})


def settled(**fields: Any) -> Thread:
    return thread(resolved=True, resolved_by_person=True, **fields)


def evidence(*threads: Thread, change: Change = CHANGE, **fields: Any) -> Evidence:
    return Evidence(EVENT, change, **fields).put(THREADS, threads)


def test_the_same_text_twice_has_a_key_for_each_by_its_line() -> None:
    twins = [finding(4), finding(2)]
    assert keys(twins, ()) == (f"{FIRST.fingerprint}-2", f"{FIRST.fingerprint}-1")


def test_a_key_whose_thread_we_closed_is_used_up() -> None:
    ours = thread(resolved=True)
    assert keys([FIRST], [ours]) == (f"{FIRST.fingerprint}-2",)
    assert keys([FIRST], [settled()]) == (KEY,)
    assert keys([FIRST], [thread()]) == (KEY,)


def test_a_finding_whose_thread_a_person_resolved_is_silent_and_linked() -> None:
    standing, (silent,) = suppress_resolved([FIRST], [settled()])
    assert standing == []
    assert (silent.finding, silent.by, silent.url) == (FIRST, SuppressedBy.THREAD, URL)


def test_the_second_of_two_equal_lines_is_not_silenced_with_the_first() -> None:
    standing, silent = suppress_resolved([finding(4), finding(2)], [settled()])
    assert [one.location.line for one in standing] == [4]
    assert [one.finding.location.line for one in silent] == [2]
    ((_, key, fresh),) = unpublished(standing, silent, [settled()])
    assert (key, fresh) == (f"{FIRST.fingerprint}-2", True)


@pytest.mark.parametrize(
    "place",
    [
        {"location": Location("app.py", 3, start=1), "quote": "run"},
        {"category": Category.RELIABILITY},
        {"location": Location("app.py", 2), "quote": "run(", "category": Category.TESTING},
    ],
)
def test_a_models_finding_is_known_by_its_place_however_it_is_worded(place: dict[str, Any]) -> None:
    assert suppress_resolved([finding(**place)], [settled()])[0] == []


@pytest.mark.parametrize(
    "elsewhere",
    [
        thread(resolved=True, resolved_by_person=True, line=3),
        thread(resolved=True, resolved_by_person=True, side=Side.LEFT),
        thread(resolved=True, resolved_by_person=True, path="other.py"),
        thread(resolved=True, resolved_by_person=True, outdated=True, line=0),
        thread("", resolved=True, resolved_by_person=True),
        thread(resolved=True),
        thread(),
    ],
)
def test_what_is_elsewhere_or_open_or_not_ours_silences_nothing(elsewhere: Thread) -> None:
    worded_anew = finding(quote="run", category=Category.TESTING)
    assert suppress_resolved([worded_anew], [elsewhere]) == ([worded_anew], [])


def test_a_rules_finding_is_known_by_its_fingerprint_alone() -> None:
    said = rule()
    assert suppress_resolved([said], [settled()])[0] == [said]
    assert suppress_resolved([said], [settled(key=f"{said.fingerprint}-1")])[0] == []


def test_an_open_thread_of_its_own_keeps_a_finding_from_being_silenced_by_a_neighbours() -> None:
    neighbour = settled(key="ffffffffffffffff-1")
    assert suppress_resolved([FIRST], [thread(), neighbour])[0] == [FIRST]


def judged(*threads: Thread) -> Verdict:
    rules = RuleDraft(findings=(rule(),))
    return verify(rules, (), evidence(*threads), Settings())


def test_what_is_settled_in_a_thread_is_not_shown_but_the_risk_does_not_fall_by_it() -> None:
    key = f"{rule().fingerprint}-1"
    before, after = judged(), judged(settled(key=key))
    assert len(before.findings) == 1
    assert after.findings == ()
    assert [each.by for each in after.suppressed] == [SuppressedBy.THREAD]
    assert after.risk.level is before.risk.level is RiskLevel.HIGH


def gone(thread_: Thread, *claims: Finding, heard: bool = True, **fields: Any) -> bool:
    return [*fixed(evidence(thread_, **fields), claims, model_answered=heard)] == [thread_]


def test_a_models_silence_alone_is_no_proof() -> None:
    assert not gone(thread())
    assert gone(thread(outdated=True, line=0))
    assert not gone(thread(outdated=True, line=0), heard=False)
    assert not gone(thread(outdated=True, line=0), gaps=(Gap("app.py", "generated"),))


@pytest.mark.parametrize("change", [CHANGE, replace(CHANGE, texts={}, old_texts={})], ids=["a checkout", "the API"])
def test_a_thread_that_is_outdated_by_a_rebase_alone_is_not_fixed(change: Change) -> None:
    assert not gone(thread(outdated=True, line=0, text="run(1)"), change=change)
    assert gone(thread(outdated=True, line=0, text="run(3)"), change=change)
    assert gone(thread(outdated=True, line=0, text="run(1)", side=Side.LEFT), change=change)
    assert not gone(thread(outdated=True, line=0, text="import os", side=Side.LEFT), change=change)


def test_a_rule_that_no_longer_fires_on_a_file_that_was_read_is_proof() -> None:
    assert gone(thread(rule=RULE), heard=False)
    assert gone(thread(rule=RULE, outdated=True, line=0), heard=False)
    assert not gone(thread(rule=RULE), gaps=(Gap("app.py", "generated"),))
    assert not gone(thread(rule=RULE), change=replace(CHANGE, texts={}))


def test_a_rule_or_tool_that_was_not_asked_proves_nothing() -> None:
    assert not gone(thread(rule="py-that-never-was", outdated=True))
    assert not gone(thread(rule="bandit/B101", outdated=True))
    elsewhere = rule(3, "bandit/B102", quote="run(2)")
    assert gone(thread(rule="bandit/B101"), findings=(elsewhere,))


def test_what_is_still_claimed_is_not_fixed_even_when_it_was_rejected_or_silenced() -> None:
    assert not gone(thread(outdated=True, line=0), FIRST)


def test_a_file_that_left_the_change_took_its_issues_along() -> None:
    assert gone(thread(path="other.py"), heard=False)
    assert gone(thread(path="gone.py", rule=RULE), heard=False)
    from_the_api = replace(CHANGE, source=ChangeSource.API)
    assert not gone(thread(path="other.py"), change=from_the_api)
    assert gone(thread(path="other.py", outdated=True), change=from_the_api)


@pytest.mark.parametrize("left_alone", [settled(outdated=True), thread("", outdated=True), thread(resolved=True)])
def test_resolved_threads_and_those_of_people_are_not_ours_to_call_fixed(left_alone: Thread) -> None:
    assert not gone(left_alone)


def verdict(*findings: Finding, **fields: Any) -> Verdict:
    return Verdict(Conclusion.NEUTRAL, "comment", None, Risk(RiskLevel.LOW, 0), findings, **fields)


def effects(result: Verdict, *threads: Thread, **settings: Any) -> tuple[Effect, ...]:
    return report(result, evidence(*threads), Account(), Settings(**settings)).effects


def posted(found: tuple[Effect, ...]) -> list[str]:
    return [comment.key for effect in found if isinstance(effect, Review) for comment in effect.comments]


def test_a_finding_whose_thread_stands_open_is_not_posted_again_but_listed() -> None:
    for standing in (thread(), thread(answered=True), thread("ffffffffffffffff-1"), thread(outdated=True, line=0)):
        found = effects(verdict(FIRST), standing)
        assert posted(found) == []
        (summary,) = (effect for effect in found if isinstance(effect, Comment))
        assert "it runs" in summary.body
    assert posted(effects(verdict(FIRST), thread(""))) == [KEY]


def test_an_issue_that_is_back_after_we_resolved_its_thread_is_posted_again() -> None:
    assert posted(effects(verdict(FIRST), thread(resolved=True))) == [f"{FIRST.fingerprint}-2"]


def test_what_stands_already_takes_its_place_among_the_few_comments() -> None:
    three = [finding(2), finding(3, quote="run(2)"), finding(4)]
    assert len(posted(effects(verdict(*three), max_comments=2))) == 2
    assert posted(effects(verdict(*three), thread(), max_comments=1)) == []


def test_fixed_issues_are_named_with_their_threads_and_those_without_an_answer_are_resolved() -> None:
    done = [thread(id="T1", title="it ran"), thread(f"{'a' * 16}-1", id="T2", title="it was slow", answered=True)]
    found = effects(verdict(fixed=tuple(done)))
    (summary,) = (effect for effect in found if isinstance(effect, Comment))
    assert f"Fixed since the last review: [it ran]({URL}) (`app.py`), [it was slow]({URL}) (`app.py`)." in summary.body
    assert summary.only_edit
    assert [effect for effect in found if isinstance(effect, Resolve)] == [Resolve(f"resolve-{KEY}", 7, "T1")]
    assert not any(isinstance(each, Resolve) for each in effects(verdict(fixed=tuple(done)), comment="off"))


def test_many_fixed_issues_are_counted() -> None:
    done = tuple(thread(f"{'a' * 16}-{n}", id=f"T{n}", title=f"issue {n}") for n in range(30))
    found = effects(verdict(fixed=done))
    (summary,) = (effect for effect in found if isinstance(effect, Comment))
    assert "(`app.py`), 20 more." in summary.body
    assert sum(isinstance(each, Resolve) for each in found) == MOST_RESOLVED


def test_a_title_that_was_read_back_is_foreign_text() -> None:
    hostile = thread(
        title="[x](https://evil.example) ![y](z) <img> @octocat `", url="https://evil.example/", path="a`|b"
    )
    found = effects(verdict(fixed=(hostile,)))
    (summary,) = (effect for effect in found if isinstance(effect, Comment))
    assert problems(summary.body, EVENT.hosts) == ()


@given(
    st.text(st.characters(codec="utf-8"), max_size=60) | st.text(st.sampled_from("`[]()<>@#$!\\ a1.)|:/"), max_size=40)
)
def test_any_title_that_was_read_back_is_inert_inside_its_link(title: str) -> None:
    (summary,) = (e for e in effects(verdict(fixed=(thread(title=title),))) if isinstance(e, Comment))
    assert problems(summary.body, EVENT.hosts) == ()
    assert f"]({URL})" in summary.body


def test_a_settled_finding_links_to_its_thread() -> None:
    _, silent = suppress_resolved([FIRST], [settled()])
    (summary,) = (e for e in effects(verdict(suppressed=tuple(silent)), settled()) if isinstance(e, Comment))
    assert "| it runs | " in summary.body
    assert f"[thread]({URL})" in summary.body
