"""The judges see what they are there to see: whatever lets an attack through is noticed."""

import json
import re
from pathlib import Path

import pytest

from cicd_agent.adapters.runner import workflow
from cicd_agent.domain.text.redaction import Redactor
from tests.attacks import chat, oracles
from tests.attacks.matrix import attack
from tests.attacks.payloads import CHAT, FORGED, MARKDOWN, PAYLOADS, RUNNER, Payload
from tests.support.canaries import KEY

NO_ATTACK = {
    "heredoc",
    "heredoc of ghadelimiter",
    "properties",
    "properties in escapes",
    "split by hidden",
    "after next line",
}
"""What the runner hears nothing in by itself: it is for the files, for properties, or for a reader that is laxer."""
QUIET = {
    "fence",
    "heading",
    "table",
    "task",
    "mathematics",
    "suggestion",
    "comment",
    "details",
    "link by reference",
    "script link",
}
"""What is not alive by itself, or only where it ends what stands around it."""


@pytest.mark.parametrize("payload", [each for each in RUNNER if each.name not in NO_ATTACK], ids=lambda each: each.name)
def test_an_attack_that_is_printed_as_it_is_would_be_noticed(payload: Payload) -> None:
    assert list(oracles.log(f"before\n{payload.text}\nafter\n"))


@pytest.mark.parametrize("payload", [each for each in MARKDOWN if each.name not in QUIET], ids=lambda each: each.name)
def test_an_attack_that_is_posted_as_it_is_would_be_noticed(payload: Payload) -> None:
    assert list(oracles.markdown(f"before\n\n{payload.text}\n\nafter\n"))


@pytest.mark.parametrize("payload", CHAT, ids=lambda each: each.name)
def test_an_attack_that_is_sent_to_slack_as_it_is_would_be_noticed(payload: Payload) -> None:
    quiet = {"unfurl_links": False, "unfurl_media": False}
    assert list(chat.message({"text": "fine <https://github.com/o/r|details>", **quiet})) == []
    section = {"type": "section", "text": {"type": "mrkdwn", "text": payload.text, "verbatim": True}}
    assert list(chat.message({"text": "fine", "blocks": [section], **quiet}))


def test_what_slack_would_do_by_itself_is_noticed() -> None:
    quiet = {"unfurl_links": False, "unfurl_media": False}
    assert list(chat.message({"text": "fine"}))
    assert list(chat.message({"text": "@here", **quiet}))
    assert list(chat.message({"text": "", "blocks": [{"type": "mrkdwn", "text": "x"}], **quiet}))
    assert list(chat.message({"text": "", "blocks": [{"type": "button", "url": "https://evil.example"}], **quiet}))
    assert list(chat.message({"text": "", "blocks": [{"type": "image", "image_url": "https://github.com/x"}], **quiet}))


@pytest.mark.parametrize(
    ("oracle", "bad"),
    [
        (oracles.document, '{"a": 1, "a": 2}'),
        (oracles.document, '{"a": NaN}'),
        (oracles.lines, f'{{"x": 1}}\n{{"{FORGED}": true}}\n'),
        (oracles.lines, '{"x": "\n"}'),
        (oracles.metrics, f'{FORGED}_total{{a="b"}} 1\n'),
        (oracles.table, 'a,b\n"=cmd|x",c\n'),
        (oracles.secrets, KEY[::-1]),
        (oracles.record, '{"a": 1}\n{"b": 2}'),
        (oracles.record, '{"title": "forged"}'),
        (oracles.log, "\x1b[2K"),
        (oracles.log, "\u202e"),
        (oracles.log, "Traceback (most recent call last)"),
    ],
)
def test_what_is_wrong_is_noticed(oracle: oracles.Oracle, bad: str) -> None:
    assert list(oracle(bad))


def test_what_is_wrong_elsewhere_is_noticed() -> None:
    place = {"physicalLocation": {"artifactLocation": {"uri": "..%2F..%2Fetc/passwd"}}}
    assert list(oracles.sarif(json.dumps({"runs": [{"results": [{"locations": [place]}]}]})))
    assert list(oracles.outputs(b"decision<<EOF\nx\nEOF\nforged=low\n"))
    assert list(oracles.outputs(b"decision<<EOF\nx\n"))
    assert list(oracles.summary(b"x" * 1_048_577))
    assert list(oracles.request("POST", "/repos/o/r/issues/8/comments", {"body": "x"}, re.compile(r"/issues/7/")))
    assert list(oracles.request("POST", "/repos/o/r/issues/7/comments", {"body": "@all"}, re.compile("issues/7")))


def some(*names: str) -> list[Payload]:
    return [each for each in PAYLOADS if each.name in names]


def test_a_redactor_that_does_nothing_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Redactor, "redact", lambda _, text: text)
    tally = attack("route", some("planted secrets"), tmp_path / "world")
    assert any("a secret" in success.why for _, success in tally.successes)


def test_a_log_that_nobody_makes_quiet_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "quiet", str)
    monkeypatch.setattr(workflow, "_data", str)
    tally = attack("review", some("new syntax: add-mask", "old syntax: error"), tmp_path / "world")
    assert any(success.sink == "stdout and stderr" for _, success in tally.successes)
