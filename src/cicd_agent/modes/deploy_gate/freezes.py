"""Times in which nothing is deployed: which of them hold now, and which nobody can understand."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

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


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Cron:
    """The five fields, read. Sunday is 0. `either` is whether a day counts by its number or by its weekday."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def names(self, day: date) -> bool:
        by_number, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (by_number or by_weekday if self.either else by_number and by_weekday)


def parse(text: str) -> Cron | str:
    """The cron line, or why it is none. Names (`mon`, `jan`), lists, ranges and steps are understood, no more."""
    fields = text.lower().split()
    if len(fields) != _FIELDS:
        return f"it has {len(fields)} fields, not 5"
    minute, hour, day, month, weekday = fields
    try:
        found = Cron(
            minutes=_values(minute, 0, 59),
            hours=_values(hour, 0, 23),
            days=_values(day, 1, 31),
            months=_values(month, 1, 12, _MONTHS, 1),
            weekdays=frozenset(value % 7 for value in _values(weekday, 0, 7, _DAYS, 0)),
            either=not day.startswith("*") and not weekday.startswith("*"),
        )
    except ValueError as error:
        return str(error)
    if not found.either and not any(min(found.days) <= _LONGEST_MONTHS[month - 1] for month in found.months):
        return "it names a day that no month has"
    return found


def covering(cron: Cron, hours: float, zone: tzinfo, at: int) -> float | None:
    """When the time that covers `at` ends: one that the line names, and `hours` from it; None when none does.

    An hour that the clock passes twice counts both times, one that it leaves out begins at the earlier reading: a time
    is rather covered than not. Raises OverflowError or ValueError for times beyond the calendar.
    """
    today = datetime.fromtimestamp(at, zone).date()
    for back in range(-1, int(hours // 24) + 3):
        day = today - timedelta(days=back)
        if cron.names(day):
            for first, last in _times(cron, day, zone):
                if first <= at < last + hours * 3600:
                    return last + hours * 3600
    return None


def instants(local: datetime, zone: tzinfo) -> tuple[float, float]:
    """The first and the last second since the epoch that a reading of the clock may mean."""
    both = sorted(local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    return both[0], both[1]


def _times(cron: Cron, day: date, zone: tzinfo) -> Iterator[tuple[float, float]]:
    for hour in sorted(cron.hours, reverse=True):
        for minute in sorted(cron.minutes, reverse=True):
            yield instants(datetime(day.year, day.month, day.day, hour, minute), zone)  # noqa: DTZ001  a wall clock


def _values(field: str, least: int, most: int, names: list[str] | None = None, first: int = 0) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        if span == "*":
            low, high = least, most
        else:
            start, dash, end = span.partition("-")
            low = _value(start, names or [], first)
            high = _value(end, names or [], first) if dash else most if slash else low
        if not least <= low <= high <= most:
            raise ValueError(f"`{part}` is not within {least}-{most}")
        every = _value(step, [], 0) if slash else 1
        if not every:
            raise ValueError(f"`{part}` has no step")
        found.update(range(low, high + 1, every))
    return frozenset(found)


def _value(text: str, names: list[str], first: int) -> int:
    if text in names:
        return names.index(text) + first
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"`{text}` is no number")
    return int(text)
