"""Messages to Slack: they call nobody and lead nowhere else, and nothing of the webhook's secret comes back."""

import http.client
import logging
import re
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from cicd_agent.domain.effects import Button
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.errors import NotifierRefused
from cicd_agent.settings.schema import Settings

if TYPE_CHECKING:
    from slack_sdk.errors import SlackApiError

API = "https://slack.com/api/"
TIMEOUT = 10
MAX_WAIT = 30
"""Seconds that a rate limit may ask for; it is waited for once."""
MAX_TEXT = 300
MAX_URL = 1_000
MAX_DETAILS = 10
MAX_DETAIL = 150
ROOM = 290
"""Characters of a detail as it is sent, where one that is escaped is several: ten fit into the 3,000 of a section."""
MAX_BUTTONS = 3
MAX_BUTTON = 75
RATE_LIMITED = 429
REMEDIES = {
    "channel_not_found": "Let `slack-channel` be the id of a channel that the app is in",
    "channel_is_archived": "Choose another channel",
    "is_archived": "Choose another channel",
    "invalid_auth": "Look at `slack-token`",
    "invalid_token": "Look at `slack-webhook-url`",
    "missing_scope": "Give the app the scope `chat:write`",
    "no_active_hooks": "Look at `slack-webhook-url`",
    "no_service": "Look at `slack-webhook-url`: Slack knows no such webhook",
    "not_in_channel": "Invite the app to the channel",
    "token_revoked": "Look at `slack-token`",
}
"""What to do, by Slack's own word for what is wrong."""

_WORD = re.compile(r"[a-z][a-z_]{1,60}")
_SECONDS = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What Slack said: "" when that was yes, else its word for what is wrong; `wait` is in seconds."""

    problem: str
    status: int
    wait: int | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Slack:
    """A Notifier that posts by a webhook, or with a token to a channel; `api` is where the latter goes.

    `ca_bundle` is a file of certificates, for the client reads none of the variables that name one; proxies it finds by
    itself. A message whose answer was lost is not sent again: better none than two.
    """

    webhook: str = ""
    token: str = ""
    channel: str = ""
    api: str = API
    ca_bundle: str = ""
    sleep: Callable[[float], None] = time.sleep

    def send(self, text: str, url: str, details: Sequence[str] = (), buttons: Sequence[Button] = ()) -> None:
        """Post one line, with a link when there is a `url`, and what is below it. Raises NotifierRefused."""
        post = content(text, url, details, buttons)
        answer = self._send(post)
        if answer.status == RATE_LIMITED and answer.wait is not None and answer.wait <= MAX_WAIT:
            self.sleep(answer.wait)
            answer = self._send(post)
        if not answer.problem:
            return
        remedy = REMEDIES.get(answer.problem, "")
        if answer.status == RATE_LIMITED:
            until = f"it is lifted in {answer.wait:,} seconds" if answer.wait else "a later run may get through"
            remedy = f"That is a rate limit: {until}"
        raise NotifierRefused("Slack refused the message", why=f"{answer.status}: {answer.problem}", remedy=remedy)

    def _send(self, post: Mapping[str, Any]) -> _Answer:
        """One request. The words of the client are never repeated: they hold the address, and perhaps the token."""
        from slack_sdk.errors import SlackClientError  # noqa: PLC0415  only a run that tells somebody pays for it

        try:
            return self._by_webhook(post) if self.webhook else self._by_token(post)
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            why = "its certificate is not trusted" if isinstance(cause, ssl.SSLError) else "there was no answer"
            remedy = "Look at the proxy: HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE"
        except (ValueError, LookupError, AttributeError, SlackClientError):
            # The client stumbles over an answer, or an address, that is nothing of Slack's.
            setting = "slack-webhook-url" if self.webhook else "slack-token"
            why, remedy = "its answer is not understood", f"Look at `{setting}`, and at what stands between"
        raise NotifierRefused("Slack was not told", why=why, remedy=remedy)

    def _by_webhook(self, post: Mapping[str, Any]) -> _Answer:
        from slack_sdk.webhook import WebhookClient  # noqa: PLC0415

        if not _is_address(self.webhook):
            raise NotifierRefused("the input `slack-webhook-url` is not an https address", remedy="Copy it from Slack")
        tls = self._tls(urlsplit(self.webhook).scheme)
        client = WebhookClient(self.webhook, timeout=TIMEOUT, ssl=tls, logger=_silence(), retry_handlers=[])
        answer = client.send(**post)
        body = answer.body.strip()
        is_done = answer.status_code == http.client.OK and body == "ok"
        return _Answer("" if is_done else _error_code(body), answer.status_code, _wait(answer.headers))

    def _by_token(self, post: Mapping[str, Any]) -> _Answer:
        from slack_sdk import WebClient  # noqa: PLC0415
        from slack_sdk.errors import SlackApiError  # noqa: PLC0415

        if not self.channel:
            raise NotifierRefused("`slack-token` does not say where to", remedy="Set `slack-channel` as well")
        tls = self._tls(urlsplit(self.api).scheme)
        client = WebClient(
            self.token, base_url=self.api, timeout=TIMEOUT, ssl=tls, logger=_silence(), retry_handlers=[]
        )
        try:
            client.chat_postMessage(channel=self.channel, **post)
        except SlackApiError as error:
            return _refusal(error)
        return _Answer("", http.client.OK)

    def _tls(self, scheme: str) -> ssl.SSLContext | None:
        if scheme != "https":
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_bundle or None)
        except OSError:
            why = "a certificate file cannot be read"
        raise NotifierRefused("Slack was not told", why=why, remedy="Look at SSL_CERT_FILE and REQUESTS_CA_BUNDLE")


def connect(settings: Settings, ca_bundle: str) -> Slack | None:
    """The Slack that the settings name, None when they name none. Nothing is sent before there is something to tell."""
    webhook = settings.slack_webhook_url.get_secret_value().strip()
    token = settings.slack_token.get_secret_value().strip()
    if not (webhook or token):
        return None
    return Slack(webhook=webhook, token=token, channel=settings.slack_channel.strip(), ca_bundle=ca_bundle)


def message(text: str, url: str = "") -> str:
    """The line in Slack's mrkdwn.

    `&`, `<` and `>` are all that it wants escaped (https://docs.slack.dev/messaging/formatting-message-text); what
    calls people needs them, or a plain @, which becomes one that calls nobody.
    """
    line, link = escape(clip(_plain(text), MAX_TEXT), quote=False), escape(_address(url), quote=False)
    return f"{line} <{link}|details>" if 0 < len(link) <= MAX_URL else line


def content(text: str, url: str = "", details: Sequence[str] = (), buttons: Sequence[Button] = ()) -> Mapping[str, Any]:
    """What is posted: `verbatim` makes no links of plain words, and nobody fetches what is linked to.

    The line is also what those see who get no blocks: in a notification, say. Buttons that link take no answer of ours.
    """
    line = message(text, url)
    blocks: list[Mapping[str, Any]] = [_section(line)]
    if lines := [shown for each in details if (shown := _within(_plain(each), MAX_DETAIL, ROOM))]:
        if len(lines) > MAX_DETAILS:
            lines[MAX_DETAILS - 1 :] = [f"… and {len(lines) - MAX_DETAILS + 1:,} more"]
        blocks.append(_section("\n".join(lines)))
    links = [(_within(_plain(each.text), MAX_BUTTON, MAX_BUTTON), _address(each.url)) for each in buttons]
    elements = [_link(shown, address) for shown, address in links if shown and 0 < len(address) <= MAX_URL]
    if elements:
        blocks.append({"type": "actions", "elements": elements[:MAX_BUTTONS]})
    return {"text": line, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _is_address(url: str) -> bool:
    """Whether something can be sent there that others must not read; this machine may listen."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url and port != 0
    return is_plain and bool(host) and (parts.scheme == "https" or (parts.scheme, host) == ("http", "127.0.0.1"))


def _plain(text: str) -> str:
    return visible_line(" ".join(text.split())).replace("@", "＠")


def _within(text: str, limit: int, reserved: int) -> str:
    while len(escaped := escape(clip(text, limit), quote=False)) > reserved:
        limit -= 1
    return escaped


def _address(url: str) -> str:
    return quote(url, safe="/:?#!$&*+,;=%~")


def _section(text: str) -> Mapping[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _link(text: str, address: str) -> Mapping[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": text, "emoji": False}, "url": address}


def _refusal(error: "SlackApiError") -> _Answer:
    answer = error.response
    return _Answer(_error_code(str(answer.get("error"))), answer.status_code, _wait(answer.headers))


def _error_code(code: str) -> str:
    return code if _WORD.fullmatch(code) else "no explanation"


def _wait(headers: Mapping[str, str]) -> int | None:
    header = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return int(header) if _SECONDS.fullmatch(header) else None


def _silence() -> logging.Logger:
    return logging.Logger("slack", logging.CRITICAL + 1)  # noqa: LOG001  nobody shall find it and turn it up
