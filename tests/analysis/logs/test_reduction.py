from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.logs import reduction as line_filter
from cicd_agent.analysis.logs.extract import Extract, Kind, Trouble
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reader import MAX_LINE, StepSpan, read
from cicd_agent.analysis.logs.reduction import estimate_tokens, reduce
from cicd_agent.analysis.logs.registry import Message, Tool
from cicd_agent.analysis.logs.template import Templates

COMPILER = Tool(
    "cc",
    Kind.BUILD_ERROR,
    (
        Message(
            r"^(?P<path>\S+\.c):(?P<line>\d+): error: ",
            (": error: ",),
            "a.c:1: error: ",
            continuation=r"^ ",
            max_lines=6,
        ),
    ),
    noise=(r"ignored\.c",),
)
TESTS = Tool(
    "tests",
    Kind.TEST_FAILURE,
    (
        Message(
            r"^BEGIN ",
            ("BEGIN",),
            "BEGIN it",
            end=r"^END",
            headline=r"^expected (?P<code>\d+) in (?P<test>\w+)",
            max_lines=10,
            lines_before=1,
        ),
    ),
)
MAKE = Tool("make", Kind.UNKNOWN, (Message(r"^make: \*\*\*", ("make: ***",), "make: ***", weight=0.1),), wraps=True)
MATCHER = Matcher((COMPILER, TESTS, MAKE))
QUIET = b"".join(b"installed package-%d into place\n" % count for count in range(400))

LINES = st.one_of(
    st.sampled_from(
        ["", "a.c:1: error: no such thing", "  in a place", "make: *** [all] Error 1", "ok", "##[error]x", "Traceback",
         "BEGIN it", "END", "  at f (x.js:1:2)", "$ make", "##[group]Run make", "exit status 1", "fail 1", "fail 2"]
    ),
    st.text(max_size=30),
)  # fmt: skip


def of(text: bytes, budget: int = 2_000, green: bytes = b"", steps: Sequence[StepSpan] = ()) -> Extract:
    known = Templates(line.text for line in read([green])) if green else None
    return reduce([text], tokens=budget, green=known, matcher=MATCHER, steps=steps)


def shown(extract: Extract) -> list[str]:
    return [line.text for line in extract.kept]


@given(st.lists(LINES, max_size=60), st.integers(1, 300), st.sampled_from([b"", b"fail 1\nok\n"]))
def test_every_line_is_kept_or_in_an_elision(lines: list[str], budget: int, green: bytes) -> None:
    raw = "\n".join(lines).encode("utf-8", "surrogatepass")
    extract = of(raw, budget, green=green)
    every = [line.number for line in extract.kept]
    for gap in extract.elisions:
        assert 0 <= gap.folded <= gap.lines
        every += range(gap.first, gap.last + 1)
    assert sorted(every) == list(range(1, extract.total + 1))
    texts = {line.number: line.text for line in read([raw])}
    assert all(texts[line.number] == line.text and line.times >= 1 for line in extract.kept)
    assert sum(estimate_tokens(line.text) for line in extract.kept) <= extract.tokens <= budget + 1
    assert all(
        0 <= problem.score <= 1 and problem.first <= problem.line <= problem.last for problem in extract.problems
    )
    assert of(raw, budget, green=green) == extract


def test_the_cause_is_kept_wherever_it_stands() -> None:
    cause = b"src/cart.c:7: error: 'total' undeclared\n   int sum = total;\n             ^~~~~\n"
    extract = of(QUIET + cause + QUIET + b"make: *** [cart.o] Error 1\n", 120)
    assert set(cause.decode().splitlines()) <= set(shown(extract))
    (problem, wrapper) = extract.problems
    assert (problem.tool, problem.kind, problem.line, problem.first, problem.last) == (
        "cc",
        "build_error",
        401,
        401,
        403,
    )
    assert [(frame.path, frame.line) for frame in problem.frames] == [("src/cart.c", 7)]
    assert wrapper.wraps
    assert wrapper.score < problem.score


def test_a_message_is_the_line_that_says_it_in_its_block() -> None:
    (problem,) = of(b"before\nBEGIN it\nx\nexpected 3 in test_total\ny\nEND\nafter\n").problems
    assert (problem.first, problem.line, problem.last) == (1, 4, 6)
    assert (problem.test, problem.code, problem.text) == ("test_total", "3", "expected 3 in test_total")


def test_noise_of_a_tool_is_no_message_of_it() -> None:
    extract = of(b"ignored.c:1: error: x\n")
    assert [problem.tool for problem in extract.problems] == [""]


def test_a_tool_that_nobody_knows_is_heard_too() -> None:
    extract = of(QUIET + b"frobnicate: cannot open the gate: permission denied\n" + QUIET, 60)
    assert "frobnicate: cannot open the gate: permission denied" in shown(extract)
    assert extract.problems[0].line == 401


def test_what_stands_before_a_failed_command_is_kept_without_any_word_of_trouble() -> None:
    log = QUIET + b'  [L12] 301 https://a.example to https://b.example\nThe command "check" exited with 1.\n' + QUIET
    assert any("[L12]" in text for text in shown(of(log, 100)))


def test_a_line_of_the_green_log_is_worth_less_but_not_nothing() -> None:
    log = b"old.c:1: error: never mind\n" + QUIET + b"new.c:2: error: no such thing\n"
    (known, new) = sorted(of(log, green=b"old.c:1: error: never mind\n").problems, key=lambda problem: problem.line)
    assert (known.novel, known.strict, known.loose) == (False, "", "")
    assert new.novel
    assert new.strict
    assert new.score > known.score > 0


def test_a_repeat_is_folded_into_the_first_and_counted() -> None:
    extract = of(b"gate: cannot open\nother\n" * 50)
    kept = next(line for line in extract.kept if line.text == "gate: cannot open")
    assert (kept.number, kept.times) == (1, 50)
    assert sum(gap.folded for gap in extract.elisions) >= 49
    assert extract.problems[0].count == 50


def test_a_step_that_failed_is_heard_before_others() -> None:
    log = b"##[group]Run a\n##[endgroup]\nerror: one\n##[group]Run b\n##[endgroup]\nerror: two\n"
    first = of(log, steps=(StepSpan("Run b", failed=True),)).problems[0]
    assert (first.text, first.step) == ("error: two", "Run b")


def test_a_command_that_is_only_shown_is_no_problem() -> None:
    log = b"##[group]Run x\necho 'error: a.c:1: error: no'\nshell: bash\n##[endgroup]\n+ echo 'fatal: no'\nfatal: yes\n"
    assert [problem.text for problem in of(log).problems] == ["fatal: yes"]


def test_of_two_exceptions_the_one_that_came_of_the_other_is_first() -> None:
    raises = Tool("py", Kind.UNKNOWN, (Message(r"^\w+Error: ", ("Error: ",), "KeyError: a"),))
    log = b"KeyError: a\n\nDuring handling of the above exception, another exception occurred:\n\nValueError: b\n"
    first, second, *_ = reduce([log], matcher=Matcher((raises,))).problems
    assert (first.text, second.text) == ("ValueError: b", "KeyError: a")


def test_a_line_of_great_length_does_not_eat_the_budget() -> None:
    log = b"error: " + b"x1-" * 5_000_000 + b"\n" + b"gate: cannot open\n"
    extract = of(log, 100)
    assert shown(extract) == ["gate: cannot open"]
    assert extract.notes == (f"1 line longer than {MAX_LINE:,} characters, of which the rest was not read.",)


@pytest.mark.parametrize("raw", [b"", b"\n", b"\n\n\n", b"\x00\xff" * 5_000, b"\x1b" * 500, b"\r" * 5_000])
def test_what_is_no_log_is_no_failure(raw: bytes) -> None:
    extract = of(raw)
    assert extract.total == raw.count(b"\n") + (raw != b"" and not raw.endswith(b"\n"))
    assert extract.bytes == len(raw)


def test_of_a_huge_log_what_may_matter_is_held_and_everything_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_filter, "MAX_LINES", 10_000)
    quiet = b"".join(b"installed package-%d\n" % count for count in range(20_000))
    extract = of(quiet + b"src/cart.c:7: error: no such thing\n" + quiet, 60)
    assert extract.problems[0].line == 20_001
    assert "src/cart.c:7: error: no such thing" in shown(extract)
    assert extract.total == 40_001
    assert sum(gap.lines for gap in extract.elisions) + len(extract.kept) == 40_001
    assert extract.notes[0].startswith("Of 40,001 lines ")


def test_a_huge_log_of_nothing_but_trouble_is_held_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_filter, "MAX_LINES", 1_000)
    log = b"".join(b"error: %s is broken\n" % (b"ab"[count % 2 :] * (count % 97)) for count in range(9_000))
    selection = line_filter.select_lines(read([log]), lambda _: 1.0)
    assert len(selection.lines) <= 1_000
    assert len(selection.hashes) == 9_000


def test_what_only_looks_like_trouble_is_not_named_beside_a_clear_word() -> None:
    log = b"src/cart.c:7: error: no such thing\n" + b"cache: not found\n" * 30
    assert [problem.tool for problem in of(log).problems] == ["cc"]


def test_the_line_of_the_first_problem_is_shown_with_the_highest_score() -> None:
    log = b"gate: cannot open, error: gate: failed\n" * 3 + b"src/cart.c:7: error: " + b"x " * 80 + b"\n" + QUIET
    extract = of(log, 100)
    (top,) = (line for line in extract.kept if line.score == 1.0)
    assert top.number == extract.problems[0].line == 4


def test_of_what_could_not_be_fetched_the_trouble_in_its_block_is_the_reason() -> None:
    log = (
        b"error: Failed to download `numpy==2.1.0`\n"
        b"  Caused by: error sending request for url (https://files.example/numpy.whl)\n"
        b"  Caused by: dns error\n"
        b"  Caused by: failed to lookup address information: Name or service not known\n"
        b"##[error]Process completed with exit code 1.\n"
    )
    first = reduce([log]).problems[0]
    assert (first.tool, first.kind, first.trouble) == ("uv", Kind.DEPENDENCY, Trouble.NETWORK)
