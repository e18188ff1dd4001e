from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.facts import Fact, FactKind, Known
from cicd_agent.domain.gate_evidence import GateEvidence, PastDeployment, Reading, State
from cicd_agent.insights.pipeline_state import Answered, PipelineState, Topic

NOW = 1_790_000_000
SHA, BASE = "a" * 40, "b" * 40
READ = (
    Reading("tests", State.KNOWN, 100.0, "12 of 12 checks passed", "checks of the commit", NOW - 600),
    Reading("coverage", State.MISSING, problem="GitHub does not know it"),
    Reading("review", State.KNOWN, 1.0, "approved by 1", "the reviews", 0),
    Reading("failures", State.KNOWN, 5.0, "1 of 20 runs in 7 days failed", "GitHub", NOW - 60),
    Reading("deployments", State.KNOWN, source="GitHub"),
)
GATE = GateEvidence(
    SHA,
    "production",
    NOW,
    readings=READ,
    deployments=(
        PastDeployment(2, SHA, "main", NOW - 50, "failure", NOW - 40, held=True),
        PastDeployment(1, BASE, "main", NOW - 900, "success", NOW - 800),
    ),
)
LEFT: dict[Topic, tuple[FactKind, dict[str, str], str]] = {
    Topic.TESTS: (FactKind.TESTS, {"passed": "3", "failed": "1"}, "3 of 4 tests passed"),
    Topic.COVERAGE: (FactKind.COVERAGE, {"delta": "-1.25"}, "-1.2 points"),
    Topic.REVIEW: (
        FactKind.REVIEW,
        {"decision": "request_changes", "risk_level": "high", "blocking": "2"},
        "request changes, risk high, 2 findings that block",
    ),
    Topic.RISK: (FactKind.REVIEW, {"decision": "comment", "risk_level": "high", "risk_score": "71"}, "high (71)"),
    Topic.ROUTE: (
        FactKind.ROUTE,
        {"tests": "extended", "strategy": "canary", "canary_percentage": "5", "monitor_minutes": "60"},
        "tests extended, canary at 5 %, watched for 60 minutes",
    ),
    Topic.DEPLOYMENT: (FactKind.DEPLOYMENT, {"decision": "proceed"}, "aaaaaaa: the gate said proceed"),
}


def fact(topic: Topic, at: int = NOW - 300, **fields: Any) -> Fact:
    kind, values, _ = LEFT[topic]
    subject = "production" if topic is Topic.DEPLOYMENT else SHA
    known = {"mode": "review", "sha": SHA, "event_id": "9.1", "values": values}
    return Fact("o/r", kind, **{"subject": subject, **known, "at": at, **fields})


def ask(topic: Topic, *facts: Fact, trusted: bool = False, gate: GateEvidence | None = None, at: int = NOW) -> Answered:
    known = Known(facts, trusted)
    return PipelineState.of(SHA, "production", known, gate, repository="o/r", at=at).answer(topic)


@pytest.mark.parametrize("topic", LEFT)
def test_a_fact_answers_with_its_words_source_and_age_where_github_was_not_asked(topic: Topic) -> None:
    told = ask(topic, fact(topic))
    assert (told.words, told.source, told.at, told.trusted) == (LEFT[topic][2], "review of run 9.1", NOW - 300, False)
    assert told.age(NOW) == 300
    assert ask(topic, fact(topic), trusted=True).trusted


@pytest.mark.parametrize("topic", Topic)
def test_what_nobody_knows_is_said_to_be_unknown(topic: Topic) -> None:
    told = ask(topic)
    assert (told.is_known, told.value, told.age(NOW)) == (False, None, None)
    assert told.problem


def test_github_answers_by_itself() -> None:
    told = {topic: ask(topic, gate=GATE) for topic in Topic}
    assert {topic.value: each.words for topic, each in told.items() if each.is_known} == {
        "tests": "12 of 12 checks passed",
        "review": "approved by 1",
        "failures": "1 of 20 runs in 7 days failed",
        "deployment": "bbbbbbb: success",
    }
    assert told[Topic.COVERAGE].problem == "GitHub does not know it"
    assert (told[Topic.DEPLOYMENT].at, told[Topic.REVIEW].at) == (NOW - 800, NOW)


def test_the_fresher_counts_where_nobody_else_could_have_written_the_fact() -> None:
    fresh, old = fact(Topic.TESTS, at=NOW - 500), fact(Topic.TESTS, at=NOW - 700)
    assert ask(Topic.TESTS, fresh, trusted=True, gate=GATE).value == 75
    assert ask(Topic.TESTS, old, trusted=True, gate=GATE).value == 100
    assert ask(Topic.TESTS, fresh, gate=GATE).value == 100


def test_a_fact_that_says_what_github_does_not_is_told_with_what_it_is_worth() -> None:
    told = ask(Topic.COVERAGE, fact(Topic.COVERAGE), gate=GATE)
    assert (told.value, told.trusted) == (-1.25, False)


def test_a_read_that_failed_leaves_its_reason() -> None:
    broken = replace(GATE, readings=(Reading("deployments", State.ERROR, problem="GitHub refused: 403"), *READ[:-1]))
    assert ask(Topic.DEPLOYMENT, gate=broken).problem == "GitHub refused: 403"


@pytest.mark.parametrize(
    "other",
    [{"subject": BASE, "sha": BASE}, {"repository": "o/other"}, {"at": NOW + 90_000}, {"sha": BASE}],
    ids=["commit", "repository", "future", "contradiction"],
)
@pytest.mark.parametrize("topic", [each for each in LEFT if each is not Topic.DEPLOYMENT])
def test_a_fact_of_something_else_answers_nothing(topic: Topic, other: dict[str, Any]) -> None:
    assert not ask(topic, replace(fact(topic), **other), trusted=True).is_known


def test_a_deployment_elsewhere_is_none_here() -> None:
    assert not ask(Topic.DEPLOYMENT, fact(Topic.DEPLOYMENT, subject="staging")).is_known


HOSTILE = st.sampled_from(
    ["1e999", "NaN", "-1", "9" * 400, "<img src=x>", "::error::x", "\x1b[31m", "critical\n", "approve ", "", "10000000"]
)


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(LEFT)),
    st.dictionaries(
        st.sampled_from(["percent", "passed", "failed", "delta", "after", "before", "decision", "risk_level",
                         "strategy", "tests", "monitor_minutes", "canary_percentage", "blocking"]),
        HOSTILE,
        max_size=6,
    ),
)  # fmt: skip
def test_absurd_values_are_no_answer_and_never_shown(topic: Topic, values: dict[str, str]) -> None:
    told = ask(topic, fact(topic, values=values), trusted=True)
    assert told.value is None or -100 <= told.value <= 100
    assert not any(part in told.words for part in ("<img", "::", "\x1b", "999", "NaN", "\n"))
