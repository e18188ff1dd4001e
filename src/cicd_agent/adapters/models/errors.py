"""What can go wrong between us and a model server: whether to try again, when, and what to tell the user."""

import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import assert_never

from cicd_agent.adapters.models.json_reader import at, text_of
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import ModelUnavailable

# A server that asks for a longer pause than this is not waited for.
MAX_PAUSE = 120.0

FILTERED = {"content_filter", "invalid_prompt", "content_policy_violation", "bio_policy"}
_NOT_SERVED = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE, HTTPStatus.NOT_IMPLEMENTED}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_NO_MONEY = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}


class Trouble(StrEnum):
    REFUSED = "refused"
    """A response with an error status, or an error in a response that calls itself a success."""
    UNREACHABLE = "unreachable"
    """No connection."""
    TIMEOUT = "timeout"
    SILENT = "silent"
    """The answer had begun, and then nothing came for a long time."""
    BROKEN = "broken"
    """The connection ended before the response did."""
    UNREADABLE = "unreadable"
    """A success whose body is not what the dialect says: HTML, invalid JSON, another shape."""


class ExchangeError(Exception):
    """An exchange with a server ended before its answer did."""

    def __init__(self, trouble: Trouble, message: str) -> None:
        super().__init__(message)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Fault:
    """One failed request. Its texts are the server's, already clipped, on one line and without the key.

    `pause` is how long the server wants us to wait, in seconds; `final` that it said not to try again. `begun` is
    whether the answer had begun to arrive, `usage` what the server said of its cost all the same.
    """

    trouble: Trouble
    status: int = 0
    code: str = ""
    param: str = ""
    message: str = ""
    pause: float | None = None
    final: bool = False
    begun: bool = False
    usage: Usage | None = None

    @property
    def lost(self) -> bool:
        """Whether the request may have been carried out, and paid for, and nobody knows at what cost."""
        carried_out = self.begun or self.trouble in {
            Trouble.TIMEOUT,
            Trouble.SILENT,
            Trouble.BROKEN,
            Trouble.UNREADABLE,
        }
        return carried_out and self.usage is None

    @property
    def filtered(self) -> bool:
        return self.code in FILTERED

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later."""
        if self.final or self.code in _NO_MONEY or (self.pause or 0) > MAX_PAUSE:
            return False
        if self.trouble is Trouble.REFUSED:
            return self.status in _PASSING or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        # A question that is still being answered is not asked again: both answers would be paid.
        return self.trouble not in {Trouble.UNREADABLE, Trouble.TIMEOUT, Trouble.SILENT}

    def delay(self, retries: int) -> float:
        """Seconds until the next attempt: what the server asked for, else 0.5, 1, 2, 4, 8."""
        return self.pause or min(8.0, 0.5 * 2**retries)


def fault_of(status: int, headers: Mapping[str, str], body: object) -> Fault:
    """The fault in an error response; `body` is the `error` member where there is one, else all of it."""
    inner = at(body, "error") or body
    message = text_of(at(inner, "message")) or text_of(inner) or (str(inner) if isinstance(inner, dict | list) else "")
    if message.lstrip()[:1] == "<":
        message = "an HTML page"
    return Fault(
        Trouble.REFUSED,
        status=status,
        code=text_of(at(inner, "code")),
        param=text_of(at(inner, "param")),
        message=message,
        pause=pause(headers),
        final=headers.get("x-should-retry") == "false",
    )


def pause(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for, None when there is none or it makes no sense.

    A date counts from the server's own clock (the Date header), not from ours (RFC 9110, 10.2.3).
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / scale
        except ValueError:
            continue
        return seconds if seconds > 0 and not math.isnan(seconds) else None
    try:
        until = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
        now = email.utils.parsedate_to_datetime(headers.get("date", ""))
        seconds = (until - now).total_seconds()
    except (ValueError, TypeError):
        return None
    return seconds if seconds > 0 else None


def explain(
    fault: Fault, *, model: str, host: str, requests: int, lost: int, known: tuple[int, int]
) -> ModelUnavailable:
    """The failure in one line, with what to do about it."""
    what, why, remedy = _explanation(fault, model, host)
    if requests > 1:
        why = f"{why}; {requests} requests" if why else f"{requests} requests"
    return ModelUnavailable(what, why=why, remedy=remedy, requests=requests, lost=lost, known=known)


def _explanation(fault: Fault, model: str, host: str) -> tuple[str, str, str]:
    match fault.trouble:
        case Trouble.REFUSED:
            what, remedy = _refusal(fault, model)
            # What comes with a 401 is left out: some servers repeat a part of the key.
            message = "" if fault.status == HTTPStatus.UNAUTHORIZED else fault.message
            return f"{host} {what}", f"{fault.status}: {message}" if message else str(fault.status), remedy
        case Trouble.TIMEOUT:
            return f"{host} did not answer in time", fault.message, "Raise `timeout-minutes`, or try again later"
        case Trouble.SILENT:
            return f"{host} fell silent in the middle of its answer", fault.message, "Try again later; look at its logs"
        case Trouble.UNREACHABLE:
            return f"{host} could not be reached", fault.message, "Check `base-url`, the proxy and the network"
        case Trouble.BROKEN:
            return f"{host} broke off its answer", fault.message, "Try again later; check the proxy and the network"
        case Trouble.UNREADABLE:
            return f"{host} does not answer like a model server", fault.message, "Check `base-url` and `api`"
    assert_never(fault.trouble)


def _refusal(fault: Fault, model: str) -> tuple[str, str]:
    """What an error status means and what to do: the first line that holds."""
    status = fault.status
    about_model = "model" in f"{fault.code} {fault.param} {fault.message}".lower()
    lines = (
        (status == HTTPStatus.UNAUTHORIZED, "refused the key", "Check `openai-api-key`"),
        (status == HTTPStatus.FORBIDDEN, "refused access", "Check what `openai-api-key` is allowed to do"),
        (status == HTTPStatus.NOT_FOUND and about_model, f"does not have the model {model}", "Check `model`"),
        (
            status in _NOT_SERVED,
            "does not serve this API",
            "Check `base-url` and `api` (`chat` is what compatible servers speak)",
        ),
        (fault.code in _NO_MONEY, "says that the account has no quota left", "Check its plan and billing"),
        ((fault.pause or 0) > MAX_PAUSE, f"asks to wait {fault.pause or 0:.0f} s", "Try again later"),
        (status == HTTPStatus.TOO_MANY_REQUESTS, "limits the rate of requests", "Try again later, or raise the limit"),
        (
            status < HTTPStatus.BAD_REQUEST,
            "redirects elsewhere, which is not followed",
            "Set `base-url` to that address",
        ),
        (status >= HTTPStatus.INTERNAL_SERVER_ERROR, "is failing", "Try again later"),
        (
            fault.code == "context_length_exceeded",
            f"finds the question too long for {model}",
            "Lower `max-input-tokens`",
        ),
    )
    otherwise = ("did not accept the request", "Check `model`, `base-url` and `api`")
    return next(((what, remedy) for holds, what, remedy in lines if holds), otherwise)
