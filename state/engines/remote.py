"""The engine on a Redis or Valkey server: loading scripts, retrying once, saying what failed and where."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from router_core.state.engines import functions
from router_core.state.engines.address import parse
from router_core.state.engines.base import Probe, Script, ServerError, TimedOut, Unreachable
from router_core.state.engines.redis import Wire, dialer, dialer_like
from router_core.state.records import StateError

# Answers of a server that is about to be able: a slot moves, a master is being chosen, data is being loaded.
_PASSING = frozenset(("TRYAGAIN", "ASK", "MOVED", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"))
_PATIENCE = 1.0  # seconds for these
_PAUSE = 0.05  # seconds between two tries
_POLICY = "maxmemory-policy"


class RemoteEngine:
    """`redis://` and its kin, or a ready `client`. `reply_timeout`: seconds for one try; a run makes at most two."""

    def __init__(
        self, url: str = "", *, client: Any = None, connect_timeout: float = 1.0, reply_timeout: float = 1.0
    ) -> None:
        self.connect_timeout, self.reply_timeout = connect_timeout, reply_timeout
        self.server = Probe(server="redis", version="")
        self._dial: Callable[[], Wire]
        if client is not None:
            self._dial, self.address = dialer_like(client, connect_timeout, reply_timeout)
        else:
            address = parse(url)
            self._dial, self.address = dialer(address, connect_timeout, reply_timeout), address.public

    @property
    def name(self) -> str:
        """`valkey 9.1.0`; `redis` before the first connection."""
        return self.server.name

    def connect(self) -> RemoteSession:
        """A session with a connection of its own."""
        return RemoteSession(self, self._dial())

    async def probe(self) -> Probe:
        """Version, topology and eviction policy, as far as the server's permissions allow. Raises StateError."""
        session = self.connect()
        try:
            await session.open()
            policy = await _policy(session)
        finally:
            await session.aclose()
        found = self.server
        notes = [*found.notes]
        if not policy:
            notes.append("the eviction policy is unknown: neither INFO nor CONFIG GET is permitted")
        elif policy != "noeviction":
            notes.append(f"{_POLICY} is {policy}: limits can be forgotten at maxmemory; noeviction is safe")
        return Probe(found.server, found.version, found.cluster, policy, tuple(notes))

    async def aclose(self) -> None:
        """Nothing to end: sessions are closed by their users."""


class RemoteSession:
    """One connection to the server. Not for two tasks at a time."""

    def __init__(self, engine: RemoteEngine, wire: Wire) -> None:
        self._engine, self._wire = engine, wire
        self._functions = False  # does the server run scripts as functions?

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | bytes], timeout: float | None = None
    ) -> list[str]:
        """Run the script (see base.Session). Default `timeout`: twice the reply timeout and one connect timeout."""
        engine, loop = self._engine, asyncio.get_running_loop()
        start = loop.time()
        deadline = start + (timeout or 2 * engine.reply_timeout + engine.connect_timeout)
        lost, loaded = 0, False
        while True:
            try:
                return _strings(await self._try(script, keys, args, deadline))
            except (Unreachable, TimedOut) as error:
                lost += 1
                if lost > 1 or loop.time() >= deadline:
                    raise self._named(error, script, loop.time() - start) from error
            except ServerError as error:
                if error.code == "NOSCRIPT" and not loaded:
                    loaded = True
                elif error.code not in _PASSING:
                    raise self._named(error, script, loop.time() - start) from error
                elif loop.time() + _PAUSE < min(deadline, start + _PATIENCE):
                    await self._wire.aclose()
                    await asyncio.sleep(_PAUSE)
                else:
                    named = Unreachable(f"{error.code} {error}")
                    raise self._named(named, script, loop.time() - start) from error

    async def _try(self, script: Script, keys: Sequence[str], args: Sequence[str | bytes], deadline: float) -> Any:
        engine, wire, key = self._engine, self._wire, keys[0] if keys else ""
        patience = engine.reply_timeout + (0 if wire.connected else engine.connect_timeout)
        try:
            async with asyncio.timeout_at(min(deadline, asyncio.get_running_loop().time() + patience)):
                if not wire.connected:
                    await self.open()
                words = (str(len(keys)), *keys, *args)
                if script.entry and self._functions:
                    try:
                        return await functions.call(wire, script, key, words, _PASSING)
                    except functions.NoFunctionsError:
                        self._functions = False
                return await self._call_script(script, key, words)
        except TimeoutError as error:
            raise TimedOut("no reply") from error

    async def _call_script(self, script: Script, key: str, words: Sequence[str | bytes]) -> Any:
        flagged = script.allow_oom and functions.supported(self._engine.server)
        try:
            return await self._wire.call(key, "EVALSHA", script.oom_sha if flagged else script.sha, *words)
        except ServerError as error:
            if error.code == "NOSCRIPT":
                await self._wire.call(key, "SCRIPT LOAD", script.oom_text if flagged else script.text)
            raise

    async def open(self) -> None:
        """Connect and learn which server this is. Raises StateError."""
        await self._wire.connect()
        try:
            reply = await self._wire.call("", "HELLO")
        except ServerError:
            self._engine.server = Probe("redis", "", notes=("the server's version is unknown: HELLO is refused",))
            return
        self._engine.server = _identity(reply)
        self._functions = functions.supported(self._engine.server)

    async def call(self, name: str, *rest: str) -> Any:
        """One plain command, for probing. Raises StateError."""
        return await self._wire.call("", name, *rest)

    def _named(self, error: StateError, script: Script, seconds: float) -> StateError:
        where = f"{self._engine.name} at {self._engine.address}"
        text = f"script {script.name} on {where} failed after {seconds:.2f} s: {error}"
        return ServerError(text, error.code) if isinstance(error, ServerError) else type(error)(text)

    def let_go(self) -> None:
        """See base.Session."""
        self._wire.let_go()

    async def aclose(self) -> None:
        """Drop the connection."""
        await self._wire.aclose()


def _strings(reply: Any) -> list[str]:
    if not isinstance(reply, list):
        raise ServerError("the script answered no array")
    return [item.decode(errors="replace") if isinstance(item, bytes) else _inner(item) for item in reply]


def _inner(item: Any) -> Any:
    return _strings(item) if isinstance(item, list) else item


def _identity(reply: Any) -> Probe:
    """HELLO's answer: a flat list in RESP2, a map in RESP3."""
    pairs = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
    told = {_text(name): _text(value) for name, value in pairs.items()}
    version = told.get("version", "")
    old = told.get("server") == "redis" and [int(part) for part in version.split(".")[:2]] < [6, 2]
    notes = (f"Redis {version} is older than 6.2 and not supported",) if old else ()
    return Probe(told.get("server", "redis"), version, told.get("mode") == "cluster", notes=notes)


async def _policy(session: RemoteSession) -> str:
    try:
        info = _text(await session.call("INFO", "memory"))
    except ServerError:
        info = ""
    for line in info.splitlines():
        if line.startswith("maxmemory_policy:"):
            return line.partition(":")[2].strip()
    try:
        answer = await session.call("CONFIG GET", _POLICY)
    except ServerError:
        return ""
    values = list(answer.values()) if isinstance(answer, dict) else answer[1::2]
    return _text(values[0]) if values else ""


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
