"""Server time of a decision by the size of its group, one by one and in batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from tests.bench.busy import Busy
from tests.bench.meter import COLUMNS, NOTE, Meter, figures
from tests.bench.questions import Pool, opened
from tests.bench.report import Report, Table
from tests.bench.rounds import Taken
from tests.bench.stage import Stage

SIZES, QUICK_SIZES = (3, 10, 32, 100, 1_000, 10_000), (3, 10, 100)
BASE, BATCH = "10", 64
TARGETS = {1: 100, BATCH: 40}  # µs with 10 deployments; with more, at most three times that


async def scripts(where: Stage, report: Report, quick: bool) -> None:
    """Acquire and settle; at most 32 candidates travel, whatever the size."""
    note = "x base: against 10 deployments of the same kind. busy: the server never idles between two (bench/busy.py)."
    table = Table("scripts", "Server time of a decision (acquire and settle)", COLUMNS, notes=(NOTE, note))
    sizes = QUICK_SIZES if quick else SIZES
    async with AsyncExitStack() as stack:
        operator = stack.enter_context(where.server.operator())
        meter, pools = Meter(operator, quick), {}
        for size in sizes:
            report.say(f"scripts: registering {size} deployments")
            pools[size] = await stack.enter_async_context(opened(where, f"bench-{size}", size))
        for batch in TARGETS:
            report.say(f"scripts: {batch} at once")
            taken = await meter.taken({str(size): meter.of(_decisions(pools[size], batch)) for size in sizes})
            _tell(table, "decision", batch, taken)
        report.say("scripts: a busy server")
        busy = {str(size): meter.of(Busy(pools[size], operator).decisions) for size in sizes}
        _tell(table, "decision, busy", 1, await meter.taken(busy, busy=True))
    report.add(table)


def _tell(table: Table, what: str, batch: int, taken: dict[str, tuple[Taken, Taken]]) -> None:
    for size, of in taken.items():
        most = f"≤ {TARGETS[batch] if int(size) <= 10 else 3 * TARGETS[batch]} µs"
        table.rows.append((what, int(size), batch, *figures(of, taken[BASE]), most))


def _decisions(asked: Pool, concurrent: int) -> Callable[[int], Awaitable[object]]:
    return lambda number: asked.decisions(number, concurrent)
