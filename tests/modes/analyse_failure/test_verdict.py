"""What of an answer stands: the change may be blamed with proof, nothing is ever excused by a model."""

from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.facts import Cause
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedRun
from cicd_agent.modes.analyse_failure.result import CascadeStep, Citation, Diagnosis, Overlap, Remedy, Suspect
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.modes.analyse_failure.verdict import CONTRADICTED, MAX_AFFECTED, MAX_SURE, MAX_UNSURE, verify
from cicd_agent.settings.schema import Settings
from tests.modes.analyse_failure.model_builders import (
    AGAIN,
    BLAMED,
    CHANGE_CITED,
    COMMITS,
    LINES,
    MADE_UP,
    MESSAGE_CITED,
    NAMED,
    OTHER,
    PATCH,
    UNNAMED,
    WRAPPER_CITED,
    answer,
    cite,
    claim,
    diagnosis,
    draft,
    evidence,
    extract,
    failed_run,
    fix,
    job,
    judged,
    problem,
    reasons,
)
from tests.support.samples.changes import change_of

SETTINGS = Settings()
EXCUSES = [Cause.FLAKY, Cause.INFRASTRUCTURE, Cause.PRE_EXISTING]


def test_without_an_answer_the_rules_stand() -> None:
    rules = diagnosis(Cause.CHANGE)
    assert verify(rules, (), evidence(), SETTINGS) == rules
    assert judged(None, rules) == rules


def test_a_model_that_does_not_know_changes_nothing_and_asks_for_a_person() -> None:
    rules = diagnosis(Cause.CHANGE)
    told = judged(draft(insufficient_evidence=True, cause=Cause.FLAKY), rules)
    assert told.escalate == ("the model asks for a person: the model finds the evidence insufficient",)
    assert replace(told, escalate=()) == rules


def test_of_an_answer_without_proof_nothing_is_left_but_what_was_dropped() -> None:
    rules = diagnosis()
    told = judged(
        draft(MADE_UP, responsible_commit=BLAMED, affected_files=("src/other.py",), fix=fix(patch=PATCH)), rules
    )
    assert replace(told, dropped=(), escalate=()) == rules
    assert reasons(told) == {
        "The limit was raised to 5.": "LOG1 line 102: the quote does not stand there",
        "`retries` returns 5 where the test expects 3.": "nothing that it rests on stands in a log",
        "the patch": "it was not tried",
    }
    assert told.escalate == ("1 of the model's 1 claims could not be proved",)


def test_a_claim_about_the_change_alone_says_nothing_of_why_the_run_failed() -> None:
    told = judged(draft(CHANGE_CITED))
    assert replace(told, dropped=()) == diagnosis()
    assert reasons(told)["The limit was raised to 5."] == "nothing that it rests on stands in a log"


def test_a_proven_answer_explains_what_rules_found() -> None:
    rules = diagnosis(Cause.CHANGE)
    told = judged(draft(), rules)
    assert told.root_cause == "`retries` returns 5 where the test expects 3."
    assert [each.text for each in told.claims] == ["The limit was raised to 5."]
    assert (told.cause, told.confidence, told.rung) == (rules.cause, rules.confidence, rules.rung)
    assert (told.remedy, told.next_step) == (Remedy.CODE_CHANGE, "Return 3 again.")
    assert told.dropped == ()
    assert told.escalate == ()


@pytest.mark.parametrize(
    ("citations", "confidence", "cause", "sure"),
    [
        ((MESSAGE_CITED, CHANGE_CITED), 0.9, Cause.CHANGE, MAX_SURE),
        ((MESSAGE_CITED,), 0.9, Cause.CHANGE, MAX_SURE),
        ((MESSAGE_CITED, CHANGE_CITED), 0.6, Cause.CHANGE, 0.6),
        ((MESSAGE_CITED, CHANGE_CITED), 0.4, Cause.UNKNOWN, 0.2),
        ((NAMED,), 0.9, Cause.CHANGE, MAX_UNSURE),
        ((NAMED, CHANGE_CITED), 0.9, Cause.CHANGE, MAX_UNSURE),
        ((UNNAMED,), 0.9, Cause.UNKNOWN, 0.2),
        ((UNNAMED, CHANGE_CITED), 0.9, Cause.UNKNOWN, 0.2),
        ((WRAPPER_CITED,), 1.0, Cause.UNKNOWN, 0.2),
        ((WRAPPER_CITED, CHANGE_CITED), 1.0, Cause.UNKNOWN, 0.2),
    ],
    ids=[
        "message and change", "message that names the change", "less sure", "not sure", "a line that names the change",
        "that and the change", "a line", "a line and the change", "the wrapper", "the wrapper and the change",
    ],
)  # fmt: skip
def test_the_change_is_blamed_as_far_as_what_is_cited_leads_to_it(
    citations: tuple[Citation, ...], confidence: float, cause: Cause, sure: float
) -> None:
    told = judged(draft(*citations, confidence=confidence))
    assert (told.cause, told.confidence) == (cause, sure)
    assert told.rung is CascadeStep.NONE
    assert ("cause: change" in reasons(told)) is (cause is Cause.UNKNOWN)


def test_a_message_that_leads_nowhere_blames_nothing() -> None:
    seen = evidence(failed_run(job(places=(), read=extract({102: LINES[102], 150: LINES[150]}))))
    assert judged(draft(MESSAGE_CITED), seen=seen).cause is Cause.UNKNOWN
    assert judged(draft(MESSAGE_CITED, CHANGE_CITED), seen=seen).cause is Cause.CHANGE
    unchanged = cite(1, "def retries():", "src/retry.py")
    assert judged(draft(MESSAGE_CITED, unchanged), seen=seen).cause is Cause.UNKNOWN


@pytest.mark.parametrize("said", Cause)
def test_with_the_lines_that_tell_it_gone_no_cause_is_sure(said: Cause) -> None:
    """What is left of the log is a wrapper, a count and noise; whatever of it is cited, beside whatever change."""
    lines = {90: "Collecting httpx", 120: "1 failed, 3 passed in 0.12s", 150: LINES[150]}
    summary = replace(problem(100, 103, 102), first=120, line=120, last=120, text=lines[120], score=0.4)
    seen = evidence(failed_run(job(read=extract(lines, (summary, problem(150, 150, 150, wraps=True))), places=())))
    cited = [cite(number, text) for number, text in lines.items()]
    told = judged(draft(*cited, CHANGE_CITED, cause=said, confidence=1.0), rules(seen, SETTINGS), seen)
    assert len(told.claims) == 1
    assert told.confidence < CONTRADICTED
    assert told.cause is Cause.UNKNOWN


def test_whoever_blames_the_change_says_where_to_look_and_runs_nothing_again() -> None:
    rules = diagnosis(**AGAIN)
    told = judged(draft(fix=fix(Remedy.RETRY, "Try once more.")), rules)
    assert (told.cause, told.rerun, told.rerun_kind, told.remedy) == (Cause.CHANGE, False, "", Remedy.INVESTIGATE)
    assert told.next_step == "Look at src/retry.py first: what the model cites leads there."
    assert told.affected == ("src/retry.py",)
    assert told.grounds[-1].text.startswith("a model says so")


def test_what_reaches_nothing_that_was_changed_is_not_the_changes_fault_by_a_models_word() -> None:
    assert judged(draft(), diagnosis(innocent=True)).cause is Cause.UNKNOWN
    told = judged(draft(), diagnosis(rung=CascadeStep.OUT_OF_REACH, innocent=True))
    assert (told.cause, told.confidence) == (Cause.UNKNOWN, 0.2)
    assert reasons(told)["cause: change"] == "what failed reaches nothing that was changed"
    assert told.escalate == (
        "the model sees it otherwise: change, `retries` returns 5 where the test expects 3.",
    )  # fmt: skip


def test_without_a_change_there_is_nothing_to_blame_but_commits() -> None:
    assert judged(draft(), seen=evidence(failed_run(candidates=()), change=None)).cause is Cause.UNKNOWN
    assert judged(draft(MESSAGE_CITED), seen=evidence(change=None)).cause is Cause.CHANGE


@pytest.mark.parametrize("said", EXCUSES)
def test_a_model_excuses_nothing(said: Cause) -> None:
    excuse = draft(
        cause=said,
        failure_type=Kind.FLAKY_TEST,
        root_cause="This is a flaky test.",
        fix=fix(Remedy.RETRY, "Rerun the job."),
    )
    rules = diagnosis()
    told = judged(excuse, rules)
    assert replace(told, claims=(), dropped=()) == rules
    assert reasons(told) == {
        f"cause: {said}": "only rules may excuse a change",
        "This is a flaky test.": "only rules may excuse a change",
        "failure_type: flaky_test": "only rules may excuse a change",
    }


@pytest.mark.parametrize("cause", [Cause.UNKNOWN, Cause.CHANGE])
@pytest.mark.parametrize(
    "sentence",
    ["A flaky test.", "A transient outage.", "It is unrelated to this change.", "Not caused by anything here."],
)
def test_nor_does_it_in_words(cause: Cause, sentence: str) -> None:
    told = judged(draft(cause=cause, root_cause=sentence), diagnosis(cause))
    assert told.root_cause == "assert 5 == 3"
    assert reasons(told)[sentence] == "only rules may excuse a change"


def test_words_about_flakiness_stand_where_rules_have_shown_it() -> None:
    rules = diagnosis(Cause.FLAKY, **AGAIN)
    told = judged(draft(cause=Cause.FLAKY, root_cause="A flaky test: it races with the clock."), rules)
    assert told.root_cause == "A flaky test: it races with the clock."
    assert (told.rerun, told.remedy, told.next_step) == (True, Remedy.RETRY, "Run it again.")


@pytest.mark.parametrize("cause", [Cause.CHANGE, *EXCUSES])
@pytest.mark.parametrize("said", [Cause.CHANGE, *EXCUSES])
def test_who_contradicts_the_rules_makes_them_less_sure_and_changes_nothing_else(cause: Cause, said: Cause) -> None:
    rules = diagnosis(cause)
    told = judged(draft(cause=said), rules)
    assert told.cause is cause
    if cause is said:
        assert told.confidence == rules.confidence
        assert told.escalate == ()
    else:
        assert told.confidence == CONTRADICTED
        assert told.escalate[0].startswith(f"the model sees it otherwise: {said}")
        assert (told.root_cause, told.next_step, told.remedy) == (rules.root_cause, rules.next_step, rules.remedy)


def test_who_contradicts_an_unsure_rule_does_not_make_it_surer() -> None:
    assert judged(draft(), diagnosis(Cause.FLAKY, confidence=0.3)).confidence == 0.3


def test_a_wrapper_contradicts_nothing_and_explains_nothing() -> None:
    rules = diagnosis(Cause.FLAKY)
    assert judged(draft(WRAPPER_CITED), rules).confidence == rules.confidence
    told = judged(draft(WRAPPER_CITED, cause=Cause.UNKNOWN))
    assert told.root_cause == "assert 5 == 3"
    assert reasons(told)["`retries` returns 5 where the test expects 3."].startswith("what it cites says only")


@pytest.mark.parametrize(
    ("rules", "said", "kind"),
    [
        (Kind.UNKNOWN, Kind.BUILD_ERROR, Kind.BUILD_ERROR),
        (Kind.UNKNOWN, Kind.TIMEOUT, Kind.TIMEOUT),
        (Kind.UNKNOWN, Kind.INFRASTRUCTURE, Kind.UNKNOWN),
        (Kind.UNKNOWN, Kind.FLAKY_TEST, Kind.UNKNOWN),
        (Kind.TEST_FAILURE, Kind.DEPENDENCY, Kind.DEPENDENCY),
        (Kind.TEST_FAILURE, Kind.CONFIGURATION, Kind.CONFIGURATION),
        (Kind.TEST_FAILURE, Kind.FLAKY_TEST, Kind.TEST_FAILURE),
        (Kind.TEST_FAILURE, Kind.UNKNOWN, Kind.TEST_FAILURE),
        (Kind.LINT_ERROR, Kind.TEST_FAILURE, Kind.LINT_ERROR),
        (Kind.TIMEOUT, Kind.DEPENDENCY, Kind.TIMEOUT),
        # The model proves that the change did it, which no machine's fault can stand beside.
        (Kind.INFRASTRUCTURE, Kind.TEST_FAILURE, Kind.TEST_FAILURE),
        (Kind.INFRASTRUCTURE, Kind.UNKNOWN, Kind.UNKNOWN),
        (Kind.FLAKY_TEST, Kind.TEST_FAILURE, Kind.FLAKY_TEST),
    ],
)
def test_the_kind_is_only_read_closer(rules: Kind, said: Kind, kind: Kind) -> None:
    told = judged(draft(failure_type=said), diagnosis(kind=rules))
    assert told.kind is kind
    assert (f"failure_type: {said}" in reasons(told)) is (said not in {kind, Kind.UNKNOWN})


def test_the_kind_takes_a_tools_own_message() -> None:
    assert judged(draft(NAMED, failure_type=Kind.DEPENDENCY)).kind is Kind.TEST_FAILURE


@pytest.mark.parametrize(
    ("said", "fields", "responsible", "why"),
    [
        (BLAMED, {}, BLAMED, ""),
        (BLAMED[:8].upper(), {}, BLAMED, ""),
        (OTHER, {}, "", "nothing that is cited leads to what it changed"),
        ("c3" * 20, {}, "", "it is no commit since the last green run"),
        ("", {}, "", ""),
        (BLAMED, {"responsible": OTHER}, OTHER, f"rules have found {OTHER[:12]}"),
        (BLAMED, {"responsible": BLAMED}, BLAMED, ""),
        (BLAMED, {"cause": Cause.FLAKY}, "", "it is not shown that a change did it"),
        (BLAMED, {"suspects": (Suspect(BLAMED, "", 0.9, (Overlap("src/retry.py", 2, 103, exact=True),)),)}, BLAMED, ""),
        (
            BLAMED,
            {"suspects": (Suspect(OTHER, "", 0.9, (Overlap("docs/notes.md", 2, 103, exact=True),)),)},
            "",
            "other commits meet the failure more closely",
        ),
        (BLAMED, {"suspects": (Suspect(OTHER, "", 0.1),)}, BLAMED, ""),
    ],
)
def test_a_commit_is_responsible_if_rules_leave_the_choice_and_what_is_cited_leads_to_it(
    said: str, fields: dict[str, Any], responsible: str, why: str
) -> None:
    told = judged(draft(responsible_commit=said), replace(diagnosis(Cause.CHANGE), **fields))
    assert told.responsible == responsible
    assert reasons(told).get(f"responsible_commit: {said}", "") == why


def test_two_commits_that_a_name_may_mean_are_none() -> None:
    twin = replace(COMMITS[0], commit=replace(COMMITS[0].commit, sha=BLAMED[:20] + "0" * 20))
    seen = evidence(failed_run(candidates=(*COMMITS, twin)))
    assert judged(draft(responsible_commit=BLAMED[:12]), diagnosis(Cause.CHANGE), seen).responsible == ""


def test_files_are_affected_if_they_exist() -> None:
    said = ("src/other.py", "src/retry.py", "../etc/passwd", "src/nowhere.py", "src/other.py")
    told = judged(draft(affected_files=said), diagnosis(Cause.CHANGE, affected=("src/retry.py",)))
    assert told.affected == ("src/retry.py", "src/other.py")
    assert {"affected: ../etc/passwd", "affected: src/nowhere.py"} == reasons(told).keys()


def test_a_list_of_files_has_an_end() -> None:
    paths = tuple(f"f{n}" for n in range(90))
    seen = evidence(change=replace(evidence().change, paths=paths))  # type: ignore[type-var]
    assert len(judged(draft(affected_files=paths), seen=seen).affected) == MAX_AFFECTED


def test_a_models_wish_for_a_person_is_kept_on_one_line() -> None:
    told = judged(draft(escalate="Who\nowns the limit?"))
    assert told.escalate == ("the model asks for a person: Who owns the limit?",)


def test_what_was_looked_up_can_prove_a_claim_but_no_failure() -> None:
    looked = Exhibit("L1", "read_file src/other.py", "1|MAX = 3  # always")
    there = claim(cite(1, "MAX = 3 # always", "L1"), statement="The most is 3.")
    alone, beside = draft(claims=(there,)), draft(claims=(there, claim(MESSAGE_CITED)))
    told = [verify(diagnosis(), (answer(said, lookups=(looked,)),), evidence(), SETTINGS) for said in (alone, beside)]
    assert [len(each.claims) for each in told] == [0, 2]
    assert told[0].cause is Cause.UNKNOWN


def test_evidence_that_lost_its_logs_proves_nothing() -> None:
    for seen in (evidence(FailedRun()), replace(evidence(), change=None).put(FAILED_RUN, None)):
        assert judged(draft(), seen=seen).claims == ()


def test_a_sentence_is_one_line_of_bounded_length() -> None:
    told = judged(draft(root_cause="a\n" * 9_000, fix=fix(description="b\n" * 9_000)), diagnosis(Cause.CHANGE))
    for text in (told.root_cause, told.next_step):
        assert "\n" not in text
        assert 100 < len(text) <= 300


def guessed(path: str, **fields: Any) -> Diagnosis:
    """Rules have found only this file near the failure."""
    overlap = Overlap(path, 0, 103, via="tests/test_retry.py", **fields)
    return diagnosis(Cause.CHANGE, meetings=(overlap,), affected=(path,), next_step=f"Look at {path}.")


def test_what_a_proved_claim_names_is_the_next_step_before_what_rules_guess() -> None:
    told = judged(draft(fix=fix(description="")), guessed("docs/notes.md"))
    assert (
        told.next_step == f"Look at src/retry.py first, which {BLAMED[:12]} changed: what the model cites leads there."
    )
    assert told.affected == ("src/retry.py", "docs/notes.md")


@pytest.mark.parametrize(
    ("rules", "citations"),
    [
        (guessed("docs/notes.md", exact=True), ()),
        (guessed("src/retry.py"), ()),
        (guessed("docs/notes.md"), (MESSAGE_CITED,)),
        (guessed("docs/notes.md"), (NAMED, CHANGE_CITED)),
        (guessed("docs/notes.md"), (WRAPPER_CITED, CHANGE_CITED)),
        (guessed("docs/notes.md"), (MADE_UP, CHANGE_CITED)),
    ],
    ids=["the line itself", "the same file", "no changed line", "no tool", "a wrapper", "nothing"],
)
def test_without_more_proof_than_the_rules_have_their_next_step_stays(
    rules: Diagnosis, citations: tuple[Citation, ...]
) -> None:
    assert judged(draft(*citations, fix=fix(description="")), rules).next_step == rules.next_step


def test_a_cited_change_makes_its_commit_responsible_before_one_that_is_only_near() -> None:
    near = (Suspect(OTHER, "", 0.6, (Overlap("docs/notes.md", 0, 103, via="tests/test_retry.py"),)),)
    rules = replace(guessed("docs/notes.md"), suspects=near)
    assert judged(draft(responsible_commit=BLAMED), rules).responsible == BLAMED
    assert judged(draft(MESSAGE_CITED, responsible_commit=BLAMED), rules).responsible == ""


def test_a_cited_comment_leads_nowhere() -> None:
    seen = evidence(change=change_of(("src/retry.py", "# three\nx = 1\n", "# five tries\nx = 1\n")))
    said = draft(MESSAGE_CITED, cite(1, "# five tries", "src/retry.py"), fix=fix(description=""))
    assert judged(said, guessed("docs/notes.md"), seen).next_step == "Look at docs/notes.md."
