"""What was recorded is played again, and what was not is named by how it differs."""

import json
from pathlib import Path

import pytest

from cicd_agent.adapters.tape import Player, Recorder, begin, load_tape
from cicd_agent.agent.messages import Reply
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import ModelUnavailable
from tests.adapters.models.questions import GOOD, model, request
from tests.adapters.recordings import AT, lines, recorder
from tests.support.cassette import Cassette
from tests.support.servers.openai import app as fake


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


def player(path: Path, name: str = "scripted") -> Player:
    return Player(load_tape(path.read_bytes(), path.name)[1], name)


def test_replies_come_back_by_what_was_asked_not_by_order(path: Path) -> None:
    taped = recorder(path, "one", "two")
    taped.complete(request(evidence="1"))
    taped.complete(request(evidence="2"))
    played = player(path)
    assert [played.complete(request(evidence=each)).text for each in "21"] == ["two", "one"]
    assert played.unused() == 0
    assert played.ended == AT + 2, "they were sent at the same time"


def test_the_same_question_twice_gets_its_replies_in_order(path: Path) -> None:
    taped = recorder(path, "one", ModelUnavailable("down", requests=2))
    taped.complete(request())
    with pytest.raises(ModelUnavailable):
        taped.complete(request())
    played = player(path)
    assert played.complete(request()).text == "one"
    with pytest.raises(ModelUnavailable, match="down") as caught:
        played.complete(request())
    assert caught.value.requests == 2


def test_what_is_not_on_the_tape_is_refused_with_the_first_difference(path: Path) -> None:
    taped = recorder(path, "one", "two")
    taped.complete(request(evidence="1 | x = 1\n2 | y = 2"))
    taped.complete(request(evidence="something else", instructions="else"))
    played = player(path)
    with pytest.raises(ModelUnavailable, match="does not hold") as caught:
        played.complete(request(evidence="1 | x = 1\n2 | y = 3"))
    assert 'request 1 is nearest, and differs in evidence line 2: "2 | y = 2" → "2 | y = 3"' in str(caught.value)
    assert len(played.missed) == 1


def test_another_model_is_another_question(path: Path) -> None:
    recorder(path, "one").complete(request())
    with pytest.raises(ModelUnavailable, match='differs in model: "scripted" → "other"'):
        player(path, "other").complete(request())


def test_a_request_whose_text_was_redacted_is_known_by_its_key(path: Path) -> None:
    recorder(path, "one", redact=lambda text: text.replace("hush", "***")).complete(request(evidence="hush"))
    assert "hush" not in path.read_text()
    assert player(path).complete(request(evidence="hush")).text == "one"


def test_an_empty_tape_says_so(path: Path) -> None:
    recorder(path)
    with pytest.raises(ModelUnavailable, match="it is empty"):
        player(path).complete(request())


def test_a_cassette_fails_at_once_on_a_request_that_is_not_on_it(path: Path) -> None:
    recorder(path, "one").complete(request())
    with pytest.raises(AssertionError, match=r'differs in evidence: "1 \| x'), Cassette(path, "scripted") as tape:
        tape.complete(request(evidence="2"))


def test_a_cassette_fails_at_its_end_when_something_was_not_asked_for(path: Path) -> None:
    taped = recorder(path, "one", "two")
    taped.complete(request())
    taped.complete(request(evidence="2"))
    with pytest.raises(AssertionError, match="1 exchange of the cassette"), Cassette(path, "scripted") as cassette:
        cassette.complete(request())


def test_a_cassette_is_quiet_about_what_is_unused_when_the_test_fails_anyhow(path: Path) -> None:
    recorder(path, "one").complete(request())
    with pytest.raises(ZeroDivisionError), Cassette(path, "scripted"):
        raise ZeroDivisionError


def test_a_cassette_gives_what_the_server_gave(path: Path) -> None:
    begin(path, {}, fence="", redact=str)
    with fake.OpenAIServer(fake.answer(GOOD)) as server:
        live = Recorder(model(server), path, str, clock=lambda: 0.0, now=lambda: 0.0)
        heard = live.complete(request())
    with Cassette(path, "gpt-test") as cassette:
        assert cassette.complete(request()) == heard
    assert heard.usage == Usage(1, 1_200, 90, 1_000, 40)


def test_an_exchange_with_neither_reply_nor_failure_is_no_answer(path: Path) -> None:
    recorder(path, Reply("x")).complete(request())
    header, turn = lines(path)
    path.write_text("".join(json.dumps(each) + "\n" for each in (header, {**turn, "reply": None})))
    with pytest.raises(ModelUnavailable, match="no reply"):
        player(path).complete(request())
