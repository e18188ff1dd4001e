import codecs
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.text.encoding import text_in

WORDS = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), min_size=1)


@given(WORDS, st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]))
def test_a_text_is_read_in_the_encoding_of_its_mark(text: str, encoding: str) -> None:
    text = text.replace("\ufffd", "")
    assert text_in(("\ufeff" + text).encode(encoding)) == text


@given(WORDS, st.integers(0, 20))
def test_a_text_is_the_same_without_the_nuls_within(text: str, at: int) -> None:
    text = "a" + text.replace("\ufffd", "").replace("\ufeff", "")
    assert text_in(f"{text[: at + 1]}\0\0{text[at + 1 :]}".encode()) == text


@pytest.mark.parametrize("text", ["", "\0" * 9, "a\tb\r\n\x0c\x1b[0m\n", "caf\ufffd and a long tail of plain words"])
def test_layout_and_a_stray_byte_do_not_make_a_text_binary(text: str) -> None:
    assert text_in(text.encode("utf-8")) == text.replace("\0", "")


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_text_whatever_it_begins_with(seed: int) -> None:
    noise = random.Random(seed).randbytes(2_000)
    for start in (b"", codecs.BOM_UTF8, b"#!/bin/sh\n", b"\0" * 5_000):
        assert text_in(start + noise) is None
