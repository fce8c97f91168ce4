"""Ends of calls, and what answers said of limits: sent beside the callers, and again until the pool has heard them."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from router_core.state.background import Background
from router_core.state.names import unescape
from router_core.state.operations import CancelOp, ObserveOp, Operation, PauseOp, SettleOp
from router_core.state.records import StateError
from router_core.state.views import measure

if TYPE_CHECKING:
    from router_core.state.member import Member
    from router_core.state.store import Store

End = SettleOp | CancelOp | ObserveOp | PauseOp

logger = logging.getLogger("router_core")
UNSETTLED = 100_000  # ends of calls kept while Redis cannot be reached; beyond it the leases' own deadlines serve
RETRY = 0.5


class Ends:
    """Those of one process."""

    def __init__(self, member: Member, store: weakref.ref[Store], background: Background, pool: str) -> None:
        self._member, self._worker = member, member.worker
        self._store, self._background, self._pool = store, background, pool
        self._unsettled: deque[Operation] = deque(maxlen=UNSETTLED)
        self._retrying = False

    def send(self, operation: End) -> None:
        """Returns at once; from a thread without a loop it goes through the background loop."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._background.loop.call_soon_threadsafe(self._send, operation)
        else:
            self._send(operation)

    def _send(self, operation: End) -> None:
        self._worker.open_operations += 1
        self._member.line().put(operation, self._answered)

    def _answered(self, operation: Operation, answer: str | StateError) -> None:
        self._worker.open_operations -= 1
        if isinstance(answer, StateError):
            self.again([operation])
        elif answer.startswith("error "):
            logger.warning("pool %s: %s of a call failed: %s", self._pool, operation.verb, answer[6:])
        elif operation.group is not None:
            self._wake(operation)
        if isinstance(operation, SettleOp) and isinstance(answer, str) and answer.startswith("ok "):
            self.learned(operation.deployment, answer.split(" ")[1:])

    def _wake(self, operation: Operation) -> None:
        """A call ended: room for who waits for its group here, or for a limit of its user's."""
        waiters = self._member.line().waiters
        waiters.wake(str(operation.group))
        if isinstance(operation, SettleOp):
            for subject in operation.lease.subjects:
                waiters.wake(subject)

    def learned(self, id: str, words: Sequence[str]) -> None:
        """The fleet knows how tokens follow from estimates: ratio, plain, tools."""
        store = self._store()
        if store is not None and store.on_fit is not None:
            ratio, plain, tools = words
            store.on_fit(unescape(id), float(ratio), measure(plain), measure(tools))

    def again(self, operations: Sequence[Operation]) -> None:
        """These did not get through. They are idempotent, so they are simply sent again, later."""
        self._unsettled.extend(o for o in operations if isinstance(o, SettleOp | CancelOp))
        if self._unsettled and not self._retrying:
            self._retrying = True
            self._background.submit(self._resend())

    async def _resend(self) -> None:
        line = self._member.line()
        try:
            while self._unsettled:
                batch = [self._unsettled.popleft() for _ in range(min(64, len(self._unsettled)))]
                answers = await asyncio.gather(*(line.batcher.ask(o) for o in batch), return_exceptions=True)
                failed = [o for o, a in zip(batch, answers, strict=True) if isinstance(a, StateError)]
                self._unsettled.extendleft(failed)
                if failed:
                    await asyncio.sleep(RETRY)
        finally:
            self._retrying = False
