"""The fake model's HTTP: each request is checked as the API checks it, takes the next step, and is told in one line."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.fake_model.script import Script, Step, load_script
from cicd_agent.fake_model.words import DIALECTS, error, objection, reply

_LARGEST_REQUEST = 64_000_000


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
        """Steps that nobody has asked for yet."""
        return max(0, len(self._script.steps) - self._taken)

    def take(self, path: str, body: object, authorization: str) -> tuple[Step | None, int, dict[str, object]]:
        """The step that a request takes, if it is one that takes any; the status and the body to answer with."""
        dialect = DIALECTS.get(path)
        asked: dict[str, Any] = body if isinstance(body, dict) else {}
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
                answer = error(step.message) if step.status else reply(step, dialect, asked)
            last = len(self._script.steps)
            took = f"step {(self._taken - 1) % last + 1} of {last}" if step else str(cast("Any", answer)["error"])
            became = "dropped" if step is not None and step.drop else str(status)
            line = f"POST {path} → {became} · {asked.get('model')} · {len(json.dumps(body)):,} characters · {took}"
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
        if not length.isdecimal() or int(length) > _LARGEST_REQUEST:
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
        # Nobody should try again what no script will answer.
        self._send(status, answer, {"x-should-retry": "false"} if step is None else step.headers)

    def _send(self, status: int, answer: Mapping[str, object], headers: Mapping[str, str]) -> None:
        content = json.dumps(answer, default=str).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(content)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: the model says its own line."""
