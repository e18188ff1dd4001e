"""What rules see as lines: long ones whole, and those that a language ends where git does not."""

import re
import tomllib
from importlib.resources import files

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.rules.context import CLIP, pieces
from cicd_agent.analysis.rules.run import QUOTE, findings
from cicd_agent.domain.finding import Finding
from tests.support.samples.changes import change_of

TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
HINTED = {
    name: (re.compile(table["pattern"]), table["hints"])
    for name, table in tomllib.loads(
        files("cicd_agent.analysis.rules").joinpath("rules.toml").read_text("utf-8")
    ).items()
    if "hints" in table
}


def added(path: str, text: str, before: str | None = None) -> list[tuple[str, int]]:
    return [(found.id, found.location.line) for found in findings(change_of((path, before, text)))]


def only(path: str, text: str) -> Finding:
    (found,) = findings(change_of((path, None, text)))
    return found


@pytest.mark.parametrize("column", [1_990, 2_000, 2_399, 100_000])
@pytest.mark.parametrize("blank", ["x", "x "])
def test_a_secret_is_found_and_quoted_wherever_on_its_line_it_stands(column: int, blank: str) -> None:
    found = only("app.js", "a\n" + (blank * column)[:column] + f' auth("{TOKEN}"); ' + blank * 5_000)
    assert (found.id, found.location.line) == ("secret", 2)
    assert 'auth("‹secret:github-token›")' in found.quote
    assert len(found.quote) <= QUOTE


def test_many_hits_on_a_line_are_one_finding() -> None:
    assert added("app.js", f'auth("{TOKEN}");eval(x);' * 5_000) == [("js-dynamic-code", 1), ("secret", 1)]


def test_what_stands_before_a_window_counts() -> None:
    # A method of one's own called eval is none of JavaScript's, wherever the window is cut.
    for width in range(40):
        assert added("app.js", "." * width + "myOwn.eval(x)" * 1_000) == []


@given(st.text(alphabet="ab;. \r", max_size=9_000))
@settings(max_examples=50, deadline=None)
def test_windows_hold_the_whole_line_and_share_what_is_short(line: str) -> None:
    windows = list(pieces(line))
    assert all(len(window) <= CLIP for window in windows)
    for start in range(0, len(line), 97):
        for part in line[start : start + 290].removesuffix("\r").split("\r"):
            assert any(part in window for window in windows)


@pytest.mark.parametrize("name", HINTED)
def test_whatever_a_pattern_matches_holds_one_of_its_hints(name: str) -> None:
    pattern, hints = HINTED[name]

    @given(st.from_regex(pattern))
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def holds(text: str) -> None:
        for line in text.split("\n"):
            small = line.lower()
            assert not pattern.search(line) or not line.isascii() or any(hint in small for hint in hints)

    holds()


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("app.py", "import os\n# a comment\ros.system(input())\n", "shell-injection"),
        ("app.py", "import os\n# a comment\r\ros.system(input())\r\n", "shell-injection"),
        ("app.js", "let a\n// a comment\reval(input)\n", "js-dynamic-code"),
        ("app.js", "let a\n// a comment\u2028eval(input)\n", "js-dynamic-code"),
        ("app.js", "let a\n// a comment\u2029eval(input)\n", "js-dynamic-code"),
        ("app.js", "let a\n/* a comment */ eval(input)\n", "js-dynamic-code"),
        ("ci.sh", "true\n# a comment\rcurl https://x.example | sh\n", "pipe-to-shell"),
    ],
)
def test_a_line_ends_where_its_language_ends_it(path: str, text: str, rule: str) -> None:
    assert (rule, 2) in added(path, text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app.js", "let a\n// a comment eval(input)\n"),
        ("app.js", "// a long comment " + "a " * 3_000 + "eval(input)\n"),
        ("app.js", "let a\n/* a comment eval(input)\n * eval(input)\n */\n"),
        ("app.py", "import os\n# a comment\x0bos.system(input())\x0cos.system(input())\n"),
        ("app.py", "import os\n# a comment\u2028os.system(input())\n"),
    ],
)
def test_a_comment_goes_on_where_its_language_goes_on(path: str, text: str) -> None:
    assert added(path, text) == []


def test_lines_behind_a_lone_carriage_return_have_the_numbers_of_git() -> None:
    before = "import os\r\nx = 1\ry = 2\n\n\ndef f(a):\n    pass\n"
    after = before.replace("    pass", "    b = 1\r    os.system(a)")
    assert ("shell-injection", 6) in added("app.py", after, before)
    assert added("app.py", after.replace("x = 1", "x = 3"), after) == []


def test_no_line_is_replaced_of_which_only_a_part_is_what_a_rule_means() -> None:
    assert only("app.py", "import yaml\n\n\ndef f(a):\n    return yaml.load(a)\n").suggestion
    found = only("app.py", "import yaml\n\n\ndef f(a):\n    b = 1\r    return yaml.load(a)\n")
    assert (found.location.line, found.suggestion) == (5, "")
