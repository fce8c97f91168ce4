"""A session that loses, repeats and delays what a Store sends, and the log of what really ran.

The log is the witness: it sees each operation that reached the engine, with its answer, also where the reply was lost.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from router_core.state.engines import Engine, Probe, Script, Session, TimedOut, Unreachable
from tests.state.kit import SEPARATOR
from tests.state.ledger import Entry, Ledger

FAULTS = ("lost send", "lost reply", "repeated", "late", "refused")


@dataclass
class Reservation:
    """One lease as the engine granted it. `ended`: how it was charged, None while it is open."""

    deployment: str
    at_ms: int
    entries: dict[str, Entry]
    reserved: int
    ended: str | None = None


@dataclass
class Log:
    """What ran, compared with what may run. `limits`: requests and tokens per minute of every deployment."""

    requests: int
    tokens: int
    leases: dict[str, Reservation] = field(default_factory=dict)
    ledgers: dict[str, tuple[Ledger, Ledger]] = field(default_factory=dict)
    charged: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def ran(self, args: Sequence[str | bytes], answer: Sequence[str]) -> None:
        """One run of the script of calls: settles and cancels first, then acquires."""
        head, *replies = SEPARATOR.join(answer).split(SEPARATOR)
        now = int(head.split(" ")[0])
        operations = [str(arg).split(" ") for arg in args[2 + int(args[1]) :]]
        done = sorted(zip(operations, replies, strict=True), key=lambda pair: pair[0][0] == "acquire")
        for words, reply in done:
            self.counts[f"{words[0]} {reply.split(' ')[0]}"] += 1
            if reply.startswith("error"):
                self.wrong.append(f"{' '.join(words)}: {reply}")
            elif words[0] == "acquire" and reply.startswith("ok "):
                self._granted(words, reply, now)
            elif words[0] in ("settle", "cancel") and reply == "ok":
                self._ended(words)

    def _granted(self, words: list[str], reply: str, now: int) -> None:
        id, deployment, amount = words[1], reply.split(" ")[1], min(int(words[7]) + int(words[8]), self.tokens)
        known = self.leases.get(id)
        if known is not None:
            if known.deployment != deployment or known.ended:
                self.wrong.append(f"{id}: a repeated acquire was granted anew")
            return
        requests, tokens = self.of(deployment)
        for ledger, wanted in ((requests, 1), (tokens, amount)):
            if ledger.inside(now) + wanted > ledger.limit:
                self.wrong.append(f"{id}: {ledger.inside(now)} + {wanted} is above {ledger.limit}")
        entries = {"requests": requests.add(now, 1), "tokens": tokens.add(now, amount)}
        self.leases[id] = Reservation(deployment, now, entries, amount)

    def _ended(self, words: list[str]) -> None:
        lease = self.leases.get(words[1])
        if lease is None or lease.ended:
            if words[0] == "settle" or (lease and lease.ended):
                self.wrong.append(f"{' '.join(words)}: ended a lease that was {lease and lease.ended}")
            return
        lease.ended = words[0]
        if words[0] == "cancel":
            lease.entries["requests"].amount = lease.entries["tokens"].amount = 0
            return
        used = int(words[9]) + int(words[10])
        lease.entries["tokens"].amount = used
        self.charged[lease.deployment] += used

    def of(self, deployment: str) -> tuple[Ledger, Ledger]:
        """The exact logs of a deployment's requests and tokens."""
        return self.ledgers.setdefault(deployment, (Ledger(self.requests, 60), Ledger(self.tokens, 60)))


class Faulty:
    """An engine whose sessions fail with probability `rate`, by seed; nothing of the workers in `dead` gets through."""

    def __init__(self, engine: Engine, log: Log, seed: int, rate: float) -> None:
        self.engine, self.log, self.rate = engine, log, rate
        self.dice = Random(seed)
        self.dead: set[str] = set()
        self._one = threading.Lock()
        self.injected: Counter[str] = Counter()
        self.late: list[tuple[Script, Sequence[str], Sequence[str | bytes]]] = []
        self.postman = engine.connect()  # brings what is late: a session is for one run at a time
        self.name, self.address = engine.name, engine.address

    def connect(self) -> FaultySession:
        return FaultySession(self, self.engine.connect())

    async def probe(self) -> Probe:
        return await self.engine.probe()

    async def aclose(self) -> None:
        await self.postman.aclose()
        await self.engine.aclose()

    async def deliver_late(self) -> None:
        """What was held back arrives now, long after its sender gave up."""
        late, self.late = self.late, []
        for script, keys, args in late:
            await self.run(self.postman, script, keys, args)

    async def run(
        self, session: Session, script: Script, keys: Sequence[str], args: Sequence[str | bytes]
    ) -> list[str]:
        """Run and log, one at a time over all loops: the log is in the order of the runs."""
        while not self._one.acquire(blocking=False):  # noqa: ASYNC110 (its users are loops of several threads)
            await asyncio.sleep(0.0005)
        try:
            answer = await session.run(script, keys, args, 5.0)
            self.log.ran(args, answer)
        finally:
            self._one.release()
        return answer


class FaultySession:
    """One connection with the faults of its owner; only the script of calls is hit."""

    def __init__(self, owner: Faulty, session: Session) -> None:
        self.owner, self.session = owner, session

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | bytes], timeout: float | None = None
    ) -> list[str]:
        owner = self.owner
        if str(args[0]).split(" ", 1)[0] in owner.dead:
            raise Unreachable("this process is dead")
        if script.name != "calls":
            return await self.session.run(script, keys, args, timeout)
        fault = owner.dice.choice(FAULTS) if owner.dice.random() < owner.rate else ""
        owner.injected[fault or "none"] += 1
        if fault == "lost send":
            raise TimedOut("injected: never sent")
        if fault == "refused":
            raise Unreachable("injected: refused")
        if fault == "late":
            owner.late.append((script, list(keys), list(args)))
            raise TimedOut("injected: runs later")
        answer = await owner.run(self.session, script, keys, args)
        if fault == "lost reply":
            raise TimedOut("injected: reply lost")
        if fault == "repeated":
            answer = await owner.run(self.session, script, keys, args)
        return answer

    def let_go(self) -> None:
        self.session.let_go()

    async def aclose(self) -> None:
        await self.session.aclose()
