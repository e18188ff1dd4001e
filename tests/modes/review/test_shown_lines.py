"""What a model copies from its prompt is found in the diff: masks, hidden characters and line ends are no obstacle."""

import base64
import random

import pytest

from cicd_agent.agent.prompt import render
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.text.quote import Miss, Quotes
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.modes.review.questions.sequence import questions
from cicd_agent.settings.schema import Settings

BODY = base64.b64encode(random.Random(1).randbytes(288)).decode()
KEY = [
    "-----BEGIN " + "RSA PRIVATE KEY-----",
    *[BODY[at : at + 64] for at in range(0, 384, 64)],
    "-----END RSA PRIVATE " + "KEY-----",
]
ODD = [
    "x = 1",
    'KEY = """',
    *KEY,
    '"""',
    "url = 'postgres://user:hunter2secret@db/x'",
    "a\u200bb = '\u202e'",
    "tab\there",
    "nul\x00byte",
    "esc\x1b[31m",
    "ls\u2028sep",
    "cr\rmid",
    "astral \U0001f600 \U000e0001tag",
    "nbsp\u00a0x",
    "Authorization: Bearer " + "abcdefghij" * 4,
    "token = '" + "ghp_" + "a1B2" * 9 + "' # " + "ghp_" + "Z9y8" * 9,
    "```",
    "e" * 5_000,
]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_line_copied_as_it_is_shown_is_found(end: str) -> None:
    head = f"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -0,0 +1,{len(ODD)} @@\n"
    files = parse_diff(head + "".join(f"+{line}{end}" for line in ODD))
    event = Event(EventKind.PULL_REQUEST, pull=PullRequest(1))
    [question] = questions(Evidence(event, Change("b", "h", ChangeSource.API, files)), (), Settings())
    prompt = render(question.evidence, key=b"k", tokens=99_999, redact=Redactor([]).redact).text
    rows = [row.partition("|") for row in prompt.split("\n")]
    shown = {int(number.rstrip("+")): line for number, bar, line in rows if bar and number.rstrip("+").isdigit()}
    quotes = Quotes(files[0], Side.RIGHT)
    found = {number: quotes.locate(line, number) for number, line in shown.items()}
    assert len(found) == len(ODD)
    assert BODY[:64] not in prompt
    assert {number for number, place in found.items() if isinstance(place, Miss) or place.last != number} == set()
