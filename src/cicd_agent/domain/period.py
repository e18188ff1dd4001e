"""How far back a question reaches, as people write it: `30d`, `12h`, or a day."""

import re
from datetime import UTC, datetime

_AGO = re.compile(r"(\d{1,6})\s*(m|h|d|w)")
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def moment(text: str, now: float) -> int:
    """Seconds since the epoch of `30d` ago, or of a date (`2026-11-01`, `2026-11-01T10:00`), in UTC unless it says so.

    Raises ValueError for anything else.
    """
    text = text.strip()
    if ago := _AGO.fullmatch(text.lower()):
        return max(0, int(now) - int(ago[1]) * _SECONDS[ago[2]])
    try:
        found = datetime.fromisoformat(text)
        return max(0, int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()))
    except OverflowError as error:
        raise ValueError(text) from error
