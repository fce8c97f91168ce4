"""The budget of retries against a log of every request and retry, in moved time and with several workers.

Halves of five seconds forget in steps, so the log gives two bounds: what is granted fits what was counted in the
longest time that a sum covers, and what is denied does not fit what was surely counted in the shortest.
"""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from router_core.state.records import Acquire, Denied, Extra
from router_core.state.worker import Firsts
from tests.state.kit import ask, declared, settled
from tests.state.pool_machine import PoolMachine, play

HALF, WHOLE = 5_000, 10_000  # ms that a sum covers at least, and at most
UNTOLD = Firsts.TOGETHER - 1  # requests that a worker has not told at most, while no time passes for it
RATIO, PER_SECOND = 0.25, 0.5
WORKERS = 3


class Budget(PoolMachine):
    """Requests and retries of three workers on memory://, whose time is moved."""

    @initialize(start=st.integers(0, 9_999))
    def begin(self, start: int) -> None:
        self.enter("budget")
        self.place.move(start)
        self.stores = [self.place.store() for _ in range(WORKERS)]
        for store in self.stores:
            self.do(store.register([declared()]))
        self.requests: list[int] = []
        self.retries: list[int] = []

    @rule(worker=st.integers(0, WORKERS - 1), times=st.integers(1, 30))
    def call(self, worker: int, times: int) -> None:
        for _ in range(times):
            self.do(self._acquire(worker, ask(counted=True)))
            self.requests.append(self.now)

    @rule(worker=st.integers(0, WORKERS - 1), times=st.integers(1, 8))
    def retry(self, worker: int, times: int) -> None:
        for _ in range(times):
            # What it has to tell counts as of now, though some of it may be older.
            granted = self.do(self._acquire(worker, ask(extra=Extra("retry", RATIO, PER_SECOND))))
            fewest = self._within(self.requests, HALF) - UNTOLD * (WORKERS - 1)
            most = self._within(self.requests, WHOLE) + UNTOLD * WORKERS
            if granted:
                assert self._within(self.retries, HALF) + 1 <= RATIO * most + PER_SECOND * WHOLE / 1000
                self.retries.append(self.now)
            else:
                assert self._within(self.retries, WHOLE) + 1 > RATIO * fewest + PER_SECOND * HALF / 1000

    @rule(ms=st.integers(1, 12_000))
    def wait(self, ms: int) -> None:
        self.place.move(ms)

    def _within(self, times: list[int], ms: int) -> int:
        return sum(at > self.now - ms for at in times)

    async def _acquire(self, worker: int, request: Acquire) -> bool:
        try:
            await settled(self.stores[worker], await self.stores[worker].acquire(request))
        except Denied:
            return False
        return True


@pytest.mark.slow
def test_what_is_granted_fits_the_log_and_what_is_denied_does_not() -> None:
    play(Budget, 40, 25, same=False)
