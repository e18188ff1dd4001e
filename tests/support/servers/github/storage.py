"""Where GitHub keeps logs and archives: another host, whose signed addresses are good for whoever holds them."""

import re
from collections.abc import Mapping
from typing import Any

from tests.support.servers.github.routes import Answer
from tests.support.servers.github.server import Fault, Received, Server

SIGNATURE = "s1gned-for-a-minute"


class Storage:
    """Content at signed addresses."""

    def __init__(self) -> None:
        self._contents: list[bytes] = []
        self._server = Server(self._respond)

    @property
    def url(self) -> str:
        """The host, by another name than the API's."""
        return self._server.url.replace("127.0.0.1", "localhost")

    @property
    def received(self) -> list[Received]:
        """Every request, in the order of arrival."""
        return self._server.received

    def sign(self, data: bytes) -> str:
        """Keep content and give an address to it."""
        self._contents.append(data)
        return f"{self.url}/kept/{len(self._contents) - 1}?sig={SIGNATURE}"

    def fail(self, status: int, body: Any = "", headers: Mapping[str, str] | None = None, **when: Any) -> None:
        """Answer with this status; `when` is nth, times."""
        self._server.faults.append(Fault("GET", "", status=status, body=body, headers=headers or {}, **when))

    def drop(self, **when: Any) -> None:
        """Close the connection without an answer."""
        self._server.faults.append(Fault("GET", "", **when))

    def hang(self, **when: Any) -> None:
        """Never answer."""
        self._server.faults.append(Fault("GET", "", hang=True, **when))

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def _respond(self, request: Received) -> Answer:
        place = re.fullmatch(r"/kept/(\d+)", request.path)
        if place is None or request.query.get("sig") != SIGNATURE:
            return Answer(403, "<Error><Code>AuthenticationFailed</Code></Error>")
        return Answer(200, self._contents[int(place[1])])
