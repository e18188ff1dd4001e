"""The diff as evidence: whole pieces in order of what matters, and nothing left out without a word."""

from dataclasses import replace

from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from cicd_agent.agent.prompt import render
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.review.questions.sequence import questions
from cicd_agent.modes.shared.diff_exhibits import pieces, priority
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

SETTINGS = Settings()
LINES = "".join(f"value_{number} = compute({number})\n" for number in range(400))


def edited(*numbers: int) -> str:
    """LINES with some lines changed."""
    lines = LINES.split("\n")
    for number in numbers:
        lines[number] = f"value_{number} = other({number})"
    return "\n".join(lines)


def test_production_code_comes_first_and_directories_stay_together() -> None:
    paths = ["docs/a.md", "tests/test_a.py", "src/b/x.py", "Makefile", "src/a/x.py", "src/b/y.py"]
    change = change_of(*((path, None, "a = 1\n") for path in paths))
    assert [each.source for each in pieces(change, SETTINGS)] == [
        "src/a/x.py",
        "src/b/x.py",
        "src/b/y.py",
        "Makefile",
        "tests/test_a.py",
        "docs/a.md",
    ]
    assert priority("src/a.py") > priority("Makefile") > priority("tests/test_a.py") > priority("docs/a.md")
    assert priority("docs/a.md") > priority("src/generated/a.py")


def test_what_has_no_room_is_left_out_by_whole_hunks_and_named() -> None:
    change = change_of(("src/a.py", LINES, edited(10, 200, 390)), ("docs/a.md", "old\n", "new\n"))
    exhibits = list(pieces(change, SETTINGS))
    assert len(exhibits) == 4
    room = render(exhibits[:2], key=b"k", tokens=10_000, redact=str).tokens
    packed = render(exhibits, key=b"k", tokens=room, redact=str)
    assert packed.left_out == ("src/a.py lines 388 to 394", "docs/a.md lines 1 to 1")
    assert "201+|value_200 = other(200)" in packed.text
    assert packed.text.count('"src/a.py"') == 1, "the pieces of a file stand below one heading"


def test_a_hunk_that_is_too_long_is_cut_so_that_a_part_of_it_can_be_shown() -> None:
    change = change_of(("src/a.py", None, LINES * 5))
    exhibits = list(pieces(change, SETTINGS))
    assert len(exhibits) > 3
    packed = render(exhibits, key=b"k", tokens=9_000, redact=str)
    assert 0 < packed.shown < len(exhibits)
    [left_out] = packed.left_out
    assert left_out.startswith("src/a.py lines ")


@given(
    st.lists(st.sampled_from(["src/a.py", "tests/test_b.py", "docs/c.md", "d.txt"]), max_size=4, unique=True), st.data()
)
@tried(max_examples=50)
def test_every_line_is_shown_or_named(paths: list[str], data: st.DataObject) -> None:
    numbers = st.lists(st.integers(0, 399), min_size=1, max_size=6)
    change = change_of(*((path, LINES, edited(*data.draw(numbers))) for path in paths))
    exhibits = list(pieces(change, SETTINGS))
    packed = render(exhibits, key=b"k", tokens=data.draw(st.integers(0, 3_000)), redact=str)
    for file in change.files:
        for line in file.added:
            shown = f"{line.new}+|{line.text}" in packed.text
            assert shown or any(each.startswith(f"{file.path} lines ") for each in packed.left_out)
    assert (packed.shown == len(exhibits)) == (not packed.left_out)


def test_secrets_in_what_stands_around_a_hunk_are_masked() -> None:
    token = "ghp_" + "a1B2" * 9
    before = f"def f(x='{token}'):\n" + "".join(f"    y_{number} = {number}\n" for number in range(30))
    change = change_of(("a.py", before, before.replace("y_25 = 25", "y_25 = 26")))
    [question] = questions(Evidence(Event(EventKind.LOCAL), change), (), SETTINGS)
    assert "def f" in question.evidence[0].text
    masked = render(question.evidence, key=b"k", tokens=9_000, redact=lambda text: text.replace(token, "***"))
    assert "1=|def f(x='***'):" in masked.text
    assert token not in masked.text


def test_without_a_checkout_the_heading_of_git_says_where_a_hunk_is() -> None:
    change = change_of(("a.go", LINES, edited(100, 300)))
    [file] = change.files
    hunks = tuple(replace(hunk, section="func Serve() {") for hunk in file.hunks)
    first, second = pieces(replace(change, files=(replace(file, hunks=hunks),)), SETTINGS)
    assert (first.gutter[0], first.text.split("\n")[0]) == ("=", "func Serve() {")
    assert "=" not in second.gutter, "it is said once"
