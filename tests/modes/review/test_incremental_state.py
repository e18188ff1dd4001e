"""What is remembered is what was shown whole and came to a good end, and it holds as long as the diff is the same."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cicd_agent.agent.messages import Answer, Question
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.review.incremental_state import diff_digest, load_state, save_state
from cicd_agent.modes.review.questions.draft import Claim, ClaimedSide, ReviewDraft
from cicd_agent.modes.review.questions.judge import Judged, JudgeDraft, Ruling
from cicd_agent.modes.review.questions.sequence import questions
from cicd_agent.modes.review.verdict import verify
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of
from tests.support.samples.generators import change as any_change
from tests.support.samples.generators import claims as any_claims

NAMES = ("a.py", "b.py", "c.py")
OFF = Settings(judge="off")
SOURCES = Path(__file__).parents[3] / "src"


def changed(**after: str) -> Change:
    return change_of(*((name, "x = 1\n", after.get(name[0], f"x = 1\ncall_{name[0]}()\n")) for name in NAMES))


def evidence(change: Change, memory: Sequence[str] = ()) -> Evidence:
    event = Event(EventKind.PULL_REQUEST, repo="o/r", pull=PullRequest(1))
    return Evidence(event, change, memory="\n".join(memory))


def claim(path: str, quote: str = "", **fields: Any) -> Claim:
    return Claim(
        **{
            "path": path,
            "side": ClaimedSide.NEW,
            "line": 2,
            "quote": quote or f"call_{path[0]}()",
            "severity": Severity.HIGH,
            "category": Category.RELIABILITY,
            "confidence": 0.9,
            "title": f"{path} fails",
            "explanation": "why",
            "advice": None,
            "suggestion": None,
            **fields,
        }
    )


def answered(*claims: Claim, **fields: Any) -> Answer[ReviewDraft]:
    draft = ReviewDraft(
        summary="It calls.",
        findings=claims,
        risk_level=RiskLevel.LOW,
        confidence=0.8,
        escalate_to_human=False,
        escalation_reason=None,
    )
    return Answer("review", draft, **fields)


def lines_of(answers: Sequence[Answer[Any]], first: Evidence, settings: Settings) -> tuple[str, ...]:
    """What is remembered of answers to the whole question, where they do not say to what."""
    about = tuple(
        exhibit
        for question in questions(first, (), settings)
        if question.draft is ReviewDraft
        for exhibit in question.evidence
    )
    whole = [each if each.optional or each.evidence else replace(each, evidence=about) for each in answers]
    return save_state(whole, first, settings)


def paths(found: Evidence) -> set[str]:
    return set(load_state(found, OFF).paths)


def after(answer: Answer[Any], change: Change | None = None) -> Evidence:
    """The evidence of a second run, when the first was answered so."""
    first = evidence(change or changed())
    return replace(first, memory="\n".join(lines_of([answer], first, OFF)))


def test_what_was_shown_and_answered_is_remembered() -> None:
    second = after(answered(claim("a.py")))
    assert paths(second) == set(NAMES)
    assert questions(second, (), OFF) == ()


@pytest.mark.parametrize(
    "fields",
    [{"failure": "down"}, {"instead_of": "the other is down"}, {"left_out": ("of nobody knows what",)}],
    ids=["a correction failed", "another model answered", "something unknown was left out"],
)
def test_no_other_end_is_a_good_one(fields: dict[str, Any]) -> None:
    assert paths(after(answered(**fields))) == set()
    assert paths(after(Answer("review", None, failure="down"))) == set()


def test_a_file_that_was_cut_or_left_out_is_not_remembered() -> None:
    second = after(answered(left_out=("a.py", "b.py from line 2 +")))
    assert paths(second) == {"c.py"}
    assert verify(RuleDraft(), [answered()], second, OFF).decision == "approve", "all of it was read by now"
    assert verify(RuleDraft(), [answered(left_out=("b.py",))], second, OFF).decision != "approve"


def test_what_else_was_left_out_still_forbids_approval() -> None:
    def second(*left_out: str) -> str:
        first = replace(evidence(changed()), exhibits=(Exhibit("guideline-1", "AGENTS.md", "Test it."),))
        lines = lines_of([answered(left_out=left_out)], first, OFF)
        again = replace(first, memory="\n".join(lines))
        assert paths(again) == set(NAMES)
        return verify(RuleDraft(), [], again, OFF).decision

    assert (second(), second("AGENTS.md")) == ("approve", "comment")


def test_several_answers_remember_each_its_part() -> None:
    first = evidence(changed())
    [question] = questions(first, (), OFF)
    one, two, three = ((exhibit,) for exhibit in question.evidence)
    answers = [
        answered(claim("a.py"), evidence=one),
        Answer("review", None, failure="down", evidence=two),
        answered(claim("c.py"), claim("a.py"), evidence=three),
    ]
    second = replace(first, memory="\n".join(save_state(answers, first, OFF)))
    assert paths(second) == {"a.py", "c.py"}
    assert [len(draft.findings) for draft in load_state(second, OFF).answers] == [1, 2]


def test_a_file_in_several_questions_is_remembered_when_all_of_it_was_answered() -> None:
    change = change_of(("a.py", None, "".join(f"line_{number}()\n" for number in range(2_000))))
    first = evidence(change)
    [question] = questions(first, (), OFF)
    good = [answered(evidence=(exhibit,)) for exhibit in question.evidence]
    assert len(good) > 1

    def left(answer: Answer[Any]) -> set[str]:
        answers = [replace(answer, evidence=good[0].evidence), *good[1:]]
        return paths(replace(first, memory="\n".join(save_state(answers, first, OFF))))

    assert left(good[0]) == {"a.py"}
    assert left(Answer("review", None, failure="down")) == set()
    assert left(answered(left_out=("a.py from line 9",))) == set()
    assert left(answered(left_out=("a.py lines 1 to 4, 9 to 12 and 2 more pieces",))) == set()


def test_answers_that_belong_to_no_question_are_not_remembered() -> None:
    assert save_state([answered(), answered()], evidence(changed()), OFF) == ()
    assert lines_of([], evidence(changed()), OFF) == ()


EDITS: dict[str, Callable[[FileDiff], FileDiff]] = {
    "its name": lambda file: replace(file, path="d.py"),
    "its old name": lambda file: replace(file, old_path="d.py"),
    "its mode": lambda file: replace(file, new_mode="100755"),
    "a line": lambda file: replace(
        file,
        hunks=tuple(replace(hunk, lines=tuple(replace(line, text="y") for line in hunk.lines)) for hunk in file.hunks),
    ),
    "a line end": lambda file: replace(
        file,
        hunks=tuple(
            replace(hunk, lines=tuple(replace(line, no_newline=True) for line in hunk.lines)) for hunk in file.hunks
        ),
    ),
    "what is in one hunk": lambda file: replace(file, hunks=(*file.hunks, *file.hunks)),
    "nothing": lambda file: file,
}


@pytest.mark.parametrize("edit", EDITS)
def test_each_difference_of_a_diff_is_one_of_its_digest(edit: str) -> None:
    file = changed().files[0]
    assert (diff_digest(EDITS[edit](file)) == diff_digest(file)) == (edit == "nothing")


def test_the_numbers_of_lines_are_no_difference() -> None:
    before = "".join(f"line_{number}\n" for number in range(50))
    one = change_of(("a.py", before, before.replace("line_20\n", "call()\n")))
    shifted = "top\n" * 30 + before
    other = change_of(("a.py", shifted, shifted.replace("line_20\n", "call()\n")))
    assert [diff_digest(file) for file in one.files] == [diff_digest(file) for file in other.files]


def test_a_quote_that_is_gone_is_rejected_whatever_is_remembered() -> None:
    first = evidence(changed())
    lines = [json.loads(line) for line in lines_of([answered(claim("a.py"))], first, OFF)]
    told = [{**each, "claim": {**each["claim"], "quote": "gone()"}} if "claim" in each else each for each in lines]
    second = replace(first, memory="\n".join([json.dumps(each) for each in told]))
    verdict = verify(RuleDraft(), [], second, OFF)
    assert not verdict.findings
    assert len(verdict.rejected) == 1


def test_any_line_may_be_missing_and_nothing_is_half_remembered() -> None:
    first = evidence(changed())
    lines = lines_of([answered(claim("a.py"), claim("a.py"), claim("b.py"), claim("nowhere.py"))], first, OFF)
    whole = {(each.claim.path, each.claim.title) for each in load_state(evidence(changed(), lines), OFF).claims}
    for missing in range(len(lines)):
        found = load_state(evidence(changed(), [*lines[:missing], *lines[missing + 1 :]]), OFF)
        for path in found.paths:
            told = sum(1 for each in found.claims if each.path == path)
            assert told == {"a.py": 2, "b.py": 1}.get(path, 0)
        assert {(each.claim.path, each.claim.title) for each in found.claims} <= whole
        assert len(found.paths) < 3 or missing == len(lines) - 1


@pytest.mark.parametrize(
    "line", ["", "[]", "{}", "null", '{"kind":"file"}', '{"kind":"run","head":1,"depends":""}', "{" * 9_000]
)
def test_lines_that_are_none_are_no_memory(line: str) -> None:
    assert load_state(evidence(changed(), [line] * 3), OFF).paths == frozenset()


def test_a_new_claim_on_a_file_that_was_not_asked_about_is_remembered_with_it() -> None:
    second = replace(after(answered(claim("b.py"))), change=changed(a="x = 1\ncall_again()\n"))
    assert paths(second) == {"b.py", "c.py"}
    answers = [answered(claim("a.py", "call_again()"), claim("b.py", category=Category.SECURITY))]
    third = replace(second, memory="\n".join(lines_of(answers, second, OFF)))
    assert paths(third) == set(NAMES)
    now, then = (verify(RuleDraft(), *rest, OFF) for rest in ((answers, second), ([], third)))
    assert now.findings == then.findings
    assert len(then.findings) == 3
    assert now.risk == then.risk


def test_a_model_that_may_be_shown_no_file_is_asked_nothing() -> None:
    question: Sequence[Question[Any]] = questions(evidence(changed()), (), Settings(paths_ignore=("*.py",)))
    assert question == ()


def test_when_the_end_finds_no_room_the_largest_files_are_remembered_and_the_rest_is_asked() -> None:
    names = [f"src/part_{number}.py" for number in range(900)]
    change = change_of(*((name, None, f"call_{number}()\n" * (1 + number % 7)) for number, name in enumerate(names)))
    first = evidence(change)
    lines = lines_of([answered(claim(names[6], "call_6()"))], first, OFF)
    second = replace(first, memory="\n".join(lines[: len(lines) // 3]))
    kept = paths(second)
    assert 100 < len(kept) < len(names)
    # The largest files are worth most.
    assert all(f"src/part_{number}.py" in kept for number in range(6, 200, 7))
    [question] = questions(second, (), OFF)
    assert {each.source for each in question.evidence} == set(names) - kept


RULINGS = st.builds(
    Judged,
    id=st.sampled_from([f"C{number}" for number in range(1, 8)]),
    ruling=st.sampled_from(Ruling),
    reason=st.text(max_size=9),
    severity=st.none() | st.sampled_from(Severity),
    confidence=st.none() | st.floats(0, 1),
)


@given(
    seed=st.integers(0, 10**9),
    summary=st.text(max_size=9),
    escalates=st.booleans(),
    rulings=st.lists(RULINGS, max_size=7),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_is_taken_over_is_what_was_found(
    seed: int, summary: str, rulings: list[Judged], *, escalates: bool
) -> None:
    random = Random(seed)
    change = any_change(random, SOURCES)
    claims = [posed.claim for posed in any_claims(random, change, random.randrange(12))]
    first = evidence(change)
    assume(questions(first, (), Settings()))
    main = answered(*claims)
    assert main.draft is not None
    told = main.draft.model_copy(update={"summary": summary, "escalate_to_human": escalates})
    judge = Answer("judge", JudgeDraft(rulings=tuple(rulings)), optional=True)
    answers: list[Answer[Any]] = [replace(main, draft=told), judge]
    second = replace(first, memory="\n".join(lines_of(answers, first, Settings())))
    assume(not questions(second, (), Settings()))
    now, then = (verify(RuleDraft(), *rest, Settings()) for rest in ((answers, first), ([], second)))
    assert then.recalled is not None
    assert replace(then, recalled=None) == now
    assert lines_of([], second, Settings()) == lines_of(answers, first, Settings())
