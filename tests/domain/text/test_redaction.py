"""Given secrets do not survive redaction, however they are written down."""

import base64
import json
import random
import string
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cicd_agent.domain.text.redaction import MASK, Redactor, mask
from cicd_agent.domain.text.visible import visible

KEY = "zk-7QpL9vXw3RtY2mNb8Kc5Hd1Jf6Gs4"


def percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "reversed": lambda s: s[::-1],
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "spaced hex": lambda s: s.encode().hex(" "),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 at 1": lambda s: base64.b64encode(b"a" + s.encode()).decode(),
    "base64 at 2": lambda s: base64.b64encode(b"ab" + s.encode() + b"c").decode(),
    "urlsafe base64": lambda s: base64.urlsafe_b64encode(b"\xff" + s.encode()).decode(),
    "base64 over lines": lambda s: base64.encodebytes(3 * s.encode()).decode(),
    "percent": percent,
    "quoted": lambda s: quote(s, safe=""),
    "json": json.dumps,
    "json escapes": lambda s: "".join(f"\\u{ord(c):04x}" for c in s),
    "hex escapes": lambda s: "".join(f"\\x{ord(c):02x}" for c in s),
    "entities": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "lines": lambda s: "\n".join(s[at : at + 5] for at in range(0, len(s), 5)),
    "a list": lambda s: "\n".join(f"- `{s[at : at + 4]}`" for at in range(0, len(s), 4)),
    "spaced": " ".join,
    "with hidden characters": "\u200b".join,
    "with hidden characters made visible": lambda s: visible("\u200d".join(s)),
    "with Markdown escapes": lambda s: "".join(f"\\{c}" if c in string.punctuation else c for c in s),
    "with our own mask between": MASK.join,
    "concatenated": lambda s: '" + "'.join([s[:9], s[9:20], s[20:]]),
}

LETTERS_AND_DIGITS = string.ascii_letters + string.digits


def survives(secret: str, text: str, part: int = 12) -> bool:
    return any(secret[at : at + part] in text for at in range(len(secret) - part + 1))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("around", ["{}", "my key is {} and more", "a\n{}\nb", '{{"k": "{}"}}'])
def test_a_secret_is_masked_in_every_spelling(spelling: str, around: str) -> None:
    spelt = SPELLINGS[spelling](KEY)
    redacted = Redactor([KEY]).redact(around.format(spelt))
    assert MASK in redacted
    assert not survives(spelt, redacted)
    assert redacted.count("\n") == around.format(spelt).count("\n")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_part_of_twelve_characters_is_masked_in_every_spelling(spelling: str) -> None:
    for at in (3, 9, len(KEY) - 12):
        spelt = SPELLINGS[spelling](KEY[at : at + 12])
        assert MASK in Redactor([KEY]).redact(f"<{spelt}>")


secrets = st.one_of(
    st.text(LETTERS_AND_DIGITS + "-_+/=.", min_size=16, max_size=60),
    st.text(
        st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_categories=["C", "Z"]), min_size=16, max_size=40
    ),
).filter(lambda s: "‹" not in s)
prose = st.text(max_size=60)


@given(secrets, prose, prose, st.sampled_from(sorted(SPELLINGS)), st.data())
def test_no_part_of_a_secret_survives_any_embedding(
    secret: str, before: str, after: str, spelling: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(secret) - 12))
    part = secret[start : start + data.draw(st.integers(12, len(secret)))]
    redact = Redactor([secret]).redact
    spelt = SPELLINGS[spelling](part)
    redacted = redact(before + spelt + after)
    assert not survives(secret, redacted)
    assert not survives(secret[::-1], redacted)
    # Pieces between other things than blanks are joined by their letters and digits, of which there may be few;
    # \xNN of a character beyond ASCII is a byte to some and a character to others.
    few = sum(char.isalnum() for char in part) < 12
    if not (few and spelling in {"a list", "concatenated"}) and not (spelling == "hex escapes" and not part.isascii()):
        assert spelt not in redacted
    assert redact(redacted) == redacted


@given(st.lists(st.text(LETTERS_AND_DIGITS, min_size=16, max_size=40), max_size=3), st.text(max_size=300))
def test_text_without_a_secret_is_left_as_it_is(values: list[str], text: str) -> None:
    letters = "".join(char for char in text if char.isalnum())
    assume(not any(survives(form, letters, 6) for value in values for form in (value, value[::-1])))
    assert Redactor(values).redact(text) == Redactor([]).redact(text)


@given(st.lists(st.one_of(st.sampled_from([KEY[:12], KEY[6:20], KEY[10:], KEY[::-1], "\n", MASK]), prose), max_size=8))
def test_redacting_twice_changes_nothing(pieces: list[str]) -> None:
    redact = Redactor([KEY]).redact
    assert redact(redact("".join(pieces))) == redact("".join(pieces))


def test_a_secret_nested_into_itself_is_masked_as_well() -> None:
    nested = KEY
    for _ in range(5):
        nested = KEY[:15] + nested + KEY[15:]
    assert Redactor([KEY]).redact(nested) == MASK * 3 or not survives(KEY, Redactor([KEY]).redact(nested))


def test_a_text_of_endless_nesting_is_withheld() -> None:
    nested = ""
    for _ in range(60):
        nested = KEY[:7] + nested + KEY[7:14]
    redacted = Redactor([KEY]).redact(f"one\n{nested}\nthree")
    assert not survives(KEY[:14], redacted)
    assert redacted.count("\n") == 2


def test_a_short_secret_is_masked_whole_and_a_shorter_one_is_counted() -> None:
    redactor = Redactor(["hunter42x", "abc", "", " "])
    assert redactor.redact("hunter42x, x24retnuh, hunter4") == f"{MASK}, {MASK}, hunter4"
    assert redactor.redact(base64.b64encode(b"hunter42x").decode()) == MASK
    assert redactor.ignored == 1


def test_a_secret_of_several_lines_is_masked_and_the_lines_stay() -> None:
    secret = "line one of it\nline two of it\nline three"
    assert Redactor([secret]).redact(f"<\n{secret}\n>") == f"<\n{MASK}\n\n\n>"


def test_shapes_are_masked_along_with_values() -> None:
    token = "gh" + "p_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
    assert Redactor([KEY]).redact(f"{token} {KEY}") == f"‹secret:github-token› {MASK}"


def test_a_megabyte_is_redacted_with_a_secret_at_its_end() -> None:
    noise = random.Random(1)
    text = "".join(noise.choices(LETTERS_AND_DIGITS + " \n\\%&", k=1_000_000))
    redacted = Redactor([KEY, KEY[::-1] + "more"]).redact(text + KEY)
    assert redacted.endswith(MASK)
    assert abs(len(redacted) - len(text)) < 100


@pytest.mark.parametrize(
    "before", ["\\n", "\\\\n", "\\t", "\\u000a", "%22", "\\x1b", "\x1b[31m", "\x1b[1;31m", "<U+001B>[0m", "\x1b[m"]
)
@pytest.mark.parametrize(
    "token", ["gh" + "p_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5", "AK" + "IA" + "QWERTY7UIOP2ASDF"]
)
def test_a_token_behind_an_escape_is_masked(before: str, token: str) -> None:
    assert token not in mask(f'{{"title": "a word{before}{token}"}}')


def test_a_key_is_masked_in_an_extract_that_counts_its_lines() -> None:
    body = ["MIIEowIBAAKCAQEA" + "q7" * 24, "x9Lm" * 16, "Zt4W" * 16]
    shown = ["-----BEGIN RSA " + "PRIVATE KEY-----", *body, "-----END RSA " + "PRIVATE KEY-----"]
    text = mask("\n".join(f"{number:>7} {line}  (×1,203)" for number, line in enumerate(shown, 26)))
    assert not [line for line in body if line in text]
