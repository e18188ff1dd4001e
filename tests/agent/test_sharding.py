"""How a question about a large change becomes several."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.messages import Question
from cicd_agent.agent.prompt import estimate, render
from cicd_agent.agent.sharding import MAX_OTHERS, MAX_PARTS, PART, parts
from cicd_agent.domain.evidence import Exhibit
from tests.agent.drafts import Note

COMMON = Exhibit("house-rules", "rules", "Be kind.\n")
TEXT = "\n".join(f"value_{number} = compute({number})" for number in range(100))


def question(pieces: int) -> Question[Note]:
    made = (Exhibit("", f"src/{n}.py", TEXT, whole=True, gutter=("1+",) * 100, priority=5) for n in range(pieces))
    return Question("review", "Look.", (COMMON, *made), Note, lambda _: None)


def budget(tokens: int = 1_000_000, usd: float | None = None) -> Budget:
    return Budget(requests=16, input_tokens=tokens, seconds=60, clock=lambda: 0.0, usd=usd)


def sources(question: Question[Note]) -> Sequence[str]:
    return [each.source for each in question.evidence if each.whole]


def test_what_one_request_can_hold_is_one_question() -> None:
    assert parts(question(0), "m", budget()) == ()
    assert parts(question(20), "m", budget()) == ()


def test_parts_begin_alike_and_hold_every_piece_once_in_order() -> None:
    whole = question(60)
    found = parts(whole, "m", budget())
    assert [part.question.name for part in found] == [f"review {n}/{len(found)}" for n in range(1, len(found) + 1)]
    assert 2 < len(found) <= MAX_PARTS
    assert [source for part in found for source in sources(part.question)] == sources(whole)
    first, second = (part.question for part in found[:2])
    assert first.instructions == second.instructions == whole.instructions
    assert first.evidence[0] == second.evidence[0] == COMMON
    assert first.evidence[1].id == second.evidence[1].id == "part"
    for part in found:
        assert part.tokens < PART + 4_000
        assert not render(part.question.evidence, key=b"k", tokens=part.tokens, redact=str).left_out


def test_the_budget_decides_how_much_is_shown_and_the_least_important_is_left_out() -> None:
    found = parts(question(200), "m", budget(tokens=150_000))
    assert sum(part.tokens for part in found) <= 150_000 * 0.97
    left_out = [render(part.question.evidence, key=b"k", tokens=part.tokens, redact=str).left_out for part in found]
    assert not any(left_out[:-1])
    assert left_out[-1][-1] == "src/199.py lines 1 to 1"
    assert len({part.question.name for part in found}) == len(found)


def test_where_a_second_answer_costs_more_than_it_shows_there_is_one_question() -> None:
    assert parts(question(60), "gpt-5.5", budget(tokens=150_000, usd=0.5)) == ()
    assert parts(question(60), "gpt-5.5", budget(tokens=150_000, usd=5.0))


@pytest.mark.parametrize("tokens", [0, 1, 5_000])
def test_a_budget_that_is_too_small_for_one_is_not_divided(tokens: int) -> None:
    assert parts(question(60), "m", budget(tokens=tokens)) == ()


def test_evidence_without_pieces_is_never_divided() -> None:
    long = Exhibit("log", "log", TEXT * 100)
    assert parts(Question("q", "Look.", (long,), Note, lambda _: None), "m", budget()) == ()


def test_a_part_knows_the_files_of_the_others_and_the_signatures_that_change_there() -> None:
    service = "class Till:\ndef charge(order, limit):\n    x = 1\ndef charge(order):"
    whole = question(60)
    further = (
        Exhibit("", "odd\nname.txt", "text", whole=True, gutter=("1+",)),
        Exhibit("", "src/till.py", service, whole=True, gutter=("1=", "2+", "3+", "2-")),
        Exhibit("", "web/till.ts", "export async function charge(order: Order) {", whole=True, gutter=("7+",)),
    )
    first, *_, last = parts(replace(whole, evidence=(*whole.evidence, *further)), "m", budget())
    text = render(first.question.evidence, key=b"k", tokens=first.tokens, redact=str).text
    rows = [row for row in text.split("\n") if "till" in row or "charge" in row or "odd" in row]
    assert rows == [
        "|src/till.py",
        "2+|def charge(order, limit):",
        "2-|def charge(order):",
        "|web/till.ts",
        "7+|export async function charge(order: Order) {",
        "|odd<U+000A>name.txt",
    ]
    assert "|src/0.py" in render(last.question.evidence, key=b"k", tokens=last.tokens, redact=str).text
    assert "|src/0.py" not in text


def test_what_a_part_is_told_of_very_many_files_is_bounded() -> None:
    text = "\n".join(TEXT.split("\n")[:10])
    many = tuple(Exhibit("", f"src/deep/folder/{n}.py", text, whole=True, gutter=("1+",) * 10) for n in range(600))
    first, *_ = parts(Question("review", "Look.", many, Note, lambda _: None), "m", budget())
    [note] = [each for each in first.question.evidence if each.id == "part"]
    assert estimate(note.text) < MAX_OTHERS
    assert note.text.split("\n")[-1].endswith(" more files")
