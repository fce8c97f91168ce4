"""Server time of a decision by the size of its group, one by one and in batches; of ten on Redis too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import redis

from tests import servers
from tests.bench.busy import Busy
from tests.bench.meter import COLUMNS, NOTE, Meter, figures, paired
from tests.bench.questions import Pool, pool
from tests.bench.report import Report, Table
from tests.bench.rounds import Measure, Taken, in_turns
from tests.bench.stage import Stage

SIZES, QUICK_SIZES = (3, 10, 32, 100, 1_000, 10_000), (3, 10, 100)
BASE, BATCH = "10", 64
TARGETS = {1: 100, BATCH: 40}  # µs with 10 deployments; with more, at most three times that


@dataclass(frozen=True)
class Stand:
    """A pool on a server of its own: what a large one leaves in a server's memory is not the small one's cost."""

    operator: redis.Redis
    meter: Meter
    pool: Pool


Way = Callable[[Stand, int], Callable[[int], Awaitable[object]]]  # of a stand and a batch: so many decisions


async def scripts(_: Stage, report: Report, quick: bool) -> None:
    """Acquire and settle; at most 32 candidates travel, whatever the size."""
    note = (
        "x base: against 10 deployments of the same kind; each size has a server of its own.\n"
        "busy: the server never idles between two (bench/busy.py)."
    )
    table = Table("scripts", "Server time of a decision (acquire and settle)", COLUMNS, notes=(NOTE, note))
    for engine, name, sizes in (
        ("valkey", "", QUICK_SIZES if quick else SIZES),
        ("redis82", ", Redis 8.2", (int(BASE),)),
    ):
        async with AsyncExitStack() as stack:
            stands = {}
            for size in sizes:
                report.say(f"scripts: registering {size} deployments{name}")
                stands[str(size)] = await _stand(stack, engine, size, quick)
            for what, way in (("decision", _one_by_one), ("decision, busy", _busy)):
                for batch in TARGETS:
                    report.say(f"scripts: {what}{name}, {batch} at once")
                    _tell(table, what + name, batch, await _taken(stands, way, batch))
    report.add(table)


async def _stand(stack: AsyncExitStack, engine: str, size: int, quick: bool) -> Stand:
    server = servers.start(engine)
    stack.callback(server.stop)
    operator = stack.enter_context(server.operator())
    made = await pool(server.url, f"bench-{size}", size)
    stack.push_async_callback(made.store.aclose)
    return Stand(operator, Meter(operator, quick), made)


async def _taken(stands: Mapping[str, Stand], way: Way, batch: int) -> dict[str, tuple[Taken, Taken]]:
    measures: dict[str, Measure] = {}
    for size, stand in stands.items():
        run = stand.meter.of(way(stand, batch))
        measures |= stand.meter.beside(size, run, busy=way is _busy)
    return paired(await in_turns(measures, stands[BASE].meter.turns))


def _one_by_one(stand: Stand, batch: int) -> Callable[[int], Awaitable[object]]:
    return lambda number: stand.pool.decisions(number, batch)


def _busy(stand: Stand, batch: int) -> Callable[[int], Awaitable[object]]:
    return Busy(stand.pool, stand.operator, batch).decisions


def _tell(table: Table, what: str, batch: int, taken: dict[str, tuple[Taken, Taken]]) -> None:
    for size, of in taken.items():
        most = f"≤ {TARGETS[batch] if int(size) <= 10 else 3 * TARGETS[batch]} µs"
        table.rows.append((what, int(size), batch, *figures(of, taken[BASE]), most))
