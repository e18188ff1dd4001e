from cicd_agent.analysis.logs.extract import Elision, Extract, ExtractLine, Frame, Kind, Problem
from cicd_agent.cli.extract import render

EXTRACT = Extract(
    kept=(
        ExtractLine(3, "src/cart.c:7: error: 'total' undeclared", 0.97, step="Run make", tool="gcc", times=4),
        ExtractLine(1204, "make: *** [cart.o] Error 1", 0.1, step="Run make"),
    ),
    elisions=(Elision(1, 2), Elision(4, 1203, folded=3)),
    problems=(
        Problem(
            "gcc", Kind.BUILD_ERROR, 3, 3, 3, "src/cart.c:7: error: 'total' undeclared", 0.97, step="Run make",
            frames=(Frame("src/cart.c", 7),), count=4,
        ),
    ),
    total=1204,
    tokens=31,
    notes=("1 line longer than 4,000 characters, of which the rest was not read.",),
)  # fmt: skip


def test_problems_come_first_then_lines_with_number_and_score_and_gaps_with_their_size() -> None:
    assert render(EXTRACT).splitlines() == [
        "2 lines of 1,204 lines shown, about 31 tokens",
        "  1. gcc build_error 0.97  line 3 · Run make · 4 times",
        "     src/cart.c:7: error: 'total' undeclared",
        "     at src/cart.c:7",
        "",
        "              … 2 lines",
        "              Run make:",
        "      3 0.97 │ src/cart.c:7: error: 'total' undeclared  (×4)",
        "              … 1,200 lines, 3 of them like lines that are shown",
        "  1,204 0.10 │ make: *** [cart.o] Error 1",
        "1 line longer than 4,000 characters, of which the rest was not read.",
    ]


def test_a_terminal_sees_the_same_in_colour() -> None:
    assert "\x1b[31m" in render(EXTRACT, colour=True)
    assert "\x1b" not in render(EXTRACT)


def test_what_a_log_says_moves_no_cursor_hides_nothing_and_shows_no_key() -> None:
    key = "ghp_" + "a1B2" * 9
    hostile = f"\x1b[2Jx\u202e\r\x9b token {key}"
    problem = Problem(hostile, Kind.UNKNOWN, 1, 1, 1, f"{hostile}\n::error::x", 1.0, step=hostile)
    text = render(Extract(kept=(ExtractLine(1, hostile, 1.0, step=hostile),), problems=(problem,), total=1))
    assert not set("\x1b\u202e\r\x9b") & set(text)
    assert key not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())


def test_an_empty_log_is_said_to_be_empty() -> None:
    assert render(Extract()) == "the log is empty\n"
