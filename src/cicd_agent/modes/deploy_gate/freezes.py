"""Times in which nothing is deployed: which of them hold now, and which nobody can understand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from cicd_agent.settings.schema import Freeze

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d))?", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAYS_OF_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS = 5


class FreezeError(ValueError):
    """A freeze that says something nobody can understand."""


@dataclass(frozen=True, slots=True)
class ActiveFreeze:
    """A freeze that holds now. `until` is in words, "" when it has no end."""

    name: str
    owner: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The freezes of an environment at one time; `problems` say of each that was not understood why, a clause each."""

    frozen: tuple[ActiveFreeze, ...] = ()
    problems: tuple[str, ...] = ()


def calendar(freezes: Mapping[str, Freeze], environment: str, at: int) -> Calendar:
    """What holds at `at` (seconds since the epoch). One that cannot be understood is a problem wherever it holds."""
    frozen, problems = [], []
    for name, freeze in freezes.items():
        try:
            until = _until(freeze, at)
        except FreezeError as error:
            problems.append(f"the freeze `{name}` cannot be understood: {error}")
        except (OverflowError, ValueError, OSError):
            problems.append(f"the freeze `{name}` cannot be understood: it is beyond the calendar")
        else:
            environments = {each.casefold() for each in freeze.environments}
            if until is not None and (not environments or environment.casefold() in environments):
                frozen.append(ActiveFreeze(name, freeze.owner, until))
    return Calendar(tuple(frozen), tuple(problems))


def _until(freeze: Freeze, at: int) -> str | None:
    """Until when the freeze holds, in words, None when it does not."""
    zone = _zone(freeze.zone)
    begins = _bound(freeze.begins, zone, "begins")
    ends = _bound(freeze.ends, zone, "ends")
    expires = _bound(freeze.expires, zone, "expires")
    if begins is None and ends is None and not freeze.cron:
        raise FreezeError("it has neither dates nor `cron`")
    if begins is not None and ends is not None and begins >= ends:
        raise FreezeError("it ends before it begins")
    closes = [end for end in (ends, expires) if end is not None]
    if freeze.cron:
        cron = parse(freeze.cron)
        if freeze.hours is None:
            raise FreezeError("`cron` needs `hours`")
        end = cron.covering(freeze.hours, zone, at)
        if end is None:
            return None
        closes.append(end)
    elif freeze.hours is not None:
        raise FreezeError("`hours` needs `cron`")
    if (begins is not None and at < begins) or any(at >= close for close in closes):
        return None
    return f"{datetime.fromtimestamp(min(closes), zone):%Y-%m-%d %H:%M} {freeze.zone}" if closes else ""


def _zone(name: str) -> tzinfo:
    # Also where the machine has no table of time zones.
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise FreezeError(f"there is no time zone `{name}`") from None


def _bound(text: str, zone: tzinfo, key: str) -> float | None:
    """The second of a date: of its first moment for a begin, of the moment after it for an end."""
    if not text:
        return None
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise FreezeError(f"`{key}` is no date such as 2026-12-20 or 2026-12-20 18:00")
    year, month, day, hour, minute = (int(each or 0) for each in match.groups())
    try:
        local = datetime(year, month, day, hour, minute)  # noqa: DTZ001  a wall clock; the zone comes with it
    except ValueError:
        raise FreezeError(f"`{key}` is a date that is in no calendar") from None
    if key == "begins":
        return _instants(local, zone)[0]
    # A day counts to its end, a minute does not.
    return _instants(local + timedelta(days=match[4] is None), zone)[1]


def _instants(local: datetime, zone: tzinfo) -> tuple[float, float]:
    """The first and the last second since the epoch that a reading of the clock may mean."""
    first, last = sorted(local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    return first, last


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

    def covering(self, hours: float, zone: tzinfo, at: int) -> float | None:
        """When the time that covers `at` ends, None when none does. Raises OverflowError or ValueError."""
        # An hour that the clock passes twice counts both times, one that it leaves out begins at the earlier reading.
        today = datetime.fromtimestamp(at, zone).date()
        for back in range(-1, int(hours // 24) + 3):
            day = today - timedelta(days=back)
            if not self.names(day):
                continue
            for minute in sorted((60 * hour + minute for hour in self.hours for minute in self.minutes), reverse=True):
                local = datetime(day.year, day.month, day.day, *divmod(minute, 60))  # noqa: DTZ001  a wall clock
                first, last = _instants(local, zone)
                if first <= at < last + hours * 3600:
                    return last + hours * 3600
        return None


def parse(text: str) -> Cron:
    """The cron line: names (`mon`, `jan`), lists, ranges and steps, no more. Raises FreezeError."""
    fields = text.lower().split()
    if len(fields) != _FIELDS:
        raise FreezeError(f"`cron`: it has {len(fields)} fields, not 5")
    minute, hour, day, month, weekday = fields
    cron = Cron(
        minutes=_values(minute, 0, 59),
        hours=_values(hour, 0, 23),
        days=_values(day, 1, 31),
        months=_values(month, 1, 12, _MONTHS),
        weekdays=frozenset(value % 7 for value in _values(weekday, 0, 7, _DAYS)),
        either=not day.startswith("*") and not weekday.startswith("*"),
    )
    if not cron.either and not any(min(cron.days) <= _DAYS_OF_MONTHS[month - 1] for month in cron.months):
        raise FreezeError("`cron`: it names a day that no month has")
    return cron


def _values(field: str, minimum: int, maximum: int, names: Sequence[str] = ()) -> frozenset[int]:
    """The numbers that a field stands for; the first of `names` stands for the minimum."""
    numbers = {name: minimum + index for index, name in enumerate(names)}
    results: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        if span == "*":
            low, high = minimum, maximum
        else:
            start, dash, end = span.partition("-")
            low = _value(start, numbers)
            high = _value(end, numbers) if dash else maximum if slash else low
        if not minimum <= low <= high <= maximum:
            raise FreezeError(f"`cron`: `{part}` is not within {minimum}-{maximum}")
        every = _value(step, {}) if slash else 1
        if not every:
            raise FreezeError(f"`cron`: `{part}` has no step")
        results.update(range(low, high + 1, every))
    return frozenset(results)


def _value(text: str, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    if not (text.isascii() and text.isdigit()):
        raise FreezeError(f"`cron`: `{text}` is no number")
    return int(text)
