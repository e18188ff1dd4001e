from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reader import Line
from cicd_agent.analysis.logs.registry import Message, Tool

WORDS = st.lists(st.text(alphabet="ab1 .*(", min_size=1, max_size=5), min_size=1, max_size=8, unique=True)


def lines(*texts: str) -> list[Line]:
    return [Line(number, text) for number, text in enumerate(texts, start=1)]


def blocks(message: Message, *texts: str) -> list[tuple[int, int, int]]:
    found = Matcher((Tool("x", Kind.UNKNOWN, (message,)),)).blocks(lines(*texts))
    return [(block.first, block.headline, block.last) for block in found]


@given(WORDS, st.text(alphabet="ab12 .*(", max_size=40))
def test_a_line_meets_a_message_when_it_holds_one_of_its_hints(hints: list[str], text: str) -> None:
    tools = [Tool(hint, Kind.UNKNOWN, (Message("^", (hint,), ""),)) for hint in hints]
    found = {form.tool.name for form in Matcher(tools).candidates(text)}
    # More may be offered, since numbers are alike to the search, but never fewer.
    assert {hint for hint in hints if hint in text} <= found


def test_numbers_in_a_hint_are_found_in_any_line_with_a_number_there() -> None:
    matcher = Matcher((Tool("x", Kind.UNKNOWN, (Message("code 137", ("code 137",), ""),)),))
    assert len(list(matcher.blocks(lines("exit code 1", "exit code 137")))) == 1


def test_a_block_goes_on_while_its_lines_do() -> None:
    message = Message("^E", ("E",), "", continuation="^ ", max_lines=3)
    assert blocks(message, "E1", " a", "b", "E2", " a", " b", " c") == [(0, 0, 1), (3, 3, 5)]


def test_a_block_ends_with_its_last_line_or_before_the_next_thing() -> None:
    closed = Message("^B", ("B",), "", end="^C", max_lines=9)
    assert blocks(closed, "B", "x", "C", "y") == [(0, 0, 2)]
    stopped = Message("^B", ("B",), "", stop_before="^S", max_lines=9)
    assert blocks(stopped, "B", "x", "S", "y") == [(0, 0, 1)]


def test_a_block_begins_before_the_line_that_opens_it_when_its_tool_does() -> None:
    message = Message("^B", ("B",), "", headline="^!", continuation="^!", max_lines=5, lines_before=2)
    assert blocks(message, "a", "b", "c", "B", "!x") == [(1, 4, 4)]
    assert blocks(message, "B") == [(0, 0, 0)]


def test_a_block_does_not_reach_over_lines_that_are_not_held() -> None:
    message = Message("^B", ("B",), "", continuation="", max_lines=9, lines_before=3)
    held = [Line(1, "a"), Line(7, "B"), Line(8, "c"), Line(20, "d")]
    (block,) = Matcher((Tool("x", Kind.UNKNOWN, (message,)),)).blocks(held)
    assert (block.first, block.last) == (1, 2)
