"""Looking after deployments that no call tells of (`health_check`): cheap real calls, made by one worker of the fleet.

What is due, and whose turn it is, the pool says (state/probes.py); how a probe ended is settled like any call, so that
it opens and closes breakers like one. It teaches nothing of times and lengths: it is shorter than any call.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Mapping
from random import Random
from typing import Any

from router_core.answering.answers import Answer
from router_core.attempts import Attempt, whole
from router_core.choosing.question import Lesson
from router_core.config import Deployment, HealthCheck
from router_core.hooks import Probed
from router_core.options import Options
from router_core.plan import Plan, Target
from router_core.providers.base import Adapter, Call, Kind, Sender
from router_core.providers.http import HttpAdapter
from router_core.state.records import StateError
from router_core.state.store import Store
from router_core.state.upkeep import Upkeep
from router_core.timeouts import Limit
from router_core.wiring import Wiring

logger = logging.getLogger("router_core")

MOST, LEAST = 5.0, 0.2  # seconds between two looks
GRACE = 5.0  # seconds that a probe's lease outlives it
_BODIES: Mapping[str, Mapping[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "ping"}]},
    "embedding": {"input": "ping"},
}
_INPUT = 8  # tokens of these
_NOTHING = {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}


class Probing:
    """A worker's part in it, on the store's background loop. `wiring`: the one in force, None when the router is gone.

    It costs nothing where no deployment has a health_check.
    """

    def __init__(self, store: Store, wiring: Callable[[], Wiring | None], random: Random) -> None:
        self._store, self._wiring, self._random = store, wiring, random
        self._upkeep = Upkeep(store.background, self, Probing.look)
        self._ended = False

    def start(self) -> None:
        """This worker has joined the pool."""
        if not self._ended and self._wanted():
            self._upkeep.begin()

    def close(self) -> None:
        """Probe no more."""
        self._ended = True
        self._upkeep.cancel()

    def _wanted(self) -> dict[str, float]:
        wiring = self._wiring()
        checked = [] if wiring is None else [(one.id, one.health_check) for one in wiring.deployments]
        return {id: check.interval for id, check in checked if check is not None}

    async def look(self) -> float | None:
        """Make the probes that are due. Returns seconds until the next look; None: nothing is to be probed any more."""
        wiring, wanted = self._wiring(), self._wanted()
        if wiring is None or not wanted or self._ended:
            return None
        try:
            due = await self._store.probes.due(wanted)
            await asyncio.gather(*(self._probe(wiring, id) for id in due.deployments))
        except StateError as error:
            logger.debug("no probes of pool %s: %s", self._store.keys.pool, error)
            return MOST
        return max(LEAST, min(due.again, MOST)) * self._random.uniform(1.0, 1.2)

    async def _probe(self, wiring: Wiring, id: str) -> None:
        deployment = wiring.planner.deployments[id]
        check = deployment.health_check
        if check is None or not _possible(wiring, deployment, check):
            return
        group = wiring.planner.groups[deployment.group]
        seconds, output = check.timeout + GRACE, check.max_tokens if check.mode == "chat" else 0
        lease = await self._store.probes.begin(id, group.name, seconds, _INPUT, output)
        if isinstance(lease, str):
            logger.debug("%s is not probed now: %s", id, lease)
            return
        target = Target(group, Call(kind=check.mode, body=_body(check)), only=id)
        attempt = _Probe(wiring.upstream, Plan(target, Options(), math.inf), target, deployment, lease, Lesson())
        attempt.total = Limit(check.timeout, "timeout", "health_check.timeout")
        try:
            await whole(attempt)
        except Exception as error:  # noqa: BLE001 - how it ended is settled; the next probe is made all the same
            logger.debug("probe of %s: %s", id, type(error).__name__)
        record = attempt.plan.attempts[-1]
        if wiring.upstream.emit is not None:
            wiring.upstream.emit(Probed(group.name, id, record.kind, record.ms))
        await self._store.probes.ended(id, record.kind, record.ms)


class _Probe(Attempt):
    """An attempt that nobody waits for, and that says nothing of what calls take."""

    __slots__ = ()
    teaches = False

    @property
    def adapter(self) -> Adapter:
        check, adapter = self.deployment.health_check, self.upstream.adapters[self.deployment.id]
        if check is not None and check.path is not None and isinstance(adapter, HttpAdapter):
            return _Get(adapter, check.path)
        return adapter


class _Get:
    """Asks a path instead of the model."""

    def __init__(self, adapter: HttpAdapter, path: str) -> None:
        self._adapter, self._path = adapter, path

    @property
    def kinds(self) -> frozenset[Kind]:
        return self._adapter.kinds

    async def answer(self, call: Call, sender: Sender) -> Answer:
        await self._adapter.get(self._path, call.timeout, sender)
        return Answer(_NOTHING)

    async def chunks(self, call: Call, sender: Sender) -> AsyncIterator[Answer]:
        raise NotImplementedError("probes are not streamed")


def _body(check: HealthCheck) -> dict[str, Any]:
    body = dict(_BODIES[check.mode])
    return {**body, "max_tokens": check.max_tokens} if check.mode == "chat" else body


def _possible(wiring: Wiring, deployment: Deployment, check: HealthCheck) -> bool:
    """Whether such a probe can be made there."""
    adapter = wiring.upstream.adapters[deployment.id]
    if check.path is not None:
        return isinstance(adapter, HttpAdapter)
    return check.mode in adapter.kinds and "*" not in deployment.model
