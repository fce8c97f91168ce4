"""Windows of limits, as they are written and as the state names them.

| written | in force |
|---|---|
| `30s`, `10m`, `1h`, `1d`, `1w`, `1mo` (30 days) | rolling: `30`, `600`, `3600`, `86400`, `604800`, `2592000` seconds |
| `second`, `minute`, `hour`, `day`, `week`, `month` | rolling: one of each |
| `day@UTC`, `month@Europe/Berlin+06:00` | calendar periods: see `router_core.calendars` |
| `{"calendar": "month", "zone": "Europe/Berlin", "reset": "06:00"}` | the same |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from router_core import calendars
from router_core.config.suggest import hint

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "mo": 30 * 86400}
WORDS = {"second": "1s", "minute": "1m", "hour": "1h", "day": "1d", "week": "1w", "month": "1mo"}
LONGEST = 366 * 86400  # seconds

_DURATION = re.compile(r"([1-9]\d*)(s|mo|m|h|d|w)")
_GOOD = (
    "a window is a number and a unit (30s, 10m, 1h, 1d, 1w, 1mo), one of second, minute, hour, day, week, month, "
    "or a calendar's (day@Europe/Berlin, month@UTC+06:00)"
)
_PARTS = ("calendar", "zone", "reset")


def window(value: Any) -> str:
    """The state's name of a window. ValueError with what can be written instead."""
    if isinstance(value, Mapping):
        return _calendar(value).text
    if not isinstance(value, str):
        raise ValueError(_GOOD)
    if "@" in value:
        return calendars.calendar(value).text
    found = _DURATION.fullmatch(WORDS.get(value, value))
    if found is None:
        raise ValueError(_GOOD + hint(value, WORDS))
    seconds = int(found[1]) * UNITS[found[2]]
    if seconds > LONGEST:
        raise ValueError("a window has at most 366 days")
    return str(seconds)


def _calendar(parts: Mapping[Any, Any]) -> calendars.Calendar:
    for key in parts:
        if key not in _PARTS:
            raise ValueError(f"a calendar's window has calendar, zone and reset, nothing else{hint(str(key), _PARTS)}")
    reset = parts.get("reset")
    if type(reset) is int:  # what YAML makes of 12:30 without quotes
        parts = {**parts, "reset": f"{reset // 60:02}:{reset % 60:02}"}
    if not all(isinstance(value, str) for value in parts.values()) or "calendar" not in parts:
        raise ValueError('a calendar\'s window looks like {"calendar": "month", "zone": "UTC", "reset": "06:00"}')
    return calendars.make(parts["calendar"], parts.get("zone", "UTC"), parts.get("reset"))


Window = Annotated[str, BeforeValidator(window)]
