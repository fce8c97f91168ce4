"""Most of a group is out: health gives way, at a reduced weight; nothing else does (Envoy's panic threshold)."""

from __future__ import annotations

import pytest

from tests.state.kit import Place, declared
from tests.state.panic_kit import FOUR, group, out, shares

GIVES_WAY = ("server", "timeout", "connect", "slow", "outlier")
STANDS = ("rate_limit", "auth", "not_found", "malformed", "operator", "retry_after")


@pytest.mark.slow
@pytest.mark.parametrize("reason", GIVES_WAY)
async def test_where_most_are_out_they_serve_a_reduced_share(memory: Place, reason: str) -> None:
    """Each of the three is beside the healthy one in a tenth of the decisions: about 0.14 of the calls are theirs."""
    store = await group(memory)
    out(memory, "a", "b", "c", reason=reason)
    served = await shares(store)
    assert 800 < served["d"] < 920
    assert {"a", "b", "c"} < served.keys()


async def test_it_does_so_on_every_engine(place: Place) -> None:
    store = await group(place)
    out(place, "a", "b", "c")
    served = await shares(store, calls=300)
    assert 200 < served["d"] < 300


async def test_half_of_a_group_is_not_most_of_it(place: Place) -> None:
    store = await group(place)
    out(place, "a", "b")
    assert (await shares(store, calls=200)).keys() == {"c", "d"}


async def test_of_three_nobody_can_say_that_most_are_out(place: Place) -> None:
    store = await group(place, "a", "b", "c")
    out(place, "a", "b")
    assert (await shares(store, "a", "b", "c", calls=200)).keys() == {"c"}


@pytest.mark.parametrize("reason", STANDS)
async def test_what_is_not_health_stands(memory: Place, reason: str) -> None:
    store = await group(memory)
    out(memory, "a", "b", "c", reason=reason)
    assert (await shares(store, calls=200)).keys() == {"d"}
    out(memory, "d", reason=reason)
    assert (await shares(store, calls=20)).keys() == {"nobody"}


async def test_those_that_stand_do_not_count_as_out(memory: Place) -> None:
    store = await group(memory)
    out(memory, "a", "b")
    out(memory, "c", reason="auth")
    assert (await shares(store, calls=200)).keys() == {"d"}


async def test_an_account_that_is_to_be_left_alone_is_left_alone(memory: Place) -> None:
    store = await group(memory)
    out(memory, "a", "b", "c")
    store.pause(("a", "b", "c"), 30.0, 300.0)
    assert (await shares(store, calls=200)).keys() == {"d"}


async def test_drains_and_limits_stand(place: Place) -> None:
    store = await group(place, limits={"concurrent": 2})
    out(place, *FOUR)
    await store.control("drain", "a")
    assert await shares(store, calls=50) == {"b": 2, "c": 2, "d": 2, "nobody": 44}


async def test_where_nobody_is_healthy_all_serve_alike(memory: Place) -> None:
    store = await group(memory)
    out(memory, *FOUR)
    served = await shares(store, calls=400)
    assert min(served[id] for id in FOUR) > 60


async def test_what_finds_no_room_at_the_healthy_goes_to_those_that_are_out(place: Place) -> None:
    store = place.store()
    await store.register([*(declared(id) for id in ("a", "b", "c")), declared("d", limits={"concurrent": 5})])
    out(place, "a", "b", "c")
    served = await shares(store, calls=50)
    assert (served["d"], served["nobody"]) == (5, 0)


@pytest.mark.parametrize(("panic", "keys"), [("0", {"d"}), ("0.8", {"d"}), ("0.7", {*FOUR})])
async def test_the_threshold_is_declared(memory: Place, panic: str, keys: set[str]) -> None:
    store = await group(memory, health=f"panic={panic}")
    out(memory, "a", "b", "c")
    assert (await shares(store, calls=400)).keys() == keys


async def test_healthy_ones_of_a_later_order_go_before_those_that_are_out(memory: Place) -> None:
    store = memory.store()
    await store.register([*(declared(id) for id in ("a", "b", "c")), declared("d", order=2)])
    out(memory, "a", "b", "c")
    served = await shares(store)
    assert 800 < served["d"] < 920


async def test_the_order_of_a_sample_is_kept_in_that_share_alone(memory: Place) -> None:
    store = await group(memory)
    out(memory, "a", "b", "c")
    served = await shares(store, preferred=4)
    assert 660 < served["d"] < 800, "it is the last of them, and 0.9 ** 3 is 0.73"
