"""A busy server: script calls wait in its socket, so it never idles between two, as under a large fleet.

One caller after the other leaves it idle in between, with cold caches: that is the other figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any

import redis

from router_core.state.batch import SEPARATOR, encode
from router_core.state.operations import AcquireOp, Operation, SettleOp
from router_core.state.records import Lease
from tests.bench.questions import OUTCOME, Pool
from tests.bench.stage import GROUP

NEVER = 10**15  # pool ms


class Busy:
    """Decisions of a pool over one pipelined connection, one operation a script call. The pool has served before."""

    def __init__(self, asked: Pool, client: redis.Redis) -> None:
        self._asked, self._client = asked, client
        self._numbers, self._random = count(), Random(2)

    async def decisions(self, number: int) -> None:
        """So many acquires, then their settles."""
        asked = [self._question() for _ in range(number)]
        told = [answer.split(" ") for answer in self._run(asked)]
        assert all(words[0] == "ok" for words in told), "there is room for all"
        leases = [Lease(op.id, words[1], GROUP, "", 0) for op, words in zip(asked, told, strict=True)]
        self._run([SettleOp(lease, OUTCOME, lease.deployment, GROUP) for lease in leases])

    def _question(self) -> AcquireOp:
        request, seed = self._asked.question(), self._random.randrange(1, 2**31 - 1)
        route, id = f"{GROUP} {request.strategy}", f"busy.{next(self._numbers)}"
        return AcquireOp(request, id, GROUP, route, " ".join(request.candidates), seed, NEVER, 0)

    def _run(self, operations: Sequence[Operation]) -> list[str]:
        pipeline: Any = self._client.pipeline(transaction=False)
        for operation in operations:
            pipeline.execute_command("FCALL", *self._call(operation))
        return [reply[0].split(SEPARATOR)[1] for reply in pipeline.execute()]

    def _call(self, operation: Operation) -> list[str | int]:
        store = self._asked.store
        groups, others, args = encode("busy", "epoch", [operation])
        keys = store.keys.for_run(groups, others)
        return [store.calls_script.function, len(keys), *keys, *args]
