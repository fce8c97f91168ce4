"""The state in this process: a Lua 5.1 VM that offers the commands the scripts use, over Lua tables.

The commands are written in Lua (`memory*.lua`), because a call from Lua into Python costs as much as twenty of them.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

from lupa import lua51

from router_core.state.engines.base import Probe, Script, ServerError

_COMMANDS = ("memory_keys", "memory_zset", "memory_stream")


# A fork waits for running scripts: the child would inherit a half-run one and a lock that nobody opens. (A hook cannot
# be taken back, so there is one pair for the process instead of one per engine.)
_engines: weakref.WeakSet[MemoryEngine] = weakref.WeakSet()


def _hold() -> None:
    for engine in list(_engines):
        engine._lock.acquire()


def _let_go() -> None:
    for engine in list(_engines):
        engine._lock.release()


os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_let_go)


class MemoryEngine:
    """`memory://`: engine and session in one. Runs scripts from any loop or thread, one after the other.

    `clock` answers nanoseconds since 1970 and is what the scripts' TIME tells. After a fork the child has a copy of the
    state that goes its own way: processes share nothing here.
    """

    name = "memory"
    address = "memory://"

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._compiled: dict[str, Any] = {}
        self._lua = lua51.LuaRuntime(encoding=None, register_eval=False, register_builtins=False)
        vm, self._load, self._run = self._chunk("memory")()
        self._vm = vm
        sorted_sets = self._chunk("memory_sorted")()
        for name in _COMMANDS:
            self._chunk(name)(vm, sorted_sets)
        _engines.add(self)

    def _chunk(self, name: str) -> Any:
        source = files(__package__).joinpath(f"{name}.lua").read_bytes()
        return self._lua.eval(b"function(source, name) return assert(loadstring(source, name)) end")(
            source, b"@" + name.encode()
        )

    def connect(self) -> MemoryEngine:
        """This engine: it is its own session."""
        return self

    async def probe(self) -> Probe:
        """Nothing to find out."""
        return Probe(server="memory", version="")

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | bytes], timeout: float | None = None
    ) -> list[str]:
        """Run the script at once; `timeout` has nothing to wait for. Raises ServerError."""
        reply = self.evaluate(script, keys, args)
        if not isinstance(reply, list):
            raise ServerError(f"script {script.name} on memory:// answered no array")
        return reply

    def evaluate(self, script: Script, keys: Sequence[str], args: Sequence[str | bytes]) -> Any:
        """The script's reply, converted as a server does: str, int, None or a list of these. Raises ServerError."""
        table = self._lua.table_from
        with self._lock:
            compiled = self._compiled.get(script.sha) or self._compile(script)
            answer = self._run(
                compiled,
                table([key.encode() for key in keys]),
                table([arg.encode() if isinstance(arg, str) else arg for arg in args]),
                self._clock() // 1000,
            )
            if answer[0] == b"strings":
                return [item.decode(errors="replace") for item in answer[1:]]
            if answer[0] != b"error":
                return _plain(answer[1])
        raise _error(script, answer[1].decode(errors="replace"))

    def key_count(self) -> int:
        """How many keys there are, those included whose time is over but that no run has met since."""
        with self._lock:
            return len(list(self._vm[b"keys"].keys()))

    def _compile(self, script: Script) -> Any:
        source = f"{script.source}\nreturn {script.entry}" if script.entry else script.source
        compiled = self._load(script.name.encode(), source.encode())
        if isinstance(compiled, tuple):
            raise _error(script, "ERR Error compiling script: " + compiled[1].decode(errors="replace"))
        if script.entry:  # the definitions are made once
            compiled = compiled()
        self._compiled[script.sha] = compiled
        return compiled

    def let_go(self) -> None:
        """Nothing is shared with the parent."""

    async def aclose(self) -> None:
        """Nothing to end: the state lives as long as this object."""


def _plain(value: Any) -> Any:
    """A reply out of Lua: tables are lists, false is null. A nested error stays one, as text."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None if value is False else [_plain(item) for item in value.values()]


def _error(script: Script, message: str) -> ServerError:
    code = message.split(" ", 1)[0]
    return ServerError(f"script {script.name} on memory:// failed: {message}", code if code.isupper() else "ERR")
