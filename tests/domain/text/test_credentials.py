"""Shapes of credentials: found where they are, and nothing that only resembles one."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.text.credentials import Signs, find_secrets, known_hints, signs_in
from cicd_agent.domain.text.redaction import mask

BODY = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"

# Built from parts, so that no scanner takes this file for a leak.
REAL = {
    "github-token": "gh" + "p_" + BODY,
    "anthropic-key": "sk-" + "ant-api03-" + BODY,
    "openai-key": "sk-" + "proj-" + BODY + "T3BlbkFJ" + BODY,
    "aws-access-token": "AK" + "IA" + "QWERTY7UIOP2ASDF",
    "gcp-api-key": "AI" + "za" + BODY[:35],
    "slack-token": "xo" + "xb-123456123456-" + BODY[:24],
    "stripe-access-token": "sk" + "_live_" + BODY,
    "npm-access-token": "np" + "m_" + BODY,
    "pypi-token": "py" + "pi-AgEIcHlwaS5vcmc" + BODY * 2,
    "gitlab-pat": "gl" + "pat-" + BODY[:20],
    "jwt": "ey" + "JhbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0In0." + BODY,
    "sendgrid-api-token": "S" + "G." + BODY[:22] + "." + (BODY * 2)[:43],
    "twilio-api-key": "S" + "K" + "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "telegram-token": "110201543" + ":AA" + BODY[:33],
    "huggingface-token": "h" + "f_" + "QwErTyUiOpAsDfGhJkLzXcVbNmQaZwSxEd",
    "vault-token": "hv" + "s." + BODY,
    "docker-token": "dckr" + "_pat_" + BODY[:27],
}


@pytest.mark.parametrize("shape", REAL)
@pytest.mark.parametrize("line", ["{}", "x = f('{}', 1)", "+KEY={}", "see {}, it works", "| `{}` |"])
def test_a_token_of_a_published_shape_is_found_whatever_surrounds_it(shape: str, line: str) -> None:
    text = line.format(REAL[shape])
    (found,) = find_secrets(text)
    assert (found.shape, text[found.start : found.end]) == (shape, REAL[shape])


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ('password = "hV7!kq29zLp"', "hV7!kq29zLp"),
        ("  'api_key': '9f8e7d6c5b4a39281706f5e4d3c2b1a0',", "9f8e7d6c5b4a39281706f5e4d3c2b1a0"),
        ('DB_PASSWORD: str = "q8Zr4Vt6Nx2L"', "q8Zr4Vt6Nx2L"),
        ("const authToken = `Zx8-1Kq7-2Lw9-3Pm`;", "Zx8-1Kq7-2Lw9-3Pm"),
        ('config["client_secret"] = "u7Qm3Xw9Lk2Rt5"', "u7Qm3Xw9Lk2Rt5"),
        ("SECRET_KEY=k3J9xQ7mW2vN8rT4yB6z", "k3J9xQ7mW2vN8rT4yB6z"),
        ("export API_TOKEN=k3J9xQ7mW2vN8rT4yB6z", "k3J9xQ7mW2vN8rT4yB6z"),
        ("  password: k3J9xQ7mW2vN8rT4yB6z", "k3J9xQ7mW2vN8rT4yB6z"),
        ("url = 'postgres://app:Gk39xLq2@db.internal/app'", "Gk39xLq2"),
        ("curl -H 'Authorization: Bearer k3J9xQ7mW2vN8rT4yB6z'", "k3J9xQ7mW2vN8rT4yB6z"),
        ("https://hooks.slack.com/services/" + "T01AB2CD3/B04EF5GH6/aB3dE5fG7hJ9kL1mN3pQ5rS7", "T01AB2CD3"),
        (
            "aws_secret_access_key = wJa1rXUtnF3MI/K7MDENG/bPxRfiCYzKqWmEyTuQ",
            "wJa1rXUtnF3MI/K7MDENG/bPxRfiCYzKqWmEyTuQ",
        ),
        ("AccountKey=" + base64.b64encode(bytes(range(64))).decode() + ";", "AAECAwQFBgcICQ"),
    ],
)
def test_a_secret_is_found_by_what_it_is_assigned_to(line: str, secret: str) -> None:
    (found,) = find_secrets(line)
    assert line[found.start : found.end].startswith(secret)


@pytest.mark.parametrize(
    "line",
    [
        'password = "changeme123"',
        'password = os.environ["DB_PASSWORD_1"]',
        "token: ${{ secrets.GITHUB_TOKEN }}",
        'token = "${TOKEN_V2}"',
        'token = "{{ token_1 }}"',
        'api_key = "<your-api-key-1>"',
        'api_key = "your-api-key-01"',
        'api_key = "xxxxxxxxxxxx1234"',
        "apiKey: process.env.API_KEY_2",
        'api_key = getenv("API_KEY_2")',
        'secret = "test-secret-123"',
        'password = "aaaaaaaa1111"',
        'token = "1234567890abcdef"',
        'token_type = "Bearer"',
        'refresh = "refresh_token"',
        'passwordField: "#user-password2"',
        'token_url = "https://example.org/oauth2/token"',
        'TOKEN_ENV = "OPENAI_API_KEY_2"',
        'secret_name = "prod/db/credentials-2"',
        'commit_token = "da39a3ee5e6b4b0d3255bfef95601890afd80709"',
        'token = "123e4567-e89b-12d3-a456-426614174000"',
        '"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg=="',
        '    "token": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",',
        "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "git clone https://user:${TOKEN}@github.com/o/r",
        "postgres://postgres:postgres@localhost:5432/postgres",
        "postgres://user:password@localhost/db",
        "https://user:pass@host:port/path?query#fragment",
        "curve_secret_key_len = crypto_sign_curve25519_BYTES",
        "https://github.com/o/r/blob/main/a.py#L1",
        "http://localhost:8080/@scope/pkg",
        "class='sk-loading-indicator-container-large'",
        'if "-----BEGIN RSA PRIVATE KEY-----" in text:',
        "-----BEGIN CERTIFICATE-----",
        "src='data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4'",
        "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;",
        "def login(username: str, password: str) -> Token:",
        "token = self._tokens[index2]",
        "password = input_field_2.value",
        "",
    ],
)
def test_placeholders_references_and_hashes_are_left_alone(line: str) -> None:
    assert find_secrets(line) == ()


def test_a_private_key_is_masked_with_its_body_and_the_lines_stay() -> None:
    body = base64.b64encode(bytes(range(7, 207))).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    header = "-----BEGIN RSA " + "PRIVATE KEY-----"
    text = "\n".join(["before", header, *lines, "-----END RSA PRIVATE KEY-----", "after the key"])
    masked = mask(text)
    assert masked.count("\n") == text.count("\n")
    assert not any(line in masked for line in lines)
    assert masked.startswith("before\n")
    assert masked.endswith("\nafter the key")


def test_a_private_key_on_one_line_is_masked_to_its_end() -> None:
    key = "-----BEGIN " + "PRIVATE KEY-----\\n" + BODY + "\\n-----END PRIVATE KEY-----\\n"
    assert mask(f'key = "{key}"') == 'key = "‹secret:private-key›"'


def test_the_body_of_a_private_key_is_known_without_its_header() -> None:
    (found,) = find_secrets("+" + "MIIEv" + "QIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" + BODY)
    assert found.shape == "private-key"


def test_two_secrets_on_a_line_are_both_masked() -> None:
    line = f"{REAL['npm-access-token']} {REAL['github-token']}"
    assert mask(line) == "‹secret:npm-access-token› ‹secret:github-token›"


def test_a_secret_at_the_end_of_a_very_long_line_is_found() -> None:
    line = "x = 1; " * 300_000 + REAL["github-token"]
    (found,) = find_secrets(line)
    assert found.end == len(line)


@pytest.mark.parametrize(
    "piece",
    ["token", "eyJ", "sk-", "ghp_", "://a:", "password=", "-----BEGIN PRIVATE KEY-----", "a_", "Bearer ", '"', "xoxb-"],
)
def test_no_repetition_makes_the_scan_quadratic(piece: str) -> None:
    find_secrets(piece * (1_000_000 // len(piece)))  # a quadratic scan would take the rest of the day


PIECES = st.one_of(
    st.sampled_from(
        [*REAL.values(), "password = ", "token: ", '"', "'", "\n", " ", "://u:", "@h", "=", "\\n", "‹secret›"]
    ),
    st.sampled_from(["-----BEGIN " + "PRIVATE KEY-----", "-----END PRIVATE KEY-----", BODY, "export "]),
    st.text(max_size=20),
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_masking_keeps_the_lines_and_is_idempotent(text: str) -> None:
    masked = mask(text)
    assert masked.count("\n") == text.count("\n")
    assert mask(masked) == masked
    assert len(masked) <= 8 * len(text) + 8


HINTS = known_hints(short=True) + known_hints(short=False)
EVERYTHING = Signs(
    tuple(pair for pair in HINTS if pair[0].islower()),
    tuple(pair for pair in HINTS if not pair[0].islower()),
    named=True,
    keyed=True,
)


@given(
    st.lists(
        st.one_of(
            st.sampled_from([*REAL.values(), *(value[:6] for value in REAL.values()), BODY, "MIIEv" + "QIBADANBgkqh"]),
            st.sampled_from(["password", "PassWD", "api_key", "to\u212aen", "\u017fecret", "pwd", "-----BEGIN RSA "]),
            st.sampled_from(["PRIVATE " + "KEY-----", "=", ": ", '"', "'", " ", "\n", "+", "://u:", "@h"]),
            st.text(max_size=8),
        ),
        max_size=12,
    ).map("".join)
)
def test_the_signs_of_a_text_hide_no_credential_in_its_lines(text: str) -> None:
    signs = signs_in(text)
    for line in text.split("\n"):
        assert find_secrets(line, signs) == find_secrets(line, EVERYTHING) == find_secrets(line)


def test_a_name_in_letters_that_only_ignoring_case_makes_equal_is_a_sign() -> None:
    names = ["password", "passwd", "passphrase", "pwd", "secret", "token", "credential", "api_key", "signing-key"]
    for name in names:
        for place, letter in enumerate(name):
            same = re.compile(re.escape(letter), re.IGNORECASE)
            for char in filter(same.fullmatch, map(chr, [*range(0x250), 0x212A])):
                assert signs_in(name[:place] + char + name[place + 1 :]).named
