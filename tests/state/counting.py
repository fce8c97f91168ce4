"""An engine that counts its runs, and can be slow."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from router_core.state.engines import Engine, Probe, Script, Session


class Counting:
    """An engine that counts its runs by script; answers may be slowed down."""

    def __init__(self, engine: Engine, delay: float = 0.0) -> None:
        self.engine, self.delay = engine, delay
        self.runs: dict[str, int] = {}
        self.name, self.address = engine.name, engine.address

    def connect(self) -> Session:
        return CountingSession(self, self.engine.connect())

    async def probe(self) -> Probe:
        return await self.engine.probe()

    async def aclose(self) -> None:
        await self.engine.aclose()


class CountingSession:
    def __init__(self, owner: Counting, session: Session) -> None:
        self.owner, self.session = owner, session

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | bytes], timeout: float | None = None
    ) -> list[str]:
        self.owner.runs[script.name] = self.owner.runs.get(script.name, 0) + 1
        answer = await self.session.run(script, keys, args, timeout)
        await asyncio.sleep(self.owner.delay)
        return answer

    def let_go(self) -> None:
        self.session.let_go()

    async def aclose(self) -> None:
        await self.session.aclose()
