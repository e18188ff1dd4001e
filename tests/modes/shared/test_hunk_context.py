"""Where a hunk is: the definitions around it that it does not show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.repository.diff import Hunk
from cicd_agent.modes.shared.hunk_context import MAX_DISTANCE, MAX_ROW, MAX_ROWS, HunkContext
from tests.support.samples.changes import file_diff

BODY = "".join(f"        step_{number}()\n" for number in range(20))
TILL = f"class Till:\n    def open(self):\n{BODY}\n    async def charge(self):\n{BODY}\n"
SOURCE = f'"""Module."""\n\n\n{TILL}\ndef alone():\n{BODY}'


def rows(before: str, after: str, path: str = "a.py") -> list[list[tuple[str, str]]]:
    around = HunkContext(path, after)
    return [list(around.rows(hunk)) for hunk in file_diff(path, before, after).hunks]


def test_the_class_and_the_method_are_named_once() -> None:
    lines = SOURCE.split("\n")
    for number in (12, 22, 38):
        lines[number] += "  # new"
    assert rows(SOURCE, "\n".join(lines)) == [
        [("4=", "class Till:"), ("5=", "    def open(self):")],
        [],
        [("27=", "    async def charge(self):")],
    ]


def test_what_the_hunk_shows_and_what_stands_at_the_top_has_no_row() -> None:
    assert rows(SOURCE, SOURCE.replace("class Till:\n", "class Till:\n    x = 1\n")) == [[]]
    assert rows(SOURCE, f"{SOURCE}\n\nlast = 1\n") == [[]]
    assert rows("", SOURCE) == [[]]
    assert rows(SOURCE, "") == [[]]


def test_a_new_method_stands_in_its_class() -> None:
    new = SOURCE.replace("    async def", "    def close(self):\n        pass\n\n    async def")
    assert rows(SOURCE, new) == [[("4=", "class Till:")]]


def test_lines_that_are_only_deleted_have_their_place_too() -> None:
    assert rows(SOURCE, SOURCE.replace("        step_9()\n", "", 1)) == [
        [("4=", "class Till:"), ("5=", "    def open(self):")]
    ]


def test_other_languages_have_no_rows_without_a_heading() -> None:
    assert rows(SOURCE, SOURCE.replace("step_9()", "step_9(1)", 1), path="a.rb") == [[]]


def test_rows_are_few_and_short() -> None:
    depth = 20
    nested = "".join(f"{'  ' * level}def f{level}({'x' * 400}):\n" for level in range(depth))
    before = nested + "".join(f"{'  ' * depth}s{number}()\n" for number in range(20))
    [found] = rows(before, before.replace("s15()", "t()"))
    assert len(found) == MAX_ROWS
    assert all(len(text) <= MAX_ROW for _, text in found)
    assert [mark for mark, _ in found] == ["18=", "19=", "20="]


@pytest.mark.parametrize("start", [0, 1, 10**9])
def test_a_hunk_that_is_not_of_this_text_has_no_rows(start: int) -> None:
    [hunk] = file_diff("a.py", SOURCE, SOURCE.replace("step_9()", "t()", 1)).hunks
    moved = Hunk(start, hunk.old_count, start, hunk.new_count, "", hunk.lines)
    assert len(HunkContext("a.py", "x = 1\n").rows(moved)) == 0


@given(st.text("ab:(){}# \t\n\fdefclass\"'\\\r", max_size=300), st.text("ab:( \t\ndef", max_size=100))
def test_any_text_has_rows_of_its_own_lines(before: str, after: str) -> None:
    lines = after.split("\n")
    for found in rows(before, after):
        for mark, text in found:
            assert lines[int(mark[:-1]) - 1].startswith(text)


def test_what_begins_too_far_above_is_not_searched_for() -> None:
    for lines, found in ((MAX_DISTANCE - 100, [("1=", "class Till:")]), (MAX_DISTANCE + 100, [])):
        before = "class Till:\n" + "".join(f"    x{number} = 1\n" for number in range(lines))
        assert rows(before, before.replace(f"x{lines - 9} = 1", "y = 1")) == [found]


PYTHON = """\
def retry(order, limit=3):
    client = connect(order.shop)
    if order.large:
        pause = 2.0
    else:
        pause = 0.5
    for attempt in range(limit):
        unrelated = 1
        log(attempt)
        log(attempt)
        log(attempt)
        log(attempt)
        wait(1)


def other():
    client = None
"""


def test_where_a_local_of_the_hunk_comes_from_is_shown() -> None:
    assert rows(PYTHON, PYTHON.replace("wait(1)", "client.wait(pause * attempt)")) == [
        [
            ("1=", "def retry(order, limit=3):"),
            ("2=", "    client = connect(order.shop)"),
            ("6=", "        pause = 0.5"),
            ("7=", "    for attempt in range(limit):"),
        ]
    ]


def test_what_the_hunk_itself_assigns_or_only_names_as_an_attribute_or_argument_has_no_row() -> None:
    [found] = rows(PYTHON, PYTHON.replace("wait(1)", "pause = 1\n        wait(order.client, f(unrelated=pause))"))
    assert found == [("1=", "def retry(order, limit=3):")]


GO = """\
func charge(order Order) error {
\tkey := uuid.New()
\tif order.Large {
\t\tlimit := 5
\t\tlog(limit)
\t}
\tone()
\ttwo()
\tthree()
\tsend(order)
\treturn nil
}
"""


def test_in_other_languages_a_block_that_is_closed_gives_no_local() -> None:
    [found] = rows(GO, GO.replace("send(order)", "send(order, key, limit)"), path="a.go")
    assert found == [("2=", "\tkey := uuid.New()")]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("  const limit: number = read();", "limit"),
        ("    int limit = 5;", "limit"),
        ("    private static final Map<String, Integer> limit = new HashMap<>();", ""),
        ("    let mut limit = 5;", "limit"),
        ("    limit, err := load()", "limit"),
        ("    (rest, limit) = load()", "limit"),
        ("    const { limit } = options;", "limit"),
        ("    for (const limit of limits) {", "limit"),
        ("    for other, limit in pairs:", "limit"),
        ("    with load(path) as limit:", "limit"),
        ("    call(limit=5)", ""),
        ("    if limit == 5:", ""),
        ("    return limit", ""),
        ("    limits = 5", ""),
    ],
)
def test_an_assignment_is_recognised_in_many_languages(line: str, name: str) -> None:
    before = f"{line}\n" + "    step()\n" * 9
    [found] = rows(before, f"{before}    use(limit)\n", path="a.x")
    assert found == ([("1=", line)] if name else [])
