"""One way to GitHub's API: what may be sent twice, how long is waited, and what every failure is called."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from cicd_agent.adapters.github.errors import Answer, Call, Lost, Unsettled, lost, refused, unreadable
from cicd_agent.errors import ConfigError, ForgeRefused

if TYPE_CHECKING:
    from github.Requester import Requester

PAUSES = (1.0, 3.0)
"""Seconds before the second and the third attempt at a request that may be repeated."""
MAX_WAIT = 60
"""Seconds that a rate limit may ask for; a longer wait costs more runner time than a later run."""
FOUND, NOT_MODIFIED = 302, 304
MAX_STORED, MAX_TEXT = 64, 1_000_000
"""Answers that are stored to ask whether they still hold, and the length of the longest."""

CERTIFICATES = "Behind a proxy with its own authority, let REQUESTS_CA_BUNDLE name its certificates"
ADDRESS = "Nothing was sent there. Set GITHUB_API_URL to the API's own address"
T = TypeVar("T")


class Retry(Exception):
    """An attempt failed, and a later one may succeed; `seconds` is what a rate limit asks to wait."""

    def __init__(self, failure: ForgeRefused, seconds: float | None = None) -> None:
        super().__init__(failure.what)
        self.failure = failure
        self.seconds = seconds


def persist(attempt: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Try at most three times; a rate limit is waited for once, for at most a minute."""
    pauses = iter(PAUSES)
    waited = False
    while True:
        try:
            return attempt()
        except Retry as retry:
            pause = next(pauses, None) if retry.seconds is None else retry.seconds
            if pause is None or (retry.seconds is not None and (waited or pause > MAX_WAIT)):
                raise retry.failure from None
            waited = waited or retry.seconds is not None
            sleep(pause)


class Wire:
    """PyGithub's requester with our own bounded retries in place of its ten, and none of its sleeps.

    The token goes to `api_url` only: redirects to another host are refused, links in answers are never followed.
    PyGithub is imported with the first request. Threads may ask side by side: each has a requester of its own, for one
    that is shared keeps address and body of a request where another thread's request writes them as well.

    What is read again is asked for by its ETag: GitHub counts no answer "as before" (304) against the rate limit.
    """

    def __init__(
        self, token: str, api_url: str, *, timeout: int, ca_bundle: str, sleep: Callable[[float], None]
    ) -> None:
        self.requests = 0
        self._token = token.strip()
        self._api_url = api_url.rstrip("/")
        self._timeout = timeout
        self._ca_bundle = ca_bundle
        self._sleep = sleep
        self._lock = threading.Lock()
        self._requesters: dict[int, Requester] = {}
        """By thread. One whose thread has ended goes to the next thread of its number."""
        self._tagged: dict[tuple[str, tuple[tuple[str, str | int], ...]], Answer] = {}
        """Answers with an ETag, by address and query."""
        if not self._token or not self._token.isascii() or not self._token.isprintable() or " " in self._token:
            raise ConfigError(
                "the input `github-token` is not a token",
                why="it is empty or holds blanks or control characters",
                remedy="Pass `github-token: ${{ github.token }}`",
            )
        scheme, _, rest = self._api_url.partition("://")
        if scheme not in {"http", "https"} or not rest.split("/")[0]:
            raise ConfigError("GITHUB_API_URL is not a URL", remedy="It looks like https://api.github.com")

    @property
    def graphql(self) -> str:
        """Where GraphQL is: beside the REST API, on a server of one's own under /api/graphql."""
        return self._requester.graphql_url

    def ask(self, call: Call) -> Answer:
        """Send `call` until it is answered; one that may not be repeated only while it certainly never arrived.

        Unsettled is raised when it may have been carried out. What a rate limit turned away did nothing.
        """
        return persist(lambda: self._send(call, lambda answer: answer.ok), self._sleep)

    def location(self, call: Call) -> str:
        """Where GitHub sends whoever asks `call`; nothing is sent there, least of all the token."""
        answer = persist(
            lambda: self._send(call, lambda answer: answer.status == FOUND and bool(answer.location)), self._sleep
        )
        return answer.location

    def close(self) -> None:
        """Close the connections, if there ever were any."""
        with self._lock:
            for requester in self._requesters.values():
                requester.close()

    @property
    def _requester(self) -> "Requester":
        """That of this thread."""
        import github  # noqa: PLC0415  a run that never asks GitHub does not pay for the import

        with self._lock:
            mine = self._requesters.get(threading.get_ident())
            if mine is None:
                mine = self._requesters[threading.get_ident()] = github.Github(
                    auth=github.Auth.Token(self._token),
                    base_url=self._api_url,
                    timeout=self._timeout,
                    user_agent="cicd-agent",
                    verify=self._ca_bundle or True,
                    retry=None,
                    seconds_between_requests=None,
                    seconds_between_writes=None,
                ).requester
        return mine

    def _send(self, call: Call, is_expected: Callable[[Answer], bool]) -> Answer:
        """One request on the wire. Raises Retry where another attempt may be made, else ForgeRefused."""
        requester = self._requester
        key = (call.path, tuple(call.query.items()))
        with self._lock:
            self.requests += 1
            known = self._tagged.get(key) if call.verb == "GET" else None
        wait = None
        try:
            status, headers, text = requester.requestJson(
                call.verb,
                call.path,
                parameters=dict(call.query),
                headers={"Accept": "application/vnd.github+json"}
                | ({"If-None-Match": known.headers["etag"]} if known else {}),
                input=call.body,
            )
        except (OSError, RuntimeError, ValueError) as error:
            # requests' exceptions are OSErrors; the others are PyGithub's refusal of a 301 and of odd headers.
            outcome = loss(error)
            failure, again = lost(call, outcome), not outcome.hopeless
            untouched, late = outcome.never_arrived, outcome.timed_out
        else:
            answer = known if known and status == NOT_MODIFIED else Answer(status, headers, text)
            if is_expected(answer):
                self._store(call, key, answer)
                return answer
            failure = unreadable(call, answer) if answer.ok else refused(call, answer)
            wait = None if answer.ok else answer.limited
            again, untouched, late = status >= 500, wait is not None, status == 504  # noqa: PLR2004
        # Should a server have echoed the token.
        failure.why, failure.remedy = (each.replace(self._token, "***") for each in (failure.why, failure.remedy))
        failure.args = (failure.what, failure.why, failure.remedy)
        if again and not untouched and not call.repeatable:
            raise Unsettled(failure, late=late)
        if again or wait is not None:
            raise Retry(failure, wait)
        raise failure

    def _store(self, call: Call, key: tuple[str, tuple[tuple[str, str | int], ...]], answer: Answer) -> None:
        if call.verb == "GET" and answer.ok and answer.headers.get("etag") and len(answer.text) <= MAX_TEXT:
            with self._lock:
                self._tagged.pop(key, None)
                self._tagged[key] = answer
                if len(self._tagged) > MAX_STORED:
                    del self._tagged[next(iter(self._tagged))]


def loss(error: Exception) -> Lost:
    """Why there is no answer, in our own words: those of a library might quote a header with the token."""
    from ssl import SSLCertVerificationError  # noqa: PLC0415

    from requests import exceptions as http  # noqa: PLC0415  PyGithub has loaded all three by now
    from urllib3.exceptions import NewConnectionError  # noqa: PLC0415

    broken = Lost("the connection broke off")
    refused_there = Lost("the connection was refused or the host is not known", never_arrived=True)
    untrusted = Lost("the TLS certificate is not trusted", CERTIFICATES, never_arrived=True, hopeless=True)
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    is_untrusted = isinstance(getattr(cause, "args", (None,))[0], SSLCertVerificationError)
    # From the special to the general: the first that fits.
    meanings: tuple[tuple[type[Exception], Lost], ...] = (
        # Without a verdict on the certificate it may be an answer that was cut off.
        (http.SSLError, untrusted if is_untrusted else Lost("the TLS connection failed", CERTIFICATES)),
        (http.ProxyError, Lost("the proxy cannot be reached", "Look at HTTPS_PROXY and NO_PROXY", never_arrived=True)),
        (http.ConnectTimeout, Lost("no connection within the time limit", never_arrived=True)),
        (http.Timeout, Lost("no answer within the time limit", timed_out=True)),
        (http.ConnectionError, refused_there if isinstance(cause, NewConnectionError) else broken),
        (http.RequestException, broken),
        (RuntimeError, Lost("it redirects to another address", ADDRESS, never_arrived=True, hopeless=True)),
        (OSError, Lost("a certificate file cannot be read", CERTIFICATES, never_arrived=True, hopeless=True)),
        (ValueError, Lost("the headers of the answer cannot be read")),
    )
    return next(meaning for kind, meaning in meanings if isinstance(error, kind))


SECONDS: Final = 10
_OPENS: Final[Mapping[str, str]] = {
    "actions": "/repos/{repo}/actions/runs",
    "checks": "/repos/{repo}/commits/{sha}/check-runs",
    "contents": "/repos/{repo}/git/commits/{sha}",
    "deployments": "/repos/{repo}/deployments",
    "issues": "/repos/{repo}/issues",
    "pull-requests": "/repos/{repo}/pulls",
    "statuses": "/repos/{repo}/commits/{sha}/status",
}
"""What each permission opens for reading."""


def probe(
    permissions: Iterable[str],
    repo: str,
    sha: str,
    token: str,
    api_url: str,
    *,
    ca_bundle: str = "",
    sleep: Callable[[float], None] = lambda _: None,
) -> dict[str, ForgeRefused | None]:
    """For each permission that reading can tell of: None when it is there, else what GitHub said.

    One that fails for a reason that holds for all (no connection, a wrong token) ends the asking.
    """
    wire = Wire(token, api_url, timeout=SECONDS, ca_bundle=ca_bundle, sleep=sleep)
    result: dict[str, ForgeRefused | None] = {}
    try:
        for name in permissions:
            if name not in _OPENS:
                continue
            path = _OPENS[name].format(repo=repo, sha=sha or "HEAD")
            query: dict[str, str | int] = {} if name in {"contents", "statuses"} else {"per_page": 1}
            try:
                wire.ask(Call(f"let us read {name}", "GET", path, f"{name}: read", query=query, repeatable=False))
                result[name] = None
            except ForgeRefused as refused:
                result[name] = refused
                if refused.status in {0, 401}:
                    return result
    finally:
        wire.close()
    return result
