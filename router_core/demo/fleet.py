"""The workers, seen from the demo: processes that share one pool and the arrivals."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from router_core.demo.children import Child, ChildEnded
from router_core.demo.scenario import MAX_WAIT, Scenario


@dataclass(slots=True)
class Callers:
    """What became of the calls, as their callers saw it. Lists (ms) and script counts are there at the end only."""

    sent: int = 0
    answered: int = 0
    no_room: int = 0
    retried: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    ms: list[float] = field(default_factory=list)
    waited_ms: list[float] = field(default_factory=list)
    operations: int = 0
    scripts: int = 0


class Fleet:
    """Worker processes; `callers()` adds up what they said last."""

    def __init__(self, children: tuple[Child, ...]) -> None:
        self.children = children
        self._said: dict[str, dict[str, Any]] = {}

    async def play(self, in_seconds: float) -> float:
        """The first arrival comes that soon; time.time() of it. Raises ChildEnded."""
        start = time.time() + in_seconds
        await asyncio.gather(*(child.tell(f"go {start}") for child in self.children))
        return start

    async def listen(self) -> None:
        """Until every worker has played its part. Raises ChildEnded for the first that dies."""
        try:
            async with asyncio.TaskGroup() as group:
                for child in self.children:
                    group.create_task(self._listen(child))
        except* ChildEnded as ended:
            first = ended.exceptions[0]
        else:
            return
        raise first

    async def _listen(self, child: Child) -> None:
        while not self._said.get(child.name, {}).get("over"):
            self._said[child.name] = json.loads(await child.line())

    def callers(self) -> Callers:
        return add(self._said.values())


def add(said: Iterable[dict[str, Any]]) -> Callers:
    """The sum of what workers said."""
    total = Callers()
    for one in said:
        for name in ("sent", "answered", "no_room", "retried", "operations", "scripts", "ms", "waited_ms"):
            if name in one:
                setattr(total, name, getattr(total, name) + one[name])
        total.errors.update(one["errors"])
    return total


async def start(
    scenario: Scenario, urls: dict[str, str], redis_url: str, pool: str, workers: int, stack: AsyncExitStack
) -> Fleet:
    """Workers that have joined the pool; `stack` ends them. Raises ChildEnded, OSError."""
    router = {
        "model_list": [one.entry(urls[one.name], scenario.overstate) for one in scenario.deployments],
        "redis_url": redis_url,
        "pool": pool,
        "routing_strategy": "latency-based-routing",
        "max_wait": MAX_WAIT,
        "num_retries": 3,
        "allowed_fails": 3,
        "cooldown_time": 2,
        "max_cooldown_time": 5,
    }
    children = []
    for number in range(workers):
        child = await Child.start(f"worker {number + 1}", "router_core.demo.worker")
        stack.push_async_callback(child.stop)
        children.append(child)
        arrivals = [(one.at, one.input_tokens) for one in scenario.arrivals[number::workers]]
        await child.tell(json.dumps({"router": router, "arrivals": arrivals}))
    await asyncio.gather(*(child.line() for child in children))
    return Fleet(tuple(children))
