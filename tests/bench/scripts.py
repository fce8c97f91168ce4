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
from tests.bench.report import Cell, Report, Table
from tests.bench.rounds import Measure, Taken, in_turns
from tests.bench.stage import Stage

SIZES, QUICK_SIZES = (3, 10, 32, 100, 1_000, 10_000), (3, 10, 100)
BASE, BATCH = 10, 64
TARGETS = {1: 100, BATCH: 40}  # µs with 10 deployments; with more, at most three times that


@dataclass(frozen=True)
class Stand:
    """A pool on a server of its own: what a large one leaves in a server's memory is not the small one's cost."""

    operator: redis.Redis
    meter: Meter
    pool: Pool


Row = tuple[Cell, ...]
Way = Callable[[Stand, int], Callable[[int], Awaitable[object]]]  # of a stand and a batch: so many decisions


async def scripts(_: Stage, report: Report, quick: bool) -> None:
    """Acquire and settle; at most 32 candidates travel, whatever the size."""
    note = (
        "x base: against 10 deployments in the same turns. Each size has a server of its own; that of 10 is measured\n"
        "alone: another one beside it costs it 10 %. busy: the server never idles between two (bench/busy.py)."
    )
    table = Table("scripts", "Server time of a decision (acquire and settle)", COLUMNS, notes=(NOTE, note))
    sizes = QUICK_SIZES if quick else SIZES
    taken = [await _size("valkey", size, quick, report) for size in sizes]
    for what in taken[0]:
        table.rows.extend(rows[what] for rows in taken)
    table.rows.extend((await _size("redis82", BASE, quick, report, ", Redis 8.2")).values())
    report.add(table)


async def _size(engine: str, size: int, quick: bool, report: Report, suffix: str = "") -> dict[tuple[str, int], Row]:
    """The rows of one size, by what was done and the batch."""
    rows: dict[tuple[str, int], Row] = {}
    async with AsyncExitStack() as stack:
        stands = {str(each): await _stand(stack, engine, each, quick) for each in {BASE, size}}
        for what, way in (("decision", _one_by_one), ("decision, busy", _busy)):
            for batch, target in TARGETS.items():
                report.say(f"scripts: {what}{suffix}, {size} deployments, {batch} at once")
                taken = await _taken(stands, way, batch)
                most = f"≤ {target if size <= BASE else 3 * target} µs"
                told = figures(taken[str(size)], taken[str(BASE)])
                rows[what, batch] = (what + suffix, size, batch, *told, most)
    return rows


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
    return paired(await in_turns(measures, stands[str(BASE)].meter.turns))


def _one_by_one(stand: Stand, batch: int) -> Callable[[int], Awaitable[object]]:
    return lambda number: stand.pool.decisions(number, batch)


def _busy(stand: Stand, batch: int) -> Callable[[int], Awaitable[object]]:
    return Busy(stand.pool, stand.operator, batch).decisions
