"""A simulated upstream as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable

from router_core.simulator.behaviour import Behaviour
from router_core.simulator.upstream import Upstream


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(
    behaviour: Behaviour | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 0,
    log_cap: int = 250_000,
    until_stdin_closes: bool = False,
    announce: Callable[[str], None] = say,
) -> None:
    """Serve until SIGINT or SIGTERM; `announce` is told the url once it listens. Raises OSError if the port is taken.

    `until_stdin_closes` ends it with its parent too, however that died, if the parent holds the other end of a pipe.
    """
    upstream = Upstream(behaviour, host=host, port=port, seed=seed, log_cap=log_cap)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(upstream, until_stdin_closes, announce))


async def _serve(upstream: Upstream, until_stdin_closes: bool, announce: Callable[[str], None]) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _watch_stdin, over)
    async with upstream:
        announce(upstream.url)
        await over.wait()


def _watch_stdin(over: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        over.set()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed."""
    with contextlib.suppress(ImportError):
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
        return factory
    return None
