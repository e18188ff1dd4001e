"""Puts the clocks of this process forward, for tests that depend on the day on which they run.

What was imported before keeps the true time, and so do C code that asks the system, and other processes.
"""

from __future__ import annotations

import datetime as dt
import time
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def put_forward(seconds: int) -> None:
    """Let `time` and `datetime` say a later time from now on."""
    now, now_ns = time.time, time.time_ns

    def later() -> float:
        return now() + seconds

    time.time = later
    time.time_ns = lambda: now_ns() + seconds * 10**9
    for name in ("localtime", "gmtime", "ctime"):
        setattr(time, name, _defaulting(getattr(time, name), later))
    strftime, asctime = time.strftime, time.asctime

    def written(form: str, when: Any = None) -> str:
        return strftime(form, time.localtime() if when is None else when)

    def spelled(when: Any = None) -> str:
        return asctime(time.localtime() if when is None else when)

    time.strftime, time.asctime = written, spelled
    _put_dates_forward(later)


class _Substitute(type):
    """Lets a class in the real one's place know the instances that C code makes; subclasses of projects as ever."""

    def __instancecheck__(cls, instance: object) -> bool:
        return cls._answers_for(type(instance)) or super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return cls._answers_for(subclass) or super().__subclasscheck__(subclass)

    def _answers_for(cls, other: type) -> bool:
        return cls.__module__ == "datetime" and issubclass(other, cls.__mro__[1])


def _put_dates_forward(later: Callable[[], float]) -> None:
    class Later(datetime, metaclass=_Substitute):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Later:
            return cls.fromtimestamp(later(), tz)

        @classmethod
        def utcnow(cls) -> Later:
            return cls.fromtimestamp(later(), dt.timezone.utc).replace(tzinfo=None)  # noqa: UP017  Python 3.9

        @classmethod
        def today(cls) -> Later:
            return cls.fromtimestamp(later())

    class LaterDay(date, metaclass=_Substitute):
        @classmethod
        def today(cls) -> LaterDay:
            return cls.fromtimestamp(later())

    for made, name in ((Later, "datetime"), (LaterDay, "date")):
        made.__module__, made.__name__, made.__qualname__ = "datetime", name, name
        setattr(dt, name, made)


def _defaulting(function: Any, later: Any) -> Any:
    def with_default(seconds: float | None = None) -> Any:
        return function(later() if seconds is None else seconds)

    return with_default
