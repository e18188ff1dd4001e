import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.rules.suppression import silenced, suppression
from cicd_agent.domain.finding import Category, Finding, Location, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Side
from tests.support.samples.changes import change_of


@pytest.mark.parametrize(
    ("line", "ids", "reason"),
    [
        ("x = 1  # cicd-agent: ignore[http-timeout] the peer is local", {"http-timeout"}, "the peer is local"),
        ("x();  // cicd-agent: ignore[a, b]", {"a", "b"}, ""),
        ("<p> <!-- cicd-agent: ignore[a] shown once -->", {"a"}, "shown once"),
        ("a { } /* cicd-agent:ignore[a] why */ b", {"a"}, "why"),
        ("DROP TABLE x; -- cicd-agent: ignore[destructive-migration] empty", {"destructive-migration"}, "empty"),
        ("{# cicd-agent: ignore[a] why #}", {"a"}, "why"),
    ],
)
def test_a_comment_of_any_language_silences(line: str, ids: set[str], reason: str) -> None:
    found = suppression(line)
    assert found is not None
    assert (set(found.ids), found.reason) == (ids, reason)


@pytest.mark.parametrize(
    "line",
    [
        "",
        'x = "cicd-agent: ignore[a]"',
        "# cicd-agent: ignore",
        "# cicd-agent: ignore[]",
        "# ignore[a]",
        "# noqa: S105",
    ],
)
def test_what_is_no_such_comment_silences_nothing(line: str) -> None:
    assert suppression(line) is None


@given(st.text())
def test_any_line_is_read(line: str) -> None:
    suppression(line)


def finding(line: int, side: Side = Side.RIGHT, rule: str = "a") -> Finding:
    return Finding(rule, "T", "m", Severity.LOW, Category.SECURITY, Location("x.py", line, side=side))


def change() -> Change:
    before = "one = 1  # cicd-agent: ignore[a] old\nkept = 1\n"
    return change_of(("x.py", before, before + "two = 2  # cicd-agent: ignore[a] new\n"))


def test_it_is_known_whether_the_change_itself_silences() -> None:
    old, new = silenced(finding(1), change()), silenced(finding(3), change())
    assert old is not None
    assert new is not None
    assert (old.in_change, old.reason) == (False, "old")
    assert (new.in_change, new.reason) == (True, "new")


def test_other_rules_lines_and_sides_stay_heard() -> None:
    assert silenced(finding(1, rule="b"), change()) is None
    assert silenced(finding(2), change()) is None
    assert silenced(finding(1, Side.LEFT), change()) is None
    assert silenced(finding(0), change()) is None
    assert silenced(finding(99), change()) is None
