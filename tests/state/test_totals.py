"""What deployments used since the pool began: fields of the column `used`, beside their windows."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.state.operations import SettleOp
from router_core.state.records import Outcome
from router_core.state.store import Store
from tests.state.garbage_kit import two
from tests.state.kit import Place, Raw, ask, beat, declared, ended, settled, tries

USED = ended("ok", 30, 12, cost_nano=7)
PRICES: dict[str, Any] = {"input_price": 1, "output_price": 1}
FIELDS = ("a/tokens/total", "a/cost/total")


def totals(place: Place) -> list[str | None]:
    """Of deployment a, as they are stored: tokens, nano-dollars."""
    return list(place.do("HMGET", "used", *FIELDS))


async def used(store: Store, times: int, outcome: Outcome = USED) -> None:
    """So many calls of deployment a at once."""
    leases, refused = await tries(store, ask(input_tokens=5), times)
    assert not refused
    await settled(store, *leases, outcome=outcome)


async def test_calls_add_up_whatever_windows_forget_and_operators_reset(place: Place) -> None:
    store = place.store()
    limits = {"tokens/1": 10**6, "cost/60": 10**6, "tokens/60": 10**6}
    await store.register([declared(limits=limits, **PRICES)])
    await used(store, 5)
    place.move(3_600_000)
    await used(store, 3)
    await store.control("reset", "a")
    await used(store, 1, ended("ok", 0, 0, cost_nano=0))
    assert totals(place) == [str(8 * 42), str(8 * 7)]
    state = (await store.snapshot()).deployments["a"]
    assert (state.tokens, state.spend_nano, state.used["tokens/60"]) == (8 * 42, 8 * 7, 0)


async def test_a_deployment_named_like_a_total_counts_apart(place: Place) -> None:
    store, ids = place.store(), ("a", "a/tokens", "a/tokens/total", "a/cost")
    await store.register([declared(id, limits={"tokens/60": 1000, "cost/60": 1000}, **PRICES) for id in ids])
    for number, id in enumerate(ids, 1):
        await settled(store, await store.acquire(ask(id)), outcome=ended("ok", number, 0, cost_nano=10 * number))
    states = (await store.snapshot()).deployments
    assert [(states[id].tokens, states[id].spend_nano) for id in ids] == [(n, 10 * n) for n in (1, 2, 3, 4)]
    assert [states[id].used["tokens/60"] for id in ids] == [1, 2, 3, 4]


@pytest.mark.parametrize("text", ["x", "", "nan", "1 2", "9007199254740992"])
@pytest.mark.parametrize("field", FIELDS)
async def test_a_garbled_total_costs_its_settles_an_error_and_nothing_else(place: Place, field: str, text: str) -> None:
    store = await two(place)
    await used(store, 1)
    good = totals(place)
    mine, other = await store.acquire(ask("a")), await store.acquire(ask("b"))
    place.put("used", field, text)
    raw, operations = Raw(place, store), [SettleOp(mine, USED, "a", "g"), SettleOp(other, USED, "b", "g")]
    before = place.dump(without=("clock", "workers", "events"))
    garbled, done = await raw.run(*operations)
    assert garbled.startswith("error GARBLED"), garbled
    assert done == "ok"
    assert set((await store.snapshot()).deployments) == {"b"}
    after = place.dump(without=("clock", "workers", "events"))
    for column in before:
        mine_of = [{f: t for f, t in dump[column].items() if f.split("/")[0] == "a"} for dump in (before, after)]
        assert mine_of[0] == mine_of[1], f"half-done: {column}"
    for name, good_text in zip(FIELDS, good, strict=True):
        place.put("used", name, good_text or "0")
    assert await raw.run(operations[0]) == ["ok"]
    assert [int(total or 0) - int(was or 0) for total, was in zip(totals(place), good, strict=True)] == [42, 7]


async def test_totals_are_forgotten_with_their_deployment(place: Place) -> None:
    store = place.store()
    await store.register([declared("a"), declared("b")])
    await used(store, 1)
    await store.register([declared("b")])
    place.move(3_500_000)
    await beat(store)
    assert totals(place) == ["42", "7"]
    place.move(200_000)
    await beat(store)
    assert totals(place) == [None, None]


async def commands(place: Place, store: Store, outcome: Outcome) -> int:
    """Of a settle that knows nothing from earlier runs, the fewest of many: others may have been at the server too."""
    counts = []
    for _ in range(20):
        lease = await store.acquire(ask())
        place.put("used", "none/ok/60", "0 0")  # an operator's hand: everything is read anew
        place.raw("CONFIG", "RESETSTAT")
        await settled(store, lease, outcome=outcome)
        lines = str(place.raw("INFO", "commandstats")).splitlines()
        counts.append(sum(int(line.split("calls=")[1].split(",")[0]) for line in lines if "calls=" in line))
    return min(counts)


async def test_totals_cost_a_settle_no_command(valkey: Place) -> None:
    store = valkey.store()
    await store.register([declared()])
    assert await commands(valkey, store, USED) == await commands(valkey, store, ended("ok"))
