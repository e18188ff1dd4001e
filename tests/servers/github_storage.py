"""Where GitHub keeps logs and archives: another host, whose signed addresses are good for whoever holds them."""

import re

from tests.servers.github_routes import Answer
from tests.servers.github_server import Fault, Received, Server

SIGNATURE = "s1gned-for-a-minute"


class Storage:
    """Content at signed addresses. `fault` takes what Fault takes, for any GET."""

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

    def fault(self, fault: Fault) -> None:
        """Let something happen instead of an answer."""
        self._server.faults.append(fault)

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def _respond(self, request: Received) -> Answer:
        place = re.fullmatch(r"/kept/(\d+)", request.path)
        if place is None or request.query.get("sig") != SIGNATURE:
            return Answer(403, "<Error><Code>AuthenticationFailed</Code></Error>")
        return Answer(200, self._contents[int(place[1])])
