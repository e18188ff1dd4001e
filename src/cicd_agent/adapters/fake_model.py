"""A scripted, OpenAI-compatible model server on 127.0.0.1, for people who try their own set-up without a key.

Each request is checked as the API checks it, takes the next step of the script, and is reported in one line.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any, cast

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from cicd_agent.adapters.files import read_file
from cicd_agent.adapters.models.json_reader import at
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ConfigError, Exit, first_problem

_MAX_REQUEST = 64_000_000
_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "logprobs", "n")
DIALECTS = {"/v1/responses": "responses", "/v1/chat/completions": "chat"}
_HOW = "docs/reference/recordings.md shows what a script looks like"


class ToolCall(BaseModel, frozen=True, extra="forbid"):
    name: str
    arguments: dict[str, object] = {}


class Step(BaseModel, frozen=True, extra="forbid"):
    """What is answered to one request: exactly one of `answer`, `tool_calls`, `status`, `drop` and `malformed`.

    `delay` is the seconds before it; `message` and `headers` go with a `status`.
    """

    answer: str | dict[str, object] | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=100)] = []
    status: Annotated[int | None, Field(ge=400, le=599)] = None
    message: str = "scripted"
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")], Annotated[str, Field(pattern=r"^[ -~]*$")]] = {}
    drop: bool = False
    malformed: bool = False
    delay: Annotated[float, Field(ge=0, le=600)] = 0

    @model_validator(mode="after")
    def _one_thing(self) -> "Step":
        given = [self.answer, self.tool_calls or None, self.status, self.drop or None, self.malformed or None]
        if len(given) - given.count(None) != 1:
            raise ValueError("a step is exactly one of answer, tool_calls, status, drop and malformed")
        return self


class Script(BaseModel, frozen=True, extra="forbid"):
    """The steps, one for each request. With `repeat` they begin again; a `key` is the only one that is accepted."""

    steps: Annotated[list[Step], Field(min_length=1, max_length=1_000)]
    key: str = ""
    repeat: bool = False


class _Loader(yaml.SafeLoader):
    """YAML without aliases: with them a short text can stand for an endless one."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if isinstance(self.peek_event(), yaml.AliasEvent):  # type: ignore[no-untyped-call]  # the stubs leave it out
            raise yaml.YAMLError("aliases (`*name`) are not allowed")
        return super().compose_node(parent, index)


def load_script(path: Path) -> Script:
    """The script in a file. Raises ConfigError."""
    try:
        return Script.model_validate(yaml.load(read_file(path, "--script", 1_000_000), _Loader))  # noqa: S506  it is a SafeLoader
    except ValidationError as error:
        raise ConfigError(f"{path} is no script", why=first_problem(error), remedy=_HOW) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is neither YAML nor JSON", why=str(error)[:200], remedy=_HOW) from None


def serve(script: Path, port: int, say: Callable[[str], None]) -> Exit:
    """Answer until somebody says stop (Ctrl-C, SIGTERM); a line for the address and one for each request."""
    with serving(load_script(script), say, port=port) as model:
        try:
            say(f"serving {script} at {model.url}")
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            say(f"ended, {count(model.unused, 'step')} of the script not asked for")
    return Exit.OK


@contextmanager
def serving(script: Script, say: Callable[[str], None], *, port: int = 0) -> Iterator["FakeModel"]:
    """A server on loopback for as long as the block lasts; `say` gets a line for each request."""
    try:
        model = FakeModel(script, say, port)
    except (OSError, OverflowError) as gone:
        raise ConfigError(f"port {port} cannot be used", why=str(gone), remedy="Give another one, or none") from None
    thread = threading.Thread(target=model.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        model.closing.set()
        model.shutdown()
        model.server_close()
        thread.join()


class FakeModel(ThreadingHTTPServer):
    """What the script has come to."""

    request_queue_size = 128
    """Connections that may wait: with the default of 5, some of many at once are reset."""
    daemon_threads = True
    block_on_close = False

    def __init__(self, script: Script, say: Callable[[str], None], port: int) -> None:
        super().__init__(("127.0.0.1", port), _Exchange)
        self.closing = threading.Event()
        self._script = script
        self._say = say
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def unused(self) -> int:
        return max(0, len(self._script.steps) - self._taken)

    def take(self, path: str, body: object, authorization: str) -> tuple[Step | None, int, dict[str, object]]:
        """The step that a request takes, if it is one that takes any; the status and the body to answer with."""
        dialect = DIALECTS.get(path)
        request: dict[str, Any] = body if isinstance(body, dict) else {}
        step: Step | None = None
        with self._lock:
            if dialect is None:
                status, answer = 404, error(f"Invalid URL (POST {path})")
            elif refused := objection(dialect, body, authorization, self._script.key):
                status, answer = refused
            elif not self.unused and not self._script.repeat:
                status, answer = 500, error("the script has no step for this request")
            else:
                step = self._script.steps[self._taken % len(self._script.steps)]
                self._taken += 1
                status = step.status or 200
                answer = error(step.message) if step.status else reply(step, dialect, request)
            last = len(self._script.steps)
            took = f"step {(self._taken - 1) % last + 1} of {last}" if step else str(cast("Any", answer)["error"])
            became = "dropped" if step is not None and step.drop else str(status)
            line = f"POST {path} → {became} · {request.get('model')} · {len(json.dumps(body)):,} characters · {took}"
            self._say(visible_line(line[:400]))
        return step, status, answer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is no news."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        """Answer one request."""
        model = cast("FakeModel", self.server)
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > _MAX_REQUEST:
            self.close_connection = True
            self._send(413, error("Request body is missing or too large."), {})
            return
        try:
            body: object = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            body = None
        step, status, answer = model.take(self.path, body, self.headers.get("authorization", ""))
        model.closing.wait(step.delay if step else 0)
        if step is not None and step.drop:
            self.close_connection = True
            return
        if status == HTTPStatus.OK and at(body, "stream") is True:
            self._stream(streamed(DIALECTS[self.path], answer, body))
            return
        # Nobody should try again what no script will answer.
        self._send(status, answer, {"x-should-retry": "false"} if step is None else step.headers)

    def _send(self, status: int, answer: Mapping[str, object], headers: Mapping[str, str]) -> None:
        content = json.dumps(answer, default=str).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(content)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, events: Iterable[bytes]) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in (*events, b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))

    def log_message(self, *_: object) -> None:
        """Nothing: the model says its own line."""


def reply(step: Step, dialect: str, body: Mapping[str, Any]) -> dict[str, object]:
    """A successful reply; its tokens are counted by length."""
    text = step.answer if isinstance(step.answer, str) else json.dumps(step.answer)
    text = '{"summary": "an answer with' if step.malformed else "" if step.tool_calls else text
    calls = [(f"call_{n}", call.name, json.dumps(call.arguments)) for n, call in enumerate(step.tool_calls, 1)]
    sent, answered = len(json.dumps(body)) // 4, len(text) // 4 + 1
    if dialect == "responses":
        part = {"type": "output_text", "text": text, "annotations": []}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        made = [{"type": "function_call", "call_id": at, "name": n, "arguments": a} for at, n, a in calls]
        usage = {"input_tokens": sent, "output_tokens": answered, "total_tokens": sent + answered}
        head = {"id": "resp_1", "object": "response", "status": "completed", "model": body["model"]}
        return {**head, "output": made or [message], "usage": usage}
    functions = [{"id": at, "type": "function", "function": {"name": n, "arguments": a}} for at, n, a in calls]
    content = {"content": text} if not functions else {"content": None, "tool_calls": functions}
    finish = "tool_calls" if functions else "stop"
    choice = {"index": 0, "message": {"role": "assistant", **content}, "finish_reason": finish}
    usage = {"prompt_tokens": sent, "completion_tokens": answered, "total_tokens": sent + answered}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "model": body["model"]}
    return {**head, "choices": [choice], "usage": usage}


_PIECE = 24
"""Characters of a text that are streamed at once."""


def streamed(dialect: str, document: Mapping[str, Any], request: object) -> Iterator[bytes]:
    """The events by which a server streams what it would have answered whole."""
    if dialect == "responses":
        for number, event in enumerate(_response_events(document)):
            data = json.dumps({**event, "sequence_number": number}, default=str)
            yield f"event: {event['type']}\ndata: {data}\n\n".encode()
        return
    counted = {"usage": None} if at(request, "stream_options", "include_usage") else {}
    head = {key: value for key, value in document.items() if key not in {"choices", "usage", "object"}}
    head["object"] = "chat.completion.chunk"
    for choice in _choices(document["choices"][0]):
        yield f"data: {json.dumps({**head, 'choices': [choice], **counted}, default=str)}\n\n".encode()
    if counted and "usage" in document:
        yield f"data: {json.dumps({**head, 'choices': [], 'usage': document['usage']}, default=str)}\n\n".encode()
    yield b"data: [DONE]\n\n"


def _pieces(text: object) -> Iterator[str]:
    """A text in parts; anything else is no text to be split."""
    if isinstance(text, str):
        yield from (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))


def _choices(choice: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    def chunk(delta: Mapping[str, object], finish: object = None) -> dict[str, object]:
        return {"index": 0, "delta": delta, "finish_reason": finish}

    message = choice["message"]
    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for key in ("reasoning_content", "content", "refusal"):
        yield from (chunk({key: piece}) for piece in _pieces(message.get(key)))
    for index, call in enumerate(message.get("tool_calls") or ()):
        arguments = call["function"].get("arguments")
        opened = {"arguments": ""} if isinstance(arguments, str) else {}
        yield chunk({"tool_calls": [{**call, "index": index, "function": {**call["function"], **opened}}]})
        for piece in _pieces(arguments):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, choice.get("finish_reason"))


def _response_events(response: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        place: dict[str, object] = {"output_index": index, "item_id": item.get("id")}
        empty: dict[str, object] = (
            {"content": []} if item["type"] == "message" else {"arguments": ""} if "arguments" in item else {}
        )
        added = {**item, **empty, "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": index, "item": added}
        for number, part in enumerate(item.get("content") or ()):
            yield from _part_events(part, {**place, "content_index": number})
        for piece in _pieces(item.get("arguments")):
            yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
        if "arguments" in item:
            yield {"type": "response.function_call_arguments.done", **place, "arguments": item["arguments"]}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{response['status']}", "response": response}


def _part_events(part: Mapping[str, Any], place: Mapping[str, object]) -> Iterator[dict[str, object]]:
    key = "refusal" if part["type"] == "refusal" else "text"
    said = "response.refusal" if key == "refusal" else "response.output_text"
    yield {"type": "response.content_part.added", **place, "part": {**part, key: ""}}
    for piece in _pieces(part[key]):
        yield {"type": f"{said}.delta", **place, "delta": piece}
    yield {"type": f"{said}.done", **place, key: part[key]}
    yield {"type": "response.content_part.done", **place, "part": part}


def error(message: str, *, param: str = "", code: str = "") -> dict[str, object]:
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": param or None, "code": code or None}
    }


def objection(dialect: str, body: object, authorization: str, key: str) -> tuple[int, dict[str, object]] | None:
    """Status and body with which the API refuses a request, None when it takes it."""
    bearer = authorization.removeprefix("Bearer ")
    if not bearer or bearer == authorization:
        return 401, error("You didn't provide an API key. Use it in an Authorization header (Bearer auth).")
    if key and bearer != key:
        return 401, error("Incorrect API key provided.", code="invalid_api_key")
    if not isinstance(body, dict):
        return 400, error("We could not parse the JSON body of your request.")
    return next(((400, error(text, param=param, code=code)) for param, text, code in _faults(dialect, body)), None)


def _faults(dialect: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    messages = "messages" if dialect == "chat" else "input"
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "model", "you must provide a model parameter", ""
    if not body.get(messages):
        yield messages, f"Missing required parameter: '{messages}'.", "missing_required_parameter"
    if "stream_options" in body and not body.get("stream"):
        yield "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.", ""
    for name in (each for each in _SAMPLING if each in body):
        yield name, f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter"
    param = "response_format" if dialect == "chat" else "text.format"
    shape = at(body, *param.split("."))
    if at(shape, "type") == "json_schema":
        for reason in unfit(at(shape, "json_schema", "schema") if dialect == "chat" else at(shape, "schema")):
            yield param, f"Invalid schema for response_format: {reason}", "invalid_json_schema"
    if at(shape, "type") == "json_object" and "json" not in json.dumps(body.get(messages)).lower():
        yield param, f"'{messages}' must contain the word 'json' to use '{param}' of type 'json_object'.", ""


def unfit(schema: object, context: str = "") -> Iterator[str]:
    """Why a schema is not strict."""
    if not isinstance(schema, dict):
        yield f"In context=({context}), schema must be an object."
        return
    properties = schema.get("properties")
    if schema.get("type") == "object" and isinstance(properties, dict):
        if schema.get("additionalProperties") is not False:
            yield f"In context=({context}), 'additionalProperties' is required to be supplied and to be false."
        if not isinstance(required := schema.get("required"), list) or {*map(str, required)} != {*properties}:
            yield f"In context=({context}), 'required' must name every key of properties."
        for name, inner in properties.items():
            yield from unfit(inner, f"{context}'properties', '{name}'")
    if schema.get("type") == "array":
        yield from unfit(schema.get("items"), f"{context}'items'")
