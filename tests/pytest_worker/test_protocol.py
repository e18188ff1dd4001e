"""Lines between the processes of the harness: only whole ones of who has the key are verified, in their order."""

import json
import os

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.pytest_worker.protocol import plain, sender, signed, verified

KEY = bytes(32)
TEXT = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))


@given(st.lists(TEXT))
def test_what_is_signed_in_order_is_believed(texts: list[str]) -> None:
    said = b"".join(signed(KEY, number, text) for number, text in enumerate(texts))
    assert [content and content.decode() for content in verified(KEY, said)] == [text or b"" for text in texts]


@given(st.binary())
def test_nothing_else_is(noise: bytes) -> None:
    assert set(verified(KEY, noise)) <= {None}


def test_a_line_said_again_or_under_another_key_or_cut_is_not() -> None:
    line = signed(KEY, 0, "one")
    assert list(verified(KEY, line + line)) == [b"one", None]
    assert list(verified(bytes(31) + b"x", line)) == [None]
    assert list(verified(KEY, line[:-1])) == [None]
    assert list(verified(KEY, signed(KEY, 1, "second"))) == [None]
    assert list(verified(KEY, line + b"noise\n" + signed(KEY, 1, "two"))) == [b"one", None, b"two"]


def test_a_fork_says_nothing() -> None:
    hear, say = os.pipe()
    tell = sender(say, KEY)
    child = os.fork()
    if not child:
        tell({"who": "child"})
        os._exit(0)
    os.waitpid(child, 0)
    tell({"who": "parent"})
    os.close(say)
    with os.fdopen(hear, "rb") as heard:
        assert [json.loads(line or b"") for line in verified(KEY, heard.read())] == [{"who": "parent"}]


@given(st.text(), st.integers(0, 20))
def test_plain_text_is_short_and_on_one_line(text: str, most: int) -> None:
    found = plain(text, most)
    assert len(found) <= most
    assert found.splitlines() in ([], [found])
    found.encode()
