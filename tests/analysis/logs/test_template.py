import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.logs.template import (
    Templates,
    coarse_fingerprint,
    coarse_template,
    line_key,
    strict_fingerprint,
    template,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("at 2024-01-02T03:04:05.678Z", "at 2025-12-31T23:59:59Z"),
        ("started 12:30:01", "started 01:02:03.456"),
        ("took 1.23 s", "took 45 ms"),
        ("commit 1a2b3c4d5e", "commit 0f0f0f0f0f0f"),
        ("id 550e8400-e29b-41d4-a716-446655440000", "id 00000000-0000-0000-0000-000000000000"),
        ("connect 127.0.0.1:5432", "connect 10.1.2.3:80"),
        ("in /tmp/pytest-of-runner/a0", "in /tmp/x"),
        ("object at 0x7f3a", "object at 0xffff0000"),
        ("3 of 14 tests", "5 of 120 tests"),
    ],
)
def test_lines_that_differ_in_what_changes_from_run_to_run_have_one_template(one: str, other: str) -> None:
    assert template(one) == template(other)


def test_words_that_could_be_hashes_are_words() -> None:
    assert template("the facade of a decade") == "the facade of a decade"


def test_paths_are_the_same_only_loosely() -> None:
    one, other = "error in src/a/b.py:12", "error in lib/c.py:7"
    assert template(one) != template(other)
    assert coarse_template(one) == coarse_template(other)


@given(st.text(max_size=200))
def test_masking_is_total_and_stays_when_it_is_repeated(text: str) -> None:
    for masked in (template, coarse_template, line_key):
        assert masked(masked(text)) == masked(masked(masked(text)))


@given(st.lists(st.text(max_size=40), max_size=20), st.text(max_size=40))
def test_a_log_knows_its_own_lines(lines: list[str], other: str) -> None:
    known = Templates(lines)
    assert all(line in known for line in lines)
    assert (other in known) == (template(other) in set(map(template, lines)))


def test_a_signature_is_of_the_message_and_not_of_the_run() -> None:
    one = "src/app.py:12: AssertionError: expected 3 retries, got 5 (0.12 s)"
    other = "src/app.py:14: AssertionError: expected 4 retries, got 6 (1.5 s)"
    elsewhere = "lib/core.py:14: AssertionError: expected 4 retries, got 6 (1.5 s)"
    assert strict_fingerprint("pytest", one) == strict_fingerprint("pytest", other) != ""
    assert strict_fingerprint("pytest", one) != strict_fingerprint("pytest", elsewhere)
    assert coarse_fingerprint("pytest", one) == coarse_fingerprint("pytest", elsewhere) != ""
    assert strict_fingerprint("pytest", one) != strict_fingerprint("mocha", one)


@pytest.mark.parametrize("text", ["", "12", "Error", "exit 1", "/tmp/a/b 0x12", "error 2024-01-02"])
def test_what_says_too_little_has_no_signature(text: str) -> None:
    assert strict_fingerprint("x", text) == coarse_fingerprint("x", text) == ""
