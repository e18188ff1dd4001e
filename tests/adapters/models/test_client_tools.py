import json
import time
from typing import Any

import pytest

from cicd_agent.adapters.models.client import connect
from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.agent.messages import Answer, Message, Question, Role
from tests.adapters.models.questions import GOOD, KEY, SIGNATURES, Slept, in_both_dialects, model, request
from tests.agent.drafts import Note
from tests.agent.tools.lookup_worlds import TOOLS
from tests.support.servers.openai import app as fake
from tests.support.servers.openai.rules import Rules

A, B = '{"path": "a.py"}', '{"path": "b.py"}'


def put(asked: Any, *, max_rounds: int = 8) -> Answer[Note]:
    question = Question("review", "Find faults.", (), Note, lambda _: None, TOOLS)
    budget = Budget(requests=20, input_tokens=500_000, seconds=60, clock=time.monotonic)
    return ask(question, asked, budget, key=b"key", redact=str, max_rounds=max_rounds)


def test_tools_in_the_responses_dialect_are_strict_and_go_with_the_format() -> None:
    with fake.OpenAIServer(fake.answer(GOOD), fake.answer(GOOD)) as server:
        asked = model(server, "responses")
        asked.complete(request(tools=SIGNATURES))
        asked.complete(request(tools=SIGNATURES, closing=True))
    looking, closing = (each.body for each in server.asked)
    assert looking["tools"] == [
        {
            "type": "function",
            "name": each.name,
            "description": each.description,
            "parameters": each.schema,
            "strict": True,
        }
        for each in SIGNATURES
    ]
    assert "tool_choice" not in looking
    assert looking["text"]["format"]["type"] == "json_schema"
    assert closing == {**looking, "tool_choice": "none"}


def test_tools_in_the_chat_dialect_go_without_a_format_until_they_close() -> None:
    with fake.OpenAIServer(fake.answer(GOOD), fake.answer(GOOD)) as server:
        asked = model(server, "chat")
        asked.complete(request(tools=SIGNATURES))
        asked.complete(request(tools=SIGNATURES, closing=True))
    looking, closing = (each.body for each in server.asked)
    assert [tool["function"]["name"] for tool in looking["tools"]] == ["read_file", "search"]
    assert all(tool["type"] == "function" and tool["function"]["strict"] for tool in looking["tools"])
    assert looking.keys().isdisjoint({"tool_choice", "response_format"})
    assert closing["response_format"]["type"] == "json_schema"
    assert closing == {**looking, "tool_choice": "none", "response_format": closing["response_format"]}


@in_both_dialects
def test_nothing_is_ever_sent_that_samples_or_depends_on_a_name(dialect: str) -> None:
    for name in ("gpt-5.5", "o9-mini", "llama3"):
        with fake.OpenAIServer(fake.tool_call("read_file", A), fake.answer(GOOD)) as server:
            put(model(server, dialect, model=name))
        sent = [each.text.replace(name, "M") for each in server.asked]
        assert not server.refused
        assert sent == [each.replace(name, "M") for each in sent]
        assert {"temperature", "top_p", "reasoning", "reasoning_effort"}.isdisjoint(server.asked[0].body)


def test_a_call_in_the_responses_dialect_goes_back_as_it_came_after_its_reasoning() -> None:
    calls = fake.tool_calls(("read_file", A, "c1"), ("read_file", B, "c2"), encrypted="gAAAA-secret")
    with fake.OpenAIServer(calls, fake.answer(GOOD)) as server:
        put(model(server, "responses"))
    _, reasoning, first, second, *outputs = server.asked[1].body["input"]
    assert reasoning == {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAAA-secret"}
    assert first == {
        "id": "fc_after_rs0",
        "type": "function_call",
        "status": "completed",
        "call_id": "c1",
        "name": "read_file",
        "arguments": A,
    }
    assert second["call_id"] == "c2"
    assert [(each["type"], each["call_id"]) for each in outputs] == [
        ("function_call_output", "c1"),
        ("function_call_output", "c2"),
    ]
    assert server.asked[1].body["store"] is False


def test_a_call_whose_reasoning_cannot_be_sent_back_is_written_anew() -> None:
    reasoned = json.dumps(
        {
            "output": [
                {"type": "reasoning", "id": "rs_7", "summary": []},
                {"type": "function_call", "id": "fc_after_rs", "call_id": "c1", "name": "read_file", "arguments": A},
            ]
        }
    ).encode()
    with fake.OpenAIServer(fake.raw(reasoned), fake.answer(GOOD)) as server:
        put(model(server, "responses"))
    call = {"type": "function_call", "call_id": "c1", "name": "read_file", "arguments": A}
    assert server.asked[1].body["input"][1] == call


def test_a_call_in_the_chat_dialect_goes_back_with_what_the_server_put_beside_it() -> None:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "read_file", "arguments": A},
        "extra_content": {"s": 1},
    }
    said = {"content": None, "tool_calls": [call], "reasoning_content": "hm", "annotations": []}
    body = json.dumps({"choices": [{"message": said, "finish_reason": "tool_calls"}]}).encode()
    with fake.OpenAIServer(fake.raw(body), fake.answer(GOOD)) as server:
        put(model(server, "chat"))
    _, _, assistant, result = server.asked[1].body["messages"]
    assert assistant == {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"}
    assert (result["role"], result["tool_call_id"]) == ("tool", "c1")
    assert "import os" in result["content"]


@in_both_dialects
def test_a_conversation_of_another_model_can_be_sent_as_well(dialect: str) -> None:
    with fake.OpenAIServer(fake.tool_call("read_file", "{"), fake.answer(GOOD)) as server:
        asked = model(server, dialect)
        made = asked.complete(request(tools=SIGNATURES))
        turns = (Message(Role.ASSISTANT, "Hm.", (), made.calls), Message(Role.TOOL, "text", answers=made.calls[0].id))
        asked.complete(request(tools=SIGNATURES, turns=turns))
    assert not server.refused


@in_both_dialects
def test_every_request_extends_the_one_before_byte_for_byte(dialect: str) -> None:
    steps = [fake.tool_call("read_file", A), fake.tool_call("read_file", '{"path": "x"}', "c2"), fake.answer("no")]
    with fake.OpenAIServer(*steps, fake.answer(GOOD)) as server:
        put(model(server, dialect))
    conversation = "input" if dialect == "responses" else "messages"
    for earlier, later in zip(server.asked, server.asked[1:], strict=False):
        before, after = (json.dumps(each.body[conversation]) for each in (earlier, later))
        assert after.startswith(before.removesuffix("]"))
        assert later.body["tools"] == earlier.body["tools"]
        assert later.body.get("instructions") == earlier.body.get("instructions")


TOOLLESS = [
    (400, "registry.ollama.ai/library/gemma3:4b does not support tools"),
    (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    (400, "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions."),
    (400, "Unrecognized request argument supplied: functions"),
    (400, "Bad Request"),
    (404, "No endpoints found that support tool use."),
    (422, "Extra inputs are not permitted: tools"),
    (500, "tools param requires --jinja flag"),
]


@in_both_dialects
@pytest.mark.parametrize("bare", [False, True], ids=["full-errors", "bare-errors"])
@pytest.mark.parametrize("refusal", TOOLLESS, ids=[text[:20] for _, text in TOOLLESS])
def test_a_server_without_tools_is_not_offered_them_again(
    dialect: str, refusal: tuple[int, str], *, bare: bool
) -> None:
    rules = Rules(toolless=refusal, bare_errors=bare)
    with fake.OpenAIServer(fake.answer(GOOD), fake.answer(GOOD), rules=rules) as server:
        asked = model(server, dialect)
        first, second = put(asked), put(asked)
    assert (first.usage.requests, second.usage.requests) == (2, 1)
    assert first.toolless
    assert second.toolless
    assert len(server.refused) == 1
    assert "tools" not in server.asked[0].body
    form = server.asked[0].body.get("response_format") or server.asked[0].body["text"]["format"]
    assert form["type"] == "json_schema", "an answer that is not looked for is asked for in its form at once"


@in_both_dialects
def test_a_trouble_of_the_server_is_no_word_about_tools(dialect: str) -> None:
    with fake.OpenAIServer(fake.status(500), fake.tool_call("read_file", A), fake.answer(GOOD)) as server:
        answer = put(model(server, dialect))
    assert (len(answer.lookups), answer.toolless) == (1, False)


@in_both_dialects
@pytest.mark.parametrize("word", ["strict", "tool_choice", "prompt_cache_key", "service_tier"])
def test_a_word_that_is_refused_is_left_out_and_the_tools_stay(dialect: str, word: str) -> None:
    steps = [fake.tool_call("read_file", A), fake.answer(GOOD)]
    with fake.OpenAIServer(*steps, rules=Rules(without=frozenset({word}))) as server:
        answer = put(model(server, dialect, service_tier="flex"), max_rounds=2)
    assert (answer.failure, len(answer.lookups)) == ("", 1)
    sends = word != "prompt_cache_key" or dialect == "responses"
    assert len(server.refused) == sends
    assert all("tools" in each.body and word not in each.body for each in server.asked)
    assert ("'strict'" in str(server.asked[0].body["tools"])) == (word != "strict")


@in_both_dialects
def test_a_service_tier_is_sent_only_when_there_is_one(dialect: str) -> None:
    with fake.OpenAIServer(fake.answer(GOOD), fake.answer(GOOD)) as server:
        model(server, dialect).complete(request())
        model(server, dialect, service_tier="flex").complete(request())
    assert [each.body.get("service_tier") for each in server.asked] == [None, "flex"]


def test_the_format_is_learnt_when_the_look_ups_close() -> None:
    steps = [fake.tool_call("read_file", A), fake.answer(GOOD)]
    with fake.OpenAIServer(*steps, rules=Rules(formats=frozenset({"text"}))) as server:
        assert put(model(server, "chat"), max_rounds=2).failure == ""
    assert len(server.refused) == 2


def test_azure_gets_tools_and_its_own_header(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake.OpenAIServer(fake.tool_call("read_file", A), fake.answer(GOOD)) as server:
        monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
        azure = connect(
            api_key=KEY, model="my-deployment", base_url="http://name.openai.azure.com/openai/v1/", sleep=Slept()
        )
        answer = put(azure)
    assert (answer.failure, len(answer.lookups)) == ("", 1)
    assert not server.refused
    for each in server.asked:
        assert (each.dialect, each.headers["api-key"]) == ("responses", KEY)
        assert each.path == "http://name.openai.azure.com/openai/v1/responses"
