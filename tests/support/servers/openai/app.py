"""A scripted OpenAI-compatible server on 127.0.0.1, for the real client and for whole runs of the command line.

    with OpenAIServer(status(503), answer({"summary": "fine"})) as server:
        run(base_url=server.url)            # http://127.0.0.1:PORT/v1, speaks /responses and /chat/completions
    assert "diff" in server.asked[0].text   # everything that was sent, in order

Each request takes the next step. A request that the real API would refuse (a schema that is not strict, a sampling
parameter, an unknown one) is answered 400 in its words and takes no step. A step is a function of what was asked, so
that an answer can depend on it; `answer`, `fenced`, `refusal`, `truncated`, `status`, `hang` and the others make them.
Leaving the `with` block fails when a step was not used or a request was not in the script.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

from cicd_agent.adapters.fake_model import streamed
from tests.support.servers.openai.rules import Rules, objection
from tests.support.servers.openai.shapes import completion, response

USAGE = {"input": 1_200, "cached": 1_000, "output": 90, "reasoning": 40}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived: `dialect` is responses or chat, header names are in lower case."""

    dialect: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Everything in it, as JSON."""
        return json.dumps(self.body, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Canned:
    """One response. `manner` is how it is sent: whole, never, dropped, cut (half of it), dripped (blanks forever).

    `document` is what `body` says, where a server that is asked to would stream it.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    manner: str = "whole"
    content_type: str = "application/json"
    document: Mapping[str, Any] | None = None


Step = Callable[[Asked], Canned]


def answer(
    value: object,
    *,
    usage: Mapping[str, int] | None = USAGE,
    reasoning: str = "",
    encrypted: str = "",
    extra: Mapping[str, object] | None = None,
) -> Step:
    """A whole answer: text as it is, anything else as JSON. `extra` is merged into the top of the response."""
    text = value if isinstance(value, str) else json.dumps(value)

    def step(asked: Asked) -> Canned:
        return canned(asked, {"text": text, "reasoning": reasoning, "encrypted": encrypted}, usage, extra=extra)

    return step


def fenced(value: object) -> Step:
    """The answer in a Markdown fence."""
    return answer(f"```json\n{json.dumps(value, indent=1)}\n```")


def thought_aloud(value: object) -> Step:
    """The answer after a <think> block, as servers without a reasoning parser leave it."""
    return answer(f'<think>\nMaybe {{"a": 1}}?\n</think>\n\n{json.dumps(value)}')


def without_usage(value: object) -> Step:
    """The answer of a server that does not count."""
    return answer(value, usage=None)


def empty() -> Step:
    """A success with nothing in it."""
    return answer("")


def malformed() -> Step:
    """Half a JSON object that calls itself complete."""
    return answer('{"summary": "an answer with')


def refusal(text: str = "I cannot help with that.") -> Step:
    """The model declines."""
    return lambda asked: canned(asked, {"refusal": text}, USAGE)


def truncated(text: str = '{"summary": "an answer wi') -> Step:
    """The output limit was reached in the middle."""
    return lambda asked: canned(asked, {"text": text}, USAGE, finish="length")


def content_filter() -> Step:
    """The provider's filter stopped the answer."""
    return lambda asked: canned(asked, {"text": ""}, USAGE, finish="content_filter")


def tool_call(name: object = "read_file", arguments: object = "{}", identity: object = "c1") -> Step:
    """One tool is called; None for what is missing."""
    return tool_calls((name, arguments, identity))


def tool_calls(
    *calls: tuple[object, object, object], text: str = "", encrypted: str = "", refused: str = "", finish: str = ""
) -> Step:
    """Several at once, each of (name, arguments, id), None for what is missing; also beside a text or a refusal."""
    said = {"calls": calls, "encrypted": encrypted}
    said |= {"refusal": refused} if refused else {"text": text} if text else {}
    return lambda asked: canned(asked, said, USAGE, finish=finish or "tool_calls")


def status(code: int, message: str = "scripted", *, kind: str = "", param: str = "", **headers: str) -> Step:
    """An error in OpenAI's form; `kind` is its `code`. Headers by keyword: `retry_after="3"`."""
    error = {"message": message, "type": "invalid_request_error", "param": param or None, "code": kind or None}
    body = json.dumps({"error": error}).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Canned(code, body, sent)


def raw(body: bytes, *, code: int = 200, content_type: str = "application/json") -> Step:
    """Any bytes."""
    return lambda _: Canned(code, body, content_type=content_type)


def html(code: int = 502) -> Step:
    """What a gateway says."""
    return raw(b"<!DOCTYPE html><html><h1>Bad gateway</h1></html>", code=code, content_type="text/html")


def hang() -> Step:
    """No answer until the client gives up."""
    return lambda _: Canned(manner="never")


def drop() -> Step:
    """The connection is closed without an answer."""
    return lambda _: Canned(manner="dropped")


def cut(value: object) -> Step:
    """The connection is closed in the middle of the answer."""
    return lambda asked: _with_manner(answer(value)(asked), "cut")


def drip() -> Step:
    """Blanks that keep the connection alive, and never an answer."""
    return lambda _: Canned(manner="dripped")


class OpenAIServer:
    """The server; see the module's docstring. `rules` say what it accepts."""

    def __init__(self, *steps: Step, rules: Rules | None = None) -> None:
        self.asked: list[Asked] = []
        self.refused: list[Asked] = []
        self.unexpected = 0
        self.rules = rules or Rules()
        self.steps = list(steps)
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """What to give as base URL."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def requests(self) -> int:
        """All requests that arrived, refused ones too."""
        return len(self.asked) + len(self.refused)

    def respond(self, asked: Asked) -> Canned:
        """The response to a request."""
        with self._lock:
            if error := objection(asked.dialect, asked.headers, asked.body, self.rules):
                self.refused.append(asked)
                code, body = error
                return Canned(code, json.dumps({"error": body}).encode())
            self.asked.append(asked)
            if not self.steps:
                self.unexpected += 1
                return status(500, "not in the script", x_should_retry="false")(asked)
            step = self.steps.pop(0)
        return self._streamed(asked, step(asked))

    def _streamed(self, asked: Asked, canned: Canned) -> Canned:
        if canned.document is None or not asked.body.get("stream"):
            return canned
        body = b"".join(streamed(asked.dialect, canned.document, asked.body))
        return replace(canned, body=body, content_type="text/event-stream; charset=utf-8")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        if kind is None:
            assert not self.unexpected, f"{self.unexpected} requests were not in the script"
            assert not self.steps, f"{len(self.steps)} steps of the script were not asked for"


def _with_manner(canned: Canned, manner: str) -> Canned:
    return replace(canned, manner=manner)


def canned(
    asked: Asked,
    said: Mapping[str, Any],
    usage: Mapping[str, int] | None,
    *,
    finish: str = "stop",
    extra: Mapping[str, object] | None = None,
) -> Canned:
    """What was said, in the dialect of the question."""
    build = response if asked.dialect == "responses" else completion
    body = build(said, finish, usage) | {"model": f"{asked.body['model']}-2026-01-01"} | dict(extra or {})
    return Canned(body=json.dumps(body).encode(), document=body)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, script: OpenAIServer) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.script = script

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is no news."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_POST(self) -> None:
        script = cast("_Http", self.server).script
        dialects = {"responses": "responses", "completions": "chat"}
        # Behind a proxy the path is a whole address.
        path = urlsplit(self.path).path
        dialect = dialects.get(path.rpartition("/")[2]) if "/v1/" in path else None
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        if dialect is None:
            self._send(Canned(404, b'{"error": {"message": "Not Found"}}'))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        canned = script.respond(Asked(dialect, self.path, headers, json.loads(content)))
        match canned.manner:
            case "whole":
                self._send(canned)
            case "cut":
                self._send(canned, len(canned.body) // 2)
            case "dripped":
                self._head(canned, 1_000_000)
                while not script.closing.wait(0.02):
                    self.wfile.write(b" ")
                    self.wfile.flush()
            case "never":
                script.closing.wait(30)
            case _:
                pass  # dropped
        self.close_connection = canned.manner != "whole"

    def _send(self, canned: Canned, length: int | None = None) -> None:
        self._head(canned, len(canned.body))
        self.wfile.write(canned.body[:length])

    def _head(self, canned: Canned, length: int) -> None:
        self.send_response(canned.status)
        for name, value in (canned.headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", canned.content_type)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: a test that fails shows what it needs."""
