"""This process as the pool knows it: its name, its sense of the pool's time, the calls it runs."""

from __future__ import annotations

import os
import random
import secrets
import socket
import time

from router_core.state.batch import Reply
from router_core.state.names import escape
from router_core.state.records import Lease
from router_core.state.silence import Silences


class Firsts:
    """Requests by group that the pool was not told of yet: it is told of several at once (budget.lua), but soon, for
    what is told counts as of that moment."""

    TOGETHER = 8
    OLDEST = 2.5  # seconds

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[int, float]] = {}  # group -> how many, since when (monotonic)

    def add(self, group: str) -> None:
        """One more. Two threads at once may count one: a little less is no harm."""
        count, since = self._waiting.get(group) or (0, time.monotonic())
        self._waiting[group] = count + 1, since

    def take(self, group: str, all_of_them: bool) -> int:
        """How many to tell now."""
        count, since = self._waiting.get(group, (0, 0.0))
        if count and (all_of_them or count >= self.TOGETHER or time.monotonic() - since > self.OLDEST):
            self._waiting.pop(group, None)
            return count
        return 0


class Worker:
    """One process (a forked child is another). `name` is `host-pid-random`; lease ids begin with the cell."""

    def __init__(self, cell: int = 0) -> None:
        token = secrets.token_hex(4)
        self.pid = os.getpid()
        self.name = escape(f"{socket.gethostname()[:40]}-{self.pid}-{token}")
        self.new_epoch = secrets.token_hex(8)
        self.live: dict[str, Lease] = {}  # granted, not yet handed to settle
        self.silences = Silences()
        self.open_operations = 0  # acquires and settles on their way: their leases may or may not be held there
        self.known = True
        self.scopes = ""  # whose limits there are: "account,user"
        self.firsts = Firsts()
        self._prefix = f"{cell}.{token}."
        self._count = 0
        self._ahead_ms: float | None = None  # pool time minus monotonic time
        # A forked child inherits its parent's generator: each process draws from its own.
        self._random = random.Random(secrets.randbits(64))

    def lease_id(self) -> str:
        """A new id, unique in the pool. Of even width: tickets of one millisecond stand in the order of their texts."""
        self._count += 1
        return f"{self._prefix}{self._count:08x}"

    def seed(self) -> int:
        """A seed for the scripts' generator: 1 to 2^31 - 2."""
        return int(self._random.random() * 2147483645) + 1

    def heard(self, reply: Reply) -> None:
        """A reply tells the pool's time, whether we count as alive, and whose limits there are."""
        self._ahead_ms = reply.now_ms - time.monotonic() * 1000
        self.known, self.scopes = reply.known, reply.scopes

    @property
    def introduced(self) -> bool:
        """Did the pool ever answer?"""
        return self._ahead_ms is not None

    def pool_ms(self) -> float:
        """The pool's time now, as far as this worker can tell. Its own wall clock plays no part."""
        if self._ahead_ms is None:
            raise RuntimeError("the pool's time is not known before its first reply")
        return self._ahead_ms + time.monotonic() * 1000
