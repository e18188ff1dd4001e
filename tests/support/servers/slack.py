"""Slack on loopback: one webhook and one app, with Slack's own words for what is wrong.

    with FakeSlack() as slack:
        Slack(webhook=slack.webhook).send("main turned red", "")
        assert slack.heard == ["main turned red"]

`fail`, `drop` and `hang` are as those of FakeGitHub. What the client's own models of blocks would not send is refused.
"""

import ssl
from typing import Any, Self

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from tests.support.servers.github.routes import Answer
from tests.support.servers.github.server import Fault, Received, Server

SECRET = "Zk7QpL9v" * 3
PATH = f"/services/T0ABC123/B0DEF456/{SECRET}"
TOKEN = f"xoxb-{1111}-{SECRET[::-1]}"
CHANNEL = "C0123"


class FakeSlack:
    """See the module."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = Server(self._respond, tls)
        self.messages: list[Any] = []
        """What was posted, whole."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    @property
    def webhook(self) -> str:
        """The address that posts without a token."""
        return self._server.url + PATH

    @property
    def api(self) -> str:
        """Where methods are called."""
        return f"{self._server.url}/api/"

    @property
    def url(self) -> str:
        """The server itself."""
        return self._server.url

    @property
    def heard(self) -> list[str]:
        """The texts that were posted."""
        return [message["text"] for message in self.messages]

    @property
    def received(self) -> list[Received]:
        """Every request, refused ones too."""
        return self._server.received

    def fail(self, status: int, body: Any = "", **more: Any) -> None:
        """Answer with this status; a string is sent as it is."""
        self._server.faults.append(Fault("POST", "", status=status, body=body, **more))

    def drop(self, **when: Any) -> None:
        """Close the connection without an answer."""
        self._server.faults.append(Fault("POST", "", **when))

    def hang(self) -> None:
        """Never answer."""
        self._server.faults.append(Fault("POST", "", hang=True))

    def _respond(self, request: Received) -> Answer:
        if request.path == "/api/chat.postMessage":
            error = self._wrong(request) or faults(request.body)
            if not error:
                self.messages.append(request.body)
            return Answer(
                200, {"ok": False, "error": error} if error else {"ok": True, "channel": CHANNEL, "ts": "1.2"}
            )
        if request.path != PATH:
            return Answer(404, "no_service")
        if error := faults(request.body):
            return Answer(400, error)
        self.messages.append(request.body)
        return Answer(200, "ok")

    def _wrong(self, request: Received) -> str:
        if request.token != TOKEN:
            return "invalid_auth"
        return "" if request.body["channel"] == CHANNEL else "channel_not_found"


def faults(post: Any) -> str:
    """Slack's word for what is wrong with a message, by its own models of blocks, "" when it takes it."""
    if not post["text"]:
        return "no_text"
    blocks = post["blocks"]
    try:
        read = [block.to_dict() for block in Block.parse_all(blocks)]
    except SlackObjectFormationError:
        return "invalid_blocks"
    is_whole = 0 < len(read) <= 50 and read == blocks and all(_is_filled(text) for text in _texts(blocks))
    return "" if is_whole else "invalid_blocks"


def _texts(value: Any) -> list[dict[str, Any]]:
    """The text objects in it: of an empty or overlong one the models do not complain everywhere, Slack does."""
    if isinstance(value, dict):
        inner = [text for each in value.values() for text in _texts(each)]
        return [value, *inner] if value.get("type") in {"mrkdwn", "plain_text"} else inner
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else []


def _is_filled(text: dict[str, Any]) -> bool:
    return 0 < len(text["text"]) <= 3_000
