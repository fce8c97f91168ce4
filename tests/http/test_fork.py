"""After a call in the parent, forked children call on sockets of their own, and the parent keeps its own."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import httpx

from router_core.http.transport import Transport
from tests.http.server import Request, answer, serving


def sockets() -> set[str]:
    links = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            link = os.readlink(entry)
        except OSError:
            continue
        if link.startswith("socket:"):
            links.add(link)
    return links


def serve_in_thread() -> tuple[str, threading.Thread, asyncio.AbstractEventLoop, asyncio.Event]:
    """A server in its own thread, so that it goes on while the test's thread forks and waits."""
    ready = threading.Event()
    state: dict[str, Any] = {}

    async def reply(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"ok"))

    async def main() -> None:
        async with serving(reply) as server:
            state.update(url=server.url, loop=asyncio.get_running_loop(), stop=asyncio.Event())
            ready.set()
            await state["stop"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    ready.wait(5)
    return state["url"], thread, state["loop"], state["stop"]


async def call(transport: Transport, url: str) -> bytes:
    async with asyncio.timeout(5):
        return await (await transport.handle_async_request(httpx.Request("GET", url))).aread()


def child(transport: Transport, url: str, before: set[str]) -> int:
    """0 if two calls succeed and none of the parent's client sockets is left open."""

    async def calls() -> None:
        assert await call(transport, url) == b"ok"
        assert await call(transport, url) == b"ok"
        assert not before & sockets()
        await transport.aclose()

    try:
        asyncio.run(calls())
    except BaseException as exc:
        os.write(2, f"child: {exc!r}\n".encode())
        return 1
    return 0


def test_children_share_no_socket_and_the_parent_goes_on() -> None:
    url, thread, loop, stop = serve_in_thread()
    transport = Transport(trust_env=False)
    runner = asyncio.Runner()
    try:
        others = sockets()
        runner.run(call(transport, url))
        warm = {link for link in sockets() - others if link in client_sockets(transport)}
        assert warm
        pids = []
        for _ in range(3):
            if (pid := os.fork()) == 0:
                asyncio.events._set_running_loop(None)
                os._exit(child(transport, url, warm))
            pids.append(pid)
        assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0, 0]
        assert runner.run(call(transport, url)) == b"ok"
        assert warm <= sockets(), "the parent's warm connection was still there to be used"
        runner.run(transport.aclose())
    finally:
        runner.close()
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)


def client_sockets(transport: Transport) -> set[str]:
    links = set()
    for session in transport._connections._sessions.values():
        for one in session.connector.sockets:  # type: ignore[union-attr]
            if one.fileno() >= 0:
                links.add(os.readlink(f"/proc/self/fd/{one.fileno()}"))
    return links
