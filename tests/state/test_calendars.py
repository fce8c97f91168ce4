"""Limits in periods of calendars: workers write down when they begin, and none begins twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from router_core.calendars import PERIODS, boundaries
from router_core.state.records import Lease, Refused, Rows, StateError
from tests.state.kit import Place, Raw, ask, beat, declared, serving, settled, tried, tries

ZONE = "day@Europe/Berlin+06:00"


def now_ms(place: Place) -> int:
    assert place.clock_ms is not None
    return place.clock_ms


async def test_a_worker_writes_down_the_periods_of_its_limits(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits={f"requests/{ZONE}": 2})], [Rows("user:*", {"tokens/month@UTC": 9})])
    written = place.column("calendar")
    assert set(written) == {ZONE, "month@UTC"}
    for name, text in written.items():
        times = tuple(map(int, text.split()))
        assert times == boundaries(name, times[0] + 1)
        assert len(times) == PERIODS + 1


async def test_room_comes_back_with_the_next_period_to_the_millisecond(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={f"requests/{ZONE}": 2})])
    for _ in range(3):
        granted, refused = await tries(store, ask(), 3)
        assert (len(granted), len(refused)) == (2, 1)
        end = boundaries(ZONE, now_ms(memory))[1]
        assert refused[0].refusals[0].ready_ms == end
        memory.move(end - 1 - now_ms(memory))
        assert isinstance(await tried(store, ask()), Refused)
        memory.move(1)


async def test_a_reservation_of_a_period_that_is_over_is_corrected_nowhere(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"tokens/day@UTC": 100})])
    leases, _ = await tries(store, ask(input_tokens=40), 2)
    memory.move(86_400_000)
    await store.acquire(ask(input_tokens=10))
    for lease in leases:
        await settled(store, lease)
    assert memory.used("a/tokens/day@UTC") == 10


async def test_a_clock_that_steps_back_opens_no_closed_period(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"requests/day@UTC": 2})])
    await tries(store, ask(), 2)
    memory.move(86_400_000)
    assert isinstance(await tried(store, ask()), Lease)
    memory.move(-86_400_000)
    granted, _ = await tries(store, ask(), 3)
    assert len(granted) == 1, "one was used in the period that had begun"


async def test_periods_are_written_again_in_time(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"requests/hour@UTC": 2})])
    before = memory.column("calendar")["hour@UTC"]
    memory.move(19 * 3_600_000)
    await beat(store)
    assert memory.column("calendar")["hour@UTC"] == before
    memory.move(2 * 3_600_000)
    await beat(store)
    assert memory.column("calendar")["hour@UTC"] > before


async def test_beyond_what_is_written_the_last_period_goes_on(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"requests/day@UTC": 2})])
    start = boundaries("day@UTC", now_ms(memory))[0]
    memory.put("calendar", "day@UTC", f"{start} {start + 86_400_000}")
    memory.move(86_400_000)
    assert len((await tries(store, ask(), 3))[0]) == 2
    memory.move(10 * 86_400_000)
    answer = await tried(store, ask())
    assert isinstance(answer, Refused)


async def test_who_knows_more_periods_wins_and_nobody_shortens_them(place: Place) -> None:
    store = await serving(place, None, **{"requests/day@UTC": 2})
    raw = Raw(place, store)
    known = place.column("calendar")["day@UTC"]
    times = known.split()
    await raw.run(f"calendars day@UTC={','.join(times[:5])}", script=store.fleet_script)
    assert place.column("calendar")["day@UTC"] == known
    longer = [*times, str(int(times[-1]) + 86_400_000)]
    await raw.run(f"calendars day@UTC={','.join(longer)}", script=store.fleet_script)
    assert place.column("calendar")["day@UTC"] == " ".join(longer)
    for bad in ("day@UTC=5,4", "day@UTC=x", "apples@UTC=5", "day=5"):
        assert (await raw.run(f"calendars {bad}", script=store.fleet_script))[0].startswith("error MALFORMED")


async def test_garbled_periods_cost_their_own_calls(place: Place) -> None:
    store = place.store()
    await store.register([declared("a", limits={"requests/day@UTC": 2}), declared("b")])
    place.put("calendar", "day@UTC", "x y")
    assert (await store.acquire(ask("a", "b"))).deployment == "b"
    answer = await tried(store, ask("a"))
    assert isinstance(answer, Refused | StateError)
    await beat(store)
    assert isinstance(await tried(store, ask("a")), Lease)


async def test_an_operators_row_brings_its_periods_along(place: Place) -> None:
    store = await serving(place)
    await store.set_limit("a", "requests/month@Asia/Kolkata", 1)
    start = int(place.column("calendar")["month@Asia/Kolkata"].split()[0])
    assert datetime.fromtimestamp(start / 1000, UTC).strftime("%H:%M") == "18:30"
    assert len((await tries(store, ask(), 3))[0]) == 1
    with pytest.raises(StateError, match="MALFORMED"):
        await store.set_limit("a", "requests/year@UTC", 1)
