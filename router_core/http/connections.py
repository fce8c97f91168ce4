"""One aiohttp session per event loop, and none that crosses a fork."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakSet, finalize

import aiohttp
from aiohttp.abc import AbstractCookieJar


class _Connector(aiohttp.TCPConnector):
    """Opens the sockets itself to know them, and is finalized only by the process that made it."""

    def __init__(self, keepalive: float) -> None:
        self._pid = os.getpid()
        self.sockets: WeakSet[socket.socket] = WeakSet()
        super().__init__(
            limit=0, keepalive_timeout=keepalive, timeout_ceil_threshold=float("inf"), socket_factory=self._open
        )

    def _open(self, info: tuple[Any, ...]) -> socket.socket:
        opened = socket.socket(family=info[0], type=info[1], proto=info[2])
        self.sockets.add(opened)
        return opened

    def __del__(self) -> None:  # type: ignore[override]
        if os.getpid() == self._pid:
            super().__del__()


class Connections:
    """`session()` is the running loop's session, made on first use.

    `keepalive`: seconds an idle connection is kept. `own_headers`: header names aiohttp must not add by itself.
    """

    def __init__(self, keepalive: float, own_headers: Sequence[str]) -> None:
        self._keepalive, self._own_headers = keepalive, tuple(own_headers)
        self._pid = os.getpid()
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}
        self._inherited: list[object] = []
        # A script that closes nothing ends in silence: loops are gone by then, so their sessions can only be dropped.
        finalize(self, _abandon_all, self._pid, self._sessions)

    def session(self) -> aiohttp.ClientSession:
        """The session of the running event loop."""
        if os.getpid() != self._pid:
            self._leave_parent()
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = self._sessions[loop] = self._open(loop)
        return session

    async def aclose(self) -> None:
        """Close every session: those of other running loops in their loops, those of dead loops at once."""
        if os.getpid() != self._pid:
            self._leave_parent()
        here = asyncio.get_running_loop()
        while self._sessions:
            loop, session = self._sessions.popitem()
            if loop is here:
                await session.close()
            elif loop.is_running():
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(session.close(), loop))
            else:
                _abandon(session)

    def _open(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        for dead in [other for other in list(self._sessions) if other.is_closed()]:
            _abandon(self._sessions.pop(dead))
        jar: AbstractCookieJar = aiohttp.DummyCookieJar(loop=loop)
        return aiohttp.ClientSession(
            connector=_Connector(self._keepalive),
            cookie_jar=jar,
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=self._own_headers,
            requote_redirect_url=False,
        )

    def _leave_parent(self) -> None:
        """Let go of the parent's connections without touching them.

        Closing them the usual way would reach into the parent: its epoll set is shared, and TLS says goodbye on the
        wire. So /dev/null takes the place of each inherited socket, and whatever a finalizer does goes there.
        """
        nowhere = os.open(os.devnull, os.O_RDWR)
        for session in self._sessions.values():
            connector = session.connector
            if isinstance(connector, _Connector):
                for inherited in list(connector.sockets):
                    if inherited.fileno() >= 0:
                        os.dup2(nowhere, inherited.fileno(), inheritable=False)
            session.detach()
            self._inherited.append(connector)
        os.close(nowhere)
        self._sessions, self._pid = {}, os.getpid()


def _abandon_all(pid: int, sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession]) -> None:
    if os.getpid() == pid:
        for loop, session in list(sessions.items()):
            if not loop.is_running():
                _abandon(session)


def _abandon(session: aiohttp.ClientSession) -> None:
    """Close what belonged to an event loop that no longer runs, and so can close nothing itself."""
    connector = session.connector
    session.detach()
    if isinstance(connector, _Connector):
        with suppress(StopIteration, RuntimeError):
            connector.close().__await__().send(None)
        for opened in list(connector.sockets):
            opened.close()
