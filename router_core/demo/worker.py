"""One worker: a Router, and its share of the arrivals. A process of the demo, which speaks with it in lines.

stdin   a job (JSON), then `go SECONDS` (time.time() of the first arrival); when it closes, the worker ends
stdout  `ready`, then about once a second what came of the calls so far (JSON), the last one with `"over": true`
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

from router_core.demo.scenario import GROUP, MAX_WAIT, OUTPUT_TOKENS, PER_MESSAGE
from router_core.errors import NoDeploymentAvailable, RouterError
from router_core.estimating.tokens import CHARACTERS_PER_TOKEN
from router_core.router import Router

_LONGEST_LINE = 64 * 1024 * 1024
_SAY_EVERY = 0.5
_TOLERANCE = 1.0  # seconds


class Callers:
    """Calls at their times, and how they ended."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._running: set[asyncio.Task[None]] = set()
        self.sent = self.answered = self.no_room = self.retried = 0
        self.errors: Counter[str] = Counter()
        self.ms: list[float] = []
        self.waited_ms: list[float] = []

    async def play(self, arrivals: list[tuple[float, int]], start: float) -> None:
        """Each arrival becomes a call, on time, whatever became of those before; until all have ended."""
        for at, tokens in arrivals:
            await asyncio.sleep(max(0.0, start + at - time.time()))
            task = asyncio.create_task(self._call(tokens))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            self.sent += 1
        await asyncio.gather(*self._running)

    async def _call(self, tokens: int) -> None:
        text = "x" * (CHARACTERS_PER_TOKEN * (tokens - PER_MESSAGE))
        began = time.perf_counter()
        try:
            answer = await self._router.acompletion(
                GROUP, [{"role": "user", "content": text}], max_tokens=OUTPUT_TOKENS
            )
        except RouterError as error:
            refused = _refusal(error)
            if refused is None:
                self.errors[type(error).__name__] += 1
            elif too_early(refused, time.perf_counter() - began):
                self.errors[f"{type(refused).__name__} before the wait was over"] += 1
            else:
                self.no_room += 1
        else:
            self.answered += 1
            self.retried += len(answer.attempts) > 1
            self.waited_ms.append(answer.decision.waited_ms)
            self.ms.append((time.perf_counter() - began) * 1000)

    def so_far(self) -> dict[str, Any]:
        return {
            "sent": self.sent,
            "answered": self.answered,
            "no_room": self.no_room,
            "retried": self.retried,
            "errors": self.errors,
        }


def _refusal(error: RouterError) -> NoDeploymentAvailable | None:
    """What the pool said, to the call or to its search for another deployment after a failure."""
    for one in (error, error.__cause__):
        if isinstance(one, NoDeploymentAvailable):
            return one
    return None


def too_early(refused: NoDeploymentAvailable, waited: float) -> bool:
    """Given up after `waited` seconds although room might have come within the wait: at a known time, or at any."""
    left = MAX_WAIT - waited - _TOLERANCE
    ready = (refusal.ready_ms for refusal in refused.refusals)
    return any(at is None or at / 1000 - time.time() < left for at in ready) if left > 0 else False


async def work(job: dict[str, Any], orders: asyncio.StreamReader) -> None:
    """One job, from joining the pool to its end; leaves the pool when cancelled."""
    async with Router(**job["router"]) as router:
        await router.snapshot()  # join the pool before the first call
        _say("ready")
        _, start = (await orders.readline()).split()
        callers = Callers(router)
        report = asyncio.create_task(_report(callers))
        await callers.play(job["arrivals"], float(start))
        report.cancel()
        await router.store.flush()
        operations, scripts = router.store.operations
        figures = {"ms": callers.ms, "waited_ms": callers.waited_ms, "operations": operations, "scripts": scripts}
        _say(json.dumps({**callers.so_far(), **figures, "over": True}))
        await (
            asyncio.Event().wait()
        )  # a pool that its last worker leaves forgets its deployments, and they are read now


async def main() -> None:
    """Ends with the demo, or when it wants us to: its end of our stdin closes."""
    orders = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    job = await orders.readline()
    if not job:
        return
    done = asyncio.create_task(work(json.loads(job), orders))
    while not done.done():
        await asyncio.wait((done,), timeout=_SAY_EVERY)
        if orders.at_eof():
            done.cancel()
            await asyncio.wait((done,))
    if not done.cancelled():
        await done


async def _report(callers: Callers) -> None:
    while True:
        await asyncio.sleep(_SAY_EVERY)
        _say(json.dumps(callers.so_far()))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
