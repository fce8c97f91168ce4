"""Two configurations live at once, and a third process changes a weight while traffic runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import pytest

from router_core import Router
from router_core.errors import RouterError
from router_core.hooks import Decided, Event
from router_core.simulator import Behaviour
from tests.acceptance.processes import Child, children, upstreams
from tests.acceptance.rig import PROMPT, entry
from tests.servers import Server

CALLERS = 4  # at the same time, in each worker


@dataclass(frozen=True)
class Traffic:
    """(monotonic time of the call, deployment) of each call, errors, and why candidates were refused."""

    calls: list[tuple[float, str]]
    errors: list[str]
    refusals: set[str]

    def between(self, begin: float, end: float) -> Counter[str]:
        return Counter(name for at, name in self.calls if begin <= at < end)


def serve(pipe: Connection, url: str, pool: str, models: list[dict[str, Any]], version: int) -> None:
    """Calls without a pause until it is told to end."""
    asyncio.run(_serve(pipe, url, pool, models, version))


async def _serve(pipe: Connection, url: str, pool: str, models: list[dict[str, Any]], version: int) -> None:
    traffic, over = Traffic([], [], set()), asyncio.Event()

    def watch(event: Event, /) -> None:
        if isinstance(event, Decided):
            traffic.refusals.update(event.reasons)

    async def caller(router: Router) -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                traffic.calls.append((began, str((await router.acompletion("m", PROMPT)).deployment)))
            except RouterError as error:
                traffic.errors.append(repr(error))

    async with Router(model_list=models, redis_url=url, pool=pool, config_version=version, hooks=[watch]) as router:
        await router.acompletion("m", PROMPT)
        pipe.send("ready")
        callers = [asyncio.create_task(caller(router)) for _ in range(CALLERS)]
        await asyncio.to_thread(pipe.recv)
        over.set()
        await asyncio.gather(*callers)
    pipe.send(traffic)


def _ended(workers: list[Child]) -> list[Traffic]:
    for worker in workers:
        worker.tell("end")
    told: list[Traffic] = [worker.hear() for worker in workers]
    for traffic in told:
        assert traffic.errors == []
        assert traffic.refusals == set()
        assert traffic.calls
    return told


def _weigh(server: Server, pool: str, id: str, weight: str) -> float:
    """Set the weight from another process; the monotonic time when it was done."""
    command = [sys.executable, "-c", "from router_core.cli import main; main()", "weight", id, weight]
    done = subprocess.run(
        [*command, "--redis-url", server.url, "--pool", pool], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return time.monotonic()


@pytest.mark.slow
@pytest.mark.serial
async def test_two_configurations_and_a_weight_changed_from_outside(valkey: Server, pool: str) -> None:
    """The old release knows a and b, the new one b with another weight, and c. Calls never fail meanwhile."""
    with upstreams(Behaviour(latency=0.005), Behaviour(latency=0.005)) as (one, other):
        a, c = entry(one.url, "a", weight=1), entry(other.url, "c", weight=1)
        old_b, new_b = entry(other.url, "b", weight=1), entry(other.url, "b", weight=3)
        old = (serve, valkey.url, pool, [a, old_b], 0)
        new = (serve, valkey.url, pool, [new_b, c], 1)
        with children(old, old) as before:
            assert [worker.hear() for worker in before] == ["ready"] * 2
            with children(new, new) as after:
                assert [worker.hear() for worker in after] == ["ready"] * 2
                both = time.monotonic()
                await asyncio.sleep(1.5)
                begun = time.monotonic()
                none = _weigh(valkey, pool, "b", "0")
                await asyncio.sleep(1.0)
                nearly = time.monotonic()
                much = _weigh(valkey, pool, "b", "9")
                await asyncio.sleep(1.5)
                some = time.monotonic()
                told_old = _ended(before)
                gone = time.monotonic()
                await asyncio.sleep(1.0)
                told_new = _ended(after)
    print(f"\n{sum(len(t.calls) for t in (*told_old, *told_new))} calls, none failed")
    for told, own in ((told_old, "a"), (told_new, "c")):
        assert {name for t in told for _, name in t.calls} == {own, "b"}
        assert _counts(told, none, nearly)["b"] == 0, "the very next decision has the new weight"
    old_a, new_c = (told_old, "a"), (told_new, "c")
    _share(*old_a, both, begun, 0.25)  # the newer version's weight holds for the old release too
    _share(*old_a, much, some, 0.1)
    _share(*new_c, both, begun, 0.25, begins_slowly=True)
    _share(*new_c, much, some, 0.1, begins_slowly=True)
    _share(*new_c, gone, float("inf"), 0.1, begins_slowly=True)


def _counts(told: list[Traffic], begin: float, end: float) -> Counter[str]:
    return sum((traffic.between(begin, end) for traffic in told), Counter[str]())


def _share(told: list[Traffic], id: str, begin: float, end: float, fair: float, *, begins_slowly: bool = False) -> None:
    """Of the calls that began in these seconds this share went to `id`: within five standard deviations.

    A deployment that joined a running group gets its fair share after ten seconds, and less before.
    """
    counts = _counts(told, begin, end)
    n = counts.total()
    assert n > 100
    deviation = (counts[id] / n - fair) / (fair * (1 - fair) / n) ** 0.5
    assert deviation < 5, counts
    assert begins_slowly or deviation > -5, counts
