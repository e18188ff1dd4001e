"""Model on the openai SDK, for OpenAI, Azure and every compatible server; the SDK is imported by the first request."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import SplitResult, quote, urlsplit

from cicd_agent.adapters.models import chat as models_chat
from cicd_agent.adapters.models import responses as models_responses
from cicd_agent.adapters.models.capabilities import Shape
from cicd_agent.adapters.models.errors import Fault, Trouble, explain, fault_of
from cicd_agent.adapters.models.json_reader import at, load, text_of
from cicd_agent.agent.messages import Model, Reply, Request, Stop
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import ConfigError, ModelUnavailable
from cicd_agent.settings.environment import Workload

if TYPE_CHECKING:
    from openai import OpenAI

OPENAI_URL = "https://api.openai.com/v1"
MAX_ANSWER_BYTES = 16_000_000

_RETIRED = {"models.github.ai", "models.inference.ai.azure.com"}
_IDENTITY_HOSTS = (".openai.com",)
_RESPONSES_HOSTS = (".openai.com", ".openai.azure.com")
_NO_KEY = "unused"
_MIN_SECRET = 6
_MAX_MESSAGE = 300


class Dialect(Protocol):
    CAP: str

    def body(self, request: Request, model: str, shape: Shape) -> dict[str, Any]: ...
    def create(self, client: "OpenAI") -> Any: ...
    def read(self, data: object, request: Request) -> Reply | Fault: ...


class _TooLongError(Exception):
    """An answer is longer than any answer."""


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
) -> Model:
    """A model behind a server. ModelUnavailable when there is none to ask, ConfigError when an argument makes no sense.

    `api` is auto, responses or chat. `identity` stands in for a key, at OpenAI's own hosts only. Nothing is sent or
    imported yet.
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
            "no key and no provider: rules only (degraded=true)",
            remedy="Set `openai-api-key`, or `provider: none` to say you mean it",
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
    _tls: SSLContext | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._host = _address(self.url).netloc
        self._shape = Shape(cap=self.dialect.CAP)

    def complete(self, request: Request) -> Reply:
        """Send one request, again at most `max_retries` times while that may help."""
        ends = self.clock() + (float("inf") if request.seconds is None else request.seconds)
        requests = lost = retries = 0
        key = self.key()
        import httpx2  # noqa: PLC0415  half a second that a run without a model does not pay

        # Reading the certificates costs more than all else that a turn costs here.
        self._tls = self._tls or httpx2.create_ssl_context()
        with _connected(key, self.url, self.headers, self._tls) as client:
            while True:
                # Another question may teach us more meanwhile: what is learnt is learnt of the shape that was sent.
                shape = self._shape
                outcome = self._send(client, request, shape, ends)
                if isinstance(outcome, Fault):
                    outcome = self._clean(outcome, key)
                requests += 1
                if isinstance(outcome, Reply):
                    toolless = bool(request.tools) and not shape.lists(request)
                    return replace(outcome, usage=_spent(outcome.usage, requests, lost), toolless=toolless)
                lost += outcome.lost
                if outcome.filtered:
                    return Reply("", Stop.FILTERED, _spent(Usage(1), requests, lost), self.name, outcome.message)
                if learnt := shape.after(outcome, request):
                    self._shape = self._shape.also(learnt)
                    continue
                delay = outcome.delay(retries)
                if not outcome.may_pass or retries == self.max_retries or self.clock() + delay >= ends:
                    raise explain(outcome, model=self.name, host=self._host, requests=requests, lost=lost)
                retries += 1
                self.sleep(delay)

    def _send(self, client: "OpenAI", request: Request, shape: Shape, ends: float) -> Reply | Fault:
        """One attempt. No exception of the SDK gets out, because they hold the request and with it the key."""
        import httpx2  # noqa: PLC0415  see complete; the SDK lets its transport's errors through while a body is read
        import openai  # noqa: PLC0415

        # All the time that is left: a model that thinks is silent for minutes, and giving up on it saves no money.
        seconds = max(0.001, ends - self.clock())
        limit = seconds if math.isfinite(seconds) else None
        timeout = openai.Timeout(limit, connect=min(10.0, seconds))
        body = self.dialect.body(request, self.name, shape) | shape.named("service_tier", self.service_tier)
        try:
            with self.dialect.create(client)(**body, timeout=timeout) as response:
                answer = self._body(response.iter_bytes(), self.clock() + seconds)
        except (openai.APITimeoutError, httpx2.TimeoutException, TimeoutError):
            return Fault(Trouble.TIMEOUT, message=f"{seconds:.3g} s, all that was left of the time")
        except _TooLongError as error:
            return Fault(Trouble.UNREADABLE, message=str(error))
        except openai.APIStatusError as error:
            return fault_of(error.status_code, error.response.headers, error.body)
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            cause = error.__cause__ or error
            trouble = Trouble.UNREACHABLE if isinstance(cause, httpx2.ConnectError) else Trouble.BROKEN
            return Fault(trouble, message=str(cause))
        try:
            return self.dialect.read(load(answer), request)
        except ValueError as error:
            what = "an HTML page" if answer.lstrip()[:1] == b"<" else f"not JSON: {error}"
            return Fault(Trouble.UNREADABLE, message=what)

    def _body(self, chunks: Iterator[bytes], ends: float) -> bytes:
        """The whole answer. The SDK's own timeout is for each read: a server that drips blanks would never meet it."""
        body = bytearray()
        for chunk in chunks:
            body += chunk
            if self.clock() > ends:
                raise TimeoutError
            if len(body) > MAX_ANSWER_BYTES:
                raise _TooLongError(f"over {MAX_ANSWER_BYTES:,} bytes")
        return bytes(body)

    def _clean(self, fault: Fault, key: str) -> Fault:
        """The fault with its message on one short line, free of the key and of what the extra headers hold."""
        message = fault.message
        for secret in (key, *self.headers.values()):
            if len(secret) >= _MIN_SECRET:
                message = message.replace(secret, "***")
        message = visible_line(" ".join(message.split()))
        return replace(fault, message=message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}…")


@contextmanager
def _connected(key: str, url: str, headers: Mapping[str, str], tls: SSLContext) -> Iterator["OpenAI"]:
    import openai  # noqa: PLC0415

    with (
        # A redirect would carry the question, and on the same host the key, to where nobody sent it.
        openai.DefaultHttpxClient(verify=tls, follow_redirects=False) as http,
        openai.OpenAI(
            api_key=key or _NO_KEY,
            base_url=url or None,
            default_headers=dict(headers),
            max_retries=0,
            http_client=http,
        ) as client,
    ):
        yield client


def _address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        usable = address.scheme in {"http", "https"} and address.hostname and address.port != 0
    except ValueError:
        usable = address = None
    if not address or not usable or address.username or address.password:
        raise ConfigError("`base-url` is not an http(s) address without credentials", remedy="Write it in full")
    return address


def _spent(usage: Usage, requests: int, lost: int) -> Usage:
    if lost:
        return Usage(requests, input=None, output=None, cached=None, reasoning=None)
    return replace(usage, requests=requests)


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
    import httpx2  # noqa: PLC0415  half a second that nobody else pays
    import openai  # noqa: PLC0415

    try:
        with _connected(key, base_url, headers, httpx2.create_ssl_context()) as client:
            page = client.models.list(timeout=SECONDS)
            return frozenset(str(model.id) for model in page.data[:_MAX_MODELS])
    except openai.APIStatusError as error:
        # Nothing of the error's own text: it may quote the key.
        status = error.status_code
        raise Unanswered(
            f"it answers {status}", refused=status in _REFUSED, unlisted=status in {404, 405, 501}
        ) from None
    except (openai.APIError, httpx2.HTTPError, OSError, ValueError, AttributeError, TypeError):
        raise Unanswered("there is no answer, or none that makes sense") from None


if TYPE_CHECKING:
    from openai.auth import WorkloadIdentityAuth
