"""An example worker: calls at a steady rate through one Router, metrics on a port, a clean end on SIGTERM.

Environment: ROUTER_CORE_REDIS_URL and ROUTER_CORE_POOL (the router's own), CONFIG (config.yaml), MODEL (chat),
RATE (calls a second, 5), METRICS_PORT (9100).
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
from collections import Counter
from contextlib import suppress

from prometheus_client import REGISTRY, start_http_server

from router_core.errors import RouterError
from router_core.router import Router

logger = logging.getLogger("worker")

SAY_EVERY = 10.0  # seconds
PROMPT = [{"role": "user", "content": "Say something short."}]


class Worker:
    """Calls as they come; `said` counts how they ended."""

    def __init__(self, router: Router, model: str, rate: float) -> None:
        self.router, self.model, self.rate = router, model, rate
        self.said: Counter[str] = Counter()
        self.running: set[asyncio.Task[None]] = set()
        self.over = asyncio.Event()

    async def run(self) -> None:
        """Until `over`; then no new calls, and the running ones are waited for."""
        report = asyncio.create_task(self._report())
        while not self.over.is_set():
            task = asyncio.create_task(self._call())
            self.running.add(task)
            task.add_done_callback(self.running.discard)
            await self._pause(random.expovariate(self.rate))
        report.cancel()
        if self.running:
            await asyncio.wait(self.running)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)

    async def _call(self) -> None:
        try:
            answer = await self.router.acompletion(self.model, PROMPT, max_tokens=32)
        except RouterError as error:
            self.said[type(error).__name__] += 1
        else:
            self.said[str(answer.decision.deployment)] += 1

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(SAY_EVERY)
            logger.info("%s", " ".join(f"{name}={count}" for name, count in sorted(self.said.items())))


async def main() -> None:
    router = Router.from_yaml(os.environ.get("CONFIG", "config.yaml"), metrics=REGISTRY)
    server, thread = start_http_server(int(os.environ.get("METRICS_PORT", "9100")))
    worker = Worker(router, os.environ.get("MODEL", "chat"), float(os.environ.get("RATE", "5")))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, worker.over.set)
    async with router:
        logger.info("%s: %g calls a second to %s", router.store.worker, worker.rate, worker.model)
        await worker.run()
    server.shutdown()
    thread.join()
    logger.info("done: %d calls", sum(worker.said.values()))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(main())
