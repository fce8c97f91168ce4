"""A worker among the others: it registers, sends heartbeats, and puts right what the pool believes of it.

Everything here runs on the Store's background loop over one connection of its own, so that a blocked event loop or a
full batch is not a dead worker.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

from router_core.calendars import boundaries
from router_core.state import batch
from router_core.state.engines.base import Script, Session
from router_core.state.keys import Keys
from router_core.state.names import escape
from router_core.state.operations import FleetOp
from router_core.state.records import Declared, Rows, StateError
from router_core.state.worker import Worker

logger = logging.getLogger("router_core")
CHUNK = 64
READ = 500  # deployments of which one column is read at once
HEARTBEAT = 3.0  # seconds; a worker is dead after 10
LEASE_OF_REVIVED_MS = 60_000


def _limits(limits: Mapping[str, int | str]) -> str:
    return " ".join(f"{name}={amount}" for name, amount in limits.items())


def _text(d: Declared) -> str:
    prices = (
        f"in={'-' if d.input_price is None else d.input_price} out={'-' if d.output_price is None else d.output_price}"
    )
    more = " discover=1" * d.discover + (d.health and f" {d.health}") + (d.adaptive and f" adaptive={d.adaptive}")
    return (
        f"weight={d.weight:.9g} order={d.order} {prices} group={escape(d.group)} "
        f"provider={escape(d.provider)} account={escape(d.account)}{more} | {_limits(d.limits)}"
    )


def calendars_in(names: Iterable[str]) -> Iterator[str]:
    """The calendars in whose periods limits of these names count: `cost/day@UTC` in `day@UTC`."""
    return (window for _, _, window in (name.partition("/") for name in names) if "@" in window)


def _periods(name: str, now_ms: int) -> str:
    """`day@UTC=start,end,end,...`, nothing where this system does not know the zone."""
    try:
        return f"{name}={','.join(map(str, boundaries(name, now_ms)))}"
    except ValueError as error:
        logger.warning("a limit counts in periods that this worker cannot tell (%s): %s", name, error)
        return ""


class Fleet:
    """One worker's membership in the pool."""

    def __init__(self, session: Session, script: Script, keys: Keys, worker: Worker, timeout: float) -> None:
        self._session, self._script, self._keys, self._timeout = session, script, keys, timeout
        self.worker = worker
        self.version = 0  # of the settings in force; changes when any worker or operator changes them
        self._declared: dict[str, Declared] = {}
        self._rows: dict[str, Rows] = {}
        self._lock = asyncio.Lock()
        self._mismatches = 0

    async def ask(self, operations: Sequence[FleetOp], groups: Sequence[str] = ()) -> tuple[batch.Reply, list[str]]:
        """Run operations of lua/fleet.lua. Raises StateError, also for an operation that failed."""
        async with self._lock:
            reply, answers = await batch.run(
                self._session,
                self._script,
                self._keys,
                self.worker.name,
                self.worker.new_epoch,
                operations,
                self._timeout,
                groups,
            )
        self.worker.heard(reply)
        for answer in answers:
            if answer.startswith("error "):
                raise StateError(f"pool {self._keys.pool!r}: {answer[6:]}")
        return reply, answers

    async def register(self, deployments: Sequence[Declared], rows: Sequence[Rows]) -> None:
        """Describe this worker's deployments and the limits of subjects (all of them: what it described before and does
        not now, it lists no more)."""
        self._declared = {escape(d.id): d for d in deployments}
        self._rows = {one.subject: one for one in rows}
        await self.introduce()

    async def introduce(self) -> None:
        """Say hello: register and list what this worker serves."""
        described: list[Declared | Rows] = [*self._declared.values(), *self._rows.values()]
        await self.write_calendars(name for one in described for name in calendars_in(one.limits))
        # First the limits: no deployment serves without those that its calls meet.
        operations = [FleetOp(f"limits {id} {one.version} {_limits(one.limits)}") for id, one in self._rows.items()]
        operations += [FleetOp(f"register {id} {one.version} {_text(one)}") for id, one in self._declared.items()]
        for i in range(0, len(operations), CHUNK):
            await self.ask(operations[i : i + CHUNK])
        listed = " ".join(sorted([*self._declared, *self._rows]))
        digest = hashlib.sha256(listed.encode()).hexdigest()[:16]
        await self.ask([FleetOp(f"join {digest}", listed)])

    async def fits(self) -> AsyncIterator[list[str]]:
        """[id, ratio, plain, tools] of those of this worker's deployments that taught how tokens are estimated."""
        ids = list(self._declared)
        for i in range(0, len(ids), READ):
            _, answers = await self.ask([FleetOp("fits", " ".join(ids[i : i + READ]))])
            for line in answers[0].split("\n") if answers[0] else ():
                yield line.split(" ")

    async def write_calendars(self, names: Iterable[str]) -> None:
        """Tell the pool when the periods of these calendars begin, as far as it does not know that."""
        asked = " ".join(dict.fromkeys(names))
        if not asked:
            return
        _, answers = await self.ask([FleetOp(f"calendars {asked}")])
        _, now_ms, *wanted = answers[0].split(" ")
        written = " ".join(filter(None, (_periods(name, int(now_ms)) for name in wanted)))
        if written:
            await self.ask([FleetOp(f"calendars {written}")])

    async def beat(self) -> None:
        """One heartbeat; what the pool and this worker believe of each other is put right."""
        low = len(self.worker.live)
        slack = self.worker.open_operations
        now = self.worker.pool_ms()
        silent = self.worker.silences.text(now)
        _, answers = await self.ask([FleetOp("heartbeat"), *([FleetOp("silence", silent)] if silent else ())])
        self.worker.silences.told(now)
        _, held, dead, version, *names = answers[0].split(" ")
        self.version = int(version)
        await self.write_calendars(names)
        low, high = min(low, len(self.worker.live)), max(low, len(self.worker.live))
        slack = max(slack, self.worker.open_operations)
        differs = not low - slack <= int(held) <= high + slack
        self._mismatches = self._mismatches + 1 if differs else 0
        if dead == "1":
            logger.warning("pool %s had given this worker up; its running calls are held again", self._keys.pool)
            await self.introduce()
        if dead == "1" or self._mismatches >= 2:
            await self.reconcile()
            self._mismatches = 0

    async def reconcile(self) -> None:
        """List the calls this worker runs: the pool releases what else it held for it, and holds again what it had
        reaped."""
        await self.ask([FleetOp(f"reconcile {LEASE_OF_REVIVED_MS}", " ".join(tuple(self.worker.live)))])

    async def leave(self) -> None:
        """Gone on purpose: nothing of this worker stays, and what only it listed is retired."""
        try:
            await self.ask([FleetOp("leave")])
        except StateError as error:
            logger.warning("could not leave pool %s: %s", self._keys.pool, error)
        await self.aclose()

    def let_go(self) -> None:
        """See Session.let_go."""
        self._session.let_go()

    async def aclose(self) -> None:
        """End the connection."""
        await self._session.aclose()
