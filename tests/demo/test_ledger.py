"""The ledger reads Redis itself, and sees what a Store really reserved and holds."""

from __future__ import annotations

import pytest

from router_core import strategies
from router_core.demo.ledger import Ledger, slots
from router_core.state.records import Acquire, Declared, Outcome, Refused
from router_core.state.store import Store
from tests.servers import Server


async def test_reservations_and_leases_are_seen_as_they_lie_in_redis(engine: Server, pool: str) -> None:
    store = Store(engine.url, pool=pool, ranks=strategies.sources())
    await store.register([Declared("one", "g", "openai", "a", limits={"requests/60": 3, "tokens/60": 1000})])
    ledger = Ledger(store.engine, store.keys)
    ask = Acquire("g", ("one",), input_tokens=50, output_tokens=50)
    leases = [await store.acquire(ask) for _ in range(3)]
    with pytest.raises(Refused):
        await store.acquire(ask)
    await ledger.read()
    assert (ledger.worst("one", "requests"), ledger.worst("one", "tokens")) == (3, 300)
    assert (await ledger.leases(), await ledger.inflight()) == (3, 3)
    for lease in leases:
        store.settle(lease, Outcome("ok", total_ms=1.0, input_tokens=50, output_tokens=50))
    await store.flush()
    assert (await ledger.leases(), await ledger.inflight()) == (0, 0)
    counted = await ledger.scripts()
    assert counted is not None
    assert counted[0] >= 7
    await ledger.aclose()
    await store.aclose()


async def test_a_user_who_may_not_delete_is_told_so(engine: Server, pool: str) -> None:
    for url, allowed in ((engine.url, False), (engine.operator_url, True)):
        store = Store(url, pool=pool, ranks=strategies.sources())
        await store.register([Declared("one", "g", "openai", "a")])
        ledger = Ledger(store.engine, store.keys)
        assert await ledger.remove() is allowed
        await ledger.aclose()
        await store.aclose()


def test_slots_are_read_by_their_own_time() -> None:
    used = {"~": "~", "one/requests/60": "10 5 3 67100", "one/failed/60": "2 6 2 67000", "one/tokens/total": "300"}
    window = {"~": "~", "one/requests/60:5": "7 66000", "one/ok/60:5": "9 66000", "one/tokens/86400:3": "1 66000"}
    assert list(slots(used, window)) == [("one", "requests", 67, 3), ("one", "requests", 66, 7)]
