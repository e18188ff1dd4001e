"""Every shape of both tables is masked wherever it stands, at a bounded cost, and ordinary text stays as it is."""

import base64
import random
import re
import string
from collections.abc import Iterator
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]  # the parser of `re` has no public name
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.text.credentials import Basis, Shape, find_secrets, known_hints, known_shapes, signs_in
from cicd_agent.domain.text.redaction import mask

ROOT = Path(__file__).parents[3]
LETTERS = string.ascii_letters + string.digits
CATEGORIES = {"CATEGORY_DIGIT": string.digits, "CATEGORY_SPACE": " ", "CATEGORY_NOT_WORD": " =:"}

# Built from parts, so that no scanner takes this file for a leak.
ANY = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5cD7eF9gH1jK3"
HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5"
BASIC = base64.b64encode(b"deployer:" + b"hunter-two-three").decode()
SESSION = "IQoJ" + "b3JpZ2luX2VjE" + ANY * 12
KEYS = {
    "GitHub": "gh" + "p_" + ANY[:36],
    "GitHub, fine-grained": "github" + "_pat_11AB2CD3E0" + (ANY + ANY)[:71],
    "GitLab": "gl" + "pat-" + ANY[:20],
    "Slack": "xo" + "xb-123456123456-" + ANY[:24],
    "AWS": "AK" + "IA" + "QWERTY7UIOP2ASDF",
    "AWS session": SESSION,
    "Google": "AI" + "za" + ANY[:35],
    "OpenAI": "sk-" + "proj-" + ANY,
    "Anthropic": "sk-" + "ant-api03-" + ANY * 2,
    "Stripe": "sk" + "_live_" + ANY[:24],
    "npm": "np" + "m_" + ANY[:36],
    "PyPI": "py" + "pi-AgEIcHlwaS5vcmc" + ANY * 2,
    "RubyGems": "ruby" + "gems_" + HEX[:48],
    "SendGrid": "S" + "G." + ANY[:22] + "." + ANY[:43],
    "Twilio": "S" + "K" + HEX[:32],
    "Hugging Face": "h" + "f_" + "QwErTyUiOpAsDfGhJkLzXcVbNmQaZwSxEd",
    "Hugging Face, with digits": "h" + "f_" + ANY[:34],
    "Linear": "lin" + "_api_" + ANY[:40],
    "Linear, OAuth": "lin" + "_oauth_" + HEX,
    "Mailgun": "ke" + "y-" + HEX[:32],
    "Discord bot": "MTE" + "4NzY1NDMyMTA5ODc2NTQzMg.GaBc3d." + ANY[:38],
    "Docker Hub": "dckr" + "_pat_" + ANY[:27],
    "DigitalOcean": "do" + "p_v1_" + HEX,
    "Databricks": "da" + "pi" + HEX[:32],
    "Shopify": "shp" + "at_" + HEX[:32],
    "Grafana": "gl" + "sa_" + ANY[:32] + "_" + HEX[:8],
    "Sentry": "sntry" + "u_" + HEX,
    "New Relic": "new_relic_key=" + "NR" + "AK-" + ANY[:27].upper(),
    "Vault": "hv" + "s." + ANY * 2,
    "Telegram": "110201543" + ":AA" + ANY[:33],
    "Postman": "PM" + "AK-" + HEX[:24] + "-" + HEX[:34],
    "Pulumi": "pu" + "l-" + HEX[:40],
    "Notion": "nt" + "n_12345098765" + ANY[:35],
    "Terraform Cloud": ANY[:14] + ".atlas" + "v1." + (ANY * 2)[:64],
    "JWT": "ey" + "JhbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0In0." + ANY,
    "age": "AGE-SECRET-" + "KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" + "QPZRY9X8GF2TVDW0S3JN54KHCE",
}
CONTEXTS = (
    "{}",
    "key: {}",
    'KEY="{}"',
    '{{"key": "{}"}}',
    '"{{\\"key\\": \\"{}\\"}}"',
    "https://h.example/x?key={}&y=1",
    "see {}, it works",
    "| `{}` |",
    "\\n{}\\n",
    "+  value: '{}',",
)
FILES = {
    "netrc": ("machine h.example login me password {}", "tr0ub4dor"),
    "netrc, a word": ("machine h.example login me password {}", "correcthorse"),
    "netrc over lines": ("machine h.example\n  login me\n  password {}\n", "tr0ub4dor"),
    "docker": ('{{"auths": {{"h.example": {{"auth": "{}"}}}}}}', BASIC),
    "docker, in JSON in a log": ('"{{\\"auth\\": \\"{}\\"}}"', BASIC),
    "npmrc": ("//registry.npmjs.org/:_authToken={}", "0fe1d2c3-b4a5-4678-9abc-def0a1b2c3d4"),
    "npmrc, old": ("_auth={}", BASIC),
    "key id": ('"private_key_id": "{}",', HEX[:40]),
    "session token": ("aws_session_token = {}", ANY * 8),
    "settings.xml": ("<password>{}</password>", "tr0ub4dor"),
    "NuGet": ('<add key="ClearTextPassword" value="{}" />', "tr0ub4dor9"),
    "connection string": ('"Server=db;User Id=me;Password={};Encrypt=true"', "tr0ub4dor"),
    "curl": ("curl -u me:{} https://h.example", "tr0ub4dor"),
    "Mailgun, by its name": ("MAILGUN_SIGNING_KEY={}", f"{HEX[:32]}-{HEX[:8]}-{HEX[8:16]}"),
    "Discord, by its name": ("discord_client_secret: {}", ANY[:32]),
    "Datadog, by its name": ("DATADOG_APP_KEY={}", HEX[:40]),
}
ORDINARY = (
    "commit 3f2504e04f8911d39a0c0305e82c3301a7b8c9d0",
    "id: 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    '"integrity": "sha512-' + base64.b64encode(bytes(range(64))).decode() + '"',
    "    --hash=sha256:" + HEX + " \\",
    "src=data:image/png;base64," + base64.b64encode(bytes(range(200))).decode(),
    "uses: codecov/codecov-action@" + HEX[:40] + " # v5",
    "image: sentry@sha256:" + HEX,
    "h1:" + base64.b64encode(bytes(range(32))).decode(),
    '<add key="Theme" value="dark-blue-2" />',
    "the login page and its password field",
    "password must be at least 12 characters",
    "machine login password",
    "docker run -u 1000:1000 image",
    "sort -u names:values",
    "twitter: @somebody_with_a_long_name_2",
    "linear: interpolation_of_two_points",
    "auth: required",
    '"auth": "bearerToken"',
    "travis = build_matrix_of_python_versions",
    "from cicd_agent.domain.text.credentials import find_secrets",
    "task-force-with-many-words-in-a-row-2024",
    "MTU=1500, MDNS.example.localdomain.with.many.dots",
    "https://discord.com/channels/1146897654321098765/1146897654321098766",
)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("service", KEYS)
def test_a_key_is_masked_wherever_it_stands(service: str, context: str) -> None:
    masked = mask(context.format(KEYS[service]))
    assert KEYS[service].rpartition("=")[2] not in masked
    assert "‹secret:" in masked


@pytest.mark.parametrize("kind", FILES)
def test_what_only_its_file_makes_a_secret_is_masked(kind: str) -> None:
    line, value = FILES[kind]
    masked = mask(line.format(value))
    assert value not in masked
    assert masked.count("\n") == line.count("\n")


@pytest.mark.parametrize("line", ORDINARY)
def test_ordinary_text_stays_as_it_is(line: str) -> None:
    assert mask(line) == line


def test_the_sources_and_lock_files_of_this_repository_hold_nothing_to_mask() -> None:
    paths = [*ROOT.glob("*.lock"), *(ROOT / "src/cicd_agent/domain").rglob("*.py"), *(ROOT / "schema").glob("*.json")]
    texts = {path: path.read_text("utf-8") for path in paths}
    assert texts
    assert [path for path, text in texts.items() if mask(text) != text] == []


def test_no_two_shapes_have_the_same_name() -> None:
    names = [shape.name for shape in known_shapes()]
    assert len(names) == len({*names}) > 180


def sample(shape: Shape) -> tuple[str, str]:
    """A text of a shape, the same each time, and the secret in it."""
    dice = random.Random(shape.name)
    while True:
        text = "".join(_drawn(_parser.parse(shape.pattern), dice))
        match = re.search(shape.pattern, text, re.ASCII)
        assert match, text
        if not shape.random or any(char.isdigit() for char in match[1]):
            break
    # Two rules of gitleaks ask for the name of the service anywhere.
    named = any(hint.casefold() in text.casefold() for hint in shape.hints)
    return text if named else f"{shape.hints[0]} {text}", match[1]


def _drawn(tree: Any, dice: random.Random) -> Iterator[str]:
    for code, of in tree:
        match code:
            case codes.LITERAL:
                yield chr(of)
            case codes.IN:
                yield dice.choice(_letters(of))
            case codes.ANY:
                yield "."
            case codes.MAX_REPEAT | codes.MIN_REPEAT:
                least, most, what = of
                for _ in range(dice.randint(min(least + 3, most), min(most, least + 12))):
                    yield from _drawn(what, dice)
            case codes.SUBPATTERN:
                yield from _drawn(of[-1], dice)
            case codes.BRANCH:
                options = [each for each in of[1] if not any(code is codes.ASSERT for code, _ in each)] or of[1]
                yield from _drawn(dice.choice(options), dice)
            case codes.ASSERT if of[0] > 0:
                yield from _drawn(of[1], dice)
            case _:
                assert code in {codes.AT, codes.ASSERT, codes.ASSERT_NOT}, "what stands before"


def _letters(of: Any) -> str:
    """What a class has of letters, digits and signs."""
    found: set[str] = set()
    negated = False
    for code, value in of:
        match code:
            case codes.NEGATE:
                negated = True
            case codes.LITERAL:
                found.add(chr(value))
            case codes.RANGE:
                found |= {chr(number) for number in range(value[0], value[1] + 1)}
            case codes.CATEGORY:
                found |= {*CATEGORIES.get(str(value), LETTERS)}
            case _:
                raise AssertionError(code)
    return "".join(sorted({*LETTERS} - found if negated else found - {"\n", "\r"}))


NAMED_BY_WORDS = frozenset({"registry-auth", "netrc-password", "url-password", "authorization"})


@pytest.mark.parametrize(
    "shape", [each for each in known_shapes() if each.name not in NAMED_BY_WORDS], ids=lambda shape: shape.name
)
def test_every_shape_of_the_tables_is_masked(shape: Shape) -> None:
    text, secret = sample(shape)
    assert any(secret in text[found.start : found.end] for found in find_secrets(text)), text
    assert secret not in mask(f"before\n{text}\nbehind")


@pytest.mark.parametrize("shape", known_shapes(), ids=lambda shape: shape.name)
def test_no_shape_can_cost_more_than_its_text(shape: Shape) -> None:
    for repeat, inner in _repeats(_parser.parse(shape.pattern), ()):
        assert repeat[1] < 5_000, "a repetition without an end"
        variable = [each for each in inner if each[0] != each[1] and each[1] > 2]
        assert repeat[0] == repeat[1] or repeat[1] == 1 or not variable, "a repetition of repetitions"


def _repeats(tree: Any, around: tuple[tuple[int, int], ...]) -> Iterator[tuple[tuple[int, int], Any]]:
    for code, of in tree:
        if code in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
            yield (of[0], of[1]), around
            yield from _repeats(of[2], (*around, (of[0], of[1])))
        elif code is codes.SUBPATTERN:
            yield from _repeats(of[-1], around)
        elif code is codes.BRANCH:
            for each in of[1]:
                yield from _repeats(each, around)


@given(st.lists(st.sampled_from([hint for short in (True, False) for hint, _ in known_hints(short=short)]), max_size=6))
def test_every_hint_is_found_also_where_another_runs_into_it(hints: list[str]) -> None:
    text = "".join(hints) + "a1" * 8
    signs = signs_in(text)
    found = {hint for hint, _ in (*signs.folded, *signs.exact)}
    assert found >= {*hints}
    assert not {hint for hint in found if hint not in text and hint not in text.casefold()}


def test_the_name_of_a_service_accuses_nobody() -> None:
    [found] = find_secrets(f"datadog_app = {HEX[:40]}")
    assert found.basis is Basis.SERVICE
