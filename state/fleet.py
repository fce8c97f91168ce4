"""A worker among the others: it registers, sends heartbeats, and puts right what the pool believes of it.

Everything here runs on the Store's background loop over one connection of its own, so that a blocked event loop or a
full batch is not a dead worker.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence

from router_core.state import batch
from router_core.state.engines.base import Script, Session
from router_core.state.keys import Keys
from router_core.state.names import escape
from router_core.state.operations import FleetOp
from router_core.state.records import Declared, StateError
from router_core.state.worker import Worker

logger = logging.getLogger("router_core")
CHUNK = 64
HEARTBEAT = 3.0  # seconds; a worker is dead after 10
LEASE_OF_REVIVED_MS = 60_000


def _text(d: Declared) -> str:
    limits = " ".join(f"{name}={amount}" for name, amount in d.limits.items())
    prices = (
        f"in={'-' if d.input_price is None else d.input_price} out={'-' if d.output_price is None else d.output_price}"
    )
    return (
        f"weight={d.weight:.9g} order={d.order} {prices} group={escape(d.group)} "
        f"provider={escape(d.provider)} account={escape(d.account)}{' discover=1' if d.discover else ''} | {limits}"
    )


class Fleet:
    """One worker's membership in the pool."""

    def __init__(self, session: Session, script: Script, keys: Keys, worker: Worker, timeout: float) -> None:
        self._session, self._script, self._keys, self._timeout = session, script, keys, timeout
        self.worker = worker
        self.version = 0  # of the settings in force; changes when any worker or operator changes them
        self._declared: dict[str, Declared] = {}
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

    async def register(self, deployments: Sequence[Declared]) -> None:
        """Describe this worker's deployments (all of them: what it described before and does not now, it lists no
        more)."""
        self._declared = {escape(d.id): d for d in deployments}
        await self.introduce()

    async def introduce(self) -> None:
        """Say hello: register and list what this worker serves."""
        ids = list(self._declared)
        for i in range(0, len(ids), CHUNK):
            await self.ask(
                [
                    FleetOp(f"register {id} {self._declared[id].version} {_text(self._declared[id])}")
                    for id in ids[i : i + CHUNK]
                ]
            )
        listed = " ".join(sorted(ids))
        digest = hashlib.sha256(listed.encode()).hexdigest()[:16]
        await self.ask([FleetOp(f"join {digest}", listed)])

    async def beat(self) -> None:
        """One heartbeat; what the pool and this worker believe of each other is put right."""
        low = len(self.worker.live)
        slack = self.worker.open_operations
        _, answers = await self.ask([FleetOp("heartbeat")])
        _, held, dead, version = answers[0].split(" ")
        self.version = int(version)
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
