"""Calendar periods begin when the clock on the wall of their zone says so, however it is set back and forth."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router_core.calendars import PERIODS, boundaries, calendar

ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("posix/", "right/")))
MINUTE = 60
# Changes of clocks: spring and autumn, by half an hour, at midnight and a minute after it, by two hours, a day skipped.
CHANGES = [
    ("Europe/Berlin", "2024-03-31T01:00", "02:30"),
    ("Europe/Berlin", "2024-10-27T01:00", "02:30"),
    ("Australia/Lord_Howe", "2024-10-05T15:30", "00:45"),
    ("Australia/Lord_Howe", "2024-04-06T15:00", "00:45"),
    ("America/Sao_Paulo", "2018-11-04T03:00", "00:00"),
    ("America/Sao_Paulo", "2018-02-18T02:00", "23:30"),
    ("Asia/Gaza", "2013-03-28T22:00", "00:00"),
    ("America/St_Johns", "2011-11-06T02:31", "00:01"),
    ("Antarctica/Troll", "2024-03-31T01:00", "02:15"),
    ("Pacific/Apia", "2011-12-30T10:00", "06:00"),
    ("Asia/Kolkata", "2024-03-31T01:00", "00:30"),
]


def seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())


def number_of(kind: str, wall: datetime) -> int:
    """Which hour, day, week or month the clock shows."""
    days = wall.toordinal()
    return {
        "hour": days * 24 + wall.hour,
        "day": days,
        "week": (days - 1) // 7,
        "month": wall.year * 12 + wall.month,
    }[kind]


def walked(kind: str, zone: str, reset: str, begin: int, minutes: int) -> Iterator[int]:
    """Every beginning of a period, found by looking at the clock each minute."""
    hours, past = map(int, reset.split(":"))
    back, where, highest = timedelta(hours=hours, minutes=past), ZoneInfo(zone), None
    for second in range(begin, begin + minutes * MINUTE, MINUTE):
        wall = datetime.fromtimestamp(second, where).replace(tzinfo=None)
        number = number_of(kind, wall - back)
        if highest is not None and (number > highest or (kind == "hour" and wall.minute == past)):
            yield second
        highest = number if highest is None else max(highest, number)


def text_of(kind: str, zone: str, reset: str) -> str:
    return f"{kind}@{zone}+{reset}"


MINUTES = {"hour": 60, "day": 1440, "week": 10_080, "month": 44_640}
AHEAD = {"hour": 30, "day": 3, "week": 1, "month": 1}
TIMES = st.times().map(lambda at: f"{at.hour:02}:{at.minute:02}")
MOMENTS = st.datetimes(*map(datetime.fromisoformat, ("2000-01-01", "2037-01-01"))).map(
    lambda at: at.strftime("%Y-%m-%dT%H:%M")
)


def check(kind: str, zone: str, moment: str, reset: str) -> None:
    reset = f"00:{reset[-2:]}" if kind == "hour" else reset
    now = seconds(moment)
    past, future = MINUTES[kind] + 2 * 1440, AHEAD[kind] * MINUTES[kind] + 2 * 1440
    found = list(walked(kind, zone, reset, now - past * MINUTE, past + future))
    begun, ahead = max(at for at in found if at <= now), [at for at in found if at > now]
    expected = [at * 1000 for at in (begun, *ahead[: AHEAD[kind]])]
    assert list(boundaries(text_of(kind, zone, reset), now * 1000, AHEAD[kind])) == expected


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hour", "day", "week"])
@pytest.mark.parametrize(("zone", "change", "reset"), CHANGES)
@pytest.mark.parametrize("minutes", [-50, 0, 20])
def test_around_a_change_of_the_clock_periods_begin_as_a_walk_finds_them(
    kind: str, zone: str, change: str, reset: str, minutes: int
) -> None:
    near = datetime.fromisoformat(change) + timedelta(minutes=minutes)
    check(kind, zone, near.isoformat(timespec="minutes"), reset)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["hour", "day", "week"]), st.sampled_from(ZONES), MOMENTS, TIMES)
def test_in_any_zone_periods_begin_as_a_walk_finds_them(kind: str, zone: str, moment: str, reset: str) -> None:
    check(kind, zone, moment, reset)


@pytest.mark.slow
@settings(deadline=None, max_examples=5)
@given(st.sampled_from(ZONES), MOMENTS, TIMES)
@example("Europe/Berlin", "2024-03-31T12:00", "02:30")
@example("America/Santiago", "2024-02-29T23:59", "00:00")
def test_months_begin_as_a_walk_finds_them(zone: str, moment: str, reset: str) -> None:
    check("month", zone, moment, reset)


@settings(deadline=None)
@given(st.sampled_from(["hour", "day", "week", "month"]), st.sampled_from(ZONES), MOMENTS, TIMES)
def test_forty_periods_ahead_hold_now_and_follow_each_other(kind: str, zone: str, moment: str, reset: str) -> None:
    now = seconds(moment) * 1000
    table = boundaries(text_of(kind, zone, f"00:{reset[-2:]}" if kind == "hour" else reset), now)
    assert len(table) == PERIODS + 1
    assert table[0] <= now < table[1]
    assert list(table) == sorted(set(table))


@settings(deadline=None)
@given(st.sampled_from(["hour", "day"]), st.sampled_from(ZONES), MOMENTS, TIMES)
def test_tables_of_two_workers_agree_on_the_periods_both_know(kind: str, zone: str, moment: str, reset: str) -> None:
    text = text_of(kind, zone, f"00:{reset[-2:]}" if kind == "hour" else reset)
    early = boundaries(text, seconds(moment) * 1000, 10)
    later = boundaries(text, early[4] + 1, 10)
    assert later[0] == early[4]
    assert later[:7] == early[4:]


def test_what_the_examples_of_the_documentation_mean() -> None:
    def days(*found: int) -> list[str]:
        return [datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="minutes") for at in found]

    now = seconds("2024-03-30T12:00") * 1000
    assert days(*boundaries("day@UTC", now, 1)) == ["2024-03-30T00:00+00:00", "2024-03-31T00:00+00:00"]
    assert days(*boundaries("day@Europe/Berlin", now, 3)) == [
        "2024-03-29T23:00+00:00", "2024-03-30T23:00+00:00", "2024-03-31T22:00+00:00", "2024-04-01T22:00+00:00",
    ]  # fmt: skip
    assert days(*boundaries("week@Europe/Berlin", now, 1)) == ["2024-03-24T23:00+00:00", "2024-03-31T22:00+00:00"]
    assert days(*boundaries("month@Europe/Berlin+06:00", now, 1)) == [
        "2024-03-01T05:00+00:00", "2024-04-01T04:00+00:00",
    ]  # fmt: skip
    assert days(*boundaries("hour@Asia/Kolkata", now, 1)) == ["2024-03-30T11:30+00:00", "2024-03-30T12:30+00:00"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("day", "looks like day@Europe/Berlin"),
        ("day@", "looks like"),
        ("day@UTC+6:00", "looks like"),
        ("year@UTC", "hour, day, week, month"),
        ("day@UTC+24:00", "00:00 to 23:59"),
        ("hour@UTC+06:00", "00:00 to 00:59"),
        ("day@Europe/Berln", "did you mean 'Europe/Berlin'"),
        ("day@Europe", "no such time zone"),
        ("day@../../etc/passwd", "looks like"),
        ("day@/etc/passwd", "no such time zone"),
    ],
)
def test_a_text_that_means_nothing_is_refused_with_what_would(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        calendar(text)


def test_a_machine_without_time_zones_knows_utc_and_says_what_is_missing() -> None:
    zoneinfo.reset_tzpath(to=[])
    calendar.cache_clear()
    try:
        assert calendar("day@UTC").text == "day@UTC"
        if find_spec("tzdata") is None:
            with pytest.raises(ValueError, match="pip install tzdata"):
                calendar("day@Europe/Rome")
    finally:
        zoneinfo.reset_tzpath()
        calendar.cache_clear()


@pytest.mark.parametrize("text", ["day@UTC", "month@Etc/GMT+5", "week@Etc/GMT+5+06:30", "hour@Asia/Kolkata+00:30"])
def test_a_calendar_has_one_name(text: str) -> None:
    assert calendar(text).text == text
    assert calendar("day@UTC+00:00").text == "day@UTC", "or two workers would declare two limits"
