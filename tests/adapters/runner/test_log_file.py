"""Logs at hand: read in pieces, unpacked where they are packed, and named in one line where they cannot be read."""

import gc
import gzip
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.runner import log_file
from cicd_agent.adapters.runner.log_file import chunks
from cicd_agent.errors import ConfigError, Exit

LOG = b"\xef\xbb\xbf2026-01-01T00:00:00Z it broke\r\n\x00\xff" * 9_000


def read(path: Path | str, piped: bytes = b"") -> bytes:
    return b"".join(chunks(str(path), io.BytesIO(piped), print))


def refusal(path: Path | str, piped: bytes = b"") -> str:
    with pytest.raises(ConfigError) as caught:
        read(path, piped)
    assert caught.value.exit is Exit.CONFIG
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x1fno gzip", LOG, b"no newline"])
def test_a_file_is_read_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log").write_bytes(content)
    assert read(tmp_path / "log") == content
    assert read("-", content) == content


def test_a_packed_log_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_bytes(gzip.compress(LOG))
    (tmp_path / "plain.gz").write_bytes(LOG)
    assert read(tmp_path / "log.txt") == read(tmp_path / "plain.gz") == read("-", gzip.compress(LOG)) == LOG


def test_packed_logs_may_follow_one_another() -> None:
    assert read("-", gzip.compress(LOG) + gzip.compress(b"") + gzip.compress(b"end")) == LOG + b"end"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200).map(str.encode), st.integers(0, 60))
def test_whatever_is_packed_comes_out_or_is_an_error(content: bytes, lost: int) -> None:
    packed = gzip.compress(content)
    if not lost:
        assert read("-", packed) == content
    elif 2 <= len(packed) - lost < len(packed):
        assert "cut off" in refusal("-", packed[:-lost])


@given(st.binary(max_size=100))
def test_what_begins_as_gzip_does_and_is_none_is_an_error(noise: bytes) -> None:
    refusal("-", log_file.GZIP + b"\xff" + noise)


def test_a_log_comes_in_pieces_that_are_small_even_from_a_bomb() -> None:
    bomb = gzip.compress(b"\n" * 20_000_000)
    assert max(len(piece) for piece in chunks("-", io.BytesIO(bomb), print)) <= log_file.PIECE


def test_of_a_log_that_is_too_long_the_first_part_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "MAX_BYTES", 1_000_000)
    for size, limits in ((1_000_001, 1), (1_000_000, 0)):
        notes: list[str] = []
        pieces = chunks("-", io.BytesIO(gzip.compress(b"x" * size)), notes.append)
        assert (sum(map(len, pieces)), len(notes)) == (1_000_000, limits)


def test_what_is_not_there_or_no_file_is_named_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    assert "there is no such file" in refusal(tmp_path / "nothing")
    assert "there is no such file" in refusal(tmp_path / "link")
    assert "not a regular file" in refusal(tmp_path)
    assert "not a regular file" in refusal(tmp_path / "pipe")
    assert "not a regular file" in refusal("/dev/zero")
    refusal("a\0b")
    refusal("x" * 5_000)
    refusal("")


def test_a_file_that_is_closed_before_it_was_read_to_the_end_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"x" * 300_000))
    pieces = chunks(str(path), io.BytesIO(), print)
    assert next(pieces)
    del pieces
    gc.collect()
