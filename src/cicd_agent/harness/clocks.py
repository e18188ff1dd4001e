"""Puts the clocks of this process forward, for tests that depend on the day on which they run.

What was imported before keeps the true time, and so do `localtime(None)` in C code, the kernel and other processes.
"""

from __future__ import annotations

import datetime
import time


def put_forward(seconds: int) -> None:
    """Let `time` and `datetime` say a later time from now on."""
    now, now_ns, real = time.time, time.time_ns, datetime.datetime

    def later() -> float:
        return now() + seconds

    class Meta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, real)

    class Later(real, metaclass=Meta):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return cls.fromtimestamp(later(), tz)

        @classmethod
        def utcnow(cls) -> datetime.datetime:
            return cls.fromtimestamp(later(), datetime.timezone.utc).replace(tzinfo=None)

        @classmethod
        def today(cls) -> datetime.datetime:
            return cls.fromtimestamp(later())

    real_date = datetime.date

    class DateMeta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real_date)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, real_date)

    class LaterDate(real_date, metaclass=DateMeta):
        @classmethod
        def today(cls) -> datetime.date:
            return cls.fromtimestamp(later())

    for made, name in ((Later, "datetime"), (LaterDate, "date")):
        made.__module__, made.__name__, made.__qualname__ = "datetime", name, name
        setattr(datetime, name, made)
    time.time = later
    time.time_ns = lambda: now_ns() + seconds * 10**9
    time.localtime = _defaulting(time.localtime, later)
    time.gmtime = _defaulting(time.gmtime, later)
    time.ctime = _defaulting(time.ctime, later)


def _defaulting(function, later):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The function with the later time in place of no argument."""

    def with_default(seconds=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return function(later() if seconds is None else seconds)

    return with_default
