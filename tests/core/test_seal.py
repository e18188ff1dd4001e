"""What is sealed comes back as it was, for its own purpose only, and nothing that is no sealed text does any harm."""

import base64
import zlib
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.core.seal import MOST, carried, hidden, is_sealed, seal, unsealed

KEY, ABOUT = b"k" * 32, "octo/app#7"
LINES = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=1)


@given(lines=LINES)
def test_lines_come_back_under_their_own_key_and_purpose_only(lines: list[str]) -> None:
    sealed = seal(lines, KEY, ABOUT)
    assert is_sealed(sealed, KEY, ABOUT)
    assert unsealed(sealed) == tuple(lines)
    assert not is_sealed(sealed, b"", ABOUT)
    assert not is_sealed(sealed, KEY, "octo/app#71")
    assert not is_sealed(sealed, KEY, "octo/ap#p7")


@given(lines=LINES)
def test_the_hidden_line_is_one_html_comment(lines: list[str]) -> None:
    sealed = seal(lines, KEY, ABOUT)
    line = hidden(sealed)
    assert line.isascii()
    assert "--" not in line.removeprefix("<!--").removesuffix("-->")
    assert carried(f"<!-- cicd-agent:review -->\r\n{line}\r\ntext") == sealed


@given(data=st.data(), lines=LINES)
def test_no_other_character_is_under_the_same_seal(data: st.DataObject, lines: list[str]) -> None:
    sealed = seal(lines, KEY, ABOUT)
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(exclude_characters=sealed[at]))
    assert not is_sealed(sealed[:at] + other + sealed[at + 1 :], KEY, ABOUT)
    assert not is_sealed(sealed[:at], KEY, ABOUT)


@given(text=st.text())
def test_any_text_is_no_sealed_text(text: str) -> None:
    assert not is_sealed(text, KEY, ABOUT)
    assert unsealed(text) == ()
    assert hidden(text) == ""
    assert carried(text) == "" or text.count("\n")


def test_what_finds_no_room_is_left_out_from_the_end() -> None:
    random = Random(7)
    lines = [base64.b64encode(random.randbytes(60)).decode() for _ in range(2_000)]
    sealed = seal(lines, KEY, ABOUT)
    kept = unsealed(sealed)
    assert MOST * 0.9 < len(sealed) <= MOST
    assert list(kept) == lines[: len(kept)]
    assert hidden(sealed)
    assert seal(["".join(lines)], KEY, ABOUT) == ""
    assert seal([], KEY, ABOUT) == ""


def test_a_text_that_unpacks_without_end_is_none() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(10_000_000), 9)).decode()
    assert len(bomb) < MOST
    assert unsealed(f"v1:{bomb}:{'0' * 64}") == ()
    assert seal(["\0" * 2_000_000], KEY, ABOUT) == ""
