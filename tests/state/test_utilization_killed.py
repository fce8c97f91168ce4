"""Workers die one after the other while callers wait: no limit is exceeded, and none of its room is lost."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from tests.state.clairvoyant import Call, Clairvoyant, arrivals, offered
from tests.state.killed_workers import Crew
from tests.state.kit import Place, declared
from tests.state.ledger import Ledger

WINDOW, SPEED = 10, 6.0  # as a minute in the recorded time
CALLS, WORKERS = 1200, 4
SHARE, LEAST = 0.7, 0.98
_RECORD = re.compile(r"\w+ a \S+ \S+ \S+ (\d+) tokens/\d+=(\d+)")


def reservations(place: Place) -> list[Call]:
    """All that was ever admitted, as the pool has it: no call ended, and those of the dead are kept."""
    found = (_RECORD.match(text) for text in place.column("lease").values())
    return sorted(Call(int(one[1]), int(one[2])) for one in found if one)


async def replay(crew: Crew, calls: list[Call]) -> list[Call]:
    """Arrivals in their time; one worker is killed each second. Returns when they really came."""
    began, came, kills = time.time(), list[Call](), 1.0
    for call in calls:
        await asyncio.sleep(max(0.0, began + call.at_ms / 1000 - time.time()))
        if time.time() > began + kills:
            crew.replace()
            kills = time.time() - began + 1.0
        came.append(Call(time.time_ns() // 10**6, call.tokens))
        crew.ask(call.tokens)
    return came


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.serial
async def test_a_worker_killed_every_second_neither_exceeds_a_limit_nor_loses_its_room(valkey: Place) -> None:
    """Four of them; callers wait one slot at most. A killed one takes those with it who wait in it."""
    trace = arrivals("conv", CALLS, SPEED)
    calls = [Call(int(one.at * 1000), one.input_tokens + one.output_tokens) for one in trace]
    limit = int(SHARE * offered(calls, WINDOW))
    store = valkey.store()
    await store.register([declared(limits={f"tokens/{WINDOW}": limit})])
    ledger = Ledger(limit, WINDOW)
    crew = Crew(WORKERS, valkey.url, valkey.pool, ledger.width / 1000)
    try:
        async with asyncio.timeout(60):
            while not crew.ready:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        came = await replay(crew, calls)
    finally:
        await asyncio.to_thread(crew.end)
    admitted = reservations(valkey)
    for one in admitted:
        ledger.add(*one)
        assert ledger.inside(one.at_ms) <= limit
    best, served = Clairvoyant(limit, WINDOW).play(came), sum(one.tokens for one in admitted)
    seconds = (came[-1].at_ms - came[0].at_ms) / 1000
    print(f"{served / best:.4f} of {best} tokens, {len(admitted)} calls; {crew.killed} killed in {seconds:.0f} s")
    assert crew.killed >= 0.7 * seconds
    assert served >= LEAST * best
