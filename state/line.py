"""One event loop's line to the pool: a connection, its batch, the calls that wait here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from router_core.state.batch import Batcher, Done, settle_future
from router_core.state.engines.base import Script, Session
from router_core.state.keys import Keys
from router_core.state.loop_end import LoopEnd
from router_core.state.names import scope_of
from router_core.state.operations import AcquireOp, CancelOp, Operation
from router_core.state.records import StateError
from router_core.state.waiting import Waiters

if TYPE_CHECKING:
    from router_core.state.member import Member


class Line:
    """Ask, wait, and never leave an operation whose fate is open."""

    def __init__(self, member: Member, session: Session, keys: Keys, script: Script, timeout: float) -> None:
        self._member, self._worker = member, member.worker
        self.waiters = Waiters()
        self.batcher = Batcher(
            session,
            script,
            keys,
            self._worker.name,
            self._worker.new_epoch,
            timeout,
            heard=member.heard,
            counts=member.counts,
            lost=member.ends.again,
        )
        self._loop_end = LoopEnd(self.batcher.aclose)

    def put(self, operation: Operation, done: Done) -> None:
        """Send with the next batch."""
        self.batcher.put(operation, done)

    async def ask(self, operation: Operation) -> str:
        """Send and wait. Raises StateError. When the caller is cancelled meanwhile, an acquire is taken back."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._worker.open_operations += 1

        def done(_: Operation, answer: str | StateError) -> None:
            self._worker.open_operations -= 1
            if isinstance(operation, AcquireOp) and (future.cancelled() or isinstance(answer, StateError)):
                self._take_back(operation, isinstance(answer, StateError))
            settle_future(future, answer)

        self.batcher.put(operation, done)
        try:
            return await future
        except asyncio.CancelledError:
            # The reply may have come already, for a caller who was cancelled before it could take it.
            answered = future.done() and not future.cancelled() and future.exception() is None
            if answered and isinstance(operation, AcquireOp):
                self._take_back(operation, unknown=False)
            raise

    def _take_back(self, operation: AcquireOp, unknown: bool) -> None:
        cancel = CancelOp(operation.id, operation.group, operation.ticket(self._worker.name), operation.subjects)
        if not unknown:
            self._member.ends.send(cancel)
            return
        # No reply: it may still run until its time is over. Cancel after that, or it would outlive its cancel.
        delay = max(0.0, (operation.valid_until - self._worker.pool_ms()) / 1000)
        asyncio.get_running_loop().call_later(delay, self._member.ends.send, cancel)

    async def wait(self, operation: AcquireOp, answer: str) -> None:
        """Sleep until the place has room; `answer` is "due place unknown turn". Cancelled, it gives its ticket back.

        Whom a limit of its own keeps (turn: the subject's name) is no matter of the group's line meanwhile.
        """
        due, _, unknown, number = answer.split(" ")
        now, queue = self._worker.pool_ms(), operation.group
        if scope_of(number) is not None:
            queue, number = number, "-"
            if operation.told:
                self.waiters.wake(operation.group)  # what it was told is of use to the next
        if operation.turn is None or number != "-":
            operation.turn = self.waiters.turn(0 if number == "-" else int(number), operation.wait_until)
        seconds = None if due == "-" else (int(due) - now) / 1000
        try:
            left = (operation.wait_until - now) / 1000
            operation.told = await self.waiters.sleep(queue, operation.turn, seconds, unknown == "1", left)
        except asyncio.CancelledError:
            self.waiters.wake(queue)  # it may have been its turn
            self._member.ends.send(
                CancelOp(operation.id, operation.group, operation.ticket(self._worker.name), operation.subjects)
            )
            raise

    def let_go(self) -> None:
        """In a forked child: the parent's connection is the parent's."""
        self.batcher.let_go()

    async def drain(self) -> None:
        """Wait until everything put so far was answered."""
        await self.batcher.drain()

    async def aclose(self) -> None:
        """Drain and close the connection, which also happens when its loop ends."""
        await self._loop_end.aclose()
