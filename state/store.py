"""The pool's state: one method a verb. What happens is decided by the scripts; this file brings questions and answers.

A Store serves every event loop and thread of a process: each loop has its own connection and batch, heartbeats and
registration have one more on a background thread. A forked child starts anew, as another worker.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from router_core.state import engines, limits, percentiles, scripts, views
from router_core.state.background import Background
from router_core.state.keys import Keys
from router_core.state.member import Member
from router_core.state.names import escape, unescape
from router_core.state.operations import AcquireOp, CancelOp, FleetOp, ObserveOp, PauseOp, RenewOp, SettleOp
from router_core.state.probes import Probes
from router_core.state.records import (
    Acquire,
    Declared,
    Denied,
    Event,
    Explanation,
    Heard,
    Lease,
    LimitState,
    Outcome,
    Pinned,
    Refused,
    Rows,
    Snapshot,
    StateError,
    Timings,
)

logger = logging.getLogger("router_core")
CHUNK = 200  # deployments a snapshot reads at once
TRIES = 3

# Hears how a deployment's input tokens follow from estimates, as the fleet learned it: id, ratio, and what is added to
# calls without and with tools, None where no call taught it (see `Outcome.guess`). When this worker joins, and then
# with each lesson of its own; called from any thread.
OnFit = Callable[[str, float, float | None, float | None], object]

_escape = lru_cache(maxsize=65536)(escape)


@lru_cache(maxsize=4096)
def _joined(names: tuple[str, ...]) -> str:
    return " ".join(map(_escape, names))


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
        operation = self._question(member, request)
        lines, voids = member.line(), 0
        while True:
            operation.valid_until = int(member.worker.pool_ms() + 2500 * self.timeout)
            answer = await lines.ask(operation)
            verb, _, rest = answer.partition(" ")
            if verb == "ok":
                return self._granted(member, request, operation, rest, started)
            if verb == "wait":
                operation.firsts = 0  # they were counted
                await lines.wait(operation, rest)
            elif verb == "pinned":
                raise Pinned(unescape(rest))
            elif verb == "again" and voids < TRIES:  # there are limits of other scopes now
                operation.in_scopes(member.worker.scopes)
                voids += 1
            elif verb == "void" and voids < TRIES:
                voids += 1
            else:
                self._refused(member, request, verb, rest)

    def _question(self, member: Member, request: Acquire, dry: bool = False) -> AcquireOp:
        group = _escape(request.group)
        worker = member.worker
        operation = AcquireOp(
            request=request,
            id=worker.lease_id(),
            group=group,
            route=f"{group} {request.strategy}",
            candidates=_joined(request.candidates),
            seed=worker.seed(),
            valid_until=0,
            wait_until=int(worker.pool_ms() + request.max_wait * 1000) if request.max_wait > 0 else 0,
            dry=dry,
        )
        if request.subjects:
            operation.in_scopes(worker.scopes)
        if (request.counted or request.extra) and not dry:
            operation.firsts = worker.firsts.take(group, all_of_them=request.extra is not None)
        return operation

    def _granted(self, member: Member, request: Acquire, operation: AcquireOp, rest: str, started: float) -> Lease:
        words = rest.split(" ")
        took = (time.perf_counter() - started) * 1000
        lease = Lease(
            id=operation.id,
            deployment=unescape(words[0]),
            group=request.group,
            epoch=member.epoch,
            generation=int(words[1]),
            probe=words[2] == "1",
            at_ms=operation.valid_until - int(2500 * self.timeout),
            best=tuple(map(unescape, words[3:])) if len(words) > 3 else (),
            waited_ms=0.0 if operation.turn is None else took,
            decision_ms=took,
            subjects=operation.subjects,
        )
        member.worker.live[lease.id] = lease
        if request.counted and request.extra is None:
            member.worker.firsts.add(operation.group)
        if operation.turn is not None and not operation.told:
            member.line().waiters.wake(operation.group)
        return lease

    def _refused(self, member: Member, request: Acquire, verb: str, rest: str) -> None:
        if verb == "full":
            earliest, place, waiting, *words = rest.split(" ")
            seconds = None if earliest == "-" else max(0.0, (int(earliest) - member.worker.pool_ms()) / 1000)
            raise Refused(request.group, views.refusals(words), seconds, int(place), int(waiting))
        if verb == "denied":
            reason, _, share = rest.partition(" ")
            raise Denied(request.group, reason, float(share) if share else None)
        if verb in ("void", "again"):
            raise StateError(f"pool {self.keys.pool!r}: the answer came too late {TRIES} times")
        raise StateError(f"pool {self.keys.pool!r}: {rest}")

    def settle(self, lease: Lease, outcome: Outcome) -> None:
        """How the call ended. Returns at once, from any thread; a second one changes nothing, nor does one after
        `aclose`."""
        if self._closed:
            return
        member = self._process()
        member.worker.live.pop(lease.id, None)
        member.end(SettleOp(lease, outcome, _escape(lease.deployment), _escape(lease.group)))

    def cancel(self, lease: Lease) -> None:
        """The call was given up before anything went upstream: everything reserved comes back."""
        if self._closed:
            return
        member = self._process()
        member.worker.live.pop(lease.id, None)
        member.end(CancelOp(lease.id, _escape(lease.group), subjects=lease.subjects))

    def observe(self, lease: Lease, heard: Sequence[Heard], refused: bool = False) -> None:
        """What the answer to this call said of its provider's limits; `refused`: it was a 429.

        Returns at once, from any thread. It may get lost: the next answer says it again.
        """
        if heard and not self._closed:
            member = self._process()
            member.end(ObserveOp(_escape(lease.deployment), lease.at_ms, refused, tuple(heard)))

    def pause(self, deployments: tuple[str, ...], seconds: float, cap: float) -> None:
        """A provider asks these too to wait so long, `cap` seconds at most. Returns at once, from any thread."""
        if deployments and not self._closed:
            self._process().end(PauseOp(_joined(deployments), int(seconds * 1000), int(cap * 1000)))

    async def renew(self, lease: Lease, seconds: float) -> None:
        """The call goes on for up to `seconds` more. Raises StateError."""
        member = self._process()
        await member.line().ask(RenewOp(lease.id, int(member.worker.pool_ms() + seconds * 1000)))

    async def explain(self, request: Acquire) -> Explanation:
        """What `acquire` would decide now, without effect. Raises StateError."""
        member = self._process()
        await member.ready(*self._declared)
        operation = self._question(member, request, dry=True)
        answer = "again"
        for _ in range(TRIES):
            operation.valid_until = int(member.worker.pool_ms() + 2500 * self.timeout)
            answer = await member.line().ask(operation)
            if answer != "again":
                break
            operation.in_scopes(member.worker.scopes)
        if not answer.startswith("dry "):
            raise StateError(f"pool {self.keys.pool!r}: {answer}")
        return views.explanation(answer, request.group, request.strategy, member.worker.pool_ms())

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
        member = self._process()
        if deployments is None:
            _, answers = await member.ask([FleetOp("ids")])
            ids = answers[0].split()
        else:
            ids = [escape(name) for name in deployments]
        states = {}
        groups: dict[str, None] = {}
        for i in range(0, len(ids), CHUNK):
            part = ids[i : i + CHUNK]
            reply, answers = await member.ask([FleetOp("snapshot", " ".join(part)), percentiles.question(part)])
            timings = dict(zip(part, percentiles.timings(answers[1])[1:], strict=True))
            for line in answers[0].split("\n") if answers[0] else ():
                state = views.deployment_state(line, reply.now_ms, timings)
                if state is not None:
                    states[state.id] = state
                    groups[escape(state.group)] = None
        shared = await limits.of_closed(member) if deployments is None else ()
        reply, answers = await member.ask([FleetOp("workers"), FleetOp("shadows")], tuple(groups))
        workers, waiting = views.workers_and_queues(answers[0])
        shadows = tuple(views.shadows(answers[1]))
        return Snapshot(self.keys.pool, reply.now_ms, states, workers, waiting, self.engine.name, shadows, shared)

    async def timings(
        self, deployments: Sequence[str], percents: Sequence[int], age: float = 0.0
    ) -> tuple[Timings, dict[str, Timings]]:
        """How long the calls of these deployments take together, and each one's, at ascending percents (1 to 99), as
        far as they are counted (`Outcome.sample`); `age`: seconds that may have passed since. Raises StateError."""
        asked = percentiles.question([_escape(one) for one in deployments], percents, age)
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
