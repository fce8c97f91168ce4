"""Calendar periods in any time zone: where they begin, over every change of its clock.

    day@UTC    week@Europe/Berlin    month@Europe/Berlin+06:00    hour@Asia/Kolkata+00:30

A week begins on Monday, a month on its first day, each at the time after the `+` (00:00 where none is written).

A period begins when the zone's clock first shows that time; where the clock skips it, at the moment of the skip. An
hour that a clock goes through twice is two hours; a day stays one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from router_core.config.suggest import hint

PERIODS = 40  # how many a worker writes down ahead

_FORM = re.compile(r"(\w+)@([\w/+-]+?)(?:\+(\d\d:\d\d))?", re.ASCII)
_NONE_KNOWN = "this system knows no time zones but UTC: pip install tzdata"


def boundaries(text: str, now_ms: int, periods: int = PERIODS) -> tuple[int, ...]:
    """The beginning of the period that holds `now_ms`, its end, and the ends of those that follow: `periods` + 1 times.

    In milliseconds of the pool's clock without its offset, as Redis' TIME. ValueError for a text that is no calendar.
    """
    return calendar(text).boundaries(now_ms, periods)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Periods of one kind in one zone. `reset`: how long after its first midnight (or minute) a period begins."""

    kind: str
    name: str
    zone: tzinfo
    reset: timedelta

    @property
    def text(self) -> str:
        """As limits are named."""
        minutes = self.reset // timedelta(minutes=1)
        return f"{self.kind}@{self.name}" + (f"+{minutes // 60:02}:{minutes % 60:02}" if minutes else "")

    def boundaries(self, now_ms: int, periods: int = PERIODS) -> tuple[int, ...]:
        """See above."""
        now = now_ms // 1000
        local = datetime.fromtimestamp(now, self.zone).replace(tzinfo=None)
        moments: set[int] = set()
        # A clock that was set back may show a time of the period before; one that was set forward skips up to a day.
        for step in range(-2, periods + 26):
            moments.update(self._moments(_KINDS[self.kind](local - self.reset, step) + self.reset))
        past = [moment for moment in moments if moment <= now]
        ahead = sorted(moment for moment in moments if moment > now)
        return tuple(moment * 1000 for moment in (max(past), *ahead[:periods]))

    def _moments(self, wall: datetime) -> list[int]:
        """When the zone's clock shows `wall`, in seconds."""
        first = int(wall.replace(tzinfo=self.zone).timestamp())
        second = int(wall.replace(tzinfo=self.zone, fold=1).timestamp())
        if second < first:  # it shows it never (PEP 495)
            return [self._change(second, first)]
        return [first, second] if self.kind == "hour" else [first]

    def _change(self, before: int, after: int) -> int:
        def offset(at: int) -> timedelta | None:
            return datetime.fromtimestamp(at, self.zone).utcoffset()

        return before + bisect_left(range(before, after + 1), offset(after), key=offset)  # type: ignore[type-var]


@lru_cache(maxsize=256)
def calendar(text: str) -> Calendar:
    """What a text such as `month@Europe/Berlin+06:00` means. ValueError that says what is wrong, without the text."""
    parts = _FORM.fullmatch(text)
    if parts is None:
        raise ValueError("a calendar window looks like day@Europe/Berlin or month@UTC+06:00")
    kind, zone, reset = parts.groups()
    return make(kind, zone, reset)


def make(kind: str, zone: str, reset: str | None = None) -> Calendar:
    """A calendar from its parts; `reset` is a time such as `06:00`. ValueError."""
    if kind not in _KINDS:
        raise ValueError(f"there are calendars of {', '.join(_KINDS)}{hint(kind, _KINDS)}")
    begins = _time(reset or "00:00")
    if kind == "hour" and begins.hour:
        raise ValueError("an hour begins at 00:00 to 00:59 of its own")
    return Calendar(kind, zone, _zone(zone), timedelta(hours=begins.hour, minutes=begins.minute))


def _time(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of day, wherever that is
    except ValueError:
        raise ValueError("a period begins at a time from 00:00 to 23:59") from None


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # OSError: the name of a folder
        known = available_timezones()
    raise ValueError(f"there is no such time zone{hint(name, known)}" if known else _NONE_KNOWN)


def _months(at: datetime, step: int) -> datetime:
    years, month = divmod(at.year * 12 + at.month - 1 + step, 12)
    return datetime(years, month + 1, 1)  # noqa: DTZ001 - what a clock on the wall shows


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


# The beginning of the period that holds a time of the wall's clock, and so many periods on.
_KINDS: Mapping[str, Callable[[datetime, int], datetime]] = {
    "hour": lambda at, step: at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=step),
    "day": lambda at, step: _midnight(at) + timedelta(days=step),
    "week": lambda at, step: _midnight(at) + timedelta(days=7 * step - at.weekday()),
    "month": _months,
}
