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
EPOCH = "epoch"  # of a pool that would have to be made; this one has another


class Busy:
    """Decisions of a pool over one pipelined connection, `batch` operations a script call. The pool has served
    before."""

    def __init__(self, asked: Pool, client: redis.Redis, batch: int) -> None:
        self._asked, self._client, self._batch = asked, client, batch
        self._numbers, self._random = count(), Random(2)

    async def decisions(self, number: int) -> None:
        """So many acquires, then their settles."""
        asked = [self._question() for _ in range(number)]
        told = [answer.split(" ") for answer in self._run(asked)]
        assert all(words[0] == "ok" for words in told), "there is room for all"
        leases = [Lease(op.id, words[1], GROUP, EPOCH, 0) for op, words in zip(asked, told, strict=True)]
        ended = self._run([SettleOp(lease, OUTCOME, lease.deployment, GROUP) for lease in leases])
        assert set(ended) == {"ok"}, "all were held"

    def _question(self) -> AcquireOp:
        request, seed = self._asked.question(), self._random.randrange(1, 2**31 - 1)
        route, id = f"{GROUP} {request.strategy}", f"busy.{next(self._numbers)}"
        return AcquireOp(request, id, GROUP, route, " ".join(request.candidates), seed, NEVER, 0)

    def _run(self, operations: Sequence[Operation]) -> list[str]:
        pipeline: Any = self._client.pipeline(transaction=False)
        batches = [operations[first : first + self._batch] for first in range(0, len(operations), self._batch)]
        for batch in batches:
            pipeline.execute_command("FCALL", *self._call(batch))
        told = zip(batches, pipeline.execute(), strict=True)
        return [answer for batch, reply in told for answer in reply[0].split(SEPARATOR)[1 : 1 + len(batch)]]

    def _call(self, batch: Sequence[Operation]) -> list[str | int]:
        store = self._asked.store
        groups, others, args = encode("busy", EPOCH, batch)
        keys = store.keys.for_run(groups, others)
        return [store.calls_script.function, len(keys), *keys, *args]
