"""Where the state lives: in this process, on this machine, or on a Redis server. Chosen by the URL's scheme.

base.py says what an engine is; memory, embedded and remote (over redis.py, the border to redis-py) are the three.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from router_core.state.engines.address import SCHEMES
from router_core.state.engines.base import Engine, Probe, Script, ServerError, Session, TimedOut, Unreachable
from router_core.state.engines.memory import MemoryEngine

__all__ = [
    "Engine",
    "MemoryEngine",
    "Probe",
    "Script",
    "ServerError",
    "Session",
    "TimedOut",
    "Unreachable",
    "check_url",
    "engine",
]


def check_url(url: str) -> None:
    """ValueError if no engine serves this URL, of which the scheme alone is named: the rest may hold a password."""
    scheme, found, _ = url.partition("://")
    known = ("memory", "embedded", *SCHEMES)
    if not found or scheme not in known:
        what = repr(scheme) if found else "an address without a scheme"
        listed = ", ".join(f"{name}://" for name in known)
        raise ValueError(f"no engine for {what}; a URL of the state begins with one of {listed}")


def engine(
    url: str = "memory://",
    *,
    client: Any = None,
    connect_timeout: float = 1.0,
    reply_timeout: float = 1.0,
    clock: Callable[[], int] = time.time_ns,
) -> Engine:
    """The engine of a URL, or of a ready redis.asyncio `client`. Connects to nothing.

    `clock` (nanoseconds) is for `memory://` alone. Raises ValueError for a URL nobody here can serve, TypeError for a
    client of another library. What is not needed is not imported.
    """
    scheme, _, rest = url.partition("://")
    if client is None and scheme == "memory":
        return MemoryEngine(clock)
    if client is None and scheme == "embedded":
        from router_core.state.engines.embedded import EmbeddedEngine

        return EmbeddedEngine(rest, connect_timeout=connect_timeout, reply_timeout=reply_timeout)
    if client is None:
        check_url(url)
    from router_core.state.engines.remote import RemoteEngine

    return RemoteEngine(url, client=client, connect_timeout=connect_timeout, reply_timeout=reply_timeout)
