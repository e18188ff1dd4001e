"""Times in which nothing is deployed: which of them hold now, and which nobody can understand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from cicd_agent.modes.deploy_gate.cron import covering, instants, parse
from cicd_agent.settings.schema import Freeze

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d))?", re.ASCII)


class Misread(ValueError):
    """A freeze that says something nobody can understand."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze that holds now. `until` is in words, "" when it has no end."""

    name: str
    owner: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The freezes of an environment at one time; `problems` say of each that was not understood why, a clause each."""

    frozen: tuple[Frozen, ...] = ()
    problems: tuple[str, ...] = ()


def calendar(freezes: Mapping[str, Freeze], environment: str, at: int) -> Calendar:
    """What holds at `at` (seconds since the epoch). One that cannot be understood is a problem wherever it holds."""
    frozen, problems = [], []
    for name, freeze in freezes.items():
        try:
            end = _covering(freeze, at)
        except Misread as error:
            problems.append(f"the freeze `{name}` cannot be understood: {error}")
        except (OverflowError, ValueError, OSError):
            problems.append(f"the freeze `{name}` cannot be understood: it is beyond the calendar")
        else:
            if end is not None and _is_for(freeze, environment):
                frozen.append(Frozen(name, freeze.owner, end))
    return Calendar(tuple(frozen), tuple(problems))


def _is_for(freeze: Freeze, environment: str) -> bool:
    return not freeze.environments or environment.casefold() in {each.casefold() for each in freeze.environments}


def _covering(freeze: Freeze, at: int) -> str | None:
    """Until when the freeze holds, in words, None when it does not."""
    zone = _zone(freeze.zone)
    begins, ends, expires = (
        _bound(freeze.begins, zone, "begins"),
        _bound(freeze.ends, zone, "ends"),
        _bound(freeze.expires, zone, "expires"),
    )
    if begins is None and ends is None and not freeze.cron:
        raise Misread("it has neither dates nor `cron`")
    if begins is not None and ends is not None and begins >= ends:
        raise Misread("it ends before it begins")
    closes = [end for end in (ends, expires) if end is not None]
    end: float | None
    if freeze.cron:
        cron = parse(freeze.cron)
        if isinstance(cron, str):
            raise Misread(f"`cron`: {cron}")
        if freeze.hours is None:
            raise Misread("`cron` needs `hours`")
        end = covering(cron, freeze.hours, zone, at)
        if end is None:
            return None
        closes.append(end)
    elif freeze.hours is not None:
        raise Misread("`hours` needs `cron`")
    if (begins is not None and at < begins) or any(at >= close for close in closes):
        return None
    return _told(min(closes), zone, freeze.zone) if closes else ""


def _zone(name: str) -> tzinfo:
    # Also where the machine has no table of time zones.
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Misread(f"there is no time zone `{name}`") from None


def _bound(text: str, zone: tzinfo, which: Literal["begins", "ends", "expires"]) -> float | None:
    """The second of a date: of its first moment for a begin, of the moment after it for an end."""
    if not text:
        return None
    found = _DATE.fullmatch(text.strip())
    if found is None:
        raise Misread(f"`{which}` is no date such as 2026-12-20 or 2026-12-20 18:00")
    year, month, day, hour, minute = (int(each or 0) for each in found.groups())
    try:
        local = datetime(year, month, day, hour, minute)  # noqa: DTZ001  a wall clock; the zone comes with it
    except ValueError:
        raise Misread(f"`{which}` is a date that is in no calendar") from None
    if which == "begins":
        return instants(local, zone)[0]
    # A day counts to its end, a minute does not.
    return instants(local + timedelta(days=found[4] is None), zone)[1]


def _told(end: float, zone: tzinfo, name: str) -> str:
    return f"{datetime.fromtimestamp(end, zone):%Y-%m-%d %H:%M} {name}"
