"""Processes that end with us: each watches its stdin, whose other end we hold, however we die."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque

_LONGEST_LINE = 64 * 1024 * 1024
_GRACE = 5.0


class ChildEnded(Exception):
    """A process that was still needed is gone; after the first line come its last words."""


class Child:
    """A module of ours run by this Python, in a session of its own: Ctrl-C reaches us alone, and we end it in order."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self._process = process
        self._said: deque[str] = deque(maxlen=20)
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, name: str, module: str, *arguments: str) -> Child:
        """Raises OSError."""
        loopback = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments,
            stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LONGEST_LINE, start_new_session=True,
            env={**os.environ, **loopback},
        )  # fmt: skip
        return cls(name, process)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def line(self) -> str:
        """Its next line on stdout. Raises ChildEnded."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            status = await self._process.wait()
            await asyncio.wait((self._listening,), timeout=1.0)
            raise ChildEnded("\n  ".join((f"{self.name} ended with status {status}", *self._said)))
        return line.decode().rstrip("\n")

    async def tell(self, line: str) -> None:
        """A line for its stdin. Raises ChildEnded."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            await self._process.stdin.drain()
        except ConnectionError:
            raise ChildEnded(f"{self.name} does not listen any more") from None

    async def stop(self) -> None:
        """Close its stdin, wait, and kill what does not end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _GRACE)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await asyncio.wait((self._listening,), timeout=1.0)
        self._listening.cancel()

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._said.append(line.decode(errors="replace").rstrip())
