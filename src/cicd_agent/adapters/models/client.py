"""Model for OpenAI, Azure and every compatible server; its transport is imported by the first request.

The openai SDK is used for the exchange of identities alone: its import costs more CPU than all else in a review.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import SplitResult, quote, urlsplit

from cicd_agent import __version__
from cicd_agent.adapters.models import chat as models_chat
from cicd_agent.adapters.models import responses as models_responses
from cicd_agent.adapters.models.capabilities import Shape
from cicd_agent.adapters.models.errors import ExchangeError, Fault, explain, fault_of
from cicd_agent.adapters.models.event_stream import (
    MAX_ANSWER_BYTES,
    Assembly,
    bounded,
    events,
    is_event_stream,
    receive,
)
from cicd_agent.adapters.models.json_reader import at, load, text_of
from cicd_agent.agent.messages import Model, Reply, Request, Stop
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import ConfigError, ModelUnavailable
from cicd_agent.settings.environment import Workload

if TYPE_CHECKING:
    from httpcore2 import NetworkBackend
    from openai.auth import WorkloadIdentityAuth

    from cicd_agent.adapters.models.transport import Connection, Deadline, Response

OPENAI_URL = "https://api.openai.com/v1"

_RETIRED = {"models.github.ai", "models.inference.ai.azure.com"}
_IDENTITY_HOSTS = (".openai.com",)
_RESPONSES_HOSTS = (".openai.com", ".openai.azure.com")
_NO_KEY = "unused"
_MIN_SECRET = 6
_MAX_MESSAGE = 300


class Dialect(Protocol):
    CAP: str
    PATH: str

    def body(self, request: Request, model: str, shape: Shape) -> dict[str, Any]: ...
    def Parts(self) -> Assembly: ...  # noqa: N802  a class of the module
    def read(self, data: object, request: Request) -> Reply | Fault: ...


EXCHANGE_URL = "https://auth.openai.com/oauth/token"
_SECONDS = 10.0
_REMEDY = "Check `id-token: write`, OPENAI_IDENTITY_PROVIDER_ID, OPENAI_SERVICE_ACCOUNT_ID and OPENAI_IDENTITY_AUDIENCE"


class Identity:
    """A workload's identity, and the token it was last exchanged for. Nothing is sent before the first `token`.

    The request token goes to the address that came with it, and to no other. The identity that comes back is made for
    one audience, which is OpenAI, and is exchanged by the SDK.
    """

    def __init__(self, workload: Workload, *, exchange_url: str = EXCHANGE_URL) -> None:
        self._workload = workload
        self._exchange_url = exchange_url
        self._exchanged: WorkloadIdentityAuth | None = None

    def token(self) -> str:
        """A token that is valid for some minutes, kept until it is about to end. Raises ModelUnavailable."""
        import httpx2  # noqa: PLC0415  with the SDK, when the first question is asked
        from openai import OpenAIError  # noqa: PLC0415
        from openai.auth import WorkloadIdentityAuth  # noqa: PLC0415

        workload = self._workload
        if self._exchanged is None:
            self._exchanged = WorkloadIdentityAuth(
                workload_identity={
                    "identity_provider_id": workload.identity_provider_id,
                    "service_account_id": workload.service_account_id,
                    "provider": {"token_type": "jwt", "get_token": self._subject},
                },
                token_exchange_url=self._exchange_url,
            )
        try:
            return self._exchanged.get_token()
        except (OpenAIError, httpx2.HTTPError) as error:
            # The words of neither side are repeated: they may hold a part of a token.
            kind = type(error).__name__
        raise ModelUnavailable("GitHub's identity was not exchanged for an OpenAI token", why=kind, remedy=_REMEDY)

    def _subject(self) -> str:
        """The identity of this job, signed by GitHub for one audience."""
        import httpx2  # noqa: PLC0415  see token
        from openai import DefaultHttpxClient, OpenAIError  # noqa: PLC0415

        workload = self._workload
        joined = "&" if "?" in workload.request_url else "?"
        with DefaultHttpxClient(follow_redirects=False) as client:
            response = client.get(
                f"{workload.request_url}{joined}audience={quote(workload.audience, safe='')}",
                headers={"Authorization": f"Bearer {workload.request_token}"},
                timeout=_SECONDS,
            )
        try:
            value = (
                text_of(at(json.loads(response.content), "value")) if response.status_code == httpx2.codes.OK else ""
            )
        except ValueError:
            value = ""
        if not value:
            raise OpenAIError(f"GitHub gave no identity token: {response.status_code}")
        return value


def connect(
    *,
    api_key: str,
    model: str,
    base_url: str = "",
    api: str = "auto",
    headers: Mapping[str, str] | None = None,
    service_tier: str = "",
    identity: Identity | None = None,
    max_retries: int = 4,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    network: "NetworkBackend | None" = None,
) -> Model:
    """A model behind a server. ModelUnavailable when there is none to ask, ConfigError when an argument makes no sense.

    `api` is auto, responses or chat. `identity` stands in for a key, at OpenAI's own hosts only. `network` may stand in
    for sockets. Nothing is sent or imported yet.
    """
    key = api_key.strip()
    url = base_url.strip() or OPENAI_URL
    host = _address(url).hostname or ""
    if host in _RETIRED:
        raise ModelUnavailable(
            f"{host} is gone: GitHub Models was retired on 2026-07-30",
            remedy="Set `openai-api-key`, or `base-url` to another OpenAI-compatible server",
        )
    if key or not f".{host}".endswith(_IDENTITY_HOSTS):
        identity = None
    if not key and not base_url.strip() and identity is None:
        raise ModelUnavailable(
            "there is neither a key nor an address of a model server",
            remedy="Set `openai-api-key` or `base-url`",
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError("`openai-api-key` holds characters that no key has", remedy="Copy the key again")
    extra = dict(headers or {})
    if host.endswith(".openai.azure.com") and key:
        extra.setdefault("api-key", key)
    spoken = ("responses" if f".{host}".endswith(_RESPONSES_HOSTS) else "chat") if api == "auto" else api
    dialect: Dialect = models_responses if spoken == "responses" else models_chat
    return OpenAIModel(
        model,
        dialect,
        url,
        identity.token if identity else lambda: key,
        extra,
        service_tier=service_tier,
        max_retries=max_retries,
        sleep=sleep,
        clock=clock,
        network=network,
    )


def parse_headers(text: str) -> dict[str, str]:
    """The input `model-headers`: one `Name: value` a line. Errors do not repeat the text, which may be secret."""
    headers: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        letters = name.replace("-", "").replace("_", "")
        if not (colon and letters.isascii() and letters.isalnum() and value.isascii() and value.isprintable()):
            raise ConfigError(f"line {number} of `model-headers` is not a header", remedy="Write `Name: value`")
        headers[name] = value
    return headers


@dataclass(repr=False)
class OpenAIModel:
    """One model of one server. What the server was found not to accept is remembered for the run."""

    name: str
    dialect: Dialect
    url: str
    key: Callable[[], str]
    headers: Mapping[str, str]
    service_tier: str
    max_retries: int
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    network: "NetworkBackend | None" = None
    _tls: SSLContext | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._host = _address(self.url).netloc
        self._shape = Shape(cap=self.dialect.CAP)

    def complete(self, request: Request) -> Reply:
        """Send one request, again at most `max_retries` times while that may help, and once when an answer broke off.

        Nothing is asked again that may still be being answered.
        """
        ends = self.clock() + (float("inf") if request.seconds is None else request.seconds)
        spent = _Spent()
        retries = 0
        key = self.key()
        import httpcore2  # noqa: PLC0415  a run without a model does not pay for it

        from cicd_agent.adapters.models.transport import Connection, Deadline  # noqa: PLC0415

        # Reading the certificates costs more than all else that a turn costs here.
        self._tls = self._tls or httpcore2.default_ssl_context()
        deadline = Deadline(ends, self.clock)
        with Connection(self.url, self._tls, deadline, self.network) as connection:
            while True:
                # Another question may teach us more meanwhile: what is learnt is learnt of the shape that was sent.
                shape = self._shape
                outcome = self._send(connection, request, shape, deadline, key)
                if isinstance(outcome, Reply):
                    toolless = bool(request.tools) and not shape.lists(request)
                    return spent.on(replace(outcome, toolless=toolless))
                outcome = self._clean(outcome, key)
                again = outcome.may_pass and not (outcome.begun and spent.begun)
                spent.add(outcome)
                if outcome.filtered:
                    return spent.on(Reply("", Stop.FILTERED, Usage(), self.name, outcome.message))
                if learnt := shape.after(outcome, request):
                    self._shape = self._shape.also(learnt)
                    continue
                delay = outcome.delay(retries)
                if not again or retries == self.max_retries or self.clock() + delay >= ends:
                    raise explain(
                        outcome,
                        model=self.name,
                        host=self._host,
                        requests=spent.requests,
                        lost=spent.lost,
                        known=spent.known,
                    )
                retries += 1
                self.sleep(delay)

    def _send(
        self, connection: "Connection", request: Request, shape: Shape, deadline: "Deadline", key: str
    ) -> Reply | Fault:
        """One attempt, with all the time that is left: giving up on a model that thinks saves no money."""
        body = self.dialect.body(request, self.name, shape) | shape.named("service_tier", self.service_tier)
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        parts = self.dialect.Parts()
        deadline.begin()
        try:
            with connection.send("POST", self.dialect.PATH, _headers(key, self.headers), content) as response:
                if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                    return fault_of(response.status, response.headers, _error(response))
                document = receive(response.chunks, parts, deadline)
        except ExchangeError as error:
            came = f"; about {parts.tokens:,} tokens of the answer had arrived" if parts.tokens else ""
            return Fault(error.trouble, message=f"{error}{came}", begun=parts.begun, usage=parts.usage)
        outcome = self.dialect.read(document, request)
        if isinstance(outcome, Fault):
            # What a server reports to have failed before it said anything is no more than a refusal.
            return replace(outcome, begun=parts.tokens > 0, usage=parts.usage)
        return outcome

    def _clean(self, fault: Fault, key: str) -> Fault:
        """The fault with its message on one short line, free of the key and of what the extra headers hold."""
        message = fault.message
        for secret in (key, *self.headers.values()):
            if len(secret) >= _MIN_SECRET:
                message = message.replace(secret, "***")
        message = visible_line(" ".join(message.split()))
        return replace(fault, message=message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}…")


@dataclass(slots=True)
class _Spent:
    """What the requests of one question have cost so far, beside the one that brings the reply."""

    requests: int = 0
    lost: int = 0
    known: tuple[int, int] = (0, 0)
    begun: bool = False

    def add(self, fault: Fault) -> None:
        self.requests += 1
        self.lost += fault.lost
        self.begun = self.begun or fault.begun
        if fault.usage is not None:
            self._know(fault.usage)

    def on(self, reply: Reply) -> Reply:
        """The reply with all of it; what it cost itself is not known when the others' cost is not."""
        usage = reply.usage
        self.requests += usage.requests
        if not self.lost and not any(self.known):
            return replace(reply, usage=replace(usage, requests=self.requests))
        self.lost += usage.input is None or usage.output is None
        self._know(usage)
        read, written = (None, None) if self.lost else self.known
        total = Usage(self.requests, read, written, cached=None, reasoning=None)
        return replace(reply, usage=total, lost=self.lost, known=self.known)

    def _know(self, usage: Usage) -> None:
        if usage.input is not None and usage.output is not None:
            self.known = self.known[0] + usage.input, self.known[1] + usage.output


def _headers(key: str, more: Mapping[str, str]) -> dict[str, str]:
    """Those of a request; `more` come before ours. A gateway that compresses a stream may hold it back."""
    ours = {
        "authorization": f"Bearer {key or _NO_KEY}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": f"cicd-agent/{__version__}",
    }
    return ours | {name.lower(): value for name, value in more.items()}


def _error(response: "Response") -> object:
    """What an error response says: JSON, also as an event of a stream, else its text; "" when it breaks off."""
    try:
        answer = b"".join(bounded(response.chunks, MAX_ANSWER_BYTES))
    except ExchangeError:
        return ""
    if is_event_stream(answer):
        answer = next((data.encode() for _, data in events([answer])), b"")
    try:
        return load(answer)
    except ValueError:
        return answer.decode("utf-8", "replace").strip()


def _address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        usable = address.scheme in {"http", "https"} and address.hostname and address.port != 0
        (address.hostname or "").encode("idna")
    except ValueError:
        usable = address = None
    if not address or not usable or address.username or address.password:
        raise ConfigError("`base-url` is not an http(s) address without credentials", remedy="Write it in full")
    return address


SECONDS: Final = 10.0
_MAX_MODELS: Final = 5_000
_REFUSED: Final = (401, 403)


class Unanswered(Exception):
    """Why there is no list, in a few words; `refused` when the server is there and does not take the key.

    `unlisted` when it is there and simply has no list.
    """

    def __init__(self, reason: str, *, refused: bool = False, unlisted: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused
        self.unlisted = unlisted


def listed(base_url: str, key: str, headers: Mapping[str, str]) -> frozenset[str]:
    """The names of the server's models. Raises Unanswered."""
    import httpcore2  # noqa: PLC0415  nobody else pays for it

    from cicd_agent.adapters.models.transport import Connection, Deadline  # noqa: PLC0415

    deadline = Deadline(time.monotonic() + SECONDS, time.monotonic)
    try:
        with (
            Connection(base_url.strip() or OPENAI_URL, httpcore2.default_ssl_context(), deadline) as connection,
            connection.send("GET", "/models", _headers(key, headers)) as response,
        ):
            status = response.status
            answer = b"".join(bounded(response.chunks, MAX_ANSWER_BYTES))
        names = at(load(answer), "data") if status == HTTPStatus.OK else []
    except (ExchangeError, ModelUnavailable, OSError, ValueError):
        raise Unanswered("there is no answer, or none that makes sense") from None
    if status != HTTPStatus.OK:
        # Nothing of the error's own text: it may quote the key.
        raise Unanswered(f"it answers {status}", refused=status in _REFUSED, unlisted=status in {404, 405, 501})
    if not isinstance(names, list):
        raise Unanswered("there is no answer, or none that makes sense")
    return frozenset(text_of(at(each, "id")) for each in names[:_MAX_MODELS])
