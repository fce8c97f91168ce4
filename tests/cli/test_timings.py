"""`router-core status` shows percentiles where the fleet counts them."""

from __future__ import annotations

import json
from typing import Any

from router_core.state.records import Acquire, Outcome
from router_core.state.store import Store
from tests.cli.conftest import Ask, Cli


async def timed(store: Store) -> None:
    for ms in (100.0, 200.0, 900.0):
        lease = await store.acquire(Acquire("chat", ("chat-us-1",)))
        store.settle(lease, Outcome("ok", total_ms=ms, sample=(None, ms)))
    await store.flush()


def test_percentiles_have_columns_of_their_own_where_they_are_counted(ask: Ask[Any], cli: Cli) -> None:
    assert "p50/p95/p99" not in cli("status").stdout
    ask(timed)
    text = cli("status", env={"COLUMNS": "250"}).stdout
    (row,) = [line for line in text.splitlines() if " chat-us-1 " in line]
    shown, unit, other = row.replace("│", " ").split()[-3:]
    assert (unit, other) == ("ms", "-")
    p50, p95, p99 = map(float, shown.split("/"))
    assert abs(p50 - 200) <= 10
    assert p95 == p99
    assert abs(p99 - 900) <= 45


def test_they_are_in_the_json(ask: Ask[Any], cli: Cli) -> None:
    ask(timed)
    states = {one["id"]: one for one in json.loads(cli("status", "--json").stdout)["deployments"]}
    assert states["chat-us-1"]["timings"]["latency"]["count"] == 3
    assert set(states["chat-us-1"]["timings"]["latency"]["ms"]) == {"50", "95", "99"}
    assert states["chat-eu-1"]["timings"] is None
