"""What the tests of the Store share: a pool on one engine, Stores in it, a look at its keys, time that is moved.

    place = Place(url, pool)
    store = place.store()            # another worker of the pool; `place.aclose()` closes all
    place.do("HGET", "inflight", "a")          # any command on a column of the pool, as the operator
    place.move(5000)                 # pool time goes on by 5 s; workers keep the age of their last heartbeat
    place.freeze()                   # memory:// only: time stands still until it is moved

A worker's heartbeat is sent by `beat`, where a test moves time faster than the real one.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Sequence
from typing import Any, cast

import redis

from router_core import strategies
from router_core.state.engines import Engine, Script, Session
from router_core.state.engines import engine as engine_of
from router_core.state.keys import COLUMNS
from router_core.state.operations import AcquireOp, Operation, Share
from router_core.state.records import Acquire, Breaker, Declared, Lease, Outcome, OutcomeKind, Refused, StateError
from router_core.state.store import Store
from tests.state.quick_engine import QuickEngine

RANKS = strategies.sources(
    ["simple-shuffle", "least-busy", "least-tokens", "latency-based-routing", "usage-based-routing"]
)
OPERATOR = ("router:test-router@", "operator:test-operator@")
SEPARATOR = "\x1e"
READING = frozenset(("EXISTS", "TYPE", "HGET", "HMGET", "HGETALL", "HKEYS", "ZSCORE", "ZCARD", "ZRANGE", "XRANGE"))
READS = {"hash": ("HGETALL",), "zset": ("ZRANGE", "0", "-1", "WITHSCORES"), "stream": ("XRANGE", "-", "+")}
_RAW = Script("raw", "return redis.call(unpack(ARGV))")


class Place:
    """One pool on one engine. `clock_ms` is what memory:// takes for the time while it is frozen."""

    def __init__(self, url: str, pool: str) -> None:
        self.url, self.pool = url, pool
        self.clock_ms: int | None = None
        self.stores: list[Store] = []
        self.sessions: list[Session] = []
        self.prefix = f"rc:{{{pool}}}:"
        self.memory = QuickEngine(self._time_ns) if url == "memory://" else None
        self._client: redis.Redis | None = None

    @property
    def is_memory(self) -> bool:
        return self.memory is not None

    def _time_ns(self) -> int:
        return time.time_ns() if self.clock_ms is None else self.clock_ms * 1_000_000

    def engine(self) -> Engine:
        """The engine for one more Store: shared by all on memory://, else one of its own."""
        return self.memory or engine_of(self.url)

    def store(self, *, pool: str | None = None, engine: Engine | None = None, **options: Any) -> Store:
        made = Store(
            self.url,
            pool=pool or self.pool,
            ranks=RANKS,
            engine=engine or self.engine(),
            **({"timeout": 2.0} | options),
        )
        self.stores.append(made)
        return made

    async def aclose(self) -> None:
        for session in self.sessions:
            await session.aclose()
        for store in self.stores:
            await store.aclose()
        if self._client is not None:
            self._client.close()

    def raw(self, command: str, key: str, *rest: str | int) -> Any:
        """One command on any key, texts decoded. What an operator's hand changes is seen after 100 ms at most; here
        at once."""
        reply = self._raw(command, key, *rest)
        if command not in READING and key.startswith(self.prefix) and self._type("lease") == "hash":
            self._raw("HSET", f"{self.prefix}lease", "~writes", random.getrandbits(52))
        return reply

    def _raw(self, command: str, key: str, *rest: str | int) -> Any:
        words = [key, *map(str, rest)]
        if self.memory is not None:
            return self.memory.evaluate(_RAW, [key], [command, *words])
        return self._operator().execute_command(command, *words)

    def _operator(self) -> Any:
        if self._client is None:
            url = self.url.replace(*OPERATOR)
            self._client = redis.Redis.from_url(url, decode_responses=True, protocol=2)
            self._client.response_callbacks.clear()
        return self._client

    def do(self, command: str, column: str, *rest: str | int) -> Any:
        """One command on a column of the pool."""
        return self.raw(command, self.prefix + column, *rest)

    def column(self, name: str) -> dict[str, str]:
        """All fields of a hash column but the scripts' own."""
        return cast(dict[str, str], _read("hash", self.do("HGETALL", name)))

    def members(self, name: str) -> dict[str, float]:
        """All members of a sorted set but the scripts' own."""
        return cast(dict[str, float], _read("zset", self.do("ZRANGE", name, 0, -1, "WITHSCORES")))

    def put(self, column: str, field: str, text: str) -> None:
        """What an operator's hand does to one field."""
        self.do("HSET", column, field, text)

    def inflight(self, deployment: str) -> int:
        return int(self.column("inflight").get(deployment, "0"))

    def used(self, limit_id: str) -> int:
        """The running sum of a window, as it was last written."""
        return int(self.column("used").get(limit_id, "0 0").split()[0])

    def held(self) -> dict[str, str]:
        """The running calls: lease -> record."""
        return {id: text for id, text in self.column("lease").items() if text.startswith("held ")}

    def now_ms(self) -> int:
        """Pool time of the last run, or up to 10 ms before it."""
        return int(self.do("HGET", "clock", "last_ms"))

    def move(self, ms: int, *, workers: bool = True) -> None:
        """Pool time jumps ahead. With `workers` those alive stay as alive as they are."""
        if self.clock_ms is not None:
            self.clock_ms += ms
        else:
            offset = int(self.do("HGET", "clock", "offset_ms") or 0)
            self.put("clock", "offset_ms", str(offset + ms))
        for worker, beat in self.members("workers").items() if workers else ():
            self.do("ZADD", "workers", int(beat) + ms, worker)

    def freeze(self) -> None:
        """From now on time moves only by `move`."""
        assert self.memory is not None
        self.clock_ms = time.time_ns() // 1_000_000

    def silence(self, store: Store) -> None:
        """The pool has not heard of this worker for longer than it may live."""
        self.do("ZADD", "workers", self.now_ms() - 60_000, store.worker)

    def dump(self, groups: Sequence[str] = ("g",), *, without: Sequence[str] = ("clock", "workers")) -> dict[str, Any]:
        """Everything the pool keeps, for comparison; what every run moves is left out."""
        names = [name for name in COLUMNS if name not in without] + [f"waiting:{group}" for group in groups]
        kinds = dict(zip(names, map(_kind, self._several([(name, "TYPE") for name in names])), strict=True))
        there = [name for name in names if kinds[name] in READS]
        replies = self._several([(name, *READS[kinds[name]]) for name in there])
        contents = {name: _read(kinds[name], reply) for name, reply in zip(there, replies, strict=True)}
        return {name: contents.get(name, {} if kind == "none" else kind) for name, kind in kinds.items()}

    def _several(self, commands: Sequence[Sequence[str]]) -> list[Any]:
        """Commands that read columns, (column, command, …), in one exchange."""
        if self.memory is not None:
            return [self.do(command, name, *rest) for name, command, *rest in commands]
        pipe = self._operator().pipeline(transaction=False)
        for name, command, *rest in commands:
            pipe.execute_command(command, self.prefix + name, *rest)
        return cast(list[Any], pipe.execute())

    def _type(self, name: str) -> str:
        return _kind(self.do("TYPE", name))

    def forget(self) -> None:
        """What a FLUSHALL, an empty restart or a failover to an empty replica does."""
        for name in [*COLUMNS, "waiting:g"]:
            self.do("DEL", name)


def _kind(reply: Any) -> str:
    return cast(str, reply if isinstance(reply, str) else reply["ok"])


def _read(kind: str, flat: Any) -> Any:
    """What a key holds but for what is the scripts' own ("~", "~writes"), as its commands of READS tell it."""
    if kind == "stream":
        return flat
    pairs = {flat[i]: flat[i + 1] for i in range(0, len(flat), 2) if not flat[i].startswith("~")}
    return pairs if kind == "hash" else {member: float(score) for member, score in pairs.items()}


def declared(id: str = "a", group: str = "g", **more: Any) -> Declared:
    """A deployment of group g; `limits` by name."""
    return Declared(**{"id": id, "group": group, "provider": "openai", "account": f"openai-{id}", **more})


def ask(*candidates: str, **more: Any) -> Acquire:
    """A question for group g, candidate a."""
    return Acquire(**{"group": "g", "candidates": candidates or ("a",), **more})


def ended(kind: OutcomeKind = "ok", input: int | None = None, output: int | None = None, **more: Any) -> Outcome:
    """An outcome; without tokens what was reserved stays charged."""
    return Outcome(kind, **{"total_ms": 100.0, "input_tokens": input, "output_tokens": output, **more})


def question(id: str, request: Acquire, valid_until: int, seed: int = 7) -> AcquireOp:
    """An acquire as it travels, for sending by hand."""
    return AcquireOp(request, id, "g", "g simple-shuffle", " ".join(request.candidates), seed, valid_until, 0)


async def serving(place: Place, store: Store | None = None, **limits: int) -> Store:
    """A worker with deployment a."""
    store = store or place.store()
    await store.register([declared(limits=limits)])
    return store


NOW = Breaker(trip="now", cooldown=5.0)


async def tried(store: Store, request: Acquire) -> Lease | Refused | StateError:
    """One acquire: the lease, or what was raised."""
    try:
        return await store.acquire(request)
    except (Refused, StateError) as error:
        return error


async def tries(store: Store, request: Acquire, times: int) -> tuple[list[Lease], list[Refused]]:
    """So many concurrent acquires: the leases granted, the refusals."""
    answers = await asyncio.gather(*(store.acquire(request) for _ in range(times)), return_exceptions=True)
    other = [x for x in answers if not isinstance(x, (Lease, Refused))]
    assert not other, other[:3]
    return [x for x in answers if isinstance(x, Lease)], [x for x in answers if isinstance(x, Refused)]


async def settled(store: Store, *leases: Lease, outcome: Outcome | None = None) -> None:
    """Settle and wait until it is done."""
    for lease in leases:
        store.settle(lease, outcome or ended())
    await store.flush()


async def beat(store: Store) -> None:
    """The worker's heartbeat, now."""
    await asyncio.wrap_future(store.background.submit(store._process().fleet.beat()))


class Raw:
    """Operations sent by hand through a session of their own, as a worker of a given name would."""

    def __init__(self, place: Place, store: Store, worker: str | None = None) -> None:
        self.place, self.store, self.worker = place, store, worker or store.worker
        self.session: Session = store.engine.connect()
        place.sessions.append(self.session)

    async def run(
        self, *operations: Operation | str, groups: Sequence[str] = ("g",), script: Script | None = None
    ) -> list[str]:
        """The answers, in order."""
        share = Share()
        lines = [each if isinstance(each, str) else each.line(share) for each in operations]
        args = [" ".join((self.worker, "e" * 16, *groups)), str(len(share.texts)), *share.texts, *lines]
        keys = self.store.keys.for_run(groups, share.keys)
        reply = await self.session.run(script or self.store.calls_script, keys, args, 5.0)
        return SEPARATOR.join(reply).split(SEPARATOR)[1:]


def edited(script: Script, pattern: str, replacement: str, flags: int = 0) -> Script:
    """The script with one place changed, to show that a test sees the difference. Fails when there is no such place."""
    source, count = re.subn(pattern, replacement, script.source, flags=flags)
    assert count >= 1, f"the script has no {pattern!r}: adapt the mutation to it"
    return Script(f"{script.name}-mutant", source, allow_oom=script.allow_oom, entry=script.entry)
