"""What is signed comes back as it was, under its own name only, and nothing that is not signed does any harm."""

import base64
import zlib
from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.cache.blob_store import MAX_BLOB, sign, verify
from cicd_agent.adapters.cache.incremental_state import MAX_TEXT, pack, unpack

KEY, NAME = b"k" * 32, "octo/app#7"
LINES = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=1)


def save(lines: Sequence[str]) -> bytes:
    return sign(KEY, NAME, body) if (body := pack(lines)) else b""


def load(blob: bytes, key: bytes = KEY, name: str = NAME) -> tuple[str, ...]:
    body = verify(key, name, blob)
    return unpack(body) if body else ()


@given(lines=LINES)
def test_lines_come_back_under_their_own_key_and_name_only(lines: list[str]) -> None:
    blob = save(lines)
    assert blob.isascii()
    assert load(blob) == tuple(lines)
    assert load(blob, b"") == ()
    assert load(blob, KEY, "octo/app#71") == ()
    assert load(blob, KEY, "octo/ap#p7") == ()


@given(data=st.data(), lines=LINES)
def test_no_other_byte_has_the_same_signature(data: st.DataObject, lines: list[str]) -> None:
    blob = save(lines)
    at = data.draw(st.integers(0, len(blob) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != blob[at]))
    assert load(blob[:at] + bytes([other]) + blob[at + 1 :]) == ()
    assert load(blob[:at]) == ()


@given(blob=st.binary())
def test_any_bytes_are_no_signed_blob(blob: bytes) -> None:
    assert verify(KEY, NAME, blob) is None


def test_what_does_not_fit_is_left_out_from_the_end() -> None:
    random = Random(7)
    lines = [base64.b64encode(random.randbytes(9_000)).decode() for _ in range(200)]
    blob = save(lines)
    stored = load(blob)
    assert MAX_BLOB * 0.9 < len(blob) <= MAX_BLOB
    assert list(stored) == lines[: len(stored)]
    assert save(["".join(lines)]) == b""
    assert save([]) == b""
    assert load(blob + b"A" * MAX_BLOB) == ()


def signed(packed: bytes) -> bytes:
    """Whatever it is, with a signature of ours."""
    return sign(KEY, NAME, base64.b64encode(packed))


def test_a_text_that_unpacks_without_end_is_none() -> None:
    assert load(signed(zlib.compress(b"a"))) == ("a",)
    assert load(signed(zlib.compress(bytes(MAX_TEXT + 1)))) == ()
    assert save(["\0" * (MAX_TEXT + 1)]) == b""


def test_what_cannot_be_unpacked_is_none() -> None:
    whole = zlib.compress(b"a" * 99)
    for packed in (b"abc", whole[:-1], whole + b"x", zlib.compress(b"\xff")):
        assert load(signed(packed)) == ()
