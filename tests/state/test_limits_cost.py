"""What one more limit costs an acquire, counted instead of timed: instructions of Lua, and commands of Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from statistics import mean
from typing import Any

import pytest

from router_core.state.records import Rows
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared

ROOM = 10**9
BEGIN_MS = 1_800_000_000_000
OWN = {"requests/60": ROOM, "tokens/60": ROOM, "input/60": ROOM, "output/3600": ROOM, "concurrent": ROOM}
CALLER = ("tag:t", "user:alice", "team:red")
IDS = tuple(f"d{number}" for number in range(10))
POOLS = {1: 160, 64: 4}  # by the acquires at once
ONE = 1, ()
FIVE = 5, ()
SCOPES = 1, ("account:acme", "provider:openai", "group:g", "user:*")
CALLERS = 1, ("account:acme", "tag:*", "user:*", "team:*")
_HOOK = b"""function()
  local count = 0
  debug.sethook(function() count = count + 1 end, "", 1)
  return function()
    debug.sethook()
    return count
  end
end"""


Case = tuple[int, tuple[str, ...]]  # limits of each deployment, and whose there are besides


async def limited(place: Place, case: Case, number: int = 0) -> Store:
    """A pool of ten deployments."""
    own, subjects = case
    store = place.store(pool=f"{place.pool}-{own}-{len(subjects)}-{number}")
    limits = dict(list(OWN.items())[:own])
    rows = [Rows(one, {"requests/60": ROOM}) for one in subjects]
    await store.register([declared(id, account="acme", limits=limits) for id in IDS], rows)
    return store


async def acquires(store: Store, times: int = 1) -> None:
    request = ask(*IDS, subjects=CALLER, input_tokens=10, output_tokens=5)
    await asyncio.gather(*(store.acquire(request) for _ in range(times)))


async def instructions(place: Place, case: Case, at_once: int, ms: int) -> float:
    """Of an acquire every so many ms, as a mean over pools: those of the engine's commands are among them, and how many
    these are is up to the ids of workers and leases."""
    return mean(
        [await fewest(place, await limited(place, case, number), at_once, ms) for number in range(POOLS[at_once])]
    )


async def fewest(place: Place, store: Store, at_once: int, ms: int) -> float:
    """Of an acquire in one pool, the fewest of many."""
    place.clock_ms = BEGIN_MS  # the same in every run
    assert place.memory is not None
    lua, run, counts = place.memory._lua, place.memory._run, list[int]()
    start: Callable[[], Callable[[], int]] = lua.eval(_HOOK)

    def counted(*args: Any) -> Any:
        stop = start()
        answer = run(*args)
        counts.append(stop())
        return answer

    await acquires(store, at_once)  # what it has to make and to learn is made
    place.memory._run = counted
    for _ in range(10):
        place.clock_ms += ms
        await acquires(store, at_once)
    place.memory._run = run
    return min(counts) / at_once


async def commands(place: Place, case: Case) -> int:
    """Of an acquire, the fewest of many: others may have been at the server too."""
    store = await limited(place, case)
    counts = []
    for _ in range(40):
        place.raw("CONFIG", "RESETSTAT")
        await acquires(store)
        lines = str(place.raw("INFO", "commandstats")).splitlines()
        counts.append(sum(int(line.split("calls=")[1].split(",")[0]) for line in lines if "calls=" in line))
    return min(counts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "at_once", "ms", "most"),
    [
        (FIVE, 1, 0, 1.5),
        (FIVE, 1, 20, 1.5),
        (FIVE, 64, 20, 1.5),
        (SCOPES, 64, 20, 1.5),
        (CALLERS, 64, 20, 1.5),
        (SCOPES, 1, 0, 1.5),
        (CALLERS, 1, 0, 1.6),
        (SCOPES, 1, 20, 1.6),
        (CALLERS, 1, 20, 1.8),
    ],
)
async def test_five_limits_take_few_instructions_more_than_one(
    memory: Place, limits: Case, at_once: int, ms: int, most: float
) -> None:
    """All of the deployment, or each of another; after 20 ms a script has to read what it knew."""
    one, five = await instructions(memory, ONE, at_once, ms), await instructions(memory, limits, at_once, ms)
    print(f"{limits}, {at_once} at once, {ms} ms: {five / one:.2f} x {one:.0f} instructions")
    assert five <= most * one


@pytest.mark.parametrize(("limits", "more"), [(FIVE, 0), (SCOPES, 1), (CALLERS, 3)])
async def test_five_limits_take_few_commands_more_than_one(valkey: Place, limits: Case, more: int) -> None:
    """Those of the deployment none; those of a caller, each in a key of its own, one that writes there."""
    one, five = await commands(valkey, ONE), await commands(valkey, limits)
    print(f"{limits}: {five} commands against {one}")
    assert five <= one + more
