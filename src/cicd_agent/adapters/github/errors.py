"""What GitHub's refusals mean: one line that says what, why, and which permission or setting would fix it."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from cicd_agent.errors import ForgeRefused, RateLimited

MINUTE = 60
"""What GitHub asks to wait after a secondary rate limit that names no time."""
_LIMITS = frozenset({"RATE_LIMITED", "RATE_LIMIT"})
PENDING = "pending review"
"""What GitHub's refusal names when a review was begun and never submitted: there can be one of an account."""
BEYOND_PERMISSIONS = {
    "not permitted to approve": "Allow it under Settings, Actions, General, or pass a token of your own",
    "not permitted to create or approve": "Allow Actions to create them under Settings, Actions, General",
    "upgrade to github": "GitHub has it for public repositories and for paid plans only",
    "permission to create labels": "Create the label once by hand, or add `issues: write` under `permissions:`",
}
"""What to do where GitHub's words say more than its status: what it says → what helps."""
PERMISSION = re.compile(r"([a-z_]{1,40})=(read|write|admin)")


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `task` finishes the sentence "GitHub refused to …", `needs` is the permission that it takes.

    `repeatable`: doing it twice does no more than doing it once.
    """

    task: str
    verb: str
    path: str
    needs: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer. `never_arrived`: nothing can have been done; `hopeless`: it will not go better a second time."""

    why: str
    remedy: str = ""
    never_arrived: bool = False
    timed_out: bool = False
    hopeless: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300 and not self.is_limited_query  # noqa: PLR2004

    @property
    def is_limited_query(self) -> bool:
        """Whether it is GraphQL's word for a rate limit, which comes with status 200 and without data."""
        if self.status != 200 or "rate" not in self.text[:2_000].lower() or '"errors"' not in self.text[:2_000]:  # noqa: PLR2004
            return False
        try:
            body = json.loads(self.text)
        except (ValueError, RecursionError):
            return False
        errors = body.get("errors") if isinstance(body, dict) and not body.get("data") else None
        problems = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
        return any(
            each.get("type") in _LIMITS or "rate limit" in str(each.get("message", "")).lower() for each in problems
        )

    @property
    def location(self) -> str:
        """Where it redirects to, "" when it does not."""
        return self.headers.get("location", "")

    @property
    def limited(self) -> float | None:
        """Seconds to wait when a rate limit turned the request away, None when none did."""
        used_up = self.headers.get("x-ratelimit-remaining") == "0"
        is_refused = self.status == 403 and (  # noqa: PLR2004
            "retry-after" in self.headers or used_up or "rate limit" in self.message.lower()
        )
        if self.status != 429 and not is_refused and not self.is_limited_query:  # noqa: PLR2004
            return None
        if (wait := seconds(self.headers.get("retry-after", ""))) is not None:
            return wait
        reset = seconds(self.headers.get("x-ratelimit-reset", ""))
        now = moment(self.headers.get("date", ""))
        if used_up and reset is not None and now is not None:
            return max(reset - now.timestamp(), 0) + 1
        return MINUTE

    @property
    def now(self) -> float:
        """When it was given, in seconds since the epoch: by the server's clock, the runner's may be wrong."""
        date = moment(self.headers.get("date", ""))
        return time.time() if date is None else date.timestamp()

    @property
    def message(self) -> str:
        """GitHub's own words: the message and the list of errors, or what came in their place."""
        try:
            body = json.loads(self.text)
        except ValueError:
            return "an HTML page" if "<" in self.text[:200] else "no explanation"
        if not isinstance(body, dict):
            return "no explanation"
        errors = body.get("errors")
        parts = [body.get("message"), *(errors if isinstance(errors, list) else [errors])]
        return ": ".join(printable(part) for part in parts if part)


class Unsettled(ForgeRefused):
    """Nobody knows whether the request was carried out. `late`: it may still be under way."""

    def __init__(self, failure: ForgeRefused, *, late: bool) -> None:
        remedy = "It may have been done all the same: look before running again"
        super().__init__(failure.what, why=failure.why, remedy=remedy, status=failure.status)
        self.late = late


def lost(call: Call, outcome: Lost) -> ForgeRefused:
    remedy = outcome.remedy or "Run the job again; if it stays so, look at the network between the runner and GitHub"
    return ForgeRefused(f"GitHub could not be asked to {call.task}", why=outcome.why, remedy=remedy)


def refused(call: Call, answer: Answer) -> ForgeRefused:
    """The failure of a request that was answered with anything but success."""
    what, why = f"GitHub refused to {call.task}", f"{answer.status}: {answer.message}"
    if (wait := answer.limited) is not None:
        reset = answer.now + wait
        advice = f"That is a rate limit: it is lifted in {wait:,.0f} seconds, run again then{_at(reset)}"
        return RateLimited(what, why=why, remedy=advice, seconds=wait, reset=reset)
    return ForgeRefused(what, why=why, remedy=remedy(call, answer), status=answer.status)


def _at(moment: float) -> str:
    """The time of day, nothing where that is no time of this age."""
    try:
        return f" ({datetime.fromtimestamp(moment, UTC):%H:%M} UTC)"
    except (OverflowError, OSError, ValueError):
        return ""


def unreadable(call: Call, answer: Answer) -> ForgeRefused:
    """The failure of a request whose answer says success but is not what GitHub sends."""
    return ForgeRefused(
        f"GitHub's answer to the request to {call.task} is not understood",
        why=f"{answer.status}: {'an HTML page' if '<' in answer.text[:200] else 'not the documented JSON'}",
        remedy="If a proxy or a sign-in page stands between, let the runner reach GITHUB_API_URL directly",
        status=answer.status,
    )


def remedy(call: Call, answer: Answer) -> str:
    """What to do about it."""
    message = answer.message.lower()
    if known := next((advice for phrase, advice in BEYOND_PERMISSIONS.items() if phrase in message), ""):
        return known
    match answer.status:
        case 401:
            advice = "The token is wrong or has expired: pass `github-token: ${{ github.token }}`"
        case 403:
            advice = (
                f"The job lacks `{missing(call, answer)}`: add it under `permissions:`"
                " (a pull request from a fork gets a read-only token)"
            )
        case 404:
            advice = f"It is not there, or the token may not see it: the job needs `{call.needs}`"
        case 410:
            advice = "It has been deleted, has expired, or is switched off in this repository"
        case 422 if PENDING in message:
            advice = "Submit or discard the review that this account has begun on the pull request"
        case 301 | 302 | 303 | 307 | 308:
            host = printable(urlsplit(answer.location).netloc) or "another address"
            advice = f"It redirects to {host}, where nothing was sent. Set GITHUB_API_URL to the API's own address"
        case status if status >= 500:  # noqa: PLR2004
            advice = "GitHub is in trouble: run the job again later"
        case _:
            advice = ""
    return advice


def missing(call: Call, answer: Answer) -> str:
    """The permission in the words of a workflow: ours if the endpoint accepts it, else the first it names.

    The header lists sets that would each do, parted by semicolons (GitHub changelog, 2023-08-10). Who reads in order to
    write needs to hear of the write only, which includes the other.
    """
    accepted = [
        ", ".join(f"{name.replace('_', '-')}: {level}" for name, level in PERMISSION.findall(one))
        for one in answer.headers.get("x-accepted-github-permissions", "").split(";")
    ]
    accepted = [one for one in accepted if one]
    enough = {call.needs, call.needs.replace(": write", ": read")}
    return call.needs if enough & {*accepted} or not accepted else accepted[0]


def is_blocked(refusal: ForgeRefused) -> bool:
    return refusal.status == 422 and PENDING in refusal.why.lower()  # noqa: PLR2004


def is_beyond_plan(refusal: ForgeRefused) -> bool:
    """Whether the plan of a private repository has no such thing, so that there can be none of it."""
    return refusal.status == 403 and "upgrade to github" in refusal.why.lower()  # noqa: PLR2004


def is_dismissed(refusal: ForgeRefused) -> bool:
    """Whether there is nothing left to dismiss: the answer to the first attempt may have been lost."""
    return refusal.status == 422 and "dismiss a dismissed" in refusal.why.lower()  # noqa: PLR2004


def printable(part: object) -> str:
    if isinstance(part, dict):
        part = part.get("message") or " ".join(str(part[key]) for key in ("resource", "field", "code") if key in part)
    return "".join(char if char.isprintable() else " " for char in str(part)[:300]).strip(" .")


def seconds(header: str) -> int | None:
    """A header that counts seconds, None when it does not."""
    return int(header) if re.fullmatch(r"[0-9]{1,12}", header) else None


def moment(header: str) -> datetime | None:
    """The server's own clock: the runner's may be wrong."""
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
