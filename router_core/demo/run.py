"""The story: start a Valkey, the deployments and the workers; play; kill one deployment and bring it back; judge."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from router_core.demo import fleet, upstreams
from router_core.demo.fleet import Fleet
from router_core.demo.ledger import Ledger
from router_core.demo.scenario import MAX_WAIT, Scenario
from router_core.demo.screen import Frame, Row, Screen
from router_core.demo.upstreams import Upstream
from router_core.demo.verdict import Facts
from router_core.demo.witness import Witness
from router_core.state.records import Event
from router_core.state.store import Store

_HEAD_START = 0.5  # seconds from the order to begin to the first arrival
_LOOK_EVERY = 1.0
_AFTERWARDS = MAX_WAIT + 15.0  # seconds the last calls may take
_SHOWN = 4
_TOLD = {"cooldown", "recovered"}


@dataclass(slots=True)
class Stage:
    """What is up and running."""

    scenario: Scenario
    screen: Screen
    fleet: Fleet
    upstreams: tuple[Upstream, ...]
    witness: Witness
    start: float = 0.0  # time.time() of the first arrival
    notes: list[tuple[float, str]] = field(default_factory=list)  # time.time(), what we did

    @property
    def elapsed(self) -> float:
        return time.time() - self.start

    @property
    def down(self) -> bool:
        begin, length = self.scenario.outage
        return begin <= self.elapsed < begin + length


async def run(scenario: Scenario, screen: Screen, *, workers: int = 4, redis_url: str | None = None) -> Facts:
    """The facts of a whole run; everything that was started has ended. Raises StateError, ChildEnded, OSError."""
    async with AsyncExitStack() as stack:
        stage = await _set_up(scenario, screen, workers, redis_url, stack)
        stack.callback(screen.close)
        return await _play(stage)


async def _set_up(
    scenario: Scenario, screen: Screen, workers: int, redis_url: str | None, stack: AsyncExitStack
) -> Stage:
    began = time.perf_counter()
    pool = f"demo-{secrets.token_hex(4)}"
    if redis_url is None:
        screen.say("Starting a Valkey of its own for this demo …")
        redis_url = f"embedded://{tempfile.gettempdir()}/router-core-{pool}-{os.getpid()}"
    store = Store(redis_url, pool=pool)
    stack.push_async_callback(store.aclose)
    probe = await store.engine.probe()
    ledger = Ledger(store.engine, store.keys)
    stack.push_async_callback(_tidy, ledger, screen, store)
    screen.say(f"{probe.name} at {store.engine.address}, pool {pool}")
    screen.say(f"Starting {len(scenario.deployments)} simulated deployments and {workers} workers, a process each …")
    started = await upstreams.start(scenario.deployments, stack)
    urls = {one.deployment.name: one.url for one in started}
    those = await fleet.start(scenario, urls, redis_url, pool, workers, stack)
    screen.say(f"All up after {time.perf_counter() - began:.1f} s. {_programme(scenario)}")
    return Stage(scenario, screen, those, started, Witness(store, ledger, started))


def _programme(scenario: Scenario) -> str:
    begin, length = scenario.outage
    limits = "\n".join(
        f"  {one.name:<8} {one.rpm:>7,} rpm  {one.tpm:>11,} tpm"
        + (f"  {one.parallel:>3} at once" if one.parallel else "")
        for one in scenario.deployments
    )
    told = "" if scenario.overstate == 1 else f" The workers are told limits {scenario.overstate:g} times as high!"
    return (
        f"{len(scenario.arrivals):,} requests in {scenario.seconds:g} s: {scenario.source}.\n"
        f"{scenario.victim} dies after {begin:.0f} s and comes back {length:.0f} s later. Limits, enforced by the "
        f"deployments:{told}\n{limits}"
    )


async def _play(stage: Stage) -> Facts:
    await stage.witness.begin()
    stage.start = await stage.fleet.play(_HEAD_START)
    listening = asyncio.create_task(stage.fleet.listen())
    outage = asyncio.create_task(_outage(stage))
    latest = stage.scenario.seconds + _AFTERWARDS
    try:
        while not listening.done() and stage.elapsed < latest:
            await asyncio.wait((listening,), timeout=_LOOK_EVERY)
            await stage.witness.look()
            stage.screen.show(_frame(stage))
        if listening.done():
            await listening
        await outage
    finally:
        listening.cancel()
        outage.cancel()
    return await stage.witness.facts(stage.scenario, stage.fleet.callers(), ended=listening.done())


async def _outage(stage: Stage) -> None:
    """Take the victim away and wait until it is back."""
    scenario = stage.scenario
    victim = next(one for one in stage.upstreams if one.deployment.name == scenario.victim)
    begin, length = scenario.outage
    await asyncio.sleep(stage.start + begin - time.time())
    stage.notes.append((time.time(), f"{scenario.victim} DIES: connections break, new ones are refused"))
    await victim.outage(length)
    await asyncio.sleep(length + 0.2)
    while True:
        try:
            await victim.stats()
            break
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(0.1)
    stage.notes.append((time.time(), f"{scenario.victim} is back"))


def _frame(stage: Stage) -> Frame:
    snapshot, traffic = stage.witness.snapshot, stage.witness.traffic()
    assert snapshot is not None
    rows = tuple(
        Row(
            deployment=one,
            state=snapshot.deployments[one.name],
            traffic=traffic[one.name],
            down=stage.down and one.name == stage.scenario.victim,
        )
        for one in stage.scenario.deployments
    )
    return Frame(
        elapsed=max(0.0, stage.elapsed),
        requests=len(stage.scenario.arrivals),
        callers=stage.fleet.callers(),
        snapshot=snapshot,
        rows=rows,
        events=tuple(_latest(stage.notes, stage.witness.events)),
    )


def _latest(notes: list[tuple[float, str]], events: list[Event]) -> list[str]:
    """What we did and what the pool noticed, newest first."""
    told = [(event.at_ms / 1000, f"{event.deployment}: {event.kind} {event.detail}") for event in events
            if event.kind in _TOLD]  # fmt: skip
    newest = sorted((*notes, *told), reverse=True)[:_SHOWN]
    return [f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} {text}" for at, text in newest]


async def _tidy(ledger: Ledger, screen: Screen, store: Store) -> None:
    """Take the pool out of a Redis that is not ours; say so where that is not allowed."""
    if not store.engine.address.startswith("embedded:") and not await ledger.remove():
        screen.say(f"The keys {store.keys.prefix}* stay: this user may not delete them.")
    await ledger.aclose()
