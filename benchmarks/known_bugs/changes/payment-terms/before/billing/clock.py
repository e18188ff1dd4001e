"""What time it is for a customer."""

from datetime import date, datetime
from zoneinfo import ZoneInfo


def today_in(zone: str) -> date:
    return datetime.now(ZoneInfo(zone)).date()
