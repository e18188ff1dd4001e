"""A claim stands on lines that are there: every way to cite one that is not."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.logs.extract import ExtractLine
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.repository.diff import Side
from cicd_agent.modes.analyse_failure.claims import (
    MAX_CITATIONS,
    MAX_CLAIMS,
    MAX_DISTANCE,
    Proof,
    Prover,
    Weight,
)
from cicd_agent.modes.analyse_failure.evidence import FailedRun, Role
from cicd_agent.modes.analyse_failure.result import Citation, Cited
from cicd_agent.settings.schema import Settings
from tests.modes.analyse_failure.model_builders import (
    LINES,
    MESSAGE,
    cite,
    claim,
    diagnosis,
    evidence,
    extract,
    failed_run,
    job,
    problem,
)
from tests.support.samples.changes import change_of

# Built from parts: nothing in a repository may look like a key.
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def prove(*citations: Citation, seen: Evidence | None = None, lookups: tuple[Exhibit, ...] | None = ()) -> Proof:
    prover = Prover.of(diagnosis(), seen or evidence(), Settings())
    return prover.prove([claim(*citations)], lookups)


def reason(proof: Proof) -> str:
    assert proof.claims == ()
    assert proof.weight is Weight.NOTHING
    [dropped] = proof.dropped
    return dropped.reason


def test_a_line_quoted_where_it_stands_proves_the_claim() -> None:
    proof = prove(cite(102, MESSAGE))
    [kept] = proof.claims
    assert kept.text == "The limit was raised to 5."
    assert kept.cited == (
        Cited(102, MESSAGE, "unit (3.12)", "Run pytest", "https://github.com/o/r/actions/runs/1/job/2"),
    )
    assert proof.dropped == ()
    assert proof.weight is Weight.TOOL


@pytest.mark.parametrize(
    "quote",
    [MESSAGE.strip(), "assert 5 == 3", "E assert  5 ==\t3", f"  {MESSAGE}\n"],
    ids=["trimmed", "a part", "other blanks", "line end"],
)
def test_white_space_and_what_is_left_out_at_the_ends_are_forgiven(quote: str) -> None:
    assert prove(cite(102, quote)).claims[0].cited[0].text == MESSAGE


@pytest.mark.parametrize("off", [number for number in range(-MAX_DISTANCE, MAX_DISTANCE + 1) if number])
def test_a_quote_that_stands_a_few_lines_away_moves_there(off: int) -> None:
    assert prove(cite(102 + off, MESSAGE)).claims[0].cited[0].number == 102


def test_of_two_lines_that_hold_the_quote_the_nearest_is_meant() -> None:
    seen = evidence(failed_run(job(read=extract({10: "error: no limit", 12: "error: no limit"}, ()))))
    assert prove(cite(12, "error: no limit"), seen=seen).claims[0].cited[0].number == 12
    assert prove(cite(9, "error: no limit"), seen=seen).claims[0].cited[0].number == 10


@pytest.mark.parametrize(
    ("citation", "why"),
    [
        (cite(102 + MAX_DISTANCE + 1, MESSAGE), "LOG1 line 106: that line is not shown"),
        (cite(150, MESSAGE), "LOG1 line 150: the quote does not stand there"),
        (cite(1, MESSAGE), "LOG1 line 1: that line is not shown"),
        (cite(-3, MESSAGE), "LOG1 line -3: that line is not shown"),
        (cite(10**30, MESSAGE), f"LOG1 line {10**30}: that line is not shown"),
        (cite(120, "36 lines not shown"), "LOG1 line 120: that line is not shown"),
        (cite(102, "36 lines not shown"), "LOG1 line 102: the quote does not stand there"),
        (cite(102, f"102|{MESSAGE}"), "LOG1 line 102: the quote does not stand there"),
        (cite(102, "== 3"), "LOG1 line 102: a part of a line takes 8 characters"),
        (cite(102, MESSAGE.upper()), "LOG1 line 102: the quote does not stand there"),
        (cite(102, "assert 5 == 3."), "LOG1 line 102: the quote does not stand there"),
        (cite(102, "assert 5 … 3"), "LOG1 line 102: the quote does not stand there"),
        (cite(102, "== == =="), "LOG1 line 102: it quotes no words"),
        (cite(102, ""), "LOG1 line 102: it quotes no words"),
        (cite(101, f"assert retries() == 3\n{MESSAGE}"), "LOG1 line 101: it quotes more than one line"),
        (cite(102, MESSAGE, "LOG2"), "LOG2 line 102: there is no such exhibit to cite"),
        (cite(102, MESSAGE, "log1"), "log1 line 102: there is no such exhibit to cite"),
        (cite(1, "the log names a changed file", "FOUND"), "FOUND line 1: there is no such exhibit to cite"),
        (cite(1, "Allow five retries", "COMMITS"), "COMMITS line 1: there is no such exhibit to cite"),
        (cite(2, "return 7 or more", "src/retry.py"), "src/retry.py line 2: its quote is not in the diff of that file"),
        (cite(2, "return", "src/retry.py"), "src/retry.py line 2: a part of a line takes 8 characters"),
        (cite(1, "hidden_word = 1", ".env"), ".env line 1: there is no such exhibit to cite"),
        (cite(1, "return 3 and more", "src/other.py"), "src/other.py line 1: there is no such exhibit to cite"),
        (cite(1, "MAX = 3 # always", "L1"), "L1 line 1: there is no such exhibit to cite"),
    ],
)
def test_what_is_not_there_proves_nothing(citation: Citation, why: str) -> None:
    assert reason(prove(citation)) == why


def test_a_short_line_is_quoted_whole() -> None:
    seen = evidence(failed_run(job(read=extract({7: "  FAIL  ", 20: "FAIL: x y z"}, ()))))
    assert prove(cite(7, "FAIL"), seen=seen).claims
    assert reason(prove(cite(20, "FAIL"), seen=seen)) == "LOG1 line 20: a part of a line takes 8 characters"


def test_a_masked_secret_is_quoted_as_it_was_shown_and_never_as_it_is() -> None:
    seen = evidence(failed_run(job(read=extract({5: f"denied for {TOKEN} at\u202e line"}, ()))))
    shown = prove(cite(5, "denied for ‹secret:github-token› at<U+202E> line"), seen=seen)
    for proof in (shown, prove(cite(5, f"denied for {TOKEN}"), seen=seen)):
        [cited] = proof.claims[0].cited
        assert TOKEN not in cited.text
        assert "\u202e" not in cited.text


def test_a_changed_line_can_be_cited_and_says_which_file_was_edited() -> None:
    after, gone = prove(cite(9, "return 5", "src/retry.py")), prove(cite(2, "return 3", "src/retry.py"))
    for proof in (after, gone):
        assert proof.claims[0].cited[0].path == "src/retry.py"
        assert proof.edited == {"src/retry.py"}
        assert proof.weight is Weight.NOTHING
    context = prove(cite(1, "def retries():", "src/retry.py"))
    assert context.claims
    assert context.edited == frozenset()


def test_a_look_up_is_compared_once_it_is_known() -> None:
    looked = Exhibit("L1", "read_file src/other.py", "1|MAX = 3  # always\n2|x")
    said = cite(1, "MAX = 3 # always", "L1")
    assert prove(said, lookups=None).claims, "inside the loop nobody knows yet"
    assert prove(said, lookups=(looked,)).claims[0].cited == (
        Cited(1, "1|MAX = 3  # always", path="read_file src/other.py"),
    )
    assert reason(prove(cite(1, "MAX = 4 # always", "L1"), lookups=(looked,))).endswith("what was looked up")
    assert reason(prove(cite(1, "MAX = 3 # always", "L2"), lookups=(looked,))).endswith("no such exhibit to cite")


@pytest.mark.parametrize(
    ("line", "weight"),
    [(102, Weight.TOOL), (101, Weight.TOOL), (141, Weight.LINE), (150, Weight.WRAPPER)],
)
def test_a_tools_own_message_weighs_more_than_its_wrapper(line: int, weight: Weight) -> None:
    assert prove(cite(line, LINES[line])).weight is weight


@pytest.mark.parametrize(
    ("fields", "weight"),
    [({"score": 0.4}, Weight.WRAPPER), ({"score": 0.4, "test": "t"}, Weight.TOOL), ({"tool": ""}, Weight.LINE)],
    ids=["a count", "a test", "no tool that is known"],
)
def test_a_count_of_failures_says_as_little_as_a_wrapper(fields: dict[str, Any], weight: Weight) -> None:
    seen = evidence(failed_run(job(read=extract(problems=(replace(problem(100, 103, 102), **fields),)))))
    assert prove(cite(102, MESSAGE), seen=seen).weight is weight


def test_what_the_green_log_says_too_or_a_job_that_may_fail_is_no_message_that_failed_the_run() -> None:
    known = evidence(failed_run(job(read=extract(problems=(problem(100, 103, 102, novel=False),)))))
    tolerated = evidence(failed_run(job(role=Role.TOLERATED)))
    for seen in (known, tolerated):
        assert prove(cite(102, MESSAGE), seen=seen).weight is Weight.LINE


@pytest.mark.parametrize(
    ("line", "named"),
    [(102, {"src/retry.py"}), (140, {"src/retry.py"}), (141, set()), (150, set())],
    ids=["the message around it names it", "it names it", "it names nothing", "nor does the wrapper"],
)
def test_the_files_that_a_cited_line_leads_to_are_told(line: int, named: set[str]) -> None:
    assert prove(cite(line, LINES[line])).named == named


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("at /home/runner/work/r/r/src/retry.py:3", True),
        ("at xsrc/retry.py:3", False),
        ("at src/retry.pyc", False),
        ("poetry.lock is out of date", True),
        ("/usr/lib/poetry.lock is out of date", False),
    ],
)
def test_a_path_is_named_whole_or_not_at_all(text: str, *, named: bool) -> None:
    seen = evidence(failed_run(job(read=extract({5: text}, ()), places=())))
    assert bool(prove(cite(5, text), seen=seen).named) is named


def test_a_claim_keeps_what_holds_of_its_citations_and_tells_the_rest() -> None:
    proof = prove(cite(102, MESSAGE), cite(102, "assert 6 == 3"))
    assert len(proof.claims[0].cited) == 1
    [dropped] = proof.dropped
    assert dropped.reason == "one of its citations: LOG1 line 102: the quote does not stand there"


def test_claims_that_say_or_cite_nothing_are_dropped_with_the_reason() -> None:
    prover = Prover.of(diagnosis(), evidence(), Settings())
    said = [claim(cite(102, MESSAGE), statement=" \n"), claim()]
    assert [each.reason for each in prover.prove(said, ()).dropped] == ["it says nothing", "it cites nothing"]


def test_a_runaway_list_is_not_read_to_its_end() -> None:
    prover = Prover.of(diagnosis(), evidence(), Settings())
    proof = prover.prove([claim(cite(102, MESSAGE), statement=f"{n}") for n in range(MAX_CLAIMS + 3)], ())
    assert len(proof.claims) == MAX_CLAIMS
    assert {each.reason for each in proof.dropped} == {f"more than {MAX_CLAIMS} claims in one answer"}
    late = [*[cite(1, "not there at all")] * MAX_CITATIONS, cite(102, MESSAGE)]
    assert prove(*late).claims == ()


def test_a_statement_is_one_line_of_bounded_length() -> None:
    prover = Prover.of(diagnosis(), evidence(), Settings())
    [kept] = prover.prove([claim(cite(102, MESSAGE), statement="a\n" * 5_000)], ()).claims
    assert "\n" not in kept.text
    assert len(kept.text) <= 400


def test_a_log_that_is_not_shown_cannot_be_cited() -> None:
    seen = evidence(failed_run(job(role=Role.VICTIM)))
    assert reason(prove(cite(102, MESSAGE), seen=seen)).endswith("there is no such exhibit to cite")
    assert reason(prove(cite(102, MESSAGE), seen=evidence(FailedRun()))).endswith("there is no such exhibit to cite")


@given(
    number=st.integers(1, 60),
    quote=st.text(max_size=30),
    texts=st.lists(st.text(max_size=40), min_size=1, max_size=50),
)
def test_what_is_cited_always_stands_in_a_kept_line_near_its_number(number: int, quote: str, texts: list[str]) -> None:
    kept = tuple(ExtractLine(at, text, 0.5) for at, text in enumerate(texts, 5))
    seen = evidence(failed_run(job(read=replace(extract(), kept=kept, problems=()))))
    for found in prove(cite(number, quote), seen=seen).claims:
        for cited in found.cited:
            assert abs(cited.number - number) <= MAX_DISTANCE
            raw = " ".join(texts[cited.number - 5].split())
            assert " ".join(quote.split()) in raw or " ".join(quote.split()) in " ".join(cited.text.split())


@pytest.mark.parametrize(
    ("line", "quote", "side", "number"),
    [
        (2, "return 5", Side.RIGHT, 2),
        (2, "return 3", Side.LEFT, 2),
        (1, "total = 1", Side.LEFT, 1),
        (3, "total = 1", Side.RIGHT, 3),
    ],
)
def test_a_citation_of_a_diff_says_in_which_version_it_stands(line: int, quote: str, side: Side, number: int) -> None:
    moved = evidence(change=change_of(("a.py", "total = 1\nx = 1\ny = 2\n", "x = 1\ny = 2\ntotal = 1\n")))
    path, seen = ("a.py", moved) if "total" in quote else ("src/retry.py", evidence())
    [kept] = prove(cite(line, quote, path), seen=seen).claims
    assert [(one.path, one.side, one.number) for one in kept.cited] == [(path, side, number)]
