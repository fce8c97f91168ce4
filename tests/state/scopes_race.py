"""A race for many rows at once: every (scope, resource, window) has a deployment and a caller of its own, and all
processes ask for all of them.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from router_core.state.names import scope_of
from router_core.state.records import Acquire, Declared, Lease, Refused, Rows
from router_core.state.store import Store
from tests.state.kit import RANKS, Place, declared, edited
from tests.state.ledger import Ledger
from tests.state.models import PRICES, SCOPES, WINDOWED, WINDOWS, period, taken
from tests.state.race_workers import PATIENCE, Told, patient

INPUT, OUTPUT = 6, 4  # tokens of every call


@dataclass(frozen=True)
class Target:
    """A row that has room for `admitted` calls, and who meets it."""

    number: int
    scope: str
    row: str
    admitted: int

    @property
    def id(self) -> str:
        return f"d{self.number}"

    @property
    def subject(self) -> str:
        return self.id if self.scope == "deployment" else f"{self.scope}:{self.scope}{self.number}"

    @property
    def limits(self) -> dict[str, int | str]:
        return {self.row: self.admitted * taken(self.row, INPUT, OUTPUT)}

    @property
    def deployment(self) -> Declared:
        names = {one: f"{one}{self.number}" for one in ("account", "provider", "group")}
        return declared(self.id, **names, limits=self.limits if self.scope == "deployment" else {}, **PRICES)

    @property
    def request(self) -> Acquire:
        subjects = (self.subject,) if self.scope in ("tag", "user", "team") else ()
        return Acquire(f"group{self.number}", (self.id,), input_tokens=INPUT, output_tokens=OUTPUT, subjects=subjects)

    def counts(self, admitted_ms: list[int], span_ms: tuple[int, int]) -> None:
        """In every rolling window, or period, at most so many; exactly so many where all was in one."""
        _, _, window = self.row.partition("/")
        where = f"{self.subject}/{self.row}: {len(admitted_ms)} of {self.admitted}"
        if window.isdecimal():
            ledger = Ledger(self.admitted, int(window))
            for at_ms in sorted(admitted_ms):
                ledger.add(at_ms, 1)
                assert ledger.inside(at_ms) <= self.admitted, where
            at_once = span_ms[1] - span_ms[0] < ledger.span
        else:
            starts = Counter(period(window, at_ms)[0] if window else 0 for at_ms in admitted_ms)
            assert max(starts.values()) <= self.admitted, where
            at_once = not window or period(window, span_ms[0]) == period(window, span_ms[1])
        assert len(admitted_ms) == self.admitted if at_once else len(admitted_ms) >= self.admitted, where


def targets(admitted: int) -> list[Target]:
    """Every scope with every resource in every window."""
    rows = [f"{resource}/{window}" for window in WINDOWS for resource in WINDOWED]
    pairs = [(scope, row) for scope in SCOPES for row in (*rows, "concurrent")]
    return [Target(number, scope, row, admitted) for number, (scope, row) in enumerate(pairs)]


async def register(store: Store, aims: list[Target]) -> None:
    rows = [Rows(aim.subject, aim.limits) for aim in aims if scope_of(aim.subject)]
    await store.register([aim.deployment for aim in aims], rows)


def granted_ms(place: Place) -> Iterator[tuple[str, int]]:
    """(deployment, pool time) of every call that was admitted and has not been settled, as the pool has it."""
    for text in place.column("lease").values():
        found = re.match(r"\w+ (\S+) \S+ \S+ \S+ (\d+)", text)
        assert found, text
        yield found[1], int(found[2])


def race(url: str, pool: str, aims: list[Target], times: int, edit: tuple[str, str], start: Any, answers: Any) -> None:
    """`times` acquires of each at the same time as others; `edit` breaks the script."""
    answers.put(asyncio.run(_race(url, pool, aims, times, edit, start)))


async def _race(url: str, pool: str, aims: list[Target], times: int, edit: tuple[str, str], start: Any) -> Told:
    store = Store(url, pool=pool, ranks=RANKS, timeout=60.0, engine=patient(url))
    if edit[0]:
        store.calls_script = edited(store.calls_script, *edit)
    await store.snapshot([])
    await asyncio.to_thread(start.wait, PATIENCE)
    questions = [store.acquire(aim.request) for _ in range(times) for aim in aims]
    found = await asyncio.gather(*questions, return_exceptions=True)
    await asyncio.to_thread(start.wait, PATIENCE)  # nobody leaves before all have asked
    leases = sum(isinstance(one, Lease) for one in found)
    refused = sum(isinstance(one, Refused) for one in found)
    failed = {repr(one) for one in found if not isinstance(one, Lease | Refused)}
    return Told(os.getpid(), leases, refused, failed=tuple(failed))
