"""This process in the pool: its deployments are described before its first call, once; again after a change or a
fork."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from router_core.errors import StateUnavailable
from router_core.state.records import Declared, Rows, StateError
from router_core.state.store import Store


class Membership:
    """`if not joined: await join()` is what a call pays; callers that come together share one registration."""

    def __init__(
        self,
        store: Store,
        deployments: Sequence[Declared],
        rows: Sequence[Rows],
        then: Callable[[], object] = lambda: None,
    ) -> None:
        """`then` is called each time it has joined."""
        self._store, self._described, self._then = store, (tuple(deployments), tuple(rows)), then
        self._pid: int | None = None
        self._joining: tuple[int, Future[None]] | None = None

    def declare(self, deployments: Sequence[Declared], rows: Sequence[Rows]) -> None:
        """Others from now on; the next call describes them."""
        self._described, self._pid, self._joining = (tuple(deployments), tuple(rows)), None, None

    @property
    def joined(self) -> bool:
        return self._pid == os.getpid()

    async def join(self) -> None:
        """Describe the deployments and limits to the pool. Raises StateUnavailable; the next call tries again."""
        pid = os.getpid()
        if self._joining is None or self._joining[0] != pid or self._joining[1].done():
            self._joining = (pid, self._store.background.submit(self._register(pid)))
        try:
            await asyncio.shield(asyncio.wrap_future(self._joining[1]))
        except StateError as exc:
            raise StateUnavailable(f"the deployments could not be registered: {exc}") from exc

    async def _register(self, pid: int) -> None:
        described = self._described
        await self._store.register(*described)
        if described is self._described:  # else they changed meanwhile
            self._pid = pid
            self._then()
