"""The event file is refused in one line when it is not the JSON object that GitHub wrote."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.events.event_parser import PAYLOAD_LIMIT, decode_payload
from cicd_agent.errors import ConfigError, Exit


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"action": "opened", "pull_requ', "line 1, column"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a": "\xff\xfe"}', "byte 7 is not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "byte 7 is not UTF-8"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": "\x00"}', "Invalid control character"),
        (b"{}\x00", "Extra data"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "limit"),
        (b'{"a": ' + b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"<html>502 Bad Gateway</html>", "not JSON"),
        (b" " * (PAYLOAD_LIMIT + 1), "more than the 33,554,432 that are read"),
    ],
    ids=lambda value: value[:12].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_a_payload_that_cannot_be_read_is_one_line(raw: bytes, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decode_payload(raw)
    line = str(caught.value)
    assert why in line
    assert "GITHUB_EVENT_PATH" in line
    assert "\n" not in line
    assert len(line) < 300
    assert caught.value.exit is Exit.CONFIG


def test_a_payload_as_big_as_github_sends_is_read() -> None:
    payload = {"pull_request": {"body": "x" * 25 * 1024 * 1024}}
    assert decode_payload(json.dumps(payload).encode()) == payload


def test_a_byte_order_mark_and_escaped_surrogates_do_no_harm() -> None:
    assert decode_payload(b'\xef\xbb\xbf{"a": "\\ud800\\u0000"}') == {"a": "\ud800\x00"}


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_arbitrary_bytes_are_an_object_or_refused(raw: bytes) -> None:
    with suppress(ConfigError):
        assert isinstance(decode_payload(raw), dict)


@given(st.data())
def test_a_truncated_object_is_refused(data: st.DataObject) -> None:
    whole = json.dumps({"action": "opened", "number": [1, {"title": "a\u20acb"}]}).encode()
    with pytest.raises(ConfigError):
        decode_payload(whole[: data.draw(st.integers(0, len(whole) - 1))])
