"""Many operations, one script call: while a batch is on its way the next operations gather.

An idle connection sends at once. The batch is sent by its own task, so a cancelled caller never touches the connection.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from router_core.state import news
from router_core.state.engines.base import Script, Session
from router_core.state.keys import Keys
from router_core.state.operations import Operation, Share
from router_core.state.records import StateError

SEPARATOR = "\x1e"
MOST = 64  # operations of one script call: about 1 ms of the server's time


@dataclass(frozen=True, slots=True)
class Reply:
    """The first string of every reply: pool time, epoch, whether the pool knows this worker as alive, and whose limits
    there are besides deployments' ("account,user")."""

    now_ms: int
    epoch: str
    known: bool
    scopes: str = ""


@dataclass(slots=True)
class Counts:
    """What went over the wire: operations by verb, script calls."""

    operations: int = 0
    calls: int = 0
    verbs: Counter[str] = field(default_factory=Counter)  # "again": those sent a second time


def encode(
    worker: str, new_epoch: str, operations: Sequence[Operation], also: Sequence[str] = ()
) -> tuple[list[str], list[str], list[str]]:
    """Groups (those of the operations and `also`), names of other keys, and arguments of one script call."""
    groups: dict[str, None] = dict.fromkeys(also)
    share = Share()
    lines = []
    for operation in operations:
        if operation.group is not None:
            groups[operation.group] = None
        lines.append(operation.line(share))
    header = " ".join((worker, new_epoch, *groups))
    return list(groups), list(share.keys), [header, str(len(share.texts)), *share.texts, *lines]


async def run(
    session: Session,
    script: Script,
    keys: Keys,
    worker: str,
    new_epoch: str,
    operations: Sequence[Operation],
    timeout: float | None = None,
    groups: Sequence[str] = (),
) -> tuple[Reply, list[str]]:
    """One script call; the replies in the order of the operations. Raises StateError."""
    named, others, args = encode(worker, new_epoch, operations, groups)
    answer = (await session.run(script, keys.for_run(named, others), args, timeout))[0].split(SEPARATOR)
    if len(answer) == len(operations) + 2:
        news.log(keys.pool, answer.pop())
    if len(answer) != len(operations) + 1:
        raise StateError(f"script {script.name} answered {len(answer)} strings to {len(operations)} operations")
    now, epoch, known, *scopes = answer[0].split(" ")
    return Reply(int(now), epoch, known == "1", scopes[0] if scopes else ""), answer[1:]


Done = Callable[[Operation, str | StateError], None]


class Batcher:
    """The queue of one event loop: `put` an operation, its `done(operation, reply or error)` is called later."""

    def __init__(
        self,
        session: Session,
        script: Script,
        keys: Keys,
        worker: str,
        new_epoch: str,
        timeout: float,
        heard: Callable[[Reply], None],
        counts: Counts,
        lost: Callable[[list[Operation]], None],
    ) -> None:
        self._session, self._script, self._keys = session, script, keys
        self._worker, self._new_epoch, self._timeout = worker, new_epoch, timeout
        self._heard, self._counts, self._lost = heard, counts, lost
        self._queue: deque[tuple[Operation, Done]] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._ended = False

    def put(self, operation: Operation, done: Done) -> None:
        """Send with the next batch. `done` is called on this loop and must not raise; at once after the end."""
        if self._ended:
            done(operation, StateError("this event loop has ended"))
            return
        self._queue.append((operation, done))
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send())

    async def ask(self, operation: Operation) -> str:
        """Send and wait for the reply. Raises StateError."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.put(operation, lambda _, reply: settle_future(future, reply))
        return await future

    async def _send(self) -> None:
        batch: list[tuple[Operation, Done]] = []
        try:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(MOST, len(self._queue)))]
                self._deliver(batch, await self._exchange([operation for operation, _ in batch]))
        except asyncio.CancelledError:
            # This loop is being closed under us. What ends calls must not be lost with it.
            self._lost([operation for operation, _ in (*batch, *self._queue)])
            self._queue.clear()
            raise
        finally:
            self._sender = None

    async def _exchange(self, operations: list[Operation]) -> list[str] | StateError:
        self._counts.calls += 1
        self._counts.operations += len(operations)
        for operation in operations:
            self._counts.verbs["again" if operation.sent else operation.verb] += 1
            operation.sent = True
        try:
            reply, answers = await run(
                self._session, self._script, self._keys, self._worker, self._new_epoch, operations, self._timeout
            )
        except StateError as error:
            return error
        except (ValueError, IndexError) as error:
            return StateError(f"pool {self._keys.pool!r}: a reply that nobody can read ({type(error).__name__})")
        self._heard(reply)
        return answers

    def _deliver(self, batch: list[tuple[Operation, Done]], answers: list[str] | StateError) -> None:
        for i, (operation, done) in enumerate(batch):
            done(operation, answers if isinstance(answers, StateError) else answers[i])

    def let_go(self) -> None:
        """See Session.let_go."""
        self._session.let_go()

    async def drain(self) -> None:
        """Wait until everything put so far was answered."""
        while self._sender is not None:
            await asyncio.wait([self._sender])

    async def aclose(self) -> None:
        """Send what is left, then end the connection."""
        await self.drain()
        self._ended = True
        await self._session.aclose()


def settle_future(future: asyncio.Future[str], reply: str | StateError) -> None:
    """Give a waiting caller its reply, if it still waits."""
    if future.done():
        return
    if isinstance(reply, StateError):
        future.set_exception(reply)
    else:
        future.set_result(reply)
