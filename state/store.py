"""The pool's state: one method a verb. What happens is decided by the scripts; this file is the door to them.

A Store serves every event loop and thread of a process: each loop has its own connection and batch, heartbeats and
registration have one more on a background thread. A forked child starts anew, as another worker.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router_core.state import engines, limits, percentiles, scripts, snapshots, views
from router_core.state.asking import Asking
from router_core.state.background import Background
from router_core.state.keys import Keys
from router_core.state.member import Member
from router_core.state.names import escape, escaped, listed
from router_core.state.operations import CancelOp, FleetOp, ObserveOp, PauseOp, RenewOp, SettleOp
from router_core.state.probes import Probes
from router_core.state.records import (
    Acquire,
    Declared,
    Event,
    Explanation,
    Heard,
    Lease,
    LimitState,
    Outcome,
    Rows,
    Snapshot,
    StateError,
    Timings,
)

# Hears how a deployment's input tokens follow from estimates, as the fleet learned it: id, ratio, and what is added to
# calls without and with tools, None where no call taught it (see `Outcome.guess`). When this worker joins, and then
# with each lesson of its own; called from any thread.
OnFit = Callable[[str, float, float | None, float | None], object]


class Store:
    """The shared state of one pool.

    `url`: memory:// | embedded://[path] | redis://, rediss://, redis+sentinel://, redis+cluster://. `ranks`: strategy
    name -> Lua source, what `acquire` can choose by. `timeout`: seconds for one exchange with Redis. Connects to
    nothing yet.
    """

    def __init__(
        self,
        url: str = "memory://",
        *,
        pool: str = "default",
        ranks: Mapping[str, str] | None = None,
        client: Any = None,
        cell: int = 0,
        timeout: float = 1.0,
        engine: engines.Engine | None = None,
    ) -> None:
        self.keys = Keys(pool, cell)
        self.engine = engine or engines.engine(url, client=client)
        self.calls_script = scripts.calls(ranks or {})
        self.fleet_script = scripts.fleet()
        self.timeout = timeout
        self.on_fit: OnFit | None = None
        self.background = Background(f"router-core:{pool}")
        self._cell = cell
        self._declared: tuple[tuple[Declared, ...], tuple[Rows, ...]] = (), ()
        self._member: Member | None = None
        self._locks: dict[int, threading.Lock] = {}
        self._inherited: list[object] = []  # of the parent process: see Member.keep
        self._closed = False

    @property
    def worker(self) -> str:
        """This process' name in the pool: `host-pid-random`."""
        return self._process().worker.name

    @property
    def settings_version(self) -> int:
        """Grows with every change of settings anywhere in the fleet; as of the last heartbeat."""
        return self._process().fleet.version

    @property
    def operations(self) -> tuple[int, int]:
        """Operations and script calls of this process' calls so far (renewals, cancels and second tries included)."""
        counts = self._process().counts
        return counts.operations, counts.calls

    @property
    def verbs(self) -> Mapping[str, int]:
        """Those operations by verb: acquire, settle, renew, cancel, and `again` for whatever went out a second time."""
        return self._process().counts.verbs

    def _process(self) -> Member:
        if self._closed:
            raise StateError(f"the store of pool {self.keys.pool!r} is closed")
        member = self._member
        return member if member is not None and member.worker.pid == os.getpid() else self._begin()

    def _begin(self) -> Member:
        # A lock per process: one that another thread held while this process was forked stays locked for ever.
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            member = self._member
            if member is not None and member.worker.pid == os.getpid():
                return member
            if member is not None:
                self._inherited.append(member.keep())
            self._member = member = Member(self, self._cell)
            return member

    async def acquire(self, request: Acquire) -> Lease:
        """Who may serve this call now? Waits up to `request.max_wait` seconds for room.

        Raises Refused (nobody, and why), Pinned, Denied, StateError (the state cannot be reached). A cancelled caller
        holds nothing.
        """
        started = time.perf_counter()
        member = self._process()
        await member.ready(*self._declared)
        return await Asking(member, request, self.keys.pool, self.timeout).acquire(started)

    def listen(self, lease: Lease, stream: bool) -> None:
        """The call goes upstream: until it is heard of, or settled, its deployment is watched for its silence."""
        if not self._closed:
            worker = self._process().worker
            worker.silences.begin(lease, stream, worker.pool_ms())

    def heard_of(self, lease: Lease) -> None:
        """Its first content is there. Any number of times, from any thread."""
        if not self._closed:
            self._process().worker.silences.end(lease)

    def settle(self, lease: Lease, outcome: Outcome) -> None:
        """How the call ended. Returns at once, from any thread; a second one changes nothing, nor does one after
        `aclose`."""
        if self._closed:
            return
        member = self._process()
        member.worker.live.pop(lease.id, None)
        member.worker.silences.end(lease)
        member.ends.send(SettleOp(lease, outcome, escaped(lease.deployment), escaped(lease.group)))

    def cancel(self, lease: Lease) -> None:
        """The call was given up before anything went upstream: everything reserved comes back."""
        if self._closed:
            return
        member = self._process()
        member.worker.live.pop(lease.id, None)
        member.worker.silences.end(lease)
        member.ends.send(CancelOp(lease.id, escaped(lease.group), subjects=lease.subjects))

    def observe(self, lease: Lease, heard: Sequence[Heard], refused: bool = False) -> None:
        """What the answer to this call said of its provider's limits; `refused`: it was a 429.

        Returns at once, from any thread. It may get lost: the next answer says it again.
        """
        if heard and not self._closed:
            member = self._process()
            member.ends.send(ObserveOp(escaped(lease.deployment), lease.at_ms, refused, tuple(heard)))

    def pause(self, deployments: tuple[str, ...], seconds: float, cap: float) -> None:
        """A provider asks these too to wait so long, `cap` seconds at most. Returns at once, from any thread."""
        if deployments and not self._closed:
            self._process().ends.send(PauseOp(listed(deployments), int(seconds * 1000), int(cap * 1000)))

    async def renew(self, lease: Lease, seconds: float) -> None:
        """The call goes on for up to `seconds` more. Raises StateError."""
        member = self._process()
        await member.line().ask(RenewOp(lease.id, int(member.worker.pool_ms() + seconds * 1000)))

    async def explain(self, request: Acquire) -> Explanation:
        """What `acquire` would decide now, without effect. Raises StateError."""
        member = self._process()
        await member.ready(*self._declared)
        return await Asking(member, request, self.keys.pool, self.timeout, dry=True).explain()

    async def register(self, deployments: Sequence[Declared], rows: Sequence[Rows] = ()) -> None:
        """Describe this worker's deployments and the limits of subjects, and join the pool. Raises StateError;
        ValueError for an empty id."""
        self._declared = tuple(deployments), tuple(rows)
        await self._process().join(*self._declared)

    async def control(self, action: str, deployment: str, **values: float | str) -> str:
        """weight (weight=2), limits (**{"requests/60": 100}; "-" takes an override back), drain, resume, cool
        (ms=60000), reset (health and windows), clear (overrides). Returns the settings in force. Raises StateError.
        """
        words = "".join(f" {name}={value}" for name, value in values.items())
        return await limits.control(self._process(), action, escape(deployment), words)

    async def limits(self) -> list[LimitState]:
        """Every limit in force, of deployments and subjects. Raises StateError."""
        return await limits.all_of(self._process())

    async def usage(self, subject: str) -> list[LimitState]:
        """The limits of one subject (`user:alice`) or deployment. Raises StateError."""
        return await limits.usage(self._process(), limits.named(subject))

    async def used(self, subjects: Sequence[str]) -> list[LimitState]:
        """The limits of many, as in `usage` but for what is reserved and the worst windows. Raises StateError."""
        return await limits.used(self._process(), [limits.named(subject) for subject in subjects])

    async def set_limit(self, subject: str, row: str, amount: int | str | None) -> str:
        """Override a limit of a subject or a deployment for the whole fleet; None takes that back. Returns the limits
        in force.

        `row`: `requests/60`, `cost/day@UTC` (nano-dollars), `concurrent`; `amount`: with flags if they are to change,
        `"1000,max,shadow"` (`max` is what a call may use only where its worker says that: some limit of its
        configuration reserves upper bounds). A deployment whose id reads like a subject is reached by `control`.
        Raises StateError, also for a row that is none.
        """
        return await limits.override(self._process(), limits.named(subject), row, amount)

    async def raise_limit(self, subject: str, row: str, by: int | str) -> str:
        """As `set_limit`, to so much more than is in force: `100`, or `"20%"`, rounded up. Raises StateError, also for
        a row that the subject has not itself.
        """
        return await limits.raise_by(self._process(), limits.named(subject), row, str(by))

    async def reset_usage(self, subject: str) -> None:
        """Forget what a subject used. Raises StateError."""
        await limits.control(self._process(), "reset", limits.named(subject), "")

    @property
    def probes(self) -> Probes:
        """Calls that look after deployments. Raises StateError after `aclose`."""
        return Probes(self._process(), self.timeout)

    async def snapshot(self, deployments: Sequence[str] | None = None) -> Snapshot:
        """The pool now: all deployments, or those named. Raises StateError."""
        return await snapshots.snapshot(self._process(), self.keys.pool, self.engine.name, deployments)

    async def timings(
        self, deployments: Sequence[str], percents: Sequence[int], age: float = 0.0
    ) -> tuple[Timings, dict[str, Timings]]:
        """How long the calls of these deployments take together, and each one's, at ascending percents (1 to 99), as
        far as they are counted (`Outcome.sample`); `age`: seconds that may have passed since. Raises StateError."""
        asked = percentiles.question([escaped(one) for one in deployments], percents, age)
        _, answers = await self._process().ask([asked])
        together, *each = percentiles.timings(answers[0], percents)
        return together, dict(zip(deployments, each, strict=True))

    async def events(self, count: int = 100) -> list[Event]:
        """The newest changes of the pool, newest first. Raises StateError."""
        _, answers = await self._process().ask([FleetOp(f"diary {count}")])
        return list(views.events(answers[0]))

    async def flush(self) -> None:
        """Wait until every settle handed over so far has been answered."""
        if not self._closed:
            await self._process().flush()

    async def aclose(self) -> None:
        """Flush, leave the pool, end connections and the thread. Twice is harmless."""
        if self._closed:
            return
        member, self._closed = self._member, True
        if member is not None and member.worker.pid == os.getpid():
            await member.aclose()
        await self.engine.aclose()
        await asyncio.get_running_loop().run_in_executor(None, self.background.close)
