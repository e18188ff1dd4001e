"""What is sealed comes back as it was, for its own purpose only, and nothing that is no sealed text does any harm."""

import base64
import hmac
import zlib
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.signature import LARGEST, MOST, seal, unseal

KEY, ABOUT = b"k" * 32, "octo/app#7"
LINES = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=1)


@given(lines=LINES)
def test_lines_come_back_under_their_own_key_and_purpose_only(lines: list[str]) -> None:
    sealed = seal(lines, KEY, ABOUT)
    assert sealed.isascii()
    assert unseal(sealed, KEY, ABOUT) == tuple(lines)
    assert unseal(sealed, b"", ABOUT) == ()
    assert unseal(sealed, KEY, "octo/app#71") == ()
    assert unseal(sealed, KEY, "octo/ap#p7") == ()


@given(data=st.data(), lines=LINES)
def test_no_other_character_is_under_the_same_seal(data: st.DataObject, lines: list[str]) -> None:
    sealed = seal(lines, KEY, ABOUT)
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(exclude_characters=sealed[at]))
    assert unseal(sealed[:at] + other + sealed[at + 1 :], KEY, ABOUT) == ()
    assert unseal(sealed[:at], KEY, ABOUT) == ()


@given(text=st.text())
def test_any_text_is_no_sealed_text(text: str) -> None:
    assert unseal(text, KEY, ABOUT) == ()


def test_what_finds_no_room_is_left_out_from_the_end() -> None:
    random = Random(7)
    lines = [base64.b64encode(random.randbytes(9_000)).decode() for _ in range(200)]
    sealed = seal(lines, KEY, ABOUT)
    kept = unseal(sealed, KEY, ABOUT)
    assert MOST * 0.9 < len(sealed) <= MOST
    assert list(kept) == lines[: len(kept)]
    assert seal(["".join(lines)], KEY, ABOUT) == ""
    assert seal([], KEY, ABOUT) == ""
    assert unseal(sealed + "A" * MOST, KEY, ABOUT) == ()


def sealed(packed: bytes) -> str:
    """Whatever it is, under a seal of ours."""
    text = base64.b64encode(packed).decode()
    mac = hmac.digest(KEY, f"v1 {len(ABOUT)} {ABOUT} {text}".encode(), "sha256").hex()
    return f"v1:{text}:{mac}"


def test_a_text_that_unpacks_without_end_is_none() -> None:
    assert unseal(sealed(zlib.compress(b"a")), KEY, ABOUT) == ("a",)
    assert unseal(sealed(zlib.compress(bytes(LARGEST + 1))), KEY, ABOUT) == ()
    assert seal(["\0" * (LARGEST + 1)], KEY, ABOUT) == ""


def test_what_cannot_be_unpacked_is_none() -> None:
    whole = zlib.compress(b"a" * 99)
    for packed in (b"abc", whole[:-1], whole + b"x", zlib.compress(b"\xff")):
        assert unseal(sealed(packed), KEY, ABOUT) == ()
