"""The one way the Store speaks to its state: run a script, get strings back.

An `Engine` belongs to a Store and is where the state lives; a `Session` is one connection to it, for one event loop and
one run at a time. The Store keeps one session per loop for batches and one for heartbeat and control.

    StateError                 (router_core.state.records)
    ├── Unreachable            nobody listens there: refused, no route, no master, cluster down
    ├── TimedOut               no reply within the time; the script may have run
    └── ServerError            the server answered an error: of the script, of permission, of memory
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Protocol

from router_core.state.records import StateError

_ALLOW_OOM = "#!lua flags=allow-oom\n"
# A library sees nothing of the language while it is loaded, so its first call makes the definitions.
_LIBRARY = """\
#!lua name={function}
local run
local function define()
{source}
return {entry}
end
redis.register_function({{
  function_name = "{function}",
  flags = {{ {flags} }},
  callback = function(keys, args)
    run = run or define()
    return run(keys, args)
  end,
}})
"""


class Unreachable(StateError):
    """Nobody answers there; nothing was run by the last attempt."""


class TimedOut(StateError):
    """No reply in time. The script may have run: repeat the same operations or let them become void."""


class ServerError(StateError):
    """The server answered an error; `code` is its first word (`OOM`, `NOPERM`, `WRONGTYPE`, `ERR` …)."""

    def __init__(self, message: str, code: str = "ERR") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Script:
    """One Lua script. `allow_oom`: may write at maxmemory (servers from 7.0 on; settle needs it).

    `entry`: the source only defines, and this function of it is the run: function(KEYS, ARGV). Such a script can be
    a `library` with one `function`, for servers that keep definitions (Redis and Valkey Functions, 7.0 and later).
    `sha` names `text`; servers that know `allow_oom` load `oom_text`, named by `oom_sha`.
    """

    name: str
    source: str
    allow_oom: bool = False
    entry: str = ""
    text: str = field(init=False, repr=False)
    sha: str = field(init=False)
    oom_text: str = field(init=False, repr=False)
    oom_sha: str = field(init=False, repr=False)
    function: str = field(init=False, repr=False)
    library: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        text = f"{self.source}\nreturn {self.entry}(KEYS, ARGV)" if self.entry else self.source
        flagged = _ALLOW_OOM + text if self.allow_oom else text
        sha = sha1(text.encode()).hexdigest()
        function = f"rc_{self.name.replace('-', '_')}_{sha}"
        flags = '"allow-oom"' if self.allow_oom else ""
        library = _LIBRARY.format(function=function, source=self.source, entry=self.entry, flags=flags)
        derived = {
            "text": text,
            "sha": sha,
            "oom_text": flagged,
            "oom_sha": sha1(flagged.encode()).hexdigest(),
            "function": function,
            "library": library,
        }
        for field_name, value in derived.items():
            object.__setattr__(self, field_name, value)


@dataclass(frozen=True, slots=True)
class Probe:
    """What an engine found out about its server. `notes` are for people: what is unknown or unwise."""

    server: str  # "memory" | "valkey" | "redis"
    version: str  # "9.1.0"; "" where unknown
    cluster: bool = False
    policy: str = ""  # maxmemory-policy; "" where unknown
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`valkey 9.1.0`, for status and test summaries."""
        return f"{self.server} {self.version}".strip()


class Session(Protocol):
    """One connection, for one event loop, one `run` at a time. Connects at its first run, and again when it broke."""

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | bytes], timeout: float | None = None
    ) -> list[str]:
        """Run the script; its array of strings. `timeout`: seconds for everything, retry included.

        A script the server does not know is loaded; a lost connection is made anew, the same bytes are sent once more.
        Raises Unreachable, TimedOut, ServerError; nothing else but CancelledError (then the connection is dropped).
        """
        ...

    def let_go(self) -> None:
        """In a forked child: hold nothing of the parent's connection any more, without closing it for the parent."""
        ...

    async def aclose(self) -> None:
        """End the connection. A later run opens a new one."""
        ...


class Engine(Protocol):
    """Where the state lives. Made without connecting to anything."""

    @property
    def name(self) -> str:
        """`memory`, `valkey 9.1.0`; before the first connection only the kind."""
        ...

    @property
    def address(self) -> str:
        """Where it is, without password."""
        ...

    def connect(self) -> Session:
        """A new session for the running event loop; does no I/O. After a fork, the child makes its own."""
        ...

    async def probe(self) -> Probe:
        """Ask the server about itself. Raises StateError when it cannot be reached."""
        ...

    async def aclose(self) -> None:
        """End what the engine holds (a membership in an embedded server); sessions are closed by their users."""
        ...
