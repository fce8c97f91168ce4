"""Server time of a decision by the size of its group, one by one and in batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from tests.bench.meter import COLUMNS, NOTE, Meter, figures
from tests.bench.questions import Pool, opened
from tests.bench.report import Report, Table
from tests.bench.stage import Stage

SIZES, QUICK_SIZES = (3, 10, 32, 100, 1_000, 10_000), (3, 10, 100)
BASE, BATCH = "10", 64
TARGETS = {1: 100, BATCH: 40}  # µs with 10 deployments; with more, at most three times that


async def scripts(where: Stage, report: Report, quick: bool) -> None:
    """Acquire and settle; at most 32 candidates travel, whatever the size."""
    note = "x base: against 10 deployments in the same batch size."
    table = Table("scripts", "Server time of a decision (acquire and settle)", COLUMNS, notes=(NOTE, note))
    sizes = QUICK_SIZES if quick else SIZES
    async with AsyncExitStack() as stack:
        meter = Meter(stack.enter_context(where.server.operator()), quick)
        pools = {}
        for size in sizes:
            report.say(f"scripts: registering {size} deployments")
            pools[size] = await stack.enter_async_context(opened(where, f"bench-{size}", size))
        for batch, target in TARGETS.items():
            report.say(f"scripts: {batch} at once")
            taken = await meter.taken({str(size): meter.of(_decisions(pools[size], batch)) for size in sizes})
            for size in sizes:
                most = f"≤ {target if size <= 10 else 3 * target} µs"
                table.rows.append(("decision", size, batch, *figures(taken[str(size)], taken[BASE]), most))
    report.add(table)


def _decisions(asked: Pool, concurrent: int) -> Callable[[int], Awaitable[object]]:
    return lambda number: asked.decisions(number, concurrent)
