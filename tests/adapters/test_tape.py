"""The tape holds all that was asked and answered, turn by turn, and nothing secret."""

import base64
import json
import re
import stat
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.tape import MAX_EXCHANGES, append, begin, canonical, key_of, load_tape
from cicd_agent.agent.messages import Message, Reply, Request, Role, Stop
from cicd_agent.domain.parallel import run_parallel
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import BudgetExhausted, ConfigError, ModelUnavailable
from tests.adapters.models.questions import request
from tests.adapters.recordings import lines, recorder

KEY = "zk-7QpL9vXw3RtY2mNb8Kc5Hd1Jf6Gs4"
FORMS = {
    "plain": KEY,
    "reversed": KEY[::-1],
    "hex": KEY.encode().hex(),
    "base64": base64.b64encode(f"a key: {KEY}".encode()).decode(),
    "url": quote(KEY, safe="").replace("z", "%7A"),
    "part": KEY[5:25],
    "spaced": " ".join(KEY),
    "split": f"{KEY[:16]}\n{KEY[16:]}",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


def test_a_turn_is_on_the_tape_before_anybody_acts_on_it(path: Path) -> None:
    reply = Reply("{}", usage=Usage(1, 10, 2), model="scripted-1")
    model = recorder(path, reply, "second")
    assert model.complete(request()) == reply
    header, turn = lines(path)
    assert header == {"tape": 1, "fence": "ab", "run": {"mode": "review"}}
    assert turn["key"] == key_of(request(), "scripted")
    assert (turn["model"], turn["at"], turn["seconds"]) == ("scripted", "2026-09-21T14:13:20+00:00", 2.0)
    assert turn["request"]["evidence"] == "1 | x = 1"
    assert turn["reply"]["usage"]["input"] == 10
    assert turn["redacted"] is False
    model.complete(request(evidence="more"))
    assert len(lines(path)) == 3


def test_a_failure_is_an_answer_too(path: Path) -> None:
    gone = ModelUnavailable("down", why="503", remedy="Wait", requests=3, lost=1, known=(70, 5))
    over = BudgetExhausted("the time is over")
    model = recorder(path, gone, over)
    for _ in range(2):
        with pytest.raises((ModelUnavailable, BudgetExhausted)):
            model.complete(request())
    first, second = load_tape(path.read_bytes(), "t")[1]
    assert first.failure
    again = first.failure.error()
    assert isinstance(again, ModelUnavailable)
    assert (str(again), again.requests, again.lost, again.known) == (str(gone), 3, 1, (70, 5))
    assert second.failure
    assert isinstance(second.failure.error(), BudgetExhausted)


def test_a_new_run_begins_a_new_tape_which_only_its_owner_reads(path: Path) -> None:
    recorder(path, "one").complete(request())
    recorder(path, "two")
    assert len(lines(path)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_tape_is_not_written_through_a_link(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    model = recorder(path, "one")
    path.unlink()
    path.symlink_to(victim)
    with pytest.raises(ConfigError, match="cannot be written"):
        model.complete(request())
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("place", ["instructions", "evidence", "turn", "items", "reply", "reply items", "failure"])
def test_no_secret_is_on_the_tape_in_any_form(path: Path, form: str, place: str) -> None:
    said = Message(Role.ASSISTANT, form if place == "turn" else "", ({"a": [form]},) if place == "items" else ())
    changes = {place: f"with {form}"} if place in {"instructions", "evidence"} else {"turns": (said,)}
    reply = Reply(form if place == "reply" else "", items=({form: {"b": form}},) if place == "reply items" else ())
    step = ModelUnavailable("down", why=form) if place == "failure" else reply
    redactor = Redactor([KEY])
    model = recorder(path, step, redact=redactor.redact)
    with suppress(ModelUnavailable):
        assert model.complete(request(**changes)) == reply
    text = path.read_text("utf-8")
    assert redactor.redact(text) == text
    turn = lines(path)[1]
    assert form not in json.dumps(turn, ensure_ascii=False)
    assert "‹secret›" in json.dumps(turn, ensure_ascii=False)
    assert turn["redacted"] is True
    assert turn["key"] == key_of(request(**changes), "scripted")


def test_a_key_stands_for_everything_that_is_sent_and_for_no_bound() -> None:
    names = {field.name for field in fields(Request)}
    assert {*canonical(request(), "m")} == {"model", *names} - {"max_output_tokens", "seconds"}
    key = key_of(request(), "m")
    turn = Message(Role.USER, "again")
    others = [
        request(instructions="x"),
        request(evidence="x"),
        request(schema_name="x"),
        request(schema={}),
        request(turns=(turn,)),
        request(turns=(Message(Role.ASSISTANT, "again"),)),
        request(turns=(Message(Role.USER, "again", ({"a": 1},)),)),
        request(cache_key="x"),
    ]
    keys = [key, key_of(request(), "n"), *(key_of(other, "m") for other in others)]
    assert len({*keys}) == len(keys)
    assert key_of(request(max_output_tokens=5, seconds=1.5), "m") == key


@given(st.text(), st.text(), st.sampled_from(Stop), st.integers(0, 9) | st.none())
def test_what_was_recorded_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, asked: str, said: str, stop: Stop, tokens: int | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    reply = Reply(said, stop, Usage(1, tokens, tokens), items=({"a": [said, tokens]},))
    recorder(path, reply).complete(request(evidence=asked))
    [exchange] = load_tape(path.read_bytes(), "t")[1]
    assert (exchange.reply, exchange.request.evidence, exchange.redacted) == (reply, asked, False)


def test_a_lone_surrogate_does_not_spoil_the_tape(path: Path) -> None:
    recorder(path, "a\ud800b").complete(request())
    [exchange] = load_tape(path.read_bytes(), "t")[1]
    assert exchange.reply
    assert exchange.reply.text == "a?b"
    assert exchange.redacted


def test_half_a_line_at_the_end_is_what_a_killed_run_leaves(path: Path) -> None:
    recorder(path, "one").complete(request())
    whole = path.read_bytes()
    for cut in (whole + b'{"key": "ab', whole + b"\xff", whole + whole.split(b"\n")[1]):
        assert len(load_tape(cut, "t")[1]) == 1
    assert load_tape(whole[:-10], "t")[1] == ()


@pytest.mark.parametrize("number", ["-1", "1e400", f"{10**400}", "NaN", "Infinity"])
@pytest.mark.parametrize(
    "field", ['"seconds": 2', '"input": 100', '"requests": 1', '"from_cache": 0', '"spared_input": 0', '"lost": 0']
)
def test_numbers_that_cannot_be_are_refused(path: Path, field: str, number: str) -> None:
    model = recorder(path, "one", ModelUnavailable("down", requests=1))
    for _ in range(2):
        with suppress(ModelUnavailable):
            model.complete(request())
    spoilt = re.sub(f"{field}(?:\\.0)?", f"{field.split(maxsplit=1)[0]} {number}", path.read_text(), count=1)
    assert spoilt != path.read_text()
    with pytest.raises(ConfigError, match="is no exchange"):
        load_tape(spoilt.encode(), "t")


HOSTILE = {
    "not JSON": b"x",
    "another shape": b"[1]",
    "a missing reply's request": b'{"key": "a", "model": "m", "at": "", "seconds": 1}',
    "a text for a number": b'{"key": "a", "model": "m", "at": "", "seconds": "1", "request": {}}',
    "deep": b"[" * 100_000,
    "not UTF-8": b'{"key": "\xff"}',
    "empty": b"",
    "an unknown failure": b'{"failure": {"kind": "SystemExit", "what": "x"}}',
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_line_that_is_no_exchange_is_refused_in_one_line(line: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        load_tape(b'{"tape": 1}\n' + line + b"\n", "tape.jsonl")
    assert "line 2 of tape.jsonl is no exchange" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tape_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="too large"):
        load_tape(b"{}\n" * (MAX_EXCHANGES + 2), "t")
    monkeypatch.setattr("cicd_agent.adapters.tape.MAX_BYTES", 10)
    with pytest.raises(ConfigError, match="too large"):
        load_tape(b" " * 11, "t")


def test_questions_that_are_asked_side_by_side_write_whole_lines(path: Path) -> None:
    begin(path, {}, fence="ab", redact=str)
    texts = [f"{number}" * 300_000 for number in range(8)]
    run_parallel([lambda text=text: append(path, {"text": text}) for text in texts], 8)  # type: ignore[misc]
    assert sorted(each["text"] for each in lines(path)[1:]) == texts
