"""What the router knows of how long calls take: read in the background, for who asks, as long as somebody asks."""

from __future__ import annotations

import asyncio

import pytest

from router_core.estimating import estimates as module
from router_core.estimating.estimates import AT_ONCE, IDLE, OLDEST, Estimates, _Group, sample
from router_core.simulator import Upstream
from router_core.state.store import Store
from tests.router.percentile_kit import known, measured
from tests.router.rig import Make, entry, until


@pytest.mark.parametrize("size", [1, 5, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE, 1000])
def test_of_a_large_group_each_deployment_is_read_in_turn(size: int) -> None:
    ids = tuple(map(str, range(size)))
    group = _Group(ids, frozenset((95,)), 0.0)
    parts = [group.next_part() for _ in range(-(-size // AT_ONCE))]
    assert max(map(len, parts)) == min(size, AT_ONCE)
    assert {id for part in parts for id in part} == set(ids)
    assert all(len(set(part)) == len(part) for part in parts)


@pytest.mark.parametrize(
    ("kind", "stream", "ttft_ms", "gave_up", "counted"),
    [
        ("ok", False, None, False, (None, 9.0)),
        ("ok", True, 4.0, False, (4.0, 9.0)),
        ("timeout", False, None, False, (None, 9.0)),
        ("timeout", True, None, False, (9.0, None)),
        ("timeout", True, 4.0, False, (4.0, 9.0)),
        ("cancelled", True, None, True, (9.0, None)),
        ("cancelled", False, None, True, (None, 9.0)),
        ("cancelled", False, None, False, None),
        ("server", False, None, False, None),
        ("rate_limit", True, None, False, None),
    ],
)
def test_what_is_counted_of_an_attempt(
    kind: str, stream: bool, ttft_ms: float | None, gave_up: bool, counted: tuple[float | None, float | None] | None
) -> None:
    assert sample(kind, stream, ttft_ms, 9.0, gave_up) == counted


async def test_it_is_read_while_somebody_asks_and_no_longer(
    routers: Make, first: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.01)
    router = routers([entry(first, "one")], percentiles=True)
    await measured(router, "one", seconds=0.5)
    assert await known(router) == pytest.approx(0.5, rel=0.05)
    found = router._parts.estimates
    found._groups["m"].asked -= IDLE + 1
    await until(lambda: not found._groups and not found._upkeep.running)
    with monkeypatch.context() as unread:  # or the next reading might be there already
        unread.setattr(found._upkeep, "begin", lambda: None)
        assert found.of_group("m", ("one",), False, 95) is None, "what was known then is old"
    assert await known(router) == pytest.approx(0.5, rel=0.05)


async def test_what_could_not_be_read_for_seconds_is_unknown(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")], percentiles=True)
    await measured(router, "one", seconds=0.5)
    ids = router._wiring.planner.groups["m"].ids
    await known(router)
    found = router._parts.estimates
    found._groups["m"].read -= OLDEST + 1
    assert found.of_group("m", ids, False, 95) is None


async def test_a_pool_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.01)
    store = Store("redis://127.0.0.1:1/0", pool="nowhere", timeout=0.2)
    found = Estimates(store)
    assert found.of_group("m", ("one",), False, 95) is None
    await asyncio.sleep(0.1)
    assert found.of_group("m", ("one",), False, 95) is None
    assert found._upkeep.running, "nothing has ended it"
    found.close()
    await store.aclose()


async def test_percents_that_are_asked_later_are_read_too(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")], percentiles=True)
    await measured(router, "one", seconds=0.5, calls=20)
    assert await known(router, percent=95) == await known(router, percent=50)
    ids = router._wiring.planner.groups["m"].ids
    assert router._parts.estimates.of_group("m", ids, False, 99) is None, "twenty calls are no 99th percentile"
