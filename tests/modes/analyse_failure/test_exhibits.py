"""What a model is shown of a failed run: its logs by their own line numbers, and what there is beside them."""

import time
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.agent.messages import Question
from cicd_agent.agent.prompt import estimate, render
from cicd_agent.agent.sharding import PART, parts
from cicd_agent.analysis.logs.extract import Elision, Extract, ExtractLine, Kind
from cicd_agent.analysis.test_reports.cases import Case, Outcome
from cicd_agent.domain.events.workflow_run import JobRun
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.change import Commit
from cicd_agent.modes.analyse_failure.evidence import Candidate, FailedJob, FailedRun, LogSource, Role, Trace
from cicd_agent.modes.analyse_failure.exhibits import MAX_LOGS, logs
from cicd_agent.modes.analyse_failure.questions import question
from cicd_agent.modes.analyse_failure.result import Diagnosis, Failure, FailureDraft, Overlap, Suspect
from cicd_agent.settings.schema import Settings
from tests.modes.analyse_failure.model_builders import (
    BLAMED,
    MESSAGE,
    OTHER,
    diagnosis,
    draft,
    evidence,
    extract,
    failed_run,
    job,
    problem,
)
from tests.support.fakes.scripted_model import ScriptedModel
from tests.support.samples.changes import change_of

SETTINGS = Settings()


def asked(
    seen: Evidence | None = None, found: Diagnosis | None = None, settings: Settings = SETTINGS
) -> Question[FailureDraft]:
    made = question(found or diagnosis(), seen or evidence(), settings)
    assert made is not None
    return made


def shown(seen: Evidence | None = None, found: Diagnosis | None = None) -> dict[str, str]:
    """The text of each exhibit by its name; of the pieces of a file's diff, together."""
    told: dict[str, str] = {}
    for each in asked(seen, found).evidence:
        told[each.id or each.source] = told.get(each.id or each.source, "") + each.text + "\n"
    return told


def test_the_lines_of_a_log_stand_behind_their_own_numbers() -> None:
    [log] = [each for each in asked().evidence if each.id == "LOG1"]
    assert log.source == "log of unit (3.12), Run pytest"
    rows = dict(zip(log.gutter, log.text.split("\n"), strict=True))
    assert rows["102"] == MESSAGE
    assert [mark for mark in log.gutter if mark != "…"] == ["100", "101", "102", "103", "140", "141", "150"]


def test_what_is_left_out_of_a_log_is_told_and_has_no_number() -> None:
    read = Extract(
        kept=(ExtractLine(1, "a", 0.5, times=3), ExtractLine(9, "b", 0.5)),
        elisions=(Elision(2, 8, folded=2), Elision(10, 10)),
    )
    [log] = [each for each in asked(evidence(failed_run(job(read=read)))).evidence if each.id == "LOG1"]
    assert [*zip(log.gutter, log.text.split("\n"), strict=True)] == [
        ("1 ×3", "a"),
        ("…", "7 lines not shown, 2 of them like lines that are"),
        ("9", "b"),
        ("…", "1 line not shown"),
    ]


PASSED = (
    "✔ pays in and out (1.8ms)",
    "  ✓ formats dates",
    "--- PASS: TestShare (0.00s)",
    "PASS",
    "ok  \texample.com/shop/money\t0.01s",
    "ok 1 - pays in and out",
    "tests/test_a.py::test_b PASSED                                    [ 10%]",
    "test_food (tests.test_rates.RatesTest.test_food) ... ok",
    "test router::splits ... ok",
    "PASS src/a.test.js",
)
NOT_PASSED = (
    "✖ buys with tax",
    "--- FAIL: TestBuy (0.00s)",
    "not ok 2 - buys with tax",
    "1 failed, 3 passed in 0.12s",
    "PASS: 3, FAIL: 1",
    "password refused",
    "okay was expected",
    "ok is not a function",
    "tests/test_a.py::test_b FAILED",
    "expected status ok",
)


def test_lines_about_tests_that_passed_are_not_shown() -> None:
    texts = dict(enumerate((*PASSED, *NOT_PASSED), 1))
    read = Extract(tuple(ExtractLine(number, text, 0.5) for number, text in texts.items()), (Elision(21, 30, 2),))
    [log] = [each for each in asked(evidence(failed_run(job(read=read)))).evidence if each.id == "LOG1"]
    rows = [*zip(log.gutter, log.text.split("\n"), strict=True)]
    assert rows[0] == ("…", f"{len(PASSED)} lines not shown")
    assert [text for _, text in rows[1:-1]] == [*NOT_PASSED]
    assert rows[-1] == ("…", "10 lines not shown, 2 of them like lines that are")


def test_a_line_that_a_tool_means_is_shown_though_it_looks_like_a_test_that_passed() -> None:
    read = extract({102: "ok 3 - but slow"}, (replace(problem(100, 103, 102), text="ok 3 - but slow"),))
    assert "ok 3 - but slow" in shown(evidence(failed_run(job(read=read))))["LOG1"]


def test_a_line_that_is_none_does_not_shift_the_others() -> None:
    read = Extract(kept=(ExtractLine(1, "a\nb\r", 0.5), ExtractLine(2, "c\u2028d", 0.5)))
    made = asked(evidence(failed_run(job(read=read))))
    text = render(made.evidence, key=b"k", tokens=50_000, redact=str).text
    assert "\n1|a b\n2|c<U+2028>d\n" in text


def failing(name: str, title: str = "x", *siblings: str) -> Failure:
    return Failure(Kind.TEST_FAILURE, title, job=name, siblings=siblings)


def named(*names: str, **fields: Any) -> list[FailedJob]:
    return [job(name, **fields) for name in names]


def test_the_most_decisive_job_comes_first_and_of_siblings_one_is_shown() -> None:
    jobs = named("lint", "unit (3.11)", "unit (3.12)", "docs")
    found = diagnosis(failures=(failing("unit (3.12)", "x", "unit (3.11)"), failing("lint")))
    sources = {each.id: each.source for each in asked(evidence(failed_run(*jobs)), found).evidence if each.id}
    logs = {name: source for name, source in sources.items() if name.startswith("LOG")}
    assert logs == {
        "LOG1": "log of unit (3.12), Run pytest",
        "LOG2": "log of lint, Run pytest",
        "LOG3": "log of docs, Run pytest",
    }
    assert "and in 1 other job" in shown(evidence(failed_run(*jobs)), found)["FOUND"]


def test_a_sibling_with_a_failure_of_its_own_is_shown() -> None:
    found = diagnosis(failures=(failing("a", "x", "b"), failing("b", "y")))
    assert {"LOG1", "LOG2"} <= shown(evidence(failed_run(*named("a", "b"))), found).keys()


def test_of_many_logs_the_first_are_shown_and_the_others_counted() -> None:
    told = shown(evidence(failed_run(*named(*"abcdefgh"))))
    assert f"LOG{MAX_LOGS}" in told
    assert f"LOG{MAX_LOGS + 1}" not in told
    assert "not shown: 3 more logs" in told["FOUND"]


def test_annotations_and_jobs_that_may_fail_are_called_what_they_are() -> None:
    seen = evidence(failed_run(job("a", source=LogSource.ANNOTATIONS, step=""), job("b", role=Role.TOLERATED)))
    sources = {each.id: each.source for each in asked(seen).evidence}
    assert sources["LOG1"] == "annotations of a"
    assert sources["LOG2"] == "log of b, Run pytest (it may fail)"


def test_what_rules_found_is_shown_as_ours() -> None:
    meetings = (
        Overlap("src/retry.py", 2, 103, exact=True, sha=BLAMED),
        Overlap("src/limit.py", 0, 0, via="tests/test_retry.py"),
    )
    text = shown(found=diagnosis(Cause.CHANGE, meetings=meetings))["FOUND"]
    assert text.startswith("failure_type test_failure, cause change (by meets_change), confidence 0.90\n")
    assert "because the log names a changed file\n" in text
    line = "line 103 of the log names src/retry.py (line 2 of it, which is a changed one)"
    assert f"{line}: it was changed by {BLAMED[:12]}" in text
    assert "the log names tests/test_retry.py, which imports src/limit.py: it was changed" in text


def test_failing_cases_are_shown_and_passing_ones_are_not() -> None:
    cases = (
        Case("test_limit", "retry", Outcome.FAILED, "tests/test_retry.py", 12, "assert 5 == 3", "deep\n\n  trace"),
        Case("test_fine", "retry", Outcome.PASSED, message="all is well"),
        *(Case(f"test_{n}", outcome=Outcome.ERROR) for n in range(30)),
    )
    text = shown(evidence(failed_run(cases=cases)))["TESTS"]
    assert text.startswith("failed: retry test_limit (tests/test_retry.py:12)\n  assert 5 == 3\n  deep\n    trace\n")
    assert "all is well" not in text
    assert text.rstrip().endswith("and 11 more")


def test_commits_are_shown_with_their_files_those_that_meet_the_failure_first() -> None:
    suspects = (Suspect(OTHER, "Write notes", 0.5, (Overlap("docs/notes.md", 1, 102),)), Suspect(BLAMED, "Allow", 0.0))
    text = shown(found=diagnosis(suspects=suspects))["COMMITS"]
    assert text == (
        f"{OTHER[:12]} Write notes (meets the failure): docs/notes.md\n{BLAMED[:12]} Allow five retries: src/retry.py\n"
    )


def test_a_commit_is_shown_with_what_became_of_its_files() -> None:
    left = ("src/old.py → src/new.py +1 -0", "src/gone.py deleted")
    candidates = (Candidate(Commit(OTHER, "Tidy"), {"src/new.py": None}, files=left), Candidate(Commit("", "work"), {}))
    text = shown(evidence(failed_run(candidates=candidates)))["COMMITS"]
    assert text == f"{OTHER[:12]} Tidy: {', '.join(left)}\n- work: no files\n"


def test_many_commits_and_files_are_counted() -> None:
    candidates = tuple(Candidate(Commit(f"{n:040x}", "s"), {f"f{file}": None for file in range(10)}) for n in range(40))
    text = shown(evidence(failed_run(candidates=candidates)))["COMMITS"]
    assert "f7 and 2 more" in text
    assert text.rstrip().endswith("and 10 more")


def test_earlier_runs_of_the_job_are_shown_those_that_failed_alike_first() -> None:
    strict = "0123456789abcdef"
    read = extract(problems=(replace(problem(100, 103, 102), strict=strict),))
    traces = (
        Trace(2, 1, "unit", "", OTHER, pull=9, strict=("", "f" * 16)),
        Trace(1, 1, "unit", "failure", OTHER, "main", is_default=True, fixed_by=BLAMED, strict=(strict,)),
    )
    text = shown(evidence(failed_run(job(read=read), traces=traces)))["EARLIER"]
    assert text.split("\n")[:2] == [
        f"unit on main at {OTHER[:12]}: failure, with a message of this run, passed again from {BLAMED[:12]} on",
        f"unit on pull request 9 at {OTHER[:12]}: unknown",
    ]


def test_the_words_of_the_pull_request_stay_out() -> None:
    assert "Say" not in render(asked().evidence, key=b"k", tokens=50_000, redact=str).text


def test_denied_files_are_named_and_their_text_is_not_shown() -> None:
    told = shown()
    assert "hidden_word" not in "".join(told.values())
    assert "added .env: +1 -0, not to be shown" in told["FILES"]
    assert "modified poetry.lock: +1 -1, lock file" in told["FILES"]
    assert "modified src/retry.py: +1 -1\n" in told["FILES"]


def test_the_change_leaves_the_logs_their_room_and_what_is_not_shown_is_named() -> None:
    lines = [f"value_{n} = compute({n})\n" for n in range(600)]
    files = [(f"src/m{n}.py", "", "".join(lines)) for n in range(9)]
    seen = evidence(failed_run(job(places=())), change=change_of(*files, ("src/retry.py", "", "limit = 5\n")))
    made = asked(seen)
    pieces = sum(estimate(each.text) + 4 * len(each.gutter) for each in made.evidence if not each.id)
    assert 4_000 < pieces < PART // 2
    listed = shown(seen)["FILES"]
    assert "src/m8.py: +600 -0, not shown for its size" in listed
    assert "src/retry.py: +1 -0\n" in listed
    budget = Budget(requests=9, input_tokens=150_000, seconds=60, clock=time.monotonic)
    assert parts(made, "gpt-5.5", budget) == (), "the question is never divided: one draft answers it"


def test_files_that_the_log_names_come_first() -> None:
    files = [(f"src/m{n}.py", "", "".join(f"value_{n} = compute({n})\n" for n in range(600))) for n in range(9)]
    seen = evidence(failed_run(job(places=())), change=change_of(*files))
    met = diagnosis(meetings=(Overlap("src/m8.py", 1, 102),))
    assert "src/m8.py" in shown(seen, met)
    assert "src/m8.py" not in shown(seen)


def test_a_question_whose_logs_leave_no_room_for_the_change_is_asked_all_the_same() -> None:
    lines = {n: f"error {n}: something is not as it should be" for n in range(1, 300)}
    seen = evidence(failed_run(job(read=extract(lines, ()))), change=change_of(("a.py", "", "x = 1\n" * 3_000)))
    model = ScriptedModel(draft(insufficient_evidence=True).model_dump_json())
    budget = Budget(requests=3, input_tokens=9_000, seconds=60, clock=time.monotonic)
    said = ask(asked(seen), model, budget, key=b"k", redact=str, max_output_tokens=1_000)
    assert said.draft is not None, said.failure
    assert any(left.startswith("a.py") for left in said.left_out)


def test_what_the_repository_says_of_itself_is_shown() -> None:
    made = asked(settings=Settings(instructions="Tests need Redis."))
    assert made.evidence[0].text == "Tests need Redis."


def test_hostile_evidence_is_shown_line_by_line() -> None:
    seen = evidence(
        FailedRun(
            jobs=(job("a\nb"),),
            cases=(Case("t\nu", "s\r", Outcome.FAILED, message="m\n" * 900, detail="d\u2029e\n" * 900),),
            candidates=(Candidate(Commit("x" * 40, "s\nFOUND"), {"p\nq": None}),),
            traces=(Trace(1, 1, "j\nk", "failure", "y" * 40, "b\nc"),),
        )
    )
    found = diagnosis(failures=(failing("a\nb", "t\n" * 900),), meetings=(Overlap("p\nq", -1, -1),))
    text = render(asked(seen, found).evidence, key=b"k", tokens=50_000, redact=str).text
    fence = text.split()[3]
    assert all(line.startswith((fence, "The fence")) or "|" in line for line in text.splitlines())
    assert JobRun(1, "a\nb").name not in text


LINES_OF_ANY_KIND = st.lists(
    st.builds(ExtractLine, st.integers(-3, 9), st.text(max_size=9), st.floats(), times=st.integers(-1, 3)), max_size=6
)
GAPS_OF_ANY_KIND = st.lists(st.builds(Elision, st.integers(-3, 9), st.integers(-3, 9), st.integers(-1, 3)), max_size=3)


@given(
    jobs=st.lists(
        st.builds(
            lambda name, step, kept, gaps: job(name, Extract(tuple(kept), tuple(gaps)), step=step),
            st.text(max_size=5),
            st.text(max_size=5),
            LINES_OF_ANY_KIND,
            GAPS_OF_ANY_KIND,
        ),
        max_size=4,
    ),
    siblings=st.lists(st.text(max_size=5), max_size=3),
)
def test_whatever_was_read_of_logs_is_shown_row_by_row(jobs: list[FailedJob], siblings: list[str]) -> None:
    found = diagnosis(failures=tuple(failing(name, name, *siblings) for name in siblings))
    made = question(found, evidence(FailedRun(jobs=tuple(jobs))), SETTINGS)
    assert (made is not None) is (bool(logs(found, FailedRun(jobs=tuple(jobs)))))
    for each in made.evidence if made else ():
        assert not each.gutter or len(each.gutter) == each.text.count("\n") + 1
    assert made is None or render(made.evidence, key=b"k", tokens=50_000, redact=str).shown == len(made.evidence)
