"""Scripts run as functions where the server keeps definitions, by EVALSHA elsewhere; both answer alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from router_core.state.engines import Script
from router_core.state.engines import engine as engine_of
from router_core.state.engines.functions import MOST
from router_core.state.records import Refused, StateError
from tests.servers import Server
from tests.state.kit import Place, ask, declared, ended, serving, settled, tries

LIMITS: dict[str, Any] = {"requests/60": 10, "concurrent": 5}


def ran(server: Server) -> set[str]:
    """Which of the two ways the server has been asked to go."""
    with server.operator() as operator:
        stats = operator.info("commandstats")
    return {way for way in ("evalsha", "fcall") if stats.get(f"cmdstat_{way}", {}).get("calls", 0)}


@pytest.mark.serial
@pytest.mark.parametrize(("name", "way"), [("valkey", "fcall"), ("redis82", "fcall"), ("redis62", "evalsha")])
async def test_each_server_runs_scripts_in_the_best_way_it_has(
    servers: Callable[[str], Server], pool: str, name: str, way: str
) -> None:
    server = servers(name)
    place = Place(server.url, pool)
    with server.operator() as operator:
        operator.config_resetstat()
    store = await serving(place, **LIMITS)
    await settled(store, await store.acquire(ask()))
    await place.aclose()
    assert ran(server) == {way}


@pytest.mark.serial
async def test_functions_that_were_removed_are_loaded_again(valkey: Place) -> None:
    store = await serving(valkey, **LIMITS)
    for _ in range(2):
        lease = await store.acquire(ask())
        valkey_operator(valkey, "FUNCTION", "FLUSH")
        await settled(store, lease)
    assert valkey.inflight("a") == 0
    assert valkey.used("a/requests/60") == 2


def valkey_operator(place: Place, *words: str) -> object:
    place.do("HLEN", "settings")  # makes the operator's connection
    assert place._client is not None
    return cast(Any, place._client).execute_command(*words)


async def test_a_user_without_rights_to_functions_is_served_by_scripts(valkey: Place) -> None:
    rights = ["~rc:*", "-@all", "+@hash", "+@sortedset", "+@stream", "+type", "+time", "+hello"]
    rights += ["+evalsha", "+script|load"]
    valkey_operator(valkey, "ACL", "SETUSER", f"plain-{valkey.pool}", "on", ">plain", *rights)
    url = valkey.url.replace("router:test-router@", f"plain-{valkey.pool}:plain@")
    functions = await serving(valkey, **LIMITS)
    scripts = valkey.store(engine=engine_of(url))
    await scripts.register([declared(limits=LIMITS)])
    both = await asyncio.gather(tries(functions, ask(), 4), tries(scripts, ask(), 4))
    assert sum(len(granted) for granted, _ in both) == 5
    valkey_operator(valkey, "ACL", "DELUSER", f"plain-{valkey.pool}")


@pytest.mark.serial
async def test_libraries_of_former_releases_go_away(valkey: Place) -> None:
    store = await serving(valkey, **LIMITS)
    session = store.engine.connect()
    valkey.sessions.append(session)
    for release in range(MOST + 4):
        script = Script(f"release-{release}", "local function main() return { 'ok' } end", entry="main")
        assert await session.run(script, [valkey.prefix + "settings"], []) == ["ok"]
    listed = valkey_operator(valkey, "FUNCTION", "LIST", "LIBRARYNAME", "rc_*")
    assert isinstance(listed, list)
    assert len(listed) == MOST
    await settled(store, await store.acquire(ask()))


async def test_pools_of_one_server_share_definitions_and_nothing_else(place: Place, pool: str) -> None:
    """The same names in two pools, in turns: each keeps its own settings, limits and calls in flight."""
    first, second = place.store(), place.store(pool=f"{pool}-2")
    await first.register([declared(limits={"concurrent": 1})])
    await second.register([declared(limits={"concurrent": 3})])
    for _ in range(2):
        leases = []
        for store, room in ((first, 1), (second, 3), (first, 0), (second, 0)):
            granted, refused = await tries(store, ask(), 4)
            assert (len(granted), len(refused)) == (room, 4 - room)
            leases += [(store, lease) for lease in granted]
        for store, lease in leases:
            await settled(store, lease)


@pytest.mark.parametrize("column", ["used", "held", "inflight"])
async def test_a_run_that_failed_leaves_nothing_to_the_next(place: Place, column: str) -> None:
    """Nothing was written, so nothing may be remembered of it either."""
    store = await serving(place, **LIMITS)
    await settled(store, await store.acquire(ask()))
    lease = await store.acquire(ask())
    kind = "hash" if place.do("TYPE", column) in ("hash", {"ok": "hash"}) else "zset"
    kept = place.column(column) if kind == "hash" else place.members(column)
    place.do("DEL", column)
    place.do("XADD", column, "*", "a", "b")
    for _ in range(2):
        with pytest.raises(StateError):
            await store.acquire(ask())
    place.do("DEL", column)
    for field, value in kept.items():
        place.do(*(("HSET", column, field, value) if kind == "hash" else ("ZADD", column, value, field)))
    granted, _ = await tries(store, ask(), 6)
    assert len(granted) == 4
    await settled(store, lease, *granted, outcome=ended())
    assert place.inflight("a") == 0
    assert place.used("a/requests/60") == 6


async def test_garbage_that_was_mended_is_forgotten(place: Place) -> None:
    """Also by a run that reads less than the one that met it."""
    store = await serving(place, **LIMITS)
    lease = await store.acquire(ask())
    good = place.column("settings")["a"]
    place.put("health", "a", "x")
    place.put("settings", "a", "x")
    with pytest.raises(Refused):
        await store.acquire(ask())
    place.do("HDEL", "health", "a")
    await settled(store, lease)
    assert place.inflight("a") == 0
    place.put("settings", "a", good)
    assert (await store.acquire(ask())).deployment == "a"
