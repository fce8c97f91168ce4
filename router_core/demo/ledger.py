"""What Redis holds, read as it lies there and not through the router: reservations, leases, its own counts of calls."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from router_core.demo.scenario import GROUP, MINUTE
from router_core.simulator import worst_window
from router_core.state.engines import Engine, Script, ServerError
from router_core.state.keys import Keys

_HASH = Script("demo-hash", "return redis.call('HGETALL', KEYS[1])")
_SORTED = Script("demo-sorted", "return redis.call('ZRANGE', KEYS[1], 0, -1)")
_INFO = Script("demo-info", "return {redis.call('INFO', 'commandstats')}")
_REMOVE = Script("demo-remove", "redis.call('UNLINK', unpack(KEYS)) return {}")
_OWN = "~"  # with it begins what is the scripts' own
_SCRIPTS = re.compile(r"^cmdstat_(?:evalsha|fcall):calls=(\d+),usec=(\d+)", re.MULTILINE)

Slots = dict[tuple[str, str], dict[int, int]]  # (deployment, resource) -> second of the pool's clock -> reserved in it


class Ledger:
    """Call `read` at least once a minute: the windows' slots, a second each, are used again after 61 s."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._session, self._keys = engine.connect(), keys
        self._reserved: Slots = defaultdict(dict)

    async def read(self) -> None:
        """What is reserved in the last minute. Raises StateError."""
        for deployment, resource, second, amount in slots(await self._hash("used"), await self._hash("window")):
            self._reserved[deployment, resource][second] = amount

    def worst(self, deployment: str, resource: str) -> int:
        """The most of `requests` or `tokens` that was reserved in any rolling minute."""
        return worst_window(self._reserved.get((deployment, resource), {}).items(), MINUTE)[1]

    async def leases(self) -> int:
        """Leases in any of the places where one may be left. Raises StateError."""
        held = {name for name in await self._hash("lease") if not name.startswith(_OWN)}
        for key in ("leases", "held", "expired"):
            members = await self._session.run(_SORTED, [self._keys.of(key)], [])
            held |= {member.rpartition("|")[2] for member in members if not member.startswith(_OWN)}
        return len(held)

    async def inflight(self) -> int:
        """The sum over all deployments. Raises StateError."""
        return sum(int(count) for name, count in (await self._hash("inflight")).items() if not name.startswith(_OWN))

    async def scripts(self) -> tuple[int, int] | None:
        """The server's count of script calls by all its clients, and their microseconds; None where it is secret."""
        try:
            info = await self._session.run(_INFO, [self._keys.of("clock")], [])
        except ServerError:
            return None
        found = _SCRIPTS.findall(info[0].replace("\r", ""))
        return sum(int(calls) for calls, _ in found), sum(int(usec) for _, usec in found)

    async def remove(self) -> bool:
        """Delete the pool; False where this user may not. Raises StateError where nobody answers."""
        try:
            await self._session.run(_REMOVE, self._keys.for_run([GROUP]), [])
        except ServerError:
            return False
        return True

    async def aclose(self) -> None:
        await self._session.aclose()

    async def _hash(self, name: str) -> dict[str, str]:
        flat = iter(await self._session.run(_HASH, [self._keys.of(name)], []))
        return dict(zip(flat, flat, strict=True))


def slots(used: dict[str, str], window: dict[str, str]) -> Iterable[tuple[str, str, int, int]]:
    """(deployment, resource, second, amount) of `deployment/resource/60` -> "sum oldest_slot amount last_ms", the
    newest slot, and of those before: `deployment/resource/60:slot` -> "amount last_ms"."""
    for name, value in (*used.items(), *window.items()):
        if name.startswith(_OWN):
            continue
        deployment, resource, seconds = name.partition(":")[0].split("/")
        words = value.split()
        if seconds == "60" and resource in ("requests", "tokens") and (name in window or len(words) == 4):
            amount, last_ms = words[-2:]
            yield deployment, resource, int(last_ms) // 1000, int(amount)
