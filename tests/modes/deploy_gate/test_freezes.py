from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError

from cicd_agent.modes.deploy_gate.freezes import Calendar, Cron, calendar, parse
from cicd_agent.settings.schema import Freeze


def at(text: str) -> int:
    """The second of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def seen(when: str, environment: str = "production", **fields: Any) -> Calendar:
    return calendar({"it": Freeze(**fields)}, environment, at(when))


def holds(when: str, **fields: Any) -> bool:
    found = seen(when, **fields)
    assert found.problems == ()
    return bool(found.frozen)


def test_a_day_counts_to_its_end_and_a_minute_does_not() -> None:
    days = {"begins": "2026-12-20", "ends": "2026-12-26"}
    times = ["2026-12-19T23:59:59", "2026-12-20T00:00", "2026-12-26T23:59:59", "2026-12-27T00:00"]
    assert [holds(time, **days) for time in times] == [False, True, True, False]
    minutes = {"begins": "2026-12-20 18:00", "ends": "2026-12-26 06:00"}
    times = ["2026-12-20T17:59:59", "2026-12-20T18:00", "2026-12-26T05:59:59", "2026-12-26T06:00"]
    assert [holds(time, **minutes) for time in times] == [False, True, True, False]


def test_a_freeze_without_an_end_holds_until_it_expires() -> None:
    assert holds("2030-01-01T00:00", begins="2026-12-20")
    assert not holds("2030-01-01T00:00", begins="2026-12-20", expires="2027-01-31")
    assert not holds("2027-02-01T00:00", begins="2026-12-20", expires="2027-01-31")
    assert holds("2027-01-31T23:00", begins="2026-12-20", expires="2027-01-31")


def test_it_says_who_owns_it_and_until_when() -> None:
    (frozen,) = seen("2026-12-21T00:00", ends="2026-12-26", zone="Europe/Berlin", owner="the shop").frozen
    assert (frozen.name, frozen.owner, frozen.until) == ("it", "the shop", "2026-12-27 00:00 Europe/Berlin")


def test_it_holds_for_its_environments_only() -> None:
    assert seen("2026-12-21T00:00", "Production", begins="2026-12-20", environments=("production",)).frozen
    assert not seen("2026-12-21T00:00", "staging", begins="2026-12-20", environments=("production",)).frozen


WEEKENDS = {"cron": "0 18 * * fri", "hours": 62}


@pytest.mark.parametrize(
    ("when", "held"),
    [
        ("2026-11-20T17:59:59", False),
        ("2026-11-20T18:00", True),
        ("2026-11-22T12:00", True),
        ("2026-11-23T07:59:59", True),
        ("2026-11-23T08:00", False),
    ],
)
def test_cron_names_the_begin_and_hours_the_length(when: str, *, held: bool) -> None:
    assert holds(when, **WEEKENDS) is held


def test_cron_counts_only_between_the_dates() -> None:
    assert not holds("2026-11-22T12:00", **WEEKENDS, begins="2026-12-01")
    assert holds("2026-12-05T12:00", **WEEKENDS, begins="2026-12-01")
    assert not holds("2026-12-05T12:00", **WEEKENDS, expires="2026-12-04")


def test_hours_are_hours_where_the_clock_is_put_forward() -> None:
    """In Berlin on 29 March 2026 the hour from two to three in the morning does not exist."""
    nightly = {"cron": "0 1 * * *", "hours": 2, "zone": "Europe/Berlin"}
    assert [holds(f"2026-03-29T{time}", **nightly) for time in ("00:00", "01:59", "02:00")] == [True, True, False]
    # Half past two is not there: it is frozen from what it may mean first to what it may mean last.
    missing = {"cron": "30 2 29 3 *", "hours": 1, "zone": "Europe/Berlin"}
    assert [holds(f"2026-03-29T{time}", **missing) for time in ("00:29", "00:30", "02:29", "02:30")] == [
        False, True, True, False,
    ]  # fmt: skip


def test_an_hour_that_comes_twice_is_frozen_twice() -> None:
    """In Berlin on 25 October 2026 it is half past two at 00:30 and at 01:30 UTC."""
    twice = {"cron": "30 2 * * *", "hours": 0.5, "zone": "Europe/Berlin"}
    times = ["00:29", "00:30", "01:29", "01:59", "02:00"]
    assert [holds(f"2026-10-25T{time}", **twice) for time in times] == [False, True, True, True, False]
    since = {"begins": "2026-10-25 02:30", "zone": "Europe/Berlin"}
    assert [holds(f"2026-10-25T{time}", **since) for time in ("00:29", "00:30")] == [False, True]
    until = {"ends": "2026-10-25 02:30", "zone": "Europe/Berlin"}
    assert [holds(f"2026-10-25T{time}", **until) for time in ("01:29", "01:30")] == [True, False]


def test_dates_are_of_the_zone() -> None:
    there = {"begins": "2026-12-20", "zone": "America/New_York"}
    assert [holds(f"2026-12-20T{time}", **there) for time in ("04:59", "05:00")] == [False, True]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "neither dates nor"),
        ({"begins": "20.12.2026"}, "begins"),
        ({"begins": "2026-02-30"}, "in no calendar"),
        ({"ends": "9999-12-31"}, "beyond the calendar"),
        ({"begins": "2026-12-26", "ends": "2026-12-20"}, "ends before it begins"),
        ({"begins": "2026-12-20", "expires": "soon"}, "expires"),
        ({"begins": "2026-12-20", "zone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"begins": "2026-12-20", "zone": "../../etc/passwd"}, "time zone"),
        ({"begins": "2026-12-20", "zone": ""}, "time zone"),
        ({"begins": "2026-12-20", "hours": 3}, "needs `cron`"),
        ({"cron": "0 18 * * 5"}, "needs `hours`"),
        ({"cron": "0 18 * *", "hours": 3}, "4 fields"),
        ({"cron": "0 25 * * 5", "hours": 3}, "0-23"),
        ({"cron": "0 18 * * freitag", "hours": 3}, "freitag"),
        ({"cron": "*/0 * * * *", "hours": 3}, "no step"),
        ({"cron": "0 0 30 2 *", "hours": 3}, "no month has"),
        ({"cron": "@weekly", "hours": 3}, "1 fields"),
    ],
)
def test_what_cannot_be_understood_is_a_problem_with_its_name(fields: dict[str, Any], word: str) -> None:
    found = seen("2026-12-21T00:00", environment="staging", environments=("production",), **fields)
    assert found.frozen == ()
    assert len(found.problems) == 1
    assert "`it`" in found.problems[0]
    assert word in found.problems[0]


def test_one_bad_freeze_hides_no_other() -> None:
    found = calendar({"bad": Freeze(), "good": Freeze(begins="2026-12-20")}, "production", at("2026-12-21T00:00"))
    assert [each.name for each in found.frozen] == ["good"]
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("line", "day", "named"),
    [
        ("0 0 13 * fri", "2026-11-13", True),  # the 13th or a Friday, as cron has it
        ("0 0 13 * fri", "2026-11-20", True),
        ("0 0 13 * fri", "2026-11-19", False),
        ("0 0 */13 * fri", "2026-11-20", False),  # and with a star in one of them
        ("0 0 * * 7", "2026-11-22", True),
        ("0 0 * * 0", "2026-11-22", True),
        ("0 0 * nov-dec *", "2026-11-22", True),
        ("0 0 * 1,2 *", "2026-11-22", False),
        ("0 0 29 2 *", "2028-02-29", True),
    ],
)
def test_the_days_of_a_cron_line(line: str, day: str, *, named: bool) -> None:
    cron = parse(line)
    assert isinstance(cron, Cron)
    assert cron.names(datetime.fromisoformat(day).date()) is named


def test_steps_and_lists_are_understood() -> None:
    cron = parse("5/20,58 8-18/5 * * *")
    assert isinstance(cron, Cron)
    assert sorted(cron.minutes) == [5, 25, 45, 58]
    assert sorted(cron.hours) == [8, 13, 18]


TEXTS = st.one_of(st.text(max_size=20), st.from_regex(r"[\d*/,\- ]{0,25}", fullmatch=True))


@examples(max_examples=60)
@given(TEXTS, TEXTS, TEXTS, st.text(max_size=10), st.integers(-(10**12), 10**12))
def test_any_text_holds_or_is_a_problem(begins: str, cron: str, ends: str, zone: str, when: int) -> None:
    try:
        freeze = Freeze(begins=begins, ends=ends, cron=cron, hours=8, zone=zone)
    except ValidationError:
        return
    found = calendar({"it": freeze, "plain": Freeze(cron=cron, hours=0.1)}, "production", when)
    assert len(found.frozen) + len(found.problems) <= 2
