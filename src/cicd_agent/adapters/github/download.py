"""What GitHub keeps elsewhere: logs and archives behind signed addresses, fetched in pieces and without our token."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from cicd_agent.adapters.github.errors import Answer, Call, printable
from cicd_agent.adapters.github.transport import Retry, Wire, loss, persist
from cicd_agent.errors import ForgeRefused

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

PIECE = 65_536
MAX_HOPS = 3
"""Redirects that are followed, GitHub's own included."""
MAX_SECONDS = 300.0
"""Seconds that one download may take, however little at a time it sends."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MEGABYTE = 1_000_000
AGAIN = "Run the job again; if it stays so, look at the network between the runner and the storage"


@dataclass(frozen=True, slots=True)
class Downloads:
    """Downloads through signed addresses. `secure`: the API speaks https, and so must whatever it redirects to.

    An address is good for whoever holds it, and so it is never shown. requests finds the proxy by itself.
    """

    wire: Wire
    secure: bool
    timeout: int
    ca_bundle: str
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    note: Callable[[str], None]

    def pieces(self, call: Call, max_bytes: int, *, whole: bool = False) -> Iterator[bytes]:
        """What `call` redirects to, at most `max_bytes` of it: the rest is refused if it must be `whole`, else noted.

        It has begun to arrive when this returns; until then it is tried three times, as by the wire. ForgeRefused may
        still come later, when it breaks off.
        """
        address = self.wire.location(call)

        def begin() -> Iterator[bytes]:
            arriving = self._arriving(call, address, max_bytes, whole=whole)
            first = next(arriving, b"")
            return chain((first,), arriving) if first else iter(())

        return persist(begin, self.sleep)

    def _arriving(self, call: Call, address: str, max_bytes: int, *, whole: bool) -> Iterator[bytes]:
        """The pieces as they come. Raises Retry as long as none has."""
        from requests import Session  # noqa: PLC0415  loaded with PyGithub, which has just asked
        from urllib3.exceptions import HTTPError, ReadTimeoutError  # noqa: PLC0415

        begun = False
        with Session() as session:
            session.auth = _anonymous
            try:
                with self._answered(call, session, address) as response:
                    for piece in self._limited(call, response, max_bytes, whole=whole):
                        begun = True
                        yield piece
            except HTTPError as error:
                late = isinstance(error, ReadTimeoutError)
                failure = _failure(call, "no answer within the time limit" if late else "the connection broke off")
                raise failure if begun else Retry(failure) from None
            except (OSError, ValueError) as error:
                outcome = loss(error)
                failure = _failure(call, outcome.why, outcome.remedy or AGAIN)
                raise failure if outcome.hopeless else Retry(failure) from None

    def _answered(self, call: Call, session: "Session", address: str) -> "Response":
        """The answer at the end of the redirects, its content not yet read."""
        for _ in range(MAX_HOPS):
            parts = urlsplit(address)
            if parts.scheme not in ({"https"} if self.secure else {"https", "http"}) or not parts.hostname:
                raise _failure(call, "it redirects to an address that is not https")
            response = session.get(
                address,
                headers={"Accept-Encoding": "identity", "User-Agent": "cicd-agent"},
                timeout=self.timeout,
                verify=self.ca_bundle or True,
                allow_redirects=False,
                stream=True,
            )
            headers = {name.lower(): value for name, value in response.headers.items()}
            answer = Answer(response.status_code, headers, "")
            if answer.ok:
                return response
            response.close()
            if answer.status not in REDIRECTS or not answer.location:
                raise _refusal(call, answer, printable(parts.hostname))
            address = urljoin(address, answer.location)
        raise _failure(call, f"it redirects more than {MAX_HOPS} times")

    def _limited(self, call: Call, response: "Response", max_bytes: int, *, whole: bool) -> Iterator[bytes]:
        """The content, as much of it at a time as there is: waiting for more is what a server could make us do."""
        until = self.clock() + MAX_SECONDS
        left = max_bytes
        claimed = response.headers.get("content-length", "")
        if whole and claimed.isascii() and claimed.isdecimal() and len(claimed) > len(str(max_bytes)):
            raise _failure(call, f"it is larger than {max_bytes // MEGABYTE:,} MB", "")
        while piece := response.raw.read1(min(PIECE, left + 1), decode_content=True):
            if len(piece) > left and whole:
                raise _failure(call, f"it is larger than {max_bytes // MEGABYTE:,} MB", "")
            if piece[:left]:
                yield piece[:left]
            left -= len(piece)
            if left < 0:
                self.note(f"only the first {max_bytes // MEGABYTE:,} MB were read when asked to {call.task}")
                return
            if self.clock() > until:
                raise _failure(call, f"it took longer than {MAX_SECONDS:.0f} seconds")


def _anonymous(request: "PreparedRequest") -> "PreparedRequest":
    """Leave a request as it is: without this, requests would look for a password in .netrc."""
    return request


def _refusal(call: Call, answer: Answer, host: str) -> Exception:
    """What an answer that is no content means: the words of a storage are not GitHub's, and so are left out."""
    trouble = answer.status >= 500  # noqa: PLR2004
    match answer.status:
        case 404 | 410:
            remedy = "It has been deleted or has expired"
        case 401 | 403:
            remedy = "The signed address was turned away: a proxy may stand between, else run the job again"
        case _:
            remedy = "The storage is in trouble: run the job again later" if trouble else ""
    failure = ForgeRefused(
        f"GitHub's storage refused to {call.task}",
        why=f"{answer.status} from {host}",
        remedy=remedy,
        status=answer.status,
    )
    if answer.status == 429:  # noqa: PLR2004
        return Retry(failure, answer.limited)
    # A job is told to have ended a little before its log has arrived there.
    return Retry(failure) if trouble or answer.status == 404 else failure  # noqa: PLR2004


def _failure(call: Call, reason: str, remedy: str = AGAIN) -> ForgeRefused:
    return ForgeRefused(f"GitHub's storage could not be asked to {call.task}", why=reason, remedy=remedy)
