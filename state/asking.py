"""The question who may serve a call: how it is put, put again, and what its answers mean."""

from __future__ import annotations

import time

from router_core.state import views
from router_core.state.member import Member
from router_core.state.names import escaped, listed, unescape
from router_core.state.operations import AcquireOp
from router_core.state.records import Acquire, Denied, Explanation, Lease, Pinned, Refused, StateError

TRIES = 3


class Asking:
    """One question of one call. `timeout`: seconds for one exchange with Redis; `dry`: without effect."""

    __slots__ = ("_in_time", "_member", "_operation", "_pool", "_request", "_worker")

    def __init__(self, member: Member, request: Acquire, pool: str, timeout: float, *, dry: bool = False) -> None:
        self._member, self._worker, self._request = member, member.worker, request
        self._pool, self._in_time = pool, int(2500 * timeout)
        group = escaped(request.group)
        worker = member.worker
        self._operation = operation = AcquireOp(
            request=request,
            id=worker.lease_id(),
            group=group,
            route=f"{group} {request.strategy}",
            candidates=listed(request.candidates),
            seed=worker.seed(),
            valid_until=0,
            wait_until=int(worker.pool_ms() + request.max_wait * 1000) if request.max_wait > 0 else 0,
            dry=dry,
        )
        if request.subjects:
            operation.in_scopes(worker.scopes)
        if (request.counted or request.extra) and not dry:
            operation.firsts = worker.firsts.take(group, all_of_them=request.extra is not None)

    async def acquire(self, started: float) -> Lease:
        """Ask, and wait for room. `started`: when the call came, as time.perf_counter() said. Raises as
        `Store.acquire`."""
        operation, line, voids = self._operation, self._member.line(), 0
        while True:
            operation.valid_until = int(self._worker.pool_ms() + self._in_time)
            verb, _, rest = (await line.ask(operation)).partition(" ")
            if verb == "ok":
                return self._granted(rest, started)
            if verb == "wait":
                operation.firsts = 0  # they were counted
                await line.wait(operation, rest)
            elif verb == "pinned":
                raise Pinned(unescape(rest))
            elif verb == "again" and voids < TRIES:  # there are limits of other scopes now
                operation.in_scopes(self._worker.scopes)
                voids += 1
            elif verb == "void" and voids < TRIES:
                voids += 1
            else:
                raise self._refused(verb, rest)

    async def explain(self) -> Explanation:
        """Ask a dry question. Raises StateError."""
        operation, answer = self._operation, "again"
        for _ in range(TRIES):
            operation.valid_until = int(self._worker.pool_ms() + self._in_time)
            answer = await self._member.line().ask(operation)
            if answer != "again":
                break
            operation.in_scopes(self._worker.scopes)
        if not answer.startswith("dry "):
            raise StateError(f"pool {self._pool!r}: {answer}")
        return views.explanation(answer, self._request.group, self._request.strategy, self._worker.pool_ms())

    def _granted(self, rest: str, started: float) -> Lease:
        operation, request = self._operation, self._request
        words = rest.split(" ")
        took = (time.perf_counter() - started) * 1000
        lease = Lease(
            id=operation.id,
            deployment=unescape(words[0]),
            group=request.group,
            epoch=self._member.epoch,
            generation=int(words[1]),
            probe=words[2] == "1",
            at_ms=operation.valid_until - self._in_time,
            best=tuple(map(unescape, words[3:])) if len(words) > 3 else (),
            waited_ms=0.0 if operation.turn is None else took,
            decision_ms=took,
            subjects=operation.subjects,
        )
        self._worker.live[lease.id] = lease
        if request.counted and request.extra is None:
            self._worker.firsts.add(operation.group)
        if operation.turn is not None and not operation.told:
            self._member.line().waiters.wake(operation.group)
        return lease

    def _refused(self, verb: str, rest: str) -> Exception:
        """What to raise for this answer."""
        group = self._request.group
        if verb == "full":
            earliest, place, waiting, *words = rest.split(" ")
            seconds = None if earliest == "-" else max(0.0, (int(earliest) - self._worker.pool_ms()) / 1000)
            return Refused(group, views.refusals(words), seconds, int(place), int(waiting))
        if verb == "denied":
            reason, _, share = rest.partition(" ")
            return Denied(group, reason, float(share) if share else None)
        if verb in ("void", "again"):
            return StateError(f"pool {self._pool!r}: the answer came too late {TRIES} times")
        return StateError(f"pool {self._pool!r}: {rest}")
