from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.logs.reader import MAX_LINE, Line, StepSpan, ends_by_returns, read

# What terminals, runners and broken pipes write, in any order.
PIECES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [b"\n", b"\r\n", b"\r", b"\x1b", b"\x1b[31m", b"\x1b[2K", b"\x1b]8;;http://x\x07", b"\x9b31m", b"\xef\xbb\xbf",
         b"2024-01-02T03:04:05.6789012Z ", b"##[group]Run x", b"##[endgroup]", b"travis_fold:start:a\r\x1b[0K",
         b"\xff\xfe", b"travis_time:start:1\r\x1b[0K$ make", b"\xe2\x80\xae", b"job\tstep\t2024-01-02T03:04:05Z ",
         b"x" * 9000, b"\r" * 300]
    ),
)  # fmt: skip


def texts(*chunks: bytes) -> list[str]:
    return [line.text for line in read(chunks)]


def cut(raw: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield raw[at : at + size]
        at += size
    yield raw[at:]


@given(st.lists(PIECES, max_size=30).map(b"".join), st.lists(st.integers(0, 50), max_size=10))
def test_any_bytes_are_lines_however_they_are_cut(raw: bytes, sizes: list[int]) -> None:
    whole = list(read([raw]))
    assert list(read(cut(raw, sizes))) == whole
    text = raw.replace(b"\r", b"\n") if ends_by_returns(raw) else raw
    ended = text.count(b"\n") + (not text.endswith(b"\n") and raw != b"")
    assert [line.number for line in whole] == list(range(1, ended + 1))
    for line in whole:
        assert len(line.text) <= MAX_LINE
        assert not set(line.text) & set("\n\r\x1b\x00\x08\u202e\u200b")


def test_a_line_is_what_a_terminal_would_show_last() -> None:
    assert texts(b"10 %\r20 %\r100 %\n") == ["100 %"]
    assert texts(b"abcdef\rXY\n") == ["XYcdef"]
    assert texts(b"abcdef\r\x1b[KXY\n") == ["XY"]
    assert texts(b"done\r\r\r\n") == ["done"]


def test_lines_that_end_by_a_carriage_return_alone_are_lines() -> None:
    assert texts(b"building\rsrc/a.c:3: error: no\rmake: *** [a.o] Error 1\rdone\r") == [
        "building", "src/a.c:3: error: no", "make: *** [a.o] Error 1", "done",
    ]  # fmt: skip


def test_escapes_are_taken_off_and_hidden_characters_are_seen() -> None:
    assert texts(b"\x1b[1;31merror\x1b[0m: \x1b]0;title\x07x\x1b(B") == ["error: x"]
    assert texts("a\u202eb\x1b".encode()) == ["a<U+202E>b"]


def test_what_is_no_utf8_is_replaced() -> None:
    assert texts(b"caf\xe9 ok") == ["caf\ufffd ok"]


def test_the_runners_time_is_kept_apart_from_the_line() -> None:
    first, second, third = read([b"\xef\xbb\xbf1999-01-01T00:00:00Z x\n2024-03-01T00:00:01.5000000Z  y\nz"])
    assert (first.text, first.time) == ("1999-01-01T00:00:00Z x", None)
    assert (second.text, second.time) == (" y", 1709251201.5)
    assert third == Line(3, "z")


@pytest.mark.parametrize("length", [MAX_LINE + 1, 300_092, 5_000_000])
def test_a_long_line_is_clipped_and_says_so(length: int) -> None:
    before, long, after = read([b"before\n", b"x" * length, b"\nafter"])
    assert (before.text, after.text) == ("before", "after")
    assert (long.text, long.cut, before.cut) == ("x" * MAX_LINE, True, False)


def test_a_progress_bar_of_megabytes_shows_its_end() -> None:
    bar = b"".join(b"\r%d of 100000" % count for count in range(100_001))
    assert texts(bar) == ["100000 of 100000"]


def test_a_group_of_the_runner_names_the_step_of_what_follows() -> None:
    log = b"setup\n##[group]Run make\nmake\n##[endgroup]\n##[group]a tool's own\nout\n##[endgroup]\nPost job cleanup.\n"
    assert [line.step for line in read([log])] == ["", *["Run make"] * 7]


def test_a_log_of_the_command_line_client_names_its_steps() -> None:
    (line,) = read([b"unit (3.12)\tRun pytest\t2024-03-01T00:00:01.5Z E   assert 1 == 2\n"])
    assert (line.step, line.text, line.time) == ("Run pytest", "E   assert 1 == 2", 1709251201.5)


def test_a_fold_of_travis_names_a_step_until_it_ends() -> None:
    log = (
        b"travis_fold:start:install\r\x1b[0Ktravis_time:start:1\r\x1b[0K$ npm ci\nout\n"
        b"travis_time:end:1\r\x1b[0Ktravis_fold:end:install\r\x1b[0K\ntravis_time:start:2\r\x1b[0K$ npm test\nfailed\n"
    )
    found = [(line.step, line.text) for line in read([log])]
    assert found == [
        ("$ npm ci", "$ npm ci"),
        ("$ npm ci", "out"),
        ("", ""),
        ("$ npm test",) * 2,
        ("$ npm test", "failed"),
    ]


def test_the_times_of_steps_and_their_groups_cut_the_log_together() -> None:
    spans = [StepSpan("Check out", 1709251200, 1709251201), StepSpan("Run tests", 1709251201, 1709251209, failed=True)]
    log = (
        b"2024-03-01T00:00:00.1Z cloning\n2024-03-01T00:00:01.2Z cloned\n2024-03-01T00:00:01.3Z ##[group]Run pytest\n"
        b"2024-03-01T00:00:01.4Z started\n2024-03-01T00:00:05.0Z failed\n"
    )
    assert [line.step for line in read([log], steps=spans)] == ["Check out"] * 2 + ["Run tests"] * 3


def test_times_alone_cut_a_log_without_groups() -> None:
    spans = [StepSpan("a", 1709251200, 1709251201), StepSpan("never ran"), StepSpan("b", 1709251205, 1709251209)]
    log = b"2024-03-01T00:00:00.1Z x\nno time\n2024-03-01T00:00:06.0Z y\n"
    assert [line.step for line in read([log], steps=spans)] == ["a", "a", "b"]
