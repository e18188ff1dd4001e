import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.patches.apply import text_before
from cicd_agent.domain.repository.diff_parser import parse_diff

LINES = ["", "a", "b", "c\r", "v\x0bw", "e\u2028f", "-- x", "+++ y"]
texts = st.builds(
    lambda lines, end: "\n".join(lines) + (end if lines else ""),
    st.lists(st.sampled_from(LINES), max_size=20),
    st.sampled_from(["", "\n"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=texts, after=texts)
def test_the_text_before_follows_from_gits_diff_and_the_text_after(tmp_path: Path, before: str, after: str) -> None:
    for name, text in (("before", before), ("after", after)):
        (tmp_path / name).write_bytes(text.encode())
    command = ["git", "diff", "--no-index", "--no-ext-diff", "before", "after"]
    diff = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).stdout.decode()
    for file in parse_diff(diff):
        assert text_before(after, file) == before


@pytest.mark.parametrize("after", ["", "1\n", "1\n3\n", "1\nB\n3", "x\n1\nB\n3\n"])
def test_a_text_that_the_diff_is_not_of_has_no_text_before(after: str) -> None:
    [file] = parse_diff("diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n 1\n-b\n+B\n 3\n")
    assert text_before(after, file) is None
    assert text_before("1\nB\n3\nmore", file) == "1\nb\n3\nmore"


def test_hunks_out_of_order_are_not_followed() -> None:
    diff = "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+A\n@@ -9 +9 @@\n-b\n+B\n"
    [file] = parse_diff(diff)
    after = "A\n" + "x\n" * 7 + "B\n"
    assert text_before(after, file) == "a\n" + "x\n" * 7 + "b\n"
    assert text_before(after, replace(file, hunks=file.hunks[::-1])) is None
