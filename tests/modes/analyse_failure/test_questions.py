"""When a model is asked why a run failed, when it is not, and what it is told to correct."""

from dataclasses import replace

import pytest

from cicd_agent.agent.messages import Question, Tier
from cicd_agent.agent.prompt import estimate
from cicd_agent.analysis.logs.extract import Extract
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedRun, Role
from cicd_agent.modes.analyse_failure.questions import PROVEN, prompt, question, questions
from cicd_agent.modes.analyse_failure.result import CascadeStep, Diagnosis, FailureDraft
from cicd_agent.settings.schema import OFF, Settings
from tests.modes.analyse_failure.model_builders import (
    BLAMED,
    MESSAGE,
    MESSAGE_CITED,
    PATCH,
    answer,
    cite,
    claim,
    diagnosis,
    draft,
    evidence,
    failed_run,
    fix,
    job,
)
from tests.support.samples.changes import change_of

SETTINGS = Settings()


def asked(
    seen: Evidence | None = None, found: Diagnosis | None = None, settings: Settings = SETTINGS
) -> Question[FailureDraft]:
    made = question(found or diagnosis(), seen or evidence(), settings)
    assert made is not None
    return made


def test_one_question_is_asked_once_and_of_the_model_that_judges() -> None:
    [first] = questions(evidence(), (), SETTINGS)
    assert (first.name, first.tier, first.optional, first.looks) == ("failure", Tier.JUDGEMENT, False, True)
    assert questions(evidence(), (answer(draft()),), SETTINGS) == ()
    assert questions(evidence(), (answer(None, failure="gone"),), SETTINGS) == ()


@pytest.mark.parametrize(
    "seen",
    [
        evidence().put(FAILED_RUN, None),
        evidence(FailedRun()),
        evidence(failed_run(job(read=Extract()))),
        evidence(failed_run(job(role=Role.VICTIM), job(role=Role.UNREACHED))),
    ],
    ids=["no run", "no job", "no line", "no job that failed itself"],
)
def test_nothing_is_asked_when_no_line_of_a_log_is_there(seen: Evidence) -> None:
    assert questions(seen, (), SETTINGS) == ()


def test_nothing_is_asked_when_no_model_is_wanted() -> None:
    assert questions(evidence(), (), Settings(model=OFF)) == ()


@pytest.mark.parametrize("rung", CascadeStep)
def test_what_is_proved_already_costs_nothing(rung: CascadeStep) -> None:
    assert (question(diagnosis(rung=rung), evidence(), SETTINGS) is None) is (rung in PROVEN)


def test_the_instructions_have_a_version_and_name_only_what_is_shown() -> None:
    assert "<!-- prompt version: 1 -->" in prompt()
    assert asked().instructions == prompt()
    names = {"FOUND", "TESTS", "COMMITS", "EARLIER", "FILES"}
    assert all(f"`{name}`" in prompt() for name in names)
    assert estimate(prompt()) < 1_000


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (draft(), None),
        (draft(insufficient_evidence=True, claims=()), None),
        (draft(claims=()), "`claims` is empty"),
        (draft(cite(102, "assert 6 == 3")), "LOG1 line 102: the quote does not stand there"),
        (draft(cite(5, MESSAGE, "TESTS")), "TESTS line 5: there is no such exhibit to cite"),
        (draft(MESSAGE_CITED, cite(1, "def limit", "L1")), None),
        (draft(responsible_commit=BLAMED[:10]), None),
        (draft(responsible_commit="c3" * 20), f"“{'c3' * 20}” is none of COMMITS"),
        (draft(responsible_commit=BLAMED[:4]), "is none of COMMITS"),
        (draft(affected_files=("src/other.py", "src/nowhere.py")), "there is no “src/nowhere.py”"),
        (draft(fix=fix(patch=PATCH)), None),
        (draft(fix=fix(patch="return 3")), "`patch`: it is no unified diff"),
        # To be told that only rules may excuse a change would be to be told to blame it.
        (draft(cause=Cause.FLAKY), None),
    ],
)
def test_the_model_is_told_what_could_not_be_found_and_nothing_else(said: FailureDraft, complaint: str | None) -> None:
    told = asked().check(said)
    assert told is None if complaint is None else complaint in (told or "")


def test_files_are_not_complained_about_where_not_all_are_known() -> None:
    seen = evidence(change=replace(change_of(("a.py", "", "b\n")), paths=()))
    assert asked(seen).check(draft(MESSAGE_CITED, affected_files=("src/other.py",))) is None


def test_a_complaint_is_of_bounded_length() -> None:
    wrong = tuple(claim(cite(n, "x" * 9_000), statement="y" * 9_000) for n in range(900))
    assert len(asked().check(draft(claims=wrong)) or "") < 12_000
